#include <fmt/format.h>
#include <onnx/defs/parser.h>
#include <onnx/defs/printer.h>

#include "base/error.h"
#include "onnx/onnx.h"
#include "onnx/protos.h"
#include "onnx/serialize.h"

namespace olivine::onnx {

::onnx::ModelProto parsed_proto(const std::string& message) {
  ::onnx::ModelProto proto;
  if (!proto.ParseFromString(message)) {
    throw Error(ErrorCode::conversion,
                "the model's structure exceeds what protobuf can hold: 2 GB, or subgraphs 30 deep");
  }
  return proto;
}

::onnx::ModelProto weightless_proto(const ir::Model& model, std::uint64_t limit) {
  return parsed_proto(serialize_weightless(model, limit));
}

ir::Model parse_model(std::string_view text) {
  ::onnx::ModelProto proto;
  const std::string source(text);
  const auto status = ::onnx::OnnxParser::Parse(proto, source.c_str());
  if (!status.IsOK()) {
    throw Error(ErrorCode::conversion, fmt::format("is not valid onnx text: {}", status.ErrorMessage()));
  }
  const std::string message = proto.SerializeAsString();
  const auto bytes = std::as_bytes(std::span(message));
  return read_model_bytes({bytes.begin(), bytes.end()});
}

std::string print_model(const ir::Model& model) { return ::onnx::ProtoToString(weightless_proto(model, 4096)); }

}  // namespace olivine::onnx

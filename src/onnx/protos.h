#pragma once

#include <google/protobuf/arena.h>
#include <onnx/onnx_pb.h>

#include <memory>
#include <string>
#include <string_view>

#include "onnx/onnx.h"

/// Inside the room: the bridges between the IR and onnx's own messages.
namespace olivine::onnx {

/// A ModelProto in an arena: a large graph is millions of small objects, and freeing them one by one took a tenth of a
/// run.
class ArenaModel {
 public:
  /// Throws Error[conversion] where protobuf refuses the message.
  explicit ArenaModel(const std::string& message);

  ::onnx::ModelProto& operator*() const { return *proto_; }
  ::onnx::ModelProto* operator->() const { return proto_; }

 private:
  std::unique_ptr<google::protobuf::Arena> arena_;
  ::onnx::ModelProto* proto_;
};

/// The model as onnx's C++ functions want it; payloads above `limit` bytes are left out (see serialize_weightless).
ArenaModel weightless_proto(const ir::Model& model, std::uint64_t limit = 1024);

/// The value of a serialized AttributeProto without graphs or external data.
ir::AttributeValue read_attribute_value(std::string_view message);

}  // namespace olivine::onnx

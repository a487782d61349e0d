#include <fmt/format.h>
#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include "base/error.h"
#include "onnx/onnx.h"
#include "onnx/protos.h"

namespace olivine::onnx {
namespace {

/// The library's messages speak of C++ call sites and trail off in blank lines; a user wants the sentence.
std::string cleaned(std::string message) {
  for (char& c : message) {
    if (c == '\n') c = ' ';
  }
  while (!message.empty() && message.back() == ' ') message.pop_back();
  std::size_t twice = 0;
  while ((twice = message.find("  ")) != std::string::npos) message.erase(twice, 1);
  return message;
}

void check_imports(const std::vector<ir::OpsetImport>& imports) {
  for (const ir::OpsetImport& import : imports) {
    const std::int64_t newest = newest_opset(import.domain);
    if (newest != 0 && import.version > newest) {
      throw Error(ErrorCode::conversion,
                  fmt::format("imports opset {} of {}, newer than the newest one known here, {}", import.version,
                              import.domain.empty() ? "ai.onnx" : import.domain, newest))
          .remedy("use a newer olivine, or export the model at an older opset");
    }
  }
}

}  // namespace

void check_opsets(const ir::Model& model) {
  check_imports(model.opset_imports);
  for (const auto& function : model.functions) {
    with_place(fmt::format("function '{}'", function->name), [&] { check_imports(function->opset_imports); });
  }
}

namespace {

::onnx::ModelProto checked_proto(const ir::Model& model) {
  check_opsets(model);
  ::onnx::ModelProto proto = weightless_proto(model);
  try {
    ::onnx::checker::check_model(proto);
  } catch (const std::exception& problem) {
    throw Error(ErrorCode::conversion, fmt::format("the model is not valid: {}", cleaned(problem.what())));
  }
  return proto;
}

}  // namespace

void check_structure(const ir::Model& model) { checked_proto(model); }

void check_model(const ir::Model& model) {
  ::onnx::ModelProto proto = checked_proto(model);
  try {
    ::onnx::shape_inference::InferShapes(proto, ::onnx::OpSchemaRegistry::Instance(),
                                         ::onnx::ShapeInferenceOptions(true, 1, true));
  } catch (const std::exception& problem) {
    throw Error(ErrorCode::conversion,
                fmt::format("the model's types contradict each other: {}", cleaned(problem.what())));
  }
}

}  // namespace olivine::onnx

#pragma once

#include <filesystem>
#include <string>

#include "ir/type.h"
#include "tensor/any_value.h"

/// The `.pb` files of ONNX's test data: one TensorProto, SequenceProto or OptionalProto without a model around it.
namespace olivine::onnx {

struct NamedValue {
  std::string name;  ///< of the proto; often empty
  tensor::AnyValue value;
};

/// Reads the file as what `type` says, since it doesn't say itself: a sequence, an optional, a map, else a tensor.
/// Payloads stay in the file. Error[io] when it cannot be opened, Error[conversion] when it does not hold one.
NamedValue read_value_file(const std::filesystem::path& path, const ir::Type& type);

/// The same for a tensor.
tensor::Tensor read_tensor_file(const std::filesystem::path& path);

}  // namespace olivine::onnx

#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace olivine::torch {

/// What a user wants an operator of his own to become: a node of a domain that his runtime knows, or a graph of ONNX's.
struct CustomOp {
  std::string op_type;
  std::string domain;
  std::int64_t version = 1;
  /// Names of the operator's arguments that become the node's (or graph's) inputs, in order; empty: all tensors.
  std::vector<std::string> inputs;
  /// Attribute of the node → argument of the operator.
  std::map<std::string, std::string> attributes;
  /// The graph that takes the node's place, where it is given.
  std::shared_ptr<const ir::Model> body;
};

/// By target: "mylib.my_op.default".
using CustomOps = std::map<std::string, CustomOp>;

/// Reads a mapping file:
///
///     {"mylib.my_op": {"op_type": "MyOp", "domain": "com.mine", "version": 1, "inputs": ["x", "weight"],
///                      "attributes": {"alpha": "scale"}},
///      "mylib.other.default": {"model": "other.onnx"}}
///
/// A target without an overload means "default"; a model's path is relative to the file. Models are brought to `opset`.
/// Error[config] that names file and key, Error[io] for what cannot be opened.
CustomOps read_custom_ops(const std::filesystem::path& path, std::int64_t opset);

class Call;

/// What a call becomes by its mapping. Its results' types are those that the program tells.
std::vector<ir::Value*> lower_custom(Call& call, const CustomOp& op);

}  // namespace olivine::torch

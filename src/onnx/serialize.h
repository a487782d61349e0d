#pragma once

#include "onnx/onnx.h"
#include "onnx/wire.h"

/// Inside the room: pieces of serializing that reading and inference need too.
namespace olivine::onnx {

using TensorPolicy = Placement;

wire::Writer type_message(const ir::Type& type);

/// Leaves out the payloads above `limit` bytes: such a tensor says that it lies in the file "#".
TensorPolicy weightless_policy(std::uint64_t limit);

/// A whole model, a GraphProto or a FunctionProto in one string; payloads that `policy` does not place elsewhere are
/// read into it.
std::string serialize_graph_message(const ir::Graph& graph, const TensorPolicy& policy);
std::string serialize_function_message(const ir::Function& function, const TensorPolicy& policy);
std::string serialize_in_memory(const ir::Model& model, const TensorPolicy& policy);

}  // namespace olivine::onnx

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "tensor/tensor.h"

/// Moves a model, or all of it but some nodes, from one floating-point type to another.
///
/// What each input and output may become is read from onnx's schemas and the inferred types: ports that share a type
/// variable move together, ports of one fixed type (Resize's scales) stay, outputs whose type an attribute tells move
/// with the attribute. Casts are put only where a value meets a user of the other type, one per value; constants are
/// stored in each type that is used. Computations on shapes stay as they are.
namespace olivine::passes {

struct PrecisionRequest {
  DataType from = DataType::float32;
  DataType to = DataType::float16;
  /// Nodes that stay as they are, with everything in their subgraphs.
  std::function<bool(const ir::Node&)> keep_node = [](const ir::Node&) { return false; };
  /// Inputs and outputs of the model that stay as they are.
  std::function<bool(const ir::Value&)> keep_io = [](const ir::Value&) { return false; };
  double max_finite = 0;    ///< see tensor::CastOptions
  double min_positive = 0;  ///< see tensor::CastOptions
};

struct ConvertedTensor {
  std::string name;
  std::shared_ptr<tensor::CastCounters> counters;
  std::uint64_t elements = 0;
};

/// A node that could have moved by the request but has ports that may not, and why.
struct KeptNode {
  std::string node;
  std::string reason;
};

struct PrecisionResult {
  bool changed = false;
  std::size_t converted_nodes = 0;
  std::size_t inserted_casts = 0;
  std::size_t removed_casts = 0;
  std::vector<ConvertedTensor> tensors;
  std::vector<KeptNode> kept;
};

PrecisionResult convert_precision(ir::Model& model, const PrecisionRequest& request);

}  // namespace olivine::passes

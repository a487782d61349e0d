#pragma once

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "onnx/onnx.h"
#include "passes/support/precision.h"

/// The first half of convert_precision: what each port is to be. Nothing is changed here.
namespace olivine::passes {

/// What an input wants or an output gives.
enum class Port : std::uint8_t {
  other,   ///< not of the type that is to move
  from,    ///< stays
  to,      ///< moves
  either,  ///< an input that takes whatever comes (Cast, Shape), an output that can be had in both types (a constant)
};

struct NodePlan {
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::optional<onnx::Schema> schema;  ///< of the operator, where it was looked at
};

struct PrecisionPlan {
  std::unordered_map<const ir::Node*, NodePlan> nodes;
  /// Graph inputs, of the model, of subgraphs and functions, that move.
  std::unordered_set<const ir::Value*> moved_inputs;
  /// Graphs whose outputs (by index) move.
  std::unordered_map<const ir::Graph*, std::vector<Port>> graph_outputs;
  std::vector<KeptNode> kept;

  /// What `value` is by itself once the plan is carried out; `either` for constants.
  Port given(const ir::Value& value, DataType from) const;
  Port wanted(const ir::Use& use) const;
};

/// `model`'s element types must be known: onnx::infer_element_types.
PrecisionPlan plan_precision(const ir::Model& model, const PrecisionRequest& request);
/// The same, and no sequence or optional would have to be cast: what convert_precision carries out.
PrecisionPlan plan_without_conflicts(const ir::Model& model, const PrecisionRequest& request);

/// The tensor of an initializer that isn't an input, or of a Constant node that holds one; else null.
const tensor::Tensor* constant_of(const ir::Value& value);

/// Whether the node passes elements on without computing: it goes with its neighbours.
bool moves_data(const ir::Node& node);

/// The attribute that tells the element type of an operator's output, or null: Cast's `to`, RandomNormal's `dtype` …
const char* dtype_attribute(const onnx::Schema& schema);

}  // namespace olivine::passes

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "onnx/onnx.h"

/// Types and shapes inferred in the IR itself, one node after the other, while somebody evaluates values on the way: a
/// Reshape whose target was computed from shapes gets its shape in the same walk. The cost is linear in the nodes.
namespace olivine::onnx {

/// Who knows values. All of its functions are called in the order of the walk.
class Evaluator {
 public:
  virtual ~Evaluator() = default;

  /// All elements of `value` when they are known and few; null otherwise.
  virtual const tensor::Tensor* constant(const ir::Value& value) = 0;
  /// The elements of a one-dimensional integer tensor as dimensions, each a number, a symbol or unknown; nothing when
  /// not even their number is known.
  virtual std::optional<ir::Shape> elements(const ir::Value& value) = 0;

  /// A node that is about to be inferred. Whoever puts other nodes in its place returns the one to go on with (null:
  /// none is left in the graph). Not called inside functions: there a node stands for all calls.
  virtual ir::Node* enter(ir::Node& node) { return &node; }
  /// A node of opset `opset` of its domain whose outputs have just got their types.
  virtual void leave(const ir::Node& node, std::int64_t opset) = 0;

  /// In the call that is about to be walked, the function's input `formal` is `actual`; null: it isn't known, or
  /// differs between calls.
  virtual void bind(const ir::Value& formal, const ir::Value* actual) = 0;
};

/// What a walk found wrong; the walk goes on.
struct WalkReport {
  struct Contradiction {
    const ir::Value* value;
    ir::Type declared;
    ir::Type inferred;  ///< it has won
  };
  /// Shapes that the file tells otherwise than inference does.
  std::vector<Contradiction> contradictions;
  struct Refusal {
    const ir::Node* node;
    std::string reason;
  };
  /// Nodes that cannot take the inputs that they have.
  std::vector<Refusal> refusals;
};

/// Every node's output types, from its inputs' types and values: nested graphs and function bodies included. What the
/// file says is kept where inference knows less. A function's body gets what all of its calls agree on. Graphs must be
/// in topological order.
WalkReport infer_in_order(ir::Model& model, Evaluator& evaluator);

/// The same for nodes that are made after such a walk, one at a time.
class NodeInference {
 public:
  /// Both must outlive it.
  NodeInference(ir::Model& model, Evaluator& evaluator);
  ~NodeInference();

  /// Gives types to a node's outputs; the node's graphs, if it has any, are walked too. Returns why the node cannot
  /// take the inputs that it has, else nothing.
  std::optional<std::string> infer(ir::Node& node, const std::vector<ir::OpsetImport>& imports);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The function by which onnx defines an operator, written for `opset` or an older one that its `opset_imports` tell;
/// nothing for an operator without. Some depend on the node's attributes and on its inputs' types and values.
/// References to attributes are left as they are; those that the node doesn't set stand for the schema's defaults.
std::optional<ir::Function> function_body(const ir::Node& node, std::int64_t opset, Evaluator& evaluator);

}  // namespace olivine::onnx

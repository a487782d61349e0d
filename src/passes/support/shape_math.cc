#include "passes/support/shape_math.h"

#include "onnx/onnx.h"

namespace olivine::passes {
namespace {

using ir::Node;
using ir::Value;

bool is_constant(const Value& value) {
  return (value.is_initializer() && !value.is_graph_input()) || (value.producer() && value.producer()->is("Constant"));
}

class ShapeMath {
 public:
  explicit ShapeMath(const ir::Model& model) : model_(model) {}

  std::unordered_set<const Node*> run() {
    visit(*model_.graph, nullptr);
    for (const auto& function : model_.functions) visit(*function->body, function.get());
    return std::move(nodes_);
  }

 private:
  void visit(const ir::Graph& graph, const ir::Function* function) {
    for (const Node& node : graph.nodes()) {
      if (node.is("Shape") || node.is("Size") || computes_with_sizes(node, function)) nodes_.insert(&node);
      for (const ir::Graph* body : node.subgraphs()) visit(*body, function);
    }
  }

  bool is_size(const Value& value) const { return value.producer() && nodes_.contains(value.producer()); }

  /// The elements come from the inputs that have the output's type variable: Reshape's target is not among them.
  bool computes_with_sizes(const Node& node, const ir::Function* function) const {
    bool any = false;
    for (const Value* input : node.inputs()) any = any || (input && is_size(*input));
    if (!any || !node.subgraphs().empty()) return false;
    if (node.is("Cast")) return true;
    const auto schema = onnx::find_schema(node, model_, function);
    if (!schema || schema->output(0) == nullptr) return false;
    bool from_sizes = false;
    for (std::size_t i = 0; i < node.inputs().size(); ++i) {
      const Value* input = node.input(i);
      const onnx::Parameter* parameter = schema->input(i);
      if (input == nullptr || parameter == nullptr || parameter->type_variable != schema->output(0)->type_variable)
        continue;
      if (!is_size(*input) && !is_constant(*input)) return false;
      from_sizes = from_sizes || is_size(*input);
    }
    return from_sizes;
  }

  const ir::Model& model_;
  std::unordered_set<const Node*> nodes_;
};

}  // namespace

std::unordered_set<const Node*> find_shape_math(const ir::Model& model) { return ShapeMath(model).run(); }

}  // namespace olivine::passes

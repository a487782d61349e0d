#include <fmt/format.h>

#include <array>

#include "torch/aten/families.h"

/// Operators of higher order: they have graphs among their arguments.
namespace olivine::torch {
namespace {

/// The graph argument number `index`, not counting others.
const Graph& graph_argument(Call& c, std::size_t index) {
  for (const NamedArgument& input : c.node().inputs) {
    if (const auto* graph = input.value.as<GraphArgument>()) {
      if (index-- == 0) return *graph->graph;
    }
  }
  c.refuse("a graph is missing among its arguments");
}

/// A region with its own settings (gradients, autocast) that mean nothing to inference: its calls are made in place.
Values region(Call& c) {
  Values inputs;
  bool after_graph = false;
  for (const NamedArgument& input : c.node().inputs) {
    if (input.value.as<GraphArgument>() != nullptr) {
      after_graph = true;
    } else if (after_graph) {
      for (ir::Value* value : c.values_of(input.value)) inputs.push_back(value);
    }
  }
  return c.inline_graph(graph_argument(c, 0), inputs);
}

/// cond(predicate, true graph, false graph, operands) as If. What the branches need they take from outside.
Values conditional(Call& c) {
  const Values operands = c.values_of(c.node().inputs.at(3).value);
  ir::Value* predicate = c.values_of(c.node().inputs.at(0).value).front();
  std::array<std::unique_ptr<ir::Graph>, 2> branches;
  std::size_t count = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    c.begin_graph();
    const Values outputs = c.inline_graph(graph_argument(c, i), operands);
    count = outputs.size();
    branches[i] = c.end_graph(outputs);
  }
  return c.emit_node("If", {c.as_scalar(c.cast(predicate, DataType::boolean))}, count, [&](ir::Node& node) {
    node.set("then_branch", std::move(branches[0]));
    node.set("else_branch", std::move(branches[1]));
  });
}

constexpr std::array kOps = {
    op("higher_order.wrap_with_set_grad_enabled", region),
    op("higher_order.wrap_with_autocast", region),
    op("higher_order.cond", conditional),
};

}  // namespace

Ops control_flow_ops() { return kOps; }

}  // namespace olivine::torch

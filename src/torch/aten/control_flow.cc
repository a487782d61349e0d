#include <fmt/format.h>

#include <array>

#include "torch/aten/families.h"
#include "torch/lowering.h"

/// Operators of higher order: they have graphs among their arguments. A graph takes from outside what it needs.
namespace olivine::torch {
namespace {

/// The graph argument number `index`, not counting others.
const Graph& graph_argument(Call& c, std::size_t index) {
  for (const NamedArgument& input : c.node().inputs) {
    const auto* graph = input.value.as<GraphArgument>();
    if (graph != nullptr && index-- == 0) return *graph->graph;
  }
  c.refuse("a graph is missing among its arguments");
}

/// The values of argument number `index`; none where it isn't given.
Values values_at(Call& c, std::size_t index) {
  return index < c.node().inputs.size() ? c.values_of(c.node().inputs[index].value) : Values();
}

/// The operands behind the graph.
Values operands_behind_graph(Call& c) {
  Values operands;
  bool is_behind = false;
  for (const NamedArgument& input : c.node().inputs) {
    if (input.value.as<GraphArgument>() != nullptr) {
      is_behind = true;
    } else if (is_behind && input.value.as<std::string>() == nullptr) {
      for (ir::Value* value : c.values_of(input.value)) operands.push_back(value);
    }
  }
  return operands;
}

/// A region with its own settings that mean nothing to inference: its calls are made in place.
Values region(Call& c) { return c.inline_graph(graph_argument(c, 0), operands_behind_graph(c)); }

/// wrap_with_autocast(device, dtype, enabled, cache, graph, operands …)
Values autocast_region(Call& c) {
  const auto* dtype = c.node().inputs.at(1).value.as<DataType>();
  const auto* enabled = c.node().inputs.at(2).value.as<bool>();
  const bool is_on = enabled == nullptr || *enabled;
  const DataType type = !is_on ? DataType::undefined : dtype != nullptr ? *dtype : DataType::bfloat16;
  return c.inline_graph(graph_argument(c, 0), operands_behind_graph(c), type);
}

ir::Value* as_condition(Call& c, ir::Value* value) { return c.as_scalar(c.cast(value, DataType::boolean)); }

/// cond(predicate, true graph, false graph, operands)
Values conditional(Call& c) {
  const Values operands = values_at(c, 3);
  const Values predicate = values_at(c, 0);
  if (predicate.size() != 1 || predicate.front() == nullptr) c.refuse("its condition is no single value");
  std::array<std::unique_ptr<ir::Graph>, 2> branches;
  std::size_t count = 0;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    c.begin_graph();
    const Values outputs = c.inline_graph(graph_argument(c, i), operands);
    count = outputs.size();
    branches[i] = c.end_graph(outputs);
  }
  return c.emit_node("If", {as_condition(c, predicate.front())}, count, [&](ir::Node& node) {
    node.set("then_branch", std::move(branches[0]));
    node.set("else_branch", std::move(branches[1]));
  });
}

/// An input of the graph that is being built, for argument `index` of a graph of the program.
ir::Value* state_input(Call& c, const Graph& graph, std::size_t index, const ir::Value* initial) {
  const auto* tensor = index < graph.inputs.size() ? graph.inputs[index].as<TensorName>() : nullptr;
  if (tensor == nullptr) return c.graph_input(c.dtype(initial), ir::Shape{std::int64_t{1}});
  return c.graph_input_like(graph.tensors.at(tensor->name));
}

/// while_loop(condition graph, body graph, carried, additional): the condition of the first turn is computed before the
/// loop, that of the next one at a turn's end.
Values while_loop(Call& c) {
  const Graph& condition = graph_argument(c, 0);
  const Graph& body = graph_argument(c, 1);
  const Values carried = values_at(c, 2);
  const Values additional = values_at(c, 3);
  const auto with_additional = [&](Values values) {
    values.insert(values.end(), additional.begin(), additional.end());
    return values;
  };
  const auto goes_on = [&](const Values& state) {
    return as_condition(c, c.inline_graph(condition, with_additional(state)).front());
  };
  ir::Value* first = goes_on(carried);
  c.begin_graph();
  c.graph_input(DataType::int64, ir::Shape{});
  c.graph_input(DataType::boolean, ir::Shape{});
  Values state;
  for (std::size_t i = 0; i < carried.size(); ++i) state.push_back(state_input(c, body, i, carried[i]));
  Values next = c.inline_graph(body, with_additional(state));
  next.insert(next.begin(), goes_on(next));
  std::unique_ptr<ir::Graph> graph = c.end_graph(next);
  Values inputs = {nullptr, first};
  inputs.insert(inputs.end(), carried.begin(), carried.end());
  return c.emit_node("Loop", inputs, carried.size(), [&](ir::Node& node) { node.set("body", std::move(graph)); });
}

/// A Scan along the first dimension of `sequences`: (state, slices, additional) → (state, slices).
Values scan_over(Call& c, const Values& state, const Values& sequences, const Values& additional) {
  const Graph& body = graph_argument(c, 0);
  c.begin_graph();
  Values inputs;
  for (std::size_t i = 0; i < state.size(); ++i) inputs.push_back(state_input(c, body, i, state[i]));
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    inputs.push_back(state_input(c, body, state.size() + i, sequences[i]));
  }
  inputs.insert(inputs.end(), additional.begin(), additional.end());
  const Values outputs = c.inline_graph(body, inputs);
  std::unique_ptr<ir::Graph> graph = c.end_graph(outputs);
  Values operands = state;
  operands.insert(operands.end(), sequences.begin(), sequences.end());
  return c.emit_node("Scan", operands, outputs.size(), [&](ir::Node& node) {
    node.set("body", std::move(graph));
    node.set("num_scan_inputs", static_cast<std::int64_t>(sequences.size()));
  });
}

/// map_impl(graph, sequences, additional)
Values map(Call& c) { return scan_over(c, {}, values_at(c, 1), values_at(c, 2)); }

/// scan(graph, state, sequences, additional)
Values scan(Call& c) { return scan_over(c, values_at(c, 1), values_at(c, 2), values_at(c, 3)); }

/// with_effects(token, operator, arguments …): the call, and a token that orders it among others of its kind. A graph
/// of ONNX has no effects to order.
Values with_effects(Call& c) {
  const auto& inputs = c.node().inputs;
  const auto* target = inputs.size() > 1 ? inputs[1].value.as<std::string>() : nullptr;
  if (target == nullptr) c.refuse("it does not name an operator");
  Values results = {nullptr};
  if (target->starts_with("aten._print.") || *target == "higher_order.print") return results;
  Node call = c.node();
  call.target = *target;
  call.inputs.erase(call.inputs.begin(), call.inputs.begin() + 2);
  call.outputs.erase(call.outputs.begin());
  const Values made = c.lowering().results_of(call);
  results.insert(results.end(), made.begin(), made.end());
  return results;
}

constexpr std::array kOps = {
    op("higher_order.wrap_with_set_grad_enabled", region),
    op("higher_order.wrap_with_autocast", autocast_region),
    op("higher_order.wrap", region),
    op("higher_order.tag_activation_checkpoint", region),
    op("higher_order.invoke_subgraph", region),
    op("higher_order.cond", conditional),
    op("higher_order.while_loop", while_loop),
    op("higher_order.map_impl", map),
    op("higher_order.scan", scan),
    op("higher_order.with_effects", with_effects),
};

}  // namespace

Ops control_flow_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <array>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// LSTM, GRU and plain recurrent layers, with PyTorch's weights in the order of ONNX's gates.
namespace olivine::torch {
namespace {

struct Kind {
  const char* op_type;
  std::vector<std::int64_t> gates;  ///< where PyTorch has each of ONNX's gates
  const char* activation;           ///< of a plain layer
};

const Kind kLstm = {"LSTM", {0, 3, 1, 2}, nullptr};  // input, output, forget, cell
const Kind kGru = {"GRU", {1, 0, 2}, nullptr};       // update, reset, new
const Kind kTanh = {"RNN", {0}, "Tanh"};
const Kind kRelu = {"RNN", {0}, "Relu"};

/// The weights of one layer in one direction.
struct Weights {
  ir::Value* input;
  ir::Value* hidden;
  ir::Value* input_bias;  ///< null where there are none
  ir::Value* hidden_bias;
  ir::Value* projection = nullptr;  ///< of the hidden state
};

/// [gates · hidden, …] with the gates in ONNX's order. A weight is rearranged here and now, without being read.
ir::Value* reordered(Call& c, ir::Value* weight, const Kind& kind) {
  if (kind.gates.size() == 1) return weight;
  const auto whole = c.find_dim(weight, 0);
  if (!whole) c.refuse("the size of its weights is known only when the model runs");
  const std::int64_t size = *whole / static_cast<std::int64_t>(kind.gates.size());
  if (const auto known = c.find_constant(weight)) {
    std::vector<tensor::Tensor> parts;
    for (const std::int64_t gate : kind.gates) {
      parts.push_back(tensor::slice(*known, 0, gate * size, (gate + 1) * size));
    }
    return c.constant(tensor::concat(parts, 0));
  }
  Values parts;
  for (const std::int64_t gate : kind.gates) parts.push_back(c.slice(weight, 0, gate * size, (gate + 1) * size));
  return c.concat(parts, 0);
}

/// Directions behind each other.
ir::Value* stacked(Call& c, const Values& parts) {
  const auto all_known = std::ranges::all_of(parts, [&](ir::Value* part) { return c.find_constant(part).has_value(); });
  if (!all_known) {
    Values rows;
    for (ir::Value* part : parts) rows.push_back(c.unsqueeze(part, {0}));
    return rows.size() == 1 ? rows.front() : c.concat(rows, 0);
  }
  std::vector<tensor::Tensor> rows;
  for (ir::Value* part : parts) {
    tensor::Tensor known = *c.find_constant(part);
    tensor::Dims dims = known.dims();
    dims.insert(dims.begin(), 1);
    rows.push_back(tensor::reshape(known, dims));
  }
  return c.constant(rows.size() == 1 ? rows.front() : tensor::concat(rows, 0));
}

ir::Value* joined(Call& c, ir::Value* first, ir::Value* second) {
  const auto a = c.find_constant(first);
  const auto b = c.find_constant(second);
  if (!a || !b) return c.concat({first, second}, 0);
  return c.constant(tensor::concat(std::array{*a, *b}, 0));
}

/// Zeros are what ONNX starts with anyway.
bool is_zero(Call& c, const ir::Value* value) {
  for (int depth = 0; depth < 8; ++depth) {
    if (const auto known = c.find_reals(value)) {
      return std::ranges::all_of(*known, [](double number) { return number == 0; });
    }
    const ir::Node* node = value->producer();
    if (node == nullptr) return false;
    if (node->is("ConstantOfShape")) {
      const tensor::Tensor* fill = node->tensor("value");
      const auto known = fill != nullptr ? tensor::as_doubles(*fill) : std::nullopt;
      return fill == nullptr || (known && std::ranges::all_of(*known, [](double number) { return number == 0; }));
    }
    const bool passes = node->is("Expand") || node->is("Slice") || node->is("Unsqueeze") || node->is("Reshape");
    if (!passes) return false;
    value = node->input(0);
  }
  return false;
}

/// A run of one layer: what goes in, in ONNX's order (time, batch, width).
struct Layer {
  ir::Value* x;
  std::vector<Weights> directions;
  ir::Value* hidden;          ///< [directions, batch, hidden], may be null: zeros
  ir::Value* cell = nullptr;  ///< of an LSTM
};

/// Y [time, directions, batch, hidden], the last hidden state and that of the cell.
Values run(Call& c, const Kind& kind, const Layer& layer) {
  Values inputs;
  Values recurrent;
  Values biases;
  for (const Weights& weights : layer.directions) {
    inputs.push_back(reordered(c, weights.input, kind));
    recurrent.push_back(reordered(c, weights.hidden, kind));
    if (weights.input_bias == nullptr) continue;
    biases.push_back(joined(c, reordered(c, weights.input_bias, kind), reordered(c, weights.hidden_bias, kind)));
  }
  const auto hidden_size = c.find_dim(layer.directions.front().hidden, 1);
  if (!hidden_size) c.refuse("the size of its weights is known only when the model runs");
  Values arguments = {layer.x, stacked(c, inputs), stacked(c, recurrent), biases.empty() ? nullptr : stacked(c, biases),
                      nullptr, layer.hidden};
  if (layer.cell != nullptr) arguments.push_back(layer.cell);
  const bool is_lstm = std::string_view(kind.op_type) == "LSTM";
  const bool is_both = layer.directions.size() == 2;
  return c.emit_node(kind.op_type, arguments, is_lstm ? 3 : 2, [&](ir::Node& node) {
    node.set("hidden_size", *hidden_size);
    if (is_both) node.set("direction", std::string("bidirectional"));
    if (std::string_view(kind.op_type) == "GRU") node.set("linear_before_reset", std::int64_t{1});
    if (kind.activation != nullptr && std::string_view(kind.activation) != "Tanh") {
      node.set("activations", std::vector<std::string>(layer.directions.size(), kind.activation));
    }
  });
}

// ---- Projected hidden states

/// One step of an LSTM whose hidden state is projected: gates · 4 as [batch, 4 · hidden], in PyTorch's order.
Values projected_step(Call& c, ir::Value* gates, ir::Value* hidden, ir::Value* cell, const Weights& weights) {
  gates = c.emit("Add", {gates, c.emit("MatMul", {hidden, c.transpose(weights.hidden, {1, 0})})});
  const Values parts = c.emit_many("Split", {gates}, 4, {{"axis", -1}, {"num_outputs", 4}});
  ir::Value* added = c.emit("Mul", {c.emit("Sigmoid", {parts[0]}), c.emit("Tanh", {parts[2]})});
  ir::Value* next = c.emit("Add", {c.emit("Mul", {c.emit("Sigmoid", {parts[1]}), cell}), added});
  ir::Value* seen = c.emit("Mul", {c.emit("Sigmoid", {parts[3]}), c.emit("Tanh", {next})});
  return {c.emit("MatMul", {seen, c.transpose(weights.projection, {1, 0})}), next};
}

/// One layer in one direction as a Scan over time: what LSTM makes, which has no projection.
Values projected_direction(Call& c, const Weights& weights, ir::Value* x, ir::Value* hidden, ir::Value* cell,
                           bool is_reverse) {
  ir::Value* gates = c.emit("MatMul", {x, c.transpose(weights.input, {1, 0})});
  if (weights.input_bias != nullptr) {
    gates = c.emit("Add", {gates, c.emit("Add", {weights.input_bias, weights.hidden_bias})});
  }
  const auto sizes_of = [](const ir::Value* value) { return value->type.tensor()->shape; };
  const DataType dtype = c.dtype(x);
  c.begin_graph();
  ir::Value* before = c.graph_input(dtype, sizes_of(hidden));
  ir::Value* cell_before = c.graph_input(dtype, sizes_of(cell));
  std::optional<ir::Shape> one = sizes_of(gates);
  if (one) one->erase(one->begin());
  ir::Value* step = c.graph_input(dtype, std::move(one));
  const Values after = projected_step(c, step, before, cell_before, weights);
  std::unique_ptr<ir::Graph> body = c.end_graph({after[0], after[1], after[0]});
  return c.emit_node("Scan", {hidden, cell, gates}, 3, [&](ir::Node& node) {
    node.set("body", std::move(body));
    node.set("num_scan_inputs", std::int64_t{1});
    if (!is_reverse) return;
    node.set("scan_input_directions", std::vector<std::int64_t>{1});
    node.set("scan_output_directions", std::vector<std::int64_t>{1});
  });
}

/// The same as `run`: Y, the last hidden states, the last states of the cells.
Values run_projected(Call& c, const Layer& layer) {
  std::array<Values, 3> parts;
  for (std::size_t i = 0; i < layer.directions.size(); ++i) {
    const auto state = [&](ir::Value* states) {
      const auto at = static_cast<std::int64_t>(i);
      return c.squeeze(c.slice(states, 0, at, at + 1), {0});
    };
    const Values one =
        projected_direction(c, layer.directions[i], layer.x, state(layer.hidden), state(layer.cell), i == 1);
    parts[0].push_back(c.unsqueeze(one[2], {1}));
    parts[1].push_back(c.unsqueeze(one[0], {0}));
    parts[2].push_back(c.unsqueeze(one[1], {0}));
  }
  const auto together = [&](const Values& values, std::int64_t axis) {
    return values.size() == 1 ? values.front() : c.concat(values, axis);
  };
  return {together(parts[0], 1), together(parts[1], 0), together(parts[2], 0)};
}

struct Stack {
  std::int64_t layers = 1;
  std::size_t directions = 1;
  std::vector<Weights> weights;  ///< layer by layer, direction by direction
};

Stack stack_of(Call& c) {
  Stack stack;
  stack.layers = c.integer("num_layers", 1);
  stack.directions = c.flag("bidirectional", false) ? 2 : 1;
  if (c.flag("train", false) && c.real("dropout", 0) > 0 && stack.layers > 1) c.refuse("its dropout is random");
  const Values params = c.tensors("params");
  const bool has_biases = c.flag("has_biases", true);
  const std::size_t count = static_cast<std::size_t>(stack.layers) * stack.directions;
  const std::size_t width = params.size() / count;
  const std::size_t plain = has_biases ? 4 : 2;
  if (params.size() % count != 0 || width < plain || width > plain + 1)
    c.refuse("its weights are not those of a layer");
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = [&](std::size_t offset) { return carried(c, params[i * width + offset]); };
    Weights weights = {at(0), at(1), has_biases ? at(2) : nullptr, has_biases ? at(3) : nullptr};
    if (width > plain) weights.projection = at(plain);
    stack.weights.push_back(weights);
  }
  return stack;
}

/// The states of one layer out of those of all; null where they are zeros.
ir::Value* state_of_layer(Call& c, ir::Value* states, const Stack& stack, std::int64_t layer) {
  if (stack.weights.front().projection == nullptr && is_zero(c, states)) return nullptr;
  if (stack.layers == 1) return states;
  const auto directions = static_cast<std::int64_t>(stack.directions);
  return c.slice(states, 0, layer * directions, (layer + 1) * directions);
}

/// [time, directions, batch, hidden] as [time, batch, directions · hidden].
ir::Value* side_by_side(Call& c, ir::Value* y, std::size_t directions) {
  if (directions == 1) return c.squeeze(y, {1});
  return merge_from(c, c.transpose(y, {0, 2, 1, 3}), 2);
}

/// All layers on a sequence [time, batch, width]: the same of the last one, then the last states of all.
Values run_all(Call& c, const Kind& kind, const Stack& stack, ir::Value* x, const Values& states) {
  std::vector<Values> last(states.size());
  for (std::int64_t layer = 0; layer < stack.layers; ++layer) {
    const auto first = stack.weights.begin() + layer * static_cast<std::int64_t>(stack.directions);
    Layer one = {x, {first, first + static_cast<std::int64_t>(stack.directions)}, nullptr};
    one.hidden = state_of_layer(c, states[0], stack, layer);
    if (states.size() == 2) one.cell = state_of_layer(c, states[1], stack, layer);
    const bool is_projected = stack.weights.front().projection != nullptr;
    const Values results = is_projected ? run_projected(c, one) : run(c, kind, one);
    x = side_by_side(c, results[0], stack.directions);
    for (std::size_t i = 0; i < states.size(); ++i) last[i].push_back(results[i + 1]);
  }
  Values results = {x};
  for (const Values& parts : last) results.push_back(parts.size() == 1 ? parts.front() : c.concat(parts, 0));
  return results;
}

Values states_of(Call& c) {
  Values states = c.tensors("hx");
  if (states.empty()) states = {c.tensor("hx")};
  for (ir::Value*& state : states) state = carried(c, state);
  return states;
}

template <const Kind& kind>
Values sequence(Call& c) {
  const Stack stack = stack_of(c);
  ir::Value* given = c.tensor("input");
  const bool batch_first = c.flag("batch_first", false);
  ir::Value* x = carried(c, given);
  if (batch_first) x = c.transpose(x, {1, 0, 2});
  Values results = run_all(c, kind, stack, x, states_of(c));
  if (batch_first) results[0] = c.transpose(results[0], {1, 0, 2});
  for (ir::Value*& result : results) result = c.cast(result, c.dtype(given));
  return results;
}

// ---- Cells

/// One step: [batch, width] or [width].
template <const Kind& kind>
Values cell(Call& c) {
  ir::Value* given = c.tensor("input");
  const bool has_batch = c.rank(given) == 2;
  const Ints added = has_batch ? Ints{0} : Ints{0, 1};
  const auto parameter = [&](std::string_view name) { return carried(c, c.find_tensor(name)); };
  Layer layer = {c.unsqueeze(carried(c, given), added),
                 {{parameter("w_ih"), parameter("w_hh"), parameter("b_ih"), parameter("b_hh")}},
                 nullptr};
  const Values states = states_of(c);
  const auto prepared = [&](ir::Value* state) { return is_zero(c, state) ? nullptr : c.unsqueeze(state, added); };
  layer.hidden = prepared(states[0]);
  if (states.size() == 2) layer.cell = prepared(states[1]);
  const Values all = run(c, kind, layer);
  Values results;
  for (std::size_t i = 1; i < all.size(); ++i) {
    results.push_back(c.cast(c.squeeze(all[i], added), c.dtype(given)));
  }
  return results;
}

constexpr std::array kOps = {
    op("aten.lstm.input", sequence<kLstm>),        op("aten.gru.input", sequence<kGru>),
    op("aten.rnn_tanh.input", sequence<kTanh>),    op("aten.rnn_relu.input", sequence<kRelu>),
    op("aten.lstm_cell.default", cell<kLstm>),     op("aten.gru_cell.default", cell<kGru>),
    op("aten.rnn_tanh_cell.default", cell<kTanh>), op("aten.rnn_relu_cell.default", cell<kRelu>),
};

}  // namespace

Ops recurrent_ops() { return kOps; }

}  // namespace olivine::torch

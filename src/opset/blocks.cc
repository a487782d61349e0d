#include "opset/blocks.h"

#include <algorithm>

namespace olivine::opset {

ir::Value* filled(Step& s, ir::Value* dims, double value, DataType dtype) {
  if (s.opset() < 9) return s.emit("Expand", {s.number(value, dtype), dims});
  const auto one = tensor::cast(tensor::from_values<double>(DataType::float64, {1}, std::vector{value}), dtype);
  return s
      .emit_node("ConstantOfShape", {dims}, 1,
                 [&](ir::Node& node) {
                   auto element = tensor::from_bytes(dtype, one.dims(), tensor::evaluate(one));
                   node.set("value", ir::NamedTensor{"", std::move(element), {}});
                 })
      .front();
}

ir::Value* smaller(Step& s, ir::Value* a, ir::Value* b) {
  return s.opset() >= 12 ? s.emit("Min", {a, b}) : s.emit("Where", {s.emit("Less", {a, b}), a, b});
}

ir::Value* larger(Step& s, ir::Value* a, ir::Value* b) {
  return s.opset() >= 12 ? s.emit("Max", {a, b}) : s.emit("Where", {s.emit("Less", {a, b}), b, a});
}

ir::Value* from_start(Step& s, ir::Value* indices, ir::Value* size) {
  const DataType dtype = s.dtype(indices);
  const auto known = s.find_ints(indices);
  if (known && std::ranges::all_of(*known, [](std::int64_t index) { return index >= 0; })) return indices;
  ir::Value* shifted = s.emit("Add", {indices, s.cast(size, dtype)});
  return s.emit("Where", {s.emit("Less", {indices, s.number(0, dtype)}), shifted, indices});
}

ir::Value* part(Step& s, ir::Value* vector, std::int64_t begin, std::int64_t end) {
  if (s.find_dim(vector, 0) == end && begin == 0) return vector;
  Ints positions;
  for (std::int64_t i = begin; i < end; ++i) positions.push_back(i);
  return s.emit("Gather", {vector, s.ints(positions)}, {{"axis", 0}});
}

ir::Value* element(Step& s, ir::Value* list, std::int64_t index, std::int64_t axis) {
  return s.emit("Gather", {list, s.ints({index})}, {{"axis", axis}});
}

ir::Value* joined(Step& s, Values vectors) {
  return vectors.size() == 1 ? vectors.front() : s.concat(std::move(vectors), 0);
}

ir::Value* rank_value(Step& s, ir::Value* value) {
  if (const auto rank = s.find_rank(value)) return s.ints({*rank});
  return s.shape(s.shape(value));
}

// i is among axes <=> any of axes equals i or i - rank
ir::Value* among_axes(Step& s, ir::Value* axes, ir::Value* rank) {
  ir::Value* all = s.range(rank);
  ir::Value* column = s.reshape(from_start(s, axes, rank), {-1, 1});
  ir::Value* equal = s.cast(s.emit("Equal", {column, all}), DataType::int32);
  // A sum, other than a maximum, is defined of no axes at all.
  ir::Value* count = s.reduce("ReduceSum", equal, {0}, false);
  return s.emit("Less", {s.number(0, DataType::int32), count});
}

ir::Value* product(Step& s, ir::Value* dims) { return s.reduce("ReduceProd", dims, {0}, true); }

bool may_be_empty(Step& s, const ir::Value* value) {
  const auto dims = s.find_dims(value);
  return !dims || std::ranges::find(*dims, 0) != dims->end();
}

namespace {

/// 1 in place of every 0 but the first, which becomes -1: what has no elements takes that shape before opset 14.
ir::Value* without_zeros(Step& s, ir::Value* dims, ir::Value* is_zero) {
  ir::Value* first = s.emit("ArgMax", {s.cast(is_zero, DataType::int32)}, {{"axis", 0}, {"keepdims", 1}});
  ir::Value* is_first = s.emit("Equal", {s.range(s.shape(dims)), first});
  ir::Value* stand_in = s.emit("Where", {is_first, s.ints({-1}), s.ints({1})});
  return s.emit("Where", {is_zero, stand_in, dims});
}

}  // namespace

// Before opset 14 a 0 copies the dimension that stands there in the input. Only what has no elements can have a
// dimension without any: the first such becomes -1, which then comes out as 0, and Expand makes 0 of the others' 1.
ir::Value* reshape_to(Step& s, ir::Value* value, ir::Value* dims) {
  const auto known = s.find_ints(dims);
  const bool plain = known && std::ranges::find(*known, 0) == known->end();
  if (plain || !may_be_empty(s, value)) return s.emit("Reshape", {value, dims});
  if (s.opset() >= 14) return s.emit("Reshape", {value, dims}, {{"allowzero", 1}});
  if (known && std::ranges::count(*known, 0) == 1) {
    Ints inferred = *known;
    std::ranges::replace(inferred, std::int64_t{0}, std::int64_t{-1});
    return s.reshape(value, inferred);
  }
  ir::Value* is_zero = s.emit("Equal", {dims, s.ints({0})});
  ir::Value* reshaped = s.emit("Reshape", {value, without_zeros(s, dims, is_zero)});
  return s.emit("Expand", {reshaped, s.emit("Where", {is_zero, s.ints({0}), s.ints({1})})});
}

ir::Value* of_rank(ir::Value* value, std::int64_t rank) {
  ir::TensorType* tensor = value->type.tensor();
  if (tensor != nullptr && !tensor->shape) tensor->shape.emplace(static_cast<std::size_t>(rank));
  return value;
}

ir::Value* along(Step& s, ir::Value* vector, std::int64_t axis, std::int64_t rank) {
  if (axis == rank - 1) return vector;
  Ints dims(static_cast<std::size_t>(rank - axis), 1);
  dims.front() = -1;
  return s.reshape(vector, dims);
}

void count_from_start(Step& s, std::string_view attribute, const ir::Value* ranked, std::int64_t more) {
  if (!s.has(attribute) && !s.schema().has_attribute(attribute)) return;
  if (auto axes = s.integers(attribute)) {
    if (std::ranges::all_of(*axes, [](std::int64_t axis) { return axis >= 0; })) return;
    for (std::int64_t& axis : *axes) axis = s.positive_axis(axis, s.rank(ranked) + more);
    s.node().set(std::string(attribute), *axes);
  } else if (const std::int64_t axis = s.integer(attribute); axis < 0) {
    s.node().set(std::string(attribute), s.positive_axis(axis, s.rank(ranked) + more));
  }
}

void drop_consumed_inputs(Step& s) { s.node().remove("consumed_inputs"); }

void axis_from_start(Step& s) { count_from_start(s, "axis", s.input(0)); }

// ---- Graphs

Body::Body(Step& s) : step_(s), graph_(std::make_unique<ir::Graph>()) {
  graph_->name = s.node().graph().unique_name("body");
}

ir::Value* Body::input(DataType dtype, std::optional<ir::Shape> shape) {
  return &graph_->add_input(step_.node().graph().unique_name("part"), ir::tensor_type(dtype, std::move(shape)));
}

ir::Value* Body::emit(std::string op_type, Values inputs, const Attrs& attributes) {
  const std::string name = step_.node().graph().unique_name(op_type);
  ir::Node& node = graph_->append(std::move(op_type), std::move(inputs));
  for (const Attr& attribute : attributes) {
    node.set(std::string(attribute.name), attribute.value());
  }
  return node.add_output(name);
}

void Body::output(ir::Value* value, const ir::Type& type) {
  value->type = type;
  value->listed = true;
  graph_->add_output(*value);
}

Values emit_scan(Step& s, const ScanPlan& plan, const std::function<Values(Body&, ir::Value*, const Values&)>& fill) {
  const auto shape_of = [&](const ir::Value* value, bool slice) -> std::optional<ir::Shape> {
    const ir::TensorType* tensor = value->type.tensor();
    if (tensor == nullptr || !tensor->shape) return std::nullopt;
    ir::Shape shape = *tensor->shape;
    if (slice) shape.erase(shape.begin() + plan.axis);
    return shape;
  };
  Body body(s);
  ir::Value* state = body.input(s.dtype(plan.state), shape_of(plan.state, false));
  Values slices;
  for (const ir::Value* sequence : plan.sequences) {
    slices.push_back(body.input(s.dtype(sequence), shape_of(sequence, true)));
  }
  const Values results = fill(body, state, slices);
  for (std::size_t i = 0; i < results.size(); ++i) body.output(results[i], i == 0 ? state->type : slices[0]->type);
  Values inputs = {plan.state};
  inputs.insert(inputs.end(), plan.sequences.begin(), plan.sequences.end());
  const auto set = [&](ir::Node& node) {
    node.set("num_scan_inputs", static_cast<std::int64_t>(plan.sequences.size()));
    if (plan.axis != 0) node.set("scan_input_axes", Ints(plan.sequences.size(), plan.axis));
    if (plan.backwards) node.set("scan_input_directions", Ints(plan.sequences.size(), 1));
    if (plan.axis != 0 && plan.outputs > 0) node.set("scan_output_axes", Ints(plan.outputs, plan.axis));
    if (plan.backwards && plan.outputs > 0) node.set("scan_output_directions", Ints(plan.outputs, 1));
    node.set("body", body.take());
  };
  return s.emit_node("Scan", std::move(inputs), 1 + plan.outputs, set);
}

}  // namespace olivine::opset

#include <array>
#include <limits>

#include "torch/aten/families.h"
#include "torch/aten/reduce.h"
#include "torch/aten/scan.h"
#include "torch/aten/shapes.h"

/// What is accumulated along an axis: sums, products, extremes.
namespace olivine::torch {

Values scan_along(Call& c, ir::Value* value, std::int64_t axis, const Values& initial, std::size_t kept,
                  const ScanStep& step) {
  const std::int64_t rank = c.rank(value);
  Values sizes;
  ir::Shape slice_shape = *value->type.tensor()->shape;
  slice_shape.erase(slice_shape.begin() + axis);
  for (std::int64_t i = 0; i < rank; ++i) {
    if (i != axis) sizes.push_back(c.size(value, i));
  }
  Values inputs;
  for (ir::Value* state : initial) {
    inputs.push_back(sizes.empty() ? state : c.expand_to(state, sizes.size() == 1 ? sizes[0] : c.concat(sizes, 0)));
  }
  inputs.push_back(value);
  c.begin_graph();
  Values states;
  for (ir::Value* state : initial) states.push_back(c.graph_input(c.dtype(state), slice_shape));
  ir::Value* slice = c.graph_input(c.dtype(value), slice_shape);
  Values outputs = step(states, slice);
  for (std::size_t i = 0; i < kept; ++i) outputs.push_back(outputs[i]);
  std::unique_ptr<ir::Graph> body = c.end_graph(outputs);
  const Values results = c.emit_node("Scan", inputs, outputs.size(), [&](ir::Node& node) {
    node.set("body", std::move(body));
    node.set("num_scan_inputs", std::int64_t{1});
    node.set("scan_input_axes", Ints{axis});
    node.set("scan_output_axes", Ints(kept, axis));
  });
  return {results.begin() + static_cast<std::ptrdiff_t>(initial.size()), results.end()};
}

namespace {

/// `self` in the type that its sums or products have.
ir::Value* operand(Call& c) {
  ir::Value* self = c.tensor("self");
  return c.cast(self, c.dtype_argument("dtype").value_or(sum_type(c.dtype(self))));
}

bool has_no_elements(Call& c, ir::Value* value, std::int64_t axis) { return c.find_dim(value, axis) == 0; }

ir::Value* cumsum(Call& c) {
  ir::Value* value = operand(c);
  if (c.rank(value) == 0) return value;
  const DataType dtype = c.dtype(value);
  const bool is_native = is_float(dtype) || dtype == DataType::int32 || dtype == DataType::int64;
  if (!is_native) value = c.cast(value, DataType::int64);
  return c.cast(c.emit("CumSum", {value, c.integer_scalar(axis_argument(c, "dim", -1, c.rank(value)))}), dtype);
}

ir::Value* cumprod(Call& c) {
  ir::Value* value = operand(c);
  if (c.rank(value) == 0) return value;
  const std::int64_t axis = axis_argument(c, "dim", -1, c.rank(value));
  if (has_no_elements(c, value, axis)) return value;
  if (c.opset() >= 26) return c.emit("CumProd", {value, c.integer_scalar(axis)});
  const DataType dtype = c.dtype(value);
  const DataType wide = is_float(dtype) ? accumulation_type(dtype) : DataType::int64;
  const auto step = [&](const Values& states, ir::Value* slice) { return Values{c.emit("Mul", {states[0], slice})}; };
  ir::Value* one = c.cast(c.integer_scalar(1), wide);
  return c.cast(scan_along(c, c.cast(value, wide), axis, {one}, 1, step).front(), dtype);
}

/// log(exp(x₀) + … + exp(xᵢ)) for each i, without leaving the range of floats.
ir::Value* logcumsumexp(Call& c) {
  ir::Value* self = c.tensor("self");
  if (c.rank(self) == 0) return self;
  const std::int64_t axis = axis_argument(c, "dim", -1, c.rank(self));
  if (has_no_elements(c, self, axis)) return self;
  const DataType dtype = c.dtype(self);
  const DataType wide = accumulation_type(dtype);
  const auto step = [&](const Values& states, ir::Value* slice) {
    ir::Value* greater = c.emit("Max", {states[0], slice});
    ir::Value* smaller = c.emit("Min", {states[0], slice});
    // Of equal infinities the difference would be NaN.
    ir::Value* difference =
        c.where(c.emit("Equal", {greater, smaller}), c.number(0, wide), c.emit("Sub", {smaller, greater}));
    ir::Value* grown = c.emit("Log", {c.emit("Add", {c.emit("Exp", {difference}), c.number(1, wide)})});
    return Values{c.emit("Add", {greater, grown})};
  };
  ir::Value* least = c.number(-std::numeric_limits<double>::infinity(), wide);
  return c.cast(scan_along(c, c.cast(self, wide), axis, {least}, 1, step).front(), dtype);
}

/// Of equals the last one is it; NaN is greater and smaller than all else.
template <bool greatest>
Values cumulative_extreme(Call& c) {
  ir::Value* self = c.tensor("self");
  if (c.rank(self) == 0) return {self, c.integer_scalar(0)};
  const std::int64_t axis = axis_argument(c, "dim", -1, c.rank(self));
  if (has_no_elements(c, self, axis)) return {self, c.cast(self, DataType::int64)};
  const DataType dtype = c.dtype(self);
  const DataType wide = is_float(dtype) ? accumulation_type(dtype) : DataType::int64;
  ir::Value* first = nullptr;
  if (is_float(wide)) {
    const double infinity = std::numeric_limits<double>::infinity();
    first = c.number(greatest ? -infinity : infinity, wide);
  } else {
    using Limits = std::numeric_limits<std::int64_t>;
    first = c.integer_scalar(greatest ? Limits::min() : Limits::max());
  }
  const auto step = [&](const Values& states, ir::Value* slice) {
    ir::Value* is_new = c.emit(greatest ? "GreaterOrEqual" : "LessOrEqual", {slice, states[0]});
    if (is_float(wide)) is_new = c.emit("Or", {is_new, c.emit("IsNaN", {slice})});
    ir::Value* next = c.emit("Add", {states[2], c.integer_scalar(1)});
    return Values{c.where(is_new, slice, states[0]), c.where(is_new, states[2], states[1]), next};
  };
  ir::Value* zero = c.integer_scalar(0);
  const Values results = scan_along(c, c.cast(self, wide), axis, {first, zero, zero}, 2, step);
  return {c.cast(results[0], dtype), results[1]};
}

constexpr std::array kOps = {
    op("aten.cumsum.default", cumsum),
    op("aten.cumprod.default", cumprod),
    op("aten.logcumsumexp.default", logcumsumexp),
    op("aten.cummax.default", cumulative_extreme<true>),
    op("aten.cummin.default", cumulative_extreme<false>),
};

}  // namespace

Ops cumulative_ops() { return kOps; }

}  // namespace olivine::torch

#include <array>
#include <limits>

#include "torch/aten/families.h"
#include "torch/aten/reduce.h"
#include "torch/aten/search.h"
#include "torch/promote.h"

/// What is asked of elements as members of a set: which there are, where they belong in an order.
namespace olivine::torch {

ir::Value* places_among(Call& c, ir::Value* value, ir::Value* boundaries, bool right, DataType dtype) {
  const DataType common = promote_types(c.dtype(value), c.dtype(boundaries));
  if (common == DataType::undefined) c.refuse("PyTorch promotes its arguments to no common type");
  value = c.unsqueeze(c.cast(value, common), {c.rank(value)});
  boundaries = c.cast(boundaries, common);
  if (c.rank(boundaries) > 1) boundaries = c.unsqueeze(boundaries, {c.rank(boundaries) - 1});
  // NaN stands behind all: what is counted is the opposite of a comparison.
  ir::Value* behind = c.emit("Not", {c.emit(right ? "Greater" : "GreaterOrEqual", {boundaries, value})});
  return c.reduce("ReduceSum", c.cast(behind, dtype), {c.rank(behind) - 1}, false);
}

namespace {

// ---- Unique

DataType unique_carrier(DataType dtype) {
  if (dtype == DataType::boolean) return DataType::int8;
  return is_integer(dtype) && dtype != DataType::int8 ? DataType::int64 : dtype;
}

/// A result that wasn't asked for is an empty one.
bool is_left_out(Call& c, std::size_t index) { return c.result(index).sizes == ir::Shape{std::int64_t{0}}; }

/// The values, the inverse in the shape of `self` or along the axis, the counts; in ascending order.
Values unique_of(Call& c, ir::Value* self, std::optional<std::int64_t> axis) {
  const DataType dtype = c.dtype(self);
  Attrs attributes = {{"sorted", 1}};
  if (axis) attributes.emplace_back("axis", *axis);
  const Values found = c.emit_many("Unique", {c.cast(self, unique_carrier(dtype))}, 4, attributes);
  return {c.cast(found[0], dtype), axis ? found[2] : c.reshape_to(found[2], c.sizes(self)), found[3]};
}

Values with_left_out(Call& c, Values results) {
  if (c.result().sizes.size() != static_cast<std::size_t>(c.rank(results[0]))) {
    c.refuse("the export of PyTorch gets its sizes wrong for a negative dim: count the axis from the start");
  }
  for (std::size_t i = 1; i < results.size(); ++i) {
    if (is_left_out(c, i)) results[i] = c.ints({});
  }
  return results;
}

Values unique(Call& c) { return with_left_out(c, unique_of(c, c.tensor("self"), std::nullopt)); }

Values unique_with_inverse(Call& c) {
  Values results = unique_of(c, c.tensor("self"), std::nullopt);
  results.pop_back();
  return with_left_out(c, results);
}

Values unique_dim(Call& c) {
  ir::Value* self = c.tensor("self");
  return with_left_out(c, unique_of(c, self, c.positive_axis(c.integer("dim"), c.rank(self))));
}

/// A run of equals becomes one: what begins runs is what differs from the one before, and the first.
Values unique_consecutive(Call& c) {
  ir::Value* self = c.tensor("self");
  const bool flat = !c.has("dim");
  ir::Value* value = flat ? c.reshape(self, {-1}) : self;
  const std::int64_t axis = flat ? 0 : c.positive_axis(c.integer("dim"), c.rank(self));
  const std::int64_t end = std::numeric_limits<std::int64_t>::max();
  ir::Value* differs = c.emit("Not", {c.emit("Equal", {c.slice(value, axis, 1, end), c.slice(value, axis, 0, -1)})});
  Ints others = all_axes(c, value);
  others.erase(others.begin() + axis);
  differs = any_of(c, differs, others, false);
  ir::Value* size = c.size(value, axis);
  ir::Value* first = c.emit("Equal", {c.slice(c.range(size), 0, 0, 1), c.integer_scalar(0)});
  ir::Value* begins = c.concat({first, differs}, 0);
  ir::Value* numbers = c.emit("CumSum", {c.cast(begins, DataType::int64), c.integer_scalar(0)});
  ir::Value* inverse = c.emit("Sub", {numbers, c.integer_scalar(1)});
  if (flat) inverse = c.reshape_to(inverse, c.sizes(self));
  ir::Value* starts = c.reshape(c.emit("NonZero", {begins}), {-1});
  ir::Value* ends = c.concat({c.slice(starts, 0, 1, end), size}, 0);
  ir::Value* values = c.emit("Compress", {value, begins}, {{"axis", axis}});
  return with_left_out(c, {values, inverse, c.emit("Sub", {ends, starts})});
}

// ---- Membership and order

ir::Value* or_not(Call& c, ir::Value* condition) {
  return c.flag("invert", false) ? c.emit("Not", {condition}) : condition;
}

ir::Value* isin(Call& c) {
  const bool many_tests = c.has("test_elements");
  const bool many_elements = c.has("elements");
  const Values operands =
      c.promoted({many_elements ? "elements" : "element", many_tests ? "test_elements" : "test_element"});
  if (!many_tests) return or_not(c, c.emit("Equal", operands));
  const std::int64_t rank = c.rank(operands[0]);
  ir::Value* tests = c.reshape(operands[1], {-1});
  ir::Value* equal = c.emit("Equal", {c.unsqueeze(operands[0], {rank}), tests});
  return or_not(c, any_of(c, equal, {rank}, false));
}

DataType place_type(Call& c) { return c.flag("out_int32", false) ? DataType::int32 : DataType::int64; }

/// A tensor, or a number as a scalar of its own type.
ir::Value* sought(Call& c) {
  if (c.is_tensor("self")) return c.tensor("self");
  const Number number = c.number_argument("self");
  return c.scalar(number, number.dtype());
}

ir::Value* searchsorted(Call& c) {
  ir::Value* boundaries = c.tensor("sorted_sequence");
  if (c.has("sorter")) {
    ir::Value* order = c.tensor("sorter");
    boundaries = c.emit("GatherElements", {boundaries, order}, {{"axis", c.rank(boundaries) - 1}});
  }
  const bool right = c.flag("right", false) || c.string("side", "left") == "right";
  return places_among(c, sought(c), boundaries, right, place_type(c));
}

ir::Value* bucketize(Call& c) {
  return places_among(c, sought(c), c.tensor("boundaries"), c.flag("right", false), place_type(c));
}

constexpr std::array kOps = {
    op("aten._unique.default", unique_with_inverse),
    op("aten._unique2.default", unique),
    op("aten.unique_dim.default", unique_dim),
    op("aten.unique_consecutive.default", unique_consecutive),
    op("aten.unique_dim_consecutive.default", unique_consecutive),
    op("aten.isin.Tensor_Tensor", isin),
    op("aten.isin.Tensor_Scalar", isin),
    op("aten.isin.Scalar_Tensor", isin),
    op("aten.searchsorted.Tensor", searchsorted),
    op("aten.searchsorted.Scalar", searchsorted),
    op("aten.bucketize.Tensor", bucketize),
    op("aten.bucketize.Scalar", bucketize),
};

}  // namespace

Ops set_ops() { return kOps; }

}  // namespace olivine::torch

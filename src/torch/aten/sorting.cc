#include <array>
#include <limits>

#include "torch/aten/families.h"
#include "torch/aten/reduce.h"
#include "torch/aten/shapes.h"
#include "torch/aten/sort.h"

/// Sorting, and what is found by it.
namespace olivine::torch {
namespace {

/// The type that runtimes sort a type in.
DataType sort_carrier(DataType dtype) {
  switch (dtype) {
    case DataType::boolean:
      return DataType::uint8;
    case DataType::uint16:
      return DataType::int32;
    case DataType::uint32:
      return DataType::int64;
    default:
      return dtype;
  }
}

}  // namespace

Sorted top_k(Call& c, ir::Value* value, ir::Value* count, std::int64_t axis, bool largest) {
  const DataType dtype = c.dtype(value);
  const Values results = c.emit_many("TopK", {c.cast(value, sort_carrier(dtype)), count}, 2,
                                     {{"axis", axis}, {"largest", largest ? 1 : 0}, {"sorted", 1}});
  return {c.cast(results[0], dtype), results[1]};
}

Sorted sorted(Call& c, ir::Value* value, std::int64_t axis, bool descending) {
  if (c.rank(value) == 0) return {value, c.integer_scalar(0)};
  return top_k(c, value, c.size(value, axis), axis, descending);
}

ir::Value* element_at(Call& c, ir::Value* value, std::int64_t axis, std::int64_t index, bool keepdim) {
  ir::Value* place = keepdim ? c.ints({index}) : c.integer_scalar(index);
  return c.emit("Gather", {value, place}, {{"axis", axis}});
}

namespace {

Sorted sorted_argument(Call& c) {
  ir::Value* self = c.tensor("self");
  return sorted(c, self, axis_argument(c, "dim", -1, c.rank(self)), c.flag("descending", false));
}

Values sort(Call& c) {
  const Sorted result = sorted_argument(c);
  return {result.values, result.places};
}

ir::Value* argsort(Call& c) { return sorted_argument(c).places; }

ir::Value* msort(Call& c) { return sorted(c, c.tensor("self"), 0, false).values; }

Values topk(Call& c) {
  ir::Value* self = c.tensor("self");
  const bool largest = c.flag("largest", true);
  if (c.rank(self) == 0) {
    // A scalar has one element, or none of it is asked for.
    if (c.integer("k") != 1) c.refuse("nothing of a scalar");
    return {self, c.integer_scalar(0)};
  }
  const Sorted result = top_k(c, self, c.size_argument("k"), axis_argument(c, "dim", -1, c.rank(self)), largest);
  return {result.values, result.places};
}

Values kthvalue(Call& c) {
  ir::Value* self = c.tensor("self");
  if (c.rank(self) == 0) return {self, c.integer_scalar(0)};
  const std::int64_t axis = axis_argument(c, "dim", -1, c.rank(self));
  const bool keepdim = c.flag("keepdim", false);
  const Sorted least = top_k(c, self, c.size_argument("k"), axis, false);
  return {element_at(c, least.values, axis, -1, keepdim), element_at(c, least.places, axis, -1, keepdim)};
}

// ---- Medians

ir::Value* half(Call& c, ir::Value* count) { return c.emit("Div", {c.emit("Sub", {count, c.ints({1})}), c.ints({2})}); }

/// The middle of an axis, of an even number the lower one. NaN where one element is NaN, or with `ignore` only where
/// all are.
Sorted median_along(Call& c, ir::Value* value, std::int64_t axis, bool ignore, bool keepdim) {
  ir::Value* size = c.size(value, axis);
  if (!is_float(c.dtype(value))) {
    ir::Value* count = c.emit("Add", {half(c, size), c.ints({1})});
    const Sorted least = top_k(c, value, count, axis, false);
    return {element_at(c, least.values, axis, -1, keepdim), element_at(c, least.places, axis, -1, keepdim)};
  }
  // NaN comes last: the first of them stands behind all numbers.
  const Sorted all = sorted(c, value, axis, false);
  ir::Value* is_number = c.cast(c.emit("Not", {c.emit("IsNaN", {value})}), DataType::int64);
  ir::Value* numbers = c.reduce("ReduceSum", is_number, {axis}, true);
  ir::Value* place = nullptr;
  if (ignore) {
    place = c.emit("Max", {half(c, numbers), c.ints({0})});
  } else {
    place = c.where(c.emit("Less", {numbers, size}), numbers, half(c, size));
  }
  const auto pick = [&](ir::Value* from) {
    ir::Value* picked = c.emit("GatherElements", {from, place}, {{"axis", axis}});
    return keepdim ? picked : c.squeeze(picked, {axis});
  };
  return {pick(all.values), pick(all.places)};
}

template <bool ignore>
Values median_dim(Call& c) {
  ir::Value* self = c.tensor("self");
  if (c.rank(self) == 0) return {self, c.integer_scalar(0)};
  const Sorted result =
      median_along(c, self, axis_argument(c, "dim", -1, c.rank(self)), ignore, c.flag("keepdim", false));
  return {result.values, result.places};
}

template <bool ignore>
ir::Value* median_of_all(Call& c) {
  ir::Value* self = c.tensor("self");
  if (c.rank(self) == 0) return self;
  if (may_be_empty(c, self, all_axes(c, self))) {
    if (!c.find_dims(self)) c.refuse("its input may be empty, of which ONNX sorts nothing");
    if (!is_float(c.dtype(self))) c.refuse("of no integers there is no median");
    return c.number_like(std::numeric_limits<double>::quiet_NaN(), self);
  }
  return median_along(c, c.reshape(self, {-1}), 0, ignore, false).values;
}

/// The most frequent value, of several the least; its place is that of the last such element.
Values mode(Call& c) {
  ir::Value* self = c.tensor("self");
  if (c.rank(self) == 0) return {self, c.integer_scalar(0)};
  const std::int64_t axis = axis_argument(c, "dim", -1, c.rank(self));
  const Sorted all = sorted(c, self, axis, false);
  ir::Value* equal = c.emit("Equal", {c.unsqueeze(all.values, {axis + 1}), c.unsqueeze(all.values, {axis})});
  ir::Value* counts = c.reduce("ReduceSum", c.cast(equal, DataType::int64), {axis + 1}, false);
  ir::Value* first = c.emit("ArgMax", {counts}, {{"axis", axis}, {"keepdims", 1}});
  ir::Value* count = c.reduce("ReduceMax", counts, {axis}, true);
  // NaN equals nothing, itself neither.
  ir::Value* behind_first = c.emit("Max", {c.emit("Sub", {count, c.ints({1})}), c.ints({0})});
  ir::Value* last = c.emit("Add", {first, behind_first});
  const auto pick = [&](ir::Value* from) {
    ir::Value* picked = c.emit("GatherElements", {from, last}, {{"axis", axis}});
    return c.flag("keepdim", false) ? picked : c.squeeze(picked, {axis});
  };
  return {pick(all.values), pick(all.places)};
}

constexpr std::array kOps = {
    op("aten.sort.default", sort),
    op("aten.sort.stable", sort),
    op("aten.argsort.default", argsort),
    op("aten.argsort.stable", argsort),
    op("aten.msort.default", msort),
    op("aten.topk.default", topk),
    op("aten.kthvalue.default", kthvalue),
    op("aten.median.default", median_of_all<false>),
    op("aten.median.dim", median_dim<false>),
    op("aten.nanmedian.default", median_of_all<true>),
    op("aten.nanmedian.dim", median_dim<true>),
    op("aten.mode.default", mode),
};

}  // namespace

Ops sorting_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <array>

#include "torch/aten/families.h"
#include "torch/aten/shapes.h"

/// Masks: choosing, writing and finding elements by a condition.
namespace olivine::torch {
namespace {

ir::Value* mask_argument(Call& c) { return c.cast(c.tensor("mask"), DataType::boolean); }

ir::Value* masked_fill(Call& c) {
  ir::Value* self = c.tensor("self");
  const DataType dtype = c.dtype(self);
  ir::Value* value =
      c.is_tensor("value") ? c.cast(c.tensor("value"), dtype) : c.scalar(c.number_argument("value"), dtype);
  return c.where(mask_argument(c), value, self);
}

ir::Value* masked_select(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* mask = mask_argument(c);
  if (c.meta("self").sizes != c.meta("mask").sizes) {
    ir::Value* own = c.sizes(self);
    self = c.expand_to(self, c.sizes(mask));
    mask = c.expand_to(mask, own);
  }
  return c.emit("Compress", {c.reshape(self, {-1}), c.reshape(mask, {-1})}, {{"axis", 0}});
}

/// The source's elements in order, where the mask is true.
ir::Value* masked_scatter(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* mask = mask_argument(c);
  if (c.meta("self").sizes != c.meta("mask").sizes) {
    ir::Value* sizes = c.sizes(mask);
    mask = c.expand_to(mask, c.sizes(self));
    self = c.expand_to(self, sizes);
  }
  ir::Value* flat = c.reshape(self, {-1});
  ir::Value* where = c.transpose(c.emit("NonZero", {c.reshape(mask, {-1})}), {1, 0});
  ir::Value* source = c.reshape(c.cast(c.tensor("source"), c.dtype(self)), {-1});
  source = cut(c, source, {0, nullptr, c.size(where, 0)});
  return c.reshape_to(c.emit("ScatterND", {flat, where, source}), c.sizes(self));
}

/// [rank, n]
ir::Value* nonzero_rows(Call& c, ir::Value* self) {
  static constexpr std::array kFast = {DataType::boolean, DataType::float32, DataType::int32, DataType::int64,
                                       DataType::uint8};
  if (std::ranges::find(kFast, c.dtype(self)) == kFast.end()) self = c.cast(self, DataType::boolean);
  if (c.rank(self) == 0) self = c.reshape(self, {1});
  return c.emit("NonZero", {self});
}

/// [n, rank]; of a tensor without dimensions [n, 0]
ir::Value* nonzero(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* found = c.transpose(nonzero_rows(c, self), {1, 0});
  return c.rank(self) == 0 ? c.slice(found, 1, 0, 0) : found;
}

/// The first `size` of them; where there are fewer, `fill_value`.
ir::Value* nonzero_static(Call& c) {
  ir::Value* size = c.size_argument("size");
  ir::Value* found = cut(c, nonzero(c), {0, nullptr, size});
  ir::Value* missing = c.emit("Sub", {size, c.size(found, 0)});
  ir::Value* pads = c.concat({c.ints({0, 0}), missing, c.ints({0})}, 0);
  return c.emit("Pad", {found, pads, c.integer_scalar(c.integer("fill_value", -1))});
}

/// One int64[n] an axis.
Values nonzero_by_axis(Call& c) {
  ir::Value* rows = nonzero_rows(c, c.tensor(c.has("condition") ? "condition" : "self"));
  Values results;
  for (std::size_t i = 0; i < c.result_count(); ++i) {
    results.push_back(c.emit("Gather", {rows, c.integer_scalar(static_cast<std::int64_t>(i))}));
  }
  return results;
}

constexpr std::array kOps = {
    op("aten.masked_fill.Scalar", masked_fill),
    op("aten.masked_fill.Tensor", masked_fill),
    op("aten.masked_select.default", masked_select),
    op("aten.masked_scatter.default", masked_scatter),
    op("aten.argwhere.default", nonzero),
    op("aten.nonzero.default", nonzero),
    op("aten.nonzero_static.default", nonzero_static),
    op("aten.nonzero_numpy.default", nonzero_by_axis),
    op("aten.where.default", nonzero_by_axis),
};

}  // namespace

Ops mask_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <array>

#include "torch/aten/families.h"
#include "torch/aten/layout.h"
#include "torch/aten/shapes.h"

/// Diagonals, windows and arbitrary strides: elements at places that arithmetic tells.
namespace olivine::torch {
namespace {

// ---- Diagonals

ir::Value* diagonal_by(Call& c, ir::Value* value, std::string_view name, std::int64_t dim1, std::int64_t dim2) {
  return diagonal_of(c, value, torch_rank(c, name), c.integer("offset", 0), c.integer("dim1", dim1),
                     c.integer("dim2", dim2));
}

ir::Value* diagonal(Call& c) { return diagonal_by(c, c.tensor("self"), "self", 0, 1); }
ir::Value* matrix_diagonal(Call& c) { return diagonal_by(c, c.tensor("A"), "A", -2, -1); }

/// Where a view of positions shows them, `fresh` is written.
ir::Value* diagonal_scatter(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* positions = diagonal_by(c, positions_like(c, self), "self", 0, 1);
  return replace_at(c, self, positions, c.cast(c.tensor("src"), c.dtype(self)));
}

/// Matrices of two new axes that have the last axis on a diagonal and zeros elsewhere.
ir::Value* embedded(Call& c, ir::Value* value, std::int64_t rank, std::int64_t offset, std::int64_t dim1,
                    std::int64_t dim2) {
  dim1 = wrapped_axis(c, dim1, rank + 1);
  dim2 = wrapped_axis(c, dim2, rank + 1);
  const std::int64_t extra = std::abs(offset);
  const bool is_pair = c.rank(value) > rank;
  ir::Value* length = add_sizes(c, c.size(value, rank - 1), c.ints({extra}));
  ir::Value* places = c.range(length);
  ir::Value* rows = c.unsqueeze(places, {1});
  if (offset != 0) rows = c.emit("Add", {rows, c.ints({offset})});
  ir::Value* is_diagonal = c.emit("Equal", {rows, places});
  if (extra > 0) {
    Ints pads(static_cast<std::size_t>(2 * c.rank(value)), 0);
    pads[static_cast<std::size_t>(c.rank(value) + rank - 1)] = extra;
    const DataType own = c.dtype(value);
    const bool is_short = own == DataType::int16 || own == DataType::uint16;
    value = c.cast(c.emit("Pad", {is_short ? c.cast(value, DataType::int32) : value, c.ints(pads)}), own);
  }
  // Above the diagonal an element's row counts, below its column.
  value = c.unsqueeze(value, {offset >= 0 ? rank : rank - 1});
  if (is_pair) is_diagonal = c.unsqueeze(is_diagonal, {2});
  const DataType dtype = c.dtype(value);
  ir::Value* zero =
      dtype == DataType::boolean ? c.cast(c.integer_scalar(0), dtype) : c.scalar(Number(std::int64_t{0}), dtype);
  ir::Value* matrices = c.where(is_diagonal, value, zero);
  Ints order;
  for (std::int64_t axis = 0, next = 0; axis <= rank; ++axis) {
    order.push_back(axis == dim1 ? rank - 1 : axis == dim2 ? rank : next++);
  }
  return reordered(c, matrices, order);
}

ir::Value* diag_embed(Call& c) {
  return embedded(c, c.tensor("self"), torch_rank(c), c.integer("offset", 0), c.integer("dim1", -2),
                  c.integer("dim2", -1));
}

ir::Value* diag(Call& c) {
  const std::int64_t offset = c.integer("diagonal", 0);
  if (torch_rank(c) == 1) return embedded(c, c.tensor("self"), 1, offset, 0, 1);
  return diagonal_of(c, c.tensor("self"), 2, offset, 0, 1);
}

ir::Value* diagflat(Call& c) {
  return embedded(c, merge_axes(c, c.tensor("self"), 0, torch_rank(c)), 1, c.integer("offset", 0), 0, 1);
}

/// Only in place: `wrap` goes on after the last column of a tall matrix, a row further.
ir::Value* fill_diagonal(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* sizes = c.sizes(self);
  ir::Value* step = c.ints({1});
  ir::Value* stride = c.ints({1});
  for (std::int64_t axis = torch_rank(c) - 1; axis > 0; --axis) {
    stride = multiply_sizes(c, stride, c.size(self, axis));
    step = add_sizes(c, step, stride);
  }
  ir::Value* count = c.reduce("ReduceProd", sizes, {0}, true);
  if (!c.flag("wrap", false) && torch_rank(c) == 2) {
    ir::Value* square = multiply_sizes(c, c.size(self, 1), c.size(self, 1));
    count = c.emit("Min", {count, square});
  }
  ir::Value* positions = c.emit("Range", {c.integer_scalar(0), c.as_scalar(count), c.as_scalar(step)});
  const DataType dtype = c.dtype(self);
  ir::Value* fresh = c.expand_to(c.scalar(c.number_argument("fill_value"), dtype), c.sizes(positions));
  return replace_at(c, self, positions, fresh);
}

// ---- Windows

ir::Value* unfold(Call& c) {
  ir::Value* self = c.tensor("self");
  const std::int64_t rank = torch_rank(c);
  const std::int64_t size = c.integer("size");
  const std::int64_t step = c.integer("step");
  if (rank == 0) return c.slice(c.reshape(self, {1}), 0, 0, size);
  const std::int64_t axis = axis_argument(c, "dimension", 0, rank);
  ir::Value* room = add_sizes(c, c.size(self, axis), c.ints({-size}));
  ir::Value* count = add_sizes(c, c.emit("Div", {room, c.ints({step})}), c.ints({1}));
  ir::Value* starts = multiply_sizes(c, c.unsqueeze(c.range(count), {1}), c.ints({step}));
  ir::Value* index = c.emit("Add", {starts, c.range(c.ints({size}))});
  ir::Value* windows = c.emit("Gather", {self, index}, {{"axis", axis}});
  Ints order;
  for (std::int64_t i = 0; i <= rank; ++i) {
    if (i != axis + 1) order.push_back(i);
  }
  order.push_back(axis + 1);
  return reordered(c, windows, order);
}

// ---- Strides

/// Elements of the memory that `self` fills without gaps.
ir::Value* strided(Call& c, ir::Value* value) {
  const TensorMeta& self = c.meta("self");
  const auto order = dense_order(self);
  if (!order) c.refuse("it reads memory beyond the tensor's own elements");
  const Values sizes = c.size_list("size");
  const Values strides = c.size_list("stride");
  ir::Value* first = c.ints({0});
  if (c.has("storage_offset")) {
    if (!self.storage_offset.is_value()) c.refuse("where its tensor lies in memory is known only when the model runs");
    first = add_sizes(c, c.size_argument("storage_offset"), c.ints({-self.storage_offset.value()}));
  }
  ir::Value* index = c.as_scalar(first);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    Ints dims(sizes.size() - i, 1);
    dims.front() = -1;
    ir::Value* along = c.reshape(multiply_sizes(c, c.range(sizes[i]), strides[i]), dims);
    index = c.emit("Add", {index, along});
  }
  const auto reached = c.find_ints(index);
  const auto dims = c.find_dims(value);
  if (reached && dims) {
    std::int64_t count = 1;
    for (const std::int64_t dim : *dims) count *= dim;
    const auto is_outside = [&](std::int64_t place) { return place < 0 || place >= count; };
    if (std::ranges::any_of(*reached, is_outside)) c.refuse("it reads memory beyond the tensor's own elements");
  }
  return c.emit("Gather", {c.reshape(reordered(c, value, *order), {-1}), index});
}

ir::Value* as_strided(Call& c) { return strided(c, c.tensor("self")); }

ir::Value* as_strided_scatter(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* positions = strided(c, positions_like(c, self));
  return replace_at(c, self, positions, c.cast(c.tensor("src"), c.dtype(self)));
}

/// The first elements in another shape. What lies beyond them isn't told by anyone.
ir::Value* resize(Call& c) {
  ir::Value* self = c.tensor("self");
  const ir::Shape& told = c.result().sizes;
  const auto count = [&](const ir::Shape& sizes) -> std::optional<std::int64_t> {
    std::int64_t product = 1;
    for (const ir::Dim& dim : sizes) {
      if (!dim.is_value()) return std::nullopt;
      product *= dim.value();
    }
    return product;
  };
  if (told == c.meta("self").sizes) return self;
  const auto own = count(c.meta("self").sizes);
  const auto wanted = count(told);
  if (!own || !wanted) c.refuse("how many elements it keeps is known only when the model runs");
  if (*wanted > *own) c.refuse("it gives elements that nobody has set");
  const auto order = dense_order(c.meta("self"));
  if (!order) c.refuse("its tensor's elements lie apart in memory");
  ir::Value* flat = c.reshape(reordered(c, self, *order), {-1});
  Ints dims;
  for (const ir::Dim& dim : told) dims.push_back(dim.value());
  return c.reshape_to(cut(c, flat, {0, nullptr, c.ints({*wanted})}), c.ints(dims));
}

ir::Value* storage_offset(Call& c) {
  const ir::Dim& told = c.meta("self").storage_offset;
  if (!told.is_value()) c.refuse("where its tensor lies in memory is known only when the model runs");
  return c.ints({told.value()});
}

ir::Value* stride(Call& c) {
  const ir::Shape& told = c.meta("self").strides;
  const auto axis = static_cast<std::size_t>(axis_argument(c, "dim", 0, torch_rank(c)));
  if (told.at(axis).is_value()) return c.ints({told[axis].value()});
  if (!is_contiguous(c.meta("self"))) c.refuse("where its elements lie in memory is known only when the model runs");
  ir::Value* product = c.ints({1});
  for (std::size_t i = axis + 1; i < told.size(); ++i) {
    product = multiply_sizes(c, product, c.size(c.tensor("self"), static_cast<std::int64_t>(i)));
  }
  return product;
}

constexpr std::array kOps = {
    complex_too(view("aten.diagonal.default", diagonal)),
    complex_too(view("aten.linalg_diagonal.default", matrix_diagonal)),
    complex_too(op("aten.diagonal_copy.default", diagonal)),
    op("aten.diagonal_scatter.default", diagonal_scatter),
    complex_too(op("aten.diag.default", diag)),
    complex_too(op("aten.diag_embed.default", diag_embed)),
    complex_too(op("aten.diagflat.default", diagflat)),
    op("aten.fill_diagonal.default", fill_diagonal),
    complex_too(view("aten.unfold.default", unfold)),
    complex_too(op("aten.unfold_copy.default", unfold)),
    view("aten.as_strided.default", as_strided),
    op("aten.as_strided_copy.default", as_strided),
    op("aten.as_strided_scatter.default", as_strided_scatter),
    view("aten.resize.default", resize),
    view("aten.resize_as.default", resize),
    complex_too(op("aten.sym_storage_offset.default", storage_offset)),
    complex_too(op("aten.sym_stride.int", stride)),
};

}  // namespace

Ops strided_ops() { return kOps; }

}  // namespace olivine::torch

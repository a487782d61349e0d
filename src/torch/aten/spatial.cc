#include "torch/aten/spatial.h"

#include <fmt/format.h>

namespace olivine::torch {

Ints per_dimension(const Call& c, std::string_view name, std::size_t rank, const Ints& fallback) {
  Ints numbers = c.integers(name).value_or(Ints());
  if (numbers.empty()) numbers = fallback;
  if (numbers.size() == 1) numbers.resize(rank, numbers.front());
  if (numbers.size() != rank) c.refuse(fmt::format("its argument '{}' has {} numbers", name, numbers.size()));
  return numbers;
}

std::size_t rank_by_name(const Call& c) {
  const std::string_view name = c.name();
  return static_cast<std::size_t>(name[name.find_first_of("123")] - '0');
}

DataType computing_type(DataType dtype) { return dtype == DataType::float64 ? dtype : DataType::float32; }

ir::Value* along_channels(Call& c, ir::Value* value, const ir::Value* x) {
  Ints dims = {-1};
  for (std::int64_t axis = 2; axis < c.rank(x); ++axis) dims.push_back(1);
  return dims.size() == 1 ? value : c.reshape(value, dims);
}

ir::Value* carried(Call& c, ir::Value* value) {
  return value != nullptr && c.dtype(value) == DataType::bfloat16 ? c.cast(value, DataType::float32) : value;
}

ir::Value* with_batch(Call& c, ir::Value* value, std::size_t rank) {
  return c.rank(value) == static_cast<std::int64_t>(rank) + 1 ? c.unsqueeze(value, {0}) : value;
}

ir::Value* without_batch(Call& c, ir::Value* value, const ir::Value* original, std::size_t rank) {
  return c.rank(original) == static_cast<std::int64_t>(rank) + 1 ? c.squeeze(value, {0}) : value;
}

ir::Value* merge_from(Call& c, ir::Value* value, std::int64_t first) {
  Ints dims(static_cast<std::size_t>(first), 0);
  std::int64_t rest = 1;
  for (std::int64_t axis = first; axis < c.rank(value) && rest >= 0; ++axis) {
    rest = c.find_dim(value, axis) ? rest * *c.find_dim(value, axis) : -1;
  }
  dims.push_back(rest);
  return c.emit("Reshape", {value, c.ints(dims)});
}

ir::Value* reshape_like(Call& c, ir::Value* value, ir::Value* like) {
  std::int64_t unknown = 0;
  for (std::int64_t axis = 0; axis < c.rank(like); ++axis) unknown += c.find_dim(like, axis) ? 0 : 1;
  return unknown > 1 ? c.emit("Reshape", {value, c.shape(like)}, {{"allowzero", 1}})
                     : c.reshape_to(value, c.sizes(like));
}

ir::Value* window_positions(Call& c, ir::Value* size, const WindowAxis& axis) {
  const std::int64_t rest = axis.before + axis.after - axis.dilation * (axis.kernel - 1) - 1;
  ir::Value* steps = c.emit("Div", {c.emit("Add", {size, c.ints({rest})}), c.ints({axis.stride})});
  ir::Value* starts = c.emit("Mul", {c.range(c.emit("Add", {steps, c.ints({1})})), c.ints({axis.stride})});
  Ints offsets;
  for (std::int64_t i = 0; i < axis.kernel; ++i) offsets.push_back(i * axis.dilation);
  return c.emit("Add", {c.unsqueeze(starts, {1}), c.ints(offsets)});
}

ir::Value* pad_spatial(Call& c, ir::Value* value, const std::vector<WindowAxis>& axes, double fill) {
  Ints before(2, 0);
  Ints after(2, 0);
  bool is_padded = false;
  for (const WindowAxis& axis : axes) {
    before.push_back(axis.before);
    after.push_back(axis.after);
    is_padded = is_padded || axis.before != 0 || axis.after != 0;
  }
  if (!is_padded) return value;
  before.insert(before.end(), after.begin(), after.end());
  return c.emit("Pad", {value, c.ints(before), c.number_like(fill, value)});
}

ir::Value* take_windows(Call& c, ir::Value* value, const Values& tables) {
  for (std::size_t i = tables.size(); i-- > 0;) {
    value = c.emit("Gather", {value, tables[i]}, {{"axis", kFirstSpatial + static_cast<std::int64_t>(i)}});
  }
  return value;
}

Ints window_axes(std::size_t rank) {
  Ints axes;
  for (std::size_t i = 0; i < rank; ++i) axes.push_back(kFirstSpatial + 2 * static_cast<std::int64_t>(i));
  return axes;
}

Ints kernel_axes(std::size_t rank) {
  Ints axes = window_axes(rank);
  for (std::int64_t& axis : axes) ++axis;
  return axes;
}

ir::Value* kernels_last(Call& c, ir::Value* value, std::size_t rank) {
  Ints order = {0, 1};
  for (const std::int64_t axis : window_axes(rank)) order.push_back(axis);
  for (const std::int64_t axis : kernel_axes(rank)) order.push_back(axis);
  return c.transpose(value, order);
}

}  // namespace olivine::torch

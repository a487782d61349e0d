#include <algorithm>
#include <array>
#include <numeric>

#include "torch/aten/families.h"
#include "torch/aten/pads.h"
#include "torch/aten/shapes.h"
#include "torch/promote.h"

/// Several tensors as one.
namespace olivine::torch {
namespace {

/// The tensors of a list, of the result's type.
std::vector<Part> alike(Call& c) {
  std::vector<Part> parts = parts_of(c, "tensors");
  for (Part& part : parts) part.value = converted(c, part.value, part.meta->dtype, c.result_dtype());
  return parts;
}

ir::Value* joined(Call& c, const Values& values, std::int64_t axis) {
  if (values.empty()) c.refuse("there is nothing to join");
  return values.size() == 1 ? values.front() : c.concat(values, axis);
}

ir::Value* cat(Call& c) {
  const auto rank = static_cast<std::int64_t>(c.result().sizes.size());
  const std::int64_t axis = axis_argument(c, "dim", 0, rank);
  const std::vector<Part> parts = alike(c);
  // PyTorch lets a tensor of no elements with one axis join whatever the others are.
  const auto is_nothing = [](const Part& part) { return part.rank() == 1 && part.meta->sizes[0] == ir::Dim(0); };
  Values values;
  for (const Part& part : parts) {
    if (!is_nothing(part)) values.push_back(part.value);
  }
  if (values.empty()) values.push_back(parts.front().value);
  return joined(c, values, axis);
}

ir::Value* stack(Call& c) {
  const auto rank = static_cast<std::int64_t>(c.result().sizes.size());
  const std::int64_t axis = axis_argument(c, "dim", 0, rank);
  Values values;
  for (const Part& part : alike(c)) values.push_back(c.unsqueeze(part.value, {axis}));
  return joined(c, values, axis);
}

/// Axes of size 1 that bring a tensor to a rank, by how many it has.
template <std::int64_t rank>
ir::Value* raised(Call& c, const Part& part) {
  static const std::array<std::array<Ints, 3>, 4> axes = {{
      {},
      {{{0}, {}, {}}},
      {{{0, 1}, {0}, {}}},
      {{{0, 1, 2}, {0, 2}, {2}}},
  }};
  const std::int64_t own = part.rank();
  return own < rank ? c.unsqueeze(part.value, axes[rank][static_cast<std::size_t>(own)]) : part.value;
}

ir::Value* hstack(Call& c) {
  Values values;
  for (const Part& part : alike(c)) values.push_back(raised<1>(c, part));
  return joined(c, values, c.result().sizes.size() == 1 ? 0 : 1);
}

ir::Value* vstack(Call& c) {
  Values values;
  for (const Part& part : alike(c)) values.push_back(raised<2>(c, part));
  return joined(c, values, 0);
}

ir::Value* dstack(Call& c) {
  Values values;
  for (const Part& part : alike(c)) values.push_back(raised<3>(c, part));
  return joined(c, values, 2);
}

ir::Value* column_stack(Call& c) {
  Values values;
  for (const Part& part : alike(c)) {
    const std::int64_t rank = part.rank();
    values.push_back(rank < 2 ? c.unsqueeze(part.value, rank == 0 ? Ints{0, 1} : Ints{1}) : part.value);
  }
  return joined(c, values, 1);
}

/// Matrices along a diagonal, zeros elsewhere.
ir::Value* block_diag(Call& c) {
  std::vector<Part> parts = alike(c);
  ir::Value* total = c.ints({0});
  for (Part& part : parts) {
    if (part.rank() < 2) part.value = with_rank(c, part.value, part.rank(), 2);
    total = add_sizes(c, total, c.size(part.value, 1));
  }
  const bool is_pair = is_complex_type(c.result_dtype());
  ir::Value* zero = c.ints({0});
  ir::Value* before = zero;
  Values rows;
  for (const Part& part : parts) {
    ir::Value* width = c.size(part.value, 1);
    ir::Value* after = c.emit("Sub", {total, add_sizes(c, before, width)});
    Values begins = {zero, before};
    Values ends = {zero, after};
    if (is_pair) begins.push_back(zero);
    if (is_pair) ends.push_back(zero);
    const bool is_alone = c.find_ints(before) == Ints{0} && c.find_ints(after) == Ints{0};
    rows.push_back(is_alone ? part.value : pad_constant(c, part.value, begins, ends, nullptr));
    before = add_sizes(c, before, width);
  }
  return joined(c, rows, 0);
}

/// Every tuple of the tensors' elements.
ir::Value* cartesian_prod(Call& c) {
  const std::vector<Part> parts = alike(c);
  if (parts.size() == 1) return parts.front().value;
  Values sizes;
  for (const Part& part : parts) sizes.push_back(c.size(part.value, 0));
  ir::Value* grid = joined_sizes(c, sizes);
  Values columns;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Ints axes;
    for (std::size_t axis = 0; axis < parts.size(); ++axis) {
      if (axis != i) axes.push_back(static_cast<std::int64_t>(axis));
    }
    ir::Value* own = c.expand_to(c.unsqueeze(parts[i].value, axes), grid);
    columns.push_back(c.reshape(own, {-1, 1}));
  }
  return c.concat(columns, 1);
}

/// Every choice of r elements in order: the places where each index is larger than the one before.
ir::Value* combinations(Call& c) {
  ir::Value* self = c.tensor("self");
  const std::int64_t r = c.integer("r", 2);
  if (r == 0) return c.filled(c.ints({0}), Number(std::int64_t{0}), c.dtype(self));
  if (r == 1) return c.unsqueeze(self, {1});
  ir::Value* places = c.range(c.size(self, 0));
  const char* is_next = c.flag("with_replacement", false) ? "LessOrEqual" : "Less";
  const auto along = [&](std::int64_t axis) {
    Ints dims(static_cast<std::size_t>(r), 1);
    dims[static_cast<std::size_t>(axis)] = -1;
    return c.reshape(places, dims);
  };
  ir::Value* is_chosen = nullptr;
  for (std::int64_t axis = 0; axis + 1 < r; ++axis) {
    ir::Value* in_order = c.emit(is_next, {along(axis), along(axis + 1)});
    is_chosen = is_chosen == nullptr ? in_order : c.emit("And", {is_chosen, in_order});
  }
  return c.emit("Gather", {self, c.transpose(c.emit("NonZero", {is_chosen}), {1, 0})});
}

/// Each tensor in as many chunks along an axis, zeros after the last; the tensors' chunks beside each other.
ir::Value* chunk_cat(Call& c) {
  ir::Value* chunks = c.ints({c.integer("num_chunks")});
  const std::vector<Part> parts = alike(c);
  if (parts.empty()) c.refuse("there is nothing to join");
  const std::int64_t axis = wrapped_axis(c, c.integer("dim"), parts.front().rank());
  Values pieces;
  for (const Part& part : parts) {
    Values begins(static_cast<std::size_t>(part.rank()), c.ints({0}));
    Values ends = begins;
    ir::Value* missing = c.emit("Mod", {c.emit("Neg", {c.size(part.value, axis)}), chunks});
    ends[static_cast<std::size_t>(axis)] = missing;
    const bool is_even = c.find_ints(missing) == Ints{0};
    ir::Value* padded = is_even ? part.value : pad_constant(c, part.value, begins, ends, nullptr);
    Values sizes;
    ir::Value* each = c.emit("Div", {c.size(padded, axis), chunks});
    for (std::int64_t i = 0; i < part.rank(); ++i) {
      if (i < axis) sizes.push_back(c.size(padded, i));
      if (i > axis) each = multiply_sizes(c, each, c.size(padded, i));
    }
    sizes.push_back(chunks);
    sizes.push_back(each);
    pieces.push_back(c.reshape_to(padded, joined_sizes(c, sizes)));
  }
  return joined(c, pieces, axis + 1);
}

constexpr std::array kOps = {
    complex_too(op("aten.cat.default", cat)),
    complex_too(op("aten.concat.default", cat)),
    complex_too(op("aten.concatenate.default", cat)),
    complex_too(op("aten.stack.default", stack)),
    complex_too(op("aten.hstack.default", hstack)),
    complex_too(op("aten.vstack.default", vstack)),
    complex_too(op("aten.row_stack.default", vstack)),
    complex_too(op("aten.dstack.default", dstack)),
    complex_too(op("aten.column_stack.default", column_stack)),
    complex_too(op("aten.block_diag.default", block_diag)),
    op("aten.cartesian_prod.default", cartesian_prod),
    op("aten.combinations.default", combinations),
    op("aten._chunk_cat.default", chunk_cat),
};

}  // namespace

Ops joining_ops() { return kOps; }

}  // namespace olivine::torch

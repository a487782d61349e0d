#include <algorithm>
#include <array>

#include "torch/aten/families.h"
#include "torch/aten/shapes.h"
#include "torch/promote.h"

/// Elements and slices by tensors of indices and masks: reading them, and `index_put`.
namespace olivine::torch {
namespace {

// ---- What `x[…]` asks for

/// Indices by axis of the tensor; null: all of the axis.
struct Indices {
  Values at;
  /// The only index is a mask over `mask_rank` axes from `axis` on.
  ir::Value* mask = nullptr;
  std::int64_t axis = 0;
  std::int64_t mask_rank = 0;
  std::int64_t given = 0;  ///< how many axes have an index
  bool is_adjacent = true;
};

/// The axes' positions where a mask is true, one int64[n] an axis.
Values mask_positions(Call& c, ir::Value* mask, std::int64_t rank) {
  ir::Value* positions = c.emit("NonZero", {mask});
  Values rows;
  for (std::int64_t i = 0; i < rank; ++i) rows.push_back(c.emit("Gather", {positions, c.integer_scalar(i)}));
  return rows;
}

Indices read_indices(Call& c) {
  Indices indices;
  std::int64_t entries = 0;
  for (const Part& part : parts_of(c, "indices")) {
    if (part.value == nullptr) {
      indices.at.push_back(nullptr);
      continue;
    }
    ++entries;
    const DataType dtype = part.meta->dtype;
    if (dtype != DataType::boolean && dtype != DataType::uint8) {
      indices.at.push_back(dtype == DataType::int32 ? part.value : c.cast(part.value, DataType::int64));
      continue;
    }
    if (part.rank() == 0) c.refuse("a mask without dimensions as an index");
    indices.mask = c.cast(part.value, DataType::boolean);
    indices.axis = static_cast<std::int64_t>(indices.at.size());
    indices.mask_rank = part.rank();
    const Values rows = mask_positions(c, indices.mask, part.rank());
    indices.at.insert(indices.at.end(), rows.begin(), rows.end());
  }
  if (entries != 1) indices.mask = nullptr;
  while (!indices.at.empty() && indices.at.back() == nullptr) indices.at.pop_back();
  const auto is_given = [](const ir::Value* index) { return index != nullptr; };
  indices.given = std::ranges::count_if(indices.at, is_given);
  const auto first = std::ranges::find_if(indices.at, is_given);
  if (indices.mask == nullptr) indices.axis = first - indices.at.begin();
  indices.is_adjacent = std::all_of(first, indices.at.end(), is_given);
  return indices;
}

/// The axes that have an index, then the others.
Ints indexed_first(const Indices& indices, std::int64_t rank) {
  Ints order;
  for (const bool wanted : {true, false}) {
    for (std::int64_t axis = 0; axis < rank; ++axis) {
      const bool is_given =
          axis < static_cast<std::int64_t>(indices.at.size()) && indices.at[static_cast<std::size_t>(axis)] != nullptr;
      if (is_given == wanted) order.push_back(axis);
    }
  }
  return order;
}

/// The indices broadcast together, one coordinate beside the other in a last axis.
ir::Value* coordinates(Call& c, const Indices& indices) {
  Values given;
  for (ir::Value* index : indices.at) {
    if (index != nullptr) given.push_back(c.cast(index, DataType::int64));
  }
  given = broadcast(c, given);
  for (ir::Value*& index : given) index = c.unsqueeze(index, {-1});
  return given.size() == 1 ? given.front() : c.concat(given, -1);
}

/// PyTorch puts the axes that indexing makes where the indices stand if these are neighbours, otherwise first. This
/// order takes them from the front to there.
Ints placed_order(const Indices& indices, std::int64_t made, std::int64_t rank) {
  const std::int64_t before = indices.is_adjacent ? indices.axis : 0;
  Ints order;
  for (std::int64_t i = 0; i < before; ++i) order.push_back(made + i);
  for (std::int64_t i = 0; i < made; ++i) order.push_back(i);
  for (std::int64_t i = made + before; i < rank; ++i) order.push_back(i);
  return order;
}

/// Neighbouring constant indices of sizes that are known are one index of these axes merged.
ir::Value* merged_index(Call& c, ir::Value* self, const Indices& indices) {
  if (!indices.is_adjacent) return nullptr;
  Values given(indices.at.begin() + indices.axis, indices.at.end());
  for (ir::Value* index : given) {
    if (!c.find_ints(index)) return nullptr;
  }
  given = broadcast(c, given);
  ir::Value* merged = nullptr;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto size = c.find_dim(self, indices.axis + static_cast<std::int64_t>(i));
    if (!size || *size == 0) return nullptr;
    ir::Value* index = c.emit("Mod", {c.cast(given[i], DataType::int64), c.integer_scalar(*size)});
    if (merged != nullptr) merged = c.emit("Mul", {merged, c.integer_scalar(*size)});
    merged = merged == nullptr ? index : c.emit("Add", {merged, index});
  }
  return merged;
}

// ---- Reading

ir::Value* read_at(Call& c, ir::Value* self, std::int64_t rank, const Indices& indices) {
  if (indices.given == 0) return self;
  if (indices.mask != nullptr) {
    ir::Value* flat = merge_axes(c, self, indices.axis, indices.mask_rank);
    ir::Value* mask = indices.mask_rank == 1 ? indices.mask : c.reshape(indices.mask, {-1});
    return c.emit("Compress", {flat, mask}, {{"axis", indices.axis}});
  }
  if (indices.given == 1) {
    return c.emit("Gather", {self, indices.at.back()}, {{"axis", indices.axis}});
  }
  if (ir::Value* merged = merged_index(c, self, indices)) {
    ir::Value* flat = merge_axes(c, self, indices.axis, indices.given);
    return c.emit("Gather", {flat, merged}, {{"axis", indices.axis}});
  }
  ir::Value* where = coordinates(c, indices);
  ir::Value* found = c.emit("GatherND", {reordered(c, self, indexed_first(indices, rank)), where});
  const std::int64_t made = c.rank(where) - 1;
  return reordered(c, found, placed_order(indices, made, made + rank - indices.given));
}

ir::Value* index(Call& c) { return read_at(c, c.tensor("self"), torch_rank(c), read_indices(c)); }

/// Where the mask is true, else `fill`. Where it is false an index may lie outside.
ir::Value* masked_index(Call& c) {
  Indices indices = read_indices(c);
  ir::Value* self = c.tensor("self");
  for (std::size_t i = 0; i < indices.at.size(); ++i) {
    ir::Value*& index = indices.at[i];
    if (index == nullptr) continue;
    index = c.cast(index, DataType::int64);
    ir::Value* last = c.as_scalar(add_sizes(c, c.size(self, static_cast<std::int64_t>(i)), c.ints({-1})));
    index = c.emit("Min", {c.emit("Max", {index, c.integer_scalar(0)}), last});
  }
  ir::Value* found = read_at(c, self, torch_rank(c), indices);
  return c.where(c.tensor("mask"), found, c.scalar(c.number_argument("fill"), c.dtype(self)));
}

ir::Value* index_select(Call& c) {
  const std::int64_t rank = torch_rank(c);
  ir::Value* index = c.tensor("index");
  if (rank == 0) return c.tensor("self");
  if (c.rank(index) == 0) index = c.reshape(index, {1});
  return c.emit("Gather", {c.tensor("self"), index}, {{"axis", axis_argument(c, "dim", 0, rank)}});
}

ir::Value* gather(Call& c) {
  const std::int64_t rank = torch_rank(c);
  ir::Value* self = c.tensor("self");
  ir::Value* index = c.tensor("index");
  if (rank == 0) return c.rank(index) == 0 ? self : c.expand_to(self, c.sizes(index));
  // An index without elements may have any rank.
  const ir::Shape& told = c.meta("index").sizes;
  if (std::ranges::find(told, ir::Dim(0)) != told.end()) {
    return c.filled(c.sizes(index), Number(std::int64_t{0}), c.dtype(self));
  }
  const bool is_scalar = c.rank(index) == 0;
  if (is_scalar) index = c.reshape(index, {1});
  ir::Value* found = c.emit("GatherElements", {self, index}, {{"axis", axis_argument(c, "dim", 0, rank)}});
  return is_scalar ? c.as_scalar(found) : found;
}

ir::Value* take(Call& c) { return c.emit("Gather", {c.reshape(c.tensor("self"), {-1}), c.tensor("index")}); }

ir::Value* take_along_dim(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* index = c.tensor("indices");
  if (!c.has("dim")) {
    return c.emit("GatherElements", {c.reshape(self, {-1}), c.reshape(index, {-1})}, {{"axis", 0}});
  }
  const std::int64_t rank = torch_rank(c);
  const std::int64_t axis = axis_argument(c, "dim", 0, rank);
  // The other axes broadcast to each other.
  const auto without = [&](ir::Value* sizes) {
    Ints ones(static_cast<std::size_t>(rank), 0);
    ones[static_cast<std::size_t>(axis)] = 1;
    ir::Value* is_axis = c.cast(c.ints(ones), DataType::boolean);
    return c.where(is_axis, c.ints(Ints(static_cast<std::size_t>(rank), 1)), sizes);
  };
  const bool is_same = [&] {
    const ir::Shape& a = c.meta("self").sizes;
    const ir::Shape& b = c.meta("indices").sizes;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (static_cast<std::int64_t>(i) != axis && a[i] != b[i]) return false;
    }
    return true;
  }();
  if (!is_same) {
    ir::Value* own = without(c.sizes(self));
    ir::Value* other = without(c.sizes(index));
    self = c.expand_to(self, other);
    index = c.expand_to(index, own);
  }
  return c.emit("GatherElements", {self, index}, {{"axis", axis}});
}

ir::Value* embedding(Call& c) { return c.emit("Gather", {c.tensor("weight"), c.tensor("indices")}, {{"axis", 0}}); }

ir::Value* one_hot(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* count = nullptr;
  if (c.integer("num_classes", -1) >= 0 || c.result().sizes.back().is_value()) {
    const ir::Dim& told = c.result().sizes.back();
    count = c.ints({told.is_value() ? told.value() : c.integer("num_classes")});
  } else {
    count = add_sizes(c, c.reshape(c.reduce("ReduceMax", self, {}, false), {1}), c.ints({1}));
  }
  if (c.rank(self) > 0) return c.emit("OneHot", {self, count, c.ints({0, 1})}, {{"axis", -1}});
  return c.cast(c.emit("Equal", {self, c.range(count)}), DataType::int64);
}

// ---- Writing

/// The values in the shape that reading would give, with the axes that indexing makes first; sizes may still be 1.
ir::Value* arranged_values(Call& c, ir::Value* values, const Indices& indices, std::int64_t made, std::int64_t rank) {
  values = with_rank(c, values, torch_rank(c, "values"), rank);
  const Ints placed = placed_order(indices, made, rank);
  Ints back(placed.size());
  for (std::size_t i = 0; i < placed.size(); ++i) {
    back[static_cast<std::size_t>(placed[i])] = static_cast<std::int64_t>(i);
  }
  return reordered(c, values, back);
}

/// Of a mask, with values that are the same wherever it is true: a choice.
ir::Value* choose_masked(Call& c, ir::Value* self, ir::Value* values, const Indices& indices, std::int64_t rank,
                         bool accumulate) {
  const ir::Shape& told = c.meta("values").sizes;
  const std::int64_t after = rank - indices.axis - indices.mask_rank;
  const auto own = static_cast<std::int64_t>(told.size());
  if (own > after + indices.axis + 1) return nullptr;
  if (own > after) {
    if (told[static_cast<std::size_t>(own - after - 1)] != ir::Dim(1)) return nullptr;
    // The one value for all stands for each axis of the mask.
    Ints axes(static_cast<std::size_t>(indices.mask_rank - 1), 0);
    for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = own - after - 1 + static_cast<std::int64_t>(i);
    if (!axes.empty()) values = c.unsqueeze(values, axes);
  }
  ir::Value* mask = indices.mask;
  Ints trailing(static_cast<std::size_t>(after));
  for (std::size_t i = 0; i < trailing.size(); ++i) trailing[i] = indices.mask_rank + static_cast<std::int64_t>(i);
  if (!trailing.empty()) mask = c.unsqueeze(mask, trailing);
  if (accumulate) values = c.emit("Add", {self, values});
  return c.where(mask, values, self);
}

ir::Value* write_at(Call& c, const Indices& indices, ir::Value* values, bool accumulate) {
  ir::Value* self = c.tensor("self");
  const std::int64_t rank = torch_rank(c);
  const DataType dtype = c.dtype(self);
  if (indices.given == 0) c.refuse("it has no index");
  if (indices.mask != nullptr && !(accumulate && dtype == DataType::boolean)) {
    if (ir::Value* chosen = choose_masked(c, self, values, indices, rank, accumulate)) return chosen;
  }
  ir::Value* where = coordinates(c, indices);
  const std::int64_t made = c.rank(where) - 1;
  const std::int64_t result_rank = made + rank - indices.given;
  const Ints order = indexed_first(indices, rank);
  ir::Value* moved = reordered(c, self, order);
  Values sizes;
  for (std::int64_t i = 0; i < made; ++i) sizes.push_back(c.size(where, i));
  for (std::int64_t i = indices.given; i < rank; ++i) sizes.push_back(c.size(moved, i));
  ir::Value* fresh = c.expand_to(arranged_values(c, values, indices, made, result_rank), joined_sizes(c, sizes));
  const auto write = [&](ir::Value* base, ir::Value* updates) {
    return accumulate ? c.emit("ScatterND", {base, where, updates}, {{"reduction", "add"}})
                      : c.emit("ScatterND", {base, where, updates});
  };
  ir::Value* written = accumulate ? with_reducible(c, moved, fresh, write) : write(moved, fresh);
  Ints back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  return reordered(c, written, back);
}

ir::Value* index_put(Call& c) {
  ir::Value* values = converted(c, c.tensor("values"), c.meta("values").dtype, c.meta("self").dtype);
  return write_at(c, read_indices(c), values, c.flag("accumulate", false));
}

/// Where the mask is false an index may lie outside, and nothing is added.
ir::Value* masked_index_put(Call& c) {
  ir::Value* self = c.tensor("self");
  if (std::ranges::find(c.meta("self").sizes, ir::Dim(0)) != c.meta("self").sizes.end()) return self;
  Indices indices = read_indices(c);
  for (std::size_t i = 0; i < indices.at.size(); ++i) {
    if (indices.at[i] == nullptr) continue;
    ir::Value* size = c.as_scalar(c.size(self, static_cast<std::int64_t>(i)));
    ir::Value* first = c.emit("Neg", {size});
    ir::Value* last = c.emit("Sub", {size, c.integer_scalar(1)});
    indices.at[i] = c.emit("Min", {c.emit("Max", {c.cast(indices.at[i], DataType::int64), first}), last});
  }
  ir::Value* values = c.cast(c.tensor("values"), c.dtype(self));
  values = c.where(c.tensor("mask"), values, c.scalar(Number(std::int64_t{0}), c.dtype(values)));
  return write_at(c, indices, values, true);
}

constexpr std::array kOps = {
    complex_too(op("aten.index.Tensor", index)),
    complex_too(op("aten._unsafe_index.Tensor", index)),
    op("aten._unsafe_masked_index.default", masked_index),
    complex_too(op("aten.index_select.default", index_select)),
    op("aten.gather.default", gather),
    op("aten.take.default", take),
    op("aten.take_along_dim.default", take_along_dim),
    complex_too(op("aten.embedding.default", embedding)),
    op("aten.one_hot.default", one_hot),
    op("aten.index_put.default", index_put),
    op("aten._unsafe_masked_index_put_accumulate.default", masked_index_put),
    op("aten._index_put_impl.default", index_put),
    op("aten._unsafe_index_put.default", index_put),
};

}  // namespace

Ops indexing_ops() { return kOps; }

}  // namespace olivine::torch

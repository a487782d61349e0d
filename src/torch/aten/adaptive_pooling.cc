#include <algorithm>
#include <array>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// Pools that are told how many windows there are. Window i of n over an axis of s elements holds those from
/// ⌊i·s/n⌋ to ⌈(i+1)·s/n⌉.
namespace olivine::torch {
namespace {

/// Along one axis.
struct Adaptive {
  ir::Value* size;   ///< int64[1]
  ir::Value* count;  ///< of windows
  std::optional<std::int64_t> known_size;
  std::optional<std::int64_t> known_count;
};

std::vector<Adaptive> axes_of(Call& c, ir::Value* x, std::size_t rank) {
  Values counts = c.size_list("output_size");
  if (counts.size() == 1) counts.resize(rank, counts.front());
  std::vector<Adaptive> axes;
  for (std::size_t i = 0; i < rank; ++i) {
    const auto axis = kFirstSpatial + static_cast<std::int64_t>(i);
    const auto known = c.find_ints(counts[i]);
    axes.push_back(
        {c.size(x, axis), counts[i], c.find_dim(x, axis), known ? std::optional(known->front()) : std::nullopt});
  }
  return axes;
}

bool are_all_single(const std::vector<Adaptive>& axes) {
  return std::ranges::all_of(axes, [](const Adaptive& axis) { return axis.known_count == 1; });
}

/// The windows of a pool with a kernel, where they all are as large and don't overlap.
std::optional<Ints> equal_windows(const std::vector<Adaptive>& axes) {
  Ints kernel;
  for (const Adaptive& axis : axes) {
    if (!axis.known_size || axis.known_count.value_or(0) == 0 || *axis.known_size == 0 ||
        *axis.known_size % *axis.known_count != 0) {
      return std::nullopt;
    }
    kernel.push_back(*axis.known_size / *axis.known_count);
  }
  return kernel;
}

struct Table {
  ir::Value* positions;  ///< int64[windows, most elements]
  ir::Value* sizes;      ///< int64[windows]
};

/// Positions of the windows' elements. Windows that are smaller than the largest end with `filler` (int64[1]), or,
/// where that is null, with their last element again.
Table table_of(Call& c, const Adaptive& axis, ir::Value* filler) {
  ir::Value* numbers = c.range(axis.count);
  ir::Value* one = c.ints({1});
  ir::Value* starts = c.emit("Div", {c.emit("Mul", {numbers, axis.size}), axis.count});
  ir::Value* scaled = c.emit("Mul", {c.emit("Add", {numbers, one}), axis.size});
  ir::Value* round_up = c.emit("Sub", {axis.count, one});
  ir::Value* ends = c.emit("Div", {c.emit("Add", {scaled, round_up}), axis.count});
  ir::Value* sizes = c.emit("Sub", {ends, starts});
  ir::Value* largest = c.reduce("ReduceMax", sizes, {0}, true);
  ir::Value* offsets = c.range(largest);
  ir::Value* own_sizes = c.unsqueeze(sizes, {1});
  if (filler == nullptr) {
    ir::Value* last = c.emit("Sub", {own_sizes, one});
    return {c.emit("Add", {c.unsqueeze(starts, {1}), c.emit("Min", {offsets, last})}), sizes};
  }
  ir::Value* positions = c.emit("Add", {c.unsqueeze(starts, {1}), offsets});
  return {c.where(c.emit("Less", {offsets, own_sizes}), positions, filler), sizes};
}

// ---- Mean

/// A pool that runtimes know: of all that there is, or of windows of one size; null where there is none.
ir::Value* plain_mean(Call& c, ir::Value* x, const std::vector<Adaptive>& axes) {
  if (are_all_single(axes)) return c.emit("GlobalAveragePool", {x});
  const auto kernel = equal_windows(axes);
  if (!kernel) return nullptr;
  return c.emit("AveragePool", {x}, {{"kernel_shape", *kernel}, {"strides", *kernel}});
}

ir::Value* mean_of_windows(Call& c, ir::Value* x, const std::vector<Adaptive>& axes) {
  // A zero behind the last element is what smaller windows end with.
  std::vector<WindowAxis> padding(axes.size());
  for (WindowAxis& axis : padding) axis.after = 1;
  Values tables;
  Values sizes;
  for (const Adaptive& axis : axes) {
    const Table table = table_of(c, axis, axis.size);
    tables.push_back(table.positions);
    sizes.push_back(c.cast(table.sizes, c.dtype(x)));
  }
  ir::Value* windows = take_windows(c, pad_spatial(c, x, padding, 0), tables);
  ir::Value* mean = c.reduce("ReduceSum", windows, kernel_axes(axes.size()), false);
  // By the product where it is known, else by one axis after the other.
  const bool are_known = std::ranges::all_of(sizes, [&](ir::Value* size) { return c.find_reals(size).has_value(); });
  ir::Value* volume = nullptr;
  for (std::size_t i = axes.size(); i-- > 0;) {
    Ints behind;
    for (std::size_t later = i + 1; later < axes.size(); ++later)
      behind.push_back(-static_cast<std::int64_t>(later - i));
    ir::Value* size = behind.empty() ? sizes[i] : c.unsqueeze(sizes[i], behind);
    if (!are_known) mean = c.emit("Div", {mean, size});
    if (are_known) volume = volume == nullptr ? size : c.emit("Mul", {size, volume});
  }
  if (are_known) mean = c.emit("Div", {mean, volume});
  return mean;
}

ir::Value* adaptive_mean(Call& c) {
  const std::size_t rank = rank_by_name(c);
  ir::Value* given = c.tensor("self");
  const DataType dtype = c.dtype(given);
  ir::Value* x = with_batch(c, carried(c, given), rank);
  const std::vector<Adaptive> axes = axes_of(c, x, rank);
  ir::Value* result = plain_mean(c, x, axes);
  // Sums of half precision are those of single precision.
  if (result == nullptr) {
    result = mean_of_windows(c, dtype == DataType::float16 ? c.cast(x, DataType::float32) : x, axes);
  }
  return c.cast(without_batch(c, result, given, rank), dtype);
}

// ---- Largest

Values largest_of_windows(Call& c, ir::Value* x, const std::vector<Adaptive>& axes) {
  const std::size_t rank = axes.size();
  Values tables;
  ir::Value* places = nullptr;
  for (const Adaptive& axis : axes) {
    tables.push_back(table_of(c, axis, nullptr).positions);
    places = places == nullptr
                 ? tables.back()
                 : c.emit("Add", {c.emit("Mul", {c.unsqueeze(places, {-1, -2}), axis.size}), tables.back()});
  }
  ir::Value* windows = take_windows(c, x, tables);
  ir::Value* largest = c.reduce("ReduceMax", windows, kernel_axes(rank), false);
  const std::int64_t first = kFirstSpatial + static_cast<std::int64_t>(rank);
  ir::Value* last = merge_from(c, kernels_last(c, windows, rank), first);
  ir::Value* chosen = c.emit("ArgMax", {last}, {{"axis", -1}, {"keepdims", 1}});
  places = merge_from(c, kernels_last(c, c.unsqueeze(places, {0, 1}), rank), first);
  places = c.emit("Expand", {places, c.shape(last)});
  return {largest, c.squeeze(c.emit("GatherElements", {places, chosen}, {{"axis", -1}}), {-1})};
}

Values adaptive_largest(Call& c) {
  const std::size_t rank = rank_by_name(c);
  ir::Value* given = c.tensor("self");
  ir::Value* x = with_batch(c, carried(c, given), rank);
  const std::vector<Adaptive> axes = axes_of(c, x, rank);
  Values results;
  const auto kernel = equal_windows(axes);
  const bool has_places = c.is_used(1);
  if (are_all_single(axes) && !has_places) {
    results = {c.emit("GlobalMaxPool", {x})};
  } else if (kernel) {
    results = c.emit_many("MaxPool", {x}, has_places ? 2 : 1, {{"kernel_shape", *kernel}, {"strides", *kernel}});
    // ONNX counts places through the whole tensor, PyTorch in each plane.
    std::int64_t volume = 1;
    for (const Adaptive& axis : axes) volume *= *axis.known_size;
    if (has_places) results[1] = c.emit("Mod", {results[1], c.integer_scalar(volume)});
  } else {
    results = largest_of_windows(c, x, axes);
  }
  for (ir::Value*& result : results) result = without_batch(c, result, given, rank);
  results[0] = c.cast(results[0], c.dtype(given));
  return results;
}

constexpr std::array kOps = {
    op("aten.adaptive_avg_pool1d.default", adaptive_mean),    op("aten.adaptive_avg_pool2d.default", adaptive_mean),
    op("aten.adaptive_avg_pool3d.default", adaptive_mean),    op("aten._adaptive_avg_pool2d.default", adaptive_mean),
    op("aten._adaptive_avg_pool3d.default", adaptive_mean),   op("aten.adaptive_max_pool1d.default", adaptive_largest),
    op("aten.adaptive_max_pool2d.default", adaptive_largest), op("aten.adaptive_max_pool3d.default", adaptive_largest),
};

}  // namespace

Ops adaptive_pooling_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <array>
#include <limits>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// Pools with a kernel: the largest element of each window with or without its place, the mean.
namespace olivine::torch {
namespace {

struct Pool {
  std::size_t rank = 0;
  Ints kernel;
  Ints stride;
  Ints padding;
  Ints dilation;
  bool rounds_up = false;  ///< windows may reach over the end
};

Pool pool_of(Call& c) {
  Pool pool;
  pool.rank = rank_by_name(c);
  pool.kernel = per_dimension(c, "kernel_size", pool.rank, {});
  pool.stride = per_dimension(c, "stride", pool.rank, pool.kernel);
  pool.padding = per_dimension(c, "padding", pool.rank, {0});
  pool.dilation = per_dimension(c, "dilation", pool.rank, {1});
  pool.rounds_up = c.flag("ceil_mode", false);
  return pool;
}

Attrs attributes_of(const Pool& pool) {
  Ints pads = pool.padding;
  pads.insert(pads.end(), pool.padding.begin(), pool.padding.end());
  Attrs attributes = {{"kernel_shape", pool.kernel}, {"strides", pool.stride}};
  if (std::ranges::any_of(pads, [](std::int64_t pad) { return pad != 0; })) attributes.emplace_back("pads", pads);
  if (pool.rounds_up) attributes.emplace_back("ceil_mode", 1);
  return attributes;
}

/// The windows' axes, with what has to be padded behind for windows that reach over the end: these must start inside.
std::vector<WindowAxis> window_axes_of(Call& c, const ir::Value* x, const Pool& pool) {
  std::vector<WindowAxis> axes;
  for (std::size_t i = 0; i < pool.rank; ++i) {
    WindowAxis axis = {pool.kernel[i], pool.stride[i], pool.padding[i], pool.padding[i], pool.dilation[i]};
    if (pool.rounds_up) {
      const auto size = c.find_dim(x, kFirstSpatial + static_cast<std::int64_t>(i));
      const std::int64_t reach = axis.dilation * (axis.kernel - 1) + 1;
      if (!size) {
        // Room for one more window, which is used only where it starts inside: always, by steps as small as these.
        if (axis.stride > reach - axis.before) c.refuse("how many windows it has is known only when the model runs");
        axis.after += axis.stride - 1;
        axes.push_back(axis);
        continue;
      }
      std::int64_t steps = (*size + 2 * axis.before - reach + axis.stride - 1) / axis.stride;
      if (steps * axis.stride >= *size + axis.before) --steps;
      axis.after = std::max(axis.after, steps * axis.stride + reach - *size - axis.before);
    }
    axes.push_back(axis);
  }
  return axes;
}

Values tables_of(Call& c, ir::Value* x, const std::vector<WindowAxis>& axes) {
  Values tables;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    tables.push_back(window_positions(c, c.size(x, kFirstSpatial + static_cast<std::int64_t>(i)), axes[i]));
  }
  return tables;
}

// ---- Largest

/// MaxPool takes reals and bytes; other integers are cut into windows.
bool is_pooled_by_onnx(DataType dtype) {
  return is_float(dtype) || dtype == DataType::int8 || dtype == DataType::uint8;
}

ir::Value* spatial_volume(Call& c, ir::Value* x, std::size_t rank) {
  ir::Value* volume = c.size(x, kFirstSpatial);
  for (std::size_t i = 1; i < rank; ++i) {
    volume = c.emit("Mul", {volume, c.size(x, kFirstSpatial + static_cast<std::int64_t>(i))});
  }
  return volume;
}

/// The place within its plane of each element of the windows, as int64[windows, kernel, windows, kernel …].
ir::Value* places_in_plane(Call& c, ir::Value* x, const std::vector<WindowAxis>& axes, const Values& tables) {
  ir::Value* places = nullptr;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ir::Value* own = c.emit("Sub", {tables[i], c.ints({axes[i].before})});
    if (places == nullptr) {
      places = own;
      continue;
    }
    ir::Value* size = c.size(x, kFirstSpatial + static_cast<std::int64_t>(i));
    places = c.emit("Add", {c.emit("Mul", {c.unsqueeze(places, {-1, -2}), size}), own});
  }
  return places;
}

/// Largest elements of integers, and their places: the first where several are as large.
Values largest_of_integers(Call& c, ir::Value* given, const Pool& pool) {
  ir::Value* x = c.cast(given, DataType::int64);
  const std::vector<WindowAxis> axes = window_axes_of(c, x, pool);
  const Values tables = tables_of(c, x, axes);
  const auto lowest = static_cast<double>(std::numeric_limits<std::int64_t>::min());
  ir::Value* windows = take_windows(c, pad_spatial(c, x, axes, lowest), tables);
  ir::Value* largest = c.cast(c.reduce("ReduceMax", windows, kernel_axes(pool.rank), false), c.dtype(given));
  // The places of a window's elements in the order of the kernel, behind each other.
  std::int64_t volume = 1;
  for (const std::int64_t size : pool.kernel) volume *= size;
  Ints flat(2 + pool.rank, 0);
  flat.push_back(volume);
  ir::Value* last = c.emit("Reshape", {kernels_last(c, windows, pool.rank), c.ints(flat)});
  ir::Value* chosen = c.emit("ArgMax", {last}, {{"axis", -1}, {"keepdims", 1}});
  ir::Value* places = c.unsqueeze(places_in_plane(c, x, axes, tables), {0, 1});
  places = c.emit("Reshape", {kernels_last(c, places, pool.rank), c.ints(flat)});
  Values sizes;
  for (std::size_t i = 0; i < 2 + pool.rank; ++i) sizes.push_back(c.size(chosen, static_cast<std::int64_t>(i)));
  sizes.push_back(c.ints({volume}));
  places = c.emit("Expand", {places, c.concat(sizes, 0)});
  return {largest, c.squeeze(c.emit("GatherElements", {places, chosen}, {{"axis", -1}}), {-1})};
}

Values largest(Call& c, bool with_places) {
  const Pool pool = pool_of(c);
  ir::Value* given = c.tensor("self");
  ir::Value* x = with_batch(c, carried(c, given), pool.rank);
  Values results;
  if (!is_pooled_by_onnx(c.dtype(x))) {
    results = largest_of_integers(c, x, pool);
  } else {
    Attrs attributes = attributes_of(pool);
    attributes.emplace_back("dilations", pool.dilation);
    results = c.emit_many("MaxPool", {x}, with_places ? 2 : 1, std::move(attributes));
    // ONNX counts places through the whole tensor, PyTorch in each plane.
    if (with_places) results[1] = c.emit("Mod", {results[1], spatial_volume(c, x, pool.rank)});
  }
  for (ir::Value*& result : results) result = without_batch(c, result, given, pool.rank);
  results[0] = c.cast(results[0], c.dtype(given));
  return results;
}

ir::Value* max_pool(Call& c) { return largest(c, false).front(); }
Values max_pool_with_places(Call& c) { return largest(c, c.is_used(1)); }

// ---- Mean

ir::Value* mean_of_integers(Call& c, ir::Value* given, const Pool& pool, bool counts_padding,
                            std::optional<std::int64_t> divisor);

/// Sums of windows, by a number that isn't their size: the mean of windows as large as the kernel, and the ratio.
ir::Value* mean_by_divisor(Call& c, ir::Value* x, Pool pool, std::int64_t divisor) {
  std::int64_t volume = 1;
  for (const std::int64_t size : pool.kernel) volume *= size;
  if (pool.rounds_up) {
    x = pad_spatial(c, x, window_axes_of(c, x, pool), 0);
    pool.padding = Ints(pool.rank, 0);
    pool.rounds_up = false;
  }
  Attrs attributes = attributes_of(pool);
  attributes.emplace_back("count_include_pad", 1);
  ir::Value* mean = c.emit("AveragePool", {x}, std::move(attributes));
  if (volume == divisor) return mean;
  return c.emit("Mul", {mean, c.number_like(static_cast<double>(volume) / static_cast<double>(divisor), mean)});
}

ir::Value* mean_pool(Call& c) {
  const Pool pool = pool_of(c);
  ir::Value* given = c.tensor("self");
  ir::Value* x = with_batch(c, carried(c, given), pool.rank);
  const bool counts_padding = c.flag("count_include_pad", true);
  std::optional<std::int64_t> divisor;
  if (c.has("divisor_override")) divisor = c.integer("divisor_override");
  ir::Value* result = nullptr;
  if (!is_float(c.dtype(x))) {
    result = mean_of_integers(c, x, pool, counts_padding, divisor);
  } else if (divisor) {
    result = mean_by_divisor(c, x, pool, *divisor);
  } else {
    Attrs attributes = attributes_of(pool);
    if (counts_padding) attributes.emplace_back("count_include_pad", 1);
    result = c.emit("AveragePool", {x}, std::move(attributes));
  }
  return c.cast(without_batch(c, result, given, pool.rank), c.dtype(given));
}

/// How many elements each window has, of those that count.
ir::Value* window_sizes(Call& c, ir::Value* x, const Pool& pool, const std::vector<WindowAxis>& axes,
                        const Values& tables, bool counts_padding) {
  ir::Value* sizes = nullptr;
  for (std::size_t i = 0; i < pool.rank; ++i) {
    // Positions are those of the padded axis.
    ir::Value* size = c.size(x, kFirstSpatial + static_cast<std::int64_t>(i));
    const std::int64_t first = counts_padding ? 0 : axes[i].before;
    const std::int64_t added = counts_padding ? axes[i].before + pool.padding[i] : axes[i].before;
    ir::Value* inside = c.emit("And", {c.emit("GreaterOrEqual", {tables[i], c.ints({first})}),
                                       c.emit("Less", {tables[i], c.emit("Add", {size, c.ints({added})})})});
    ir::Value* own = c.reduce("ReduceSum", c.cast(inside, DataType::int64), {1}, false);
    sizes = sizes == nullptr ? own : c.emit("Mul", {c.unsqueeze(sizes, {-1}), own});
  }
  return sizes;
}

/// PyTorch divides integers as integers.
ir::Value* mean_of_integers(Call& c, ir::Value* given, const Pool& pool, bool counts_padding,
                            std::optional<std::int64_t> divisor) {
  ir::Value* x = c.cast(given, DataType::int64);
  const std::vector<WindowAxis> axes = window_axes_of(c, x, pool);
  const Values tables = tables_of(c, x, axes);
  ir::Value* windows = take_windows(c, pad_spatial(c, x, axes, 0), tables);
  ir::Value* sum = c.reduce("ReduceSum", windows, kernel_axes(pool.rank), false);
  ir::Value* count = divisor ? c.integer_scalar(*divisor) : window_sizes(c, x, pool, axes, tables, counts_padding);
  return c.emit("Div", {sum, count});
}

constexpr std::array kOps = {
    op("aten.max_pool1d.default", max_pool),
    op("aten.max_pool2d.default", max_pool),
    op("aten.max_pool3d.default", max_pool),
    op("aten.max_pool1d_with_indices.default", max_pool_with_places),
    op("aten.max_pool2d_with_indices.default", max_pool_with_places),
    op("aten.max_pool3d_with_indices.default", max_pool_with_places),
    op("aten.avg_pool1d.default", mean_pool),
    op("aten.avg_pool2d.default", mean_pool),
    op("aten.avg_pool3d.default", mean_pool),
};

}  // namespace

Ops pooling_ops() { return kOps; }

}  // namespace olivine::torch

#include <array>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// What goes with pools: elements put back to their places, and pools whose windows lie at random.
namespace olivine::torch {
namespace {

ir::Value* product(Call& c, const Values& sizes) {
  ir::Value* whole = sizes.front();
  for (std::size_t i = 1; i < sizes.size(); ++i) whole = c.emit("Mul", {whole, sizes[i]});
  return whole;
}

/// What stands before the spatial dimensions: batch and channels, or channels.
Values leading_sizes(Call& c, ir::Value* x, std::size_t rank) {
  Values sizes;
  for (std::int64_t axis = 0; axis < c.rank(x) - static_cast<std::int64_t>(rank); ++axis) {
    sizes.push_back(c.size(x, axis));
  }
  return sizes;
}

/// Elements at their places in planes of zeros.
ir::Value* placed(Call& c, ir::Value* x, ir::Value* places, std::size_t rank, const Values& spatial, bool adds) {
  Values sizes = leading_sizes(c, x, rank);
  ir::Value* planes = product(c, sizes);
  Values own;
  for (std::int64_t axis = c.rank(x) - static_cast<std::int64_t>(rank); axis < c.rank(x); ++axis) {
    own.push_back(c.size(x, axis));
  }
  ir::Value* flat = c.concat({planes, product(c, own)}, 0);
  const DataType dtype = c.dtype(x);
  // Sums are made in a type that runtimes add in.
  ir::Value* elements = c.reshape_to(adds && dtype == DataType::float16 ? c.cast(x, DataType::float32) : x, flat);
  ir::Value* zeros = c.filled(c.concat({planes, product(c, spatial)}, 0), Number(0.0), c.dtype(elements));
  Attrs attributes = {{"axis", 1}};
  if (adds) attributes.emplace_back("reduction", "add");
  ir::Value* result = c.emit("ScatterElements", {zeros, c.reshape_to(places, flat), elements}, std::move(attributes));
  sizes.insert(sizes.end(), spatial.begin(), spatial.end());
  return c.reshape_to(c.cast(result, dtype), c.concat(sizes, 0));
}

ir::Value* max_unpool(Call& c) {
  ir::Value* given = c.tensor("self");
  ir::Value* result =
      placed(c, carried(c, given), c.tensor("indices"), rank_by_name(c), c.size_list("output_size"), false);
  return c.cast(result, c.dtype(given));
}

/// Each element's gradient goes to where it came from.
ir::Value* max_pool_backward(Call& c) {
  const std::size_t rank = rank_by_name(c);
  ir::Value* gradient = c.tensor("grad_output");
  ir::Value* self = c.tensor("self");
  Values spatial;
  for (std::int64_t i = -static_cast<std::int64_t>(rank); i < 0; ++i) spatial.push_back(c.size(self, c.rank(self) + i));
  return c.cast(placed(c, carried(c, gradient), c.tensor("indices"), rank, spatial, true), c.dtype(gradient));
}

// ---- Fractional

/// Where windows start along one axis, int64[N, C, windows]: whole((i + u)·α) - whole(u·α) with
/// α = (size - kernel) / (windows - 1) and u from the samples; the last one ends with the axis.
ir::Value* fractional_starts(Call& c, ir::Value* samples, ir::Value* size, std::int64_t kernel, std::int64_t windows) {
  ir::Value* last = c.emit("Sub", {size, c.ints({kernel})});
  if (windows == 1)
    return c.emit("Add", {c.cast(c.emit("Mul", {samples, c.number_like(0, samples)}), DataType::int64), last});
  const DataType real = c.dtype(samples);
  ir::Value* step = c.emit("Div", {c.cast(last, real), c.number(static_cast<double>(windows - 1), real)});
  std::vector<double> numbers;
  for (std::int64_t i = 0; i < windows - 1; ++i) numbers.push_back(static_cast<double>(i));
  ir::Value* steps = c.reals(numbers, {windows - 1}, real);
  const auto whole = [&](ir::Value* value) { return c.cast(value, DataType::int64); };  // towards zero
  ir::Value* ends = whole(c.emit("Mul", {c.emit("Add", {samples, steps}), step}));
  ir::Value* starts = c.emit("Sub", {ends, whole(c.emit("Mul", {samples, step}))});
  Values sizes = {c.size(samples, 0), c.size(samples, 1), c.ints({1})};
  return c.concat({starts, c.emit("Expand", {last, c.concat(sizes, 0)})}, 2);
}

/// The largest element of each window and its place in the plane.
Values fractional_max_pool(Call& c) {
  const std::size_t rank = rank_by_name(c);
  const Ints kernel = per_dimension(c, "kernel_size", rank, {});
  const Ints windows = per_dimension(c, "output_size", rank, {});
  ir::Value* given = c.tensor("self");
  ir::Value* x = with_batch(c, carried(c, given), rank);
  ir::Value* samples =
      c.cast(c.tensor("random_samples"), c.dtype(x) == DataType::float64 ? DataType::float64 : DataType::float32);
  // Places as [N, C, windows, kernel, windows, kernel …].
  ir::Value* places = nullptr;
  for (std::size_t i = 0; i < rank; ++i) {
    const auto axis = static_cast<std::int64_t>(i);
    // In two dimensions the samples are for width and height.
    const std::int64_t column = rank == 2 ? 1 - axis : axis;
    ir::Value* size = c.size(x, kFirstSpatial + axis);
    ir::Value* own = c.slice(samples, 2, column, column + 1);
    ir::Value* starts = fractional_starts(c, own, size, kernel[i], windows[i]);
    Ints offsets;
    for (std::int64_t k = 0; k < kernel[i]; ++k) offsets.push_back(k);
    ir::Value* positions = c.emit("Add", {c.unsqueeze(starts, {3}), c.ints(offsets)});
    if (places == nullptr) {
      places = positions;
      continue;
    }
    Ints before;
    for (std::int64_t k = 0; k < 2 * axis; ++k) before.push_back(2 + k);
    places = c.emit("Add", {c.emit("Mul", {c.unsqueeze(places, {-1, -2}), size}), c.unsqueeze(positions, before)});
  }
  places = kernels_last(c, places, rank);
  std::int64_t volume = 1;
  std::int64_t count = 1;
  for (std::size_t i = 0; i < rank; ++i) {
    volume *= kernel[i];
    count *= windows[i];
  }
  ir::Value* taken = c.emit("GatherElements", {merge_from(c, x, 2), merge_from(c, places, 2)}, {{"axis", 2}});
  ir::Value* elements = c.emit("Reshape", {taken, c.ints({0, 0, count, volume})});
  ir::Value* chosen = c.emit("ArgMax", {elements}, {{"axis", -1}, {"keepdims", 1}});
  ir::Value* rows = c.emit("Reshape", {places, c.ints({0, 0, count, volume})});
  Ints out = {0, 0};
  out.insert(out.end(), windows.begin(), windows.end());
  Values results = {c.reduce("ReduceMax", elements, {-1}, false),
                    c.emit("GatherElements", {rows, chosen}, {{"axis", -1}})};
  for (ir::Value*& result : results) result = without_batch(c, c.emit("Reshape", {result, c.ints(out)}), given, rank);
  results[0] = c.cast(results[0], c.dtype(given));
  return results;
}

constexpr std::array kOps = {
    op("aten.max_unpool2d.default", max_unpool),
    op("aten.max_unpool3d.default", max_unpool),
    op("aten.max_pool2d_with_indices_backward.default", max_pool_backward),
    op("aten.max_pool3d_with_indices_backward.default", max_pool_backward),
    op("aten.fractional_max_pool2d.default", fractional_max_pool),
    op("aten.fractional_max_pool3d.default", fractional_max_pool),
};

}  // namespace

Ops unpooling_ops() { return kOps; }

}  // namespace olivine::torch

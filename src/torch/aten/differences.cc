#include <array>
#include <limits>
#include <vector>

#include "torch/aten/families.h"
#include "torch/aten/reduce.h"
#include "torch/aten/shapes.h"
#include "torch/promote.h"

/// Differences of neighbours: diff, gradients, and areas under curves.
namespace olivine::torch {
namespace {

constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

/// Neighbours along an axis: all but the first, all but the last.
ir::Value* later(Call& c, ir::Value* value, std::int64_t axis) { return c.slice(value, axis, 1, kEnd); }
ir::Value* earlier(Call& c, ir::Value* value, std::int64_t axis) { return c.slice(value, axis, 0, -1); }

ir::Value* step(Call& c, ir::Value* value, std::int64_t axis) {
  const bool is_condition = c.dtype(value) == DataType::boolean;
  return c.emit(is_condition ? "Xor" : "Sub", {later(c, value, axis), earlier(c, value, axis)});
}

ir::Value* diff(Call& c) {
  ir::Value* value = c.tensor("self");
  const std::int64_t axis = axis_argument(c, "dim", -1, c.rank(value));
  Values parts = {c.find_tensor("prepend"), value, c.find_tensor("append")};
  std::erase(parts, nullptr);
  if (parts.size() > 1) value = c.concat(parts, axis);
  for (std::int64_t times = c.integer("n", 1); times > 0; --times) value = step(c, value, axis);
  return value;
}

// ---- Areas

/// PyTorch divides integers as floats.
ir::Value* real_of(Call& c, ir::Value* value) {
  return is_float(c.dtype(value)) ? value : c.cast(value, DataType::float32);
}

/// `x`, or a row of it, so that it goes along `axis` of `y`.
ir::Value* along(Call& c, ir::Value* x, ir::Value* y, std::int64_t axis) {
  if (c.rank(x) != 1) return x;
  const std::int64_t behind = c.rank(y) - 1 - axis;
  Ints axes;
  for (std::int64_t i = 1; i <= behind; ++i) axes.push_back(i);
  return axes.empty() ? x : c.unsqueeze(x, axes);
}

/// Twice the area of each trapezoid over neighbours whose distances are the differences of `x`.
ir::Value* doubled_areas(Call& c, std::int64_t axis) {
  ir::Value* y = c.tensor("y");
  ir::Value* x = c.tensor("x");
  const DataType dtype = promote_types(c.dtype(y), c.dtype(x));
  ir::Value* places = along(c, x, y, axis);
  ir::Value* widths = step(c, places, c.rank(places) - c.rank(y) + axis);
  ir::Value* heights = c.emit("Add", {later(c, y, axis), earlier(c, y, axis)});
  return c.emit("Mul", {c.cast(widths, dtype), c.cast(heights, dtype)});
}

ir::Value* halved(Call& c, ir::Value* value) {
  ir::Value* real = real_of(c, value);
  return c.emit("Mul", {real, c.number_like(0.5, real)});
}

/// Nothing has no area; it keeps its type.
ir::Value* no_area(Call& c, ir::Value* y, std::int64_t axis) {
  const DataType dtype = c.dtype(y);
  return c.cast(reduce(c, "ReduceSum", c.cast(y, sum_type(dtype)), {axis}, false), dtype);
}

ir::Value* trapezoid_by_places(Call& c) {
  ir::Value* y = c.tensor("y");
  const std::int64_t axis = axis_argument(c, "dim", -1, c.rank(y));
  if (c.find_dim(y, axis) == 0) return no_area(c, y, axis);
  ir::Value* areas = doubled_areas(c, axis);
  areas = c.cast(areas, sum_type(c.dtype(areas)));
  return halved(c, reduce(c, "ReduceSum", areas, {axis + c.rank(areas) - c.rank(y)}, false));
}

/// A real or integer distance; 1 unless it is given.
ir::Value* times_distance(Call& c, ir::Value* value, double factor) {
  const double distance = c.real("dx", 1) * factor;
  return distance == 1 ? value : c.emit("Mul", {value, c.number_like(distance, value)});
}

/// The sum less half of the ends.
ir::Value* trapezoid_by_distance(Call& c) {
  ir::Value* y = c.tensor("y");
  const std::int64_t axis = axis_argument(c, "dim", -1, c.rank(y));
  const DataType dtype = c.dtype(y);
  const DataType real = is_float(dtype) ? dtype : DataType::float32;
  if (c.find_dim(y, axis) == 0) return no_area(c, y, axis);
  const auto end = [&](std::int64_t index) { return c.emit("Gather", {y, c.integer_scalar(index)}, {{"axis", axis}}); };
  ir::Value* ends = halved(c, c.emit("Add", {end(0), end(-1)}));
  ir::Value* total = c.cast(reduce(c, "ReduceSum", c.cast(y, sum_type(dtype)), {axis}, false), real);
  return times_distance(c, c.emit("Sub", {total, ends}), 1);
}

ir::Value* cumulated(Call& c, ir::Value* value, std::int64_t axis) {
  return c.emit("CumSum", {value, c.integer_scalar(axis)});
}

ir::Value* cumulative_by_places(Call& c) {
  ir::Value* y = c.tensor("y");
  const std::int64_t axis = axis_argument(c, "dim", -1, c.rank(y));
  ir::Value* areas = doubled_areas(c, axis);
  if (!is_float(c.dtype(areas))) areas = c.cast(areas, DataType::int64);
  return halved(c, cumulated(c, areas, axis + c.rank(areas) - c.rank(y)));
}

ir::Value* cumulative_by_distance(Call& c) {
  ir::Value* y = c.tensor("y");
  const std::int64_t axis = axis_argument(c, "dim", -1, c.rank(y));
  ir::Value* heights = real_of(c, c.emit("Add", {later(c, y, axis), earlier(c, y, axis)}));
  return cumulated(c, times_distance(c, heights, 0.5), axis);
}

// ---- Gradients

/// Slices of one place along an axis, counted from the end when negative.
ir::Value* place(Call& c, ir::Value* value, std::int64_t axis, std::int64_t index) {
  return c.slice(value, axis, index, index == -1 ? kEnd : index + 1);
}

/// The distances between places along an axis, or one for all of them.
struct Spacing {
  ir::Value* places = nullptr;  ///< 1-D
  double distance = 1;
};

struct Weights {
  ir::Value* first;
  ir::Value* second;
  ir::Value* third;
};

ir::Value* weighted(Call& c, const Weights& weights, const std::array<ir::Value*, 3>& values) {
  ir::Value* sum =
      c.emit("Add", {c.emit("Mul", {weights.first, values[0]}), c.emit("Mul", {weights.second, values[1]})});
  return c.emit("Add", {sum, c.emit("Mul", {weights.third, values[2]})});
}

/// What a parabola through three places at distances `a` and `b` rises by, at the middle one (0), the first (-1) or
/// the last (1).
Weights parabola(Call& c, ir::Value* a, ir::Value* b, int where) {
  ir::Value* sum = c.emit("Add", {a, b});
  ir::Value* by_a = c.emit("Mul", {a, sum});
  ir::Value* by_both = c.emit("Mul", {a, b});
  ir::Value* by_b = c.emit("Mul", {b, sum});
  const auto ratio = [&](ir::Value* above, ir::Value* below) { return c.emit("Div", {above, below}); };
  const auto minus = [&](ir::Value* value) { return c.emit("Neg", {value}); };
  if (where == 0) return {minus(ratio(b, by_a)), ratio(c.emit("Sub", {b, a}), by_both), ratio(a, by_b)};
  if (where < 0) return {minus(ratio(c.emit("Add", {a, sum}), by_a)), ratio(sum, by_both), minus(ratio(a, by_b))};
  return {ratio(b, by_a), minus(ratio(sum, by_both)), ratio(c.emit("Add", {b, sum}), by_b)};
}

ir::Value* gradient_by_places(Call& c, ir::Value* value, std::int64_t axis, ir::Value* places, bool second_order) {
  ir::Value* widths = step(c, places, 0);
  const auto width = [&](std::int64_t index) { return place(c, widths, 0, index); };
  Ints dims(static_cast<std::size_t>(c.rank(value) - axis), 1);
  dims[0] = -1;
  const auto aligned = [&](ir::Value* weight) { return c.reshape(weight, dims); };
  const auto parabola_at = [&](ir::Value* a, ir::Value* b, int where) {
    return parabola(c, aligned(a), aligned(b), where);
  };
  const auto at = [&](std::int64_t index) { return place(c, value, axis, index); };
  const auto slope = [&](std::int64_t from, std::int64_t to, std::int64_t between) {
    return c.emit("Div", {c.emit("Sub", {at(to), at(from)}), aligned(width(between))});
  };
  ir::Value* middle =
      weighted(c, parabola_at(earlier(c, widths, 0), later(c, widths, 0), 0),
               {c.slice(value, axis, 0, -2), c.slice(value, axis, 1, -1), c.slice(value, axis, 2, kEnd)});
  ir::Value* first =
      second_order ? weighted(c, parabola_at(width(0), width(1), -1), {at(0), at(1), at(2)}) : slope(0, 1, 0);
  ir::Value* last =
      second_order ? weighted(c, parabola_at(width(-2), width(-1), 1), {at(-3), at(-2), at(-1)}) : slope(-2, -1, -1);
  return c.concat({first, middle, last}, axis);
}

ir::Value* gradient_by_distance(Call& c, ir::Value* value, std::int64_t axis, double distance, bool second_order) {
  const auto at = [&](std::int64_t index) { return place(c, value, axis, index); };
  const auto over = [&](ir::Value* rise, double run) { return c.emit("Div", {rise, c.number_like(run, value)}); };
  const auto minus = [&](ir::Value* a, ir::Value* b) { return c.emit("Sub", {a, b}); };
  const auto times = [&](ir::Value* a, double factor) { return c.emit("Mul", {a, c.number_like(factor, value)}); };
  ir::Value* middle = over(minus(c.slice(value, axis, 2, kEnd), c.slice(value, axis, 0, -2)), 2 * distance);
  ir::Value* first = minus(at(1), at(0));
  ir::Value* last = minus(at(-1), at(-2));
  if (second_order) {
    first = minus(times(at(1), 2), c.emit("Add", {times(at(0), 1.5), times(at(2), 0.5)}));
    last = minus(c.emit("Add", {times(at(-3), 0.5), times(at(-1), 1.5)}), times(at(-2), 2));
  }
  return c.concat({over(first, distance), middle, over(last, distance)}, axis);
}

/// One for each axis: tensors of places, numbers, or one number for all.
std::vector<Spacing> spacings(Call& c, std::size_t count) {
  std::vector<Spacing> all(count);
  if (!c.has("spacing")) return all;
  const auto* list = c.find("spacing")->as<List>();
  if (list == nullptr) return std::vector<Spacing>(count, Spacing{nullptr, c.real("spacing", 1)});
  const Values places = c.tensors("spacing");
  if (!places.empty() && places.front() != nullptr) {
    for (std::size_t i = 0; i < count; ++i) all[i].places = places.at(i);
  } else {
    const auto distances = c.reals_argument("spacing");
    for (std::size_t i = 0; i < count; ++i) all[i].distance = distances->at(i);
  }
  return all;
}

Values gradient(Call& c) {
  ir::Value* self = real_of(c, c.tensor("self"));
  const bool second_order = c.integer("edge_order", 1) == 2;
  const Ints axes = c.integers("dim").value_or(all_axes(c, self));
  const std::vector<Spacing> all = spacings(c, axes.size());
  Values results;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = c.positive_axis(axes[i], c.rank(self));
    ir::Value* places = all[i].places;
    if (places != nullptr) {
      const DataType dtype = promote_types(c.dtype(self), c.dtype(places));
      results.push_back(gradient_by_places(c, c.cast(self, dtype), axis, c.cast(places, dtype), second_order));
    } else {
      results.push_back(gradient_by_distance(c, self, axis, all[i].distance, second_order));
    }
  }
  return results;
}

constexpr std::array kOps = {
    op("aten.diff.default", diff),
    op("aten.trapezoid.x", trapezoid_by_places),
    op("aten.trapezoid.dx", trapezoid_by_distance),
    op("aten.trapz.x", trapezoid_by_places),
    op("aten.trapz.dx", trapezoid_by_distance),
    op("aten.cumulative_trapezoid.x", cumulative_by_places),
    op("aten.cumulative_trapezoid.dx", cumulative_by_distance),
    op("aten.gradient.scalarint", gradient),
    op("aten.gradient.scalararray", gradient),
    op("aten.gradient.array", gradient),
    op("aten.gradient.scalarrayint", gradient),
    op("aten.gradient.scalarrayarray", gradient),
    op("aten.gradient.tensorarrayint", gradient),
    op("aten.gradient.tensorarray", gradient),
};

}  // namespace

Ops difference_ops() { return kOps; }

}  // namespace olivine::torch

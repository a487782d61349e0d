#include <algorithm>
#include <array>

#include "torch/aten/families.h"
#include "torch/aten/reduce.h"
#include "torch/aten/sort.h"

/// Variances, quantiles.
namespace olivine::torch {
namespace {

// ---- Variances

/// What is taken off the number of elements before the squares' sum is divided by it.
double correction(Call& c) {
  if (c.has("correction")) return c.real("correction", 1);
  return c.flag("unbiased", true) ? 1 : 0;
}

struct Moments {
  ir::Value* mean;
  ir::Value* variance;
};

/// Both in the type that PyTorch adds up in.
Moments moments(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* wide = c.cast(self, accumulation_type(c.dtype(self)));
  const Ints axes = reduced_axes(c, self);
  const bool keepdim = c.flag("keepdim", false);
  ir::Value* mean = mean_of(c, wide, axes, true);
  ir::Value* centered = c.emit("Sub", {wide, mean});
  const double less = correction(c);
  ir::Value* variance = nullptr;
  if (less == 0 && !may_be_empty(c, self, axes)) {
    variance = reduce(c, "ReduceMean", c.emit("Mul", {centered, centered}), axes, keepdim);
  } else {
    ir::Value* total =
        axes.empty() ? c.emit("Mul", {centered, centered}) : reduce(c, "ReduceSumSquare", centered, axes, keepdim);
    ir::Value* zero = c.number_like(0, wide);
    ir::Value* count = count_of(c, self, axes, c.dtype(wide));
    if (less != 0) count = c.emit("Max", {c.emit("Sub", {count, c.number_like(less, wide)}), zero});
    variance = c.emit("Div", {total, count});
  }
  return {keepdim || axes.empty() ? mean : c.squeeze(mean, axes), variance};
}

ir::Value* var(Call& c) { return c.cast(moments(c).variance, c.dtype(c.tensor("self"))); }

ir::Value* std(Call& c) { return c.cast(c.emit("Sqrt", {moments(c).variance}), c.dtype(c.tensor("self"))); }

template <bool root>
Values with_mean(Call& c) {
  const DataType dtype = c.dtype(c.tensor("self"));
  const Moments both = moments(c);
  ir::Value* spread = root ? c.emit("Sqrt", {both.variance}) : both.variance;
  return {c.cast(spread, dtype), c.cast(both.mean, dtype)};
}

// ---- Quantiles

/// a + w (b - a), from the nearer end.
ir::Value* interpolate(Call& c, ir::Value* low, ir::Value* high, ir::Value* weight) {
  ir::Value* step = c.emit("Sub", {high, low});
  ir::Value* from_low = c.emit("Add", {low, c.emit("Mul", {weight, step})});
  ir::Value* rest = c.emit("Sub", {c.number_like(1, weight), weight});
  ir::Value* from_high = c.emit("Sub", {high, c.emit("Mul", {step, rest})});
  return c.where(c.emit("Less", {weight, c.number_like(0.5, weight)}), from_low, from_high);
}

/// The axis goes to the end; without one all elements are one row.
struct Rows {
  ir::Value* value;
  std::int64_t axis;  ///< where it was; -1: everywhere
  std::int64_t rank;  ///< what it was
};

Rows rows_of(Call& c) {
  ir::Value* self = c.tensor("self");
  const std::int64_t rank = c.rank(self);
  if (!c.has("dim") || rank == 0) return {c.reshape(self, {-1}), -1, rank};
  const std::int64_t axis = c.positive_axis(c.integer("dim"), rank);
  if (axis == rank - 1) return {self, axis, rank};
  Ints order = all_axes(c, self);
  order.erase(order.begin() + axis);
  order.push_back(axis);
  return {c.transpose(self, order), axis, rank};
}

/// Quantiles stand in the last axis of rows: they go to the front, and the reduced axis is there with size 1 or gone.
ir::Value* settle_quantiles(Call& c, ir::Value* found, const Rows& rows, bool is_list) {
  const std::int64_t rank = c.rank(found);
  if (is_list) {
    Ints order = {rank - 1};
    for (std::int64_t axis = 0; axis + 1 < rank; ++axis) order.push_back(axis);
    if (rank > 1) found = c.transpose(found, order);
  } else {
    found = c.squeeze(found, {rank - 1});
  }
  if (!c.flag("keepdim", false)) return found;
  const std::int64_t first = is_list ? 1 : 0;
  if (rows.axis >= 0) return c.unsqueeze(found, {rows.axis + first});
  Ints axes;
  for (std::int64_t axis = 0; axis < rows.rank; ++axis) axes.push_back(axis + first);
  return axes.empty() ? found : c.unsqueeze(found, axes);
}

template <bool ignore>
ir::Value* quantile(Call& c) {
  const Rows rows = rows_of(c);
  const DataType dtype = c.dtype(rows.value);
  const std::int64_t last = c.rank(rows.value) - 1;
  const bool is_list = c.is_tensor("q") && c.rank(c.tensor("q")) == 1;
  ir::Value* fractions = c.is_tensor("q") ? c.tensor("q") : c.scalar(c.number_argument("q"), dtype);
  if (!is_list) fractions = c.reshape(fractions, {1});
  const Sorted all = sorted(c, rows.value, last, false);
  ir::Value* one = c.number(1, dtype);
  // NaN comes last.
  ir::Value* places = nullptr;
  if (ignore) {
    ir::Value* is_number = c.cast(c.emit("Not", {c.emit("IsNaN", {rows.value})}), dtype);
    ir::Value* numbers = c.reduce("ReduceSum", is_number, {last}, true);
    ir::Value* scaled = c.emit("Mul", {fractions, c.emit("Sub", {numbers, one})});
    places = c.emit("Max", {scaled, c.number(0, dtype)});
  } else {
    ir::Value* end = c.emit("Sub", {count_of(c, rows.value, {last}, dtype), one});
    ir::Value* has_nan = c.emit("IsNaN", {element_at(c, all.values, last, -1, true)});
    places = c.where(has_nan, end, c.emit("Mul", {fractions, end}));
  }
  const auto pick = [&](ir::Value* place) {
    return c.emit("GatherElements", {all.values, c.cast(place, DataType::int64)}, {{"axis", last}});
  };
  const std::string how = c.string("interpolation", "linear");
  ir::Value* found = nullptr;
  if (how == "nearest") {
    found = pick(c.emit("Round", {places}));
  } else if (how == "higher") {
    found = pick(c.emit("Ceil", {places}));
  } else {
    ir::Value* below = c.emit("Floor", {places});
    found = pick(below);
    if (how != "lower") {
      ir::Value* weight = how == "midpoint" ? c.number(0.5, dtype) : c.emit("Sub", {places, below});
      found = interpolate(c, found, pick(c.emit("Ceil", {places})), weight);
    }
  }
  return settle_quantiles(c, found, rows, is_list);
}

constexpr std::array kOps = {
    op("aten.var.default", var),
    op("aten.var.dim", var),
    op("aten.var.correction", var),
    op("aten.std.default", std),
    op("aten.std.dim", std),
    op("aten.std.correction", std),
    op("aten.var_mean.default", with_mean<false>),
    op("aten.var_mean.dim", with_mean<false>),
    op("aten.var_mean.correction", with_mean<false>),
    op("aten.std_mean.default", with_mean<true>),
    op("aten.std_mean.dim", with_mean<true>),
    op("aten.std_mean.correction", with_mean<true>),
    op("aten.quantile.default", quantile<false>),
    op("aten.quantile.scalar", quantile<false>),
    op("aten.nanquantile.default", quantile<true>),
    op("aten.nanquantile.scalar", quantile<true>),
};

}  // namespace

Ops statistics_ops() { return kOps; }

}  // namespace olivine::torch

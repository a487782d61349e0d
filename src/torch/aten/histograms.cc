#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "torch/aten/families.h"
#include "torch/aten/reduce.h"
#include "torch/aten/search.h"

/// Counting into bins.
namespace olivine::torch {
namespace {

/// Adds each weight to the bin that its place names; `count` bins (int64[1]).
ir::Value* add_into_bins(Call& c, ir::Value* places, ir::Value* weights, ir::Value* count) {
  ir::Value* bins = c.filled(count, Number(std::int64_t{0}), c.dtype(weights));
  return c.emit("ScatterElements", {bins, places, weights}, {{"axis", 0}, {"reduction", "add"}});
}

ir::Value* ones_for(Call& c, ir::Value* places, DataType dtype) {
  return c.filled(c.sizes(places), Number(std::int64_t{1}), dtype);
}

ir::Value* bincount(Call& c) {
  ir::Value* self = c.cast(c.tensor("self"), DataType::int64);
  ir::Value* least = c.has("minlength") ? c.size_argument("minlength") : c.ints({0});
  ir::Value* greatest = c.concat({self, c.emit("Sub", {least, c.ints({1})})}, 0);
  ir::Value* count = c.emit("Add", {c.reduce("ReduceMax", greatest, {0}, true), c.ints({1})});
  ir::Value* weights = c.find_tensor("weights");
  if (weights == nullptr) return add_into_bins(c, self, ones_for(c, self, DataType::int64), count);
  if (c.dtype(weights) != DataType::float32) weights = c.cast(weights, DataType::float64);
  return add_into_bins(c, self, weights, count);
}

// ---- Edges

/// The ends of a range of bins, as scalars.
struct Ends {
  ir::Value* low;
  ir::Value* high;
};

/// The least and the greatest of the data; where they are equal, apart by `margin` on both sides.
Ends ends_of(Call& c, ir::Value* values, double margin) {
  const DataType dtype = c.dtype(values);
  if (may_be_empty(c, values, all_axes(c, values))) {
    if (!c.find_dims(values)) c.refuse("its input may be empty, and then there is no range");
    return {c.number(0, dtype), c.number(1, dtype)};
  }
  ir::Value* low = c.reduce("ReduceMin", values, {}, false);
  ir::Value* high = c.reduce("ReduceMax", values, {}, false);
  ir::Value* apart = c.where(c.emit("Equal", {low, high}), c.number(margin, dtype), c.number(0, dtype));
  return {c.emit("Sub", {low, apart}), c.emit("Add", {high, apart})};
}

Ends given_ends(Call& c, double low, double high, double margin, DataType dtype) {
  if (low == high) {
    low -= margin;
    high += margin;
  }
  return {c.number(low, dtype), c.number(high, dtype)};
}

/// Edges at equal distances, counted from the nearer end.
ir::Value* edges_between(Call& c, const Ends& ends, std::int64_t bins, DataType dtype) {
  std::vector<double> from_low(static_cast<std::size_t>(bins) + 1);
  std::iota(from_low.begin(), from_low.end(), 0);
  std::vector<double> from_high(from_low.rbegin(), from_low.rend());
  const Ints dims = {bins + 1};
  ir::Value* count = c.number(static_cast<double>(bins), dtype);
  ir::Value* step = c.emit("Div", {c.emit("Sub", {ends.high, ends.low}), count});
  ir::Value* rising = c.emit("Add", {ends.low, c.emit("Mul", {step, c.reals(from_low, dims, dtype)})});
  ir::Value* falling = c.emit("Sub", {ends.high, c.emit("Mul", {step, c.reals(from_high, dims, dtype)})});
  ir::Value* half = c.number(static_cast<double>((bins + 1) / 2), dtype);
  return c.where(c.emit("Less", {c.reals(from_low, dims, dtype), half}), rising, falling);
}

// ---- Places

/// Bins hold their lower edge; the last one both. What lies outside goes to a place behind the last bin.
struct Places {
  ir::Value* is_inside;
  ir::Value* place;
};

ir::Value* is_between(Call& c, ir::Value* values, ir::Value* low, ir::Value* high) {
  return c.emit("And", {c.emit("GreaterOrEqual", {values, low}), c.emit("LessOrEqual", {values, high})});
}

Places places_by_edges(Call& c, ir::Value* values, ir::Value* edges, ir::Value* last) {
  const auto edge = [&](std::int64_t index) {
    return c.emit("Gather", {edges, c.integer_scalar(index)}, {{"axis", 0}});
  };
  ir::Value* before = places_among(c, values, edges, true, DataType::int64);
  ir::Value* place = c.emit("Min", {c.emit("Sub", {before, c.integer_scalar(1)}), last});
  return {is_between(c, values, edge(0), edge(-1)), place};
}

Places places_by_division(Call& c, ir::Value* values, const Ends& ends, std::int64_t bins) {
  ir::Value* is_inside = is_between(c, values, ends.low, ends.high);
  ir::Value* count = c.number_like(static_cast<double>(bins), values);
  ir::Value* scaled = c.emit("Mul", {c.emit("Sub", {values, ends.low}), count});
  ir::Value* place = c.emit("Div", {scaled, c.emit("Sub", {ends.high, ends.low})});
  place = c.cast(c.where(is_inside, place, c.number_like(0, place)), DataType::int64);
  return {is_inside, c.emit("Min", {place, c.integer_scalar(bins - 1)})};
}

/// Sums by place; `bins` is int64[1].
ir::Value* fill_bins(Call& c, const Places& places, ir::Value* weights, ir::Value* bins) {
  ir::Value* place = c.where(places.is_inside, places.place, bins);
  ir::Value* all = add_into_bins(c, place, weights, c.emit("Add", {bins, c.ints({1})}));
  return c.emit("Slice", {all, c.ints({0}), bins, c.ints({0})});
}

ir::Value* histc(Call& c) {
  ir::Value* self = c.reshape(c.tensor("self"), {-1});
  const DataType dtype = c.dtype(self);
  const std::int64_t bins = c.integer("bins", 100);
  const double low = c.real("min", 0);
  const double high = c.real("max", 0);
  const Ends ends = low == high ? ends_of(c, self, 1) : given_ends(c, low, high, 1, dtype);
  const Places places = places_by_division(c, self, ends, bins);
  // Halves can't be added into bins; small counts they hold exactly.
  const DataType wide = accumulation_type(dtype);
  return c.cast(fill_bins(c, places, ones_for(c, self, wide), c.ints({bins})), dtype);
}

// ---- Histograms of one and more dimensions

/// One dimension's edges, and the number of its bins as int64[1].
struct Bins {
  ir::Value* edges;
  ir::Value* count;
};

Bins bins_of(Call& c, ir::Value* edges) { return {edges, c.emit("Sub", {c.size(edges, 0), c.ints({1})})}; }

Bins equal_bins(Call& c, ir::Value* values, std::int64_t count, std::size_t dimension) {
  const auto range = c.reals_argument("range");
  const DataType dtype = c.dtype(values);
  const Ends ends = range ? given_ends(c, range->at(2 * dimension), range->at(2 * dimension + 1), 0.5, dtype)
                          : ends_of(c, values, 0.5);
  return {edges_between(c, ends, count, dtype), c.ints({count})};
}

/// Each column of a matrix is binned by its own edges; a bin of the result is a bin in each dimension.
ir::Value* fill_grid(Call& c, const Values& columns, const std::vector<Bins>& bins) {
  Places all = {nullptr, nullptr};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Places own = places_by_edges(c, columns[i], bins[i].edges, c.emit("Sub", {bins[i].count, c.ints({1})}));
    all = all.place == nullptr ? own
                               : Places{c.emit("And", {all.is_inside, own.is_inside}),
                                        c.emit("Add", {c.emit("Mul", {all.place, bins[i].count}), own.place})};
  }
  Values counts;
  for (const Bins& one : bins) counts.push_back(one.count);
  ir::Value* sizes = counts.size() == 1 ? counts[0] : c.concat(counts, 0);
  ir::Value* total = c.reduce("ReduceProd", sizes, {0}, true);
  ir::Value* weights = c.find_tensor("weight");
  const DataType dtype = c.dtype(columns.front());
  weights = weights != nullptr ? c.reshape(weights, {-1}) : ones_for(c, columns.front(), dtype);
  ir::Value* grid = c.reshape_to(fill_bins(c, all, weights, total), sizes);
  if (!c.flag("density", false)) return grid;
  grid = c.emit("Div", {grid, c.reduce("ReduceSum", grid, {}, false)});
  for (std::size_t i = 0; i < bins.size(); ++i) {
    ir::Value* edges = bins[i].edges;
    ir::Value* widths =
        c.emit("Sub", {c.slice(edges, 0, 1, std::numeric_limits<std::int64_t>::max()), c.slice(edges, 0, 0, -1)});
    Ints dims(bins.size(), 1);
    dims[i] = -1;
    grid = c.emit("Div", {grid, c.reshape(widths, dims)});
  }
  return grid;
}

Values histogram(Call& c) {
  ir::Value* self = c.reshape(c.tensor("self"), {-1});
  const Bins bins = c.is_tensor("bins") ? bins_of(c, c.tensor("bins")) : equal_bins(c, self, c.integer("bins", 100), 0);
  return {fill_grid(c, {self}, {bins}), bins.edges};
}

struct Grid {
  Values columns;
  std::vector<Bins> bins;
};

/// The argument's last axis holds the dimensions.
Grid grid_of(Call& c) {
  ir::Value* self = c.tensor("self");
  const auto dimensions = c.find_dim(self, -1);
  if (!dimensions) c.refuse("the number of its dimensions is known only when the model runs");
  const Values given = c.tensors("bins");
  const bool has_edges = !given.empty() && given.front() != nullptr;
  Ints counts = has_edges ? Ints() : c.integers("bins").value();
  counts.resize(static_cast<std::size_t>(*dimensions), counts.empty() ? 0 : counts.front());
  Grid grid;
  ir::Value* rows = c.reshape(self, {-1, *dimensions});
  for (std::size_t i = 0; i < counts.size(); ++i) {
    ir::Value* number = c.integer_scalar(static_cast<std::int64_t>(i));
    grid.columns.push_back(c.emit("Gather", {rows, number}, {{"axis", 1}}));
    grid.bins.push_back(has_edges ? bins_of(c, given.at(i)) : equal_bins(c, grid.columns.back(), counts[i], i));
  }
  return grid;
}

Values edges_of(const Grid& grid) {
  Values edges;
  for (const Bins& bins : grid.bins) edges.push_back(bins.edges);
  return edges;
}

Values histogram_of_many(Call& c) {
  const Grid grid = grid_of(c);
  Values results = edges_of(grid);
  results.insert(results.begin(), fill_grid(c, grid.columns, grid.bins));
  return results;
}

ir::Value* grid_alone(Call& c) {
  const Grid grid = grid_of(c);
  return fill_grid(c, grid.columns, grid.bins);
}

Values edges_alone(Call& c) { return edges_of(grid_of(c)); }

constexpr std::array kOps = {
    op("aten.bincount.default", bincount),
    op("aten.histc.default", histc),
    op("aten.histogram.bin_ct", histogram),
    op("aten.histogram.bins_tensor", histogram),
    op("aten.histogramdd.default", histogram_of_many),
    op("aten.histogramdd.int_bins", histogram_of_many),
    op("aten.histogramdd.TensorList_bins", histogram_of_many),
    op("aten._histogramdd_from_bin_cts.default", grid_alone),
    op("aten._histogramdd_from_bin_tensors.default", grid_alone),
    op("aten._histogramdd_bin_edges.default", edges_alone),
};

}  // namespace

Ops histogram_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Operators that look at an image between its elements.
namespace olivine::opset {
namespace {

ir::Value* reshape_to(Step& s, ir::Value* x, Values sizes) {
  return s.emit("Reshape", {x, sizes.size() == 1 ? sizes.front() : s.concat(std::move(sizes), 0)});
}

/// [n, 1, 1 …] of `rank` dimensions, -1 standing for n.
Ints leading(std::int64_t rank) {
  Ints dims(static_cast<std::size_t>(rank), 1);
  dims.front() = -1;
  return dims;
}

Ints all_but(std::int64_t first, std::int64_t count, std::int64_t kept) {
  Ints axes;
  for (std::int64_t i = first; i < first + count; ++i) {
    if (i != kept) axes.push_back(i);
  }
  return axes;
}

// ---- The image at places

struct Sampling {
  std::string mode = "linear";
  std::string padding = "zeros";
  bool align_corners = false;

  bool is_nearest() const { return mode == "nearest"; }
  /// Elements of one axis that take part in one result.
  Ints taps() const {
    if (is_nearest()) return {0};
    return mode == "cubic" ? Ints{-1, 0, 1, 2} : Ints{0, 1};
  }
};

/// Along one axis: [places …, taps] in each.
struct Taps {
  ir::Value* index;   ///< int64
  ir::Value* weight;  ///< or null: all are 1
  ir::Value* inside;  ///< bool; null where no element lies outside
};

struct Arithmetic {
  Step& s;
  DataType dtype;

  ir::Value* number(double value) const { return s.number(value, dtype); }
  ir::Value* add(ir::Value* a, ir::Value* b) const { return s.emit("Add", {a, b}); }
  ir::Value* add(ir::Value* a, double b) const { return add(a, number(b)); }
  ir::Value* sub(ir::Value* a, ir::Value* b) const { return s.emit("Sub", {a, b}); }
  ir::Value* sub(ir::Value* a, double b) const { return sub(a, number(b)); }
  ir::Value* mul(ir::Value* a, ir::Value* b) const { return s.emit("Mul", {a, b}); }
  ir::Value* mul(ir::Value* a, double b) const { return mul(a, number(b)); }
  ir::Value* div(ir::Value* a, ir::Value* b) const { return s.emit("Div", {a, b}); }
  ir::Value* div(ir::Value* a, double b) const { return div(a, number(b)); }
  ir::Value* max(ir::Value* a, double b) const { return s.emit("Max", {a, number(b)}); }
  ir::Value* min(ir::Value* a, ir::Value* b) const { return s.emit("Min", {a, b}); }
  ir::Value* floor(ir::Value* a) const { return s.emit("Floor", {a}); }
  ir::Value* ceil(ir::Value* a) const { return s.emit("Ceil", {a}); }
  ir::Value* less(ir::Value* a, ir::Value* b) const { return s.emit("Less", {a, b}); }
  ir::Value* cast(ir::Value* a) const { return s.cast(a, dtype); }
};

// Mirrored at the outer edges of the outermost elements, or at their middles where corners are aligned:
// low + |w - |(x - low) mod 2 w - w||, with w the width between the mirrors. A width of 0 leaves index 0 only.
ir::Value* reflect(const Arithmetic& a, ir::Value* x, ir::Value* length, bool align_corners) {
  const double low = align_corners ? 0 : -0.5;
  ir::Value* width = align_corners ? a.max(a.sub(length, 1), 1) : length;
  ir::Value* shifted = align_corners ? x : a.sub(x, low);
  ir::Value* period = a.mul(width, 2);
  ir::Value* rest = a.sub(shifted, a.mul(period, a.floor(a.div(shifted, period))));
  ir::Value* mirrored = a.sub(width, a.s.emit("Abs", {a.sub(rest, width)}));
  return align_corners ? mirrored : a.add(mirrored, low);
}

/// Weights at a distance: 1 - d, or Keys' cubic with -3/4, of which the taps stay below a distance of 2.
ir::Value* weigh(const Arithmetic& a, ir::Value* distance, bool cubic) {
  ir::Value* d = a.s.emit("Abs", {distance});
  if (!cubic) return a.sub(a.number(1), d);
  constexpr double k = -0.75;
  ir::Value* near = a.add(a.mul(a.mul(a.add(a.mul(d, k + 2), -(k + 3)), d), d), 1);
  ir::Value* far = a.add(a.mul(a.add(a.mul(a.add(a.mul(d, k), -5 * k), d), 8 * k), d), -4 * k);
  return a.s.emit("Where", {a.less(d, a.number(1)), near, far});
}

/// `x` is [places …, 1], `length` a float or float[1].
Taps taps_of(const Arithmetic& a, ir::Value* x, ir::Value* length, const Sampling& sampling) {
  Step& s = a.s;
  if (sampling.is_nearest()) x = s.emit("Round", {x});
  const bool reflects = sampling.padding == "reflection";
  if (reflects) x = reflect(a, x, length, sampling.align_corners);
  Taps taps{x, nullptr, nullptr};
  if (!sampling.is_nearest()) {
    const Ints offsets = sampling.taps();
    const std::vector<double> reals(offsets.begin(), offsets.end());
    taps.index = a.add(a.floor(x), s.reals(reals, {static_cast<std::int64_t>(reals.size())}, a.dtype));
    taps.weight = weigh(a, a.sub(x, taps.index), sampling.mode == "cubic");
    if (reflects) taps.index = reflect(a, taps.index, length, sampling.align_corners);
  }
  ir::Value* last = a.sub(length, 1);
  ir::Value* clamped = a.min(a.max(taps.index, 0), last);
  if (sampling.padding == "zeros") taps.inside = s.emit("Equal", {clamped, taps.index});
  taps.index = s.cast(clamped, DataType::int64);
  return taps;
}

/// The product over axes of what each has for its taps: [places …, taps ^ axes]. `places` is the rank of places.
ir::Value* combine(Step& s, const std::string& op_type, const Values& parts, std::int64_t places, std::int64_t taps) {
  const auto rank = static_cast<std::int64_t>(parts.size());
  ir::Value* result = nullptr;
  for (std::int64_t i = 0; i < rank; ++i) {
    ir::Value* part = parts[static_cast<std::size_t>(i)];
    if (rank > 1 && taps > 1) part = s.unsqueeze(part, all_but(places, rank, places + i));
    result = result == nullptr ? part : s.emit(op_type, {result, part});
  }
  if (rank == 1 || taps == 1) return result;
  Ints dims(static_cast<std::size_t>(places), 0);
  dims.push_back(-1);
  return s.reshape(result, dims);
}

/// The image [B, C, spatial …] at `coordinates`, one for each spatial axis and each [B, places …, 1], counted in
/// elements: [B, places …, C]. Elements are gathered with all their channels, all taps at once.
ir::Value* sample(Step& s, ir::Value* image, const Values& coordinates, const Sampling& sampling) {
  const auto axes = static_cast<std::int64_t>(coordinates.size());
  const std::int64_t places = s.rank(coordinates.front()) - 1;
  const auto taps = static_cast<std::int64_t>(sampling.taps().size());
  const Arithmetic a{s, s.dtype(coordinates.front())};
  const DataType dtype = s.dtype(image);
  Values indices;
  Values weights;
  Values insides;
  ir::Value* count = nullptr;
  for (std::int64_t i = axes - 1; i >= 0; --i) {
    ir::Value* length = s.size(image, 2 + i);
    const Taps one = taps_of(a, coordinates[static_cast<std::size_t>(i)], a.cast(length), sampling);
    indices.insert(indices.begin(), count == nullptr ? one.index : s.emit("Mul", {one.index, count}));
    count = count == nullptr ? length : s.emit("Mul", {count, length});
    if (one.weight != nullptr) weights.insert(weights.begin(), one.weight);
    if (one.inside != nullptr) insides.insert(insides.begin(), one.inside);
  }
  ir::Value* index = combine(s, "Add", indices, places, taps);
  if (s.find_dim(image, 0) != 1) {
    ir::Value* starts = s.emit("Mul", {s.range(s.size(image, 0)), count});
    index = s.emit("Add", {index, s.reshape(starts, leading(places + 1))});
  }
  Ints order = {0};
  for (std::int64_t i = 0; i < axes; ++i) order.push_back(2 + i);
  order.push_back(1);
  ir::Value* rows = s.emit("Flatten", {s.transpose(image, order)}, {{"axis", axes + 1}});
  if (sampling.is_nearest()) index = s.squeeze(index, {places});
  ir::Value* elements = s.emit("Gather", {rows, index}, {{"axis", 0}});
  ir::Value* inside = insides.empty() ? nullptr : combine(s, "And", insides, places, taps);
  if (sampling.is_nearest()) {
    return inside == nullptr ? elements : s.emit("Where", {inside, elements, s.number(0, dtype)});
  }
  ir::Value* weight = combine(s, "Mul", weights, places, taps);
  if (inside != nullptr) weight = s.emit("Mul", {weight, a.cast(inside)});
  weight = s.unsqueeze(s.cast(weight, dtype), {places});
  return s.squeeze(s.emit("MatMul", {weight, elements}), {places});
}

bool is_wide_float(DataType dtype) { return dtype == DataType::float32 || dtype == DataType::float64; }

// ---- GridSample

Sampling sampling_of(const Step& s) {
  Sampling sampling;
  sampling.mode = s.string("mode");
  if (sampling.mode == "bilinear") sampling.mode = "linear";
  if (sampling.mode == "bicubic") sampling.mode = "cubic";
  sampling.padding = s.string("padding_mode");
  sampling.align_corners = s.integer("align_corners") != 0;
  return sampling;
}

void compute_grid_sample(Step& s) {
  const Sampling sampling = sampling_of(s);
  const DataType dtype = s.dtype(s.input(0));
  if (!sampling.is_nearest() && !is_float(dtype))
    s.refuse("how integers between two others are rounded is not defined");
  ir::Value* image = s.input(0);
  if (!sampling.is_nearest() && !is_wide_float(dtype)) image = s.cast(image, DataType::float32);
  ir::Value* grid = s.input(1);
  if (!is_wide_float(s.dtype(grid))) grid = s.cast(grid, DataType::float32);
  const std::int64_t rank = s.rank(image);
  const Arithmetic a{s, s.dtype(grid)};
  Values coordinates;
  for (std::int64_t i = 0; i < rank - 2; ++i) {
    ir::Value* length = a.cast(s.size(image, 2 + i));
    // From -1 … 1, last axis first.
    ir::Value* shifted = a.add(element(s, grid, rank - 3 - i, rank - 1), 1);
    coordinates.push_back(sampling.align_corners ? a.mul(a.div(shifted, 2), a.sub(length, 1))
                                                 : a.div(a.sub(a.mul(shifted, length), 1), 2));
  }
  ir::Value* sampled = sample(s, image, coordinates, sampling);
  Ints order = {0, rank - 1};
  for (std::int64_t i = 1; i < rank - 1; ++i) order.push_back(i);
  s.replace({s.cast(s.transpose(sampled, order), dtype)});
}

// Opset 16 has two spatial axes, and in ONNX Runtime no doubles.
void grid_sample_20_down(Step& s) {
  if (s.rank(s.input(0)) != 4 || s.dtype(s.input(0)) == DataType::float64) return compute_grid_sample(s);
  const std::string mode = sampling_of(s).mode;
  s.node().set("mode", mode == "nearest" ? mode : "bi" + mode);
}

void grid_sample_20_up(Step& s) { s.node().set("mode", sampling_of(s).mode); }

// ---- AffineGrid

// grid[n, h, w] = theta[n, :, 0] * x[w] + theta[n, :, 1] * y[h] + theta[n, :, 2], and so on for three axes. Elements
// lie at (2 i + 1) / length - 1, or at 1 - 2 (length - 1 - i) / (length - 1) where corners are aligned; a single one
// then lies at 1, as ONNX Runtime has it.
void affine_grid_20_down(Step& s) {
  ir::Value* theta = s.input(0);
  auto axes = s.find_dim(theta, 1);
  if (!axes && s.find_dim(s.input(1), 0)) axes = *s.find_dim(s.input(1), 0) - 2;
  if (!axes) s.refuse("the number of its spatial axes is not known");
  const bool align_corners = s.integer("align_corners") != 0;
  const Arithmetic a{s, s.dtype(theta)};
  Ints dims(static_cast<std::size_t>(*axes + 3), 1);
  dims.front() = *axes + 1;
  dims[1] = -1;
  dims.back() = *axes;
  ir::Value* columns = s.reshape(s.transpose(theta, {2, 0, 1}), dims);
  const auto column = [&](std::int64_t index) {
    return s.emit("Gather", {columns, s.integer_scalar(index)}, {{"axis", 0}});
  };
  ir::Value* grid = column(*axes);
  for (std::int64_t i = 0; i < *axes; ++i) {
    ir::Value* size = element(s, s.input(1), *axes + 1 - i);
    ir::Value* twice = a.mul(a.cast(s.range(size)), 2);
    ir::Value* length = a.cast(size);
    ir::Value* gaps = a.sub(length, 1);
    ir::Value* place = align_corners ? a.add(a.div(a.sub(twice, a.mul(gaps, 2)), a.max(gaps, 1)), 1)
                                     : a.sub(a.div(a.add(twice, 1), length), 1);
    place = s.reshape(place, leading(i + 2));
    grid = a.add(grid, a.mul(column(i), place));
  }
  s.replace({grid});
}

// ---- DeformConv

struct Deformed {
  std::int64_t axes;
  std::int64_t groups;
  std::int64_t offset_groups;
  Ints kernel;
  Ints filter;  ///< its dimensions
  std::int64_t taps = 1;

  std::int64_t channels() const { return filter[1] * groups; }
};

Deformed deformed(const Step& s) {
  const auto filter = s.find_dims(s.input(1));
  if (!filter) s.refuse("the size of its filter is not known");
  Deformed d{s.rank(s.input(0)) - 2, s.integer("group"), s.integer("offset_group"), {}, *filter};
  d.kernel.assign(filter->begin() + 2, filter->end());
  for (const std::int64_t size : d.kernel) d.taps *= size;
  return d;
}

/// Sizes of [N, … ] times `groups`, then `more`, then the output's spatial axes.
Values grouped(Step& s, const Ints& front) {
  Values sizes = {s.ints(front)};
  for (std::int64_t i = 2; i < s.rank(s.input(2)); ++i) sizes.push_back(s.size(s.input(2), i));
  return sizes;
}

/// Where each tap of the filter looks along `axis`: [N * offset groups, taps, output …, 1].
ir::Value* deformed_places(Step& s, const Deformed& d, ir::Value* offsets, std::int64_t axis) {
  const auto i = static_cast<std::size_t>(axis);
  const std::int64_t stride = s.integers("strides").value_or(Ints(d.kernel.size(), 1))[i];
  const std::int64_t dilation = s.integers("dilations").value_or(Ints(d.kernel.size(), 1))[i];
  const std::int64_t pad = s.integers("pads").value_or(Ints(2 * d.kernel.size(), 0))[i];
  std::int64_t inner = 1;
  for (std::size_t j = i + 1; j < d.kernel.size(); ++j) inner *= d.kernel[j];
  Ints taps;
  for (std::int64_t k = 0; k < d.taps; ++k) taps.push_back(k / inner % d.kernel[i] * dilation - pad);
  ir::Value* starts = s.emit("Mul", {s.range(s.size(s.input(2), axis + 2)), s.ints({stride})});
  starts = s.reshape(starts, leading(d.axes - axis + 1));
  ir::Value* fixed = s.emit("Add", {s.reshape(s.ints(taps), leading(d.axes + 2)), starts});
  ir::Value* offset = s.emit("Gather", {offsets, s.integer_scalar(axis)}, {{"axis", 2}});
  return s.emit("Add", {s.unsqueeze(offset, {d.axes + 2}), s.cast(fixed, s.dtype(offset))});
}

void deform_conv_19_down(Step& s) {
  const Deformed d = deformed(s);
  const DataType dtype = s.dtype(s.input(0));
  const DataType wide = is_wide_float(dtype) ? dtype : DataType::float32;
  const std::int64_t depth = d.channels() / d.offset_groups;
  ir::Value* image = s.cast(s.input(0), wide);
  Values sizes = {s.ints({-1, depth})};
  for (std::int64_t i = 0; i < d.axes; ++i) sizes.push_back(s.size(image, i + 2));
  if (d.offset_groups != 1) image = reshape_to(s, image, sizes);
  ir::Value* offsets = reshape_to(s, s.cast(s.input(2), wide), grouped(s, {-1, d.taps, d.axes}));
  Values places;
  for (std::int64_t i = 0; i < d.axes; ++i) places.push_back(deformed_places(s, d, offsets, i));
  ir::Value* columns = sample(s, image, places, Sampling());
  if (s.input(4) != nullptr) {
    ir::Value* mask = reshape_to(s, s.cast(s.input(4), wide), grouped(s, {-1, d.taps}));
    columns = s.emit("Mul", {columns, s.unsqueeze(mask, {d.axes + 2})});
  }
  // [N * offset groups, taps, output …, depth] to [N, groups, channels / groups * taps, output]
  ir::Value* batch = s.size(s.input(0), 0);
  columns = s.transpose(reshape_to(s, columns, {batch, s.ints({d.offset_groups, d.taps, -1, depth})}), {0, 1, 4, 2, 3});
  const std::int64_t height = d.filter[1] * d.taps;
  columns = reshape_to(s, columns, {batch, s.ints({d.groups, height, -1})});
  ir::Value* filter = s.reshape(s.cast(s.input(1), wide), {d.groups, d.filter[0] / d.groups, height});
  ir::Value* result = s.emit("MatMul", {filter, columns});
  Values shape = grouped(s, {d.filter[0]});
  shape.insert(shape.begin(), batch);
  result = reshape_to(s, result, shape);
  if (s.input(3) != nullptr) {
    result = s.emit("Add", {result, s.reshape(s.cast(s.input(3), wide), leading(d.axes + 1))});
  }
  s.replace({s.cast(result, dtype)});
}

// ---- RoiAlign

/// Weights of the elements along one axis for each region and output: [regions, outputs, length]. With half_pixel
/// regions lie half an element lower than opset 10 has them, and may be less than one element wide.
ir::Value* region_weights(Step& s, bool half_pixel, std::int64_t column, std::int64_t outputs, std::int64_t axis) {
  const Arithmetic a{s, s.dtype(s.input(0))};
  const double scale = s.floating("spatial_scale");
  const std::int64_t fixed = s.integer("sampling_ratio");
  const auto edge = [&](std::int64_t index) {
    ir::Value* scaled = a.mul(element(s, s.input(1), index, 1), scale);
    return s.unsqueeze(half_pixel ? a.sub(scaled, 0.5) : scaled, {2});
  };
  ir::Value* start = edge(column);
  ir::Value* extent = a.sub(edge(column + 2), start);
  if (!half_pixel) extent = a.max(extent, 1);
  ir::Value* bin = a.div(extent, static_cast<double>(outputs));  // [regions, 1, 1]
  ir::Value* samples = fixed > 0 ? nullptr : a.ceil(bin);
  ir::Value* divisor = fixed > 0 ? a.number(static_cast<double>(fixed)) : a.max(samples, 1);
  ir::Value* most =
      fixed > 0 ? s.ints({fixed}) : s.reshape(s.cast(s.reduce("ReduceMax", divisor, {}), DataType::int64), {-1});
  ir::Value* step = a.cast(s.range(most));  // [samples]
  ir::Value* inner = a.div(a.add(step, 0.5), divisor);
  ir::Value* outer = s.reshape(a.cast(s.range(s.ints({outputs}))), {-1, 1});
  ir::Value* place = a.add(start, a.mul(a.add(outer, inner), bin));  // [regions, outputs, samples]
  ir::Value* size = s.size(s.input(0), axis);
  ir::Value* length = a.cast(size);
  ir::Value* outside = s.emit("Or", {a.less(place, a.number(-1)), s.emit("Greater", {place, length})});
  ir::Value* counts = s.emit("Not", {outside});
  if (samples != nullptr) counts = s.emit("And", {counts, a.less(step, samples)});
  ir::Value* clamped = s.unsqueeze(a.min(a.max(place, 0), a.sub(length, 1)), {3});
  ir::Value* distance = s.emit("Abs", {a.sub(clamped, a.cast(s.range(size)))});
  ir::Value* weights = a.mul(a.max(a.sub(a.number(1), distance), 0), s.unsqueeze(a.cast(counts), {3}));
  return a.div(s.reduce("ReduceSum", weights, {2}, false), divisor);
}

// Averages of elements between four others are sums over rows and columns, weighted by what depends on the row and on
// the column only: rows * image * columns.
void average_of_regions(Step& s, bool half_pixel) {
  ir::Value* rows = region_weights(s, half_pixel, 1, s.integer("output_height"), 2);
  ir::Value* columns = region_weights(s, half_pixel, 0, s.integer("output_width"), 3);
  ir::Value* image = s.emit("Gather", {s.input(0), s.input(2)}, {{"axis", 0}});
  ir::Value* narrow = s.emit("MatMul", {image, s.unsqueeze(s.transpose(columns, {0, 2, 1}), {1})});
  s.replace({s.emit("MatMul", {s.unsqueeze(rows, {1}), narrow})});
}

void roi_align_16_down(Step& s) {
  if (s.string("coordinate_transformation_mode") == "output_half_pixel") {
    s.node().remove("coordinate_transformation_mode");
    return;
  }
  if (s.string("mode") != "avg")
    s.refuse("half_pixel is new in opset 16, and of it a maximum can't be computed otherwise");
  average_of_regions(s, true);
}

void roi_align_10_down(Step& s) {
  if (s.string("mode") != "avg") s.refuse("opset 9 has no RoiAlign, and a maximum can't be computed otherwise");
  average_of_regions(s, false);
}

void roi_align_16_up(Step& s) { s.node().set("coordinate_transformation_mode", std::string("output_half_pixel")); }

constexpr std::string_view kSuppression = "the same, with its inputs described better";

constexpr Adapter kAdapters[] = {
    up("GridSample", 20, &grid_sample_20_up, "bilinear is called linear, bicubic cubic"),
    down("GridSample", 20, &grid_sample_20_down, "linear is called bilinear, cubic bicubic; three axes are computed"),
    down("GridSample", 16, &compute_grid_sample, "elements are gathered and weighted"),
    down("AffineGrid", 20, &affine_grid_20_down, "theta times the places of elements, axis by axis"),
    down("DeformConv", 19, &deform_conv_19_down, "elements are gathered, weighted and multiplied by the filter"),
    up("RoiAlign", 16, &roi_align_16_up, "coordinate_transformation_mode is output_half_pixel"),
    down("RoiAlign", 16, &roi_align_16_down, "half_pixel is computed by weights for rows and columns"),
    down("RoiAlign", 10, &roi_align_10_down, "averages are computed by weights for rows and columns"),
    same_up("NonMaxSuppression", 11, kSuppression),
    same_down("NonMaxSuppression", 11, kSuppression),
    impossible_down("NonMaxSuppression", 10, "no operator of an older opset drops boxes by what they overlap with"),
    impossible_down("ImageDecoder", 20, "no operator of an older opset decodes images"),
};

}  // namespace

std::span<const Adapter> sampling_adapters() { return kAdapters; }

}  // namespace olivine::opset

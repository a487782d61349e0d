#include <algorithm>
#include <array>
#include <cmath>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// Resizing by interpolation. Resize has PyTorch's modes; what it computes in another way (antialiasing, ratios that
/// aren't those of the sizes) is expressed by gathering or by matrices of weights.
namespace olivine::torch {
namespace {

enum class Mode { nearest, nearest_exact, linear, cubic };

/// Along one axis.
struct Axis {
  ir::Value* in;  ///< int64[1]
  ir::Value* out;
  std::optional<std::int64_t> known_in;
  std::optional<std::int64_t> known_out;
  std::optional<double> scale;  ///< what the call says it is, out : in
};

struct Resizing {
  Mode mode;
  bool aligns_corners = false;
  std::vector<Axis> axes;
};

/// The size that PyTorch computes in double precision.
ir::Value* scaled_size(Call& c, ir::Value* size, double scale) {
  ir::Value* real = c.emit("Mul", {c.cast(size, DataType::float64), c.number(scale, DataType::float64)});
  return c.cast(c.emit("Floor", {real}), DataType::int64);
}

std::vector<double> scales_of(const Call& c, std::size_t rank) {
  if (c.has("scale_factors")) return *c.reals_argument("scale_factors");
  if (c.has("scales")) return {c.real("scales", 0)};
  static constexpr std::array<std::string_view, 3> kNames = {"scales_d", "scales_h", "scales_w"};
  std::vector<double> scales;
  for (std::size_t i = kNames.size() - rank; i < kNames.size(); ++i) scales.push_back(c.real(kNames[i], 0));
  return scales;
}

std::vector<Axis> axes_of(Call& c, ir::Value* x) {
  const auto rank = static_cast<std::size_t>(c.rank(x) - kFirstSpatial);
  const std::vector<double> scales = scales_of(c, rank);
  const Values sizes = c.has("output_size") ? c.size_list("output_size") : Values();
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < rank; ++i) {
    const auto position = kFirstSpatial + static_cast<std::int64_t>(i);
    Axis axis;
    axis.in = c.size(x, position);
    axis.known_in = c.find_dim(x, position);
    if (i < scales.size() && scales[i] > 0) axis.scale = scales[i];
    axis.out = i < sizes.size() ? sizes[i] : scaled_size(c, axis.in, axis.scale.value_or(1));
    if (const auto known = c.find_ints(axis.out)) axis.known_out = known->front();
    axes.push_back(axis);
  }
  return axes;
}

bool is_static(const Axis& axis) { return axis.known_in && axis.known_out; }

/// The ratio in : out that PyTorch goes by, where it is known.
double ratio_of(const Axis& axis) {
  return axis.scale ? 1.0 / *axis.scale : static_cast<double>(*axis.known_in) / static_cast<double>(*axis.known_out);
}

/// The same when the model runs, in float32.
ir::Value* ratio(Call& c, const Axis& axis) {
  if (axis.scale || is_static(axis)) return c.number(ratio_of(axis), DataType::float32);
  return c.emit("Div", {c.cast(axis.in, DataType::float32), c.cast(axis.out, DataType::float32)});
}

// ---- Resize

/// Whether the call's scales say no more than its sizes.
bool sizes_suffice(const Axis& axis) {
  if (!axis.scale) return true;
  return is_static(axis) && static_cast<double>(*axis.known_in) * *axis.scale == static_cast<double>(*axis.known_out);
}

/// Whether Resize by the call's scale has the size that PyTorch has, and uses the scale: it takes an axis whose size
/// stays as not resized.
bool scale_suffices(const Axis& axis) {
  if (!axis.scale) return is_static(axis);
  const double scale = *axis.scale;
  if (is_static(axis)) {
    const float size = static_cast<float>(*axis.known_in) * static_cast<float>(scale);
    return static_cast<std::int64_t>(std::floor(size)) == *axis.known_out && *axis.known_in != *axis.known_out;
  }
  const bool is_exact = scale * 256 == std::floor(scale * 256);
  return is_exact && (scale < 1 || scale >= 1.5);
}

ir::Value* emit_resize(Call& c, ir::Value* x, const Resizing& resizing, bool by_sizes) {
  Attrs attributes;
  switch (resizing.mode) {
    case Mode::nearest:
      attributes = {{"mode", "nearest"}, {"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}};
      break;
    case Mode::nearest_exact:
      attributes = {{"mode", "nearest"}, {"nearest_mode", "round_prefer_ceil"}};
      break;
    case Mode::linear:
      attributes = {{"mode", "linear"}};
      break;
    case Mode::cubic:
      attributes = {{"mode", "cubic"}, {"cubic_coeff_a", -0.75F}};
      break;
  }
  if (resizing.aligns_corners) attributes.emplace_back("coordinate_transformation_mode", "align_corners");
  if (!by_sizes) {
    std::vector<double> scales(2, 1.0);
    for (const Axis& axis : resizing.axes) scales.push_back(axis.scale ? *axis.scale : 1 / ratio_of(axis));
    const auto count = static_cast<std::int64_t>(scales.size());
    return c.emit("Resize", {x, nullptr, c.reals(scales, {count}, DataType::float32)}, std::move(attributes));
  }
  Values sizes;
  Ints positions;
  const bool names_axes = !c.find_dim(x, 0) || !c.find_dim(x, 1);
  if (!names_axes) sizes = {c.size(x, 0), c.size(x, 1)};
  for (const Axis& axis : resizing.axes) {
    positions.push_back(kFirstSpatial + static_cast<std::int64_t>(positions.size()));
    sizes.push_back(axis.out);
  }
  if (names_axes) attributes.emplace_back("axes", positions);
  ir::Value* list = sizes.size() == 1 ? sizes.front() : c.concat(sizes, 0);
  return c.emit("Resize", {x, nullptr, nullptr, list}, std::move(attributes));
}

// ---- Nearest

/// Which element PyTorch takes, in the precision that it computes with.
template <typename Real>
std::int64_t nearest_place(const Axis& axis, std::int64_t position, bool is_exact) {
  const auto step = axis.scale ? static_cast<Real>(1.0 / *axis.scale)
                               : static_cast<Real>(*axis.known_in) / static_cast<Real>(*axis.known_out);
  Real place = static_cast<Real>(position) * step;
  if (is_exact) {
    place = std::max(step * (static_cast<Real>(position) + Real(0.5)) - Real(0.5), Real(0)) + Real(0.5);
  }
  return std::min(static_cast<std::int64_t>(std::floor(place)), *axis.known_in - 1);
}

/// Which element Resize takes.
std::int64_t resized_place(const Axis& axis, std::int64_t position, bool is_exact, bool by_sizes) {
  const float scale = by_sizes || !axis.scale ? static_cast<float>(*axis.known_out) / static_cast<float>(*axis.known_in)
                                              : static_cast<float>(*axis.scale);
  float place = static_cast<float>(position) / scale;
  if (is_exact) place = std::round((static_cast<float>(position) + 0.5F) / scale - 0.5F);
  return std::clamp(static_cast<std::int64_t>(std::floor(place)), std::int64_t{0}, *axis.known_in - 1);
}

Ints nearest_places(const Axis& axis, bool is_exact, DataType dtype) {
  Ints places;
  for (std::int64_t i = 0; i < *axis.known_out; ++i) {
    places.push_back(dtype == DataType::float64 ? nearest_place<double>(axis, i, is_exact)
                                                : nearest_place<float>(axis, i, is_exact));
  }
  return places;
}

bool takes_the_same(const Axis& axis, bool is_exact, bool by_sizes, DataType dtype) {
  if (is_static(axis)) {
    const Ints places = nearest_places(axis, is_exact, dtype);
    for (std::int64_t i = 0; i < *axis.known_out; ++i) {
      if (resized_place(axis, i, is_exact, by_sizes) != places[static_cast<std::size_t>(i)]) return false;
    }
    return true;
  }
  // By a whole number: rounded up, its reciprocal never falls short of the next element.
  if (!axis.scale) return true;
  const double scale = *axis.scale;
  return scale == std::floor(scale) && static_cast<double>(static_cast<float>(1 / scale)) * scale >= 1;
}

ir::Value* gathered_places(Call& c, const Axis& axis, bool is_exact, DataType dtype) {
  if (is_static(axis)) return c.ints(nearest_places(axis, is_exact, dtype));
  ir::Value* positions = c.cast(c.range(axis.out), DataType::float32);
  ir::Value* step = ratio(c, axis);
  if (is_exact) {
    // ⌊(i + ½)·step⌋
    positions = c.emit("Add", {positions, c.number(0.5, DataType::float32)});
  }
  ir::Value* places = c.cast(c.emit("Floor", {c.emit("Mul", {positions, step})}), DataType::int64);
  return c.emit("Min", {places, c.emit("Sub", {axis.in, c.ints({1})})});
}

ir::Value* nearest(Call& c, ir::Value* x, const Resizing& resizing) {
  const bool is_exact = resizing.mode == Mode::nearest_exact;
  const DataType dtype = c.dtype(x);
  for (const bool by_sizes : {true, false}) {
    const bool fits = std::ranges::all_of(resizing.axes, [&](const Axis& axis) {
      return (by_sizes ? is_static(axis) || !axis.scale : scale_suffices(axis)) &&
             takes_the_same(axis, is_exact, by_sizes, dtype);
    });
    if (fits) return emit_resize(c, x, resizing, by_sizes);
  }
  std::int64_t position = kFirstSpatial;
  for (const Axis& axis : resizing.axes) {
    x = c.emit("Gather", {x, gathered_places(c, axis, is_exact, dtype)}, {{"axis", position++}});
  }
  return x;
}

// ---- Weights

/// Where each element of the result lies among those of the input, as float32[out, 1].
ir::Value* sources(Call& c, const Axis& axis) {
  ir::Value* half = c.number(0.5, DataType::float32);
  ir::Value* positions = c.emit("Add", {c.cast(c.range(axis.out), DataType::float32), half});
  return c.unsqueeze(c.emit("Sub", {c.emit("Mul", {positions, ratio(c, axis)}), half}), {1});
}

/// The cubic kernel at distances ≥ 0: (a+2)d³ - (a+3)d² + 1 within 1, ad³ - 5ad² + 8ad - 4a within 2, else 0.
ir::Value* cubic_weights(Call& c, ir::Value* distances, double a) {
  const auto number = [&](double value) { return c.number(value, DataType::float32); };
  const auto polynomial = [&](std::array<double, 4> factors) {
    ir::Value* sum = number(factors[0]);
    for (std::size_t i = 1; i < factors.size(); ++i) {
      sum = c.emit("Mul", {sum, distances});
      if (factors[i] != 0) sum = c.emit("Add", {sum, number(factors[i])});
    }
    return sum;
  };
  ir::Value* near = polynomial({a + 2, -(a + 3), 0, 1});
  ir::Value* far = polynomial({a, -5 * a, 8 * a, -4 * a});
  ir::Value* outer = c.where(c.emit("Less", {distances, number(2)}), far, number(0));
  return c.where(c.emit("LessOrEqual", {distances, number(1)}), near, outer);
}

ir::Value* linear_weights(Call& c, ir::Value* distances) {
  return c.emit("Relu", {c.emit("Sub", {c.number(1, DataType::float32), distances})});
}

/// Neighbours gathered and weighted: two of them, or four; beyond an edge they are the element at the edge.
ir::Value* interpolate(Call& c, ir::Value* x, const Axis& axis, std::int64_t position, bool is_cubic) {
  ir::Value* source = sources(c, axis);
  if (!is_cubic) source = c.emit("Relu", {source});
  ir::Value* first = c.emit("Floor", {source});
  const Ints steps = is_cubic ? Ints{-1, 0, 1, 2} : Ints{0, 1};
  ir::Value* neighbours = c.emit("Add", {c.cast(first, DataType::int64), c.ints(steps)});
  ir::Value* distances = c.emit("Abs", {c.emit("Sub", {c.cast(neighbours, DataType::float32), source})});
  ir::Value* weights = is_cubic ? cubic_weights(c, distances, -0.75) : linear_weights(c, distances);
  ir::Value* last = c.emit("Sub", {axis.in, c.ints({1})});
  ir::Value* places = c.emit("Min", {c.emit("Max", {neighbours, c.ints({0})}), last});
  Ints behind;
  for (std::int64_t i = position + 1; i < c.rank(x); ++i) behind.push_back(i - position + 1);
  weights = c.cast(weights, c.dtype(x));
  if (!behind.empty()) weights = c.unsqueeze(weights, behind);
  ir::Value* taken = c.emit("Gather", {x, places}, {{"axis", position}});
  return c.reduce("ReduceSum", c.emit("Mul", {taken, weights}), {position + 1}, false);
}

ir::Value* smooth(Call& c, ir::Value* x, const Resizing& resizing) {
  if (!is_float(c.dtype(x))) c.refuse("PyTorch interpolates integers in fixed point");
  if (resizing.aligns_corners || std::ranges::all_of(resizing.axes, sizes_suffice)) {
    return emit_resize(c, x, resizing, true);
  }
  if (std::ranges::all_of(resizing.axes, scale_suffices)) return emit_resize(c, x, resizing, false);
  std::int64_t position = kFirstSpatial;
  for (const Axis& axis : resizing.axes) {
    x = interpolate(c, x, axis, position++, resizing.mode == Mode::cubic);
  }
  return x;
}

/// One of Resize's modes, for tensors of any number of spatial dimensions.
template <Mode mode>
ir::Value* upsample(Call& c) {
  ir::Value* given = c.tensor(c.has("input") ? "input" : "self");
  ir::Value* x = carried(c, given);
  const Resizing resizing = {mode, c.flag("align_corners", false), axes_of(c, x)};
  const bool is_nearest = mode == Mode::nearest || mode == Mode::nearest_exact;
  return c.cast(is_nearest ? nearest(c, x, resizing) : smooth(c, x, resizing), c.dtype(given));
}

// ---- Antialiasing

/// With more than one element of the input for each of the result, the kernel is as much wider; its weights add up
/// to 1. As a matrix float32[out, in].
ir::Value* antialias_matrix(Call& c, const Axis& axis, bool aligns_corners, bool is_cubic) {
  const DataType real = DataType::float32;
  ir::Value* one = c.number(1, real);
  ir::Value* half = c.number(0.5, real);
  ir::Value* step = ratio(c, axis);
  if (aligns_corners) {
    ir::Value* in = c.emit("Sub", {c.cast(axis.in, real), one});
    ir::Value* out = c.emit("Sub", {c.cast(axis.out, real), one});
    step = c.emit("Div", {in, c.emit("Max", {out, one})});
    step = c.where(c.emit("Greater", {out, c.number(0, real)}), step, c.number(0, real));
  }
  ir::Value* centers = c.emit("Mul", {c.emit("Add", {c.cast(c.range(axis.out), real), half}), step});
  ir::Value* places = c.emit("Add", {c.cast(c.range(axis.in), real), half});
  ir::Value* apart = c.emit("Abs", {c.emit("Sub", {places, c.unsqueeze(centers, {1})})});
  ir::Value* distances = c.emit("Div", {apart, c.emit("Max", {step, one})});
  ir::Value* weights = is_cubic ? cubic_weights(c, distances, -0.5) : linear_weights(c, distances);
  return c.emit("Div", {weights, c.reduce("ReduceSum", weights, {1}, true)});
}

template <bool is_cubic>
ir::Value* antialiased(Call& c) {
  ir::Value* given = c.tensor(c.has("input") ? "input" : "self");
  if (!is_float(c.dtype(given))) c.refuse("PyTorch interpolates integers in fixed point");
  const std::vector<Axis> axes = axes_of(c, given);
  const bool aligns_corners = c.flag("align_corners", false);
  ir::Value* x = carried(c, given);
  const DataType dtype = c.dtype(x);
  ir::Value* rows = c.cast(antialias_matrix(c, axes[0], aligns_corners, is_cubic), dtype);
  ir::Value* columns = c.cast(antialias_matrix(c, axes[1], aligns_corners, is_cubic), dtype);
  ir::Value* wide = c.emit("MatMul", {x, c.transpose(columns, {1, 0})});
  return c.cast(c.emit("MatMul", {rows, wide}), c.dtype(given));
}

constexpr std::array kOps = {
    op("aten.upsample_nearest1d.default", upsample<Mode::nearest>),
    op("aten.upsample_nearest1d.vec", upsample<Mode::nearest>),
    op("aten.upsample_nearest2d.default", upsample<Mode::nearest>),
    op("aten.upsample_nearest2d.vec", upsample<Mode::nearest>),
    op("aten.upsample_nearest3d.default", upsample<Mode::nearest>),
    op("aten.upsample_nearest3d.vec", upsample<Mode::nearest>),
    op("aten._upsample_nearest_exact1d.default", upsample<Mode::nearest_exact>),
    op("aten._upsample_nearest_exact1d.vec", upsample<Mode::nearest_exact>),
    op("aten._upsample_nearest_exact2d.default", upsample<Mode::nearest_exact>),
    op("aten._upsample_nearest_exact2d.vec", upsample<Mode::nearest_exact>),
    op("aten._upsample_nearest_exact3d.default", upsample<Mode::nearest_exact>),
    op("aten._upsample_nearest_exact3d.vec", upsample<Mode::nearest_exact>),
    op("aten.upsample_linear1d.default", upsample<Mode::linear>),
    op("aten.upsample_linear1d.vec", upsample<Mode::linear>),
    op("aten.upsample_bilinear2d.default", upsample<Mode::linear>),
    op("aten.upsample_bilinear2d.vec", upsample<Mode::linear>),
    op("aten.upsample_trilinear3d.default", upsample<Mode::linear>),
    op("aten.upsample_trilinear3d.vec", upsample<Mode::linear>),
    op("aten.upsample_bicubic2d.default", upsample<Mode::cubic>),
    op("aten.upsample_bicubic2d.vec", upsample<Mode::cubic>),
    op("aten._upsample_bilinear2d_aa.default", antialiased<false>),
    op("aten._upsample_bilinear2d_aa.vec", antialiased<false>),
    op("aten._upsample_bicubic2d_aa.default", antialiased<true>),
    op("aten._upsample_bicubic2d_aa.vec", antialiased<true>),
};

}  // namespace

Ops upsample_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <cmath>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Resize, and Upsample, which it was called before. What an older version cannot say is computed axis by axis: by the
/// indices of the nearest elements, or by a matrix of weights that the axis is multiplied by.
namespace olivine::opset {
namespace {

constexpr std::string_view kCrop = "tf_crop_and_resize";
/// A matrix of weights of more elements is computed when the model runs.
constexpr std::int64_t kStoredWeights = std::int64_t{1} << 20;

// ---- What a node says

/// How elements are found.
struct Sampling {
  std::string mode = "nearest";
  std::string coordinates = "asymmetric";
  std::string nearest = "simple";
  float cubic_a = -0.75F;
  bool exclude_outside = false;
  bool antialias = false;
  float extrapolation = 0;

  bool crops() const { return coordinates == kCrop; }
};

/// One axis that is resized. All are tensors of one element: int64 sizes, float scale and region.
struct Axis {
  std::int64_t axis = 0;
  ir::Value* length = nullptr;
  ir::Value* size = nullptr;
  ir::Value* scale = nullptr;
  ir::Value* start = nullptr;  ///< with `end` for kCrop only
  ir::Value* end = nullptr;
};

using Axes = std::vector<Axis>;

/// Of a Resize of opset 11 or later.
Sampling sampling_of(const Step& s) {
  Sampling sampling;
  sampling.mode = s.string("mode");
  sampling.coordinates = s.string("coordinate_transformation_mode");
  sampling.nearest = s.string("nearest_mode");
  sampling.cubic_a = s.floating("cubic_coeff_a");
  sampling.exclude_outside = s.integer("exclude_outside") != 0;
  sampling.antialias = s.integer("antialias") != 0;
  sampling.extrapolation = s.floating("extrapolation_value");
  return sampling;
}

/// In opset 11 an empty tensor stands for what is left out.
ir::Value* given_input(const Step& s, std::size_t index) {
  ir::Value* value = s.input(index);
  return s.find_dim(value, 0) == 0 ? nullptr : value;
}

Ints resized_axes(const Step& s) {
  const std::int64_t rank = s.rank(s.input(0));
  Ints axes;
  if (const auto given = s.integers("axes"); given && !given->empty()) {
    for (const std::int64_t axis : *given) axes.push_back(s.positive_axis(axis, rank));
    return axes;
  }
  for (std::int64_t i = 0; i < rank; ++i) axes.push_back(i);
  return axes;
}

ir::Value* as_float(Step& s, ir::Value* value) { return s.cast(value, DataType::float32); }
ir::Value* real(Step& s, double value) { return s.number(value, DataType::float32); }
// not_larger: scale = min over the axes of size / length; not_smaller: max. size = floor(scale * length + 0.5), and the
// scale is that of all axes, not size / length.
void keep_aspect_ratio(Step& s, Axes& axes, bool larger) {
  Values ratios;
  for (const Axis& axis : axes) ratios.push_back(axis.scale);
  ir::Value* scale = ratios.size() == 1 ? ratios.front() : s.emit(larger ? "Max" : "Min", ratios);
  for (Axis& axis : axes) {
    axis.scale = scale;
    ir::Value* size = s.emit("Mul", {scale, as_float(s, axis.length)});
    axis.size = s.cast(s.emit("Floor", {s.emit("Add", {size, real(s, 0.5)})}), DataType::int64);
  }
}

Axes axes_of(Step& s, const Sampling& sampling) {
  const Ints numbers = resized_axes(s);
  ir::Value* scales = given_input(s, 2);
  ir::Value* sizes = given_input(s, 3);
  if (scales == nullptr && sizes == nullptr) s.refuse("it has neither scales nor sizes");
  const auto count = static_cast<std::int64_t>(numbers.size());
  Axes axes;
  for (std::int64_t i = 0; i < count; ++i) {
    Axis axis;
    axis.axis = numbers[static_cast<std::size_t>(i)];
    axis.length = s.size(s.input(0), axis.axis);
    ir::Value* length = as_float(s, axis.length);
    if (sizes != nullptr) {
      axis.size = element(s, sizes, i);
      axis.scale = s.emit("Div", {as_float(s, axis.size), length});
    } else {
      axis.scale = element(s, scales, i);
      axis.size = s.cast(s.emit("Mul", {axis.scale, length}), DataType::int64);
    }
    if (sampling.crops()) {
      if (s.input(1) == nullptr) s.refuse("it crops without a region");
      ir::Value* region = as_float(s, s.input(1));
      axis.start = element(s, region, i);
      axis.end = element(s, region, count + i);
    }
    axes.push_back(axis);
  }
  const std::string policy = s.string("keep_aspect_ratio_policy");
  if (sizes != nullptr && !policy.empty() && policy != "stretch") keep_aspect_ratio(s, axes, policy == "not_smaller");
  return axes;
}

// ---- Coordinates

ir::Value* last_index(Step& s, const Axis& axis) { return s.emit("Sub", {as_float(s, axis.length), real(s, 1)}); }

/// x / 0 where the size is 1 is not looked at.
ir::Value* unless_single(Step& s, const Axis& axis, ir::Value* many, ir::Value* single) {
  if (const auto size = s.find_number(axis.size)) return *size == 1 ? single : many;
  return s.emit("Where", {s.emit("Equal", {axis.size, s.ints({1})}), single, many});
}

ir::Value* half_pixel(Step& s, const Axis& axis, ir::Value* x) {
  ir::Value* centre = s.emit("Div", {s.emit("Add", {x, real(s, 0.5)}), axis.scale});
  return s.emit("Sub", {centre, real(s, 0.5)});
}

ir::Value* half_pixel_symmetric(Step& s, const Axis& axis, ir::Value* x) {
  ir::Value* length = as_float(s, axis.length);
  ir::Value* adjustment = s.emit("Div", {as_float(s, axis.size), s.emit("Mul", {axis.scale, length})});
  ir::Value* centre = s.emit("Div", {length, real(s, 2)});
  ir::Value* offset = s.emit("Mul", {centre, s.emit("Sub", {real(s, 1), adjustment})});
  return s.emit("Add", {offset, half_pixel(s, axis, x)});
}

ir::Value* pytorch_half_pixel(Step& s, const Axis& axis, ir::Value* x) {
  return unless_single(s, axis, half_pixel(s, axis, x), s.reals({0}, {1}, DataType::float32));
}

ir::Value* align_corners(Step& s, const Axis& axis, ir::Value* x) {
  ir::Value* gaps = s.emit("Sub", {as_float(s, axis.size), real(s, 1)});
  ir::Value* many = s.emit("Div", {s.emit("Mul", {x, last_index(s, axis)}), gaps});
  return unless_single(s, axis, many, s.reals({0}, {1}, DataType::float32));
}

ir::Value* asymmetric(Step& s, const Axis& axis, ir::Value* x) { return s.emit("Div", {x, axis.scale}); }

ir::Value* half_pixel_for_nearest(Step& s, const Axis& axis, ir::Value* x) {
  return s.emit("Div", {s.emit("Add", {x, real(s, 0.5)}), axis.scale});
}

/// See is_idle.
ir::Value* crop(Step& s, const Axis& axis, ir::Value* x) {
  ir::Value* last = last_index(s, axis);
  ir::Value* gaps = s.emit("Sub", {as_float(s, axis.size), real(s, 1)});
  ir::Value* width = s.emit("Sub", {axis.end, axis.start});
  ir::Value* step = s.emit("Div", {s.emit("Mul", {s.emit("Mul", {x, width}), last}), gaps});
  ir::Value* many = s.emit("Add", {s.emit("Mul", {axis.start, last}), step});
  ir::Value* sum = s.emit("Mul", {s.emit("Add", {axis.start, axis.end}), real(s, 0.5)});
  ir::Value* cropped = unless_single(s, axis, many, s.emit("Mul", {sum, last}));
  if (s.find_number(axis.scale)) return cropped;
  ir::Value* one = real(s, 1);
  ir::Value* scales = s.emit("Or", {s.emit("Less", {axis.scale, one}), s.emit("Greater", {axis.scale, one})});
  return s.emit("Where", {scales, cropped, x});
}

struct Transformation {
  std::string_view name;
  ir::Value* (*apply)(Step&, const Axis&, ir::Value*);
};

constexpr Transformation kTransformations[] = {
    {"half_pixel", &half_pixel},
    {"half_pixel_symmetric", &half_pixel_symmetric},
    {"pytorch_half_pixel", &pytorch_half_pixel},
    {"align_corners", &align_corners},
    {"asymmetric", &asymmetric},
    {"tf_half_pixel_for_nn", &half_pixel_for_nearest},
    {kCrop, &crop},
};

/// Where in the input each element of the output lies, as float[size], rounded as ONNX Runtime rounds.
ir::Value* coordinates(Step& s, const Axis& axis, const Sampling& sampling) {
  for (const Transformation& transformation : kTransformations) {
    if (transformation.name != sampling.coordinates) continue;
    return transformation.apply(s, axis, as_float(s, s.range(axis.size)));
  }
  s.refuse("its coordinate_transformation_mode '" + sampling.coordinates + "' is not known");
}

ir::Value* within(Step& s, const Axis& axis, ir::Value* x) {
  return s.emit("Min", {s.emit("Max", {x, real(s, 0)}), last_index(s, axis)});
}

// ---- Nearest

ir::Value* rounded(Step& s, const Axis& axis, ir::Value* x, const std::string& how) {
  if (how == "floor") return s.emit("Floor", {x});
  if (how == "ceil") return s.emit("Ceil", {x});
  if (how == "round_prefer_floor") return s.emit("Ceil", {s.emit("Sub", {x, real(s, 0.5)})});
  if (how == "round_prefer_ceil") return s.emit("Floor", {s.emit("Add", {x, real(s, 0.5)})});
  // Before opset 11: down where the axis grows, up where it shrinks.
  if (const auto scale = s.find_number(axis.scale)) return s.emit(*scale < 1 ? "Ceil" : "Floor", {x});
  return s.emit("Where", {s.emit("Less", {axis.scale, real(s, 1)}), s.emit("Ceil", {x}), s.emit("Floor", {x})});
}

ir::Value* gather_nearest(Step& s, ir::Value* data, const Axis& axis, ir::Value* x, const Sampling& sampling) {
  ir::Value* index = within(s, axis, rounded(s, axis, x, sampling.nearest));
  return s.emit("Gather", {data, s.cast(index, DataType::int64)}, {{"axis", axis.axis}});
}

// ---- Weights

double cubic(double d, double a) {
  d = std::abs(d);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/// Weights of all elements for one output. Those of places outside go to the outermost element, or are left out.
std::vector<double> weights_at(double x, std::int64_t length, double scale, const Sampling& sampling) {
  const bool is_cubic = sampling.mode == "cubic";
  const double shrink = sampling.antialias ? std::min(scale, 1.0) : 1;
  const double reach = (is_cubic ? 2 : 1) / shrink;
  std::vector<double> weights(static_cast<std::size_t>(length));
  double sum = 0;
  for (auto j = static_cast<std::int64_t>(std::floor(x - reach)); static_cast<double>(j) <= x + reach; ++j) {
    if (sampling.exclude_outside && (j < 0 || j >= length)) continue;
    const double d = (static_cast<double>(j) - x) * shrink;
    const double weight = is_cubic ? cubic(d, sampling.cubic_a) : std::max(0.0, 1 - std::abs(d));
    weights[static_cast<std::size_t>(std::clamp<std::int64_t>(j, 0, length - 1))] += weight;
    sum += weight;
  }
  if (sum == 0) return weights;
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// The matrix as a constant, [length, size] where `turned`, else [size, length]; null where too little is known.
ir::Value* stored_weights(Step& s, const Axis& axis, ir::Value* x, const Sampling& sampling, bool turned,
                          DataType dtype) {
  const auto places = s.find_reals(x);
  const auto length = s.find_ints(axis.length);
  const auto scale = s.find_number(axis.scale);
  if (!places || !length || length->front() < 1 || !scale) return nullptr;
  const auto width = static_cast<std::size_t>(length->front());
  if (static_cast<std::int64_t>(places->size() * width) > kStoredWeights) return nullptr;
  std::vector<double> matrix(places->size() * width);
  for (std::size_t row = 0; row < places->size(); ++row) {
    const std::vector<double> weights = weights_at((*places)[row], length->front(), *scale, sampling);
    for (std::size_t column = 0; column < width; ++column) {
      matrix[turned ? column * places->size() + row : row * width + column] = weights[column];
    }
  }
  const auto rows = static_cast<std::int64_t>(places->size());
  return s.reals(matrix, turned ? Ints{length->front(), rows} : Ints{rows, length->front()}, dtype);
}

ir::Value* kernel(Step& s, ir::Value* distance, const Sampling& sampling) {
  ir::Value* d = s.emit("Abs", {distance});
  if (sampling.mode != "cubic") return s.emit("Relu", {s.emit("Sub", {real(s, 1), d})});
  const double a = sampling.cubic_a;
  const auto times = [&](ir::Value* left, ir::Value* right) { return s.emit("Mul", {left, right}); };
  const auto plus = [&](ir::Value* left, double right) { return s.emit("Add", {left, real(s, right)}); };
  ir::Value* near = plus(times(times(plus(times(d, real(s, a + 2)), -(a + 3)), d), d), 1);
  ir::Value* far = plus(times(plus(times(plus(times(d, real(s, a)), -5 * a), d), 8 * a), d), -4 * a);
  ir::Value* outer = s.emit("Where", {s.emit("Less", {d, real(s, 2)}), far, real(s, 0)});
  return s.emit("Where", {s.emit("Less", {d, real(s, 1)}), near, outer});
}

/// The same matrix [size, length] computed when the model runs: the kernel at the distances of all places that it
/// reaches, times the matrix that says which element each place stands for.
ir::Value* computed_weights(Step& s, const Axis& axis, ir::Value* x, const Sampling& sampling) {
  ir::Value* shrink = sampling.antialias ? s.emit("Min", {axis.scale, real(s, 1)}) : nullptr;
  ir::Value* places = s.range(axis.length);
  ir::Value* owner = nullptr;
  if (!sampling.exclude_outside) {
    ir::Value* reach = s.reals({sampling.mode == "cubic" ? 2.0 : 1.0}, {1}, DataType::float32);
    if (shrink != nullptr) reach = s.emit("Ceil", {s.emit("Div", {reach, shrink})});
    ir::Value* margin = s.emit("Add", {s.cast(reach, DataType::int64), s.ints({1})});
    ir::Value* count = s.emit("Add", {axis.length, s.emit("Add", {margin, margin})});
    ir::Value* wide = s.emit("Sub", {s.range(count), margin});
    ir::Value* inside = s.cast(within(s, axis, as_float(s, wide)), DataType::int64);
    ir::Value* same = s.emit("Equal", {s.unsqueeze(inside, {1}), places});
    owner = as_float(s, same);
    places = wide;
  }
  ir::Value* distance = s.emit("Sub", {as_float(s, places), s.unsqueeze(x, {1})});
  if (shrink != nullptr) distance = s.emit("Mul", {distance, shrink});
  ir::Value* weights = kernel(s, distance, sampling);
  if (owner != nullptr) weights = s.emit("MatMul", {weights, owner});
  return s.emit("Div", {weights, s.reduce("ReduceSum", weights, {1})});
}

ir::Value* multiply(Step& s, ir::Value* data, const Axis& axis, ir::Value* x, const Sampling& sampling) {
  const std::int64_t rank = s.rank(data);
  const DataType dtype = s.dtype(data);
  const bool turned = axis.axis != rank - 2;
  ir::Value* weights = stored_weights(s, axis, x, sampling, turned, dtype);
  if (weights == nullptr) {
    weights = s.cast(computed_weights(s, axis, x, sampling), dtype);
    if (turned) weights = s.transpose(weights, {1, 0});
  }
  if (!turned) return s.emit("MatMul", {weights, data});
  if (axis.axis == rank - 1) return s.emit("MatMul", {data, weights});
  Ints order;
  for (std::int64_t i = 0; i < rank; ++i) order.push_back(i);
  std::swap(order[static_cast<std::size_t>(axis.axis)], order.back());
  return s.transpose(s.emit("MatMul", {s.transpose(data, order), weights}), order);
}

// ---- All axes

/// The axis stays as it is. ONNX Runtime then does not crop it either.
bool is_idle(const Step& s, const Axis& axis) { return s.find_number(axis.scale) == 1; }

/// True where an element lies outside of the input; broadcasts with the output.
ir::Value* outside(Step& s, const Axis& axis, ir::Value* x, std::int64_t rank) {
  ir::Value* mask = s.emit("Or", {s.emit("Less", {x, real(s, 0)}), s.emit("Greater", {x, last_index(s, axis)})});
  Ints dims(static_cast<std::size_t>(rank - axis.axis), 1);
  dims.front() = -1;
  return dims.size() == 1 ? mask : s.reshape(mask, dims);
}

bool is_weighted_type(DataType dtype) { return is_float(dtype) && bit_width(dtype) >= 16; }

ir::Value* resized(Step& s, ir::Value* data, const Axes& axes, const Sampling& sampling) {
  const std::int64_t rank = s.rank(data);
  const DataType dtype = s.dtype(data);
  const bool nearest = sampling.mode == "nearest";
  if (!nearest && !is_weighted_type(dtype)) {
    s.refuse("in this opset it takes weights that are computed, and how integers are rounded then is not defined");
  }
  const bool narrow = !nearest && bit_width(dtype) < 32;
  ir::Value* result = narrow ? as_float(s, data) : data;
  ir::Value* mask = nullptr;
  for (const Axis& axis : axes) {
    if (is_idle(s, axis)) continue;
    ir::Value* x = coordinates(s, axis, sampling);
    if (sampling.crops()) {
      ir::Value* beyond = outside(s, axis, x, rank);
      mask = mask == nullptr ? beyond : s.emit("Or", {mask, beyond});
    }
    if (sampling.mode == "linear" && !sampling.antialias) x = within(s, axis, x);
    result = nearest ? gather_nearest(s, result, axis, x, sampling) : multiply(s, result, axis, x, sampling);
  }
  if (mask != nullptr) result = s.emit("Where", {mask, s.number_like(sampling.extrapolation, result), result});
  return s.cast(result, dtype);
}

void compute(Step& s) {
  const Sampling sampling = sampling_of(s);
  s.replace({resized(s, s.input(0), axes_of(s, sampling), sampling)});
}

// ---- Steps of Resize

/// Scales that are known, also where they follow from sizes; empty where they are not.
std::vector<double> known_scales(const Step& s) {
  if (ir::Value* scales = given_input(s, 2)) return s.find_reals(scales).value_or(std::vector<double>());
  std::vector<double> scales;
  const auto sizes = s.find_ints(given_input(s, 3));
  const auto dims = s.find_dims(s.input(0));
  if (!sizes || !dims || sizes->size() != dims->size()) return {};
  for (std::size_t i = 0; i < sizes->size(); ++i) {
    if ((*dims)[i] == 0) return {};
    scales.push_back(static_cast<double>((*sizes)[i]) / static_cast<double>((*dims)[i]));
  }
  return scales;
}

bool is_whole(double number) { return number == std::floor(number); }
bool is_at_least_one(double number) { return number >= 1; }
bool is_at_most_one(double number) { return number <= 1; }

// half_pixel_symmetric is half_pixel where scale * length is a whole number, which it is where sizes are given.
void resize_19_down(Step& s) {
  if (s.string("coordinate_transformation_mode") != "half_pixel_symmetric") return;
  bool whole = given_input(s, 3) != nullptr && s.string("keep_aspect_ratio_policy") == "stretch";
  if (!whole && given_input(s, 3) == nullptr) {
    const auto scales = s.find_reals(s.input(2));
    const Ints axes = resized_axes(s);
    whole = scales && scales->size() == axes.size();
    for (std::size_t i = 0; whole && i < axes.size(); ++i) {
      const auto length = s.find_dim(s.input(0), axes[i]);
      whole = is_whole((*scales)[i]) || (length && is_whole((*scales)[i] * static_cast<double>(*length)));
    }
  }
  if (!whole) return compute(s);
  s.node().set("coordinate_transformation_mode", std::string("half_pixel"));
}

/// `list` holds one element for each of `axes`; the result one for each axis of the input, where those that are not
/// resized have theirs from `rest`: one for each axis, or one for all.
ir::Value* for_all_axes(Step& s, ir::Value* list, ir::Value* rest, const Ints& axes, std::int64_t rank) {
  Ints order;
  const bool each = s.find_dim(rest, 0) == rank;
  for (std::int64_t i = 0; i < rank; ++i) {
    const auto place = std::ranges::find(axes, i);
    order.push_back(place == axes.end() ? (each ? i : 0) : place - axes.begin() + (each ? rank : 1));
  }
  return s.emit("Gather", {s.concat({rest, list}, 0), s.ints(order)}, {{"axis", 0}});
}

void spell_out_axes(Step& s) {
  const std::int64_t rank = s.rank(s.input(0));
  const Ints axes = resized_axes(s);
  const auto count = static_cast<std::int64_t>(axes.size());
  const auto reals = [&](double value, ir::Value* like) { return s.reals({value}, {1}, s.dtype(like)); };
  if (ir::Value* scales = given_input(s, 2)) {
    s.node().set_input(2, for_all_axes(s, scales, reals(1, scales), axes, rank));
  }
  if (ir::Value* sizes = given_input(s, 3)) {
    const auto dims = s.find_dims(s.input(0));
    s.node().set_input(3, for_all_axes(s, sizes, dims ? s.ints(*dims) : s.shape(s.input(0)), axes, rank));
  }
  if (ir::Value* region = given_input(s, 1)) {
    ir::Value* start = for_all_axes(s, s.slice(region, 0, 0, count), reals(0, region), axes, rank);
    ir::Value* end = for_all_axes(s, s.slice(region, 0, count, 2 * count), reals(1, region), axes, rank);
    s.node().set_input(1, s.concat({start, end}, 0));
  }
  s.node().remove("axes");
}

/// Both are exact where all axes grow or shrink by one ratio and come out whole.
bool stretches(Step& s) {
  const auto sizes = s.find_ints(given_input(s, 3));
  if (!sizes) return given_input(s, 3) == nullptr;
  const Ints axes = resized_axes(s);
  const auto first = s.find_dim(s.input(0), axes.front());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto length = s.find_dim(s.input(0), axes[i]);
    if (!length || !first || sizes->front() * *length != (*sizes)[i] * *first) return false;
  }
  return true;
}

void resize_18_down(Step& s) {
  const bool keeps = s.string("keep_aspect_ratio_policy") != "stretch" && !stretches(s);
  bool filters = s.integer("antialias") != 0 && s.string("mode") != "nearest";
  if (filters) {
    const auto scales = given_input(s, 2) != nullptr || !s.has("axes") ? known_scales(s) : std::vector<double>();
    filters = scales.empty() || !std::ranges::all_of(scales, is_at_least_one);
  }
  if (keeps || filters) return compute(s);
  s.node().remove("antialias");
  s.node().remove("keep_aspect_ratio_policy");
  if (s.has("axes")) spell_out_axes(s);
}

ir::Value* empty_list(Step& s) { return s.reals({}, {0}, DataType::float32); }

void resize_13_down(Step& s) {
  for (const std::size_t index : {1U, 2U}) {
    if (s.input(index) == nullptr) s.node().set_input(index, empty_list(s));
  }
}

void resize_13_up(Step& s) {
  if (s.string("coordinate_transformation_mode") == "tf_half_pixel_for_nn") return compute(s);
  const bool has_sizes = s.input(3) != nullptr;
  if (s.string("coordinate_transformation_mode") != kCrop) s.node().set_input(1, nullptr);
  if (has_sizes) s.node().set_input(2, nullptr);
}

// Resize of opset 10 means asymmetric, and floor for the nearest where the axis grows. With a whole scale n the places
// (o + 0.5) / n - 0.5 are rounded to floor(o / n), too.
bool is_said_in_opset_10(const Step& s, const std::vector<double>& scales) {
  const Sampling sampling = sampling_of(s);
  const bool plain = sampling.coordinates == "asymmetric";
  if (sampling.mode == "linear") return plain;
  if (sampling.mode != "nearest" || scales.empty()) return false;
  if (plain && sampling.nearest == "floor") return std::ranges::all_of(scales, is_at_least_one);
  if (plain && sampling.nearest == "ceil") return std::ranges::all_of(scales, is_at_most_one);
  return sampling.coordinates == "half_pixel" && sampling.nearest.starts_with("round") &&
         std::ranges::all_of(scales, is_at_least_one) && std::ranges::all_of(scales, is_whole);
}

void resize_11_down(Step& s) {
  std::vector<double> scales = known_scales(s);
  ir::Value* given = given_input(s, 2);
  // The size is computed from the scale again.
  if (given == nullptr && !std::ranges::all_of(scales, is_whole)) scales.clear();
  if (!is_said_in_opset_10(s, scales) || (given == nullptr && scales.empty())) return compute(s);
  if (given == nullptr) given = s.reals(scales, {static_cast<std::int64_t>(scales.size())}, DataType::float32);
  s.replace_by("Resize", {s.input(0), given}, {{"mode", s.string("mode")}});
}

// Axes that grow and axes that shrink are rounded in different directions.
void resize_11_up(Step& s) {
  ir::Value* x = s.input(0);
  ir::Value* scales = s.input(1);
  const std::string mode = s.string("mode");
  const auto resize = [&](ir::Value* data, ir::Value* by, const char* nearest) {
    Attrs attributes = {{"mode", mode}, {"coordinate_transformation_mode", "asymmetric"}};
    if (mode == "nearest") attributes.emplace_back("nearest_mode", nearest);
    return s.emit("Resize", {data, empty_list(s), by}, attributes);
  };
  const auto known = s.find_reals(scales);
  if (mode != "nearest" || (known && std::ranges::all_of(*known, is_at_least_one))) {
    s.replace({resize(x, scales, "floor")});
  } else if (known && std::ranges::all_of(*known, is_at_most_one)) {
    s.replace({resize(x, scales, "ceil")});
  } else {
    ir::Value* grown = resize(x, s.emit("Max", {scales, real(s, 1)}), "floor");
    s.replace({resize(grown, s.emit("Min", {scales, real(s, 1)}), "ceil")});
  }
}

// ---- Steps to and of Upsample

/// Of a Resize or Upsample of opset 10 or earlier, whose scales are input 1.
void compute_simply(Step& s) {
  Sampling sampling;
  sampling.mode = s.string("mode");
  Axes axes;
  for (std::int64_t i = 0; i < s.rank(s.input(0)); ++i) {
    Axis axis{i, s.size(s.input(0), i), nullptr, element(s, s.input(1), i)};
    axis.size = s.cast(s.emit("Mul", {axis.scale, as_float(s, axis.length)}), DataType::int64);
    axes.push_back(axis);
  }
  s.replace({resized(s, s.input(0), axes, sampling)});
}

void resize_10_down(Step& s) {
  const auto scales = s.find_reals(s.input(1));
  if (!scales || !std::ranges::all_of(*scales, is_at_least_one)) return compute_simply(s);
  s.rename("Upsample");
}

void upsample_9_down(Step& s) {
  const auto scales = s.find_reals(s.input(1));
  if (!scales) return compute_simply(s);
  s.replace_by("Upsample", {s.input(0)},
               {{"mode", s.string("mode")}, {"scales", std::vector<float>(scales->begin(), scales->end())}});
}

void upsample_10_up(Step& s) { s.rename("Resize"); }

void upsample_9_up(Step& s) {
  const auto scales = s.floats("scales");
  if (!scales) s.refuse("it has no scales");
  const std::vector<double> wide(scales->begin(), scales->end());
  s.replace_by("Upsample", {s.input(0), s.reals(wide, {static_cast<std::int64_t>(wide.size())}, DataType::float32)},
               {{"mode", s.string("mode")}});
}

void upsample_7_up(Step& s) {
  const std::string mode = s.string("mode");
  const std::vector<float> scales = {1, 1, s.floating("height_scale"), s.floating("width_scale")};
  s.replace_by("Upsample", {s.input(0)}, {{"mode", mode == "bilinear" ? "linear" : mode}, {"scales", scales}});
}

constexpr std::string_view kComputed = "what is new is computed axis by axis: from gathered elements or by weights";

constexpr Adapter kAdapters[] = {
    same_up("Resize", 19, "half_pixel_symmetric is new"),
    down("Resize", 19, &resize_19_down, "half_pixel_symmetric becomes half_pixel where sizes are whole, else computed"),
    same_up("Resize", 18, "antialias, axes and keep_aspect_ratio_policy may be left out"),
    down("Resize", 18, &resize_18_down, "axes are spelled out; antialias and keep_aspect_ratio_policy are computed"),
    up("Resize", 13, &resize_13_up, "inputs that don't count are left out"),
    down("Resize", 13, &resize_13_down, "inputs that are left out become empty tensors"),
    up("Resize", 11, &resize_11_up, "coordinates become asymmetric, the nearest element what it was"),
    down("Resize", 11, &resize_11_down, kComputed),
    down("Resize", 10, &resize_10_down, "becomes Upsample, or is computed where an axis may shrink"),
    up("Upsample", 10, &upsample_10_up, "becomes Resize"),
    up("Upsample", 9, &upsample_9_up, "scales become an input"),
    down("Upsample", 9, &upsample_9_down, "scales become an attribute, or it is computed where they are not known"),
    up("Upsample", 7, &upsample_7_up, "height_scale and width_scale become scales"),
};

}  // namespace

std::span<const Adapter> resize_adapters() { return kAdapters; }

}  // namespace olivine::opset

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "torch/aten/families.h"
#include "torch/lowering.h"

/// Quantizing and dequantizing, and products of numbers with scales.
namespace olivine::torch {
namespace {

/// Parameters of one scale for all, or one for each place along an axis.
struct Scheme {
  ir::Value* scale;
  ir::Value* zero_point;  ///< null: zero
  std::optional<std::int64_t> axis = {};
};

struct Range {
  std::int64_t lowest;
  std::int64_t highest;
};

std::optional<Range> range_of(DataType dtype) {
  switch (dtype) {
    case DataType::int8:
      return Range{-128, 127};
    case DataType::uint8:
      return Range{0, 255};
    case DataType::int16:
      return Range{-32768, 32767};
    case DataType::uint16:
      return Range{0, 65535};
    default:
      return std::nullopt;
  }
}

bool is_quantized_by_onnx(const Call& c, DataType dtype) {
  if (dtype == DataType::int8 || dtype == DataType::uint8) return true;
  return c.opset() >= 21 && (dtype == DataType::int16 || dtype == DataType::uint16);
}

/// The type that has exactly this range.
std::optional<DataType> type_of(const Range& range) {
  for (const DataType dtype : {DataType::int8, DataType::uint8}) {
    const Range own = *range_of(dtype);
    if (own.lowest == range.lowest && own.highest == range.highest) return dtype;
  }
  return std::nullopt;
}

Range range_argument(Call& c) {
  const auto bound = [&](std::string_view name) {
    if (!c.is_tensor(name)) return c.integer(name);
    const auto known = c.find_ints(c.tensor(name));
    if (!known || known->size() != 1) c.refuse("its range is known only when the model runs");
    return known->front();
  };
  return {bound("quant_min"), bound("quant_max")};
}

/// A scale or zero point, a number or a tensor of one element, as a scalar.
ir::Value* parameter(Call& c, std::string_view name, DataType dtype) {
  if (c.is_tensor(name)) return c.as_scalar(c.cast(c.tensor(name), dtype));
  return c.scalar(c.number_argument(name), dtype);
}

Scheme tensor_scheme(Call& c) {
  return {parameter(c, "scale", DataType::float32), parameter(c, "zero_point", DataType::int64)};
}

Scheme channel_scheme(Call& c, std::string_view scale, std::string_view zero_point, const ir::Value* x) {
  return {c.cast(c.tensor(scale), DataType::float32), c.find_tensor(zero_point),
          c.positive_axis(c.integer("axis"), c.rank(x))};
}

/// [channels] as it broadcasts along the axis.
ir::Value* spread(Call& c, ir::Value* value, const Scheme& scheme, const ir::Value* x) {
  if (!scheme.axis) return value;
  Ints dims = {-1};
  for (std::int64_t axis = *scheme.axis + 1; axis < c.rank(x); ++axis) dims.push_back(1);
  return dims.size() == 1 ? value : c.reshape(value, dims);
}

Attrs attributes_of(const Scheme& scheme) { return scheme.axis ? Attrs{{"axis", *scheme.axis}} : Attrs(); }

ir::Value* zero_point_of(Call& c, const Scheme& scheme, DataType dtype) {
  return scheme.zero_point != nullptr ? c.cast(scheme.zero_point, dtype) : nullptr;
}

// ---- Whole numbers and back

/// round(x / scale) + zero point as a real number, not yet within the range.
ir::Value* rounded(Call& c, ir::Value* x, const Scheme& scheme) {
  ir::Value* reciprocal = c.emit("Reciprocal", {spread(c, c.cast(scheme.scale, c.dtype(x)), scheme, x)});
  ir::Value* whole = c.emit("Round", {c.emit("Mul", {x, reciprocal})});
  if (scheme.zero_point == nullptr) return whole;
  return c.emit("Add", {whole, spread(c, c.cast(scheme.zero_point, c.dtype(x)), scheme, x)});
}

ir::Value* clipped(Call& c, ir::Value* value, const Range& range) {
  const auto bound = [&](std::int64_t number) { return c.cast(c.integer_scalar(number), c.dtype(value)); };
  return c.emit("Clip", {value, bound(range.lowest), bound(range.highest)});
}

/// The reciprocal of a power of two is exact.
bool has_exact_reciprocal(const Call& c, const ir::Value* scale) {
  const auto known = c.find_reals(scale);
  return known && std::ranges::all_of(*known, [](double number) {
           int exponent = 0;
           return std::frexp(number, &exponent) == 0.5;
         });
}

ir::Value* quantize(Call& c, ir::Value* x, const Scheme& scheme, const Range& range, DataType dtype) {
  const auto whole = range_of(dtype);
  const bool is_integral = scheme.zero_point == nullptr || !is_float(c.dtype(scheme.zero_point));
  x = c.cast(x, DataType::float32);
  if (!is_quantized_by_onnx(c, dtype) || !is_integral) {
    return c.cast(clipped(c, rounded(c, x, scheme), range), dtype);
  }
  ir::Value* zero = zero_point_of(c, scheme, dtype);
  if (zero == nullptr) zero = c.cast(c.emit("Mul", {scheme.scale, c.number_like(0, scheme.scale)}), dtype);
  ir::Value* result = c.emit("QuantizeLinear", {x, scheme.scale, zero}, attributes_of(scheme));
  if (!has_exact_reciprocal(c, scheme.scale)) {
    c.lowering().notice(
        "QuantizeLinear divides by the scale, PyTorch multiplies by its reciprocal: what lies half between two steps "
        "may be rounded to the other one");
  }
  const bool is_whole = range.lowest <= whole->lowest && range.highest >= whole->highest;
  if (is_whole) return result;
  const bool is_byte = dtype == DataType::int8 || dtype == DataType::uint8;
  return is_byte ? clipped(c, result, range) : c.cast(clipped(c, c.cast(result, DataType::int32), range), dtype);
}

ir::Value* dequantize(Call& c, ir::Value* x, const Scheme& scheme) {
  const bool is_integral = scheme.zero_point == nullptr || !is_float(c.dtype(scheme.zero_point));
  if (is_quantized_by_onnx(c, c.dtype(x)) && is_integral) {
    return c.emit("DequantizeLinear", {x, scheme.scale, zero_point_of(c, scheme, c.dtype(x))}, attributes_of(scheme));
  }
  ir::Value* real = c.cast(x, DataType::float32);
  if (scheme.zero_point != nullptr) {
    real = c.emit("Sub", {real, spread(c, c.cast(scheme.zero_point, DataType::float32), scheme, x)});
  }
  return c.emit("Mul", {real, spread(c, scheme.scale, scheme, x)});
}

DataType wanted_type(const Call& c, DataType fallback) { return c.dtype_argument("dtype").value_or(fallback); }

ir::Value* quantize_per_tensor(Call& c) {
  return quantize(c, c.tensor("input"), tensor_scheme(c), range_argument(c), wanted_type(c, c.result_dtype()));
}

ir::Value* dequantize_per_tensor(Call& c) {
  return c.cast(dequantize(c, c.tensor("input"), tensor_scheme(c)), c.result_dtype());
}

ir::Value* quantize_per_channel(Call& c) {
  ir::Value* x = c.tensor("input");
  return quantize(c, x, channel_scheme(c, "scales", "zero_points", x), range_argument(c), c.result_dtype());
}

ir::Value* dequantize_per_channel(Call& c) {
  ir::Value* x = c.tensor("input");
  return c.cast(dequantize(c, x, channel_scheme(c, "scales", "zero_points", x)), c.result_dtype());
}

// ---- By token or group

/// round(x · (1 / scale) + zero point) within the range: the zero point comes before the rounding here.
ir::Value* quantize_rows(Call& c, ir::Value* x, ir::Value* scale, ir::Value* zero_point, DataType real) {
  ir::Value* scaled = c.emit("Mul", {c.cast(x, real), c.emit("Reciprocal", {c.cast(scale, real)})});
  ir::Value* whole = c.emit("Round", {c.emit("Add", {scaled, c.cast(zero_point, real)})});
  return c.cast(clipped(c, whole, range_argument(c)), c.result_dtype());
}

DataType wider(DataType a, DataType b) {
  return a == DataType::float64 || b == DataType::float64 ? DataType::float64 : DataType::float32;
}

ir::Value* quantize_per_token(Call& c) {
  ir::Value* x = c.tensor("input");
  ir::Value* scale = c.tensor("scales");
  return quantize_rows(c, x, scale, c.tensor("zero_points"), wider(c.dtype(x), c.dtype(scale)));
}

ir::Value* dequantize_per_token(Call& c) {
  ir::Value* scale = c.tensor("scales");
  const DataType real = wider(c.dtype(scale), c.dtype(c.tensor("zero_points")));
  ir::Value* x = c.emit("Sub", {c.cast(c.tensor("input"), real), c.cast(c.tensor("zero_points"), real)});
  return c.cast(c.emit("Mul", {x, c.cast(scale, real)}), c.result_dtype());
}

ir::Value* quantize_groups(Call& c) {
  ir::Value* x = c.tensor("input");
  const DataType real = wider(c.dtype(x), c.dtype(c.tensor("scales")));
  const std::int64_t group = c.find_dim(c.tensor("scales"), -1) == 1 ? -1 : c.integer("group_size", 128);
  ir::Value* rows = group < 0 ? x : c.reshape(x, {-1, group});
  ir::Value* scale = c.reshape(c.tensor("scales"), {-1, 1});
  ir::Value* zero = c.reshape(c.tensor("zero_points"), {-1, 1});
  return c.reshape_to(quantize_rows(c, rows, scale, zero, real), c.sizes(x));
}

ir::Value* dequantize_groups(Call& c) {
  ir::Value* x = c.tensor("input");
  const DataType real = wider(c.dtype(c.tensor("scales")), DataType::float32);
  const std::int64_t group = c.find_dim(c.tensor("scales"), -1) == 1 ? -1 : c.integer("group_size", 128);
  ir::Value* rows = c.cast(group < 0 ? x : c.reshape(x, {-1, group}), real);
  if (c.has("zero_points")) {
    rows = c.emit("Sub", {rows, c.cast(c.reshape(c.tensor("zero_points"), {-1, 1}), real)});
  }
  rows = c.emit("Mul", {rows, c.cast(c.reshape(c.tensor("scales"), {-1, 1}), real)});
  return c.cast(c.reshape_to(rows, c.sizes(x)), c.result_dtype());
}

// ---- Choosing parameters

Values chosen(Call& c, ir::Value* scale, ir::Value* zero_point) {
  return {c.cast(scale, c.result_dtype(0)), c.cast(zero_point, c.result_dtype(1))};
}

/// (highest - lowest) / steps, both taken as far as zero; zero is a whole number of steps from the lowest.
Values choose_parameters(Call& c) {
  const Range range = range_argument(c);
  ir::Value* x = c.cast(c.tensor("input"), DataType::float32);
  ir::Value* zero = c.number_like(0, x);
  const auto extreme = [&](const char* reduction, const char* choice) {
    return c.reshape(c.emit(choice, {c.reduce(reduction, x, {}, false), zero}), {1});
  };
  ir::Value* lowest = extreme("ReduceMin", "Min");
  ir::Value* highest = extreme("ReduceMax", "Max");
  ir::Value* least = c.number_like(c.real("eps", 0), x);
  const auto steps = static_cast<double>(range.highest - range.lowest);
  ir::Value* scale = c.emit("Div", {c.emit("Sub", {highest, lowest}), c.number_like(steps, x)});
  scale = c.emit("Max", {scale, least});
  ir::Value* below = c.emit("Round", {c.emit("Div", {lowest, scale})});
  ir::Value* place = c.emit("Sub", {c.number_like(static_cast<double>(range.lowest), x), below});
  return chosen(c, scale, clipped(c, place, range));
}

Values choose_symmetric_parameters(Call& c) {
  const Range range = range_argument(c);
  ir::Value* x = c.cast(c.tensor("input"), DataType::float32);
  ir::Value* largest = c.reshape(c.reduce("ReduceMax", c.emit("Abs", {x}), {}, false), {1});
  const double steps = static_cast<double>(range.highest - range.lowest) / 2;
  ir::Value* scale = c.emit("Div", {largest, c.number_like(steps, x)});
  scale = c.emit("Max", {scale, c.number_like(c.real("eps", 0), x)});
  return chosen(c, scale, c.ints({wanted_type(c, DataType::int8) == DataType::uint8 ? 128 : 0}));
}

Values choose_token_parameters(Call& c) {
  ir::Value* x = c.tensor("input");
  ir::Value* largest = c.reduce("ReduceMax", c.emit("Abs", {c.cast(x, DataType::float32)}), {-1});
  ir::Value* scale =
      c.emit("Div", {c.emit("Max", {largest, c.number_like(1e-5, largest)}), c.number_like(127, largest)});
  return chosen(c, scale, c.emit("Mul", {scale, c.number_like(0, scale)}));
}

Values choose_asymmetric_token_parameters(Call& c) {
  const Range range = {-128, 127};
  ir::Value* x = c.cast(c.tensor("input"), DataType::float32);
  const auto number = [&](double value) { return c.number_like(value, x); };
  ir::Value* lowest = c.emit("Min", {c.reduce("ReduceMin", x, {-1}), number(0)});
  ir::Value* highest = c.emit("Max", {c.reduce("ReduceMax", x, {-1}), number(0)});
  ir::Value* scale = c.emit("Div", {c.emit("Sub", {highest, lowest}), number(255)});
  scale = c.emit("Max", {scale, number(std::numeric_limits<float>::epsilon())});
  ir::Value* below = c.emit("Div", {lowest, scale});
  ir::Value* above = c.emit("Div", {highest, scale});
  ir::Value* errors = c.emit("Add", {c.emit("Add", {number(-128), below}), c.emit("Add", {number(127), above})});
  ir::Value* place = c.where(c.emit("Greater", {errors, number(0)}), c.emit("Sub", {number(-128), below}),
                             c.emit("Sub", {number(127), above}));
  return chosen(c, scale, c.emit("Round", {clipped(c, place, range)}));
}

// ---- Fake quantization

/// Quantized and dequantized: by both operators where the range is a type's, else within the reals.
ir::Value* fake_quantize(Call& c, ir::Value* given, const Scheme& scheme, const Range& range) {
  const auto type = type_of(range);
  const bool is_integral = !is_float(c.dtype(scheme.zero_point));
  const DataType dtype = c.dtype(given);
  if (type && is_integral && dtype != DataType::float64) {
    return c.cast(dequantize(c, quantize(c, given, scheme, range, *type), scheme), dtype);
  }
  const DataType real = dtype == DataType::float64 ? dtype : DataType::float32;
  ir::Value* x = c.cast(given, real);
  ir::Value* whole = clipped(c, rounded(c, x, scheme), range);
  whole = c.emit("Sub", {whole, spread(c, c.cast(scheme.zero_point, real), scheme, x)});
  return c.cast(c.emit("Mul", {whole, spread(c, c.cast(scheme.scale, real), scheme, x)}), dtype);
}

/// Which elements lie within the range.
ir::Value* inside(Call& c, ir::Value* given, const Scheme& scheme, const Range& range) {
  ir::Value* whole = rounded(c, c.cast(given, DataType::float32), scheme);
  const auto bound = [&](std::int64_t number) { return c.number_like(static_cast<double>(number), whole); };
  return c.emit("And", {c.emit("GreaterOrEqual", {whole, bound(range.lowest)}),
                        c.emit("LessOrEqual", {whole, bound(range.highest)})});
}

Values fake_quantized(Call& c, const Scheme& scheme) {
  ir::Value* x = c.tensor("self");
  const Range range = range_argument(c);
  ir::Value* result = fake_quantize(c, x, scheme, range);
  if (c.has("fake_quant_enabled")) {
    ir::Value* enabled = c.as_scalar(c.cast(c.tensor("fake_quant_enabled"), DataType::boolean));
    result = c.where(enabled, result, x);
  }
  if (c.result_count() == 1) return {result};
  return {result, inside(c, x, scheme, range)};
}

Values fake_quantize_per_tensor(Call& c) { return fake_quantized(c, tensor_scheme(c)); }

Values fake_quantize_per_channel(Call& c) {
  return fake_quantized(c, channel_scheme(c, "scale", "zero_point", c.tensor("self")));
}

ir::Value* fake_quantize_channels(Call& c) {
  ir::Value* x = c.tensor("input");
  return fake_quantize(c, x, channel_scheme(c, "scales", "zero_points", x), range_argument(c));
}

ir::Value* convert(Call& c) { return c.cast(c.tensor("input"), c.result_dtype()); }

// ---- Products

/// (a · scale) × (b · scale) + bias in single precision.
ir::Value* scaled_product(Call& c, ir::Value* scale_a, ir::Value* scale_b) {
  const DataType real = DataType::float32;
  ir::Value* a = c.emit("Mul", {c.cast(c.tensor("self"), real), c.cast(scale_a, real)});
  ir::Value* b = c.emit("Mul", {c.cast(c.tensor("mat2"), real), c.cast(scale_b, real)});
  ir::Value* result = c.emit("MatMul", {a, b});
  if (ir::Value* bias = c.find_tensor("bias")) result = c.emit("Add", {result, c.cast(bias, real)});
  if (ir::Value* scale = c.find_tensor("scale_result")) result = c.emit("Mul", {result, c.cast(scale, real)});
  return c.cast(result, c.result_dtype());
}

/// One scale for all, or one for each row of the first and each column of the second.
void check_scale(Call& c, ir::Value* scale, const ir::Value* matrix) {
  const auto dims = c.find_dims(scale);
  const bool is_single = dims && std::ranges::all_of(*dims, [](std::int64_t size) { return size == 1; });
  const bool is_along =
      dims && dims->size() == 2 && (*dims)[0] == c.find_dim(matrix, 0).value_or(-1) && (*dims)[1] == 1;
  const bool is_across =
      dims && dims->size() == 2 && (*dims)[1] == c.find_dim(matrix, 1).value_or(-1) && (*dims)[0] == 1;
  if (!is_single && !is_along && !is_across) c.refuse("it has scales for blocks");
  if (c.dtype(scale) != DataType::float32) c.refuse("its scales are no single-precision numbers");
}

ir::Value* scaled_mm(Call& c) {
  ir::Value* scale_a = c.tensor("scale_a");
  ir::Value* scale_b = c.tensor("scale_b");
  check_scale(c, scale_a, c.tensor("self"));
  check_scale(c, scale_b, c.tensor("mat2"));
  return scaled_product(c, scale_a, scale_b);
}

ir::Value* scaled_mm_lists(Call& c) {
  const Values scales_a = c.tensors("scale_a");
  const Values scales_b = c.tensors("scale_b");
  if (scales_a.size() != 1 || scales_b.size() != 1) c.refuse("it has scales of several levels");
  check_scale(c, scales_a[0], c.tensor("self"));
  check_scale(c, scales_b[0], c.tensor("mat2"));
  return scaled_product(c, scales_a[0], scales_b[0]);
}

/// x × weightᵀ · scales, with a weight of bytes.
ir::Value* byte_weight_product(Call& c) {
  ir::Value* x = c.tensor("self");
  const DataType dtype = c.dtype(x);
  ir::Value* weight = c.transpose(c.cast(c.tensor("mat2"), DataType::float32), {1, 0});
  ir::Value* product = c.emit("MatMul", {c.cast(x, DataType::float32), weight});
  return c.cast(c.emit("Mul", {product, c.cast(c.tensor("scales"), DataType::float32)}), dtype);
}

constexpr std::array kOps = {
    op("quantized_decomposed.quantize_per_tensor.default", quantize_per_tensor),
    op("quantized_decomposed.quantize_per_tensor.tensor", quantize_per_tensor),
    op("quantized_decomposed.quantize_per_tensor.tensor2", quantize_per_tensor),
    op("quantized_decomposed.dequantize_per_tensor.default", dequantize_per_tensor),
    op("quantized_decomposed.dequantize_per_tensor.tensor", dequantize_per_tensor),
    op("quantized_decomposed.dequantize_per_tensor.tensor2", dequantize_per_tensor),
    op("quantized_decomposed.quantize_per_channel.default", quantize_per_channel),
    op("quantized_decomposed.dequantize_per_channel.default", dequantize_per_channel),
    op("quantized_decomposed.quantize_per_token.default", quantize_per_token),
    op("quantized_decomposed.dequantize_per_token.default", dequantize_per_token),
    op("quantized_decomposed.quantize_per_channel_group.default", quantize_groups),
    op("quantized_decomposed.dequantize_per_channel_group.default", dequantize_groups),
    op("quantized_decomposed.choose_qparams.tensor", choose_parameters),
    op("quantized_decomposed.choose_qparams_symmetric.tensor", choose_symmetric_parameters),
    op("quantized_decomposed.choose_qparams_per_token.default", choose_token_parameters),
    op("quantized_decomposed.choose_qparams_per_token_asymmetric.default", choose_asymmetric_token_parameters),
    op("quantized_decomposed._choose_qparams_per_token_asymmetric_impl.default", choose_asymmetric_token_parameters),
    op("quantized_decomposed.fake_quant_per_channel.default", fake_quantize_channels),
    op("quantized_decomposed.convert_element_type.no_fuse", convert),
    op("aten.fake_quantize_per_tensor_affine.default", fake_quantize_per_tensor),
    op("aten.fake_quantize_per_tensor_affine.tensor_qparams", fake_quantize_per_tensor),
    op("aten.fake_quantize_per_tensor_affine_cachemask.default", fake_quantize_per_tensor),
    op("aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams.default", fake_quantize_per_tensor),
    op("aten.fake_quantize_per_channel_affine.default", fake_quantize_per_channel),
    op("aten.fake_quantize_per_channel_affine_cachemask.default", fake_quantize_per_channel),
    op("aten._scaled_mm.default", scaled_mm),
    op("aten._scaled_mm_v2.default", scaled_mm_lists),
    op("aten._weight_int8pack_mm.default", byte_weight_product),
};

}  // namespace

Ops quantization_ops() { return kOps; }

}  // namespace olivine::torch

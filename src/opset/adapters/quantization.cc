#include <fmt/format.h>

#include <cmath>

#include "opset/adapters/families.h"

/// Quantized numbers. What an older version can't say is computed by the formulas: y = saturate(round(x / scale) +
/// zero) and x = (y - zero) * scale.
namespace olivine::opset {
namespace {

constexpr std::size_t kX = 0;
constexpr std::size_t kScale = 1;
constexpr std::size_t kZero = 2;

bool is_float8(DataType dtype) { return is_float(dtype) && bit_width(dtype) == 8; }

// ---- Scales

/// What a scale belongs to: the whole tensor, a slice of an axis, or a block of elements of an axis.
enum class Grain { tensor, axis, block };

std::int64_t block_size(Step& s) { return s.schema().has_attribute("block_size") ? s.integer("block_size") : 0; }

std::int64_t axis_of(Step& s) { return s.positive_axis(s.integer("axis"), s.rank(s.input(kX))); }

/// Before opset 13 there is no axis.
Grain grain_of(Step& s) {
  if (block_size(s) > 0) return Grain::block;
  ir::Value* scale = s.input(kScale);
  const std::int64_t rank = s.rank(scale);
  if (rank == 0 || !s.schema().has_attribute("axis")) return Grain::tensor;
  return s.find_dim(scale, 0) == 1 ? Grain::tensor : Grain::axis;
}

/// A tensor in blocks: the axis is two, the number of blocks and their size. The last block may be shorter: that isn't
/// reshaped.
class Blocks {
 public:
  explicit Blocks(Step& s) : s_(s), grain_(grain_of(s)) {
    if (grain_ == Grain::tensor) return;
    axis_ = axis_of(s);
    if (grain_ != Grain::block) return;
    size_ = block_size(s);
    const auto dim = s.find_dim(s.input(kX), axis_);
    whole_ = dim && *dim % size_ == 0;
  }

  /// [.., d, ..] -> [.., d / size, size, ..]
  ir::Value* apart(ir::Value* x) const {
    if (grain_ != Grain::block || !whole_) return x;
    const std::int64_t rank = s_.rank(x);
    Values dims;
    if (axis_ > 0) dims.push_back(s_.ints(Ints(static_cast<std::size_t>(axis_), 0)));
    dims.push_back(s_.ints({-1, size_}));
    for (std::int64_t axis = axis_ + 1; axis < rank; ++axis) dims.push_back(s_.size(x, axis));
    return s_.emit("Reshape", {x, s_.concat(dims, 0)});
  }

  ir::Value* together(ir::Value* y) const {
    return grain_ == Grain::block && whole_ ? s_.emit("Reshape", {y, s_.shape(s_.input(kX))}) : y;
  }

  /// A scale or zero point as it broadcasts to what `apart` makes.
  ir::Value* spread(ir::Value* parameter) const {
    if (grain_ == Grain::tensor) {
      return s_.find_rank(parameter) == 0 ? parameter : s_.reshape(parameter, {});
    }
    const std::int64_t rank = s_.rank(s_.input(kX));
    if (grain_ == Grain::axis) {
      Ints axes;
      for (std::int64_t axis = axis_ + 1; axis < rank; ++axis) axes.push_back(axis - axis_);
      return axes.empty() ? parameter : s_.unsqueeze(parameter, axes);
    }
    if (whole_) return s_.unsqueeze(parameter, {axis_ + 1});
    // Each element of the axis looks for its block.
    ir::Value* positions = s_.range(s_.size(s_.input(kX), axis_));
    ir::Value* blocks = s_.emit("Div", {positions, s_.integer_scalar(size_)});
    return s_.emit("Gather", {parameter, blocks}, {{"axis", axis_}});
  }

 private:
  Step& s_;
  Grain grain_;
  std::int64_t axis_ = 0;
  std::int64_t size_ = 0;
  bool whole_ = false;
};

// ---- Formulas

struct Range {
  DataType dtype;
  double low;
  double high;
};

constexpr Range kRanges[] = {
    {DataType::uint8, 0, 255},
    {DataType::int8, -128, 127},
    {DataType::uint16, 0, 65535},
    {DataType::int16, -32768, 32767},
};

Range range_of(Step& s, DataType dtype) {
  for (const Range& range : kRanges) {
    if (range.dtype == dtype) return range;
  }
  s.refuse(fmt::format("nothing in opset {} makes {}", s.opset(), name_of(dtype)));
}

ir::Value* clip(Step& s, ir::Value* x, double low, double high) {
  if (s.opset() < 11) {
    return s.emit("Clip", {x}, {{"min", static_cast<float>(low)}, {"max", static_cast<float>(high)}});
  }
  return s.emit("Clip", {x, s.number_like(low, x), s.number_like(high, x)});
}

/// To the nearest integer, to the even one of two. Before there was a Round: floats from 2^23 to 2^24 are the integers,
/// so that adding 1.5 * 2^23 rounds what is small against that.
ir::Value* round(Step& s, ir::Value* x) {
  if (s.opset() >= 11) return s.emit("Round", {x});
  ir::Value* big = s.number_like(12582912, x);
  return s.emit("Sub", {s.emit("Add", {clip(s, x, -1048576, 1048576), big}), big});
}

/// What is already divided by its scale: round(x) + zero within the type.
ir::Value* saturated(Step& s, ir::Value* x, ir::Value* zero, DataType dtype) {
  if (is_float8(dtype)) return s.emit("Cast", {x}, {{"to", dtype}, {"saturate", s.integer("saturate")}});
  const Range range = range_of(s, dtype);
  ir::Value* y = round(s, x);
  if (zero != nullptr && s.find_number(zero) != 0) y = s.emit("Add", {y, s.cast(zero, s.dtype(x))});
  return s.cast(clip(s, y, range.low, range.high), dtype);
}

/// A type narrower than a byte can't be cast before it can be quantized: only constants become wider ones.
ir::Value* castable(Step& s, ir::Value* value) {
  if (value == nullptr || bit_width(s.dtype(value)) >= 8) return value;
  const auto known = s.find_constant(value);
  if (!known || !is_integer(known->dtype())) return value;
  const bool is_signed = known->dtype() == DataType::int4 || known->dtype() == DataType::int2;
  return s.constant(tensor::cast(*known, is_signed ? DataType::int8 : DataType::uint8));
}

DataType quantized_type(Step& s) {
  if (s.input(kZero) != nullptr) return s.dtype(s.input(kZero));
  const auto given =
      s.schema().has_attribute("output_dtype") ? static_cast<DataType>(s.integer("output_dtype")) : DataType::undefined;
  return given == DataType::undefined ? DataType::uint8 : given;
}

void quantize_by_formula(Step& s) {
  const Blocks blocks(s);
  ir::Value* scale = s.cast(s.input(kScale), DataType::float32);
  ir::Value* x = blocks.apart(s.cast(s.input(kX), DataType::float32));
  ir::Value* zero = s.input(kZero) != nullptr ? blocks.spread(s.input(kZero)) : nullptr;
  ir::Value* ratio = s.emit("Div", {x, blocks.spread(scale)});
  s.replace({blocks.together(saturated(s, ratio, zero, quantized_type(s)))});
}

/// (x - zero) * scale, of float32.
ir::Value* dequantized(Step& s, ir::Value* x, ir::Value* scale, ir::Value* zero) {
  ir::Value* number = s.cast(x, DataType::float32);
  if (zero != nullptr && s.find_number(zero) != 0) number = s.emit("Sub", {number, s.cast(zero, DataType::float32)});
  return s.emit("Mul", {number, s.cast(scale, DataType::float32)});
}

void dequantize_by_formula(Step& s) {
  const Blocks blocks(s);
  ir::Value* zero = s.input(kZero) != nullptr ? blocks.spread(castable(s, s.input(kZero))) : nullptr;
  ir::Value* x = blocks.apart(castable(s, s.input(kX)));
  ir::Value* y = dequantized(s, x, blocks.spread(s.input(kScale)), zero);
  s.replace({s.cast(blocks.together(y), s.dtype(s.node().output(0)))});
}

// ---- QuantizeLinear, DequantizeLinear, version by version

// 13: scales of an axis.
void quantize_axis_down(Step& s) {
  if (grain_of(s) != Grain::tensor) return quantize_by_formula(s);
  s.node().remove("axis");
}

void dequantize_axis_down(Step& s) {
  if (grain_of(s) != Grain::tensor) return dequantize_by_formula(s);
  s.node().remove("axis");
}

// 19: the scale has the type of x, which for integers it had not.
void quantize_scale_up(Step& s) {
  if (s.dtype(s.input(kX)) == DataType::int32) s.node().set_input(kX, s.cast(s.input(kX), DataType::float32));
}

// 19: saturate is about float 8.
void quantize_saturate_down(Step& s) {
  if (is_float8(quantized_type(s))) {
    s.refuse(fmt::format("nothing in opset {} makes {}", s.opset(), name_of(quantized_type(s))));
  }
  s.node().remove("saturate");
}

/// Types that QuantizeLinear and DequantizeLinear of opset 19 know.
bool is_known_at_19(DataType dtype) { return bit_width(dtype) == 8 || dtype == DataType::int32; }

// 21: blocks, 16 bits, and a type without a zero point.
void quantize_blocks_down(Step& s) {
  const DataType dtype = quantized_type(s);
  if (block_size(s) > 0 || !is_known_at_19(dtype)) return quantize_by_formula(s);
  if (s.input(kZero) == nullptr && dtype != DataType::uint8) {
    ir::Value* zero = s.cast(s.integer_scalar(0), dtype);
    if (s.find_rank(s.input(kScale)) != 0) zero = s.emit("Expand", {zero, s.shape(s.input(kScale))});
    s.node().set_input(kZero, zero);
  }
  s.node().remove("output_dtype");
  s.node().remove("block_size");
}

void dequantize_blocks_down(Step& s) {
  if (block_size(s) > 0 || !is_known_at_19(s.dtype(s.input(kX)))) return dequantize_by_formula(s);
  s.node().remove("block_size");
}

// 23: x and scale may have different types, and are divided as `precision` says, else as the scale's type.
void quantize_precision_down(Step& s) {
  const auto given = static_cast<DataType>(s.integer("precision"));
  const DataType precision = given != DataType::undefined ? given : s.dtype(s.input(kScale));
  for (const std::size_t index : {kX, kScale}) s.node().set_input(index, s.cast(s.input(index), precision));
  s.node().remove("precision");
}

// 23: the result may have another type than the scale; what is computed as float32 loses nothing before it is cast.
void dequantize_result_down(Step& s) {
  const DataType wanted = s.dtype(s.node().output(0));
  const DataType scale = s.dtype(s.input(kScale));
  s.node().remove("output_dtype");
  if (scale == wanted) return;
  Values inputs(s.node().inputs().begin(), s.node().inputs().end());
  inputs[kScale] = s.cast(inputs[kScale], DataType::float32);
  s.replace({s.cast(s.emit_same(inputs).front(), wanted)});
}

// 25: two bits.
void two_bits_down(Step& s) {
  if (bit_width(s.dtype(s.input(kX))) > 2) return;
  for (const std::size_t index : {kX, kZero}) {
    if (s.input(index) != nullptr) s.node().set_input(index, castable(s, s.input(index)));
  }
}

// ---- Products of quantized numbers

/// As int32, less its zero point.
ir::Value* centered(Step& s, ir::Value* x, ir::Value* zero) {
  ir::Value* number = s.cast(x, DataType::int32);
  if (zero == nullptr || s.find_number(zero) == 0) return number;
  return s.emit("Sub", {number, s.cast(zero, DataType::int32)});
}

/// A parameter of the rows of A, [m], as a column.
ir::Value* of_rows(Step& s, ir::Value* parameter) {
  if (parameter == nullptr || s.find_rank(parameter) != 1 || s.find_dim(parameter, 0) == 1) return parameter;
  return s.unsqueeze(parameter, {1});
}

// Products and sums of 32 bits are what the operator is defined by.
void matmul_integer_down(Step& s) {
  ir::Value* a = centered(s, s.input(0), of_rows(s, s.input(2)));
  s.replace_by("MatMul", {a, centered(s, s.input(1), s.input(3))});
}

void qlinear_matmul_down(Step& s) {
  ir::Value* a = centered(s, s.input(0), of_rows(s, s.input(2)));
  ir::Value* sum = s.emit("MatMul", {a, centered(s, s.input(3), s.input(5))});
  ir::Value* scale = s.emit("Mul", {of_rows(s, s.input(1)), s.input(4)});
  ir::Value* y = s.emit("Mul", {s.cast(sum, DataType::float32), s.emit("Div", {scale, s.input(6)})});
  s.replace({saturated(s, y, s.input(7), s.dtype(s.input(7)))});
}

/// float32 counts up to 2^24: as many products of bytes it sums without rounding.
constexpr std::int64_t kExactProducts = (1 << 24) / (255 * 255);

/// [m], one for each filter, as it broadcasts to the filters or, without the first axis, to the result.
ir::Value* of_filters(Step& s, ir::Value* parameter, std::int64_t axes) {
  if (parameter == nullptr || s.find_rank(parameter) != 1 || s.find_dim(parameter, 0) == 1) return parameter;
  Ints dims(static_cast<std::size_t>(axes), 1);
  dims[0] = -1;
  return s.reshape(parameter, dims);
}

/// A convolution of integers by one of floats, where its sums are exact.
ir::Value* convolved(Step& s, ir::Value* x, ir::Value* x_zero, ir::Value* w, ir::Value* w_zero, ir::Value* bias) {
  const auto dims = s.find_dims(w);
  std::int64_t products = 1;
  for (std::size_t i = 1; dims && i < dims->size(); ++i) products *= (*dims)[i];
  if (!dims || products > kExactProducts) {
    s.refuse(fmt::format("opset {} convolves no integers, and floats do not hold its sums exactly", s.opset()));
  }
  ir::Value* filters =
      s.cast(centered(s, w, of_filters(s, w_zero, static_cast<std::int64_t>(dims->size()))), DataType::float32);
  Values inputs = {s.cast(centered(s, x, x_zero), DataType::float32), filters};
  if (bias != nullptr) inputs.push_back(s.cast(bias, DataType::float32));
  Attrs attributes;
  for (const char* name : {"dilations", "kernel_shape", "pads", "strides"}) {
    if (const auto numbers = s.integers(name)) attributes.emplace_back(name, *numbers);
  }
  attributes.emplace_back("auto_pad", s.string("auto_pad"));
  attributes.emplace_back("group", s.integer("group"));
  return s.emit("Conv", inputs, attributes);
}

void qlinear_conv_down(Step& s) {
  ir::Value* sum = convolved(s, s.input(0), s.input(2), s.input(3), s.input(5), nullptr);
  const std::int64_t axes = s.rank(s.input(3)) - 1;
  // The bias is of 32 bits, and joins the sum as such.
  if (ir::Value* bias = s.input(8)) {
    sum = s.emit("Add", {s.cast(sum, DataType::int32), of_filters(s, bias, axes)});
  }
  ir::Value* scale = s.emit("Mul", {s.input(1), of_filters(s, s.input(4), axes)});
  ir::Value* y = s.emit("Mul", {s.cast(sum, DataType::float32), s.emit("Div", {scale, s.input(6)})});
  s.replace({saturated(s, y, s.input(7), s.dtype(s.input(7)))});
}

constexpr std::string_view kFormula = "its formula: scaled, rounded, shifted, clipped";

constexpr Adapter kAdapters[] = {
    down("QuantizeLinear", 10, &quantize_by_formula, kFormula),
    down("QuantizeLinear", 13, &quantize_axis_down, "scales of an axis: the formula"),
    up("QuantizeLinear", 19, &quantize_scale_up, "x has the type of the scale"),
    down("QuantizeLinear", 19, &quantize_saturate_down, "saturate is about float 8"),
    down("QuantizeLinear", 21, &quantize_blocks_down, "blocks and numbers of 16 bits: the formula"),
    down("QuantizeLinear", 23, &quantize_precision_down, "x and scale are cast to the precision"),
    down("DequantizeLinear", 10, &dequantize_by_formula, "its formula: shifted and scaled"),
    down("DequantizeLinear", 13, &dequantize_axis_down, "scales of an axis: the formula"),
    down("DequantizeLinear", 21, &dequantize_blocks_down,
         "blocks, numbers of 16 bits and constants of 4 bits: the formula"),
    down("DequantizeLinear", 23, &dequantize_result_down, "the result is cast to its type"),
    down("DequantizeLinear", 25, &two_bits_down, "constants of 2 bits become bytes"),
    down("MatMulInteger", 10, &matmul_integer_down, "a product of matrices of 32 bits"),
    down("QLinearMatMul", 10, &qlinear_matmul_down, "a product of matrices of 32 bits, scaled and rounded"),
    down("QLinearConv", 10, &qlinear_conv_down, "a convolution of floats, where it is exact, scaled and rounded"),
};

}  // namespace

std::span<const Adapter> quantization_adapters() { return kAdapters; }

}  // namespace olivine::opset

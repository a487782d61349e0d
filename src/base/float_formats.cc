#include "base/float_formats.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/error.h"

namespace olivine {
namespace {

constexpr std::array<FloatFormat, 12> kFormats = {{
    {DataType::float32, 8, 23, 127, NanKind::ieee, 0x7f7fffff},
    {DataType::float64, 11, 52, 1023, NanKind::ieee, 0x7fefffffffffffff},
    {DataType::float16, 5, 10, 15, NanKind::ieee, 0x7bff},
    {DataType::bfloat16, 8, 7, 127, NanKind::ieee, 0x7f7f},
    {DataType::float8e4m3fn, 4, 3, 7, NanKind::all_ones, 0x7e},
    {DataType::float8e4m3fnuz, 4, 3, 8, NanKind::negative_zero, 0x7f},
    {DataType::float8e5m2, 5, 2, 15, NanKind::ieee, 0x7b},
    {DataType::float8e5m2fnuz, 5, 2, 16, NanKind::negative_zero, 0x7f},
    {DataType::float8e8m0, 8, 0, 127, NanKind::all_ones, 0xfe, false},
    {DataType::float6e2m3, 2, 3, 1, NanKind::none, 0x1f},
    {DataType::float6e3m2, 3, 2, 3, NanKind::none, 0x1f},
    {DataType::float4e2m1, 2, 1, 1, NanKind::none, 0x7},
}};

constexpr std::uint64_t kDoubleSign = std::uint64_t{1} << 63;
constexpr std::uint64_t kDoubleFraction = (std::uint64_t{1} << 52) - 1;
constexpr std::uint64_t kDoubleQuiet = std::uint64_t{1} << 51;
constexpr std::uint64_t kDoubleInfinity = std::uint64_t{0x7ff} << 52;

const FloatFormat& format_of(DataType dtype) {
  const FloatFormat* format = find_float_format(dtype);
  if (format == nullptr) throw Error(ErrorCode::internal, "not a float type: " + std::string(name_of(dtype)));
  return *format;
}

std::uint64_t ones(int bits) { return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1; }

std::uint64_t infinity_code(const FloatFormat& format) { return ones(format.exponent_bits) << format.mantissa_bits; }

bool is_nan_code(const FloatFormat& format, std::uint64_t magnitude, bool negative) {
  switch (format.nan) {
    case NanKind::ieee:
      return magnitude > infinity_code(format);
    case NanKind::all_ones:
      return magnitude == ones(format.exponent_bits + format.mantissa_bits);
    case NanKind::negative_zero:
      return negative && magnitude == 0;
    case NanKind::none:
      break;
  }
  return false;
}

double make_nan(bool negative, std::uint64_t payload) {
  return std::bit_cast<double>((negative ? kDoubleSign : 0) | kDoubleInfinity | kDoubleQuiet | payload);
}

std::uint64_t encode_nan(const FloatFormat& format, double value) {
  const std::uint64_t sign = std::signbit(value) ? std::uint64_t{1} << (format.bits() - 1) : 0;
  switch (format.nan) {
    case NanKind::ieee: {
      const std::uint64_t fraction = (std::bit_cast<std::uint64_t>(value) & kDoubleFraction) | kDoubleQuiet;
      const std::uint64_t kept = format.bits() > 8 ? fraction : kDoubleQuiet;
      return sign | infinity_code(format) | kept >> (52 - format.mantissa_bits);
    }
    case NanKind::all_ones:
      return (format.is_signed ? sign : 0) | ones(format.exponent_bits + format.mantissa_bits);
    case NanKind::negative_zero:
      return std::uint64_t{1} << (format.bits() - 1);
    case NanKind::none:
      break;
  }
  return sign ^ (std::uint64_t{1} << (format.bits() - 1));
}

/// What a magnitude beyond the largest finite one, or infinity, becomes.
std::uint64_t encode_overflow(const FloatFormat& format, bool negative, bool saturate) {
  const std::uint64_t sign = negative ? std::uint64_t{1} << (format.bits() - 1) : 0;
  if (format.nan == NanKind::none || (saturate && format.bits() == 8)) return sign | format.max_code;
  if (format.nan == NanKind::ieee) return sign | infinity_code(format);
  return encode_nan(format, make_nan(negative, 0));
}

std::uint64_t encode_e8m0(const FloatFormat& format, double value, bool saturate) {
  constexpr std::uint64_t kNan = 0xff;
  if (std::isnan(value) || value < 0) return kNan;
  if (value < std::ldexp(1.0, -format.bias)) return saturate ? 0 : kNan;
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);  // in [0.5, 1)
  if (std::isfinite(value)) {
    const std::uint64_t code = static_cast<std::uint64_t>(exponent - (fraction == 0.5 ? 1 : 0) + format.bias);
    if (code <= format.max_code) return code;
  }
  return saturate ? format.max_code : kNan;
}

}  // namespace

const FloatFormat* find_float_format(DataType dtype) {
  const auto row =
      std::find_if(kFormats.begin(), kFormats.end(), [&](const auto& format) { return format.dtype == dtype; });
  return row == kFormats.end() ? nullptr : &*row;
}

double decode_float(DataType dtype, std::uint64_t code) {
  const FloatFormat& format = format_of(dtype);
  const std::uint64_t magnitude = code & ones(format.exponent_bits + format.mantissa_bits);
  const bool negative = format.is_signed && (code >> (format.bits() - 1) & 1) != 0;
  const std::uint64_t fraction = magnitude & ones(format.mantissa_bits);
  if (is_nan_code(format, magnitude, negative)) {
    return make_nan(negative && format.nan != NanKind::negative_zero,
                    format.nan == NanKind::ieee ? fraction << (52 - format.mantissa_bits) : 0);
  }
  if (format.nan == NanKind::ieee && magnitude == infinity_code(format)) return negative ? -INFINITY : INFINITY;
  const int exponent = static_cast<int>(magnitude >> format.mantissa_bits);
  const bool subnormal = exponent == 0 && format.is_signed;
  const double significand = static_cast<double>(fraction) + (subnormal ? 0.0 : std::ldexp(1.0, format.mantissa_bits));
  const double value = std::ldexp(significand, (subnormal ? 1 : exponent) - format.bias - format.mantissa_bits);
  return negative ? -value : value;
}

std::uint64_t encode_float(DataType dtype, double value, bool saturate) {
  const FloatFormat& format = format_of(dtype);
  if (dtype == DataType::float8e8m0) return encode_e8m0(format, value, saturate);
  if (std::isnan(value)) return encode_nan(format, value);
  const bool negative = std::signbit(value);
  if (std::isinf(value)) return encode_overflow(format, negative, saturate);

  // The distance of neighbours around the value is 2^quantum; the code counts such steps from zero on.
  const double magnitude = std::fabs(value);
  const int smallest_exponent = 1 - format.bias;
  const int exponent = magnitude == 0 ? smallest_exponent : std::max(std::ilogb(magnitude), smallest_exponent);
  const int quantum = exponent - format.mantissa_bits;
  const double steps = std::nearbyint(std::ldexp(magnitude, -quantum));
  const std::uint64_t code = (static_cast<std::uint64_t>(exponent - smallest_exponent) << format.mantissa_bits) +
                             static_cast<std::uint64_t>(steps);
  if (code > format.max_code) return encode_overflow(format, negative, saturate);
  if (code == 0 && format.nan == NanKind::negative_zero) return 0;
  return (negative ? std::uint64_t{1} << (format.bits() - 1) : 0) | code;
}

}  // namespace olivine

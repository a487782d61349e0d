#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace olivine {

/// How a format tells what is not a number.
enum class NanKind : std::uint8_t {
  ieee,           ///< the highest exponent is for infinity (mantissa 0) and NaN, as in IEEE 754
  all_ones,       ///< the single code with every bit but the sign set; no infinity ("fn")
  negative_zero,  ///< the code of -0; neither infinity nor -0 ("fnuz")
  none            ///< neither NaN nor infinity
};

/// A binary floating-point format: value = (-1)^sign * 2^(max(exponent, 1) - bias) * (implicit bit + fraction).
///
/// Where the numbers come from: float16, float and double are IEEE 754-2019's binary16/32/64; bfloat16 is the upper
/// half of binary32; float8e4m3fn and float8e5m2 are the OCP 8-bit floating point specification's; the "fnuz" pair is
/// that of "8-bit Numerical Formats for Deep Neural Networks" (arXiv 2206.02915); float8e8m0, float6 and float4 are the
/// OCP Microscaling formats specification's. The codes of NaN and what overflows follow the tables of ONNX's Cast.
struct FloatFormat {
  DataType dtype;
  int exponent_bits;
  int mantissa_bits;
  int bias;
  NanKind nan;
  std::uint64_t max_code;  ///< the largest finite magnitude
  bool is_signed = true;

  int bits() const { return (is_signed ? 1 : 0) + exponent_bits + mantissa_bits; }
};

/// The table's row, or null for what is no real float type.
const FloatFormat* find_float_format(DataType dtype);

/// The value of a code, exactly: every format fits into a double. NaN is quiet and keeps its sign and its payload at
/// the top. Throws Error[internal] for what is no real float type.
double decode_float(DataType dtype, std::uint64_t code);

/// Rounds to nearest, ties to even, in one step. This is the definition; the kernels are tested against it.
///
/// - Beyond the largest finite value: infinity, or NaN where there is none, unless `saturate` asks a float 8 type for
/// its
///   largest value. float16, bfloat16, float and double always become infinite, float6 and float4 always saturate.
/// - NaN: quiet, with sign and truncated payload in IEEE formats of 16 bits and more; the format's one NaN in 8 bits
///   (with its sign where it has one); in float6 and float4, which have none, zero of the opposite sign.
/// - float8e8m0: rounds up to a power of two, as ONNX's default `round_mode` says; 0 is the smallest value when
///   saturating, else NaN; negative values are NaN.
std::uint64_t encode_float(DataType dtype, double value, bool saturate = true);

}  // namespace olivine

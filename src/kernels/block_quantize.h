#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

/// Block-wise quantization of one row of weights: every `block` neighbours share a scale and a zero point, and
/// value ≈ (code - zero point) * scale. Codes are unsigned: symmetric formats have the zero point 2^(bits-1).
///
/// The formulas are those of ONNX Runtime's quantizers (docs/decisions/quantization.md), and so are the bits.
namespace olivine::kernels {

/// How a value becomes a code.
enum class CodeRounding : std::uint8_t {
  with_zero_point,    ///< round(value * (1/scale) + zero point), halves up: MatMulNBits
  then_zero_point,    ///< round(value * (1/scale)) + zero point, halves away from zero: DequantizeLinear's weights
  by_exact_division,  ///< round(value / scale + zero point) in double, halves to even: k_quant
};

struct BlockFormat {
  int bits = 4;                        ///< 2, 4 or 8
  std::size_t block = 32;              ///< elements that share a scale, > 0; the last block of a row may be shorter
  bool symmetric = false;              ///< no zero points: the value of larger magnitude becomes code 0
  DataType scale = DataType::float32;  ///< float32, float16 or bfloat16: scales are rounded to it before codes are made
  CodeRounding rounding = CodeRounding::with_zero_point;

  int max_code() const { return (1 << bits) - 1; }
  int middle() const { return 1 << (bits - 1); }
  std::size_t blocks(std::size_t count) const { return count / block + (count % block != 0 ? 1 : 0); }
};

/// Whether a row can be quantized.
enum class RowState : std::uint8_t { fine, not_finite, scale_overflow };

/// Scale and zero point of each block of `count` values ("round to nearest": the block's range is the codes' range).
/// Writes `format.blocks(count)` of each. `not_finite`: the row holds an infinity or NaN; `scale_overflow`: a block's
/// range over the codes is beyond the scale's type. Then nothing that was written means anything.
RowState range_parameters(const BlockFormat& format, const float* row, std::size_t count, float* scales,
                          std::uint8_t* zero_points);

/// The same by the search of `k_quant`: of 21 trial scales the one whose weighted least-squares fit of scale and
/// minimum has the smallest error, weights being sqrt(mean square of the block) + |value|. Sums run in the order of
/// NumPy's pairwise summation. `format.block` is a multiple of 8, and a shorter last block counts as filled up with
/// zeros. A block without a value on each side of zero (or zero itself) has no such fit whose minimum the zero point
/// could express; it is done as `range_parameters` does it. Always with zero points.
RowState k_quant_parameters(const BlockFormat& format, const float* row, std::size_t count, float* scales,
                            std::uint8_t* zero_points);

/// The codes of `count` values, one a byte; `row` begins with a block.
void block_codes(const BlockFormat& format, const float* row, std::size_t count, const float* scales,
                 const std::uint8_t* zero_points, std::uint8_t* codes);

/// `count` codes below 2^bits into bytes, the first in the lowest bits; missing ones in the last byte are zero.
void pack_block_codes(int bits, const std::uint8_t* codes, std::size_t count, std::byte* out);

/// (code - zero point) * scale, rounded once to float.
void block_values(const BlockFormat& format, const std::uint8_t* codes, std::size_t count, const float* scales,
                  const std::uint8_t* zero_points, float* row);

}  // namespace olivine::kernels

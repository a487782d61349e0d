#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tensor/tensor.h"

namespace olivine::huggingface {

/// Matrices [N, K] whose elements are small unsigned integers with a scale for each block of columns:
///
///     w[n, k] = (codes[n, k] - zero_points[n, g]) * scales[n, g]     g = k / block, or group_index[k]
///     w[n, k] = codes[n, k] * scales[n, g] - offsets[n, g]           where there are offsets
///
/// Any dimensions may stand before N (the experts of a layer). All tensors are lazy.
struct QuantizedMatrix {
  int bits = 4;                               ///< 2, 4 or 8
  std::int64_t block = 0;                     ///< a row has G = ceil(K / block) blocks
  tensor::Tensor codes;                       ///< uint2, uint4 or uint8 [..., N, K]
  tensor::Tensor scales;                      ///< any float type [..., N, G]
  std::optional<tensor::Tensor> zero_points;  ///< as the codes, [..., N, G]; without them 2^(bits - 1)
  std::optional<tensor::Tensor> offsets;      ///< float32 [..., N, G]; excludes zero points
  std::optional<tensor::Tensor> group_index;  ///< int32 [K]: columns out of order ("act-order")
};

/// Error[conversion] when the tensors' types and shapes don't fit each other.
void check(const QuantizedMatrix& matrix);

/// The values in float32, lazily. Codes and zero points are small, so their difference is exact, and so is its product
/// with a scale of 16 bits; with a scale of 32 bits (or offsets) it is rounded once (twice).
tensor::Tensor dequantize(const QuantizedMatrix& matrix);

/// The layout of ONNX Runtime's MatMulNBits. G is the number of blocks in a row; types under 8 bits are packed from the
/// low bits up. The last block of a row is filled up with zeros.
struct MatMulNBits {
  int bits = 4;
  std::int64_t block_size = 0;                ///< a power of two from 16 to 256
  tensor::Tensor packed;                      ///< uint8 [..., N, G, block_size * bits / 8]
  tensor::Tensor scales;                      ///< type of the matrix's [..., N, G]
  std::optional<tensor::Tensor> zero_points;  ///< uint8 [..., N, ceil(G * bits / 8)], or float32 [..., N, G]
  /// (code - zero_point) * scale is what `dequantize` gives, bit for bit. Not with float zero points, which are
  /// offset / scale: they miss by a rounding or two of float32.
  bool is_exact = true;
};

/// Why the codes can't be MatMulNBits' as they are; empty when they can.
std::string repack_obstacle(const QuantizedMatrix& matrix);
/// Lazily. A block that isn't a power of two, or is longer than 256, becomes several with the same scale.
/// Error[conversion] with the obstacle, if there is one.
MatMulNBits repack(const QuantizedMatrix& matrix);

}  // namespace olivine::huggingface

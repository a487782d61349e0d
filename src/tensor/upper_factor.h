#pragma once

#include <cstddef>
#include <vector>

/// Only for this room.
namespace olivine::tensor {

/// A square matrix of floats whose rows have room for 16 columns more, so that kernels may go beyond the last one.
struct SquareMatrix {
  explicit SquareMatrix(std::size_t n) : size(n), stride((n + 15) / 16 * 16 + 16), values(n * stride) {}
  float* row(std::size_t i) { return values.data() + i * stride; }
  const float* row(std::size_t i) const { return values.data() + i * stride; }

  std::size_t size;
  std::size_t stride;
  std::vector<float> values;
};

/// Turns the upper triangle of a symmetric positive definite matrix A into the upper triangular R with A = R Rᵀ; below
/// the diagonal nothing is meant. False when A isn't positive definite as far as floats tell. In blocks and in
/// parallel.
bool factor_upper(SquareMatrix& matrix);

}  // namespace olivine::tensor

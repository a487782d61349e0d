#include "tensor/upper_factor.h"

#include <algorithm>
#include <cmath>

#include "base/threads.h"
#include "kernels/matrix.h"

namespace olivine::tensor {
namespace {

constexpr std::size_t kBlock = 64;

/// The factor of the block on the diagonal at [begin, end), from its last column to its first.
bool factor_block(SquareMatrix& matrix, std::size_t begin, std::size_t end) {
  for (std::size_t j = end; j-- > begin;) {
    for (std::size_t i = j + 1; i-- > begin;) {
      double sum = matrix.row(i)[j];
      for (std::size_t d = j + 1; d < end; ++d) sum -= static_cast<double>(matrix.row(i)[d]) * matrix.row(j)[d];
      if (i == j && !(sum > 0 && std::isfinite(sum))) return false;
      matrix.row(i)[j] = static_cast<float>(i == j ? std::sqrt(sum) : sum / matrix.row(j)[j]);
    }
  }
  return true;
}

/// A row above the block: x Rᵀ = a for the block's R, from the last column to the first.
void solve_row(const SquareMatrix& matrix, std::size_t begin, std::size_t end, float* row) {
  for (std::size_t c = end; c-- > begin;) {
    const float* const factor = matrix.row(c);
    double sum = row[c];
    for (std::size_t d = c + 1; d < end; ++d) sum -= static_cast<double>(row[d]) * factor[d];
    row[c] = static_cast<float>(sum / factor[c]);
  }
}

/// Takes what the finished columns [begin, end) explain from the rest: A -= X Xᵀ for the rows X above the block.
void update_rest(SquareMatrix& matrix, std::size_t begin, std::size_t end) {
  const std::size_t width = end - begin;
  const std::size_t stride = begin;  // a multiple of the block, so kernels end with it
  std::vector<float> turned(width * stride);
  for (std::size_t i = 0; i < begin; ++i) {
    for (std::size_t c = 0; c < width; ++c) turned[c * stride + i] = -matrix.row(i)[begin + c];
  }
  parallel_for((begin + kBlock - 1) / kBlock, [&](std::size_t b) {
    const std::size_t row = b * kBlock;
    const std::size_t rows = std::min(kBlock, begin - row);
    kernels::add_products(matrix.row(row) + begin, matrix.stride, turned.data() + row, stride, matrix.row(row) + row,
                          matrix.stride, rows, width, stride - row);
  });
}

}  // namespace

bool factor_upper(SquareMatrix& matrix) {
  const std::size_t blocks = (matrix.size + kBlock - 1) / kBlock;
  for (std::size_t b = blocks; b-- > 0;) {
    throw_if_cancelled();
    const std::size_t begin = b * kBlock;
    const std::size_t end = std::min(matrix.size, begin + kBlock);
    if (!factor_block(matrix, begin, end)) return false;
    parallel_for(b, [&](std::size_t above) {
      for (std::size_t i = above * kBlock; i < (above + 1) * kBlock; ++i) solve_row(matrix, begin, end, matrix.row(i));
    });
    if (begin > 0) update_rest(matrix, begin, end);
  }
  return true;
}

}  // namespace olivine::tensor

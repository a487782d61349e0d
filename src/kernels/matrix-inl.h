// Included once for each Highway target; hence a toggled guard in place of #pragma once.
#if defined(OLIVINE_KERNELS_MATRIX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OLIVINE_KERNELS_MATRIX_INL_H_
#undef OLIVINE_KERNELS_MATRIX_INL_H_
#else
#define OLIVINE_KERNELS_MATRIX_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/matrix.h"

HWY_BEFORE_NAMESPACE();
namespace olivine::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using FloatVec = hn::Vec<Floats>;

/// kRows rows of C, a vector of columns wide.
template <std::size_t kRows>
HWY_INLINE void AddTile(const float* a, std::size_t a_stride, const float* b, std::size_t b_stride, float* c,
                        std::size_t c_stride, std::size_t k) {
  FloatVec sums[kRows];
  for (std::size_t r = 0; r < kRows; ++r) sums[r] = hn::LoadU(Floats(), c + r * c_stride);
  for (std::size_t i = 0; i < k; ++i) {
    const FloatVec row = hn::LoadU(Floats(), b + i * b_stride);
    for (std::size_t r = 0; r < kRows; ++r) {
      sums[r] = hn::MulAdd(hn::Set(Floats(), a[r * a_stride + i]), row, sums[r]);
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) hn::StoreU(sums[r], Floats(), c + r * c_stride);
}

void AddProducts(const float* a, std::size_t a_stride, const float* b, std::size_t b_stride, float* c,
                 std::size_t c_stride, std::size_t m, std::size_t k, std::size_t n) {
  constexpr std::size_t kRows = 8;
  // Parts of B that stay in the cache while all rows of A pass.
  constexpr std::size_t kDepth = 256;
  for (std::size_t at = 0; at < k; at += kDepth) {
    const std::size_t depth = HWY_MIN(kDepth, k - at);
    for (std::size_t column = 0; column < n; column += hn::Lanes(Floats())) {
      const float* const part = b + at * b_stride + column;
      std::size_t row = 0;
      for (; row + kRows <= m; row += kRows) {
        AddTile<kRows>(a + row * a_stride + at, a_stride, part, b_stride, c + row * c_stride + column, c_stride, depth);
      }
      for (; row < m; ++row) {
        AddTile<1>(a + row * a_stride + at, a_stride, part, b_stride, c + row * c_stride + column, c_stride, depth);
      }
    }
  }
}

void AddScaled(float factor, const float* x, float* y, std::size_t count) {
  const std::size_t lanes = hn::Lanes(Floats());
  const FloatVec times = hn::Set(Floats(), factor);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::MulAdd(times, hn::LoadU(Floats(), x + i), hn::LoadU(Floats(), y + i)), Floats(), y + i);
  }
  for (; i < count; ++i) {
    y[i] = hn::GetLane(hn::MulAdd(times, hn::Set(Floats(), x[i]), hn::Set(Floats(), y[i])));
  }
}

}  // namespace olivine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the toggled guard

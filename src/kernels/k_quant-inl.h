// Included once for each Highway target; hence a toggled guard in place of #pragma once.
#if defined(OLIVINE_KERNELS_K_QUANT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OLIVINE_KERNELS_K_QUANT_INL_H_
#undef OLIVINE_KERNELS_K_QUANT_INL_H_
#else
#define OLIVINE_KERNELS_K_QUANT_INL_H_
#endif

#include <algorithm>
#include <cmath>

#include "hwy/highway.h"
#include "kernels/k_quant.h"

HWY_BEFORE_NAMESPACE();
namespace olivine::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// NumPy sums with eight accumulators, whatever the processor; a vector holds as many of them as it can.
using Eight = hn::CappedTag<float, 8>;
using EightVec = hn::Vec<Eight>;
constexpr std::size_t kLanes = hn::MaxLanes(Eight());

/// `kSums` sums at once over elements [at, at + count), count a multiple of 8, in NumPy's order: eight interleaved
/// accumulators up to 128 elements, halves above. `terms(i, out)` gives the terms of the elements from i on.
template <std::size_t kSums, typename Terms>
HWY_INLINE void SumChunk(std::size_t at, std::size_t count, const Terms& terms, float* sums) {
  EightVec parts[8 / kLanes][kSums];
  for (std::size_t p = 0; p < 8 / kLanes; ++p) terms(at + p * kLanes, parts[p]);
  for (std::size_t i = 8; i < count; i += 8) {
    for (std::size_t p = 0; p < 8 / kLanes; ++p) {
      EightVec more[kSums];
      terms(at + i + p * kLanes, more);
      for (std::size_t s = 0; s < kSums; ++s) parts[p][s] = hn::Add(parts[p][s], more[s]);
    }
  }
  for (std::size_t s = 0; s < kSums; ++s) {
    HWY_ALIGN float r[8];
    for (std::size_t p = 0; p < 8 / kLanes; ++p) hn::Store(parts[p][s], Eight(), r + p * kLanes);
    sums[s] = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
  }
}

template <std::size_t kSums, typename Terms>
void SumPairwise(std::size_t at, std::size_t count, const Terms& terms, float* sums) {
  constexpr std::size_t kChunk = 128;
  if (count <= kChunk) return SumChunk<kSums>(at, count, terms, sums);
  const std::size_t half = count / 2 / 8 * 8;
  float right[kSums];
  SumPairwise<kSums>(at, half, terms, sums);
  SumPairwise<kSums>(at + half, count - half, terms, right);
  for (std::size_t s = 0; s < kSums; ++s) sums[s] += right[s];
}

HWY_INLINE EightVec Square(EightVec value) { return hn::Mul(value, value); }

/// One block's search: values and their weights, and what the fits need of both.
class Search {
 public:
  Search(const float* values, float* weights, std::size_t count, float lowest, float highest, float max_code)
      : values_(values), weights_(weights), count_(count), highest_(highest), max_code_(max_code), fit_{1, lowest} {
    weigh();
    const float inverse = lowest != highest ? max_code / (highest - lowest) : 1;
    fit_.scale = 1 / inverse;
    best_ = error(fit_, inverse, lowest);
  }

  KQuantFit run() {
    for (int step = 0; step < 20; ++step) {
      const auto levels = static_cast<float>(-1 + 0.1 * step + static_cast<double>(max_code_));
      try_levels(levels);
    }
    return fit_;
  }

 private:
  void weigh() {
    float squares;
    SumPairwise<1>(
        0, count_, [&](std::size_t i, EightVec* out) HWY_ATTR { out[0] = Square(value(i)); }, &squares);
    const float mean = std::sqrt(squares / static_cast<float>(count_));
    for (std::size_t i = 0; i < count_; i += kLanes) {
      hn::StoreU(hn::Add(hn::Set(Eight(), mean), hn::Abs(value(i))), Eight(), weights_ + i);
    }
    float sums[2];
    SumPairwise<2>(
        0, count_,
        [&](std::size_t i, EightVec* out) HWY_ATTR {
          out[0] = weight(i);
          out[1] = hn::Mul(weight(i), value(i));
        },
        sums);
    sum_w_ = sums[0];
    sum_x_ = sums[1];
  }

  void try_levels(float levels) {
    const float lowest = fit_.lowest;
    const float inverse = lowest != highest_ ? levels / (highest_ - lowest) : 1;
    float sums[3];
    SumPairwise<3>(
        0, count_,
        [&](std::size_t i, EightVec* out) HWY_ATTR {
          const EightVec q = code(i, inverse, lowest);
          out[0] = hn::Mul(weight(i), q);
          out[1] = hn::Mul(out[0], q);
          out[2] = hn::Mul(out[0], value(i));
        },
        sums);
    const auto [sum_l, sum_l2, sum_xl] = sums;
    const float determinant = sum_w_ * sum_l2 - sum_l * sum_l;
    const KQuantFit fit{(sum_w_ * sum_xl - sum_x_ * sum_l) / determinant,
                        (sum_l2 * sum_x_ - sum_l * sum_xl) / determinant};
    const float error_of_fit = error(fit, inverse, lowest);
    // False for the NaN of a fit that has none: all codes are equal.
    if (error_of_fit < best_) {
      best_ = error_of_fit;
      fit_ = fit;
    }
  }

  /// The weighted squared error when codes made with `inverse` and `lowest` are read with a fit.
  float error(const KQuantFit& fit, float inverse, float lowest) const {
    float sum;
    SumPairwise<1>(
        0, count_,
        [&](std::size_t i, EightVec* out) HWY_ATTR {
          const EightVec scaled = hn::Mul(hn::Set(Eight(), fit.scale), code(i, inverse, lowest));
          const EightVec difference = hn::Sub(hn::Add(scaled, hn::Set(Eight(), fit.lowest)), value(i));
          out[0] = hn::Mul(weight(i), Square(difference));
        },
        &sum);
    return sum;
  }

  HWY_INLINE EightVec code(std::size_t i, float inverse, float lowest) const {
    const EightVec steps = hn::Mul(hn::Set(Eight(), inverse), hn::Sub(value(i), hn::Set(Eight(), lowest)));
    return hn::Min(hn::Max(hn::Round(steps), hn::Zero(Eight())), hn::Set(Eight(), max_code_));
  }
  HWY_INLINE EightVec value(std::size_t i) const { return hn::LoadU(Eight(), values_ + i); }
  HWY_INLINE EightVec weight(std::size_t i) const { return hn::LoadU(Eight(), weights_ + i); }

  const float* values_;
  float* weights_;
  std::size_t count_;
  float highest_;
  float max_code_;
  KQuantFit fit_;
  float best_ = 0;
  float sum_w_ = 0;
  float sum_x_ = 0;
};

KQuantFit SearchFit(const float* values, float* weights, std::size_t count, float lowest, float highest,
                    float max_code) {
  return Search(values, weights, count, lowest, highest, max_code).run();
}

}  // namespace olivine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the toggled guard

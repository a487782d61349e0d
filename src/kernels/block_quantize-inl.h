// Included once for each Highway target; hence a toggled guard in place of #pragma once.
#if defined(OLIVINE_KERNELS_BLOCK_QUANTIZE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OLIVINE_KERNELS_BLOCK_QUANTIZE_INL_H_
#undef OLIVINE_KERNELS_BLOCK_QUANTIZE_INL_H_
#else
#define OLIVINE_KERNELS_BLOCK_QUANTIZE_INL_H_
#endif

#include <algorithm>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/block_quantize.h"

HWY_BEFORE_NAMESPACE();
namespace olivine::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Ints = hn::RebindToSigned<Floats>;
using Bytes = hn::Rebind<std::uint8_t, Floats>;
using FloatVec = hn::Vec<Floats>;
using IntVec = hn::Vec<Ints>;

/// The float before 0.5. Adding it and dropping the fraction rounds halves up, and 0.5 - 2^-25 not.
constexpr float kBelowHalf = 0.49999997f;

/// Rounds what is not negative, halves up; below 2^22.
HWY_INLINE IntVec RoundPositive(FloatVec value) {
  return hn::ConvertTo(Ints(), hn::Add(value, hn::Set(Floats(), kBelowHalf)));
}

/// Vectors of which only the first lanes are in memory.
struct Tail {
  HWY_INLINE static FloatVec Load(const float* from, std::size_t used) {
    HWY_ALIGN float lanes[hn::MaxLanes(Floats())] = {};
    std::memcpy(lanes, from, used * sizeof(float));
    return hn::Load(Floats(), lanes);
  }
  HWY_INLINE static void Store(FloatVec value, float* to, std::size_t used) {
    HWY_ALIGN float lanes[hn::MaxLanes(Floats())];
    hn::Store(value, Floats(), lanes);
    std::memcpy(to, lanes, used * sizeof(float));
  }
};

/// The lowest and highest value of a block. Where all are zeros, both are the first, with its sign. Infinities and NaN
/// turn `poison` into NaN.
HWY_INLINE void BlockRange(const float* in, std::size_t count, float& lowest, float& highest, FloatVec& poison) {
  const std::size_t lanes = hn::Lanes(Floats());
  const FloatVec zero = hn::Zero(Floats());
  const FloatVec first = hn::Set(Floats(), in[0]);
  FloatVec low = first;
  FloatVec high = first;
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const FloatVec value = hn::LoadU(Floats(), in + i);
    low = hn::Min(low, value);
    high = hn::Max(high, value);
    poison = hn::MulAdd(value, zero, poison);
  }
  lowest = hn::GetLane(hn::MinOfLanes(Floats(), low));
  highest = hn::GetLane(hn::MaxOfLanes(Floats(), high));
  for (; i < count; ++i) {
    lowest = std::min(lowest, in[i]);
    highest = std::max(highest, in[i]);
    poison = hn::MulAdd(hn::Set(Floats(), in[i]), zero, poison);
  }
  if (lowest == 0 && highest == 0) lowest = highest = in[0];
}

bool BlockRanges(const float* row, std::size_t count, std::size_t block, float* lowest, float* highest) {
  FloatVec poison = hn::Zero(Floats());
  for (std::size_t start = 0, b = 0; start < count; start += block, ++b) {
    BlockRange(row + start, std::min(block, count - start), lowest[b], highest[b], poison);
  }
  return hn::AllTrue(Floats(), hn::Eq(poison, hn::Zero(Floats())));
}

/// Scales, not yet rounded to their type, and zero points. `scales` holds the lowest values when called.
void RangesToParameters(const BlockFormat& format, const float* highest, std::size_t blocks, float* scales,
                        std::uint8_t* zero_points) {
  const FloatVec zero = hn::Zero(Floats());
  const FloatVec middle = hn::Set(Floats(), static_cast<float>(format.middle()));
  const FloatVec steps = hn::Set(Floats(), static_cast<float>(format.max_code()));
  const std::size_t lanes = hn::Lanes(Floats());
  if (format.symmetric) std::fill_n(zero_points, blocks, static_cast<std::uint8_t>(format.middle()));
  for (std::size_t b = 0; b < blocks; b += lanes) {
    const std::size_t used = std::min(lanes, blocks - b);
    const FloatVec low = Tail::Load(scales + b, used);
    const FloatVec high = Tail::Load(highest + b, used);
    if (format.symmetric) {
      const FloatVec extreme = hn::IfThenElse(hn::Gt(hn::Abs(high), hn::Abs(low)), high, low);
      Tail::Store(hn::Div(hn::Neg(extreme), middle), scales + b, used);
      continue;
    }
    const FloatVec below = hn::Min(low, zero);
    // The range is not negative; without Abs a zero may have a sign.
    const FloatVec scale = hn::Abs(hn::Div(hn::Sub(hn::Max(high, zero), below), steps));
    const auto flat = hn::Eq(scale, zero);
    const FloatVec divisor = hn::IfThenElse(flat, hn::Set(Floats(), 1.0f), scale);
    const FloatVec point = hn::IfThenElse(flat, zero, hn::Sub(zero, hn::Div(below, divisor)));
    Tail::Store(scale, scales + b, used);
    HWY_ALIGN std::int32_t points[hn::MaxLanes(Floats())];
    hn::Store(RoundPositive(hn::Min(point, steps)), Ints(), points);
    for (std::size_t i = 0; i < used; ++i) zero_points[b + i] = static_cast<std::uint8_t>(points[i]);
  }
}

/// Codes of one vector of values; what is not a number (0 times an infinite 1/scale) becomes 0.
struct WithZeroPoint {
  HWY_INLINE IntVec operator()(FloatVec value) const {
    const FloatVec code = hn::Add(hn::Mul(value, reciprocal), zero_point);
    return RoundPositive(hn::IfThenElseZero(hn::Ge(code, hn::Zero(Floats())), hn::Min(code, max_code)));
  }
  FloatVec reciprocal, zero_point, max_code;
};

struct ThenZeroPoint {
  HWY_INLINE IntVec operator()(FloatVec value) const {
    const FloatVec steps = hn::Mul(value, reciprocal);
    const FloatVec magnitude = hn::Abs(steps);
    // Beyond twice the codes' range everything is clamped alike.
    const FloatVec limit = hn::Add(max_code, max_code);
    const auto number = hn::Eq(steps, steps);
    const FloatVec rounded =
        hn::ConvertTo(Floats(), RoundPositive(hn::IfThenElseZero(number, hn::Min(magnitude, limit))));
    const FloatVec code = hn::Add(hn::CopySign(rounded, steps), zero_point);
    return hn::ConvertTo(Ints(), hn::Max(hn::Zero(Floats()), hn::Min(code, max_code)));
  }
  FloatVec reciprocal, zero_point, max_code;
};

template <typename Encoder>
HWY_INLINE void EncodeBlock(const Encoder& encode, const float* in, std::size_t count, std::uint8_t* codes) {
  const std::size_t lanes = hn::Lanes(Floats());
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::DemoteTo(Bytes(), encode(hn::LoadU(Floats(), in + i))), Bytes(), codes + i);
  }
  if (i == count) return;
  std::uint8_t rest[hn::MaxLanes(Floats())];
  hn::StoreU(hn::DemoteTo(Bytes(), encode(Tail::Load(in + i, count - i))), Bytes(), rest);
  std::memcpy(codes + i, rest, count - i);
}

template <typename Encoder>
void EncodeRow(const BlockFormat& format, const float* row, std::size_t count, const float* scales,
               const std::uint8_t* zero_points, std::uint8_t* codes) {
  for (std::size_t start = 0, b = 0; start < count; start += format.block, ++b) {
    const Encoder encode{hn::Set(Floats(), scales[b] != 0 ? 1.0f / scales[b] : 0.0f),
                         hn::Set(Floats(), static_cast<float>(zero_points[b])),
                         hn::Set(Floats(), static_cast<float>(format.max_code()))};
    EncodeBlock(encode, row + start, std::min(format.block, count - start), codes + start);
  }
}

void CodesWithZeroPoint(const BlockFormat& format, const float* row, std::size_t count, const float* scales,
                        const std::uint8_t* zero_points, std::uint8_t* codes) {
  EncodeRow<WithZeroPoint>(format, row, count, scales, zero_points, codes);
}

void CodesThenZeroPoint(const BlockFormat& format, const float* row, std::size_t count, const float* scales,
                        const std::uint8_t* zero_points, std::uint8_t* codes) {
  EncodeRow<ThenZeroPoint>(format, row, count, scales, zero_points, codes);
}

/// Pairs of codes to bytes; returns the codes done.
std::size_t PackPairs(const std::uint8_t* codes, std::size_t count, std::uint8_t* out) {
  const hn::ScalableTag<std::uint16_t> pairs;
  const hn::RebindToSigned<decltype(pairs)> signed_pairs;
  const hn::Rebind<std::uint8_t, decltype(pairs)> bytes;
  const std::size_t step = hn::Lanes(pairs) * 2;
  std::size_t i = 0;
  for (; i + step <= count; i += step) {
    const auto pair = hn::LoadU(pairs, reinterpret_cast<const std::uint16_t*>(codes + i));
    const auto both = hn::And(hn::Or(pair, hn::ShiftRight<4>(pair)), hn::Set(pairs, 0xff));
    hn::StoreU(hn::DemoteTo(bytes, hn::BitCast(signed_pairs, both)), bytes, out + i / 2);
  }
  return i;
}

void ValuesOfCodes(const BlockFormat& format, const std::uint8_t* codes, std::size_t count, const float* scales,
                   const std::uint8_t* zero_points, float* row) {
  const std::size_t lanes = hn::Lanes(Floats());
  for (std::size_t start = 0, b = 0; start < count; start += format.block, ++b) {
    const std::size_t end = std::min(start + format.block, count);
    const FloatVec scale = hn::Set(Floats(), scales[b]);
    const IntVec zero_point = hn::Set(Ints(), zero_points[b]);
    std::size_t i = start;
    for (; i + lanes <= end; i += lanes) {
      const IntVec code = hn::PromoteTo(Ints(), hn::LoadU(Bytes(), codes + i));
      hn::StoreU(hn::Mul(hn::ConvertTo(Floats(), hn::Sub(code, zero_point)), scale), Floats(), row + i);
    }
    for (; i < end; ++i) row[i] = static_cast<float>(codes[i] - zero_points[b]) * scales[b];
  }
}

}  // namespace olivine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the toggled guard

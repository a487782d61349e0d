// Included once for each Highway target; hence a toggled guard in place of #pragma once.
#if defined(OLIVINE_KERNELS_FLOAT_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OLIVINE_KERNELS_FLOAT_KERNELS_INL_H_
#undef OLIVINE_KERNELS_FLOAT_KERNELS_INL_H_
#else
#define OLIVINE_KERNELS_FLOAT_KERNELS_INL_H_
#endif

#include <algorithm>
#include <cstring>
#include <utility>

#include "hwy/highway.h"
#include "kernels/float_kernels.h"
#include "kernels/narrow_format.h"

// F16C rounds to nearest even and treats NaN and subnormals as we promise. Elsewhere (and for bfloat16 everywhere) the
// library's own demotions truncate, so the integer algorithm below stands in.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2 && !defined(HWY_DISABLE_F16C)
#define OLIVINE_NATIVE_HALF 1
#else
#define OLIVINE_NATIVE_HALF 0
#endif

HWY_BEFORE_NAMESPACE();
namespace olivine::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Words = hn::RebindToUnsigned<Floats>;
using Ints = hn::RebindToSigned<Floats>;
using FloatVec = hn::Vec<Floats>;
using WordVec = hn::Vec<Words>;

constexpr std::uint32_t kSignBit = 0x80000000;
constexpr std::uint32_t kInfinityBits = 0x7f800000;

/// a > b for magnitudes (below 2^31): there is a signed comparison on every target.
HWY_INLINE hn::Mask<Words> Above(WordVec a, WordVec b) {
  const Ints ints;
  return hn::RebindMask(Words(), hn::Gt(hn::BitCast(ints, a), hn::BitCast(ints, b)));
}

/// Limits magnitudes and counts, a counter a lane.
class Limiter {
 public:
  /// Magnitudes from `overflow` on turn infinite in the target, those up to `underflow` zero.
  Limiter(const FloatLimits& limits, std::uint32_t overflow, std::uint32_t underflow)
      : max_(hn::Set(Words(), limits.max_finite)),
        min_(hn::Set(Words(), limits.min_positive)),
        overflow_(hn::Set(Words(), overflow - 1)),
        underflow_(hn::Set(Words(), underflow + 1)),
        infinity_(hn::Set(Words(), kInfinityBits)),
        clamped_(hn::Zero(Words())),
        flushed_(hn::Zero(Words())) {}

  HWY_INLINE WordVec operator()(WordVec magnitude) {
    const auto finite = Above(infinity_, magnitude);
    const auto too_large = hn::And(Above(magnitude, max_), finite);
    const auto nonzero = Above(magnitude, hn::Zero(Words()));
    const auto too_small = hn::And(Above(min_, magnitude), nonzero);
    const WordVec limited = hn::IfThenElse(too_small, min_, hn::IfThenElse(too_large, max_, magnitude));
    const auto clamped = hn::And(hn::Or(too_large, Above(limited, overflow_)), finite);
    const auto flushed = hn::And(hn::Or(too_small, Above(underflow_, limited)), nonzero);
    // A true lane is all ones, that is -1.
    clamped_ = hn::Sub(clamped_, hn::VecFromMask(Words(), clamped));
    flushed_ = hn::Sub(flushed_, hn::VecFromMask(Words(), flushed));
    return limited;
  }

  ConvertCounts counts() const { return {Sum(clamped_), Sum(flushed_)}; }

 private:
  static std::uint64_t Sum(WordVec counters) {
    std::uint32_t lanes[hn::MaxLanes(Words())];
    hn::StoreU(counters, Words(), lanes);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < hn::Lanes(Words()); ++i) sum += lanes[i];
    return sum;
  }

  WordVec max_, min_, overflow_, underflow_, infinity_, clamped_, flushed_;
};

/// Calls `vector_at(in, out)` for each full vector, and for a zero-padded copy of the rest.
template <typename In, typename Out, typename Body>
HWY_INLINE void ForEachVector(const In* in, Out* out, std::size_t count, const Body& vector_at) {
  const std::size_t lanes = hn::Lanes(Floats());
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) vector_at(in + i, out + i);
  if (i == count) return;
  In rest_in[hn::MaxLanes(Floats())] = {};
  Out rest_out[hn::MaxLanes(Floats())];
  std::memcpy(rest_in, in + i, (count - i) * sizeof(In));
  vector_at(rest_in, rest_out);
  std::memcpy(out + i, rest_out, (count - i) * sizeof(Out));
}

/// Rounds magnitudes to codes of format F (without sign): to nearest even, in integers where the result is normal.
template <const NarrowFormat& F>
HWY_INLINE WordVec RoundMagnitude(WordVec magnitude) {
  const Words words;
  constexpr int kShift = 23 - F.mantissa_bits;
  constexpr std::uint32_t kRebias = F.rebias();
  const WordVec odd = hn::And(hn::ShiftRight<kShift>(magnitude), hn::Set(words, 1));
  // Adding just below half a step, and one more where the kept part is odd, carries exactly when rounding up.
  const WordVec half = hn::Set(words, (1u << (kShift - 1)) - 1 - kRebias);
  const WordVec normal = hn::ShiftRight<kShift>(hn::Add(hn::Add(magnitude, half), odd));
  if constexpr (kRebias == 0) return normal;  // subnormals lie as in float
  // Below the smallest normal value: the float addition itself rounds to the format's fixed step.
  const Floats floats;
  const WordVec magic = hn::Set(words, F.subnormal_magic());
  const FloatVec sum = hn::Add(hn::BitCast(floats, magnitude), hn::BitCast(floats, magic));
  const WordVec subnormal = hn::Sub(hn::BitCast(words, sum), magic);
  return hn::IfThenElse(Above(hn::Set(words, F.smallest_normal()), magnitude), subnormal, normal);
}

template <const NarrowFormat& F>
HWY_INLINE WordVec NanCode(WordVec magnitude) {
  const Words words;
  const WordVec canonical = hn::Set(words, F.nan_code());
  if constexpr (!F.nan_has_payload()) return canonical;
  const WordVec payload = hn::And(hn::ShiftRight<23 - F.mantissa_bits>(magnitude), hn::Set(words, F.mantissa_mask()));
  return hn::Or(canonical, payload);
}

template <const NarrowFormat& F>
HWY_INLINE WordVec ApplySign(WordVec code, WordVec sign) {
  const WordVec moved = hn::ShiftRight<32 - F.bits>(sign);
  if constexpr (F.nan == NanKind::none) return hn::Xor(code, moved);  // NaN is the zero of the other sign
  if constexpr (F.nan == NanKind::negative_zero) {
    return hn::IfThenElse(hn::Eq(code, hn::Zero(Words())), code, hn::Or(code, moved));
  }
  return hn::Or(code, moved);
}

template <const NarrowFormat& F>
HWY_INLINE WordVec EncodeVector(WordVec magnitude, WordVec sign, WordVec overflow_code) {
  const Words words;
  WordVec code = RoundMagnitude<F>(magnitude);
  code = hn::IfThenElse(Above(code, hn::Set(words, F.max_code)), overflow_code, code);
  code = hn::IfThenElse(Above(magnitude, hn::Set(words, kInfinityBits)), NanCode<F>(magnitude), code);
  return ApplySign<F>(code, sign);
}

template <const NarrowFormat& F>
ConvertCounts EncodeNarrow(const float* in, void* out, std::size_t count, const FloatLimits& limits, bool saturate) {
  using Code = std::conditional_t<(F.bits > 8), std::uint16_t, std::uint8_t>;
  const Words words;
  const hn::Rebind<Code, Floats> codes;
  const WordVec overflow_code = hn::Set(words, F.overflow_code(saturate));
  Limiter limiter(limits, F.overflow_threshold(), F.underflow_threshold());
  ForEachVector(in, static_cast<Code*>(out), count, [&](const float* from, Code* to) HWY_ATTR {
    const WordVec bits = hn::BitCast(words, hn::LoadU(Floats(), from));
    const WordVec sign = hn::And(bits, hn::Set(words, kSignBit));
    const WordVec magnitude = limiter(hn::Xor(bits, sign));
#if OLIVINE_NATIVE_HALF
    if constexpr (F.dtype == DataType::float16) {
      const hn::Rebind<hwy::float16_t, Floats> halves;
      const auto half = hn::DemoteTo(halves, hn::BitCast(Floats(), hn::Or(magnitude, sign)));
      hn::StoreU(hn::BitCast(codes, half), codes, to);
      return;
    }
#endif
    const WordVec code = EncodeVector<F>(magnitude, sign, overflow_code);
    hn::StoreU(hn::DemoteTo(codes, hn::BitCast(Ints(), code)), codes, to);
  });
  return limiter.counts();
}

/// Powers of two, rounded up: adding all but one of a step carries into the exponent, which is the code.
ConvertCounts EncodeE8m0(const float* in, void* out, std::size_t count, const FloatLimits& limits, bool saturate) {
  const Words words;
  const hn::Rebind<std::uint8_t, Floats> codes;
  constexpr std::uint32_t kLargest = 0x7f000000;   // 2^127
  constexpr std::uint32_t kSmallest = 0x00400000;  // 2^-127
  const WordVec nan = hn::Set(words, 0xff);
  const WordVec too_large = hn::Set(words, saturate ? 0xfe : 0xff);
  const WordVec too_small = hn::Set(words, saturate ? 0 : 0xff);
  Limiter limiter(limits, kLargest + 1, 0);
  ForEachVector(in, static_cast<std::uint8_t*>(out), count, [&](const float* from, std::uint8_t* to) HWY_ATTR {
    const WordVec bits = hn::BitCast(words, hn::LoadU(Floats(), from));
    const WordVec sign = hn::And(bits, hn::Set(words, kSignBit));
    const WordVec magnitude = limiter(hn::Xor(bits, sign));
    WordVec code = hn::ShiftRight<23>(hn::Add(magnitude, hn::Set(words, 0x7fffff)));
    code = hn::IfThenElse(Above(hn::Set(words, kSmallest), magnitude), too_small, code);
    code = hn::IfThenElse(hn::Eq(magnitude, hn::Set(words, kSmallest)), hn::Zero(words), code);
    code = hn::IfThenElse(Above(magnitude, hn::Set(words, kLargest)), too_large, code);
    code = hn::IfThenElse(Above(magnitude, hn::Set(words, kInfinityBits)), nan, code);
    const auto negative = hn::And(hn::Eq(sign, hn::Set(words, kSignBit)), Above(magnitude, hn::Zero(words)));
    code = hn::IfThenElse(negative, nan, code);
    hn::StoreU(hn::DemoteTo(codes, hn::BitCast(Ints(), code)), codes, to);
  });
  return limiter.counts();
}

using Encoder = ConvertCounts (*)(const float*, void*, std::size_t, const FloatLimits&, bool);

constexpr std::pair<DataType, Encoder> kEncoders[] = {
    {DataType::float16, &EncodeNarrow<kFloat16>},
    {DataType::bfloat16, &EncodeNarrow<kBfloat16>},
    {DataType::float8e4m3fn, &EncodeNarrow<kFloat8e4m3fn>},
    {DataType::float8e4m3fnuz, &EncodeNarrow<kFloat8e4m3fnuz>},
    {DataType::float8e5m2, &EncodeNarrow<kFloat8e5m2>},
    {DataType::float8e5m2fnuz, &EncodeNarrow<kFloat8e5m2fnuz>},
    {DataType::float8e8m0, &EncodeE8m0},
    {DataType::float6e2m3, &EncodeNarrow<kFloat6e2m3>},
    {DataType::float6e3m2, &EncodeNarrow<kFloat6e3m2>},
    {DataType::float4e2m1, &EncodeNarrow<kFloat4e2m1>},
};

ConvertCounts EncodeFloats(DataType to, const float* in, void* out, std::size_t count, const FloatLimits& limits,
                           bool saturate) {
  const auto row =
      std::find_if(std::begin(kEncoders), std::end(kEncoders), [&](const auto& r) { return r.first == to; });
  return row->second(in, out, count, limits, saturate);
}

ConvertCounts LimitFloats(const float* in, float* out, std::size_t count, const FloatLimits& limits) {
  const Words words;
  Limiter limiter(limits, kInfinityBits, 0);
  ForEachVector(in, out, count, [&](const float* from, float* to) HWY_ATTR {
    const WordVec bits = hn::BitCast(words, hn::LoadU(Floats(), from));
    const WordVec sign = hn::And(bits, hn::Set(words, kSignBit));
    hn::StoreU(hn::BitCast(Floats(), hn::Or(limiter(hn::Xor(bits, sign)), sign)), Floats(), to);
  });
  return limiter.counts();
}

HWY_INLINE FloatVec DecodeHalf(hn::Vec<hn::Rebind<std::uint16_t, Floats>> half) {
#if OLIVINE_NATIVE_HALF
  const hn::Rebind<hwy::float16_t, Floats> halves;
  return hn::PromoteTo(Floats(), hn::BitCast(halves, half));
#else
  const Words words;
  const WordVec bits = hn::PromoteTo(words, half);
  const WordVec magnitude = hn::And(bits, hn::Set(words, 0x7fff));
  const WordVec sign = hn::ShiftLeft<16>(hn::Xor(bits, magnitude));
  const WordVec shifted = hn::ShiftLeft<13>(magnitude);
  WordVec result = hn::Add(shifted, hn::Set(words, (127u - 15) << 23));
  // Infinity and NaN: the highest exponent stays the highest, and NaN becomes quiet.
  const auto special = Above(magnitude, hn::Set(words, 0x7bff));
  result = hn::IfThenElse(special, hn::Or(shifted, hn::Set(words, kInfinityBits)), result);
  const WordVec quiet = hn::Or(result, hn::Set(words, 0x00400000));
  result = hn::IfThenElse(Above(magnitude, hn::Set(words, 0x7c00)), quiet, result);
  const FloatVec steps = hn::ConvertTo(Floats(), hn::BitCast(Ints(), magnitude));
  const FloatVec subnormal = hn::Mul(steps, hn::Set(Floats(), 0x1p-24f));
  result = hn::IfThenElse(Above(hn::Set(words, 0x0400), magnitude), hn::BitCast(words, subnormal), result);
  return hn::BitCast(Floats(), hn::Or(result, sign));
#endif
}

void DecodeHalves(DataType from, const std::uint16_t* in, float* out, std::size_t count) {
  const hn::Rebind<std::uint16_t, Floats> halves;
  if (from == DataType::float16) {
    ForEachVector(in, out, count, [&](const std::uint16_t* source, float* to) HWY_ATTR {
      hn::StoreU(DecodeHalf(hn::LoadU(halves, source)), Floats(), to);
    });
  } else {
    ForEachVector(in, out, count, [&](const std::uint16_t* source, float* to) HWY_ATTR {
      const WordVec bits = hn::ShiftLeft<16>(hn::PromoteTo(Words(), hn::LoadU(halves, source)));
      hn::StoreU(hn::BitCast(Floats(), bits), Floats(), to);
    });
  }
}

}  // namespace olivine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#undef OLIVINE_NATIVE_HALF

#endif  // the toggled guard

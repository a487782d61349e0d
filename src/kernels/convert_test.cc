#include "kernels/convert.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>
#include <hwy/targets.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "base/error.h"
#include "base/float_formats.h"
#include "kernels/packing.h"

namespace olivine::kernels {
namespace {

using enum DataType;

const std::vector<DataType> kNarrowFloats = {float16,        bfloat16,   float8e4m3fn, float8e4m3fnuz, float8e5m2,
                                             float8e5m2fnuz, float8e8m0, float6e2m3,   float6e3m2,     float4e2m1};
const std::vector<DataType> kIntegers = {int2,  uint2,  int4,  uint4,  int8,  uint8,
                                         int16, uint16, int32, uint32, int64, uint64};

/// Runs `body` once for each instruction set that this processor has and that was compiled.
void on_every_target(const std::function<void()>& body) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(target));
    body();
    hwy::SetSupportedTargetsForTest(0);
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

template <typename T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <typename T>
std::vector<T> values_of(const std::vector<std::byte>& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::vector<std::byte> converted(DataType from, DataType to, const std::vector<std::byte>& in, std::uint64_t count,
                                 const ConvertOptions& options = {}, ConvertCounts* counts = nullptr) {
  std::vector<std::byte> out(*packed_bytes(to, count), std::byte{0xa5});
  const ConvertCounts found = convert(from, to, in.data(), out.data(), count, options);
  if (counts != nullptr) *counts = found;
  return out;
}

/// Element i of a packed stream, as the bits of its code.
std::uint64_t code_at(DataType dtype, const std::vector<std::byte>& bytes, std::uint64_t i) {
  const int bits = bit_width(dtype);
  if (bits < 8) {
    std::uint8_t code = 0;
    unpack_codes(bits, bytes.data(), i, &code, 1);
    return code;
  }
  std::uint64_t code = 0;
  const auto width = static_cast<std::size_t>(bits / 8);
  std::memcpy(&code, bytes.data() + i * width, width);
  return code;
}

std::vector<std::byte> all_codes(DataType dtype) {
  const std::uint64_t count = std::uint64_t{1} << bit_width(dtype);
  if (bit_width(dtype) == 16) {
    std::vector<std::uint16_t> codes(count);
    for (std::uint64_t i = 0; i < count; ++i) codes[i] = static_cast<std::uint16_t>(i);
    return bytes_of(codes);
  }
  std::vector<std::uint8_t> codes(count);
  for (std::uint64_t i = 0; i < count; ++i) codes[i] = static_cast<std::uint8_t>(i);
  std::vector<std::byte> packed(*packed_bytes(dtype, count));
  pack_codes(bit_width(dtype), codes.data(), packed.data(), count);
  return packed;
}

/// Random bits, and around every value of every narrow type: the value, the ties between neighbours and what lies just
/// beside them.
const std::vector<float>& adversarial_floats() {
  static const std::vector<float> floats = [] {
    std::vector<float> result;
    std::mt19937 random(7);
    for (int i = 0; i < 100'000; ++i) result.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
    for (const DataType dtype : kNarrowFloats) {
      for (std::uint64_t code = 0; code < std::uint64_t{1} << bit_width(dtype);
           code += bit_width(dtype) == 16 ? 7 : 1) {
        const auto value = static_cast<float>(decode_float(dtype, code));
        const auto next = static_cast<float>(decode_float(dtype, code + 1));
        const float tie = value / 2 + next / 2;
        for (const float base : {value, tie}) {
          result.push_back(base);
          result.push_back(std::nextafter(base, INFINITY));
          result.push_back(std::nextafter(base, -INFINITY));
        }
      }
    }
    for (const std::uint32_t bits :
         {0x00000000u, 0x00000001u, 0x00007fffu, 0x00008000u, 0x00008001u, 0x00400000u, 0x00400001u,
          0x007fffffu, 0x00800000u, 0x33000000u, 0x33000001u, 0x32ffffffu, 0x387fe000u, 0x387fffffu,
          0x477fefffu, 0x477ff000u, 0x7f7f7fffu, 0x7f7f8000u, 0x7f7fffffu, 0x7f800000u, 0x7f800001u,
          0x7fa00000u, 0x7fc00000u, 0x7fc01234u, 0x7fffffffu, 0x43e80000u, 0x43e80001u}) {
      result.push_back(std::bit_cast<float>(bits));
      result.push_back(std::bit_cast<float>(bits | 0x80000000u));
    }
    return result;
  }();
  return floats;
}

/// What the limits mean, spelled out.
float limited(float value, const ConvertOptions& options) {
  const float magnitude = std::fabs(value);
  if (options.max_finite != 0 && std::isfinite(value) && magnitude > static_cast<float>(options.max_finite)) {
    return std::copysign(static_cast<float>(options.max_finite), value);
  }
  if (magnitude > 0 && magnitude < static_cast<float>(options.min_positive)) {
    return std::copysign(static_cast<float>(options.min_positive), value);
  }
  return value;
}

ConvertCounts expected_counts(DataType to, float value, const ConvertOptions& options) {
  const float kept = limited(value, options);
  const double result = decode_float(to, encode_float(to, kept, false));
  const double largest = decode_float(to, find_float_format(to)->max_code);
  const std::uint64_t grown = encode_float(to, kept, true);
  ConvertCounts counts;
  const bool overflow =
      to == float8e8m0 ? std::fabs(kept) > largest
      : find_float_format(to)->nan == NanKind::none
          ? decode_float(to, grown) != kept && std::fabs(kept) >= largest &&
                std::fabs(kept) >= largest + (largest - decode_float(to, find_float_format(to)->max_code - 1)) / 2
          : !std::isfinite(result);
  if (std::isfinite(value) && (std::fabs(kept) < std::fabs(value) || overflow)) counts.clamped = 1;
  if (value != 0 && !std::isnan(value) && (std::fabs(kept) > std::fabs(value) || (to != float8e8m0 && result == 0))) {
    counts.flushed = 1;
  }
  return counts;
}

void expect_encodes_as_defined(DataType to, const ConvertOptions& options) {
  const std::vector<float>& in = adversarial_floats();
  std::vector<std::uint64_t> want;
  ConvertCounts expected;
  for (const float value : in) {
    want.push_back(encode_float(to, limited(value, options), options.saturate));
    expected += expected_counts(to, value, options);
  }
  const auto bytes = bytes_of(in);
  on_every_target([&] {
    ConvertCounts counts;
    const auto out = converted(float32, to, bytes, in.size(), options, &counts);
    for (std::size_t i = 0; i < in.size(); ++i) {
      ASSERT_EQ(code_at(to, out, i), want[i])
          << name_of(to) << " of " << in[i] << " " << std::hex << std::bit_cast<std::uint32_t>(in[i]);
    }
    EXPECT_EQ(counts.clamped, expected.clamped) << name_of(to);
    EXPECT_EQ(counts.flushed, expected.flushed) << name_of(to);
  });
}

TEST(Convert, FloatToEveryNarrowFloat) {
  EXPECT_GE(hwy::SupportedAndGeneratedTargets().size(), 1u);
  for (const DataType to : kNarrowFloats) {
    expect_encodes_as_defined(to, {});
    expect_encodes_as_defined(to, {.saturate = false});
  }
}

TEST(Convert, Limits) {
  for (const DataType to : {float16, bfloat16, float8e5m2}) {
    expect_encodes_as_defined(to, {.max_finite = 1e4, .min_positive = 1e-7});
    expect_encodes_as_defined(to, {.max_finite = 1e9});
    expect_encodes_as_defined(to, {.min_positive = 1e-3});
  }
}

TEST(Convert, LimitsKeepInfinityNanAndZero) {
  on_every_target([] {
    const std::vector<float> in = {20000, -20000, INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1e-9f, -1e-9f, 0.5f};
    ConvertCounts counts;
    const auto out = values_of<float>(
        converted(float32, float32, bytes_of(in), in.size(), {.max_finite = 1e4, .min_positive = 1e-7}, &counts));
    EXPECT_EQ(out[0], 1e4f);
    EXPECT_EQ(out[1], -1e4f);
    EXPECT_EQ(out[2], INFINITY);
    EXPECT_EQ(out[3], -INFINITY);
    EXPECT_TRUE(std::isnan(out[4]));
    EXPECT_EQ(std::bit_cast<std::uint32_t>(out[5]), 0u);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(out[6]), 0x80000000u);
    EXPECT_EQ(out[7], 1e-7f);
    EXPECT_EQ(out[8], -1e-7f);
    EXPECT_EQ(out[9], 0.5f);
    EXPECT_EQ(counts.clamped, 2u);
    EXPECT_EQ(counts.flushed, 2u);
  });
}

TEST(Convert, EveryCodeOfEveryNarrowFloatToFloatAndDouble) {
  on_every_target([] {
    for (const DataType from : kNarrowFloats) {
      const std::uint64_t count = std::uint64_t{1} << bit_width(from);
      const auto floats = converted(from, float32, all_codes(from), count);
      const auto doubles = converted(from, float64, all_codes(from), count);
      for (std::uint64_t code = 0; code < count; ++code) {
        const double value = decode_float(from, code);
        // bfloat16 is widened bit by bit, so a signaling NaN stays one.
        const std::uint64_t want = from == bfloat16 ? code << 16 : encode_float(float32, value);
        ASSERT_EQ(code_at(float32, floats, code), want) << name_of(from) << " " << code;
        ASSERT_EQ(code_at(float64, doubles, code), std::bit_cast<std::uint64_t>(value)) << name_of(from) << " " << code;
      }
    }
  });
}

TEST(Convert, EveryCodeOfEveryNarrowFloatToEveryOther) {
  on_every_target([] {
    for (const DataType from : kNarrowFloats) {
      const std::uint64_t count = std::uint64_t{1} << bit_width(from);
      for (const DataType to : kNarrowFloats) {
        if (from == to) continue;
        const auto out = converted(from, to, all_codes(from), count);
        for (std::uint64_t code = 0; code < count; ++code) {
          ASSERT_EQ(code_at(to, out, code), encode_float(to, decode_float(from, code)))
              << name_of(from) << " " << code << " to " << name_of(to);
        }
      }
    }
  });
}

/// Doubles beside the ties of float16, bfloat16 and float, where rounding twice goes wrong.
std::vector<double> adversarial_doubles() {
  std::vector<double> result;
  std::mt19937_64 random(11);
  for (int i = 0; i < 20'000; ++i) result.push_back(std::bit_cast<double>(random()));
  for (const float value : adversarial_floats()) {
    if (random() % 8 != 0) continue;
    for (const double base :
         {static_cast<double>(value), (static_cast<double>(value) + std::nextafter(value, 1.0f)) / 2}) {
      result.push_back(base);
      result.push_back(std::nextafter(base, INFINITY));
      result.push_back(std::nextafter(base, -INFINITY));
    }
  }
  for (const double value :
       {1e300, -1e300, 1e-300, -1e-300, 5e-324, 0x1.ffffffp127, 0x1.fffffefp127, 0x1p-150, 0x1.1p-150}) {
    result.push_back(value);
  }
  return result;
}

TEST(Convert, DoubleIsRoundedOnce) {
  const std::vector<double> in = adversarial_doubles();
  std::vector<DataType> targets = kNarrowFloats;
  targets.push_back(float32);
  on_every_target([&] {
    for (const DataType to : targets) {
      const auto out = converted(float64, to, bytes_of(in), in.size());
      for (std::size_t i = 0; i < in.size(); ++i) {
        ASSERT_EQ(code_at(to, out, i), encode_float(to, in[i]))
            << name_of(to) << " " << std::hex << std::bit_cast<std::uint64_t>(in[i]);
      }
    }
  });
}

TEST(Convert, FloatToDoubleAndBackIsExact) {
  const std::vector<float>& in = adversarial_floats();
  const auto doubles = converted(float32, float64, bytes_of(in), in.size());
  const auto back = values_of<float>(converted(float64, float32, doubles, in.size()));
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (std::isnan(in[i])) {
      EXPECT_TRUE(std::isnan(back[i]));
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(back[i]), std::bit_cast<std::uint32_t>(in[i]));
    }
  }
}

TEST(Convert, DoubleCountsWhatTheRangeChanged) {
  const std::vector<double> in = {1e300, 1e-300, 0.0, 1.0, INFINITY, NAN};
  ConvertCounts counts;
  converted(float64, float32, bytes_of(in), in.size(), {}, &counts);
  EXPECT_EQ(counts.clamped, 1u);
  EXPECT_EQ(counts.flushed, 1u);
  const auto out = values_of<double>(
      converted(float64, float64, bytes_of(in), in.size(), {.max_finite = 100, .min_positive = 0.5}, &counts));
  EXPECT_EQ(out[0], 100);
  EXPECT_EQ(out[1], 0.5);
  EXPECT_EQ(out[2], 0);
  EXPECT_EQ(out[4], INFINITY);
  EXPECT_TRUE(std::isnan(out[5]));
  EXPECT_EQ(counts.clamped, 1u);
  EXPECT_EQ(counts.flushed, 1u);
}

TEST(Convert, OddLengthsAndMisalignedPointers) {
  on_every_target([] {
    std::mt19937 random(3);
    std::vector<float> values(200);
    for (float& value : values) value = static_cast<float>(random() % 4000) / 7 - 250;
    for (const DataType to : {float16, bfloat16, float8e4m3fn, float32, float64, int8, int4, float6e2m3}) {
      for (std::size_t count = 0; count < 70; ++count) {
        for (const std::size_t shift : {0, 1, 2, 3}) {
          std::vector<std::byte> in(values.size() * 4 + 8);
          std::memcpy(in.data() + shift, values.data(), values.size() * 4);
          const std::size_t bytes = *packed_bytes(to, count);
          std::vector<std::byte> out(bytes + 64, std::byte{0x5a});
          const ConvertOptions limits = to == float32 ? ConvertOptions{.max_finite = 1e30} : ConvertOptions{};
          convert(float32, to, in.data() + shift, out.data() + shift, count, limits);
          const auto want = converted(float32, to, bytes_of(values), count, limits);
          ASSERT_TRUE(std::equal(want.begin(), want.end(), out.begin() + static_cast<std::ptrdiff_t>(shift)))
              << name_of(to) << " " << count;
          for (std::size_t i = shift + bytes; i < out.size(); ++i) ASSERT_EQ(out[i], std::byte{0x5a}) << "overrun";
        }
      }
    }
    for (const std::size_t shift : {0, 1}) {
      const auto halves = all_codes(float16);
      std::vector<std::byte> in(halves.size() + 1);
      std::memcpy(in.data() + shift, halves.data(), halves.size());
      std::vector<std::byte> out(65536 * 4 + 3);
      convert(float16, float32, in.data() + shift, out.data() + 3 * shift, 65533);
      const auto want = converted(float16, float32, halves, 65533);
      EXPECT_EQ(std::memcmp(out.data() + 3 * shift, want.data(), want.size()), 0);
    }
  });
}

std::int64_t wrapped(DataType dtype, std::int64_t value) {
  const int bits = bit_width(dtype);
  const bool is_signed = name_of(dtype).front() == 'i';
  const auto shift = static_cast<unsigned>(64 - bits);
  const std::uint64_t top = static_cast<std::uint64_t>(value) << shift;
  return is_signed ? static_cast<std::int64_t>(top) >> shift : static_cast<std::int64_t>(top >> shift);
}

TEST(Convert, IntegersKeepTheirLowerBits) {
  std::vector<std::int64_t> in = {0,   1,   -1,  2,   3,     7,     8,         -8,       127,
                                  128, 200, 255, 256, 65535, 65536, INT32_MAX, INT32_MIN};
  in.push_back(std::numeric_limits<std::int64_t>::max());
  in.push_back(std::numeric_limits<std::int64_t>::min());
  for (const DataType middle : kIntegers) {
    const auto narrow = converted(int64, middle, bytes_of(in), in.size());
    const auto wide = values_of<std::int64_t>(converted(middle, int64, narrow, in.size()));
    for (std::size_t i = 0; i < in.size(); ++i) EXPECT_EQ(wide[i], wrapped(middle, in[i])) << name_of(middle);
    for (const DataType last : kIntegers) {
      const auto both = converted(middle, last, narrow, in.size());
      const auto direct = values_of<std::int64_t>(converted(last, int64, both, in.size()));
      for (std::size_t i = 0; i < in.size(); ++i) {
        EXPECT_EQ(direct[i], wrapped(last, wrapped(middle, in[i]))) << name_of(middle) << name_of(last);
      }
    }
    const auto bools = converted(middle, boolean, narrow, in.size());
    for (std::size_t i = 0; i < in.size(); ++i) EXPECT_EQ(bools[i] == std::byte{1}, wrapped(middle, in[i]) != 0);
  }
}

TEST(Convert, IntegersToFloatsAreRoundedOnce) {
  std::vector<std::int64_t> in = {0, 1, -1, 3, 17, -2048, 2049, 65519, 65520, 16777217, -16777219};
  for (int shift = 20; shift < 63; ++shift) {
    for (const std::int64_t delta : {-1, 0, 1, 3}) in.push_back((std::int64_t{3} << (shift - 1)) + delta);
    // Just above a tie of bfloat16, which a double no longer shows.
    in.push_back((std::int64_t{1} << shift) + (std::int64_t{1} << (shift - 8)) + 1);
  }
  std::vector<DataType> targets = kNarrowFloats;
  targets.push_back(float32);
  for (const DataType to : targets) {
    if (to == float8e8m0) continue;
    const auto out = converted(int64, to, bytes_of(in), in.size());
    for (std::size_t i = 0; i < in.size(); ++i) {
      // The double nearest to the integer, moved a little to the integer's side: it decides ties as the integer does.
      const auto value = static_cast<double>(in[i]);
      const auto rest = in[i] - static_cast<std::int64_t>(value);
      const double sticky = rest == 0 ? value : std::nextafter(value, (rest > 0) ? INFINITY : -INFINITY);
      EXPECT_EQ(code_at(to, out, i), encode_float(to, sticky)) << name_of(to) << " " << in[i];
    }
  }
  const std::vector<std::uint64_t> large = {~std::uint64_t{0}, std::uint64_t{1} << 63, (std::uint64_t{1} << 63) + 1};
  const auto doubles = values_of<double>(converted(uint64, float64, bytes_of(large), large.size()));
  EXPECT_EQ(doubles, (std::vector<double>{0x1p64, 0x1p63, 0x1p63}));
}

TEST(Convert, FloatsToIntegersTruncateAndSaturate) {
  const std::vector<float> in = {0.9f,    -0.9f, 1.5f,   -1.5f,    7.9f,      -8.9f, 300.0f,
                                 -300.0f, 1e30f, -1e30f, INFINITY, -INFINITY, NAN};
  const auto as = [&](DataType to, ConvertCounts* counts = nullptr) {
    return values_of<std::int64_t>(
        converted(to, int64, converted(float32, to, bytes_of(in), in.size(), {}, counts), in.size()));
  };
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  ConvertCounts counts;
  EXPECT_EQ(as(int8, &counts), (std::vector<std::int64_t>{0, 0, 1, -1, 7, -8, 127, -128, 127, -128, 127, -128, 0}));
  EXPECT_EQ(counts.clamped, 4u);
  EXPECT_EQ(as(uint8), (std::vector<std::int64_t>{0, 0, 1, 0, 7, 0, 255, 0, 255, 0, 255, 0, 0}));
  EXPECT_EQ(as(int4), (std::vector<std::int64_t>{0, 0, 1, -1, 7, -8, 7, -8, 7, -8, 7, -8, 0}));
  EXPECT_EQ(as(uint2), (std::vector<std::int64_t>{0, 0, 1, 0, 3, 0, 3, 0, 3, 0, 3, 0, 0}));
  EXPECT_EQ(as(int64), (std::vector<std::int64_t>{0, 0, 1, -1, 7, -8, 300, -300, kMax, kMin, kMax, kMin, 0}));
  EXPECT_EQ(as(uint64), (std::vector<std::int64_t>{0, 0, 1, 0, 7, 0, 300, 0, -1, 0, -1, 0, 0}));
  EXPECT_EQ(as(boolean), (std::vector<std::int64_t>{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  const std::vector<double> large = {9.3e18, 1.8e19, 2e19};
  EXPECT_EQ(values_of<std::uint64_t>(converted(float64, uint64, bytes_of(large), large.size())),
            (std::vector<std::uint64_t>{9300000000000000000u, 18000000000000000000u, ~std::uint64_t{0}}));
}

TEST(Convert, BoolIsZeroOrOne) {
  const std::vector<std::uint8_t> in = {0, 1, 2, 255};
  EXPECT_EQ(values_of<float>(converted(boolean, float32, bytes_of(in), 4)), (std::vector<float>{0, 1, 1, 1}));
  EXPECT_EQ(values_of<std::int64_t>(converted(boolean, int64, bytes_of(in), 4)),
            (std::vector<std::int64_t>{0, 1, 1, 1}));
  const std::vector<float> zeros = {0.0f, -0.0f, 1e-40f};
  EXPECT_EQ(values_of<std::uint8_t>(converted(float32, boolean, bytes_of(zeros), 3)),
            (std::vector<std::uint8_t>{0, 0, 1}));
}

TEST(Convert, TheSameTypeIsACopyWithClearedTail) {
  const std::vector<std::uint8_t> in = {0x21, 0xf3};
  EXPECT_EQ(values_of<std::uint8_t>(converted(int4, int4, bytes_of(in), 3)), (std::vector<std::uint8_t>{0x21, 0x03}));
  EXPECT_EQ(values_of<std::uint8_t>(converted(uint2, uint2, bytes_of(in), 5)), (std::vector<std::uint8_t>{0x21, 0x03}));
  const std::vector<std::uint32_t> nan = {0x7f800001};
  EXPECT_EQ(values_of<std::uint32_t>(converted(float32, float32, bytes_of(nan), 1)), nan);
}

TEST(Convert, RefusesWhatIsNoNumber) {
  EXPECT_FALSE(can_convert(string, float32));
  EXPECT_FALSE(can_convert(float32, complex64));
  EXPECT_TRUE(can_convert(int4, float8e5m2));
  EXPECT_TRUE(can_convert(boolean, float4e2m1));
  std::byte nothing{};
  EXPECT_THROW(convert(string, float32, &nothing, &nothing, 0), Error);
}

TEST(Packing, CopiesElementsBetweenAnyOffsets) {
  std::mt19937 random(5);
  for (const int bits : {2, 4, 6, 8, 16}) {
    std::vector<std::byte> in(64);
    for (std::byte& byte : in) byte = static_cast<std::byte>(random());
    for (std::uint64_t from = 0; from < 9; ++from) {
      for (std::uint64_t to = 0; to < 9; ++to) {
        for (std::uint64_t count = 0; count < 20; ++count) {
          std::vector<std::byte> out(64, std::byte{0x99});
          std::vector<std::byte> want = out;
          copy_elements(bits, in.data(), from, out.data(), to, count);
          for (std::uint64_t bit = 0; bit < count * static_cast<std::uint64_t>(bits); ++bit) {
            const std::uint64_t source = from * static_cast<std::uint64_t>(bits) + bit;
            const std::uint64_t target = to * static_cast<std::uint64_t>(bits) + bit;
            const unsigned value = std::to_integer<unsigned>(in[source / 8]) >> (source % 8) & 1;
            want[target / 8] &= static_cast<std::byte>(~(1u << (target % 8)));
            want[target / 8] |= static_cast<std::byte>(value << (target % 8));
          }
          ASSERT_EQ(out, want) << bits << " " << from << " " << to << " " << count;
        }
      }
    }
  }
}

}  // namespace
}  // namespace olivine::kernels

#include "kernels/block_quantize.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/block_quantize.cc"
#include "hwy/foreach_target.h"  // compiles the rest of this file once for each target
// After foreach_target.h:
#include "hwy/highway.h"
#include "kernels/block_quantize-inl.h"

#if HWY_ONCE
#include <array>
#include <cmath>

#include "kernels/float_kernels.h"
#include "kernels/k_quant.h"
#include "kernels/packing.h"

namespace olivine::kernels {
namespace {

HWY_EXPORT(BlockRanges);
HWY_EXPORT(RangesToParameters);
HWY_EXPORT(CodesWithZeroPoint);
HWY_EXPORT(CodesThenZeroPoint);
HWY_EXPORT(PackPairs);
HWY_EXPORT(ValuesOfCodes);

/// Blocks that are worked on together.
constexpr std::size_t kTogether = 64;

void divide_exactly(const BlockFormat& format, const float* row, std::size_t count, const float* scales,
                    const std::uint8_t* zero_points, std::uint8_t* codes) {
  const double max_code = format.max_code();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t b = i / format.block;
    const double steps = scales[b] != 0 ? static_cast<double>(row[i]) / static_cast<double>(scales[b]) : 0;
    codes[i] = static_cast<std::uint8_t>(std::clamp(std::nearbyint(steps + zero_points[b]), 0.0, max_code));
  }
}

}  // namespace

bool round_scales(DataType to, float* scales, std::size_t count) {
  std::array<std::uint16_t, kTogether> halves;
  for (std::size_t at = 0; to != DataType::float32 && at < count; at += kTogether) {
    const std::size_t together = std::min(kTogether, count - at);
    encode_floats(to, scales + at, halves.data(), together, {}, false);
    decode_halves(to, halves.data(), scales + at, together);
  }
  return std::all_of(scales, scales + count, [](float scale) { return std::isfinite(scale); });
}

RowState range_parameters(const BlockFormat& format, const float* row, std::size_t count, float* scales,
                          std::uint8_t* zero_points) {
  std::array<float, kTogether> highest;
  const std::size_t blocks = format.blocks(count);
  for (std::size_t first = 0; first < blocks; first += kTogether) {
    const std::size_t together = std::min(kTogether, blocks - first);
    const std::size_t start = first * format.block;
    const std::size_t elements = std::min(together * format.block, count - start);
    if (!HWY_DYNAMIC_DISPATCH(BlockRanges)(row + start, elements, format.block, scales + first, highest.data())) {
      return RowState::not_finite;
    }
    HWY_DYNAMIC_DISPATCH(RangesToParameters)
    (format, highest.data(), together, scales + first, zero_points + first);
    if (!round_scales(format.scale, scales + first, together)) return RowState::scale_overflow;
  }
  return RowState::fine;
}

void block_codes(const BlockFormat& format, const float* row, std::size_t count, const float* scales,
                 const std::uint8_t* zero_points, std::uint8_t* codes) {
  switch (format.rounding) {
    case CodeRounding::with_zero_point:
      return HWY_DYNAMIC_DISPATCH(CodesWithZeroPoint)(format, row, count, scales, zero_points, codes);
    case CodeRounding::then_zero_point:
      return HWY_DYNAMIC_DISPATCH(CodesThenZeroPoint)(format, row, count, scales, zero_points, codes);
    case CodeRounding::by_exact_division:
      return divide_exactly(format, row, count, scales, zero_points, codes);
  }
}

void pack_block_codes(int bits, const std::uint8_t* codes, std::size_t count, std::byte* out) {
  std::size_t done = 0;
  if (bits == 4) done = HWY_DYNAMIC_DISPATCH(PackPairs)(codes, count, reinterpret_cast<std::uint8_t*>(out));
  pack_codes(bits, codes + done, out + done / 2, count - done);
}

void block_values(const BlockFormat& format, const std::uint8_t* codes, std::size_t count, const float* scales,
                  const std::uint8_t* zero_points, float* row) {
  HWY_DYNAMIC_DISPATCH(ValuesOfCodes)(format, codes, count, scales, zero_points, row);
}

}  // namespace olivine::kernels
#endif  // HWY_ONCE

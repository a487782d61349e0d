#include "huggingface/gguf_blocks.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "kernels/convert.h"

namespace olivine::huggingface {
namespace {

using Byte = std::uint8_t;

/// Two bytes as float16, by a table of all of them.
float half_at(const Byte* bytes) {
  static const std::vector<float> table = [] {
    std::vector<std::uint16_t> codes(65536);
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint16_t>(i);
    std::vector<float> values(codes.size());
    kernels::convert(DataType::float16, DataType::float32, reinterpret_cast<const std::byte*>(codes.data()),
                     reinterpret_cast<std::byte*>(values.data()), values.size());
    return values;
  }();
  return table[static_cast<std::size_t>(bytes[0] | bytes[1] << 8)];
}

/// 32 elements in 16 bytes: the low bits are the first half, the high bits the second.
void split_halves(const Byte* bytes, Byte* out) {
  for (int i = 0; i < 16; ++i) {
    out[i] = bytes[i] & 15;
    out[i + 16] = bytes[i] >> 4;
  }
}

/// The fifth bits of 32 elements, times 16.
void add_fifth_bits(const Byte* bytes, Byte* out) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  for (int i = 0; i < 32; ++i) out[i] = static_cast<Byte>(out[i] | (bits >> i & 1) << 4);
}

void clear_if_constant(float scale, Byte* codes, std::size_t count) {
  if (scale == 0) std::fill_n(codes, count, Byte{0});
}

// ---- Q4_0: d, 16 bytes of codes; d * (code - 8)

void scale_first(const Byte* block, float* scales, float*) { *scales = half_at(block); }
constexpr GgmlBlocks kQ4_0 = {4, 32, false, [](const Byte* block, Byte* out) { split_halves(block + 2, out); },
                              scale_first};

// ---- Q4_1: d, m, 16 bytes of codes; d * code + m

void scale_and_minimum(const Byte* block, float* scales, float* offsets) {
  *scales = half_at(block);
  if (offsets != nullptr) *offsets = -half_at(block + 2);
}
constexpr GgmlBlocks kQ4_1 = {4, 32, true,
                              [](const Byte* block, Byte* out) {
                                split_halves(block + 4, out);
                                clear_if_constant(half_at(block), out, 32);
                              },
                              scale_and_minimum};

// ---- Q5_0: d, 4 bytes of fifth bits, 16 bytes of codes; d * (code - 16)

constexpr GgmlBlocks kQ5_0 = {8, 32, false,
                              [](const Byte* block, Byte* out) {
                                split_halves(block + 6, out);
                                add_fifth_bits(block + 2, out);
                                for (int i = 0; i < 32; ++i) out[i] = static_cast<Byte>(out[i] + 128 - 16);
                              },
                              scale_first};

// ---- Q5_1: d, m, 4 bytes of fifth bits, 16 bytes of codes; d * code + m

constexpr GgmlBlocks kQ5_1 = {8, 32, true,
                              [](const Byte* block, Byte* out) {
                                split_halves(block + 8, out);
                                add_fifth_bits(block + 4, out);
                                clear_if_constant(half_at(block), out, 32);
                              },
                              scale_and_minimum};

// ---- Q8_0: d, 32 signed bytes; d * code

constexpr GgmlBlocks kQ8_0 = {8, 32, false,
                              [](const Byte* block, Byte* out) {
                                for (int i = 0; i < 32; ++i) out[i] = block[2 + i] ^ 128;
                              },
                              scale_first};

// ---- Q4_K and Q5_K: d, dmin, eight 6-bit scales and minima in 12 bytes; d * scale * code - dmin * minimum

constexpr int kGroups = 8;

struct SixBits {
  int scale;
  int minimum;
};
/// The first four of each stand in the low six bits of bytes 0-3 and 4-7, whose upper bits complete the other four.
SixBits six_bits(const Byte* bytes, int group) {
  if (group < 4) return {bytes[group] & 63, bytes[group + 4] & 63};
  return {(bytes[group + 4] & 15) | (bytes[group - 4] >> 6) << 4, bytes[group + 4] >> 4 | (bytes[group] >> 6) << 4};
}

void scales_k(const Byte* block, float* scales, float* offsets) {
  const float d = half_at(block);
  const float minimum = half_at(block + 2);
  for (int group = 0; group < kGroups; ++group) {
    const SixBits bits = six_bits(block + 4, group);
    scales[group] = d * static_cast<float>(bits.scale);
    if (offsets != nullptr) offsets[group] = minimum * static_cast<float>(bits.minimum);
  }
}

void clear_constant_groups(const Byte* block, Byte* out) {
  std::array<float, kGroups> scales{};
  scales_k(block, scales.data(), nullptr);
  for (std::size_t group = 0; group < kGroups; ++group) clear_if_constant(scales[group], out + group * 32, 32);
}

/// 64 elements in 32 bytes: the low bits are the first half, the high bits the second.
void four_bits_k(const Byte* bytes, Byte* out) {
  for (int chunk = 0; chunk < 4; ++chunk) {
    for (int i = 0; i < 32; ++i) {
      out[chunk * 64 + i] = bytes[chunk * 32 + i] & 15;
      out[chunk * 64 + i + 32] = bytes[chunk * 32 + i] >> 4;
    }
  }
}

constexpr GgmlBlocks kQ4_K = {4, 32, true,
                              [](const Byte* block, Byte* out) {
                                four_bits_k(block + 16, out);
                                clear_constant_groups(block, out);
                              },
                              scales_k};

/// Bit g of byte i is the fifth one of element i of group g.
constexpr GgmlBlocks kQ5_K = {8, 32, true,
                              [](const Byte* block, Byte* out) {
                                four_bits_k(block + 48, out);
                                for (int e = 0; e < 256; ++e) {
                                  out[e] = static_cast<Byte>(out[e] | (block[16 + e % 32] >> (e / 32) & 1) << 4);
                                }
                                clear_constant_groups(block, out);
                              },
                              scales_k};

// ---- Q6_K: 128 bytes of low bits, 64 of high bits, 16 signed scales, d; d * scale * (code - 32)

constexpr GgmlBlocks kQ6_K = {8, 16, false,
                              [](const Byte* block, Byte* out) {
                                for (int half = 0; half < 2; ++half) {
                                  const Byte* const low = block + half * 64;
                                  const Byte* const high = block + 128 + half * 32;
                                  for (int e = 0; e < 128; ++e) {
                                    const int quarter = e / 32;
                                    const int four = low[e % 64] >> (quarter / 2 * 4) & 15;
                                    const int two = high[e % 32] >> (quarter * 2) & 3;
                                    out[half * 128 + e] = static_cast<Byte>((four | two << 4) - 32 + 128);
                                  }
                                }
                              },
                              [](const Byte* block, float* scales, float*) {
                                const float d = half_at(block + 208);
                                for (int group = 0; group < 16; ++group) {
                                  scales[group] = d * static_cast<float>(static_cast<std::int8_t>(block[192 + group]));
                                }
                              }};

constexpr std::array<GgmlType, 32> kTypes = {{
    {0, "F32", 1, 4, DataType::float32},
    {1, "F16", 1, 2, DataType::float16},
    {2, "Q4_0", 32, 18, DataType::undefined, &kQ4_0},
    {3, "Q4_1", 32, 20, DataType::undefined, &kQ4_1},
    {6, "Q5_0", 32, 22, DataType::undefined, &kQ5_0},
    {7, "Q5_1", 32, 24, DataType::undefined, &kQ5_1},
    {8, "Q8_0", 32, 34, DataType::undefined, &kQ8_0},
    {9, "Q8_1", 32, 36},
    {10, "Q2_K", 256, 84},
    {11, "Q3_K", 256, 110},
    {12, "Q4_K", 256, 144, DataType::undefined, &kQ4_K},
    {13, "Q5_K", 256, 176, DataType::undefined, &kQ5_K},
    {14, "Q6_K", 256, 210, DataType::undefined, &kQ6_K},
    {15, "Q8_K", 256, 292},
    {16, "IQ2_XXS", 256, 66},
    {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98},
    {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},
    {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},
    {23, "IQ4_XS", 256, 136},
    {24, "I8", 1, 1, DataType::int8},
    {25, "I16", 1, 2, DataType::int16},
    {26, "I32", 1, 4, DataType::int32},
    {27, "I64", 1, 8, DataType::int64},
    {28, "F64", 1, 8, DataType::float64},
    {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2, DataType::bfloat16},
    {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},
    {39, "MXFP4", 32, 17},
}};

}  // namespace

const GgmlType* find_ggml_type(std::uint32_t number) {
  const auto* const found = std::ranges::find(kTypes, number, &GgmlType::number);
  return found == kTypes.end() ? nullptr : found;
}

}  // namespace olivine::huggingface

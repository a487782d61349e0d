#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "kernels/convert.h"

/// The vectorized inner loops of `convert`: float32 on one side, at most 2^31 elements, pointers aligned to their type.
namespace olivine::kernels {

/// Limits as the bits of float magnitudes, which order as integers do. That keeps the comparisons exact where a host
/// process lets its threads treat subnormals as zero.
struct FloatLimits {
  std::uint32_t max_finite = 0x7f7fffff;  ///< finite magnitudes above are limited to it
  std::uint32_t min_positive = 0;         ///< nonzero magnitudes below are raised to it
};

/// float32 → any narrower float type: codes of one byte each below 16 bits (not yet packed), else two.
ConvertCounts encode_floats(DataType to, const float* in, void* out, std::size_t count, const FloatLimits& limits,
                            bool saturate);

/// float32 → float32, limits applied.
ConvertCounts limit_floats(const float* in, float* out, std::size_t count, const FloatLimits& limits);

/// float16 or bfloat16 → float32.
void decode_halves(DataType from, const std::uint16_t* in, float* out, std::size_t count);

}  // namespace olivine::kernels

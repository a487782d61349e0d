#pragma once

#include <cstddef>

#include "base/dtype.h"

/// What the quantizers of blocks share. Only for this room; the door is block_quantize.h.
namespace olivine::kernels {

/// value ≈ code * scale + lowest.
struct KQuantFit {
  float scale;
  float lowest;
};

/// Rounds scales to their type; false if one is no longer finite.
bool round_scales(DataType to, float* scales, std::size_t count);

}  // namespace olivine::kernels

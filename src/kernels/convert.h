#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

namespace olivine::kernels {

struct ConvertOptions {
  bool saturate = true;     ///< to float 8/6/4: overflow becomes the largest finite value; otherwise infinity or NaN
  double max_finite = 0;    ///< limit for finite magnitudes; 0: none. Infinities and NaN pass.
  double min_positive = 0;  ///< floor for nonzero magnitudes; 0: none
};

struct ConvertCounts {
  std::uint64_t clamped = 0;  ///< finite inputs limited by `max_finite`, or that the target's range turned into
                              ///< infinity or its largest value
  std::uint64_t flushed = 0;  ///< nonzero inputs raised to `min_positive`, or rounded to zero
};

/// True for every pair of numeric types (floats of all widths, integers of all widths, bool); not for strings and
/// complex.
bool can_convert(DataType from, DataType to);

/// Converts `count` elements, packed as ONNX's `raw_data` packs them, as ONNX's Cast defines it: floats round to
/// nearest even, NaN stays NaN, float → integer truncates toward zero, anything → bool is `!= 0`. The result is the
/// same on every processor. `in` and `out` don't overlap.
ConvertCounts convert(DataType from, DataType to, const std::byte* in, std::byte* out, std::uint64_t count,
                      const ConvertOptions& options = {});

}  // namespace olivine::kernels

#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

namespace olivine::kernels {

/// The limits hold for float targets only; they are compared and applied in float, in double for sources that float
/// doesn't hold exactly.
struct ConvertOptions {
  bool saturate = true;     ///< to float 8: overflow becomes the largest finite value; otherwise infinity or NaN
  double max_finite = 0;    ///< limit for finite magnitudes; 0: none. Infinities and NaN pass.
  double min_positive = 0;  ///< floor for nonzero magnitudes; 0: none
};

struct ConvertCounts {
  /// Finite inputs limited by `max_finite`, or that the target's range turned into infinity, NaN or its largest value.
  std::uint64_t clamped = 0;
  /// Nonzero inputs raised to `min_positive`, or rounded to zero by a float target.
  std::uint64_t flushed = 0;

  ConvertCounts& operator+=(const ConvertCounts& other) {
    clamped += other.clamped;
    flushed += other.flushed;
    return *this;
  }
};

/// True for every pair of numeric types (floats of all widths, integers of all widths, bool); not for strings and
/// complex.
bool can_convert(DataType from, DataType to);

/// Converts `count` elements, packed as ONNX's `raw_data` packs them, as ONNX's Cast defines it. The result is the same
/// on every processor. `in` and `out` don't overlap and need no alignment.
///
/// - To a float: rounded once, to nearest even, and NaN stays NaN, as `encode_float` says; bfloat16 → float keeps every
///   bit, the other widenings make NaN quiet.
/// - Float → integer: truncated toward zero; beyond the range the nearest end of it, and 0 for NaN (ONNX leaves both
/// open).
/// - Integer → integer: the lower bits. Anything → bool: `!= 0`, so NaN is true.
/// - The same type without limits: the same bits.
///
/// Throws Error[internal] unless `can_convert`.
ConvertCounts convert(DataType from, DataType to, const std::byte* in, std::byte* out, std::uint64_t count,
                      const ConvertOptions& options = {});

}  // namespace olivine::kernels

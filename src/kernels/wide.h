#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

/// Between `raw_data` of any type and the three types that conversions go through.
namespace olivine::kernels {

struct IntegerFormat {
  int bits;
  bool is_signed;
};
/// Of an integer type or bool (unsigned, 8 bits).
IntegerFormat integer_format(DataType dtype);

/// True when every value of the type is a float: floats but double, integers up to 16 bits, bool.
bool fits_float(DataType dtype);

/// @name Reading `count` elements; `in` needs no alignment.
/// @{
void read_floats(DataType from, const std::byte* in, float* out, std::size_t count);  ///< types that `fits_float`
/// double and integers. 64-bit integers that a double doesn't hold are rounded to nearest even, or to odd.
void read_doubles(DataType from, const std::byte* in, double* out, std::size_t count, bool round_to_odd);
void read_integers(DataType from, const std::byte* in, std::int64_t* out, std::size_t count);  ///< uint64 wraps
/// @}

/// The lower bits of each integer; for bool `!= 0`.
void write_integers(DataType to, const std::int64_t* in, std::byte* out, std::size_t count);

/// Rounds to odd: an inexact result has its last bit set, so that rounding it again to at most 22 bits of significand
/// gives what rounding once would have given.
float round_to_odd(double value);

}  // namespace olivine::kernels

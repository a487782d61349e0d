#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "base/float_formats.h"

namespace olivine::kernels {

/// What the vector code needs to know of a float type narrower than float32, at compile time. The numbers are those of
/// base/float_formats.cc; "bits of a float" are compared as integers.
struct NarrowFormat {
  DataType dtype;
  int bits;
  int mantissa_bits;
  int bias;
  NanKind nan;
  std::uint32_t max_code;

  /// What the exponent's bias moves a float's bits by.
  constexpr std::uint32_t rebias() const { return static_cast<std::uint32_t>(127 - bias) << 23; }
  constexpr std::uint32_t mantissa_mask() const { return (1u << mantissa_bits) - 1; }
  constexpr std::uint32_t sign_code() const { return 1u << (bits - 1); }
  constexpr std::uint32_t infinity_code() const { return (sign_code() - 1) & ~mantissa_mask(); }

  /// The float that is the smallest normal value.
  constexpr std::uint32_t smallest_normal() const { return static_cast<std::uint32_t>(128 - bias) << 23; }
  /// The float whose last place is the step of subnormals.
  constexpr std::uint32_t subnormal_magic() const {
    return static_cast<std::uint32_t>(127 + 23 + 1 - bias - mantissa_bits) << 23;
  }
  /// The smallest float that rounds beyond the largest finite value: half a step above it, or the next one where the
  /// tie goes to the (even) largest value.
  constexpr std::uint32_t overflow_threshold() const {
    const std::uint32_t tie = (max_code << (23 - mantissa_bits)) + rebias() + (1u << (22 - mantissa_bits));
    return tie + (max_code % 2 == 0 ? 1 : 0);
  }
  /// The largest float that rounds to zero: half of the smallest subnormal value.
  constexpr std::uint32_t underflow_threshold() const {
    const int exponent = 127 - bias - mantissa_bits;
    return exponent > 0 ? static_cast<std::uint32_t>(exponent) << 23 : 1u << (22 + exponent);
  }

  constexpr bool nan_has_payload() const { return nan == NanKind::ieee && bits > 8; }
  /// The canonical NaN; for a format without one, what stands for it before the sign is toggled.
  constexpr std::uint32_t nan_code() const {
    if (nan == NanKind::ieee) return infinity_code() | 1u << (mantissa_bits - 1);
    return nan == NanKind::all_ones ? sign_code() - 1 : sign_code();
  }
  constexpr std::uint32_t overflow_code(bool saturate) const {
    if (nan == NanKind::none || (bits == 8 && saturate)) return max_code;
    return nan == NanKind::ieee ? infinity_code() : nan_code();
  }
};

inline constexpr NarrowFormat kFloat16{DataType::float16, 16, 10, 15, NanKind::ieee, 0x7bff};
inline constexpr NarrowFormat kBfloat16{DataType::bfloat16, 16, 7, 127, NanKind::ieee, 0x7f7f};
inline constexpr NarrowFormat kFloat8e4m3fn{DataType::float8e4m3fn, 8, 3, 7, NanKind::all_ones, 0x7e};
inline constexpr NarrowFormat kFloat8e4m3fnuz{DataType::float8e4m3fnuz, 8, 3, 8, NanKind::negative_zero, 0x7f};
inline constexpr NarrowFormat kFloat8e5m2{DataType::float8e5m2, 8, 2, 15, NanKind::ieee, 0x7b};
inline constexpr NarrowFormat kFloat8e5m2fnuz{DataType::float8e5m2fnuz, 8, 2, 16, NanKind::negative_zero, 0x7f};
inline constexpr NarrowFormat kFloat6e2m3{DataType::float6e2m3, 6, 3, 1, NanKind::none, 0x1f};
inline constexpr NarrowFormat kFloat6e3m2{DataType::float6e3m2, 6, 2, 3, NanKind::none, 0x1f};
inline constexpr NarrowFormat kFloat4e2m1{DataType::float4e2m1, 4, 1, 1, NanKind::none, 0x7};

}  // namespace olivine::kernels

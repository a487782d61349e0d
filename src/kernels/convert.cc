#include "kernels/convert.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "base/error.h"
#include "kernels/float_kernels.h"
#include "kernels/packing.h"
#include "kernels/wide.h"

namespace olivine::kernels {
namespace {

/// Elements converted at a time through buffers that stay in the first-level cache. A multiple of 8, so that chunks of
/// every type begin at a byte.
constexpr std::size_t kChunk = 1024;
/// Elements of one call of a vector loop, whose counters have 32 bits.
constexpr std::uint64_t kLongRun = std::uint64_t{1} << 30;

bool is_numeric(DataType dtype) { return is_float(dtype) || is_integer(dtype) || dtype == DataType::boolean; }

bool has_limits(const ConvertOptions& options) { return options.max_finite != 0 || options.min_positive != 0; }

FloatLimits float_limits(const ConvertOptions& options) {
  FloatLimits limits;
  const auto bits = [](double value) { return std::bit_cast<std::uint32_t>(static_cast<float>(value)); };
  if (options.max_finite != 0) limits.max_finite = std::min(limits.max_finite, bits(options.max_finite));
  limits.min_positive = bits(options.min_positive);
  return limits;
}

bool aligned(const void* pointer, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(pointer) % alignment == 0;
}

/// The numbers of an integer type: [least, end) as doubles, and the ends themselves.
struct IntegerRange {
  double least = 0;
  double end = 0;
  std::int64_t lowest = 0;
  std::int64_t highest = 0;  ///< of uint64 the bits
};

IntegerRange range_of(DataType dtype) {
  const IntegerFormat format = integer_format(dtype);
  const int value_bits = format.is_signed ? format.bits - 1 : format.bits;
  IntegerRange range;
  range.end = std::ldexp(1.0, value_bits);
  range.highest = static_cast<std::int64_t>(~std::uint64_t{0} >> (64 - value_bits));
  if (format.is_signed) {
    range.least = -range.end;
    range.lowest = -range.highest - 1;
  }
  return range;
}

/// One conversion: the pair of types with what it needs at hand, and the sum of what was counted.
class Conversion {
 public:
  Conversion(DataType from, DataType to, const ConvertOptions& options)
      : from_(from), to_(to), to_bits_(bit_width(to)), options_(options), limits_(float_limits(options)) {
    if (!is_float(to)) range_ = range_of(to);
  }

  ConvertCounts run(const std::byte* in, std::byte* out, std::uint64_t count) {
    if (direct(in, out)) {
      for_each_run(kLongRun, in, out, count, &Conversion::convert_directly);
    } else if (!is_float(to_) && !is_float(from_)) {
      for_each_run(kChunk, in, out, count, &Conversion::integers_to_integers);
    } else if (!is_float(to_)) {
      for_each_run(kChunk, in, out, count, &Conversion::floats_to_integers);
    } else if (fits_float(from_)) {
      for_each_run(kChunk, in, out, count, &Conversion::through_float);
    } else {
      for_each_run(kChunk, in, out, count, &Conversion::through_double);
    }
    return counts_;
  }

 private:
  using Step = void (Conversion::*)(const std::byte*, std::byte*, std::size_t);

  void for_each_run(std::uint64_t size, const std::byte* in, std::byte* out, std::uint64_t count, Step step) {
    const std::uint64_t in_bytes = size / 8 * static_cast<std::uint64_t>(bit_width(from_));
    const std::uint64_t out_bytes = size / 8 * static_cast<std::uint64_t>(to_bits_);
    for (; count > size; count -= size, in += in_bytes, out += out_bytes) (this->*step)(in, out, size);
    (this->*step)(in, out, count);
  }

  bool from_half() const { return from_ == DataType::float16 || from_ == DataType::bfloat16; }

  /// Pairs whose vector loop works from input to output without a buffer.
  bool direct(const std::byte* in, const std::byte* out) const {
    if (from_ == DataType::float32 && is_float(to_) && to_bits_ >= 8 && to_bits_ <= 32) {
      return aligned(in, sizeof(float)) && aligned(out, static_cast<std::size_t>(to_bits_ / 8));
    }
    return from_half() && to_ == DataType::float32 && !has_limits(options_) && aligned(in, sizeof(std::uint16_t)) &&
           aligned(out, sizeof(float));
  }

  void convert_directly(const std::byte* in, std::byte* out, std::size_t count) {
    if (from_half()) {
      decode_halves(from_, reinterpret_cast<const std::uint16_t*>(in), reinterpret_cast<float*>(out), count);
    } else if (to_ == DataType::float32) {
      counts_ += limit_floats(reinterpret_cast<const float*>(in), reinterpret_cast<float*>(out), count, limits_);
    } else {
      counts_ += encode_floats(to_, reinterpret_cast<const float*>(in), out, count, limits_, options_.saturate);
    }
  }

  void integers_to_integers(const std::byte* in, std::byte* out, std::size_t count) {
    std::int64_t values[kChunk];
    read_integers(from_, in, values, count);
    write_integers(to_, values, out, count);
  }

  void floats_to_integers(const std::byte* in, std::byte* out, std::size_t count) {
    double doubles[kChunk];
    if (from_ == DataType::float64) {
      read_doubles(from_, in, doubles, count, false);
    } else {
      float floats[kChunk];
      read_floats(from_, in, floats, count);
      std::copy_n(floats, count, doubles);
    }
    std::int64_t values[kChunk];
    if (to_ == DataType::boolean) {
      std::transform(doubles, doubles + count, values, [](double value) { return value != 0 ? 1 : 0; });
    } else {
      std::transform(doubles, doubles + count, values, [this](double value) { return to_integer(value); });
    }
    write_integers(to_, values, out, count);
  }

  std::int64_t to_integer(double value) {
    if (std::isnan(value)) return 0;
    const double truncated = std::trunc(value);
    if (truncated >= range_.least && truncated < range_.end) {
      return truncated < 0 ? static_cast<std::int64_t>(truncated)
                           : static_cast<std::int64_t>(static_cast<std::uint64_t>(truncated));
    }
    if (std::isfinite(value)) ++counts_.clamped;
    return truncated < range_.least ? range_.lowest : range_.highest;
  }

  void through_float(const std::byte* in, std::byte* out, std::size_t count) {
    alignas(64) float values[kChunk];
    read_floats(from_, in, values, count);
    if (to_ == DataType::float64 || to_ == DataType::float32) {
      if (has_limits(options_)) counts_ += limit_in_place(values, count);
      write_floats(values, out, count);
    } else {
      encode(values, out, count, limits_);
    }
  }

  ConvertCounts limit_in_place(float* values, std::size_t count) {
    alignas(64) float limited[kChunk];
    const ConvertCounts counts = limit_floats(values, limited, count, limits_);
    std::copy_n(limited, count, values);
    return counts;
  }

  void write_floats(const float* values, std::byte* out, std::size_t count) {
    if (to_ == DataType::float32) return static_cast<void>(std::memcpy(out, values, count * sizeof(float)));
    double doubles[kChunk];
    std::copy_n(values, count, doubles);
    std::memcpy(out, doubles, count * sizeof(double));
  }

  void through_double(const std::byte* in, std::byte* out, std::size_t count) {
    double values[kChunk];
    // With limits, what comes of a 64-bit integer is rounded once more below.
    read_doubles(from_, in, values, count, to_ != DataType::float64);
    if (has_limits(options_)) std::transform(values, values + count, values, [this](double v) { return limited(v); });
    if (to_ == DataType::float64) {
      std::memcpy(out, values, count * sizeof(double));
    } else if (to_ == DataType::float32) {
      float floats[kChunk];
      std::transform(values, values + count, floats, [this](double value) { return to_float(value); });
      std::memcpy(out, floats, count * sizeof(float));
    } else {
      alignas(64) float floats[kChunk];
      std::transform(values, values + count, floats, round_to_odd);
      encode(floats, out, count, {});
    }
  }

  double limited(double value) {
    const double magnitude = std::fabs(value);
    if (options_.max_finite != 0 && magnitude > options_.max_finite && std::isfinite(value)) {
      ++counts_.clamped;
      return std::copysign(options_.max_finite, value);
    }
    if (magnitude != 0 && magnitude < options_.min_positive) {
      ++counts_.flushed;
      return std::copysign(options_.min_positive, value);
    }
    return value;
  }

  float to_float(double value) {
    const float rounded = static_cast<float>(value);
    if (std::isinf(rounded) && std::isfinite(value)) ++counts_.clamped;
    if (rounded == 0 && value != 0) ++counts_.flushed;
    return rounded;
  }

  /// Floats to a narrower type, packed.
  void encode(const float* values, std::byte* out, std::size_t count, const FloatLimits& limits) {
    alignas(64) std::uint16_t codes[kChunk];
    counts_ += encode_floats(to_, values, codes, count, limits, options_.saturate);
    if (to_bits_ == 16) {
      std::memcpy(out, codes, count * sizeof(std::uint16_t));
    } else {
      pack_codes(to_bits_, reinterpret_cast<const std::uint8_t*>(codes), out, count);
    }
  }

  DataType from_;
  DataType to_;
  int to_bits_;
  const ConvertOptions& options_;
  FloatLimits limits_;
  IntegerRange range_;
  ConvertCounts counts_;
};

/// The same bits; the unused ones of the last byte are cleared.
void copy_same_type(int bits, const std::byte* in, std::byte* out, std::uint64_t count) {
  const std::uint64_t all_bits = count * static_cast<std::uint64_t>(bits);
  std::memcpy(out, in, (all_bits + 7) / 8);
  if (all_bits % 8 != 0) out[all_bits / 8] &= static_cast<std::byte>((1u << (all_bits % 8)) - 1);
}

}  // namespace

bool can_convert(DataType from, DataType to) { return is_numeric(from) && is_numeric(to); }

ConvertCounts convert(DataType from, DataType to, const std::byte* in, std::byte* out, std::uint64_t count,
                      const ConvertOptions& options) {
  if (!can_convert(from, to)) {
    throw Error(ErrorCode::internal,
                "no conversion from " + std::string(name_of(from)) + " to " + std::string(name_of(to)));
  }
  if (count == 0) return {};
  if (from == to && !(has_limits(options) && is_float(to))) {
    copy_same_type(bit_width(from), in, out, count);
    return {};
  }
  return Conversion(from, to, options).run(in, out, count);
}

}  // namespace olivine::kernels

#include "kernels/wide.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/float_formats.h"
#include "kernels/float_kernels.h"
#include "kernels/packing.h"

namespace olivine::kernels {
namespace {

constexpr std::size_t kStep = 256;

template <typename T, typename Out>
void read_as(const std::byte* in, Out* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, in + i * sizeof(T), sizeof(T));
    out[i] = static_cast<Out>(value);
  }
}

template <typename T>
void write_as(const std::int64_t* in, std::byte* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const T value = static_cast<T>(in[i]);
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  }
}

/// Every value of a float type of at most 8 bits.
using FloatTable = std::array<float, 256>;

FloatTable make_table(DataType dtype) {
  FloatTable table{};
  const unsigned codes = 1u << bit_width(dtype);
  for (unsigned code = 0; code < codes; ++code) table[code] = static_cast<float>(decode_float(dtype, code));
  return table;
}

const FloatTable& table_of(DataType dtype) {
  constexpr std::array kNarrow = {DataType::float8e4m3fn,   DataType::float8e4m3fnuz, DataType::float8e5m2,
                                  DataType::float8e5m2fnuz, DataType::float8e8m0,     DataType::float6e2m3,
                                  DataType::float6e3m2,     DataType::float4e2m1};
  static const std::array<FloatTable, kNarrow.size()> tables = [&] {
    std::array<FloatTable, kNarrow.size()> result{};
    std::transform(kNarrow.begin(), kNarrow.end(), result.begin(), make_table);
    return result;
  }();
  return tables[static_cast<std::size_t>(std::find(kNarrow.begin(), kNarrow.end(), dtype) - kNarrow.begin())];
}

template <typename Body>
void for_each_step(int bits, std::size_t count, Body&& body) {
  for (std::size_t i = 0; i < count; i += kStep) {
    body(i, i * static_cast<std::size_t>(bits) / 8, std::min(kStep, count - i));
  }
}

void read_narrow_floats(DataType from, const std::byte* in, float* out, std::size_t count) {
  const FloatTable& table = table_of(from);
  const int bits = bit_width(from);
  std::uint8_t codes[kStep];
  for_each_step(bits, count, [&](std::size_t i, std::size_t byte, std::size_t size) {
    unpack_codes(bits, in + byte, 0, codes, size);
    for (std::size_t j = 0; j < size; ++j) out[i + j] = table[codes[j]];
  });
}

void read_half_floats(DataType from, const std::byte* in, float* out, std::size_t count) {
  std::uint16_t halves[kStep];
  for_each_step(16, count, [&](std::size_t i, std::size_t byte, std::size_t size) {
    std::memcpy(halves, in + byte, size * sizeof(std::uint16_t));
    decode_halves(from, halves, out + i, size);
  });
}

template <typename Out>
void read_narrow_integers(DataType from, const std::byte* in, Out* out, std::size_t count) {
  const IntegerFormat format = integer_format(from);
  const int sign = format.is_signed ? 1 << (format.bits - 1) : 0;
  std::uint8_t codes[kStep];
  for_each_step(format.bits, count, [&](std::size_t i, std::size_t byte, std::size_t size) {
    unpack_codes(format.bits, in + byte, 0, codes, size);
    for (std::size_t j = 0; j < size; ++j) out[i + j] = static_cast<Out>((codes[j] ^ sign) - sign);
  });
}

void write_narrow_integers(int bits, const std::int64_t* in, std::byte* out, std::size_t count) {
  std::uint8_t codes[kStep];
  for_each_step(bits, count, [&](std::size_t i, std::size_t byte, std::size_t size) {
    for (std::size_t j = 0; j < size; ++j) codes[j] = static_cast<std::uint8_t>(in[i + j]);
    pack_codes(bits, codes, out + byte, size);
  });
}

template <typename Out>
void read_bools(const std::byte* in, Out* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<Out>(in[i] != std::byte{0} ? 1 : 0);
}

/// Integers of every width into any arithmetic type.
template <typename Out>
void read_any_integers(DataType from, const std::byte* in, Out* out, std::size_t count) {
  if (from == DataType::boolean) return read_bools(in, out, count);
  const IntegerFormat format = integer_format(from);
  switch (format.is_signed ? -format.bits : format.bits) {
    case 8:
      return read_as<std::uint8_t>(in, out, count);
    case -8:
      return read_as<std::int8_t>(in, out, count);
    case 16:
      return read_as<std::uint16_t>(in, out, count);
    case -16:
      return read_as<std::int16_t>(in, out, count);
    case 32:
      return read_as<std::uint32_t>(in, out, count);
    case -32:
      return read_as<std::int32_t>(in, out, count);
    case 64:
      return read_as<std::uint64_t>(in, out, count);
    case -64:
      return read_as<std::int64_t>(in, out, count);
    default:
      return read_narrow_integers(from, in, out, count);
  }
}

/// The magnitude cut to 53 bits, the last one set if anything was cut.
double integer_to_odd_double(std::uint64_t magnitude, bool negative) {
  const int excess = 64 - std::countl_zero(magnitude) - 53;
  if (excess > 0) {
    const std::uint64_t cut = (std::uint64_t{1} << excess) - 1;
    magnitude = (magnitude & ~cut) | ((magnitude & cut) != 0 ? std::uint64_t{1} << excess : 0);
  }
  const double value = static_cast<double>(magnitude);
  return negative ? -value : value;
}

}  // namespace

IntegerFormat integer_format(DataType dtype) {
  constexpr std::array kSigned = {DataType::int2,  DataType::int4,  DataType::int8,
                                  DataType::int16, DataType::int32, DataType::int64};
  return {bit_width(dtype), std::find(kSigned.begin(), kSigned.end(), dtype) != kSigned.end()};
}

bool fits_float(DataType dtype) { return is_float(dtype) ? dtype != DataType::float64 : bit_width(dtype) <= 16; }

void read_floats(DataType from, const std::byte* in, float* out, std::size_t count) {
  if (from == DataType::float32) {
    std::memcpy(out, in, count * sizeof(float));
  } else if (!is_float(from)) {
    read_any_integers(from, in, out, count);
  } else if (bit_width(from) == 16) {
    read_half_floats(from, in, out, count);
  } else {
    read_narrow_floats(from, in, out, count);
  }
}

void read_doubles(DataType from, const std::byte* in, double* out, std::size_t count, bool round_to_odd) {
  if (from == DataType::float64) {
    std::memcpy(out, in, count * sizeof(double));
  } else if (!round_to_odd || bit_width(from) < 64) {
    read_any_integers(from, in, out, count);
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      std::uint64_t bits;
      std::memcpy(&bits, in + i * sizeof bits, sizeof bits);
      const bool negative = from == DataType::int64 && bits >> 63 != 0;
      out[i] = integer_to_odd_double(negative ? 0 - bits : bits, negative);
    }
  }
}

void read_integers(DataType from, const std::byte* in, std::int64_t* out, std::size_t count) {
  read_any_integers(from, in, out, count);
}

void write_integers(DataType to, const std::int64_t* in, std::byte* out, std::size_t count) {
  if (to == DataType::boolean) {
    for (std::size_t i = 0; i < count; ++i) out[i] = in[i] != 0 ? std::byte{1} : std::byte{0};
    return;
  }
  switch (bit_width(to)) {
    case 8:
      return write_as<std::uint8_t>(in, out, count);
    case 16:
      return write_as<std::uint16_t>(in, out, count);
    case 32:
      return write_as<std::uint32_t>(in, out, count);
    case 64:
      return write_as<std::uint64_t>(in, out, count);
    default:
      return write_narrow_integers(bit_width(to), in, out, count);
  }
}

float round_to_odd(double value) {
  const float nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || std::isnan(value)) return nearest;
  std::uint32_t bits = std::bit_cast<std::uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(value)) --bits;  // back to the one nearer to zero
  return std::bit_cast<float>(bits | 1);
}

}  // namespace olivine::kernels

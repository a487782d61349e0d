#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/dtype.h"
#include "kernels/convert.h"
#include "tensor/tensor.h"

/// The weights of scripts/quantize_golden.py, made of the same integers.
namespace olivine::tensor {

constexpr std::size_t kWeightRows = 16;

class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t mixed = (state_ ^ (state_ >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31);
  }

 private:
  std::uint64_t state_;
};

/// An element of row `kind`.
inline double weight_value(std::size_t kind, std::size_t column, std::uint64_t random, int bits, bool half) {
  const int low = static_cast<int>(random & 0xffff);
  const int number = low - 32768;
  const double sign = random >> 63 != 0 ? -1.0 : 1.0;
  const int top = (1 << bits) - 1;
  const int middle = 1 << (bits - 1);
  const auto below = [&](int count) { return static_cast<int>((random >> 20) % static_cast<std::uint64_t>(count)); };
  const std::array<double, kWeightRows> kinds = {std::ldexp(number, -15),
                                                 0.0,
                                                 -0.0,
                                                 sign * 0.0,
                                                 std::ldexp(19661, -16),
                                                 -std::ldexp(19661, -16),
                                                 std::ldexp(low + 1, -16),
                                                 -std::ldexp(low + 1, -16),
                                                 std::ldexp(number, half ? -38 : -157),
                                                 std::ldexp(number, half ? -1 : 111),
                                                 (column == 0   ? -top
                                                  : column == 1 ? top
                                                                : below(2 * top + 1) - top) /
                                                     2.0,
                                                 (column == 0 ? -2 * middle : below(4 * middle) - 2 * middle) / 2.0,
                                                 std::ldexp(number, -15 - static_cast<int>(random >> 58 & 15)),
                                                 std::ldexp(number, (random >> 40) % 16 == 0 ? -10 : -20),
                                                 std::ldexp(below(5) - 2, half ? -24 : -149),
                                                 std::max(0.0, std::ldexp(number, -15))};
  return kinds[kind];
}

/// [16, k], a row a kind.
inline std::vector<float> weight_values(std::size_t k, int bits, bool half) {
  SplitMix64 random(k);
  std::vector<float> values;
  for (std::size_t row = 0; row < kWeightRows; ++row) {
    for (std::size_t column = 0; column < k; ++column) {
      values.push_back(static_cast<float>(weight_value(row, column, random(), bits, half)));
    }
  }
  return values;
}

/// A float32 or float16 tensor [rows, columns].
inline Tensor matrix(const std::vector<float>& values, std::size_t columns, DataType dtype) {
  const std::size_t rows = values.size() / columns;
  std::vector<std::byte> bytes(*packed_bytes(dtype, values.size()));
  kernels::convert(DataType::float32, dtype, reinterpret_cast<const std::byte*>(values.data()), bytes.data(),
                   values.size());
  return from_bytes(dtype, {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)}, std::move(bytes));
}

inline std::uint64_t fnv1a(const std::vector<std::byte>& bytes) {
  std::uint64_t digest = 0xCBF29CE484222325;
  for (const std::byte byte : bytes) digest = (digest ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001B3;
  return digest;
}

}  // namespace olivine::tensor

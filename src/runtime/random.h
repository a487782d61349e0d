#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace olivine::runtime {

/// Random numbers that are the same on every machine and with every standard library: xoshiro256**, and only integer
/// arithmetic and exact doubles on top of it.
class Random {
 public:
  /// A stream of its own for each name, so that adding an input leaves the others' values alone.
  Random(std::uint64_t seed, std::string_view name);

  std::uint64_t next();
  /// Uniform in [0, bound); bound >= 1.
  std::uint64_t below(std::uint64_t bound);
  /// Mean 0, variance 1, within ±6: the sum of twelve uniform numbers less 6. Unlike logarithms and cosines, sums are
  /// rounded alike everywhere.
  double normal();

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace olivine::runtime

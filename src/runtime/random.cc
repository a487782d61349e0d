#include "runtime/random.h"

#include <bit>

namespace olivine::runtime {
namespace {

/// splitmix64: spreads a seed over a generator's state.
std::uint64_t spread(std::uint64_t& state) {
  std::uint64_t mixed = (state += 0x9e3779b97f4a7c15);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

/// FNV-1a
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return value;
}

}  // namespace

Random::Random(std::uint64_t seed, std::string_view name) {
  std::uint64_t mixed = hash(name);
  mixed = spread(mixed) ^ seed;
  for (auto& word : state_) word = spread(mixed);
}

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  // The high half of a 128-bit product: its bias is at most bound / 2^64.
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
}

double Random::normal() {
  constexpr double kUnit = 1.0 / 4294967296.0;
  std::uint64_t sum = 0;
  for (int i = 0; i < 6; ++i) {
    const std::uint64_t pair = next();
    sum += (pair & 0xffffffff) + (pair >> 32);
  }
  return static_cast<double>(sum) * kUnit - 6.0;
}

}  // namespace olivine::runtime

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

#include "base/dtype.h"
#include "kernels/convert.h"

/// Prints GB/s of the wider side for buffers within the cache and beyond it.
namespace {

using olivine::DataType;
using namespace olivine::kernels;

double gigabytes_per_second(DataType from, DataType to, std::uint64_t count, const ConvertOptions& options) {
  std::vector<std::byte> in(*olivine::packed_bytes(from, count));
  std::vector<std::byte> out(*olivine::packed_bytes(to, count));
  std::mt19937 random(1);
  for (std::byte& byte : in) byte = static_cast<std::byte>(random() & 0x3f);
  const double bytes = static_cast<double>(std::max(in.size(), out.size()));
  double best = 0;
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    double seconds = 0;
    int runs = 0;
    do {
      convert(from, to, in.data(), out.data(), count, options);
      ++runs;
      seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    } while (seconds < 0.02);
    best = std::max(best, bytes * runs / seconds / 1e9);
  }
  return best;
}

}  // namespace

int main() {
  using enum DataType;
  struct Pair {
    DataType from, to;
  };
  const Pair pairs[] = {{float32, float16},      {float16, float32},      {float32, bfloat16},   {bfloat16, float32},
                        {float16, bfloat16},     {float32, float64},      {float64, float32},    {float64, float16},
                        {float32, float8e4m3fn}, {float8e4m3fn, float32}, {float32, float4e2m1}, {float4e2m1, float32},
                        {float32, float6e2m3},   {int8, float32},         {int4, float16},       {float32, int8},
                        {int64, int32},          {int64, float32},        {int4, int8}};
  const ConvertOptions limits{.max_finite = 1e4, .min_positive = 1e-7};
  fmt::print("{:<28}{:>12}{:>12}\n", "GB/s of the wider side", "64 Ki", "16 Mi");
  for (const auto& [from, to] : pairs) {
    fmt::print("{:<28}{:>12.2f}{:>12.2f}\n", fmt::format("{} -> {}", olivine::name_of(from), olivine::name_of(to)),
               gigabytes_per_second(from, to, 1 << 16, {}), gigabytes_per_second(from, to, 1 << 24, {}));
  }
  fmt::print("{:<28}{:>12.2f}{:>12.2f}\n", "float -> float16, limits",
             gigabytes_per_second(float32, float16, 1 << 16, limits),
             gigabytes_per_second(float32, float16, 1 << 24, limits));
}

#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <vector>

#include "base/file.h"
#include "base/threads.h"
#include "tensor/quantize.h"

/// Prints the seconds and GB/s of the weight for bfloat16 files in the page cache that become MatMulNBits' tensors,
/// made only or also written to a file. The argument is the weight's size in MB (default 512, 2048 columns).
namespace {

using namespace olivine;
using tensor::Tensor;

namespace fs = std::filesystem;

struct TemporaryFile {
  explicit TemporaryFile(const char* name) : path(fs::temp_directory_path() / name) { fs::remove(path); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { fs::remove(path); }
  fs::path path;
};

void write_weight(const fs::path& path, std::size_t elements) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.02f);
  std::vector<std::uint16_t> block(std::size_t{1} << 20);
  for (auto& value : block) {
    const float number = normal(random);
    value = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(number) >> 16);
  }
  std::ofstream out(path, std::ios::binary);
  for (std::size_t done = 0; done < elements; done += block.size()) {
    out.write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(block.size() * 2));
  }
}

std::uint64_t read_in_parallel(const Tensor& tensor, const File* out, std::uint64_t offset) {
  const std::uint64_t block = tensor.block();
  const std::uint64_t count = tensor.element_count();
  parallel_for((count + block - 1) / block, [&](std::size_t i) {
    thread_local std::vector<std::byte> bytes;
    const std::uint64_t size = std::min(block, count - i * block);
    bytes.resize(*packed_bytes(tensor.dtype(), size));
    tensor.read(i * block, size, bytes.data());
    if (out != nullptr) out->write_at(offset + *packed_bytes(tensor.dtype(), i * block), bytes);
  });
  return offset + tensor.byte_size();
}

double seconds_of(const Tensor& weight, const tensor::QuantizeOptions& options, bool write) {
  const TemporaryFile target("olivine_quantize_bench.out");
  const auto start = std::chrono::steady_clock::now();
  const auto quantized = tensor::quantize_matmul(weight, options);
  std::optional<File> file;
  if (write) file = File::create(target.path);
  std::uint64_t end = read_in_parallel(quantized.codes, file ? &*file : nullptr, 0);
  end = read_in_parallel(quantized.scales, file ? &*file : nullptr, end);
  if (quantized.zero_points) read_in_parallel(*quantized.zero_points, file ? &*file : nullptr, end);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t megabytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 512;
  const std::int64_t rows = static_cast<std::int64_t>(megabytes) * 1'000'000 / 2 / 2048;
  const TemporaryFile source("olivine_quantize_bench.in");
  write_weight(source.path, static_cast<std::size_t>(rows) * 2048);
  fs::resize_file(source.path, static_cast<std::uintmax_t>(rows) * 2048 * 2);
  const auto mapped = MappedFile::open(source.path);
  const Tensor weight =
      tensor::from_file(DataType::bfloat16, {rows, 2048}, {mapped, 0, static_cast<std::uint64_t>(rows) * 4096});
  struct Case {
    const char* name;
    tensor::QuantizeOptions options;
  };
  const Case cases[] = {
      {"int4, blocks of 32", {4, 32}},
      {"int4, blocks of 32, symmetric", {4, 32, true}},
      {"int4, blocks of 128, float16", {4, 128, false, DataType::float16}},
      {"int8, blocks of 32", {8, 32}},
      {"int4, blocks of 32, k_quant", {4, 32, false, DataType::float32, tensor::QuantizeMethod::k_quant}}};
  fmt::print("{:<34}{:>10}{:>10}{:>12}{:>10}\n", fmt::format("{} threads", thread_count()), "made, s", "GB/s",
             "written, s", "GB/s");
  for (const auto& [name, options] : cases) {
    // k_quant is slow enough to be measured on a part.
    const bool slow = options.method == tensor::QuantizeMethod::k_quant;
    const Tensor part = slow ? tensor::slice(weight, 0, 0, rows / 16) : weight;
    const double gigabytes = static_cast<double>(part.byte_size()) / 1e9;
    double made = 1e9;
    double written = 1e9;
    for (int round = 0; round < 3; ++round) {
      made = std::min(made, seconds_of(part, options, false));
      written = std::min(written, seconds_of(part, options, true));
    }
    fmt::print("{:<34}{:>10.3f}{:>10.2f}{:>12.3f}{:>10.2f}\n", name, made, gigabytes / made, written,
               gigabytes / written);
  }
}

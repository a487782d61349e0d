#pragma once

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/file.h"
#include "kernels/packing.h"

/// What the tests of this room share.
namespace olivine::tensor {

/// A file that lives as long as the object.
class TestFile {
 public:
  explicit TestFile(const std::vector<std::byte>& content) {
    static std::atomic<int> number = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("olivine_tensor_" + std::to_string(::getpid()) + "_" + std::to_string(number++));
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
    mapped_ = MappedFile::open(path_);
  }
  TestFile(const TestFile&) = delete;
  TestFile& operator=(const TestFile&) = delete;
  ~TestFile() { std::filesystem::remove(path_); }

  const std::filesystem::path& path() const { return path_; }
  const std::shared_ptr<const MappedFile>& mapped() const { return mapped_; }

 private:
  std::filesystem::path path_;
  std::shared_ptr<const MappedFile> mapped_;
};

template <typename T>
std::vector<std::byte> bytes_of_values(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// Elements [first, first + count) of a packed stream, one by one: the slow and obvious way.
inline std::vector<std::byte> elements(DataType dtype, const std::vector<std::byte>& bytes, std::uint64_t first,
                                       std::uint64_t count) {
  const auto bits = static_cast<std::uint64_t>(bit_width(dtype));
  std::vector<std::byte> out(*packed_bytes(dtype, count));
  if (bits >= 8) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(first * (bits / 8)), out.size(), out.begin());
    return out;
  }
  for (std::uint64_t bit = 0; bit < count * bits; ++bit) {
    const std::uint64_t source = first * bits + bit;
    const auto value = static_cast<std::byte>(std::to_integer<unsigned>(bytes[source / 8]) >> (source % 8) & 1);
    out[bit / 8] |= value << (bit % 8);
  }
  return out;
}

/// Random elements; the unused bits of the last byte are zero.
inline std::vector<std::byte> random_bytes(DataType dtype, std::uint64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(*packed_bytes(dtype, count));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  const std::uint64_t used = count * static_cast<std::uint64_t>(bit_width(dtype)) % 8;
  if (used != 0) bytes.back() &= static_cast<std::byte>((1u << used) - 1);
  return bytes;
}

}  // namespace olivine::tensor

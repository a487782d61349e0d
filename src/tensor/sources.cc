#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "kernels/convert.h"
#include "kernels/packing.h"
#include "tensor/expressions.h"
#include "tensor/scratch.h"
#include "tensor/tensor.h"

static_assert(std::endian::native == std::endian::little, "payloads are little-endian and are not swapped");

namespace olivine::tensor {
namespace {

/// Elements of a packed stream, moved to the start of `out`, the rest of whose last byte becomes zero.
void copy_packed(int bits, const std::byte* in, std::uint64_t in_first, std::byte* out, std::uint64_t count) {
  if (count == 0) return;
  out[bytes_of(bits, count) - 1] = std::byte{0};
  kernels::copy_elements(bits, in, in_first, out, 0, count);
}

class FileSource final : public Source {
 public:
  FileSource(int bits, FileSlice slice) : bits_(bits), slice_(std::move(slice)) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    const auto bits = static_cast<std::uint64_t>(bits_);
    const File& file = slice_.file->file();
    if (bits % 8 == 0) return file.read_at(slice_.offset + first * (bits / 8), {out, count * (bits / 8)});
    // Eight elements of any width begin and end with a byte.
    const std::uint64_t step = block_elements(DataType::uint8);
    for (std::uint64_t done = 0; done < count; done += step) {
      const std::uint64_t size = std::min(step, count - done);
      const std::uint64_t before = (first + done) % 8;
      const std::uint64_t bytes = bytes_of(bits_, before + size);
      Scratch scratch(bytes);
      file.read_at(slice_.offset + (first + done) / 8 * bits, {scratch.data(), bytes});
      copy_packed(bits_, scratch.data(), before, out + done / 8 * bits, size);
    }
  }

  const FileSlice* file_slice() const override { return &slice_; }

 private:
  int bits_;
  FileSlice slice_;
};

class BytesSource final : public Source {
 public:
  BytesSource(int bits, std::vector<std::byte> bytes) : bits_(bits), bytes_(std::move(bytes)) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    copy_packed(bits_, bytes_.data(), first, out, count);
  }

  std::optional<std::span<const std::byte>> in_memory() const override { return bytes_; }

 private:
  int bits_;
  std::vector<std::byte> bytes_;
};

}  // namespace

void check_within_file(const FileSlice& slice) {
  const std::uint64_t size = slice.file->bytes().size();
  if (slice.offset <= size && slice.bytes <= size - slice.offset) return;
  throw Error(ErrorCode::conversion,
              fmt::format("{} bytes at {} don't lie within its {} bytes", slice.bytes, slice.offset, size))
      .prepend(slice.file->path().string());
}

Tensor from_file(DataType dtype, Dims dims, FileSlice slice) {
  check_within_file(slice);
  const std::uint64_t bytes = slice.bytes;
  Tensor tensor(dtype, std::move(dims), std::make_shared<const FileSource>(bit_width(dtype), std::move(slice)));
  if (bytes != tensor.byte_size()) {
    throw Error(ErrorCode::conversion, fmt::format("tensor {} takes {} bytes, but has {}",
                                                   describe(dtype, tensor.dims()), tensor.byte_size(), bytes));
  }
  return tensor;
}

Tensor from_bytes(DataType dtype, Dims dims, std::vector<std::byte> bytes) {
  const std::uint64_t size = bytes.size();
  Tensor tensor(dtype, std::move(dims), std::make_shared<const BytesSource>(bit_width(dtype), std::move(bytes)));
  if (size != tensor.byte_size()) {
    throw Error(ErrorCode::conversion, fmt::format("tensor {} takes {} bytes, but has {}",
                                                   describe(dtype, tensor.dims()), tensor.byte_size(), size));
  }
  return tensor;
}

Tensor from_int64s(std::span<const std::int64_t> values) {
  return from_values(DataType::int64, {static_cast<std::int64_t>(values.size())}, values);
}

Tensor scalar_int64(std::int64_t value) { return from_values<std::int64_t>(DataType::int64, {}, std::span(&value, 1)); }

Tensor scalar_float(float value, DataType dtype) {
  std::vector<std::byte> bytes(bytes_of(bit_width(dtype), 1));
  kernels::convert(DataType::float32, dtype, reinterpret_cast<const std::byte*>(&value), bytes.data(), 1);
  return from_bytes(dtype, {}, std::move(bytes));
}

}  // namespace olivine::tensor

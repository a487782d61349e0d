#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "kernels/packing.h"
#include "tensor/expressions.h"
#include "tensor/scratch.h"
#include "tensor/tensor.h"

namespace olivine::tensor {
namespace {

constexpr std::uint64_t kReadBytes = std::uint64_t{64} << 10;
constexpr std::size_t kLongestVarint = 10;
/// Numbers between two known places in the file.
constexpr std::uint64_t kIndexStep = 4096;

/// Hands out the bytes of a slice of a file one after the other.
class ByteStream {
 public:
  ByteStream(const FileSlice& slice, std::uint64_t position) : slice_(slice), position_(position) {}

  std::uint64_t position() const { return position_ - (end_ - at_); }
  bool at_end() const { return at_ == end_ && position_ == slice_.bytes; }

  std::uint8_t next() {
    if (at_ == end_) refill();
    return std::to_integer<std::uint8_t>(buffer_.data()[at_++]);
  }

 private:
  void refill() {
    at_ = 0;
    end_ = std::min(kReadBytes, slice_.bytes - position_);
    slice_.file->file().read_at(slice_.offset + position_, {buffer_.data(), end_});
    position_ += end_;
  }

  const FileSlice& slice_;
  std::uint64_t position_;  ///< of the end of the buffer
  Scratch buffer_{kReadBytes};
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
};

std::uint64_t next_varint(ByteStream& stream) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kLongestVarint && !stream.at_end(); ++i) {
    const std::uint64_t byte = stream.next();
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return value;
  }
  throw Error(ErrorCode::conversion, "a number in a tensor's packed data doesn't end");
}

/// How a number becomes bytes of the tensor.
struct Layout {
  int bits;                           ///< of an element
  std::uint64_t elements_per_number;  ///< 2 or 4 for types of 4 or 2 bits, whose numbers are whole bytes
  bool is_bool;

  explicit Layout(DataType dtype)
      : bits(bit_width(dtype)),
        elements_per_number(bits == 2 || bits == 4 ? static_cast<std::uint64_t>(8 / bits) : 1),
        is_bool(dtype == DataType::boolean) {}

  std::uint64_t numbers(std::uint64_t elements) const {
    return elements / elements_per_number + (elements % elements_per_number != 0 ? 1 : 0);
  }
};

class VarintSource final : public Source {
 public:
  VarintSource(DataType dtype, FileSlice varints) : layout_(dtype), varints_(std::move(varints)) { build_index(); }

  std::uint64_t numbers() const { return numbers_; }

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    if (count == 0) return;
    if (layout_.bits < 8) return read_packed(first, count, out);
    const auto width = static_cast<std::size_t>(layout_.bits / 8);
    for_each_number(first, count, [&](std::uint64_t value) {
      if (layout_.is_bool) value = value != 0 ? 1 : 0;
      std::memcpy(out, &value, width);
      out += width;
    });
  }

 private:
  void build_index() {
    ByteStream stream(varints_, 0);
    for (; !stream.at_end(); ++numbers_) {
      if (numbers_ % kIndexStep == 0) index_.push_back(stream.position());
      next_varint(stream);
    }
  }

  template <typename Body>
  void for_each_number(std::uint64_t first, std::uint64_t count, Body&& body) const {
    ByteStream stream(varints_, index_[first / kIndexStep]);
    for (std::uint64_t i = first % kIndexStep; i > 0; --i) next_varint(stream);
    for (std::uint64_t i = 0; i < count; ++i) body(next_varint(stream));
  }

  /// Through one byte a number, a piece at a time.
  void read_packed(std::uint64_t first, std::uint64_t count, std::byte* out) const {
    constexpr std::uint64_t kPiece = 4096;
    std::array<std::byte, kPiece + 1> bytes;
    for (std::uint64_t done = 0; done < count; done += kPiece) {
      const std::uint64_t from = first + done;
      const std::uint64_t size = std::min(kPiece, count - done);
      const std::uint64_t first_number = from / layout_.elements_per_number;
      const std::uint64_t numbers = layout_.numbers(from + size) - first_number;
      std::size_t i = 0;
      for_each_number(first_number, numbers, [&](std::uint64_t value) { bytes[i++] = static_cast<std::byte>(value); });
      std::byte* const target = out + bytes_of(layout_.bits, done);
      if (layout_.elements_per_number == 1) {
        kernels::pack_codes(layout_.bits, reinterpret_cast<const std::uint8_t*>(bytes.data()), target, size);
      } else {
        target[bytes_of(layout_.bits, size) - 1] = std::byte{0};
        kernels::copy_elements(layout_.bits, bytes.data(), from % layout_.elements_per_number, target, 0, size);
      }
    }
  }

  Layout layout_;
  FileSlice varints_;
  std::uint64_t numbers_ = 0;
  std::vector<std::uint64_t> index_;
};

}  // namespace

Tensor from_varints(DataType dtype, Dims dims, FileSlice varints) {
  check_within_file(varints);
  const auto source = std::make_shared<const VarintSource>(dtype, std::move(varints));
  Tensor tensor(dtype, std::move(dims), source);
  const std::uint64_t wanted = Layout(dtype).numbers(tensor.element_count());
  if (source->numbers() != wanted) {
    throw Error(ErrorCode::conversion, fmt::format("tensor {} takes {} numbers, but has {}",
                                                   describe(dtype, tensor.dims()), wanted, source->numbers()));
  }
  return tensor;
}

}  // namespace olivine::tensor

#include "huggingface/code_views.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "kernels/packing.h"
#include "tensor/scratch.h"

namespace olivine::huggingface {
namespace {

using tensor::Scratch;
using tensor::Tensor;

std::uint64_t bytes_for(int bits, std::uint64_t count) { return (static_cast<std::uint64_t>(bits) * count + 7) / 8; }

std::uint8_t* as_codes(Scratch& scratch) { return reinterpret_cast<std::uint8_t*>(scratch.data()); }

class ViewSource final : public tensor::Source {
 public:
  ViewSource(const Tensor& input, int bits)
      : input_(input),
        from_bits_(static_cast<std::uint64_t>(bit_width(input.dtype()))),
        to_bits_(static_cast<std::uint64_t>(bits)) {}

  std::uint64_t preferred_elements() const override {
    return input_.source()->preferred_elements() * from_bits_ / to_bits_;
  }

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    const std::uint64_t begin = first * to_bits_ / from_bits_;
    const std::uint64_t end = ((first + count) * to_bits_ + from_bits_ - 1) / from_bits_;
    const std::uint64_t skipped = first * to_bits_ - begin * from_bits_;
    const bool is_whole = skipped == 0 && (end - begin) * from_bits_ == count * to_bits_;
    if (is_whole) return input_.read(begin, count * to_bits_ / from_bits_, out);
    Scratch scratch(bytes_for(static_cast<int>(from_bits_), end - begin));
    input_.read(begin, end - begin, scratch.data());
    out[bytes_for(static_cast<int>(to_bits_), count) - 1] = std::byte{0};
    kernels::copy_elements(static_cast<int>(to_bits_), scratch.data(), skipped / to_bits_, out, 0, count);
  }

 private:
  Tensor input_;
  std::uint64_t from_bits_;
  std::uint64_t to_bits_;
};

class MapSource final : public tensor::Source {
 public:
  MapSource(const Tensor& input, DataType to, const std::array<std::uint8_t, 256>& table)
      : input_(input), from_bits_(bit_width(input.dtype())), to_bits_(bit_width(to)), table_(table) {}

  std::uint64_t preferred_elements() const override { return input_.source()->preferred_elements(); }

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    // Whole bytes on either side.
    const std::uint64_t block = (std::max(tensor::block_elements(DataType::uint8), preferred_elements()) + 7) / 8 * 8;
    for (std::uint64_t done = 0; done < count; done += block) {
      const std::uint64_t size = std::min(block, count - done);
      Scratch packed(bytes_for(from_bits_, size));
      input_.read(first + done, size, packed.data());
      Scratch codes(size);
      kernels::unpack_codes(from_bits_, packed.data(), 0, as_codes(codes), size);
      std::transform(as_codes(codes), as_codes(codes) + size, as_codes(codes),
                     [&](std::uint8_t c) { return table_[c]; });
      kernels::pack_codes(to_bits_, as_codes(codes), out + done * static_cast<std::uint64_t>(to_bits_) / 8, size);
    }
  }

 private:
  Tensor input_;
  int from_bits_;
  int to_bits_;
  std::array<std::uint8_t, 256> table_;
};

/// Elements of 8 bits and more; narrower ones are widened around it.
class RepeatSource final : public tensor::Source {
 public:
  RepeatSource(const Tensor& input, std::uint64_t times, std::uint64_t columns)
      : input_(input),
        width_(static_cast<std::uint64_t>(bit_width(input.dtype()) / 8)),
        times_(times),
        groups_(static_cast<std::uint64_t>(input.dims().back())),
        columns_(columns) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    if (count == 0) return;
    const std::uint64_t begin = position(first);
    const std::uint64_t size = position(first + count - 1) - begin + 1;
    Scratch groups(size * width_);
    input_.read(begin, size, groups.data());
    for (std::uint64_t i = 0; i < count; ++i) {
      std::memcpy(out + i * width_, groups.data() + (position(first + i) - begin) * width_, width_);
    }
  }

 private:
  std::uint64_t position(std::uint64_t element) const {
    return element / columns_ * groups_ + element % columns_ / times_;
  }

  Tensor input_;
  std::uint64_t width_;
  std::uint64_t times_;
  std::uint64_t groups_;
  std::uint64_t columns_;
};

/// Of a [rows, columns] zeros, however many.
class ZeroSource final : public tensor::Source {
 public:
  explicit ZeroSource(int bits) : bits_(bits) {}
  void read(std::uint64_t, std::uint64_t count, std::byte* out) const override {
    std::fill_n(out, bytes_for(bits_, count), std::byte{0});
  }

 private:
  int bits_;
};

std::array<std::uint8_t, 256> same_codes() {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<std::uint8_t>(i);
  return table;
}

}  // namespace

Tensor view_as(const Tensor& input, DataType to, tensor::Dims dims) {
  if (const tensor::FileSlice* const slice = input.source()->file_slice()) {
    return tensor::from_file(to, std::move(dims), *slice);
  }
  Tensor result(to, std::move(dims), std::make_shared<const ViewSource>(input, bit_width(to)));
  if (result.byte_size() != input.byte_size()) {
    throw Error(ErrorCode::internal, "a view of codes has another size than what it views");
  }
  return result;
}

Tensor map_codes(const Tensor& input, DataType to, const std::array<std::uint8_t, 256>& table) {
  return {to, input.dims(), std::make_shared<const MapSource>(input, to, table)};
}

Tensor repeat_columns(const Tensor& input, std::int64_t times, std::int64_t columns) {
  if (bit_width(input.dtype()) < 8) {
    const Tensor wide = map_codes(input, DataType::uint8, same_codes());
    return map_codes(repeat_columns(wide, times, columns), input.dtype(), same_codes());
  }
  return {input.dtype(), with_last(input.dims(), columns),
          std::make_shared<const RepeatSource>(input, static_cast<std::uint64_t>(times),
                                               static_cast<std::uint64_t>(columns))};
}

Tensor pad_columns(const Tensor& input, std::int64_t columns) {
  const std::int64_t missing = columns - input.dims().back();
  if (missing == 0) return input;
  const Tensor zeros(input.dtype(), with_last(input.dims(), missing),
                     std::make_shared<const ZeroSource>(bit_width(input.dtype())));
  return tensor::concat(std::array{input, zeros}, static_cast<std::int64_t>(input.dims().size()) - 1);
}

Tensor to_unsigned(const Tensor& input) {
  const int bits = bit_width(input.dtype());
  std::array<std::uint8_t, 256> table{};
  const unsigned half = 1U << (bits - 1);
  for (unsigned code = 0; code < table.size(); ++code) table[code] = static_cast<std::uint8_t>(code ^ half);
  return map_codes(input, code_type(bits), table);
}

DataType code_type(int bits) {
  return bits == 8 ? DataType::uint8 : bits == 4 ? DataType::uint4 : bits == 2 ? DataType::uint2 : DataType::undefined;
}

std::int64_t row_count(const Tensor& tensor) {
  std::int64_t rows = 1;
  for (std::size_t i = 0; i + 1 < tensor.dims().size(); ++i) rows *= tensor.dims()[i];
  return rows;
}

tensor::Dims with_last(tensor::Dims dims, std::int64_t last) {
  dims.back() = last;
  return dims;
}

}  // namespace olivine::huggingface

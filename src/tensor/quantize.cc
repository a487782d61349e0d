#include "tensor/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <span>

#include "base/error.h"
#include "kernels/convert.h"
#include "kernels/packing.h"
#include "tensor/expressions.h"
#include "tensor/quantized_rows.h"
#include "tensor/scratch.h"

namespace olivine::tensor {
namespace {

using Rows = std::shared_ptr<const QuantizedRows>;
using Part = QuantizedRows::Part;

/// One part of a quantized weight: rows of `row_elements` elements of `bits` bits, read tile by tile.
class PartSource : public Source {
 public:
  PartSource(Rows rows, Part part, int bits, std::uint64_t row_elements)
      : rows_(std::move(rows)), part_(part), bits_(bits), row_elements_(row_elements) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const final {
    if (count == 0) return;
    if (bits_ < 8) out[bytes_of(bits_, count) - 1] = std::byte{0};
    const std::uint64_t tile_elements = rows_->tile_rows() * row_elements_;
    for (std::uint64_t at = first; at < first + count;) {
      const std::uint64_t tile = at / tile_elements;
      const std::uint64_t tile_end = std::min((tile + 1) * tile_elements, rows_->rows() * row_elements_);
      const std::uint64_t end = std::min(tile_end, first + count);
      read_of_tile(tile, at, end, out, at - first);
      if (end == tile_end) rows_->handed_out(tile, part_);
      at = end;
    }
  }

  /// Whole tiles: of scales and zero points, which are few a tile, about a block's worth.
  std::uint64_t preferred_elements() const final {
    const std::uint64_t tile = rows_->tile_rows() * row_elements_;
    const std::uint64_t block = (std::uint64_t{8} << 19) / static_cast<std::uint64_t>(bits_);
    return part_ == Part::codes ? tile : std::max<std::uint64_t>(1, block / std::max<std::uint64_t>(tile, 1)) * tile;
  }

 protected:
  /// Writes elements [first, end), all of one tile, as elements from `at` on of `out`.
  virtual void read_of_tile(std::uint64_t tile, std::uint64_t first, std::uint64_t end, std::byte* out,
                            std::uint64_t at) const = 0;

  const QuantizedRows& rows() const { return *rows_; }
  int bits() const { return bits_; }
  std::uint64_t row_elements() const { return row_elements_; }

 private:
  Rows rows_;
  Part part_;
  int bits_;
  std::uint64_t row_elements_;
};

class ScalesSource final : public PartSource {
 public:
  explicit ScalesSource(const Rows& rows)
      : PartSource(rows, Part::scales, bit_width(rows->format().scale), rows->blocks()) {}

 private:
  void read_of_tile(std::uint64_t tile, std::uint64_t first, std::uint64_t end, std::byte* out,
                    std::uint64_t at) const override {
    const auto parameters = rows().parameters(tile);
    const float* const scales = parameters->scales.data() + (first - tile * rows().tile_rows() * row_elements());
    kernels::convert(DataType::float32, rows().format().scale, reinterpret_cast<const std::byte*>(scales),
                     out + at * static_cast<std::uint64_t>(bits()) / 8, end - first);
  }
};

/// Zero points as elements of the codes' own type.
class TypedZeroPointsSource final : public PartSource {
 public:
  explicit TypedZeroPointsSource(const Rows& rows)
      : PartSource(rows, Part::zero_points, rows->format().bits, rows->blocks()) {}

 private:
  void read_of_tile(std::uint64_t tile, std::uint64_t first, std::uint64_t end, std::byte* out,
                    std::uint64_t at) const override {
    const auto parameters = rows().parameters(tile);
    const std::uint8_t* const points =
        parameters->zero_points.data() + (first - tile * rows().tile_rows() * row_elements());
    Scratch packed(bytes_of(bits(), end - first));
    kernels::pack_block_codes(bits(), points, end - first, packed.data());
    kernels::copy_elements(bits(), packed.data(), 0, out, at, end - first);
  }
};

/// Makes rows of bytes; of a row that isn't wanted whole the wanted bytes are copied.
class BytesSource : public PartSource {
 protected:
  using PartSource::PartSource;

  /// The rows that [first, end) touches, as `make(first row, end row, place of a row's bytes)` writes them.
  template <typename Make>
  void copy_rows(std::uint64_t first, std::uint64_t end, std::byte* out, std::uint64_t at, const Make& make) const {
    const std::uint64_t width = row_elements();
    const std::uint64_t first_row = first / width;
    const std::uint64_t end_row = (end + width - 1) / width;
    const bool whole = first % width == 0 && end % width == 0;
    Scratch row_bytes(whole ? 0 : width);
    make(first_row, end_row, [&](std::uint64_t row, const auto& write) {
      if (whole) return write(out + at + (row - first_row) * width);
      write(row_bytes.data());
      const std::uint64_t from = std::max(first, row * width);
      const std::uint64_t to = std::min(end, (row + 1) * width);
      std::memcpy(out + at + (from - first), row_bytes.data() + (from - row * width), to - from);
    });
  }
};

class PackedZeroPointsSource final : public BytesSource {
 public:
  explicit PackedZeroPointsSource(const Rows& rows)
      : BytesSource(rows, Part::zero_points, 8, bytes_of(rows->format().bits, rows->blocks())) {}

 private:
  void read_of_tile(std::uint64_t tile, std::uint64_t first, std::uint64_t end, std::byte* out,
                    std::uint64_t at) const override {
    const auto parameters = rows().parameters(tile);
    const auto& format = rows().format();
    // Points that fill up a row's last byte are in the middle, as ORT's are.
    std::vector<std::uint8_t> points(row_elements() * 8 / static_cast<std::uint64_t>(format.bits),
                                     static_cast<std::uint8_t>(format.middle()));
    copy_rows(first, end, out, at, [&](std::uint64_t row, std::uint64_t end_row, const auto& place) {
      for (; row < end_row; ++row) {
        std::copy_n(parameters->zero_points.data() + row % rows().tile_rows() * rows().blocks(), rows().blocks(),
                    points.data());
        place(row, [&](std::byte* to) { kernels::pack_block_codes(format.bits, points.data(), points.size(), to); });
      }
    });
  }
};

/// Rows of packed codes, filled up to whole blocks (MatMulNBits) or not (a row fills whole bytes).
class PackedCodesSource final : public BytesSource {
 public:
  PackedCodesSource(const Rows& rows, std::uint64_t row_codes)
      : BytesSource(rows, Part::codes, 8, bytes_of(rows->format().bits, row_codes)), row_codes_(row_codes) {}

 private:
  void read_of_tile(std::uint64_t, std::uint64_t first, std::uint64_t end, std::byte* out,
                    std::uint64_t at) const override {
    copy_rows(first, end, out, at, [&](std::uint64_t row, std::uint64_t end_row, const auto& place) {
      rows().for_codes(row, end_row, 0, rows().k(),
                       [&](std::uint64_t r, const std::uint8_t* codes, const std::uint8_t* points) {
                         place(r, [&](std::byte* to) { pack(codes, points, to); });
                       });
    });
  }

  void pack(const std::uint8_t* codes, const std::uint8_t* points, std::byte* out) const {
    const int bits = rows().format().bits;
    const std::uint64_t k = rows().k();
    if (rows().k_quant() && row_codes_ > k) return pack_with_zeros(codes, points, out);
    const std::uint64_t used = bytes_of(bits, k);
    kernels::pack_block_codes(bits, codes, k, out);
    std::memset(out + used, 0, row_elements() - used);
    repeat_in_last_byte(out, k);
  }

  /// k_quant pads the weight with zeros, whose codes are the zero point.
  void pack_with_zeros(const std::uint8_t* codes, const std::uint8_t* points, std::byte* out) const {
    std::vector<std::uint8_t> padded(codes, codes + rows().k());
    padded.resize(row_codes_, points[rows().blocks() - 1]);
    kernels::pack_block_codes(rows().format().bits, padded.data(), padded.size(), out);
  }

  /// Codes that are missing in the last used byte are those of the byte before, unless a group of 8 / bits blocks
  /// begins with it: so ORT's quantizer leaves them. No operator looks at them.
  void repeat_in_last_byte(std::byte* out, std::uint64_t k) const {
    const auto bits = static_cast<std::uint64_t>(rows().format().bits);
    const std::uint64_t used = k * bits % 8;
    const std::uint64_t last = k * bits / 8;
    if (used == 0 || last % rows().format().block == 0) return;
    out[last] |= out[last - 1] & static_cast<std::byte>(0xff << used);
  }

  std::uint64_t row_codes_;
};

/// Codes as elements of their own type, one after the other through all rows.
class TypedCodesSource final : public PartSource {
 public:
  explicit TypedCodesSource(const Rows& rows) : PartSource(rows, Part::codes, rows->format().bits, rows->k()) {}

 private:
  void read_of_tile(std::uint64_t, std::uint64_t first, std::uint64_t end, std::byte* out,
                    std::uint64_t at) const override {
    const std::uint64_t k = rows().k();
    while (first < end) {
      const std::uint64_t column = first % k;
      const std::uint64_t whole_rows = column == 0 ? (end - first) / k : 0;
      const std::uint64_t count = whole_rows > 0 ? k : std::min(k - column, end - first);
      const std::uint64_t row = first / k;
      const std::uint64_t end_row = row + std::max<std::uint64_t>(whole_rows, 1);
      copy_part(row, end_row, column, count, out, at);
      first += (end_row - row) * count;
      at += (end_row - row) * count;
    }
  }

  void copy_part(std::uint64_t first_row, std::uint64_t end_row, std::uint64_t column, std::uint64_t count,
                 std::byte* out, std::uint64_t at) const {
    const auto& format = rows().format();
    const std::uint64_t before = column % format.block;
    const auto flip = static_cast<std::uint8_t>(format.symmetric ? format.middle() : 0);
    std::vector<std::uint8_t> signed_codes(count);
    Scratch packed(bytes_of(format.bits, count));
    rows().for_codes(first_row, end_row, column - before, before + count,
                     [&](std::uint64_t row, const std::uint8_t* codes, const std::uint8_t*) {
                       std::transform(codes + before, codes + before + count, signed_codes.begin(),
                                      [&](std::uint8_t code) { return static_cast<std::uint8_t>(code ^ flip); });
                       kernels::pack_block_codes(format.bits, signed_codes.data(), count, packed.data());
                       kernels::copy_elements(format.bits, packed.data(), 0, out, at + (row - first_row) * count,
                                              count);
                     });
  }
};

/// What a weight's kind allows, checked once for all layouts.
Tensor checked(const Tensor& weight, const QuantizeOptions& options) {
  const bool good_bits = options.bits == 2 || options.bits == 4 || options.bits == 8;
  const bool good_scale =
      options.scale == DataType::float32 || options.scale == DataType::float16 || options.scale == DataType::bfloat16;
  const bool k_quant = options.method == QuantizeMethod::k_quant;
  if (!good_bits || !good_scale || options.block < 0 || (k_quant && (options.symmetric || options.block % 8 != 0)) ||
      (k_quant && options.block == 0)) {
    refuse_arguments(fmt::format("quantizing to {} bits in blocks of {} with {} scales{}", options.bits, options.block,
                                 name_of(options.scale), k_quant ? " by k_quant" : ""));
  }
  if (!is_float(weight.dtype()) || weight.dims().empty()) {
    throw Error(ErrorCode::conversion,
                "quantizing " + describe(weight.dtype(), weight.dims()) + ": only float matrices have codes");
  }
  const bool direct = weight.dtype() == DataType::float32 || weight.dtype() == DataType::float16 ||
                      weight.dtype() == DataType::bfloat16;
  return direct ? weight : cast(weight, DataType::float32);
}

std::int64_t product(std::span<const std::int64_t> dims) {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

/// The weight as a matrix whose rows are quantized.
Rows rows_of(const Tensor& weight, const QuantizeOptions& options, kernels::CodeRounding rounding) {
  const Dims& dims = weight.dims();
  const std::int64_t k = dims.back();
  const std::int64_t rows = product(std::span(dims).first(dims.size() - 1));
  const bool k_quant = options.method == QuantizeMethod::k_quant;
  kernels::BlockFormat format;
  format.bits = options.bits;
  format.block = static_cast<std::size_t>(options.block != 0 ? options.block : std::max<std::int64_t>(k, 1));
  format.symmetric = options.symmetric;
  format.scale = options.scale;
  format.rounding = k_quant ? kernels::CodeRounding::by_exact_division : rounding;
  return std::make_shared<const QuantizedRows>(reshape(weight, {rows, k}), format, k_quant);
}

Dims with_last(Dims dims, std::uint64_t last) {
  dims.back() = static_cast<std::int64_t>(last);
  return dims;
}

template <typename PartOfRows, typename... Arguments>
Tensor part(DataType dtype, Dims dims, const Rows& rows, Arguments... arguments) {
  return {dtype, std::move(dims), std::make_shared<const PartOfRows>(rows, arguments...)};
}

DataType code_type(int bits, bool is_signed) {
  constexpr std::array kSigned = {DataType::int2, DataType::int4, DataType::int8};
  constexpr std::array kUnsigned = {DataType::uint2, DataType::uint4, DataType::uint8};
  const std::size_t place = bits == 2 ? 0 : bits == 4 ? 1 : 2;
  return is_signed ? kSigned[place] : kUnsigned[place];
}

}  // namespace

QuantizedWeight quantize_matmul(const Tensor& weight, const QuantizeOptions& options) {
  const Tensor input = checked(weight, options);
  const Rows rows =
      input.dims().size() == 2 ? rows_of(input, options, kernels::CodeRounding::with_zero_point) : nullptr;
  const std::uint64_t block_bits = rows ? rows->format().block * static_cast<std::uint64_t>(options.bits) : 1;
  if (block_bits % 8 != 0) {
    refuse_arguments(fmt::format("MatMulNBits' layout of {} with blocks of {}", describe(weight.dtype(), weight.dims()),
                                 options.block));
  }
  const std::int64_t n = weight.dims()[0];
  const std::uint64_t blocks = rows->blocks();
  const auto count = static_cast<std::int64_t>(blocks);
  QuantizedWeight result{part<PackedCodesSource>(DataType::uint8, {n, count, static_cast<std::int64_t>(block_bits / 8)},
                                                 rows, blocks * rows->format().block),
                         part<ScalesSource>(options.scale, {n, count}, rows), std::nullopt, options};
  if (!options.symmetric) {
    const auto bytes = static_cast<std::int64_t>(bytes_of(options.bits, blocks));
    result.zero_points = part<PackedZeroPointsSource>(DataType::uint8, {n, bytes}, rows);
  }
  return result;
}

QuantizedWeight quantize_rows(const Tensor& weight, const QuantizeOptions& options) {
  const Tensor input = checked(weight, options);
  const Rows rows = rows_of(input, options, kernels::CodeRounding::with_zero_point);
  if (rows->k() * static_cast<std::uint64_t>(options.bits) % 8 != 0) {
    throw Error(ErrorCode::conversion, fmt::format("quantizing {}: a row of {} bits doesn't end with a byte",
                                                   describe(weight.dtype(), weight.dims()),
                                                   rows->k() * static_cast<std::uint64_t>(options.bits)))
        .remedy("leave the weight unquantized");
  }
  Dims scale_dims = with_last(input.dims(), rows->blocks());
  if (options.block == 0) scale_dims.pop_back();
  QuantizedWeight result{
      part<PackedCodesSource>(DataType::uint8, with_last(input.dims(), bytes_of(options.bits, rows->k())), rows,
                              rows->k()),
      part<ScalesSource>(options.scale, std::move(scale_dims), rows), std::nullopt, options};
  if (!options.symmetric) {
    result.zero_points = part<PackedZeroPointsSource>(
        DataType::uint8, with_last(input.dims(), bytes_of(options.bits, rows->blocks())), rows);
  }
  return result;
}

QuantizedWeight quantize_linear(const Tensor& weight, std::int64_t axis, const QuantizeOptions& options) {
  const Tensor input = checked(weight, options);
  const auto rank = static_cast<std::int64_t>(input.dims().size());
  if (axis < 0 || axis >= rank) refuse_arguments(fmt::format("quantizing along axis {} of {}", axis, rank));
  // The axis goes last, and what was made goes back.
  std::vector<std::int64_t> there(static_cast<std::size_t>(rank));
  std::iota(there.begin(), there.end(), std::int64_t{0});
  std::vector<std::int64_t> back = there;
  std::rotate(there.begin() + axis, there.begin() + axis + 1, there.end());
  std::rotate(back.begin() + axis, back.end() - 1, back.end());
  const Tensor turned = transpose(input, there);
  const Rows rows = rows_of(turned, options, kernels::CodeRounding::then_zero_point);
  const DataType dtype = code_type(options.bits, options.symmetric);
  const Dims block_dims = with_last(turned.dims(), rows->blocks());
  QuantizedWeight result{transpose(part<TypedCodesSource>(dtype, turned.dims(), rows), back),
                         transpose(part<ScalesSource>(options.scale, block_dims, rows), back), std::nullopt, options};
  if (!options.symmetric) {
    result.zero_points = transpose(part<TypedZeroPointsSource>(dtype, block_dims, rows), back);
  }
  return result;
}

}  // namespace olivine::tensor

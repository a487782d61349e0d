#include "huggingface/quantized_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "base/error.h"
#include "huggingface/code_views.h"
#include "kernels/packing.h"
#include "tensor/scratch.h"

namespace olivine::huggingface {
namespace {

using tensor::Scratch;
using tensor::Tensor;

constexpr std::int64_t kLeastBlock = 16;
constexpr std::int64_t kLargestBlock = 256;
/// For rows with a single scale, any block is as good as another: the one that ONNX Runtime's kernels like best.
constexpr std::int64_t kRowBlock = 128;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

float* as_floats(Scratch& scratch) { return reinterpret_cast<float*>(scratch.data()); }

class DequantizedSource final : public tensor::Source {
 public:
  explicit DequantizedSource(const QuantizedMatrix& matrix)
      : codes_(matrix.codes),
        bits_(matrix.bits),
        block_(static_cast<std::uint64_t>(matrix.block)),
        columns_(static_cast<std::uint64_t>(matrix.codes.dims().back())),
        groups_(static_cast<std::uint64_t>(matrix.scales.dims().back())),
        scales_(tensor::cast(matrix.scales, DataType::float32)),
        offsets_(matrix.offsets) {
    if (matrix.zero_points) zeros_ = tensor::cast(*matrix.zero_points, DataType::float32);
    if (matrix.group_index) index_ = *tensor::as_int64s(*matrix.group_index, matrix.group_index->element_count());
  }

  /// Whole rows of the codes' block, of which values take so many times the bytes.
  std::uint64_t preferred_elements() const override {
    const std::uint64_t codes = codes_.source()->preferred_elements();
    const std::uint64_t part = codes * static_cast<std::uint64_t>(bits_) / 32;
    return part >= columns_ ? part / columns_ * columns_ : std::min(codes, columns_);
  }

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    if (count == 0) return;
    Scratch packed((count * static_cast<std::uint64_t>(bits_) + 7) / 8);
    codes_.read(first, count, packed.data());
    Scratch codes(count);
    auto* const numbers = reinterpret_cast<std::uint8_t*>(codes.data());
    kernels::unpack_codes(bits_, packed.data(), 0, numbers, count);
    const std::uint64_t row = first / columns_;
    const std::uint64_t rows = (first + count - 1) / columns_ - row + 1;
    Scratch scales(rows * groups_ * sizeof(float));
    Scratch shifts(rows * groups_ * sizeof(float));
    scales_.read(row * groups_, rows * groups_, scales.data());
    read_shifts(row * groups_, rows * groups_, as_floats(shifts));
    auto* const values = reinterpret_cast<float*>(out);
    for (std::uint64_t done = 0; done < count;) {
      const std::uint64_t column = (first + done) % columns_;
      const std::uint64_t group = ((first + done) / columns_ - row) * groups_;
      const std::uint64_t run = std::min(count - done, run_length(column));
      if (!index_.empty()) {
        fill_by_index(numbers + done, column, run, as_floats(scales) + group, as_floats(shifts) + group, values + done);
      } else {
        const std::uint64_t g = group + column / block_;
        fill(numbers + done, run, as_floats(scales)[g], as_floats(shifts)[g], values + done);
      }
      done += run;
    }
  }

 private:
  /// Zero points, or offsets.
  void read_shifts(std::uint64_t first, std::uint64_t count, float* out) const {
    const std::optional<Tensor>& tensor = offsets_ ? offsets_ : zeros_;
    if (tensor) return tensor->read(first, count, reinterpret_cast<std::byte*>(out));
    std::fill_n(out, count, static_cast<float>(1U << (bits_ - 1)));
  }

  /// Columns from this one on that share a group; with an index all of the row.
  std::uint64_t run_length(std::uint64_t column) const {
    if (!index_.empty()) return columns_ - column;
    return std::min(block_ - column % block_, columns_ - column);
  }

  void fill(const std::uint8_t* codes, std::uint64_t count, float scale, float shift, float* out) const {
    if (offsets_) {
      for (std::uint64_t i = 0; i < count; ++i) out[i] = static_cast<float>(codes[i]) * scale - shift;
    } else {
      for (std::uint64_t i = 0; i < count; ++i) out[i] = (static_cast<float>(codes[i]) - shift) * scale;
    }
  }

  void fill_by_index(const std::uint8_t* codes, std::uint64_t column, std::uint64_t count, const float* scales,
                     const float* shifts, float* out) const {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto g = static_cast<std::uint64_t>(index_[column + i]);
      fill(codes + i, 1, scales[g], shifts[g], out + i);
    }
  }

  Tensor codes_;
  int bits_;
  std::uint64_t block_;
  std::uint64_t columns_;
  std::uint64_t groups_;
  Tensor scales_;
  std::optional<Tensor> zeros_;
  std::optional<Tensor> offsets_;
  std::vector<std::int64_t> index_;
};

/// Zero points in floats: offset / scale. A block whose scale is zero is constant: it gets the scale that makes a zero
/// point of one right, since its codes are zero (see the readers that make offsets).
class ShiftSource final : public tensor::Source {
 public:
  enum class Wanted { scale, zero_point };
  ShiftSource(const QuantizedMatrix& matrix, Wanted wanted)
      : scales_(tensor::cast(matrix.scales, DataType::float32)), offsets_(*matrix.offsets), wanted_(wanted) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    Scratch scales(count * sizeof(float));
    scales_.read(first, count, scales.data());
    offsets_.read(first, count, out);
    auto* const values = reinterpret_cast<float*>(out);
    for (std::uint64_t i = 0; i < count; ++i) {
      const float scale = as_floats(scales)[i];
      if (wanted_ == Wanted::scale) {
        values[i] = scale != 0 ? scale : values[i];
      } else {
        values[i] = scale != 0 ? values[i] / scale : 1;
      }
    }
  }

 private:
  Tensor scales_;
  Tensor offsets_;
  Wanted wanted_;
};

[[noreturn]] void refuse(std::string message) { throw Error(ErrorCode::conversion, std::move(message)); }

std::string text(const tensor::Dims& dims) { return fmt::format("[{}]", fmt::join(dims, ",")); }

void expect_dims(const char* what, const Tensor& tensor, const tensor::Dims& expected) {
  if (tensor.dims() == expected) return;
  refuse(fmt::format("its {} have shape {}, expected {}", what, text(tensor.dims()), text(expected)));
}

/// The block that MatMulNBits gets: the matrix's own or a part of it; 0 when there is none.
std::int64_t repacked_block(const QuantizedMatrix& matrix) {
  if (matrix.scales.dims().back() == 1) {
    return std::has_single_bit(static_cast<std::uint64_t>(matrix.block)) && matrix.block >= kLeastBlock &&
                   matrix.block <= kLargestBlock
               ? matrix.block
               : kRowBlock;
  }
  const std::int64_t power = std::min(matrix.block & -matrix.block, kLargestBlock);
  return power >= kLeastBlock ? power : 0;
}

}  // namespace

void check(const QuantizedMatrix& matrix) {
  if (code_type(matrix.bits) == DataType::undefined) refuse(fmt::format("{} bits a weight are not read", matrix.bits));
  if (matrix.codes.dtype() != code_type(matrix.bits) || matrix.codes.dims().size() < 2) {
    refuse("its codes are no matrix");
  }
  if (matrix.block <= 0) refuse(fmt::format("its blocks have {} columns", matrix.block));
  if (!is_float(matrix.scales.dtype())) refuse("its scales are no floats");
  const tensor::Dims expected = with_last(matrix.codes.dims(), ceil_div(matrix.codes.dims().back(), matrix.block));
  expect_dims("scales", matrix.scales, expected);
  if (matrix.zero_points) expect_dims("zero points", *matrix.zero_points, expected);
  if (matrix.offsets) expect_dims("offsets", *matrix.offsets, expected);
  if (!matrix.group_index) return;
  expect_dims("group indices", *matrix.group_index, {matrix.codes.dims().back()});
  const auto index = tensor::as_int64s(*matrix.group_index, matrix.group_index->element_count());
  if (!index) refuse("its group indices are no integers");
  for (const std::int64_t group : *index) {
    if (group < 0 || group >= expected.back()) {
      refuse(fmt::format("a column belongs to group {} of {}", group, expected.back()));
    }
  }
}

Tensor dequantize(const QuantizedMatrix& matrix) {
  check(matrix);
  return {DataType::float32, matrix.codes.dims(), std::make_shared<const DequantizedSource>(matrix)};
}

std::string repack_obstacle(const QuantizedMatrix& matrix) {
  if (matrix.group_index) return "its columns are in the order of their activations (desc_act)";
  if (repacked_block(matrix) == 0) {
    return fmt::format("its blocks of {} columns are no multiple of {}", matrix.block, kLeastBlock);
  }
  return {};
}

MatMulNBits repack(const QuantizedMatrix& matrix) {
  check(matrix);
  if (const std::string obstacle = repack_obstacle(matrix); !obstacle.empty()) refuse(obstacle);
  MatMulNBits result;
  result.bits = matrix.bits;
  result.block_size = repacked_block(matrix);
  const std::int64_t groups = ceil_div(matrix.codes.dims().back(), result.block_size);
  const bool one_a_row = matrix.scales.dims().back() == 1;
  const std::int64_t times = one_a_row ? groups : matrix.block / result.block_size;
  const auto repeated = [&](const Tensor& tensor) {
    return tensor.dims().back() == groups ? tensor : repeat_columns(tensor, times, groups);
  };
  tensor::Dims packed = with_last(matrix.codes.dims(), groups);
  packed.push_back(result.block_size * matrix.bits / 8);
  result.packed = view_as(pad_columns(matrix.codes, groups * result.block_size), DataType::uint8, std::move(packed));
  if (matrix.offsets) {
    using Wanted = ShiftSource::Wanted;
    const auto made = [&](Wanted wanted) {
      return repeated({DataType::float32, matrix.scales.dims(), std::make_shared<const ShiftSource>(matrix, wanted)});
    };
    result.scales = made(Wanted::scale);
    result.zero_points = made(Wanted::zero_point);
    result.is_exact = false;
    return result;
  }
  result.scales = repeated(matrix.scales);
  if (matrix.zero_points) {
    const std::int64_t per_byte = 8 / matrix.bits;
    const std::int64_t bytes = ceil_div(groups, per_byte);
    result.zero_points = view_as(pad_columns(repeated(*matrix.zero_points), bytes * per_byte), DataType::uint8,
                                 with_last(matrix.codes.dims(), bytes));
  }
  return result;
}

}  // namespace olivine::huggingface

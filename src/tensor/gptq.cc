#include "tensor/gptq.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "base/threads.h"
#include "kernels/block_quantize.h"
#include "kernels/convert.h"
#include "kernels/matrix.h"
#include "tensor/expressions.h"
#include "tensor/upper_factor.h"

namespace olivine::tensor {
namespace {

// With H = R Rᵀ, R upper triangular, the error is ‖(w - q) R‖. Its column j is e_j R_jj + s_j, where s_j = Σ_{i<j} e_i
// R_ij is settled once the columns before j are: so q_j is what is next to w_j + s_j / R_jj. In exact arithmetic these
// are GPTQ's codes, whose factor of H⁻¹ is R⁻¹ (arXiv 2507.18553); but nothing is inverted.

constexpr std::size_t kTileRows = 32;
constexpr std::size_t kPermutedBlock = 128;

[[noreturn]] void refuse(const Tensor& weight, const std::string& what, std::string_view remedy) {
  throw Error(ErrorCode::conversion, fmt::format("quantizing {}: {}", describe(weight.dtype(), weight.dims()), what))
      .remedy(remedy);
}

std::vector<double> row_of(const Tensor& matrix, std::size_t row) {
  const auto n = static_cast<std::uint64_t>(matrix.dims()[1]);
  std::vector<std::byte> bytes(bytes_of(bit_width(matrix.dtype()), n));
  std::vector<double> values(n);
  matrix.read(row * n, n, bytes.data());
  kernels::convert(matrix.dtype(), DataType::float64, bytes.data(), reinterpret_cast<std::byte*>(values.data()), n);
  return values;
}

/// H's rows, read once to know its diagonal, and again for each damping that is tried.
class Hessian {
 public:
  Hessian(const Tensor& weight, const Tensor& hessian, bool act_order) : weight_(weight), hessian_(hessian) {
    const auto k = static_cast<std::size_t>(weight.dims()[1]);
    diagonal_.resize(k);
    parallel_for(k, [&](std::size_t i) {
      const auto row = row_of(hessian_, i);
      const auto bad = std::find_if(row.begin(), row.end(), [](double value) { return !std::isfinite(value); });
      if (bad != row.end()) {
        refuse(weight_, fmt::format("element [{},{}] of the inputs' correlation is {}", i, bad - row.begin(), *bad),
               "the calibration data make the model overflow; take other data or a wider type");
      }
      diagonal_[i] = row[i];
    });
    order_.resize(k);
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    if (!act_order) return;
    std::stable_sort(order_.begin(), order_.end(),
                     [&](std::size_t a, std::size_t b) { return diagonal_[a] > diagonal_[b]; });
  }

  const std::vector<std::size_t>& order() const { return order_; }

  SquareMatrix factor(double damping) const {
    for (const double times : {1.0, 10.0, 100.0}) {
      SquareMatrix matrix = damped(damping * times);
      if (factor_upper(matrix)) return matrix;
    }
    refuse(weight_, "the inputs' correlation isn't positive definite",
           "take more calibration data or a larger damping");
  }

 private:
  SquareMatrix damped(double damping) const {
    const std::size_t k = order_.size();
    const double mean =
        std::accumulate(diagonal_.begin(), diagonal_.end(), 0.0) / static_cast<double>(std::max<std::size_t>(k, 1));
    // Inputs that are all zero say nothing: then every column counts the same.
    const double added = mean > 0 ? damping * mean : 1;
    SquareMatrix matrix(k);
    parallel_for(k, [&](std::size_t i) {
      const auto row = row_of(hessian_, order_[i]);
      for (std::size_t j = i; j < k; ++j) matrix.row(i)[j] = static_cast<float>(row[order_[j]] + (i == j ? added : 0));
      // An input that is always zero and no damping: its column is rounded to nearest.
      if (matrix.row(i)[i] == 0) matrix.row(i)[i] = 1;
    });
    return matrix;
  }

  const Tensor& weight_;
  const Tensor& hessian_;
  std::vector<double> diagonal_;
  std::vector<std::size_t> order_;
};

/// The result's rows.
struct Result {
  Result(std::size_t n, std::size_t k, const kernels::BlockFormat& format)
      : k(k),
        blocks(format.blocks(k)),
        code_bytes(blocks * format.block * static_cast<std::size_t>(format.bits) / 8),
        point_bytes(bytes_of(format.bits, blocks)),
        codes(n * code_bytes),
        scales(n * blocks),
        points(n * point_bytes) {}

  std::size_t k, blocks, code_bytes, point_bytes;
  std::vector<std::byte> codes;
  std::vector<float> scales;
  std::vector<std::byte> points;
};

/// Up to 32 rows of the weight on their way through the columns.
class Tile {
 public:
  Tile(const Tensor& weight, const SquareMatrix& factor, const std::vector<std::size_t>& order,
       const kernels::BlockFormat& format, bool act_order, std::size_t first, std::size_t rows)
      : weight_(weight),
        factor_(factor),
        order_(order),
        format_(format),
        act_order_(act_order),
        first_(first),
        rows_(rows),
        k_(factor.size),
        blocks_(format.blocks(k_)),
        values_(rows * k_),
        errors_(rows * k_),
        codes_(rows * k_),
        scales_(rows * blocks_),
        points_(rows * blocks_, static_cast<std::uint8_t>(format.middle())) {
    const Tensor floats = cast(weight, DataType::float32);
    floats.read(first * k_, rows * k_, reinterpret_cast<std::byte*>(values_.data()));
  }

  void run() {
    for (std::size_t row = 0; row < rows_; ++row) {
      // Also looks at the whole row for infinities and NaN.
      check(kernels::range_parameters(format_, values(row), k_, scales(row), points(row)), row);
    }
    const std::size_t width = act_order_ ? kPermutedBlock : format_.block;
    const std::size_t stride = (width + 15) / 16 * 16;
    std::vector<float> sums(rows_ * stride);
    for (std::size_t begin = 0; begin < k_; begin += width) {
      const std::size_t end = std::min(k_, begin + width);
      std::fill(sums.begin(), sums.end(), 0.0f);
      kernels::add_products(errors_.data(), k_, factor_.values.data() + begin, factor_.stride, sums.data(), stride,
                            rows_, begin, (end - begin + 15) / 16 * 16);
      for (std::size_t row = 0; row < rows_; ++row) {
        float* const row_sums = sums.data() + row * stride;
        if (!act_order_) range_of_updated(row, begin, end, row_sums);
        settle(row, begin, end, row_sums);
      }
    }
  }

  void store(Result& result) const {
    std::vector<std::uint8_t> points(result.point_bytes * 8 / static_cast<std::size_t>(format_.bits),
                                     static_cast<std::uint8_t>(format_.middle()));
    for (std::size_t row = 0; row < rows_; ++row) {
      const std::size_t at = first_ + row;
      kernels::pack_block_codes(format_.bits, codes_.data() + row * k_, k_,
                                result.codes.data() + at * result.code_bytes);
      std::copy_n(scales_.data() + row * blocks_, blocks_, result.scales.data() + at * blocks_);
      std::copy_n(points_.data() + row * blocks_, blocks_, points.data());
      kernels::pack_block_codes(format_.bits, points.data(), points.size(),
                                result.points.data() + at * result.point_bytes);
    }
  }

 private:
  const float* values(std::size_t row) const { return values_.data() + row * k_; }
  float* scales(std::size_t row) { return scales_.data() + row * blocks_; }
  std::uint8_t* points(std::size_t row) { return points_.data() + row * blocks_; }

  /// Scale and zero point of a block from its weights as they should be now that the columns before it are settled.
  void range_of_updated(std::size_t row, std::size_t begin, std::size_t end, const float* row_sums) {
    std::vector<float> updated(values(row) + begin, values(row) + end);
    std::vector<float> left(row_sums, row_sums + (end - begin));
    for (std::size_t j = begin; j < end; ++j) {
      const float error = -left[j - begin] / factor_.row(j)[j];
      if (error == 0) continue;
      updated[j - begin] -= error;
      kernels::add_scaled(error, factor_.row(j) + j + 1, left.data() + (j + 1 - begin), end - j - 1);
    }
    const std::size_t block = begin / format_.block;
    check(kernels::range_parameters(format_, updated.data(), end - begin, scales(row) + block, points(row) + block),
          row);
  }

  void settle(std::size_t row, std::size_t begin, std::size_t end, float* row_sums) {
    for (std::size_t j = begin; j < end; ++j) {
      const std::size_t column = order_[j];
      const std::size_t block = column / format_.block;
      const float* const scale = scales(row) + block;
      const std::uint8_t* const point = points(row) + block;
      std::uint8_t& code = codes_[row * k_ + column];
      const float wanted = values(row)[column] + row_sums[j - begin] / factor_.row(j)[j];
      kernels::block_codes(format_, &wanted, 1, scale, point, &code);
      const float error = values(row)[column] - static_cast<float>(code - *point) * *scale;
      errors_[row * k_ + j] = error;
      kernels::add_scaled(error, factor_.row(j) + j + 1, row_sums + (j + 1 - begin), end - j - 1);
    }
  }

  void check(kernels::RowState state, std::size_t row) const {
    if (state == kernels::RowState::fine) return;
    refuse(weight_,
           fmt::format("row {} {}", first_ + row,
                       state == kernels::RowState::not_finite ? "holds an infinity or NaN"
                                                              : "spans a range that no scale can express"),
           "leave the weight unquantized");
  }

  const Tensor& weight_;
  const SquareMatrix& factor_;
  const std::vector<std::size_t>& order_;
  kernels::BlockFormat format_;
  bool act_order_;
  std::size_t first_, rows_, k_, blocks_;
  std::vector<float> values_;
  std::vector<float> errors_;  ///< w - ŵ, in the order of the columns' turns
  std::vector<std::uint8_t> codes_;
  std::vector<float> scales_;
  std::vector<std::uint8_t> points_;
};

QuantizedWeight tensors_of(Result result, std::int64_t n, const QuantizeOptions& options) {
  const auto blocks = static_cast<std::int64_t>(result.blocks);
  const auto code_bytes = static_cast<std::int64_t>(result.code_bytes);
  const Tensor scales = from_values<float>(DataType::float32, {n, blocks}, result.scales);
  QuantizedWeight weight{
      from_bytes(DataType::uint8, {n, blocks, blocks == 0 ? 0 : code_bytes / blocks}, std::move(result.codes)),
      cast(scales, options.scale), std::nullopt, options};
  if (!options.symmetric) {
    weight.zero_points =
        from_bytes(DataType::uint8, {n, static_cast<std::int64_t>(result.point_bytes)}, std::move(result.points));
  }
  return weight;
}

}  // namespace

QuantizedWeight gptq_matmul(const Tensor& weight, const Tensor& hessian, const QuantizeOptions& options,
                            const GptqOptions& gptq) {
  // The layout, and what it asks for, are those of round-to-nearest.
  const QuantizedWeight nearest = quantize_matmul(weight, options);
  const std::int64_t n = weight.dims()[0];
  const std::int64_t k = weight.dims()[1];
  const bool fits = hessian.dims() == Dims{k, k} && is_float(hessian.dtype());
  if (!fits || options.method != QuantizeMethod::rtn || !(gptq.damping >= 0)) {
    refuse_arguments(fmt::format("GPTQ of {} with {}", describe(weight.dtype(), weight.dims()),
                                 describe(hessian.dtype(), hessian.dims())));
  }
  if (n == 0 || k == 0) return nearest;
  kernels::BlockFormat format;
  format.bits = options.bits;
  format.block = static_cast<std::size_t>(options.block != 0 ? options.block : k);
  format.symmetric = options.symmetric;
  format.scale = options.scale;
  const Hessian inputs(weight, hessian, gptq.act_order);
  const SquareMatrix factor = inputs.factor(gptq.damping);
  const auto rows = static_cast<std::size_t>(n);
  Result result(rows, static_cast<std::size_t>(k), format);
  parallel_for((rows + kTileRows - 1) / kTileRows, [&](std::size_t i) {
    throw_if_cancelled();
    const std::size_t first = i * kTileRows;
    Tile tile(weight, factor, inputs.order(), format, gptq.act_order, first, std::min(kTileRows, rows - first));
    tile.run();
    tile.store(result);
  });
  return tensors_of(std::move(result), n, options);
}

}  // namespace olivine::tensor

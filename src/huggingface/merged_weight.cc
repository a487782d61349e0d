#include "huggingface/merged_weight.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/scratch.h"

namespace olivine::huggingface {
namespace {

using tensor::Scratch;
using tensor::Tensor;

/// Rows that share one reading of the right factor.
constexpr std::uint64_t kRows = 64;

float* as_floats(Scratch& scratch) { return reinterpret_cast<float*>(scratch.data()); }

/// out[i] += factor * in[i]. The inner loop has a constant length, which the compiler makes vectors of.
void add_scaled(float* __restrict__ out, const float* __restrict__ in, float factor, std::uint64_t count) {
  constexpr std::uint64_t kStep = 64;
  std::uint64_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    for (std::uint64_t j = 0; j < kStep; ++j) out[i + j] += factor * in[i + j];
  }
  for (; i < count; ++i) out[i] += factor * in[i];
}

class MergedSource final : public tensor::Source {
 public:
  MergedSource(const Tensor& base, const Tensor& left, const Tensor& right, float scale,
               const std::optional<Tensor>& magnitude)
      : base_(tensor::cast(base, DataType::float32)),
        left_(tensor::cast(left, DataType::float32)),
        right_(tensor::cast(right, DataType::float32)),
        scale_(scale),
        columns_(static_cast<std::uint64_t>(base.dims()[1])),
        rank_(static_cast<std::uint64_t>(left.dims()[1])) {
    if (magnitude) magnitude_ = tensor::cast(*magnitude, DataType::float32);
  }

  std::uint64_t preferred_elements() const override { return columns_ * kRows; }

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    if (count == 0) return;
    Scratch right(rank_ * columns_ * sizeof(float));
    right_.read(0, rank_ * columns_, right.data());
    const std::uint64_t end = first + count;
    for (std::uint64_t done = first; done < end;) {
      const std::uint64_t row = done / columns_;
      const std::uint64_t rows = std::min(kRows, (end - 1) / columns_ - row + 1);
      Scratch merged(rows * columns_ * sizeof(float));
      merge_rows(row, rows, as_floats(right), as_floats(merged));
      const std::uint64_t stop = std::min(end, (row + rows) * columns_);
      std::copy_n(merged.data() + (done - row * columns_) * sizeof(float), (stop - done) * sizeof(float),
                  out + (done - first) * sizeof(float));
      done = stop;
    }
  }

 private:
  void merge_rows(std::uint64_t row, std::uint64_t rows, const float* right, float* out) const {
    Scratch left(rows * rank_ * sizeof(float));
    left_.read(row * rank_, rows * rank_, left.data());
    base_.read(row * columns_, rows * columns_, reinterpret_cast<std::byte*>(out));
    std::vector<float> product(columns_);
    for (std::uint64_t r = 0; r < rows; ++r) {
      std::ranges::fill(product, 0.0F);
      for (std::uint64_t j = 0; j < rank_; ++j) {
        add_scaled(product.data(), right + j * columns_, as_floats(left)[r * rank_ + j], columns_);
      }
      add_scaled(out + r * columns_, product.data(), scale_, columns_);
    }
    if (magnitude_) set_lengths(row, rows, out);
  }

  void set_lengths(std::uint64_t row, std::uint64_t rows, float* out) const {
    std::vector<float> magnitudes(rows);
    magnitude_->read(row, rows, reinterpret_cast<std::byte*>(magnitudes.data()));
    for (std::uint64_t r = 0; r < rows; ++r) {
      float* const values = out + r * columns_;
      double squares = 0;
      for (std::uint64_t k = 0; k < columns_; ++k) squares += static_cast<double>(values[k]) * values[k];
      const auto factor = static_cast<float>(magnitudes[r] / std::sqrt(squares));
      for (std::uint64_t k = 0; k < columns_; ++k) values[k] *= factor;
    }
  }

  Tensor base_;
  Tensor left_;
  Tensor right_;
  std::optional<Tensor> magnitude_;
  float scale_;
  std::uint64_t columns_;
  std::uint64_t rank_;
};

}  // namespace

Tensor merged_weight(const Tensor& base, const Tensor& left, const Tensor& right, float scale,
                     const std::optional<Tensor>& magnitude) {
  return {DataType::float32, base.dims(), std::make_shared<const MergedSource>(base, left, right, scale, magnitude)};
}

}  // namespace olivine::huggingface

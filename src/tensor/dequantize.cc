#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/threads.h"
#include "kernels/block_quantize.h"
#include "kernels/convert.h"
#include "kernels/packing.h"
#include "tensor/expressions.h"
#include "tensor/quantize.h"
#include "tensor/scratch.h"

namespace olivine::tensor {
namespace {

/// Rows of float of the three tensors in MatMulNBits' layout.
class DequantizedSource final : public Source {
 public:
  DequantizedSource(QuantizedWeight weight, std::uint64_t k)
      : weight_(std::move(weight)), k_(k), blocks_(static_cast<std::uint64_t>(weight_.codes.dims()[1])) {
    format_.bits = weight_.options.bits;
    format_.block = static_cast<std::size_t>(weight_.codes.dims()[2]) * 8 / static_cast<std::size_t>(format_.bits);
  }

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    if (count == 0) return;
    const std::uint64_t end = first + count;
    Row row(*this);
    for (std::uint64_t r = first / k_; r * k_ < end; ++r) {
      row.load(r);
      const std::uint64_t from = std::max(first, r * k_);
      const std::uint64_t to = std::min(end, (r + 1) * k_);
      std::memcpy(out + (from - first) * sizeof(float), row.values.data() + (from - r * k_),
                  (to - from) * sizeof(float));
    }
  }

  /// What the codes are made in, so that no row of them is made twice.
  std::uint64_t preferred_elements() const override {
    const std::uint64_t row_bytes = blocks_ * static_cast<std::uint64_t>(weight_.codes.dims()[2]);
    return weight_.codes.source()->preferred_elements() / std::max<std::uint64_t>(row_bytes, 1) * k_;
  }

 private:
  struct Row {
    explicit Row(const DequantizedSource& source)
        : source_(source),
          packed(bytes_of(8, source.blocks_ * source.format_.block)),
          codes(source.blocks_ * source.format_.block),
          scales(source.blocks_),
          zero_points(source.blocks_, static_cast<std::uint8_t>(source.format_.middle())),
          values(source.k_) {}

    void load(std::uint64_t row) {
      const std::uint64_t blocks = source_.blocks_;
      const int bits = source_.format_.bits;
      const QuantizedWeight& weight = source_.weight_;
      weight.codes.read(row * bytes_of(bits, codes.size()), bytes_of(bits, codes.size()), packed.data());
      kernels::unpack_codes(bits, packed.data(), 0, codes.data(), codes.size());
      weight.scales.read(row * blocks, blocks, packed.data());
      kernels::convert(weight.scales.dtype(), DataType::float32, packed.data(),
                       reinterpret_cast<std::byte*>(scales.data()), blocks);
      if (weight.zero_points) {
        weight.zero_points->read(row * bytes_of(bits, blocks), bytes_of(bits, blocks), packed.data());
        kernels::unpack_codes(bits, packed.data(), 0, zero_points.data(), blocks);
      }
      kernels::block_values(source_.format_, codes.data(), source_.k_, scales.data(), zero_points.data(),
                            values.data());
    }

    const DequantizedSource& source_;
    std::vector<std::byte> packed;
    std::vector<std::uint8_t> codes;
    std::vector<float> scales;
    std::vector<std::uint8_t> zero_points;
    std::vector<float> values;
  };

  QuantizedWeight weight_;
  std::uint64_t k_;
  std::uint64_t blocks_;
  kernels::BlockFormat format_;
};

struct Squares {
  double reference = 0;
  double difference = 0;
};

std::vector<double> doubles_of(const Tensor& tensor, std::uint64_t first, std::uint64_t count) {
  Scratch bytes(bytes_of(bit_width(tensor.dtype()), count));
  tensor.read(first, count, bytes.data());
  std::vector<double> values(count);
  kernels::convert(tensor.dtype(), DataType::float64, bytes.data(), reinterpret_cast<std::byte*>(values.data()), count);
  return values;
}

Squares squares_of(const Tensor& a, const Tensor& b, std::uint64_t first, std::uint64_t count) {
  const std::vector<double> left = doubles_of(a, first, count);
  const std::vector<double> right = doubles_of(b, first, count);
  Squares sums;
  for (std::size_t i = 0; i < left.size(); ++i) {
    sums.reference += left[i] * left[i];
    sums.difference += (left[i] - right[i]) * (left[i] - right[i]);
  }
  return sums;
}

}  // namespace

Tensor dequantize_matmul(const QuantizedWeight& weight, std::int64_t k) {
  const Dims& dims = weight.codes.dims();
  const std::int64_t codes = dims.size() == 3 ? dims[1] * dims[2] * 8 / weight.options.bits : -1;
  if (k < 0 || k > codes || weight.codes.dtype() != DataType::uint8) {
    refuse_arguments(fmt::format("dequantizing {} to rows of {}", describe(weight.codes.dtype(), dims), k));
  }
  return {DataType::float32,
          {dims[0], k},
          std::make_shared<const DequantizedSource>(weight, static_cast<std::uint64_t>(k))};
}

double relative_error(const Tensor& a, const Tensor& b) {
  if (a.dims() != b.dims() || !is_float(a.dtype()) || !is_float(b.dtype())) {
    refuse_arguments("comparing " + describe(a.dtype(), a.dims()) + " with " + describe(b.dtype(), b.dims()));
  }
  const std::uint64_t count = a.element_count();
  const std::uint64_t block = std::max(a.block(), b.block());
  std::vector<Squares> parts(count / block + (count % block != 0 ? 1 : 0));
  parallel_for(parts.size(), [&](std::size_t i) {
    throw_if_cancelled();
    parts[i] = squares_of(a, b, i * block, std::min(block, count - i * block));
  });
  Squares sums;
  for (const Squares& one : parts) {
    sums.reference += one.reference;
    sums.difference += one.difference;
  }
  if (sums.difference == 0) return 0;
  return sums.reference == 0 ? std::numeric_limits<double>::infinity() : std::sqrt(sums.difference / sums.reference);
}

}  // namespace olivine::tensor

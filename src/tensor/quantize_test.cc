#include "tensor/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <tuple>

#include "base/error.h"
#include "base/threads.h"
#include "kernels/block_quantize.h"
#include "kernels/packing.h"
#include "tensor/quantize_fixture.h"
#include "tensor/tensor_fixture.h"

namespace olivine::tensor {
namespace {

struct Golden {
  bool half;
  int bits;
  bool symmetric;
  std::int64_t block;
  std::size_t k;
  std::uint64_t codes, scales, zero_points;

  DataType dtype() const { return half ? DataType::float16 : DataType::float32; }
  QuantizeOptions options() const { return {bits, block, symmetric, dtype()}; }
};

#include "tensor/quantize_golden.inc"

std::ostream& operator<<(std::ostream& out, const Golden& golden) {
  return out << name_of(golden.dtype()) << ", " << golden.bits << " bits, blocks of " << golden.block << ", k "
             << golden.k << (golden.symmetric ? ", symmetric" : "");
}

void expect_hashes(const QuantizedWeight& weight, const Golden& golden) {
  EXPECT_EQ(fnv1a(evaluate(weight.codes)), golden.codes) << golden;
  EXPECT_EQ(fnv1a(evaluate(weight.scales)), golden.scales) << golden;
  EXPECT_EQ(weight.zero_points.has_value(), !golden.symmetric) << golden;
  if (!golden.symmetric) {
    EXPECT_EQ(fnv1a(evaluate(*weight.zero_points)), golden.zero_points) << golden;
  }
}

std::vector<float> normal_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(), [&] { return normal(random); });
  return values;
}

std::vector<float> floats_of(const Tensor& tensor) {
  const auto bytes = evaluate(cast(tensor, DataType::float32));
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::string message_of(const Tensor& tensor) {
  try {
    evaluate(tensor);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Quantize, MatMulNBitsHasTheBitsOfOnnxRuntime) {
  for (const Golden& golden : kMatmul) {
    const Tensor weight = matrix(weight_values(golden.k, golden.bits, golden.half), golden.k, golden.dtype());
    expect_hashes(quantize_matmul(weight, golden.options()), golden);
  }
}

TEST(Quantize, OnnxsOrientationGivesTheSame) {
  const Golden& golden = kMatmul[4];
  const Tensor weight = matrix(weight_values(golden.k, golden.bits, golden.half), golden.k, golden.dtype());
  const auto turned =
      transpose(from_bytes(golden.dtype(), transpose(weight, {}).dims(), evaluate(transpose(weight, {}))), {});
  expect_hashes(quantize_matmul(turned, golden.options()), golden);
}

TEST(Quantize, DequantizeLinearHasTheBitsOfOnnxRuntime) {
  for (const Golden& golden : kLinear) {
    auto values = weight_values(golden.k, golden.bits, golden.half);
    const auto row = [&](std::size_t r) { return values.begin() + static_cast<std::ptrdiff_t>(r * golden.k); };
    std::copy(row(0), row(1), row(14));
    if (!golden.half) std::copy(row(0), row(1), row(8));
    const Tensor weight = transpose(matrix(values, golden.k, golden.dtype()), {});
    const QuantizedWeight quantized = quantize_linear(weight, 0, golden.options());
    EXPECT_EQ(quantized.codes.dtype(), golden.symmetric ? DataType::int4 : DataType::uint4);
    expect_hashes(quantized, golden);
  }
}

TEST(Quantize, KQuantIsOnnxRuntimes) {
  for (const Golden& golden : kKQuant) {
    kernels::BlockFormat format{golden.bits, static_cast<std::size_t>(golden.block)};
    format.rounding = kernels::CodeRounding::by_exact_division;
    const auto values = weight_values(golden.k, golden.bits, false);
    const std::size_t blocks = format.blocks(golden.k);
    std::vector<std::byte> codes, scales, points;
    for (const std::size_t row : {0, 10, 11, 12, 13}) {
      std::vector<float> s(blocks);
      std::vector<std::uint8_t> z(blocks), c(golden.k);
      const float* const in = values.data() + row * golden.k;
      ASSERT_EQ(kernels::k_quant_parameters(format, in, golden.k, s.data(), z.data()), kernels::RowState::fine);
      kernels::block_codes(format, in, golden.k, s.data(), z.data(), c.data());
      for (const auto& [to, from] :
           {std::pair(&codes, std::as_bytes(std::span(c))), std::pair(&scales, std::as_bytes(std::span(s))),
            std::pair(&points, std::as_bytes(std::span(z)))}) {
        to->insert(to->end(), from.begin(), from.end());
      }
    }
    EXPECT_EQ(fnv1a(codes), golden.codes) << golden;
    EXPECT_EQ(fnv1a(scales), golden.scales) << golden;
    EXPECT_EQ(fnv1a(points), golden.zero_points) << golden;
  }
}

TEST(Quantize, KQuantIsSafeWhereItsSearchIsNot) {
  QuantizeOptions options;
  options.method = QuantizeMethod::k_quant;
  // Of one sign: no zero point expresses the fitted minimum.
  const auto values = weight_values(256, 4, false);
  for (const std::size_t row : {4, 5, 6, 7}) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(row * 256);
    const Tensor weight = matrix({at, at + 256}, 256, DataType::float32);
    EXPECT_LT(relative_error(weight, dequantize_matmul(quantize_matmul(weight, options), 256)), 0.05) << row;
  }
}

TEST(Quantize, LayoutsHoldTheSameCodes) {
  const Tensor weight = matrix(normal_values(6 * 96, 2), 96, DataType::float32);
  for (const bool symmetric : {false, true}) {
    for (const int bits : {4, 8}) {
      const QuantizeOptions options{bits, 32, symmetric};
      const auto matmul = quantize_matmul(weight, options);
      const auto experts = quantize_rows(reshape(weight, {2, 3, 96}), options);
      EXPECT_EQ(experts.codes.dims(), (Dims{2, 3, 96 * bits / 8}));
      EXPECT_EQ(experts.scales.dims(), (Dims{2, 3, 3}));
      EXPECT_EQ(evaluate(experts.codes), evaluate(matmul.codes));
      EXPECT_EQ(evaluate(experts.scales), evaluate(matmul.scales));
      if (symmetric) continue;
      EXPECT_EQ(experts.zero_points->dims(), (Dims{2, 3, bits == 4 ? 2 : 3}));
      EXPECT_EQ(evaluate(*experts.zero_points), evaluate(*matmul.zero_points));
    }
  }
}

TEST(Quantize, OneScaleARow) {
  const Tensor weight = matrix(normal_values(4 * 50, 3), 50, DataType::float32);
  const auto experts = quantize_rows(reshape(weight, {2, 2, 50}), {4, 0, true});
  EXPECT_EQ(experts.scales.dims(), (Dims{2, 2}));
  EXPECT_EQ(experts.codes.dims(), (Dims{2, 2, 25}));
  const auto scales = floats_of(experts.scales);
  const auto values = floats_of(weight);
  for (std::size_t row = 0; row < 4; ++row) {
    const auto largest = *std::max_element(values.begin() + static_cast<std::ptrdiff_t>(row * 50),
                                           values.begin() + static_cast<std::ptrdiff_t>(row * 50 + 50),
                                           [](float a, float b) { return std::abs(a) < std::abs(b); });
    EXPECT_EQ(scales[row], -largest / 8);
  }
}

TEST(Quantize, AnyRangeOfAnyPartIsAPieceOfTheWhole) {
  const std::size_t k = 70;
  const Tensor weight = matrix(normal_values(150 * k, 4), k, DataType::bfloat16);
  for (const int bits : {2, 4, 8}) {
    const QuantizeOptions options{bits, 16, false, DataType::float16};
    const auto matmul = quantize_matmul(weight, options);
    const auto linear = quantize_linear(weight, 1, options);
    for (const Tensor& part :
         {matmul.codes, matmul.scales, *matmul.zero_points, linear.codes, linear.scales, *linear.zero_points}) {
      const auto whole = evaluate(part);
      for (const auto& [first, count] :
           {std::pair<std::uint64_t, std::uint64_t>(0, 1), {3, 100}, {71, 1}, {100, 199}}) {
        std::vector<std::byte> piece(*packed_bytes(part.dtype(), count));
        part.read(first, count, piece.data());
        EXPECT_EQ(piece, elements(part.dtype(), whole, first, count)) << bits << " bits, from " << first;
      }
    }
  }
}

TEST(Quantize, LinearAlongAnyAxisIsWithinAStep) {
  const Tensor weight = matrix(normal_values(12 * 40, 5), 40, DataType::float32);
  for (const std::int64_t axis : {0, 1}) {
    for (const bool symmetric : {false, true}) {
      const auto quantized = quantize_linear(weight, axis, {4, 16, symmetric});
      const auto codes = floats_of(quantized.codes);
      const auto scales = floats_of(quantized.scales);
      const auto points = symmetric ? std::vector<float>(scales.size()) : floats_of(*quantized.zero_points);
      const auto values = floats_of(weight);
      for (std::size_t row = 0; row < 12; ++row) {
        for (std::size_t column = 0; column < 40; ++column) {
          const std::size_t b = axis == 0 ? row / 16 * 40 + column : row * 3 + column / 16;
          const float made = (codes[row * 40 + column] - points[b]) * scales[b];
          const float step = std::abs(scales[b]) * 1.001f;  // the end of the range that isn't a code is clamped
          EXPECT_LE(std::abs(made - values[row * 40 + column]), step);
        }
      }
    }
  }
}

TEST(Quantize, MoreBitsAndSmallerBlocksErrLess) {
  const Tensor weight = matrix(normal_values(32 * 512, 6), 512, DataType::float32);
  const auto error = [&](int bits, std::int64_t block) {
    return relative_error(weight, dequantize_matmul(quantize_matmul(weight, {bits, block}), 512));
  };
  EXPECT_LT(error(4, 16), error(4, 32));
  EXPECT_LT(error(4, 32), error(4, 256));
  EXPECT_LT(error(4, 32), error(2, 32));
  EXPECT_LT(error(8, 32), 0.007);
  EXPECT_EQ(relative_error(weight, weight), 0);
}

TEST(Quantize, RefusesWhatHasNoCodes) {
  auto values = normal_values(4 * 64, 7);
  values[2 * 64 + 33] = std::numeric_limits<float>::infinity();
  const auto part = quantize_matmul(matrix(values, 64, DataType::float32), {});
  EXPECT_NE(message_of(part.codes).find("element [2,33] is inf"), std::string::npos) << message_of(part.codes);
  EXPECT_NE(message_of(part.scales).find("element [2,33] is inf"), std::string::npos);
  values[2 * 64 + 33] = std::nanf("");
  EXPECT_NE(message_of(*quantize_matmul(matrix(values, 64, DataType::bfloat16), {}).zero_points).find("[2,33] is nan"),
            std::string::npos);
  values[2 * 64 + 33] = 3e38f;
  values[2 * 64 + 34] = -3e38f;
  EXPECT_NE(
      message_of(quantize_matmul(matrix(values, 64, DataType::float32), {}).codes).find("block from element [2,32]"),
      std::string::npos);
  const QuantizeOptions half{4, 32, true, DataType::float16};
  EXPECT_NE(message_of(quantize_matmul(matrix(values, 64, DataType::float32), half).codes).find("a float16 scale"),
            std::string::npos);
}

TEST(Quantize, RefusesWrongArguments) {
  const Tensor weight = matrix(normal_values(64, 8), 32, DataType::float32);
  EXPECT_THROW(quantize_matmul(weight, {3}), Error);
  EXPECT_THROW(quantize_matmul(weight, {4, -1}), Error);
  EXPECT_THROW(quantize_matmul(weight, {4, 15}), Error);
  EXPECT_THROW(quantize_matmul(reshape(weight, {64}), {}), Error);
  EXPECT_THROW(quantize_matmul(cast(weight, DataType::int32), {}), Error);
  EXPECT_THROW(quantize_matmul(weight, {4, 32, true, DataType::float32, QuantizeMethod::k_quant}), Error);
  EXPECT_THROW(quantize_linear(weight, 2, {}), Error);
  EXPECT_THROW(quantize_rows(matrix(normal_values(6, 9), 3, DataType::float32), {4, 0}), Error);
}

TEST(Quantize, EmptyAndOtherFloatWeights) {
  EXPECT_EQ(evaluate(quantize_matmul(from_bytes(DataType::float32, {0, 32}, {}), {}).codes).size(), 0u);
  EXPECT_EQ(evaluate(quantize_matmul(from_bytes(DataType::float32, {4, 0}, {}), {}).codes).size(), 0u);
  const Tensor weight = matrix(normal_values(4 * 64, 10), 64, DataType::float32);
  EXPECT_EQ(evaluate(quantize_matmul(cast(weight, DataType::float64), {}).codes),
            evaluate(quantize_matmul(weight, {}).codes));
}

/// Counts how often the elements of a tensor are read.
class CountingSource final : public Source {
 public:
  explicit CountingSource(Tensor input) : input_(std::move(input)) {}
  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    elements += count;
    input_.read(first, count, out);
  }
  mutable std::atomic<std::uint64_t> elements = 0;

 private:
  Tensor input_;
};

TEST(Quantize, TheWeightIsReadOnceForItsThreeTensors) {
  const Tensor weight = matrix(normal_values(300 * 128, 11), 128, DataType::float32);
  const auto counter = std::make_shared<const CountingSource>(weight);
  const auto quantized = quantize_matmul({weight.dtype(), weight.dims(), counter}, {});
  evaluate(quantized.codes);
  evaluate(quantized.scales);
  evaluate(*quantized.zero_points);
  EXPECT_EQ(counter->elements, weight.element_count());
  // What was handed out isn't kept.
  evaluate(quantized.scales);
  EXPECT_EQ(counter->elements, 2 * weight.element_count());
}

}  // namespace
}  // namespace olivine::tensor

#include "tensor/gptq.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/error.h"
#include "base/threads.h"
#include "tensor/quantize_fixture.h"
#include "tensor/upper_factor.h"

namespace olivine::tensor {
namespace {

using Matrix = std::vector<double>;

std::vector<float> normal_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

/// XXᵀ/n of inputs that are mixtures of few sources, of different sizes.
Matrix correlation(std::size_t k, std::size_t samples, unsigned seed) {
  const std::size_t sources = k / 4 + 1;
  const auto mixture = normal_values(k * sources, seed);
  const auto drawn = normal_values(samples * sources, seed + 1);
  const auto noise = normal_values(samples * k, seed + 2);
  Matrix h(k * k);
  std::vector<double> x(k);
  for (std::size_t s = 0; s < samples; ++s) {
    for (std::size_t i = 0; i < k; ++i) {
      x[i] = 0.1 * static_cast<double>(noise[s * k + i]);
      for (std::size_t j = 0; j < sources; ++j)
        x[i] += static_cast<double>(mixture[i * sources + j]) * drawn[s * sources + j];
      x[i] *= 1 + static_cast<double>(i % 7);
    }
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = 0; j < k; ++j) h[i * k + j] += x[i] * x[j] / static_cast<double>(samples);
    }
  }
  return h;
}

Tensor square(const Matrix& h, std::size_t k) {
  return from_values<double>(DataType::float64, {static_cast<std::int64_t>(k), static_cast<std::int64_t>(k)}, h);
}

std::vector<float> values_of(const QuantizedWeight& weight, std::size_t k) {
  const auto bytes = evaluate(dequantize_matmul(weight, static_cast<std::int64_t>(k)));
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

/// ‖(W - Ŵ)X‖² / n.
double output_error(const std::vector<float>& weight, const std::vector<float>& made, const Matrix& h, std::size_t k) {
  double sum = 0;
  for (std::size_t row = 0; row < weight.size() / k; ++row) {
    std::vector<double> e(k);
    for (std::size_t i = 0; i < k; ++i) e[i] = static_cast<double>(weight[row * k + i]) - made[row * k + i];
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = 0; j < k; ++j) sum += e[i] * h[i * k + j] * e[j];
    }
  }
  return sum;
}

bool same(const QuantizedWeight& a, const QuantizedWeight& b) {
  return equal(a.codes, b.codes) && equal(a.scales, b.scales) &&
         a.zero_points.has_value() == b.zero_points.has_value() &&
         (!a.zero_points || equal(*a.zero_points, *b.zero_points));
}

/// The method as its paper has it, in double: the upper Cholesky factor of the damped inverse, a column at a time.
std::vector<float> textbook(std::vector<double> w, Matrix h, std::size_t k, std::size_t block, double damping) {
  double mean = 0;
  for (std::size_t i = 0; i < k; ++i) mean += h[i * k + i] / static_cast<double>(k);
  for (std::size_t i = 0; i < k; ++i) h[i * k + i] += damping * mean;
  Matrix inverse(k * k);  // Gauss and Jordan
  for (std::size_t i = 0; i < k; ++i) inverse[i * k + i] = 1;
  for (std::size_t p = 0; p < k; ++p) {
    const double pivot = h[p * k + p];
    for (std::size_t j = 0; j < k; ++j) h[p * k + j] /= pivot, inverse[p * k + j] /= pivot;
    for (std::size_t i = 0; i < k; ++i) {
      const double factor = h[i * k + p];
      for (std::size_t j = 0; i != p && j < k; ++j) {
        h[i * k + j] -= factor * h[p * k + j];
        inverse[i * k + j] -= factor * inverse[p * k + j];
      }
    }
  }
  Matrix u(k * k);  // inverse = Uᵀ U
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = i; j < k; ++j) {
      double sum = inverse[i * k + j];
      for (std::size_t d = 0; d < i; ++d) sum -= u[d * k + i] * u[d * k + j];
      u[i * k + j] = i == j ? std::sqrt(sum) : sum / u[i * k + i];
    }
  }
  std::vector<float> made(w.size());
  for (std::size_t row = 0; row < w.size() / k; ++row) {
    double* const x = w.data() + row * k;
    float scale = 0;
    float point = 0;
    for (std::size_t j = 0; j < k; ++j) {
      if (j % block == 0) {
        float low = 0;
        float high = 0;
        for (std::size_t i = j; i < std::min(k, j + block); ++i) {
          low = std::min(low, static_cast<float>(x[i]));
          high = std::max(high, static_cast<float>(x[i]));
        }
        scale = (high - low) / 15;
        point = std::round(-low / scale);
      }
      const double code = std::clamp(std::floor(x[j] / scale + point + 0.5), 0.0, 15.0);
      made[row * k + j] = (static_cast<float>(code) - point) * scale;
      const double error = (x[j] - static_cast<double>(made[row * k + j])) / u[j * k + j];
      for (std::size_t i = j; i < k; ++i) x[i] -= error * u[j * k + i];
    }
  }
  return made;
}

TEST(UpperFactor, TimesItsTransposeIsTheMatrix) {
  for (const std::size_t k : {1, 63, 64, 65, 200}) {
    const Matrix h = correlation(k, 2 * k, 3);
    SquareMatrix factor(k);
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = i; j < k; ++j) factor.row(i)[j] = static_cast<float>(h[i * k + j] + (i == j ? 0.5 : 0));
    }
    ASSERT_TRUE(factor_upper(factor));
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = i; j < k; ++j) {
        double sum = 0;
        for (std::size_t d = j; d < k; ++d) sum += static_cast<double>(factor.row(i)[d]) * factor.row(j)[d];
        const double size = std::sqrt((h[i * k + i] + 0.5) * (h[j * k + j] + 0.5));
        EXPECT_NEAR(sum, h[i * k + j] + (i == j ? 0.5 : 0), 2e-5 * size);
      }
    }
  }
  SquareMatrix indefinite(2);
  indefinite.row(0)[0] = indefinite.row(1)[1] = 1;
  indefinite.row(0)[1] = 2;
  EXPECT_FALSE(factor_upper(indefinite));
}

TEST(Gptq, UncorrelatedInputsGiveRoundToNearest) {
  const std::size_t k = 150;
  Matrix identity(k * k);
  for (std::size_t i = 0; i < k; ++i) identity[i * k + i] = 1;
  const Tensor weight = matrix(normal_values(50 * k, 1), k, DataType::float16);
  for (const QuantizeOptions& options :
       {QuantizeOptions{4, 32}, {8, 16}, {2, 64, true}, {4, 32, true, DataType::float16}, {4, 0}}) {
    for (const bool act_order : {false, true}) {
      const auto made = gptq_matmul(weight, square(identity, k), options, {.act_order = act_order});
      const auto nearest = quantize_matmul(weight, options);
      EXPECT_TRUE(equal(made.scales, nearest.scales));
      EXPECT_EQ(values_of(made, k), values_of(nearest, k)) << options.bits << " bits, blocks of " << options.block;
    }
  }
}

TEST(Gptq, ErrsLessOnCorrelatedInputs) {
  const std::size_t k = 192;
  const Matrix h = correlation(k, 600, 5);
  const auto values = normal_values(70 * k, 6);
  const Tensor weight = matrix(values, k, DataType::float32);
  for (const int bits : {2, 4, 8}) {
    for (const bool symmetric : {false, true}) {
      const QuantizeOptions options{bits, 32, symmetric};
      const double nearest = output_error(values, values_of(quantize_matmul(weight, options), k), h, k);
      for (const bool act_order : {false, true}) {
        const auto made = gptq_matmul(weight, square(h, k), options, {.act_order = act_order});
        EXPECT_LT(output_error(values, values_of(made, k), h, k), 0.5 * nearest) << bits << symmetric << act_order;
      }
    }
  }
}

TEST(Gptq, IsTheTextbooksMethod) {
  const std::size_t k = 96;
  const Matrix h = correlation(k, 300, 7);
  const auto values = normal_values(40 * k, 8);
  const auto expected = textbook({values.begin(), values.end()}, h, k, 32, 0.01);
  const auto made = values_of(gptq_matmul(matrix(values, k, DataType::float32), square(h, k), {4, 32}), k);
  // A value next to the middle of two steps may fall on the other side, and those after it in the row follow.
  std::size_t rows_alike = 0;
  for (std::size_t row = 0; row < 40; ++row) {
    bool alike = true;
    for (std::size_t i = row * k; i < (row + 1) * k; ++i) alike = alike && std::abs(made[i] - expected[i]) < 1e-3;
    rows_alike += alike ? 1 : 0;
  }
  EXPECT_GE(rows_alike, 36u);
  const double error = output_error(values, made, h, k);
  EXPECT_NEAR(error, output_error(values, expected, h, k), 0.02 * error);
}

TEST(Gptq, TheNumberOfThreadsChangesNothing) {
  const std::size_t k = 200;
  const Tensor h = square(correlation(k, 400, 9), k);
  const Tensor weight = matrix(normal_values(100 * k, 10), k, DataType::bfloat16);
  set_thread_count(1);
  const auto alone = gptq_matmul(weight, h, {4, 32});
  set_thread_count(4);
  const auto together = gptq_matmul(weight, h, {4, 32});
  set_thread_count(0);
  EXPECT_TRUE(same(alone, together));
}

TEST(Gptq, InputsThatSayNothing) {
  const std::size_t k = 64;
  const Tensor weight = matrix(normal_values(4 * k, 11), k, DataType::float32);
  EXPECT_TRUE(same(gptq_matmul(weight, square(Matrix(k * k), k), {4, 32}), quantize_matmul(weight, {4, 32})));
}

TEST(Gptq, RefusesWhatCannotBe) {
  const std::size_t k = 64;
  auto values = normal_values(4 * k, 12);
  const Tensor weight = matrix(values, k, DataType::float32);
  Matrix h(k * k);
  for (std::size_t i = 0; i < k; ++i) h[i * k + i] = 1;
  h[1] = h[k] = 1000;
  EXPECT_THROW(gptq_matmul(weight, square(h, k), {4, 32}), Error);
  h[1] = h[k] = std::nan("");
  EXPECT_THROW(gptq_matmul(weight, square(h, k), {4, 32}), Error);
  h[1] = h[k] = 0;
  EXPECT_THROW(gptq_matmul(weight, square(Matrix(16), 4), {4, 32}), Error);
  values[5] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(gptq_matmul(matrix(values, k, DataType::float32), square(h, k), {4, 32}), Error);
}

}  // namespace
}  // namespace olivine::tensor

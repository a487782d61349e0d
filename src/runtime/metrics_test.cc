#include "runtime/metrics.h"

#include <cmath>
#include <limits>

#include "runtime/test_support.h"

namespace olivine::runtime {
namespace {

using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Limits fixed(double absolute, double relative) {
  Limits limits;
  limits.absolute = absolute;
  limits.relative = relative;
  return limits;
}

tensor::Tensor row(std::vector<float> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return floats({size}, std::move(values));
}

OutputComparison compared(std::vector<float> a, std::vector<float> b, const Limits& limits = fixed(0.1, 0)) {
  return compare_values(row(std::move(a)), row(std::move(b)), limits);
}

TEST(Metrics, MeasureErrors) {
  const OutputComparison result = compared({1, 2, 4}, {1, 2.5F, 3});
  EXPECT_EQ(result.max_absolute_error, 1);
  EXPECT_DOUBLE_EQ(result.mean_absolute_error, 0.5);
  EXPECT_DOUBLE_EQ(result.max_relative_error, 0.25);
  EXPECT_NEAR(result.cosine, 18 / std::sqrt(21 * 16.25), 1e-12);
  EXPECT_EQ(result.mismatches, 2U);
  EXPECT_EQ(result.elements, 3U);
  EXPECT_EQ(result.shape, "[3]");
  EXPECT_FALSE(result.passed);
}

TEST(Metrics, AllowWhatTheToleranceAllows) {
  EXPECT_TRUE(compared({100}, {100.9F}, fixed(0, 0.01)).passed);
  EXPECT_FALSE(compared({100}, {101.1F}, fixed(0, 0.01)).passed);
  EXPECT_TRUE(compared({100}, {101.4F}, fixed(0.5, 0.01)).passed);
  EXPECT_EQ(compared({1, 1}, {1.5F, 3}, fixed(0.1, 0)).far_mismatches, 1U);
}

TEST(Metrics, ScaleADefaultToleranceWithTheValues) {
  Limits limits = fixed(0.01, 0);
  limits.scaled = true;
  EXPECT_TRUE(compared({100, 100, 100, 0}, {100, 100, 100, 0.8F}, limits).passed);
  EXPECT_FALSE(compared({1, 1, 1, 0}, {1, 1, 1, 0.02F}, limits).passed);
  // Probabilities of many classes: what is right for a one is wrong for a thousandth.
  EXPECT_FALSE(compared({0.001F, 0.002F}, {0.002F, 0.001F}, limits).passed);
  EXPECT_DOUBLE_EQ(compared({0, 0}, {0, 0}, limits).absolute_tolerance, 0.0001);
}

TEST(Metrics, TakeNaNAndInfinityForEqualToThemselves) {
  EXPECT_TRUE(compared({kNaN, kInfinity, -kInfinity, 1}, {kNaN, kInfinity, -kInfinity, 1}).passed);
  for (const float other : {1.0F, kInfinity}) {
    const OutputComparison result = compared({kNaN, 1}, {other, 1});
    EXPECT_EQ(result.mismatches, 1U);
    EXPECT_TRUE(std::isinf(result.max_absolute_error));
    EXPECT_EQ(result.cosine, 1);
  }
  EXPECT_FALSE(compared({kInfinity}, {-kInfinity}, fixed(kInfinity, 0)).passed);
}

TEST(Metrics, HaveACosineForZeros) {
  EXPECT_EQ(compared({0, 0}, {0, 0}).cosine, 1);
  EXPECT_EQ(compared({0, 0}, {0, 0.05F}).cosine, 0);
  EXPECT_EQ(compared({}, {}).cosine, 1);
}

TEST(Metrics, CompareTypesOfDifferentWidth) {
  const tensor::Tensor wide = floats({3}, {1, 2.0005F, 3});
  const OutputComparison result = compare_values(wide, tensor::cast(wide, DataType::float16), fixed(0.01, 0));
  EXPECT_TRUE(result.passed);
  EXPECT_EQ(result.dtype_a, "float");
  EXPECT_EQ(result.dtype_b, "float16");
  EXPECT_NEAR(result.max_absolute_error, 0.0005, 1e-5);
}

TEST(Metrics, CompareIntegersBoolsAndStringsExactly) {
  const auto integers = [](std::vector<std::int64_t> values) { return tensor::from_int64s(values); };
  EXPECT_EQ(compare_values(integers({1, 2}), integers({1, 3}), fixed(10, 10)).mismatches, 1U);
  // Equal as float64, but not equal.
  EXPECT_EQ(compare_values(integers({9007199254740993, 5}), integers({9007199254740992, 5}), fixed(0, 0)).mismatches,
            1U);
  const auto words = [](std::vector<std::string> values) { return tensor::Tensor({2}, std::move(values)); };
  EXPECT_TRUE(compare_values(words({"a", "b"}), words({"a", "b"}), fixed(0, 0)).passed);
  EXPECT_EQ(compare_values(words({"a", "b"}), words({"a", "c"}), fixed(0, 0)).mismatches, 1U);
}

TEST(Metrics, CompareBothPartsOfComplexNumbers) {
  const auto complex = [](std::vector<float> parts) {
    return tensor::from_values<float>(DataType::complex64, {1}, parts);
  };
  EXPECT_EQ(compare_values(complex({1, 2}), complex({1, 3}), fixed(0.1, 0)).max_absolute_error, 1);
}

TEST(Metrics, SayWhyValuesCannotBeCompared) {
  EXPECT_THAT(compared({1, 2}, {1}).problem, HasSubstr("shapes differ: [2] and [1]"));
  EXPECT_FALSE(compared({1, 2}, {1}).passed);
  EXPECT_THAT(compare_values(floats({1}, {1}), tensor::Tensor({1}, {"a"}), {}).problem, HasSubstr("types differ"));
  const tensor::Sequence two{{floats({1}, {1}), floats({1}, {2})}};
  const tensor::Sequence one{{floats({1}, {1})}};
  EXPECT_THAT(compare_values(two, one, {}).problem, HasSubstr("sequences of 2 and 1"));
  EXPECT_THAT(compare_values(two, tensor::AnyValue(), {}).problem, HasSubstr("one is seq(float), the other none"));
  EXPECT_TRUE(compare_values(tensor::AnyValue(), tensor::AnyValue(), {}).passed);
}

TEST(Metrics, CompareSequencesAndMapsElementByElement) {
  const tensor::Sequence a{{floats({1}, {1}), floats({2}, {2, 3})}};
  const tensor::Sequence b{{floats({1}, {1}), floats({2}, {2, 4})}};
  const OutputComparison result = compare_values(a, b, fixed(0.1, 0));
  EXPECT_EQ(result.mismatches, 1U);
  EXPECT_EQ(result.elements, 3U);
  EXPECT_EQ(result.shape, "{[1] [2]}");
  const tensor::Map map{tensor::from_int64s(std::vector<std::int64_t>{1, 2}), floats({2}, {1, 2})};
  EXPECT_EQ(compare_values(map, map, {}).elements, 4U);
}

TEST(Metrics, CrossBlocks) {
  std::vector<float> a(100001, 1);
  std::vector<float> b = a;
  b[40000] = 2;
  b[100000] = 4;
  const OutputComparison result = compared(a, b);
  EXPECT_EQ(result.mismatches, 2U);
  EXPECT_EQ(result.max_absolute_error, 3);
}

TEST(Metrics, MergeRuns) {
  OutputComparison total;
  total.name = "y";
  merge(total, compared({1}, {1}));
  merge(total, compared({1, 1, 1}, {1, 1, 5}));
  EXPECT_EQ(total.name, "y");
  EXPECT_EQ(total.elements, 4U);
  EXPECT_EQ(total.mismatches, 1U);
  EXPECT_EQ(total.max_absolute_error, 4);
  EXPECT_DOUBLE_EQ(total.mean_absolute_error, 1);
  EXPECT_EQ(total.shape, "[3]");
  EXPECT_LT(total.cosine, 1);
  EXPECT_FALSE(total.passed);
}

}  // namespace
}  // namespace olivine::runtime

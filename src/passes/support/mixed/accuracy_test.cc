#include "passes/support/mixed/accuracy.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "runtime/test_support.h"

namespace olivine::passes::mixed {
namespace {

using runtime::floats;
using testing::HasSubstr;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// A model with outputs y and z, and what it would be in float16.
class JudgeTest : public testing::Test {
 protected:
  Judge judge(const AccuracyOptions& options) const { return {model_, narrowed_, options}; }

  /// Both outputs; z is right.
  Accuracy accuracy(const AccuracyOptions& options, const std::vector<float>& truth, const std::vector<float>& attempt,
                    tensor::Dims dims = {}) const {
    if (dims.empty()) dims = {static_cast<std::int64_t>(truth.size())};
    const tensor::Tensor right = floats({1}, {1});
    Accuracy result;
    judge(options).add({floats(dims, truth), right}, {floats(dims, attempt), right}, result);
    return result;
  }

  const ir::Model model_ = runtime::model_of("g (float[N] x) => (float[N] y, float[N] z) { y = Neg(x) z = Exp(x) }");
  const ir::Model narrowed_ =
      runtime::model_of("g (float16[N] x) => (float16[N] y, float16[N] z) { y = Neg(x) z = Exp(x) }");
};

TEST_F(JudgeTest, TheDefaultSuitsFloat16) {
  EXPECT_TRUE(accuracy({}, {1, 2}, {1.015F, 2}).met);
  EXPECT_FALSE(accuracy({}, {1, 2}, {1.1F, 2}).met);
  // Scaled to the output's size.
  EXPECT_TRUE(accuracy({}, {0.001F, 900}, {1, 900}).met);
  // One in a thousand is free, unless it is far off.
  std::vector<float> truth(2000, 1);
  std::vector<float> attempt = truth;
  attempt[7] = attempt[8] = 1.1F;
  EXPECT_TRUE(accuracy({}, truth, attempt).met);
  attempt[9] = 1.1F;
  EXPECT_FALSE(accuracy({}, truth, attempt).met);
  attempt = truth;
  attempt[7] = 1.5F;
  EXPECT_FALSE(accuracy({}, truth, attempt).met);
}

TEST_F(JudgeTest, AGivenToleranceIsTheWholeTarget) {
  AccuracyOptions options;
  options.atol = 0.1;
  EXPECT_TRUE(accuracy(options, {1000, 1}, {1000, 1.09F}).met);
  EXPECT_FALSE(accuracy(options, {1000, 1}, {1000.2F, 1}).met);  // 1e-2 relative would let it pass
  std::vector<float> truth(2000, 1);
  std::vector<float> attempt = truth;
  attempt[7] = 1.2F;
  EXPECT_FALSE(accuracy(options, truth, attempt).met);
  options.mismatch_fraction = 0.001;
  EXPECT_TRUE(accuracy(options, truth, attempt).met);
  options = {};
  options.atol = 0;
  options.rtol = 0.01;
  EXPECT_TRUE(accuracy(options, {1000, 1}, {1009, 1}).met);
  EXPECT_FALSE(accuracy(options, {1000, 1}, {1000, 1.02F}).met);
}

TEST_F(JudgeTest, CosineAndTop1StandInPlaceOfATolerance) {
  AccuracyOptions options;
  options.cosine = 0.99;
  EXPECT_TRUE(accuracy(options, {1, 2}, {10, 20}).met);
  const Accuracy turned = accuracy(options, {1, 0}, {1, 1});
  EXPECT_FALSE(turned.met);
  EXPECT_THAT(turned.outputs[0].miss, HasSubstr("the cosine is 0.707107, 0.99 is asked"));
  EXPECT_NEAR(turned.excess, std::sqrt((1 - std::sqrt(0.5)) / 0.01), 0.01);

  options = {};
  options.top1 = 0.6;
  const std::vector<float> truth = {1, 2, 5, 4, 0, 9};  // rows of two: 1, 0, 1
  EXPECT_TRUE(accuracy(options, truth, {7, 8, 4, 5, 0, 1}, {3, 2}).met);
  options.top1 = 0.7;
  const Accuracy missed = accuracy(options, truth, {7, 8, 4, 5, 0, 1}, {3, 2});
  EXPECT_FALSE(missed.met);
  EXPECT_NEAR(missed.outputs[0].top1.value(), 2.0 / 3, 1e-9);
  EXPECT_THAT(missed.outputs[0].miss, HasSubstr("top-1 agrees on 66.67 % of the rows, 70.00 % are asked"));
  // A row with NaN has no largest element.
  EXPECT_FALSE(accuracy(options, {1, 2}, {kNaN, 2}, {1, 2}).met);
}

TEST_F(JudgeTest, LostNumbersMissEveryTarget) {
  AccuracyOptions cosine;
  cosine.cosine = -1;
  AccuracyOptions top1;
  top1.top1 = 0;
  AccuracyOptions free;
  free.atol = 1e30;
  free.mismatch_fraction = 1;
  for (const AccuracyOptions& options : {cosine, top1, free}) {
    for (const float lost : {kNaN, std::numeric_limits<float>::infinity()}) {
      const Accuracy result = accuracy(options, {1, 2}, {1, lost});
      EXPECT_FALSE(result.met);
      EXPECT_TRUE(std::isinf(result.excess));
      EXPECT_THAT(result.outputs[0].miss, HasSubstr("NaN or infinities where the original has numbers"));
    }
  }
  EXPECT_TRUE(accuracy({}, {1, kNaN}, {1, kNaN}).met);
}

TEST_F(JudgeTest, OutputsHaveTargetsOfTheirOwn) {
  AccuracyOptions options;
  options.atol = 0.1;
  options.outputs["z"] = {{"cosine", 0.9}};
  const auto met = [&](std::vector<float> y, std::vector<float> z) {
    Accuracy result;
    judge(options).add({floats({2}, {1, 2}), floats({2}, {1, 2})},
                       {floats({2}, std::move(y)), floats({2}, std::move(z))}, result);
    return result.met;
  };
  EXPECT_TRUE(met({1, 2}, {10, 20}));   // the common atol doesn't hold for z
  EXPECT_FALSE(met({10, 20}, {1, 2}));  // nor z's cosine for y
  EXPECT_FALSE(met({1, 2}, {-1, -2}));
}

TEST_F(JudgeTest, UnknownOutputsAndTargetsAreErrors) {
  AccuracyOptions options;
  options.outputs["zz"] = {{"atol", 1}};
  EXPECT_THAT(runtime::error_of([&] { judge(options); }),
              testing::AllOf(HasSubstr("/outputs/zz: the model has no such output"), HasSubstr("it has y, z")));
  options.outputs = {{"z", {{"atoll", 1}}}};
  EXPECT_THAT(runtime::error_of([&] { judge(options); }), HasSubstr("/outputs/z: 'atoll' is no target"));
}

TEST_F(JudgeTest, TheExcessFollowsTheError) {
  AccuracyOptions options;
  options.atol = 0.1;
  EXPECT_NEAR(accuracy(options, {1, 2}, {1.05F, 2}).excess, 0.5, 1e-3);
  EXPECT_NEAR(accuracy(options, {1, 2}, {1, 2.4F}).excess, 4, 1e-3);
  // With the default: normally distributed errors whose spread is twice what leaves one in a thousand beyond.
  std::vector<float> truth(100000, 1);
  std::vector<float> attempt = truth;
  const double beyond = std::erfc(3.2905 / 2 / std::sqrt(2));
  for (std::size_t i = 0; i < static_cast<std::size_t>(beyond * 100000); ++i) attempt[i] = 1.03F;
  EXPECT_NEAR(accuracy({}, truth, attempt).excess, 2, 0.01);
}

TEST_F(JudgeTest, AnExcessThatCannotBeToldIsInfinite) {
  AccuracyOptions options;
  options.atol = 0;
  EXPECT_TRUE(std::isinf(accuracy(options, {1, 2}, {1, 2.5F}).excess));
  EXPECT_EQ(accuracy(options, {1, 2}, {1, 2}).excess, 0);
}

TEST_F(JudgeTest, AnEmptyOutputIsRight) {
  const Accuracy result = accuracy({}, {}, {}, {0});
  EXPECT_TRUE(result.met);
  EXPECT_LT(result.excess, 1);
  AccuracyOptions options;
  options.top1 = 1;
  EXPECT_TRUE(accuracy(options, {}, {}, {2, 0}).met);
}

TEST_F(JudgeTest, AnotherShapeIsAMiss) {
  Accuracy result;
  const tensor::Tensor right = floats({1}, {1});
  judge({}).add({floats({2}, {1, 2}), right}, {floats({1}, {1}), right}, result);
  EXPECT_FALSE(result.met);
  EXPECT_FALSE(result.outputs[0].miss.empty());
}

TEST_F(JudgeTest, SetsAreJudgedTogetherAndTheWorstStays) {
  AccuracyOptions options;
  options.atol = 0.1;
  const Judge both = judge(options);
  const tensor::Tensor right = floats({1}, {1});
  Accuracy result;
  both.add({floats({1}, {1}), right}, {floats({1}, {1.5F}), right}, result);
  both.add({floats({1}, {1}), right}, {floats({1}, {1}), right}, result);
  EXPECT_FALSE(result.met);
  EXPECT_NEAR(result.excess, 5, 1e-3);
  EXPECT_EQ(result.outputs[0].compared.elements, 2U);
  EXPECT_FALSE(result.outputs[0].miss.empty());
  EXPECT_TRUE(result.outputs[1].miss.empty());
  const config::Json json = result.to_json();
  EXPECT_EQ(json["y"]["max_absolute_error"], 0.5);
  EXPECT_TRUE(json["y"].contains("misses"));
  EXPECT_FALSE(json["z"].contains("misses"));
}

TEST(AccuracyOptionsCodec, NamesWhatIsWrong) {
  AccuracyOptions options;
  const auto read = [&](std::string_view json) {
    return config::Codec<AccuracyOptions>::read(config::Json::parse(json), options).value_or("");
  };
  EXPECT_EQ(read(R"({"cosine": 0.5, "outputs": {"y": {"atol": 2}}, "dims": {"N": 7}})"), "");
  EXPECT_EQ(options.cosine, 0.5);
  EXPECT_EQ(options.outputs.at("y").at("atol"), 2);
  EXPECT_EQ(options.dims.at("N"), 7);
  EXPECT_THAT(read(R"({"cosin": 0.5})"), testing::AllOf(HasSubstr("/cosin"), HasSubstr("cosine")));
  EXPECT_THAT(read(R"({"top1": 2})"), HasSubstr("/top1"));
  EXPECT_THAT(read("[]"), HasSubstr("an object"));
}

}  // namespace
}  // namespace olivine::passes::mixed

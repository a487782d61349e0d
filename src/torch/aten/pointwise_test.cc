#include <cmath>
#include <limits>

#include "torch/torch_fixture.h"

namespace olivine::torch {
namespace {

using runtime::floats;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::NanSensitiveDoubleEq;
using ::testing::Pointwise;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

class PointwiseTest : public TorchFixture {
 protected:
  static tensor::Tensor doubles(const std::vector<double>& values) {
    return tensor::from_values<double>(DataType::float64, {static_cast<std::int64_t>(values.size())}, values);
  }
  static tensor::Tensor integers_of(DataType dtype, const std::vector<std::int64_t>& values) {
    return tensor::cast(tensor::from_int64s(values), dtype);
  }

  /// target(self, …) of one row.
  std::vector<double> of(const std::string& target, const tensor::Tensor& x, DataType result,
                         std::vector<NamedArgument> others = {}) {
    const ir::Shape sizes = {x.dims()[0]};
    input({"x", sizes, x.dtype()});
    others.insert(others.begin(), {"self", tensor("x")});
    call(target, std::move(others), {"y", sizes, result});
    output("y");
    return run({{"x", x}});
  }

  /// target(self, other) of two rows.
  std::vector<double> of(const std::string& target, const tensor::Tensor& a, const tensor::Tensor& b, DataType result) {
    const ir::Shape sizes = {a.dims()[0]};
    input({"a", sizes, a.dtype()});
    input({"b", sizes, b.dtype()});
    call(target, {{"self", tensor("a")}, {"other", tensor("b")}}, {"y", sizes, result});
    output("y");
    return run({{"a", a}, {"b", b}});
  }
};

// ---- Division and powers

TEST_F(PointwiseTest, IntegersDivideTowardsMinusInfinity) {
  const auto a = integers_of(DataType::int64, {7, -7, 7, -7, std::numeric_limits<std::int64_t>::min() + 1});
  const auto b = integers_of(DataType::int64, {2, 2, -2, -2, 3});
  EXPECT_THAT(of("aten.floor_divide.default", a, b, DataType::int64),
              ElementsAre(3, -4, -4, 3, -3074457345618258603.0));
}

TEST_F(PointwiseTest, NarrowIntegersDoNotOverflowOnTheWayToTheirQuotient) {
  const auto a = integers_of(DataType::int8, {-128, 127});
  const auto b = integers_of(DataType::int8, {3, -3});
  EXPECT_THAT(of("aten.floor_divide.default", a, b, DataType::int8), ElementsAre(-43, -43));
}

TEST_F(PointwiseTest, RealsDivideByWhatTheRemainderLeaves) {
  const auto a = doubles({1, -1, 6, 1});
  const auto b = doubles({0.1, 0.1, -4, 0});
  EXPECT_THAT(of("aten.floor_divide.default", a, b, DataType::float64), ElementsAre(9, -10, -2, kInfinity));
}

TEST_F(PointwiseTest, TheRemainderHasTheSignOfTheDivisor) {
  const auto a = doubles({5, -5, 5, -5});
  const auto b = doubles({3, 3, -3, -3});
  EXPECT_THAT(of("aten.remainder.Tensor", a, b, DataType::float64), ElementsAre(2, 1, -1, -2));
}

TEST_F(PointwiseTest, PowersOfIntegersAreExact) {
  input({"base", {3}, DataType::int64});
  input({"exponent", {3}, DataType::int64});
  input({"expected", {3}, DataType::int64});
  call("aten.pow.Tensor_Tensor", {{"self", tensor("base")}, {"exponent", tensor("exponent")}},
       {"power", {3}, DataType::int64});
  call("aten.sub.Tensor", {{"self", tensor("power")}, {"other", tensor("expected")}}, {"y", {3}, DataType::int64});
  output("y");
  EXPECT_THAT(run({{"base", integers_of(DataType::int64, {3, -7, 5})},
                   {"exponent", integers_of(DataType::int64, {39, 22, 0})},
                   {"expected", integers_of(DataType::int64, {4052555153018976267, 3909821048582988049, 1})}}),
              ElementsAre(0, 0, 0));
}

TEST_F(PointwiseTest, NegativePowersOfIntegersAreCut) {
  input({"base", {4}, DataType::int32});
  input({"exponent", {4}, DataType::int32});
  call("aten.pow.Tensor_Tensor", {{"self", tensor("base")}, {"exponent", tensor("exponent")}},
       {"y", {4}, DataType::int32});
  output("y");
  EXPECT_THAT(run({{"base", integers_of(DataType::int32, {2, -1, 1, -1})},
                   {"exponent", integers_of(DataType::int32, {-1, -3, -5, -4})}}),
              ElementsAre(0, -1, 1, 1));
}

// ---- Choices and NaN

TEST_F(PointwiseTest, NaNWinsInMaximumAndLosesInFmax) {
  const auto a = floats({3}, {static_cast<float>(kNaN), 1, 2});
  const auto b = floats({3}, {1, static_cast<float>(kNaN), 1});
  EXPECT_THAT(of("aten.maximum.default", a, b, DataType::float32),
              Pointwise(NanSensitiveDoubleEq(), std::vector{kNaN, kNaN, 2.0}));
  program_ = {};
  EXPECT_THAT(of("aten.fmax.default", a, b, DataType::float32), ElementsAre(1, 1, 2));
}

TEST_F(PointwiseTest, TheSignOfNaNIsZero) {
  EXPECT_THAT(of("aten.sign.default", floats({2}, {static_cast<float>(kNaN), -2}), DataType::float32),
              ElementsAre(0, -1));
}

TEST_F(PointwiseTest, ABoundThatIsNaNMakesNaN) {
  EXPECT_THAT(of("aten.clamp.default", floats({2}, {1, 2}), DataType::float32, {{"min", real(kNaN)}}),
              Pointwise(NanSensitiveDoubleEq(), std::vector{kNaN, kNaN}));
}

TEST_F(PointwiseTest, AClampOfNumbersIsOneClip) {
  input({"x", {ir::Dim("n")}});
  call("aten.clamp.default", {{"self", tensor("x")}, {"min", real(-1)}, {"max", real(1)}}, {"y", {ir::Dim("n")}});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("Clip"));
}

TEST_F(PointwiseTest, ANumberBesideUnsignedIntegersKeepsItsSignInARealResult) {
  EXPECT_THAT(of("aten.div.Scalar", integers_of(DataType::uint8, {4}), DataType::float32, {{"other", integer(-1)}}),
              ElementsAre(-4));
}

TEST_F(PointwiseTest, UnsignedIntegersFarApartAreNotClose) {
  const auto a = integers_of(DataType::uint8, {0, 7, 200});
  const auto b = integers_of(DataType::uint8, {255, 7, 199});
  input({"a", {3}, DataType::uint8});
  input({"b", {3}, DataType::uint8});
  call("aten.isclose.default", {{"self", tensor("a")}, {"other", tensor("b")}, {"atol", real(2)}},
       {"y", {3}, DataType::boolean});
  output("y");
  EXPECT_THAT(run({{"a", a}, {"b", b}}), ElementsAre(0, 1, 1));
}

// ---- Bits

TEST_F(PointwiseTest, ShiftsFillWithTheSignAndLeaveNothingBeyondTheWidth) {
  const auto a = integers_of(DataType::int8, {-128, 100, -1, 1});
  const auto b = integers_of(DataType::int8, {1, -1, 9, 7});
  EXPECT_THAT(of("aten.bitwise_right_shift.Tensor", a, b, DataType::int8), ElementsAre(-64, 0, -1, 0));
  program_ = {};
  EXPECT_THAT(of("aten.bitwise_left_shift.Tensor", a, b, DataType::int8), ElementsAre(0, 0, 0, -128));
}

TEST_F(PointwiseTest, CommonDivisorsOfNothingAreNothing) {
  const auto a = integers_of(DataType::int16, {0, -4, 6, 0});
  const auto b = integers_of(DataType::int16, {0, 6, -9, 5});
  EXPECT_THAT(of("aten.gcd.default", a, b, DataType::int16), ElementsAre(0, 2, 3, 5));
  program_ = {};
  EXPECT_THAT(of("aten.lcm.default", a, b, DataType::int16), ElementsAre(0, 12, 18, 0));
}

// ---- Series

TEST_F(PointwiseTest, ARangeOfRealsDoesNotAddUpErrors) {
  call("aten.arange.start_step", {{"start", real(0)}, {"end", real(1000)}, {"step", real(0.1)}}, {"r", {10000}});
  input({"x", {1}});
  call("aten.add.Tensor", {{"self", tensor("r")}, {"other", tensor("x")}}, {"y", {10000}});
  output("y");
  EXPECT_EQ(run({{"x", floats({1}, {0})}}).back(), static_cast<float>(999.9));
}

TEST_F(PointwiseTest, AnIntegerRangeCutsItsBoundsBeforeItCounts) {
  call("aten.arange.start_step", {{"start", real(1.7)}, {"end", real(9.2)}, {"step", real(1.1)}},
       {"y", {8}, DataType::int64});
  output("y");
  EXPECT_THAT(run({}), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

// ---- Special functions, by their values

struct Known {
  std::string target;
  std::vector<double> x;
  std::vector<double> y;
  double tolerance = 1e-13;
};

void PrintTo(const Known& known, std::ostream* out) { *out << known.target; }

class SpecialFunctionTest : public PointwiseTest, public ::testing::WithParamInterface<Known> {};

TEST_P(SpecialFunctionTest, HasItsValuesInDoublePrecision) {
  const Known& known = GetParam();
  const std::vector<double> got = of(known.target, doubles(known.x), DataType::float64);
  ASSERT_EQ(got.size(), known.y.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isfinite(known.y[i])) {
      EXPECT_NEAR(got[i], known.y[i], known.tolerance * std::max(1.0, std::abs(known.y[i]))) << "at " << known.x[i];
    } else {
      EXPECT_THAT(got[i], NanSensitiveDoubleEq(known.y[i])) << "at " << known.x[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Values, SpecialFunctionTest,
    ::testing::Values(
        Known{"aten.erf.default",
              {-3, -0.5, 1e-09, 0.9, 1.1, 6},
              {-0.99997790950300141, -0.52049987781304654, 1.1283791670955126e-9, 0.79690821242283214,
               0.88020506957408173, 0.99999999999999998}},
        Known{"aten.erfc.default",
              {-3, 0.5, 1.1, 8.5, 26},
              {1.9999779095030014, 0.47950012218695346, 0.11979493042591827, 2.7623240713337714e-33,
               5.6631924088561428e-296}},
        Known{"aten.special_erfcx.default",
              {-2, 0.5, 3, 1000.0, 1000000000.0},
              {108.94090438997797, 0.61569034419292587, 0.17900115118138995, 0.00056418930145296451,
               5.6418958354775629e-10}},
        Known{"aten.erfinv.default",
              {-1, -0.9, 1e-09, 0.5, 0.9999999, 2},
              {-kInfinity, -1.1630871536766742, 8.8622692545275807e-10, 0.47693627620446987, 3.7665625816384709, kNaN}},
        Known{"aten.special_ndtri.default",
              {0, 1e-09, 0.3, 0.99, 1},
              {-kInfinity, -5.9978070150076869, -0.52440051270804082, 2.3263478740408408, kInfinity},
              1e-11},
        Known{"aten.special_log_ndtr.default",
              {-30, -2, 0.5, 9},
              {-454.3212439563432, -3.7831843336820319, -0.36894641528865639, -1.1285884059534409e-19}},
        Known{"aten.lgamma.default",
              {-2.5, -1, 0.1, 1.5, 3, 100},
              {-0.056243716497674051, kInfinity, 2.2527126517342059, -0.12078223763524522, 0.69314718055994531,
               359.1342053695754},
              1e-11},
        Known{"aten.digamma.default",
              {-2, -1.5, 0.25, 1, 20},
              {kNaN, 0.70315664064524319, -4.2274535333762654, -0.57721566490153286, 2.9705239922421491}},
        Known{"aten.special_bessel_j0.default",
              {-3, 0, 5, 20},
              {-0.26005195490193344, 1.0, -0.1775967713143383, 0.16702466434058315}},
        Known{"aten.special_bessel_j1.default",
              {-3, 0, 5, 20},
              {-0.33905895852593646, 0.0, -0.32757913759146522, 0.066833124175850046}},
        Known{"aten.special_bessel_y0.default",
              {-1, 0, 0.5, 20},
              {kNaN, -kInfinity, -0.44451873350670656, 0.062640596809383831}},
        Known{"aten.special_bessel_y1.default",
              {-1, 0, 0.5, 20},
              {kNaN, -kInfinity, -1.4714723926702431, -0.1655116143625213}},
        Known{"aten.special_i0e.default",
              {-9, 0.5, 100},
              {0.13495952458172301, 0.64503527044915007, 0.039944379299096683}},
        Known{"aten.special_i1.default", {-9, 0.5, 3}, {-1030.9147225169564, 0.25789430539089632, 3.9533702174026094}},
        Known{"aten.special_modified_bessel_k0.default",
              {0, 0.5, 3},
              {kInfinity, 0.92441907122766586, 0.034739504386279248}},
        Known{"aten.special_scaled_modified_bessel_k1.default",
              {0, 0.5, 300},
              {kInfinity, 2.7310097082117857, 0.072450481667258409}},
        Known{"aten.special_airy_ai.default",
              {-8, -2.5, -1, 0, 2, 5},
              {-0.052705050356386203, -0.11232506769296609, 0.53556088329235212, 0.35502805388781724,
               0.034924130423274379, 0.00010834442813607442},
              1e-11},
        Known{"aten.tan.default", {-1, 0.5, 10}, {-1.5574077246549022, 0.54630248984379051, 0.64836082745908667}},
        Known{"aten.atan.default", {-5, 0.5, 1}, {-1.3734007669450159, 0.46364760900080612, 0.78539816339744831}},
        Known{"aten.asin.default", {-1, 0.3, 2}, {-1.5707963267948966, 0.3046926540153975, kNaN}},
        Known{"aten.acosh.default", {0, 1, 3, 1000000000000.0}, {kNaN, 0.0, 1.7627471740390861, 28.324168296488494}},
        Known{"aten.sinh.default", {-16, 1e-09, 2}, {-4443055.2602538801, 1.0000000000000001e-9, 3.6268604078470188}},
        Known{"aten.log1p.default", {-1, 1e-12, 3}, {-kInfinity, 9.9999999999949998e-13, 1.3862943611198906}},
        Known{"aten.expm1.default", {-40, 1e-12, 3}, {-1.0, 1.0000000000005e-12, 19.085536923187668}}),
    [](const auto& info) {
      std::string name = info.param.target;
      for (char& letter : name) {
        if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
      }
      return name;
    });

// ---- Random numbers and dropout

TEST_F(PointwiseTest, DropoutOfEvaluationIsNothing) {
  input({"x", {2}});
  call("aten.dropout.default", {{"input", tensor("x")}, {"p", real(0.5)}, {"train", flag(false)}}, {"d", {2}});
  call("aten.relu.default", {{"self", tensor("d")}}, {"y", {2}});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("Relu"));
}

TEST_F(PointwiseTest, TwoDrawsAreTwoNodes) {
  call("aten.rand.default", {{"size", integers({3})}}, {"a", {3}});
  call("aten.rand.default", {{"size", integers({3})}}, {"b", {3}});
  call("aten.sub.Tensor", {{"self", tensor("a")}, {"other", tensor("b")}}, {"y", {3}});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("RandomUniform", "RandomUniform", "Sub"));
}

TEST_F(PointwiseTest, HalfComplexNumbersAreRefused) {
  input({"x", {3}});
  call("aten.chalf.default", {{"self", tensor("x")}}, {"y", {3}});
  output("y");
  EXPECT_THAT(refusal(), HasSubstr("complex numbers of two halves"));
}

}  // namespace
}  // namespace olivine::torch

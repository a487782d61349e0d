#include <cmath>
#include <limits>

#include "torch/torch_fixture.h"

namespace olivine::torch {
namespace {

using runtime::floats;
using ::testing::Contains;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;
using ::testing::Not;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class ReductionsTest : public TorchFixture {
 protected:
  /// A call on the input `x`, a row of n floats, that has one result `y`.
  void on_row(std::string target, std::vector<NamedArgument> arguments, ir::Shape sizes,
              DataType dtype = DataType::float32, const ir::Dim& count = ir::Dim("n")) {
    input({"x", {count}});
    arguments.insert(arguments.begin(), {"self", tensor("x")});
    call(std::move(target), std::move(arguments), {"y", std::move(sizes), dtype});
    output("y");
  }

  /// One with two results, values and places, of which one is the output.
  void on_row_with_places(std::string target, std::vector<NamedArgument> arguments, const ir::Shape& sizes,
                          const std::string& wanted) {
    input({"x", {ir::Dim("n")}});
    arguments.insert(arguments.begin(), {"self", tensor("x")});
    call_many(std::move(target), std::move(arguments), {{"values", sizes}, {"places", sizes, DataType::int64}});
    output(wanted);
  }

  std::vector<double> of_row(const std::vector<float>& values) {
    return run({{"x", floats({static_cast<std::int64_t>(values.size())}, values)}});
  }
};

// ---- Sums, means, conditions

TEST_F(ReductionsTest, AMeanOfNothingIsNan) {
  on_row("aten.mean.default", {}, {}, DataType::float32, ir::Dim("u0"));
  EXPECT_THAT(operators(), Not(Contains("ReduceMean")));
  EXPECT_THAT(of_row({}), ElementsAre(IsNan()));
  EXPECT_THAT(of_row({1, 3}), ElementsAre(2));
}

TEST_F(ReductionsTest, AMeanOfASizeThatIsTracedIsOneOperator) {
  on_row("aten.mean.default", {}, {});
  EXPECT_THAT(operators(), ElementsAre("ReduceMean"));
}

TEST_F(ReductionsTest, AnEmptyListOfAxesIsAllOfThemForSumsAndNoneForConditions) {
  on_row("aten.sum.dim_IntList", {{"dim", integers({})}}, {});
  call("aten.any.dims", {{"self", tensor("x")}, {"dim", integers({})}}, {"each", {ir::Dim("n")}, DataType::boolean});
  output("each");
  EXPECT_THAT(operators(), ElementsAre("ReduceSum", "Cast"));
  EXPECT_THAT(of_row({1, 0, 2}), ElementsAre(3));
}

TEST_F(ReductionsTest, AVarianceWithMoreTakenOffThanThereAreElementsIsInfinite) {
  on_row("aten.var.correction", {{"correction", integer(3)}}, {});
  EXPECT_THAT(of_row({1, 2}), ElementsAre(kInfinity));
  EXPECT_THAT(of_row({0, 0, 0, 2}), ElementsAre(3));
}

TEST_F(ReductionsTest, TheGreatestNormOfNothingIsZero) {
  input({"x", {0, 5}});
  call("aten.linalg_norm.default", {{"self", tensor("x")}, {"ord", integer(2)}}, {"spectral", {}});
  call("aten.linalg_norm.default", {{"self", tensor("x")}, {"ord", real(kInfinity)}}, {"rows", {}});
  call("aten.add.Tensor", {{"self", tensor("spectral")}, {"other", tensor("rows")}}, {"y", {}});
  output("y");
  EXPECT_THAT(run({{"x", floats({0, 5}, {})}}), ElementsAre(0));
}

// ---- Order

TEST_F(ReductionsTest, TheMedianIsTheLowerMiddleOrTheFirstNan) {
  on_row_with_places("aten.median.dim", {{"dim", integer(0)}}, {}, "places");
  EXPECT_THAT(of_row({4, 1, 3, 2}), ElementsAre(3));
  EXPECT_THAT(of_row({4, kNan, 1, kNan}), ElementsAre(1));
}

TEST_F(ReductionsTest, NanIsTheGreatestWhenSorted) {
  on_row_with_places("aten.sort.stable", {{"stable", flag(true)}, {"descending", flag(true)}}, {ir::Dim("n")},
                     "places");
  EXPECT_THAT(of_row({1, kNan, 2, 1, kInfinity, kNan}), ElementsAre(1, 5, 4, 2, 0, 3));
}

TEST_F(ReductionsTest, OfEquallyFrequentValuesTheModeIsTheLeast) {
  on_row_with_places("aten.mode.default", {}, {}, "values");
  EXPECT_THAT(of_row({5, 2, 5, 2, 9, kNan, kNan, kNan}), ElementsAre(2));
}

TEST_F(ReductionsTest, QuantilesOfARowWithNanAreNan) {
  on_row("aten.quantile.scalar", {{"q", real(0.25)}}, {});
  EXPECT_THAT(of_row({3, 1, 2}), ElementsAre(1.5));
  EXPECT_THAT(of_row({3, kNan, 2}), ElementsAre(IsNan()));
}

// ---- Accumulation

TEST_F(ReductionsTest, TheLastOfEqualMaximaIsItAndNanStays) {
  on_row_with_places("aten.cummax.default", {{"dim", integer(0)}}, {ir::Dim("n")}, "places");
  EXPECT_THAT(of_row({1, 3, 3, 2}), ElementsAre(0, 1, 2, 2));
  EXPECT_THAT(of_row({1, kNan, 3, kNan, 2}), ElementsAre(0, 1, 1, 3, 3));
}

TEST_F(ReductionsTest, SumsOfExponentialsStayInRange) {
  on_row("aten.logcumsumexp.default", {{"dim", integer(0)}}, {ir::Dim("n")});
  const double two = std::log(2);
  EXPECT_THAT(of_row({-kInfinity, -500, -500, 1000, kInfinity, kInfinity}),
              ElementsAre(-kInfinity, -500, DoubleNear(-500 + two, 1e-4), 1000, kInfinity, kInfinity));
}

TEST_F(ReductionsTest, AProductIsAnOperatorWhereOnnxHasOne) {
  options_.target_opset = 26;
  on_row("aten.cumprod.default", {{"dim", integer(0)}}, {ir::Dim("n")});
  EXPECT_THAT(operators(), ElementsAre("CumProd"));
}

// ---- Sets and segments

TEST_F(ReductionsTest, RunsOfEqualsBecomeOne) {
  input({"x", {ir::Dim("n")}});
  call_many(
      "aten.unique_consecutive.default", {{"self", tensor("x")}, {"return_counts", flag(true)}},
      {{"values", {ir::Dim("u0")}}, {"inverse", {0}, DataType::int64}, {"counts", {ir::Dim("u0")}, DataType::int64}});
  output("counts");
  EXPECT_THAT(of_row({1, 1, 2, kNan, kNan, 1}), ElementsAre(2, 1, 1, 1, 1));
  EXPECT_THAT(of_row({}), ElementsAre());
}

TEST_F(ReductionsTest, SizesThatTheExportGetsWrongAreRefused) {
  input({"x", {2, 3}});
  call_many(
      "aten.unique_consecutive.default", {{"self", tensor("x")}, {"dim", integer(-1)}},
      {{"values", {2, ir::Dim("u0"), 2, 3}}, {"inverse", {3}, DataType::int64}, {"counts", {3}, DataType::int64}});
  output("values");
  EXPECT_THAT(refusal(), HasSubstr("wrong for a negative dim"));
}

TEST_F(ReductionsTest, NanIsSearchedBehindAll) {
  on_row("aten.bucketize.Tensor", {{"boundaries", tensor("edges")}}, {ir::Dim("n")}, DataType::int64);
  weight("edges", floats({3}, {0, 1, 2}));
  EXPECT_THAT(of_row({-1, 0, 0.5, 1, 3, kNan}), ElementsAre(0, 0, 1, 1, 3, 3));
}

TEST_F(ReductionsTest, AnEmptySegmentIsWhatItStartsFrom) {
  weight("lengths", tensor::from_int64s(std::vector<std::int64_t>{2, 0, 1}));
  input({"x", {3}});
  call("aten.segment_reduce.default",
       {{"data", tensor("x")}, {"reduce", Argument{"mean"}}, {"lengths", tensor("lengths")}}, {"y", {3}});
  output("y");
  EXPECT_THAT(of_row({1, 2, 7}), ElementsAre(1.5, IsNan(), 7));
}

// ---- Losses

TEST_F(ReductionsTest, ClassesThatAreIgnoredCountForNothing) {
  input({"x", {2, 2}});
  weight("target", tensor::reshape(tensor::from_int64s(std::vector<std::int64_t>{1, -100}), {2}));
  call("aten.cross_entropy_loss.default", {{"self", tensor("x")}, {"target", tensor("target")}}, {"y", {}});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("SoftmaxCrossEntropyLoss"));
  EXPECT_THAT(run({{"x", floats({2, 2}, {0, 0, 5, 9})}}), ElementsAre(DoubleNear(std::log(2), 1e-6)));
}

TEST_F(ReductionsTest, AlignmentsAreRefused) {
  on_row("aten.ctc_loss.IntList", {}, {});
  EXPECT_THAT(refusal(), HasSubstr("alignments"));
}

}  // namespace
}  // namespace olivine::torch

#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Slicing : public OpsetFixture {};

TEST_F(Slicing, SliceTakesInputsSince10) {
  const std::string old = with_shapes(9, "float[4,5] x", "float y", "y = Slice<starts=[1], ends=[-1], axes=[1]>(x)");
  EXPECT_THAT(expect_alike(old, 10), HasSubstr("y = Slice (x, constant, constant_1, constant)"));
  const std::string there_and_back = onnx::print_model(converted(onnx::print_model(converted(old, 13)), 9));
  EXPECT_THAT(there_and_back, HasSubstr("ends: ints = [-1], starts: ints = [1]"));
  EXPECT_THAT(there_and_back, HasSubstr("axes: ints = [1]"));
}

TEST_F(Slicing, SlicesThatNeedNumbersWhenTheModelRuns) {
  struct Case {
    const char* starts;
    const char* ends;
    const char* steps;
  };
  const Case cases[] = {
      {"{1, 0}", "{3, 9}", "{1, 2}"},
      {"{-1, 9}", "{-9, 0}", "{-1, -2}"},
      {"{3, 2}", "{1, 1}", "{1, 1}"},
      {"{-9, 1}", "{-1, 9}", "{2, 3}"},
      {"{9, -1}", "{-9223372036854775807, -2}", "{-3, -1}"},
  };
  for (const Case& of : cases) {
    const auto nodes = [&](bool axes) {
      return computed("a", fmt::format("int64[2] {}", of.starts)) + computed("b", fmt::format("int64[2] {}", of.ends)) +
             computed("c", "int64[2] {-1, 0}") + computed("d", fmt::format("int64[2] {}", of.steps)) +
             (axes ? "y = Slice(x, a, b, c, d)" : "y = Slice(x, a, b, , d)");
    };
    for (const char* x : {"float[4,5] x, float f", "float[N,M] x, float f"}) {
      dims_ = {{"N", 4}, {"M", 5}};
      EXPECT_THAT(expect_alike(with_shapes(13, x, "float y", nodes(true)), 9), HasSubstr("Gather"));
      EXPECT_THAT(expect_alike(with_shapes(13, x, "float y", nodes(false)), 9), HasSubstr("Gather"));
    }
    const std::string constant = fmt::format(
        "a = Constant<value = int64[2] {}>() b = Constant<value = int64[2] {}>() c = Constant<value = int64[2] {{0, "
        "-1}}>() "
        "d = Constant<value = int64[2] {}>() y = Slice(x, a, b, c, d)",
        of.starts, of.ends, of.steps);
    expect_alike(with_shapes(11, "float[4,5] x", "float y", constant), 9);
    expect_alike(with_shapes(11, "float[4,5] x", "float y", constant), 10);
  }
  const std::string computed_axes = computed("a", "int64[1] {1}") + computed("b", "int64[1] {3}") +
                                    computed("c", "int64[1] {-1}") + "y = Slice(x, a, b, c)";
  expect_alike(with_shapes(11, "float[4,5] x, float f", "float y", computed_axes), 10);
}

TEST_F(Slicing, SizesOfPartsAreAnInputSince13) {
  const std::string old = with_shapes(11, "float[2,5] x", "float a, float b", "a, b = Split<axis=-1, split=[2,3]>(x)");
  EXPECT_THAT(expect_alike(old, 13), HasSubstr("Split <axis: int = -1> (x, constant)"));
  EXPECT_THAT(expect_alike(onnx::print_model(converted(old, 18)), 9), HasSubstr("axis: int = 1, split: ints = [2, 3]"));
  EXPECT_THAT(refusal(R"(<ir_version: 3, opset_import: ["": 1]> g (float[5] x, float[2] s) => (float a, float b) {
                           a, b = Split(x, s)
                         })",
                      2),
              HasSubstr("computed when the model runs"));
  const std::string first =
      R"(<ir_version: 3, opset_import: ["": 1]> g (float[5] x, int64[2] s) => (float[1] a, float[4] b)
                               <int64[2] s = {1, 4}> { a, b = Split(x, s) })";
  EXPECT_THAT(onnx::print_model(converted(first, 2)), HasSubstr("split: ints = [1, 4]"));
}

TEST_F(Slicing, SizesThatAreComputedBecomeSlices) {
  const std::string nodes = computed("s", "int64[3] {2, 0, 3}") + "a, b, c = Split<axis=1>(x, s)";
  for (const int target : {11, 9}) {
    EXPECT_THAT(expect_alike(with_shapes(13, "float[2,5] x, float f", "float a, float b, float c", nodes), target),
                Not(HasSubstr("Split")));
  }
}

TEST_F(Slicing, TheLastPartMayBeSmallerSince18) {
  const auto split = [](std::string_view x) {
    return with_shapes(18, x, "float a, float b, float c", "a, b, c = Split<axis=-1, num_outputs=3>(x)");
  };
  EXPECT_THAT(expect_alike(split("float[2,6] x"), 13), HasSubstr("Split <axis: int = -1> (x)"));
  EXPECT_THAT(expect_alike(split("float[2,7] x"), 13), HasSubstr("{3,3,1}"));
  EXPECT_THAT(expect_alike(split("float[2,7] x"), 11), HasSubstr("split: ints = [3, 3, 1]"));
  dims_ = {{"N", 8}};
  EXPECT_THAT(expect_alike(split("float[2,N] x"), 13), HasSubstr("Div"));
  expect_alike(split("float[2,N] x"), 9);
  EXPECT_THAT(expect_alike(with_shapes(13, "float[2,6] x", "float a, float b", "a, b = Split<axis=1>(x)"), 18),
              HasSubstr("num_outputs: int = 2"));
}

TEST_F(Slicing, ConcatCountsItsAxisFromTheStart) {
  EXPECT_THAT(expect_alike(with_shapes(11, "float[2,3] x", "float y", "y = Concat<axis=-1>(x, x)"), 10),
              HasSubstr("axis: int = 1"));
  EXPECT_THAT(onnx::print_model(converted(R"(<ir_version: 3, opset_import: ["": 1]> g (float[2,3] x) => (float[2,6] y) {
                                               y = Concat(x, x)
                                             })",
                                          4)),
              HasSubstr("axis: int = 1"));
}

TEST_F(Slicing, WhereNothingIsLeftThePartsAreEmpty) {
  EXPECT_THAT(
      onnx::print_model(converted(
          R"(<ir_version: 8, opset_import: ["": 18]> g (float[5] x) => (float[a] p, float[b] q, float[c] r, float[d] t) {
                       p, q, r, t = Split<num_outputs=4>(x)
                     })",
          13)),
      HasSubstr("{2,2,1,0}"));
}

}  // namespace
}  // namespace olivine::opset

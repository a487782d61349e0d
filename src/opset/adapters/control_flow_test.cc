#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;

class ControlFlow : public OpsetFixture {};

TEST_F(ControlFlow, TheBatchOfAScanBecomesAScan) {
  const std::string text = expect_alike(
      R"(<ir_version: 8, opset_import: ["": 8]> g (float[2,3] s0, float[2,4,3] x) => (float[2,3] s, float[2,4,3] y) {
           s, y = Scan<num_scan_inputs=1, directions=[1], body=b (float[3] a, float[3] e) => (float[3] c, float[3] o) {
             c = Add(a, e)
             o = Mul(a, e)
           }>(, s0, x)
         })",
      9);
  EXPECT_THAT(text, HasSubstr("scan_input_directions"));
}

TEST_F(ControlFlow, BackItIsABatchOfOne) {
  const std::string scan =
      R"(<ir_version: 8, opset_import: ["": 11]> g (float[3] s0, float[4,3] x) => (float[3] s, float[4,3] y) {{
           s, y = Scan<num_scan_inputs=1{}, body=b (float[3] a, float[3] e) => (float[3] c, float[3] o) {{
             c = Add(a, e)
             o = Mul(a, e)
           }}>(s0, x)
         }})";
  expect_alike(fmt::format(fmt::runtime(scan), ", scan_input_directions=[1], scan_input_axes=[-2]"), 8);
  EXPECT_THAT(refusal(fmt::format(fmt::runtime(scan), ", scan_output_directions=[1]"), 8),
              HasSubstr("has no scan_output_directions"));
}

// Bodies are converted like any graph, and what is made there stays there.
TEST_F(ControlFlow, BodiesAreConverted) {
  for (const std::int64_t target : {11, 20}) {
    const std::string text = expect_alike(
        R"(<ir_version: 8, opset_import: ["": 14]> g (float[2,3] x, bool c) => (float[2,3] y) {
             y = If(c)<then_branch=t () => (float[2,3] a) { a = Softmax<axis=0>(x) },
                       else_branch=e () => (float[2,3] b) { b = HardSwish(x) }>
           })",
        target);
    (void)text;
  }
}

TEST_F(ControlFlow, BranchesOfDifferentShapesAreNewInOpset11) {
  const std::string text = R"(<ir_version: 8, opset_import: ["": 11]> g (float[2,3] x, bool c) => (float[n,3] y) {{
                                s = Constant<value=int64[1] {{0}}>()
                                k = Constant<value=int64[1] {{{0}}}>()
                                y = If(c)<then_branch=t () => (float[2,3] a) {{ a = Relu(x) }},
                                          else_branch=e () => (float[{0},3] b) {{ b = Slice(x, s, k) }}>
                              }})";
  EXPECT_THAT(refusal(fmt::format(fmt::runtime(text), 1), 10), HasSubstr("different shapes"));
  EXPECT_THAT(onnx::print_model(converted(fmt::format(fmt::runtime(text), 2), 10)), HasSubstr("If (c)"));
}

TEST_F(ControlFlow, SequenceMapIsALoop) {
  const std::string text = expect_alike(
      R"(<ir_version: 8, opset_import: ["": 17]> g (float[2,3] x, float[3] b) => (float[m,3] y) {
           s = SplitToSequence<axis=0>(x)
           t = SequenceMap(s, b)<body=f (float[1,3] e, float[3] other) => (float[1,3] o) { o = Add(e, other) }>
           y = ConcatFromSequence<axis=0>(t)
         })",
      16);
  EXPECT_THAT(text, HasSubstr("Loop"));
}

TEST_F(ControlFlow, WhatIsNotOptionalHasAnElement) {
  EXPECT_THAT(expect_alike(R"(<ir_version: 8, opset_import: ["": 18]> g (float[2] x) => (bool a, float[2] y) {
                                a = OptionalHasElement(x)
                                y = OptionalGetElement(x)
                              })",
                           13),
              HasSubstr("y = Identity (x)"));
}

}  // namespace
}  // namespace olivine::opset

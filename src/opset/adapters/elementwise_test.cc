#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;

class Elementwise : public OpsetFixture {};

TEST_F(Elementwise, OldBroadcastingBecomesTrailingDimensions) {
  expect_rewrite(R"(<ir_version: 3, opset_import: ["": 6]> g (float[2,3,4,5] x, float[3,4] b) => (float[2,3,4,5] y) {
                      y = Add<broadcast=1, axis=1>(x, b)
                    })",
                 7,
                 R"(<ir_version: 3, opset_import: ["": 7]> g (float[2,3,4,5] x, float[3,4] b) => (float[2,3,4,5] y) {
                      y_Unsqueeze = Unsqueeze<axes=[2]>(b)
                      y = Add(x, y_Unsqueeze)
                    })");
}

TEST_F(Elementwise, OldBroadcastingAtTheEndOnlyLosesItsAttributes) {
  expect_rewrite(R"(<ir_version: 3, opset_import: ["": 6]> g (float[2,3] x, float[3] b) => (float[2,3] y) {
                      y = Mul<broadcast=1>(x, b)
                    })",
                 7, R"(<ir_version: 3, opset_import: ["": 7]> g (float[2,3] x, float[3] b) => (float[2,3] y) {
                         y = Mul(x, b)
                       })");
}

TEST_F(Elementwise, HintsOfOpset1Go) {
  expect_rewrite(R"(<ir_version: 3, opset_import: ["": 5]> g (float[2] x) => (float[2] y) {
                      y = Relu<consumed_inputs=[0]>(x)
                    })",
                 6, R"(<ir_version: 3, opset_import: ["": 6]> g (float[2] x) => (float[2] y) { y = Relu(x) })");
}

TEST_F(Elementwise, VariadicOnesNeedOneShapeBelowOpset8) {
  const std::string same = R"(<ir_version: 8, opset_import: ["": 8]> g (float[2,3] a, float[2,3] b) => (float[2,3] y) {
                                y = Max(a, b)
                              })";
  EXPECT_THAT(expect_alike(same, 7), HasSubstr("Max"));
  const std::string differ = R"(<ir_version: 8, opset_import: ["": 8]> g (float[2,3] a, float[3] b) => (float[2,3] y) {{
                                  y = {}(a, b)
                                }})";
  EXPECT_THAT(refusal(fmt::format(fmt::runtime(differ), "Max"), 7), HasSubstr("shapes differ"));
  EXPECT_THAT(expect_alike(fmt::format(fmt::runtime(differ), "Sum"), 7), HasSubstr("Add"));
  EXPECT_THAT(expect_alike(fmt::format(fmt::runtime(differ), "Mean"), 7), HasSubstr("Div"));
}

TEST_F(Elementwise, BoundsOfClip) {
  EXPECT_THAT(expect_alike(R"(<ir_version: 8, opset_import: ["": 9]> g (float[8] x) => (float[8] y) {
                                y = Clip<min=-0.5, max=0.25>(x)
                              })",
                           13),
              HasSubstr("Clip (x"));
  EXPECT_THAT(expect_alike(R"(<ir_version: 8, opset_import: ["": 13]> g (float[8] x) => (float[8] y)
                                <float low = {-0.5}> { y = Clip(x, low) })",
                           9),
              HasSubstr("min: float = -0.5"));
  const std::string at_run_time =
      expect_alike(R"(<ir_version: 8, opset_import: ["": 13]> g (float[8] x, float low, float high) => (float[8] y) {
                        y = Clip(x, low, high)
                      })",
                   9);
  EXPECT_THAT(at_run_time, HasSubstr("Max"));
  EXPECT_THAT(at_run_time, HasSubstr("Min"));
}

TEST_F(Elementwise, TypesThatOnlyNewerVersionsTake) {
  for (const char* type : {"int32", "int64", "uint64", "int8", "uint8", "double"}) {
    expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 13]> g ({0}[8] x, {0} a, {0} b) => ({0}[8] y) {{
                                  y = Clip(x, a, b)
                                }})",
                             type),
                 11);
    for (const char* op : {"Max", "Min"}) {
      expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 13]> g ({0}[8] x, {0}[8] z) => ({0}[8] y) {{
                                    y = {1}(x, z)
                                  }})",
                               type, op),
                   11);
    }
    expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 13]> g ({0}[8] x, {0}[8] z) => (bool[8] y) {{
                                  y = Equal(x, z)
                                }})",
                             type),
                 10);
  }
}

TEST_F(Elementwise, PowersOfIntegers) {
  expect_alike(R"(<ir_version: 8, opset_import: ["": 13]> g (int64[3] x) => (int64[3] y) <int32[3] p = {0,1,2}> {
                    y = Pow(x, p)
                  })",
               9);
  expect_alike(R"(<ir_version: 8, opset_import: ["": 13]> g (float[3] x) => (float[3] y) <int64[3] p = {0,1,2}> {
                    y = Pow(x, p)
                  })",
               9);
}

TEST_F(Elementwise, HalvesRoundToEven) {
  expect_alike(R"(<ir_version: 8, opset_import: ["": 11]> g (float[9] x) => (float[9] y)
                    <float[9] halves = {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.4999999, 3.0e9, 1.0e38}> {
                    sum = Mul(halves, x)
                    zero = Sub(sum, sum)
                    z = Add(halves, zero)
                    y = Round(z)
                  })",
               10);
}

TEST_F(Elementwise, InfinitiesAreBeyondTheLargestNumber) {
  for (const char* how : {"", "<detect_positive=0>", "<detect_negative=0>", "<detect_positive=0, detect_negative=0>"}) {
    expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 10]> g (float[4] x) => (bool[4] y)
                                  <float[4] zeros = {{0, 1, -1, 0}}, float[4] none = {{0, 0, 0, 1}}> {{
                                  a = Abs(x)
                                  s = Mul(a, zeros)
                                  q = Div(s, none)
                                  y = IsInf{}(q)
                                }})",
                             how),
                 9);
  }
}

TEST_F(Elementwise, WhatOpset8CanDo) {
  for (const char* op : {"Sign", "Cosh"}) {
    expect_alike(
        fmt::format(R"(<ir_version: 8, opset_import: ["": 9]> g (float[8] x) => (float[8] y) {{ y = {}(x) }})", op), 8);
  }
  expect_alike(R"(<ir_version: 8, opset_import: ["": 9]> g (float[3] x) => (bool[3] y)
                    <float[3] zeros = {0, 1, -1}> {
                    n = Mul(x, zeros)
                    d = Mul(n, x)
                    q = Div(n, d)
                    y = IsNaN(q)
                  })",
               8);
  EXPECT_THAT(refusal(R"(<ir_version: 8, opset_import: ["": 9]> g (float[8] x) => (float[8] y) { y = Erf(x) })", 8),
              HasSubstr("approximations are not exact"));
}

}  // namespace
}  // namespace olivine::opset

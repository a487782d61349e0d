#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;

class Casts : public OpsetFixture {};

TEST_F(Casts, WhatSpeaksOfOtherTypesGoes) {
  expect_rewrite(R"(<ir_version: 10, opset_import: ["": 24]> g (float[N] x) => (int32[N] y) {
                      y = Cast<to=6, round_mode="down", saturate=0>(x)
                    })",
                 13,
                 R"(<ir_version: 10, opset_import: ["": 13]> g (float[N] x) => (int32[N] y) { y = Cast<to=6>(x) })");
}

TEST_F(Casts, CastLikeIsACast) {
  expect_rewrite(R"(<ir_version: 10, opset_import: ["": 19]> g (float[N] x, int64[M] z) => (int64[N] y) {
                      y = CastLike<saturate=0>(x, z)
                    })",
                 13,
                 R"(<ir_version: 10, opset_import: ["": 13]> g (float[N] x, int64[M] z) => (int64[N] y) {
                      y = Cast<to=7>(x)
                    })");
}

TEST_F(Casts, TypesThatTheTargetLacksAreRefused) {
  EXPECT_THAT(
      refusal(R"(<ir_version: 10, opset_import: ["": 21]> g (float[N] x) => (int4[N] y) { y = Cast<to=22>(x) })", 20),
      HasSubstr("cannot be int4"));
  EXPECT_THAT(refusal(R"(<ir_version: 10, opset_import: ["": 13]> g (bfloat16[N] x) => (float[N] y) {
                           y = Cast<to=1>(x)
                         })",
                      12),
              HasSubstr("does not take bfloat16"));
}

TEST_F(Casts, NamesOfTypesBecomeNumbers) {
  expect_rewrite(R"(<ir_version: 3, opset_import: ["": 5]> g (float[N] x) => (int64[N] y) { y = Cast<to="INT64">(x) })",
                 7, R"(<ir_version: 3, opset_import: ["": 7]> g (float[N] x) => (int64[N] y) { y = Cast<to=7>(x) })");
}

// Types are carried by others where that is exact, on the way down and where the newer version takes fewer.
TEST_F(Casts, OtherTypesCarry) {
  EXPECT_THAT(expect_alike(R"(<ir_version: 8, opset_import: ["": 14]> g (int8[5] a, int8[5] b) => (int8[5] y) {
                                y = Add(a, b)
                              })",
                           13),
              HasSubstr("int32"));
  EXPECT_THAT(expect_alike(R"(<ir_version: 8, opset_import: ["": 20]> g (bool[2,3] x) => (bool[2] y)
                                <int64[1] axes = {1}> { y = ReduceMax<keepdims=0>(x, axes) })",
                           19),
              HasSubstr("Cast"));
  EXPECT_THAT(
      expect_alike(R"(<ir_version: 8, opset_import: ["": 14]> g (int32[5] x) => (int32[5] y) { y = Relu(x) })", 13),
      HasSubstr("double"));
  EXPECT_THAT(refusal(R"(<ir_version: 8, opset_import: ["": 14]> g (int64[5] x) => (int64[5] y) { y = Relu(x) })", 13),
              HasSubstr("does not take int64"));
}

}  // namespace
}  // namespace olivine::opset

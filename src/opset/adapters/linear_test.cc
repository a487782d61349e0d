#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Linear : public OpsetFixture {};

TEST_F(Linear, BroadcastGoes) {
  expect_rewrite(
      R"(<ir_version: 3, opset_import: ["": 1]> g (float[2,3] a, float[3,4] b, float[4] c) => (float[2,4] y) {
                      y = Gemm<broadcast=1>(a, b, c) })",
      9,
      R"(<ir_version: 4, opset_import: ["": 9]> g (float[2,3] a, float[3,4] b, float[4] c) => (float[2,4] y) {
                      y = Gemm(a, b, c) })");
}

TEST_F(Linear, AnAbsentBiasIsZero) {
  const std::string text =
      expect_alike(R"(<ir_version: 6, opset_import: ["": 11]> g (float[2,3] a, float[3,4] b) => (float[2,4] y) {
                        y = Gemm<alpha=0.5>(a, b) })",
                   10);
  EXPECT_NE(text.find("Gemm"), std::string::npos);
}

}  // namespace
}  // namespace olivine::opset

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Functions : public OpsetFixture {};

TEST_F(Functions, SlopesOfChannelsGetAxes) {
  expect_rewrite(R"(<ir_version: 3, opset_import: ["": 1]> g (float[2,3,4,5] x, float[3] s) => (float[2,3,4,5] y) {
                      y = PRelu<consumed_inputs=[0,0]>(x, s) })",
                 11, R"(<ir_version: 6, opset_import: ["": 11]> g (float[2,3,4,5] x, float[3] s)
                      => (float[2,3,4,5] y) {
                      y_Unsqueeze = Unsqueeze<axes=[1,2]>(s)
                      y = PRelu(x, y_Unsqueeze) })");
  expect_rewrite(R"(<ir_version: 3, opset_import: ["": 6]> g (float[2,3,4] x, float[1] s) => (float[2,3,4] y) {
                      y = PRelu(x, s) })",
                 9, R"(<ir_version: 4, opset_import: ["": 9]> g (float[2,3,4] x, float[1] s) => (float[2,3,4] y) {
                      y = PRelu(x, s) })");
}

TEST_F(Functions, DefaultsWithFewerDigitsAreWrittenOut) {
  expect_rewrite(R"(<ir_version: 3, opset_import: ["": 1]> g (float[2] x) => (float[2] y) {
                      y = Selu<consumed_inputs=[0]>(x) })",
                 9, R"(<ir_version: 4, opset_import: ["": 9]> g (float[2] x) => (float[2] y) {
                      y = Selu<alpha=1.6732, gamma=1.0507>(x) })");
}

TEST_F(Functions, WhatCameLaterIsMadeOfOthers) {
  for (const auto& [op, opset] : {std::pair{"ThresholdedRelu<alpha=0.3>", 10},
                                  {"HardSwish", 14},
                                  {"Mish", 18},
                                  {"Gelu", 20},
                                  {"Gelu<approximate=\"tanh\">", 20},
                                  {"Swish<alpha=0.5>", 24},
                                  {"Celu<alpha=0.7>", 12}}) {
    expect_alike(fmt::format(R"(<ir_version: 10, opset_import: ["": {}]> g (float[2,30] x) => (float[2,30] y) {{
                                  y = {}(x) }})",
                             opset, op),
                 9);
  }
}

TEST_F(Functions, ShrinkIsRefusedBelowItsOpset) {
  EXPECT_NE(refusal(R"(<ir_version: 4, opset_import: ["": 9]> g (float[2] x) => (float[2] y) { y = Shrink(x) })", 8)
                .find("selects"),
            std::string::npos);
}

}  // namespace
}  // namespace olivine::opset

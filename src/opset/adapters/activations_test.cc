#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Activations : public OpsetFixture {};

TEST_F(Activations, SoftmaxOverTheLastAxisOnlyCountsItFromTheEnd) {
  expect_rewrite(R"(<ir_version: 7, opset_import: ["": 11]> g (float[2,3] x) => (float[2,3] y) { y = Softmax(x) })", 13,
                 R"(<ir_version: 7, opset_import: ["": 13]> g (float[2,3] x) => (float[2,3] y) {
                      y = Softmax<axis=-1>(x)
                    })");
}

TEST_F(Activations, SoftmaxOverSeveralAxesIsFlattened) {
  for (const char* op : {"Softmax", "LogSoftmax", "Hardmax"}) {
    expect_alike(fmt::format(R"(<ir_version: 7, opset_import: ["": 11]> g (float[2,3,4] x) => (float[2,3,4] y) {{
                                  y = {}<axis=1>(x)
                                }})",
                             op),
                 13);
  }
}

TEST_F(Activations, SoftmaxOfAnUnknownRank) {
  const std::string text = R"(<ir_version: 7, opset_import: ["": {}]> g (float[24] x, int64[r] dims) => (float[n] y) {{
                                a = Reshape(x, dims)
                                b = Softmax<axis={}>(a)
                                whole = Constant<value=int64[1] {{-1}}>()
                                y = Reshape(b, whole)
                              }})";
  EXPECT_THAT(onnx::print_model(converted(fmt::format(fmt::runtime(text), 11, 1), 13)),
              ::testing::HasSubstr("Flatten"));
  EXPECT_THAT(onnx::print_model(converted(fmt::format(fmt::runtime(text), 11, -1), 13)),
              ::testing::Not(::testing::HasSubstr("Flatten")));
  EXPECT_THAT(onnx::print_model(converted(fmt::format(fmt::runtime(text), 13, -1), 11)),
              ::testing::Not(::testing::HasSubstr("Transpose")));
  EXPECT_THAT(refusal(fmt::format(fmt::runtime(text), 13, 1), 11),
              ::testing::HasSubstr("the rank of 'a' is not known"));
}

TEST_F(Activations, SoftmaxOverAnInnerAxisIsSwapped) {
  for (const char* op : {"Softmax", "LogSoftmax", "Hardmax"}) {
    expect_alike(fmt::format(R"(<ir_version: 7, opset_import: ["": 13]> g (float[2,3,4] x) => (float[2,3,4] y) {{
                                  y = {}<axis=1>(x)
                                }})",
                             op),
                 11);
  }
}

}  // namespace
}  // namespace olivine::opset

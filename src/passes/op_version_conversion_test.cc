#include "passes/pass_fixture.h"

namespace olivine::passes {
namespace {

class OpVersionConversion : public PassFixture {
 protected:
  OpVersionConversion() : PassFixture("OnnxOpVersionConversion") {}
};

TEST_F(OpVersionConversion, ConvertsToTheTarget) {
  expect_rewrite(R"({"target_opset": 13})",
                 R"(<ir_version: 9, opset_import: ["": 11]> g (float[2,3] x) => (float[2,3] y) { y = Softmax(x) })",
                 R"(<ir_version: 9, opset_import: ["": 13]> g (float[2,3] x) => (float[2,3] y) {
                      y = Softmax<axis=-1>(x)
                    })");
}

TEST_F(OpVersionConversion, ToItsOwnOpsetChangesNothing) {
  expect_unchanged(R"({"target_opset": 11})",
                   R"(<ir_version: 9, opset_import: ["": 11]> g (float[2,3] x) => (float[2,3] y) { y = Softmax(x) })");
}

TEST_F(OpVersionConversion, GoesToTheNewestByDefault) {
  const ir::Model model =
      run("{}", R"(<ir_version: 9, opset_import: ["": 11]> g (float[N] x) => (float[N] y) { y = Relu(x) })");
  EXPECT_EQ(model.opset(), onnx::newest_opset());
}

TEST_F(OpVersionConversion, RefusesAnOpsetThatIsNotKnown) {
  EXPECT_THAT(refusal(R"({"target_opset": 1000})",
                      R"(<ir_version: 9, opset_import: ["": 11]> g (float[N] x) => (float[N] y) { y = Relu(x) })"),
              ::testing::HasSubstr("/target_opset: ai.onnx has no opset 1000"));
}

TEST_F(OpVersionConversion, ListsEveryNodeThatHasNoEqual) {
  const std::string said = refusal(R"({"target_opset": 12})",
                                   R"(<ir_version: 9, opset_import: ["": 20]> g (string[N] x) => (string[N] y) {
                                        a = StringConcat(x, x)
                                        y = StringConcat(a, x)
                                      })");
  EXPECT_THAT(said, ::testing::HasSubstr("making 'a'"));
  EXPECT_THAT(said, ::testing::HasSubstr("making 'y'"));
}

}  // namespace
}  // namespace olivine::passes

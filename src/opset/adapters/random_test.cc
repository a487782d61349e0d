#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class RandomNumbers : public OpsetFixture {};

TEST_F(RandomNumbers, DropoutOfOldOpsets) {
  expect_rewrite(R"(<ir_version: 4, opset_import: ["": 1]> g (float[2,3] x) => (float[2,3] y) {
                      y, m = Dropout<consumed_inputs=[0], is_test=1, ratio=0.25>(x) })",
                 13, R"(<ir_version: 7, opset_import: ["": 13]> g (float[2,3] x) => (float[2,3] y)
                      <float constant = {0.25}> { y = Dropout(x, constant) })");
}

TEST_F(RandomNumbers, TheMaskOfDropoutChangesItsType) {
  expect_alike(R"(<ir_version: 7, opset_import: ["": 7]> g (float[2,3] x) => (float[2,3] y, float[2,3] m) {
                    y, m = Dropout(x) })",
               13);
  expect_alike(R"(<ir_version: 7, opset_import: ["": 10]> g (float[2,3] x) => (float[2,3] y, bool[2,3] m) {
                    y, m = Dropout(x) })",
               13);
  for (const std::int64_t target : {11, 9}) {
    expect_alike(R"(<ir_version: 7, opset_import: ["": 13]> g (float[2,3] x) => (float[2,3] y, bool[2,3] m) {
                      y, m = Dropout(x) })",
                 target);
  }
  expect_alike(R"(<ir_version: 7, opset_import: ["": 10]> g (float[2,3] x) => (float[2,3] y, bool[2,3] m) {
                    y, m = Dropout(x) })",
               9);
}

TEST_F(RandomNumbers, DropoutInTrainingIsARandomMask) {
  // With a ratio of nothing all is kept, whatever the random numbers.
  expect_alike(R"(<ir_version: 7, opset_import: ["": 13]> g (float[2,3] x) => (float[2,3] y, bool[2,3] m)
                    <float ratio = {0.0}, bool training = {1}> { y, m = Dropout(x, ratio, training) })",
               11);
  const std::string training =
      onnx::print_model(converted(R"(<ir_version: 7, opset_import: ["": 13]> g (float[2,3] x) => (float[2,3] y)
         <float ratio = {0.25}, bool training = {1}> { y = Dropout<seed=7>(x, ratio, training) })",
                                  11));
  EXPECT_NE(training.find("RandomUniformLike"), std::string::npos) << training;
  EXPECT_EQ(training.find("Where"), std::string::npos) << training;
  const std::string perhaps = onnx::print_model(
      converted(R"(<ir_version: 7, opset_import: ["": 13]> g (float[2,3] x, bool training) => (float[2,3] y)
         <float ratio = {0.25}> { y = Dropout(x, ratio, training) })",
                11));
  EXPECT_NE(perhaps.find("Where"), std::string::npos) << perhaps;
}

TEST_F(RandomNumbers, Bfloat16NumbersAreCast) {
  expect_rewrite(R"(<ir_version: 10, opset_import: ["": 22]> g () => (bfloat16[2,3] y) {
                      y = RandomNormal<shape=[2,3], dtype=16, seed=1.0>() })",
                 21, R"(<ir_version: 10, opset_import: ["": 21]> g () => (bfloat16[2,3] y) {
                      y_RandomNormal = RandomNormal<shape=[2,3], dtype=1, seed=1.0>()
                      y = Cast<to=16>(y_RandomNormal) })");
}

}  // namespace
}  // namespace olivine::opset

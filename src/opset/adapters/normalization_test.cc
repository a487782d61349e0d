#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Normalizations : public OpsetFixture {
 protected:
  Normalizations() { dims_ = {{"N", 2}, {"C", 4}, {"S", 5}}; }
};

std::string model(int opset, std::string_view rest) {
  return fmt::format(R"(<ir_version: {}, opset_import: ["": {}]> g {})", opset > 20 ? 10 : 8, opset, rest);
}

TEST_F(Normalizations, LayerIsItsFormula) {
  for (const int axis : {-1, -2, 1, 2}) {
    for (const std::int64_t target : {16, 11, 9}) {
      expect_alike(model(17, fmt::format(R"((float[2,S,4] x, float[4] w, float[4] b) => (float[2,S,4] y, float[2,S,1] m,
              float[2,S,1] d) {{ y, m, d = LayerNormalization<axis={}, epsilon=0.01>(x, w, b) }})",
                                         axis % 2 == 0 && axis > 0 ? 2 : -1)),
                   target);
      expect_alike(model(17, fmt::format(R"((float[2,S,4] x, float[4] w) => (float[2,S,4] y) {{
                               y = LayerNormalization<axis={}>(x, w) }})",
                                         axis)),
                   target);
    }
  }
}

TEST_F(Normalizations, LayerTakesStatisticsInFloat) {
  const std::string text =
      onnx::print_model(converted(model(17, R"((float16[2,4] x, float16[4] w, float16[4] b) => (float16[2,4] y) {
    y = LayerNormalization(x, w, b) })"),
                                  15));
  EXPECT_NE(text.find("Cast <to: int = 1> (x)"), std::string::npos) << text;
}

TEST_F(Normalizations, RmsIsItsFormula) {
  for (const int axis : {-1, 1}) {
    expect_alike(model(23, fmt::format(R"((float[2,S,4] x, float[4] w) => (float[2,S,4] y) {{
                             y = RMSNormalization<axis={}>(x, w) }})",
                                       axis)),
                 22);
  }
}

TEST_F(Normalizations, GroupsAreInstances) {
  for (const char* shape : {"[2,4,3,3]", "[N,C,S]", "[2,4]"}) {
    const std::string text =
        expect_alike(model(21, fmt::format(R"((float{0} x, float[4] w, float[4] b) => (float{0} y) {{
                                y = GroupNormalization<num_groups=2, epsilon=0.1>(x, w, b) }})",
                                           shape)),
                     20);
    EXPECT_EQ(text.find("GroupNormalization"), std::string::npos) << text;
  }
  expect_alike(model(21, R"((double[2,4,3] x, double[4] w, double[4] b) => (double[2,4,3] y) {
                 y = GroupNormalization<num_groups=2>(x, w, b) })"),
               17);
}

TEST_F(Normalizations, GroupsOfTheDeprecatedVersionHaveAScaleEach) {
  for (const char* shape : {"[2,4,3]", "[N,C,S]"}) {
    const std::string given = model(18, fmt::format(R"((float{0} x, float[2] w, float[2] b) => (float{0} y) {{
                                                      y = GroupNormalization<num_groups=2>(x, w, b) }})",
                                                    shape));
    ir::Model up = onnx::parse_model(given);
    convert(up, {{"", 21}});
    ir::Model down = onnx::parse_model(given);
    convert(down, {{"", 17}});
    runtime::CompareOptions options;
    options.inputs.dims = dims_of(up);
    EXPECT_TRUE(runtime::compare(down, up, options, {}).outputs.at(0).passed) << onnx::print_model(up);
  }
}

TEST_F(Normalizations, BatchParametersOfOtherTypes) {
  expect_rewrite(model(15, R"((float[2,3] x, double[3] w, double[3] b, float[3] m, float[3] v) => (float[2,3] y) {
                     y = BatchNormalization(x, w, b, m, v) })"),
                 9, R"(<ir_version: 8, opset_import: ["": 9]>
            g (float[2,3] x, double[3] w, double[3] b, float[3] m, float[3] v) => (float[2,3] y) {
              y_Cast = Cast<to=11>(x)
              y_BatchNormalization_Cast = Cast<to=11>(m)
              y_BatchNormalization_Cast_1 = Cast<to=11>(v)
              y_BatchNormalization = BatchNormalization(y_Cast, w, b, y_BatchNormalization_Cast, y_BatchNormalization_Cast_1)
              y = Cast<to=1>(y_BatchNormalization) })");
  expect_rewrite(model(15, R"((double[2,3] x, float[3] w, float[3] b, double[3] m, double[3] v) => (double[2,3] y) {
                                y = BatchNormalization(x, w, b, m, v) })"),
                 14, R"(<ir_version: 8, opset_import: ["": 14]>
            g (double[2,3] x, float[3] w, float[3] b, double[3] m, double[3] v) => (double[2,3] y) {
              y_Cast = Cast<to=11>(w)
              y_Cast_1 = Cast<to=11>(b)
              y = BatchNormalization(x, y_Cast, y_Cast_1, m, v) })");
}

TEST_F(Normalizations, BatchTrainingTakesTheStatisticsOfTheBatch) {
  for (const std::int64_t target : {13, 9}) {
    expect_alike(model(15, R"((float[2,3,S] x, float[3] w, float[3] b, float[3] m, float[3] v)
        => (float[2,3,S] y, float[3] rm, float[3] rv) {
          y, rm, rv = BatchNormalization<training_mode=1, momentum=0.7>(x, w, b, m, v) })"),
                 target);
  }
}

TEST_F(Normalizations, BatchOfOldOpsets) {
  const std::string inputs = "(float[2,3,4] x, float[3] w, float[3] b, float[3] m, float[3] v) => (float[2,3,4] y)";
  expect_rewrite(model(6, inputs + "{ y, a, c, d, e = BatchNormalization<is_test=1, spatial=1>(x, w, b, m, v) }"), 15,
                 model(15, inputs + "{ y = BatchNormalization(x, w, b, m, v) }"));
  expect_alike(model(7, R"((float[2,3,4] x, float[3,4] w, float[3,4] b, float[3,4] m) => (float[2,3,4] y)
    <float[3,4] v = {1,2,3,4,5,6,7,8,9,10,11,12}> { y = BatchNormalization<spatial=0>(x, w, b, m, v) })"),
               9);
  const std::string training = onnx::print_model(converted(
      model(6, R"((float[2,3,4] x, float[3] w, float[3] b, float[3] m, float[3] v) => (float[2,3,4] y, float[3] rm,
        float[3] rv) { y, rm, rv = BatchNormalization(x, w, b, m, v) })"),
      14));
  EXPECT_NE(training.find("training_mode: int = 1"), std::string::npos) << training;
  const std::string one =
      onnx::print_model(converted(model(6, inputs + "{ y = BatchNormalization(x, w, b, m, v) }"), 9));
  EXPECT_NE(one.find("ReduceMean"), std::string::npos) << one;
  EXPECT_NE(refusal(model(9, R"((float[2,3,4] x, float[3] w) => (float[2,3,4] y, float[3] s) {
              y, a, c, s = BatchNormalization(x, w, w, w, w) })"),
                    14)
                .find("saved statistics"),
            std::string::npos);
}

TEST_F(Normalizations, ConsumedInputsGo) {
  expect_rewrite(model(1, R"((float[2,3,4] x, float[3] w, float[3] b) => (float[2,3,4] y) {
                               y = InstanceNormalization<consumed_inputs=[0,0,0]>(x, w, b) })"),
                 9, model(9, R"((float[2,3,4] x, float[3] w, float[3] b) => (float[2,3,4] y) {
                               y = InstanceNormalization(x, w, b) })"));
}

}  // namespace
}  // namespace olivine::opset

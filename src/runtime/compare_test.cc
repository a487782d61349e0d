#include "runtime/runtime.h"
#include "runtime/test_support.h"

namespace olivine::runtime {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kModel = R"(g (float[N, 4] x) => (float[N, 4] y, int64[N] best)
    <float[4, 4] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7}>
    { h = MatMul(x, w) r = Relu(h) y = Tanh(r) best = ArgMax<axis = 1, keepdims = 0>(h) })";

TEST(Compare, FindsAModelEqualToItself) {
  const ir::Model model = model_of(kModel);
  Messages messages;
  const Comparison result = compare(model, model, {}, messages.log());
  EXPECT_TRUE(result.passed);
  ASSERT_EQ(result.outputs.size(), 2U);
  EXPECT_EQ(result.outputs[0].name, "y");
  EXPECT_EQ(result.outputs[0].max_absolute_error, 0);
  EXPECT_EQ(result.outputs[0].shape, "[2,4]");
  EXPECT_EQ(result.outputs[1].dtype_a, "int64");
  EXPECT_EQ(result.absolute_tolerance, 1e-4);
  EXPECT_THAT(messages.lines, Contains(HasSubstr("assumed sizes: N = 2")));
}

TEST(Compare, RunsSeveralSets) {
  CompareOptions options;
  options.inputs.runs = 3;
  options.inputs.dims["N"] = 5;
  Messages messages;
  const ir::Model model = model_of(kModel);
  const Comparison result = compare(model, model, options, messages.log());
  EXPECT_EQ(result.runs, 3);
  EXPECT_EQ(result.outputs[0].elements, 60U);
  EXPECT_THAT(messages.lines, IsEmpty());
}

TEST(Compare, MeasuresWhatDiffersAndFindsTheNode) {
  const ir::Model a = model_of(kModel);
  ir::Model b = model_of(kModel);
  b.graph->first()->next()->op_type = "Sigmoid";
  CompareOptions options;
  options.bisect = true;
  const Comparison result = compare(a, b, options);
  EXPECT_FALSE(result.passed);
  EXPECT_FALSE(result.outputs[0].passed);
  EXPECT_GT(result.outputs[0].max_absolute_error, 0.1);
  EXPECT_TRUE(result.outputs[1].passed);
  ASSERT_TRUE(result.divergence.has_value());
  EXPECT_EQ(result.divergence->value, "r");
  EXPECT_THAT(result.divergence->node, HasSubstr("Relu"));
  EXPECT_GT(result.divergence->max_absolute_error, 0.1);
}

TEST(Compare, FindsAWeightThatDiffers) {
  const ir::Model a = model_of(kModel);
  const ir::Model b = model_of(kModel);
  b.graph->initializers()[0]->set_initializer(floats({4, 4}, std::vector<float>(16, 1)));
  CompareOptions options;
  options.bisect = true;
  EXPECT_EQ(compare(a, b, options).divergence.value().value, "h");
}

TEST(Compare, BisectsInBatches) {
  std::string text = "g (float[8] x) => (float[8] v200) { v0 = Relu(x) ";
  for (int i = 1; i <= 200; ++i) text += "v" + std::to_string(i) + " = Add(v" + std::to_string(i - 1) + ", x) ";
  const ir::Model a = model_of(text + "}");
  ir::Model b = model_of(text + "}");
  ir::Node* node = b.graph->first();
  for (int i = 0; i < 150; ++i) node = node->next();
  node->op_type = "Sub";
  CompareOptions options;
  options.bisect = true;
  EXPECT_EQ(compare(a, b, options).divergence.value().value, "v150");
}

TEST(Compare, GivesBothModelsTheSameRoundedInputs) {
  const ir::Model wide = model_of("g (float[1000] x) => (float[1000] y) { y = Identity(x) }");
  for (const char* const type : {"float16", "bfloat16", "double"}) {
    const std::string text = std::string("g (") + type + "[1000] x) => (" + type + "[1000] y) { y = Identity(x) }";
    const ir::Model other = model_of(text);
    EXPECT_EQ(compare(wide, other, {}).outputs[0].max_absolute_error, 0) << type;
    EXPECT_EQ(compare(other, wide, {}).outputs[0].max_absolute_error, 0) << type;
  }
  const ir::Model half = model_of("g (float16[1000] x) => (float16[1000] y) { y = Identity(x) }");
  const ir::Model brain = model_of("g (bfloat16[1000] x) => (bfloat16[1000] y) { y = Identity(x) }");
  EXPECT_EQ(compare(half, brain, {}).outputs[0].max_absolute_error, 0);
}

TEST(Compare, MatchesByNameThenByPosition) {
  const ir::Model a = model_of("g (float[3] x, float[3] u) => (float[3] y, float[3] p) { y = Neg(x) p = Abs(u) }");
  const ir::Model swapped =
      model_of("g (float[3] u, float[3] x) => (float[3] p, float[3] y) { y = Neg(x) p = Abs(u) }");
  const ir::Model renamed =
      model_of("g (float[3] x2, float[3] u) => (float[3] z, float[3] p) { z = Neg(x2) p = Abs(u) }");
  EXPECT_TRUE(compare(a, swapped, {}).passed);
  EXPECT_TRUE(compare(a, renamed, {}).passed);
}

TEST(Compare, ReportsOutputsThatOnlyOneModelHas) {
  const ir::Model one = model_of("g (float[3] x) => (float[3] y) { y = Neg(x) }");
  const ir::Model two = model_of("g (float[3] x) => (float[3] y, float[3] p) { y = Neg(x) p = Abs(x) }");
  CompareOptions options;
  options.name_b = "small.onnx";
  const Comparison missing = compare(two, one, options);
  EXPECT_FALSE(missing.passed);
  EXPECT_EQ(missing.outputs[1].problem, "small.onnx has no such output");
  Messages messages;
  EXPECT_TRUE(compare(one, two, {}, messages.log()).passed);
  EXPECT_THAT(messages.lines, Contains(HasSubstr("B has the output 'p', A has not")));
}

TEST(Compare, AllowsFewOtherChoicesAmongFloats) {
  const ir::Model a = model_of("g (float[1000, 8] x) => (int64[1000] y) { y = ArgMax<axis = 1, keepdims = 0>(x) }");
  const ir::Model b = model_of(R"(g (float[1000, 8] x) => (int64[1000] y)
      { h = Cast<to = 16>(x) w = Cast<to = 1>(h) y = ArgMax<axis = 1, keepdims = 0>(w) })");
  const Comparison result = compare(a, b, {});
  EXPECT_GT(result.outputs[0].mismatches, 0U);
  EXPECT_TRUE(result.outputs[0].passed);
  CompareOptions strict;
  strict.tolerance.mismatch_fraction = 0;
  EXPECT_FALSE(compare(a, b, strict).passed);
}

TEST(Compare, FollowsAFixedShape) {
  const ir::Model fixed = model_of(R"(g (float[7, 4] x) => (float[7, 4] y) { y = Relu(x) })");
  const ir::Model dynamic = model_of(R"(g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) })");
  Messages messages;
  EXPECT_EQ(compare(dynamic, fixed, {}, messages.log()).outputs[0].shape, "[7,4]");
  EXPECT_THAT(messages.lines, IsEmpty());
}

TEST(Compare, SaysWhichModelFailedAndWhatWasAssumed) {
  const ir::Model model = model_of("g (float[N, M] x) => (float[N, M] y) { y = Neg(x) }");
  const ir::Model broken =
      model_of(R"(g (float[N, M] x) => (float[N, M] y) <int64[2] s = {1, 5}> { y = Reshape(x, s) })");
  CompareOptions options;
  options.name_b = "b.onnx";
  const std::string problem = error_of([&] { compare(model, broken, options); });
  EXPECT_THAT(problem, HasSubstr("error[verification]: b.onnx: ONNX Runtime"));
  EXPECT_THAT(problem, HasSubstr("to blame (N = 2, M = 3), give sizes by name"));
}

TEST(Compare, SaysThatIntegersAreGuesses) {
  const ir::Model model = model_of("g (float[2] x, int64[2] shape) => (float[A, B] y) { y = Reshape(x, shape) }");
  EXPECT_THAT(error_of([&] { compare(model, model, {}); }), HasSubstr("(integers below 10 for 'shape')"));
}

TEST(Compare, DoesNotMixSizesAndFiles) {
  CompareOptions options;
  options.inputs.dims["N"] = 1;
  options.inputs.files = {"x.npz"};
  const ir::Model model = model_of(kModel);
  EXPECT_THAT(error_of([&] { compare(model, model, options); }), HasSubstr("exclude each other"));
}

}  // namespace
}  // namespace olivine::runtime

#include "runtime/tolerance.h"

#include "runtime/test_support.h"

namespace olivine::runtime {
namespace {

TEST(Tolerance, FollowsTheNarrowestFloatOfEitherModel) {
  const ir::Model wide = model_of("g (float[N] x) => (float[N] y) { y = Relu(x) }");
  const ir::Model inside = model_of("g (float[N] x) => (float[N] y) { h = Cast<to = 10>(x) y = Cast<to = 1>(h) }");
  const ir::Model weight = model_of("g (float[N] x) => (float[N] y) <bfloat16[1] w = {1}> { y = Relu(x) }");
  const ir::Model precise = model_of("g (double[N] x) => (double[N] y) { y = Relu(x) }");
  const ir::Model integers = model_of("g (int64[N] x) => (int64[N] y) { y = Neg(x) }");
  EXPECT_EQ(narrowest_float(wide), DataType::float32);
  EXPECT_EQ(narrowest_float(inside), DataType::float16);
  EXPECT_EQ(narrowest_float(weight), DataType::bfloat16);
  EXPECT_EQ(narrowest_float(precise), DataType::float64);
  EXPECT_EQ(narrowest_float(integers), DataType::undefined);
  EXPECT_EQ(limits_for(wide, inside, {}).absolute, 1e-2);
  EXPECT_EQ(limits_for(inside, wide, {}).absolute, 1e-2);
  EXPECT_EQ(limits_for(wide, weight, {}).relative, 8e-2);
  EXPECT_EQ(limits_for(precise, precise, {}).absolute, 1e-8);
  EXPECT_EQ(limits_for(integers, integers, {}).absolute, 1e-4);
}

TEST(Tolerance, LooksIntoSubgraphsAndFunctions) {
  const ir::Model branch = model_of(R"(g (bool c, float[N] x) => (float[N] y) { y = If(c) <
      then_branch = t () => (float[N] a) { h = Cast<to = 10>(x) a = Cast<to = 1>(h) },
      else_branch = e () => (float[N] b) { b = Relu(x) }> })");
  EXPECT_EQ(narrowest_float(branch), DataType::float16);
}

TEST(Tolerance, TakesWhatIsGivenAsItIs) {
  const ir::Model model = model_of("g (float[N] x) => (float[N] y) { y = Relu(x) }");
  const Limits limits = limits_for(model, model, {0.5, std::nullopt, std::nullopt});
  EXPECT_EQ(limits.absolute_for(100, 1000), 0.5);
  EXPECT_EQ(limits.relative, 1e-3);
}

TEST(Tolerance, KnowsWhichIntegersComeFromFloats) {
  const ir::Model model = model_of(R"(g (float[N] x, int64[N] i) => (int64[K] best, int64[R] shape, int64[N] sum) {
      best = ArgMax(x) shape = Shape(x) sum = Add(i, i) })");
  const auto outputs = model.graph->outputs();
  EXPECT_TRUE(derives_from_floats(*outputs[0]));
  EXPECT_FALSE(derives_from_floats(*outputs[1]));
  EXPECT_FALSE(derives_from_floats(*outputs[2]));
}

TEST(Tolerance, AllowsFewOutliersByDefault) {
  const ir::Model model = model_of("g (float[N] x) => (float[N] y) { y = Relu(x) }");
  const ir::Value& output = *model.graph->outputs()[0];
  OutputComparison compared;
  compared.dtype_a = "float";
  compared.dtype_b = "float16";
  compared.elements = 10000;
  compared.mismatches = 10;
  const Limits defaults = limits_for(model, model, {});
  EXPECT_TRUE(mismatches_allowed(compared, output, defaults));
  EXPECT_FALSE(mismatches_allowed(compared, output, limits_for(model, model, {1e-4, {}, {}})));
  EXPECT_TRUE(mismatches_allowed(compared, output, limits_for(model, model, {1e-4, {}, 0.001})));
  compared.far_mismatches = 1;
  EXPECT_FALSE(mismatches_allowed(compared, output, defaults));
  compared.far_mismatches = 0;
  compared.mismatches = 11;
  EXPECT_FALSE(mismatches_allowed(compared, output, defaults));
  compared.mismatches = 1;
  compared.elements = 100;
  EXPECT_FALSE(mismatches_allowed(compared, output, defaults));
  compared.mismatches = 0;
  compared.problem = "shapes differ";
  EXPECT_FALSE(mismatches_allowed(compared, output, defaults));
}

}  // namespace
}  // namespace olivine::runtime

#include <fmt/format.h>

#include "passes/pass_fixture.h"

namespace olivine::passes {
namespace {

using ::testing::HasSubstr;

class FloatToFloat16 : public PassFixture {
 protected:
  FloatToFloat16() : PassFixture("OnnxFloatToFloat16") {}
};

constexpr auto kKeep = R"({"keep_io_types": true})";

TEST_F(FloatToFloat16, MovesInputsWeightsAndOutputs) {
  expect_rewrite(
      "{}",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w = {1, 2, 3, 4}> { y = MatMul(x, w) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float16[N, 2] x) => (float16[N, 2] y) <float16[2, 2] w = {15360, 16384, 16896, 17408}> { y = MatMul(x, w) })");
}

TEST_F(FloatToFloat16, KeptInputsAndOutputsKeepTheirNames) {
  expect_rewrite(kKeep,
                 R"(<ir_version: 10, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { [n] y = Relu(x) })",
                 R"(<ir_version: 10, opset_import: ["": 20]> g (float[N] x) => (float[N] y) {
                   [cast_x_float16] x_float16 = Cast<to: int = 10>(x)
                   [n] y_float = Relu(x_float16)
                   [cast_y_float] y = Cast<to: int = 1>(y_float) })");
}

TEST_F(FloatToFloat16, KeepsTheNamedInputsOnly) {
  expect_rewrite(R"({"keep_io_types": ["x"]})",
                 R"(<ir_version: 10, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { y = Relu(x) })",
                 R"(<ir_version: 10, opset_import: ["": 20]> g (float[N] x) => (float16[N] y) {
                   [cast_x_float16] x_float16 = Cast<to: int = 10>(x)
                   y = Relu(x_float16) })");
}

TEST_F(FloatToFloat16, ScalesOfResizeStay) {
  expect_rewrite(
      "{}",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[1, 1, N, M] x) => (float[A, B, C, D] y) <float[4] s = {1, 1, 2, 2}> { y = Resize(x, , s) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float16[1, 1, N, M] x) => (float16[A, B, C, D] y) <float[4] s = {1, 1, 2, 2}> { y = Resize(x, , s) })");
}

TEST_F(FloatToFloat16, AWeightUsedInBothTypesIsStoredInBoth) {
  expect_rewrite(
      R"({"node_block_list": ["exact"]})",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[2] x) => (float[2] y) <float[2] w = {1, 2}> { a = Add(x, w) [exact] y = Mul(a, w) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float16[2] x) => (float16[2] y) <float[2] w = {1, 2}, float16[2] w_float16 = {15360, 16384}> {
                   a = Add(x, w_float16)
                   [cast_a_float] a_float = Cast<to: int = 1>(a)
                   [exact] y_float16 = Mul(a_float, w)
                   [cast_y_float16] y = Cast<to: int = 10>(y_float16) })");
}

TEST_F(FloatToFloat16, OneCastServesAllUsers) {
  expect_rewrite(
      R"({"op_block_list": ["Exp"], "keep_io_types": true})",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[2] x) => (float[2] y) { a = Relu(x) b = Exp(a) c = Exp(a) d = Exp(x) e = Sum(b, c, d) y = Exp(e) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[2] x) => (float[2] y) {
                   [cast_x_float16] x_float16 = Cast<to: int = 10>(x)
                   a = Relu(x_float16)
                   [cast_a_float] a_float = Cast<to: int = 1>(a)
                   b = Exp(a_float)
                   [cast_b_float16] b_float16 = Cast<to: int = 10>(b)
                   c = Exp(a_float)
                   [cast_c_float16] c_float16 = Cast<to: int = 10>(c)
                   d = Exp(x)
                   [cast_d_float16] d_float16 = Cast<to: int = 10>(d)
                   e = Sum(b_float16, c_float16, d_float16)
                   [cast_e_float] e_float = Cast<to: int = 1>(e)
                   y = Exp(e_float) })");
}

TEST_F(FloatToFloat16, CastsAndTypeAttributesFollow) {
  expect_rewrite("{}",
                 R"(<ir_version: 10, opset_import: ["": 20]> g (int64[N] i, int64[1] s) => (float[N] y) {
                   a = Cast<to: int = 1>(i) b = ConstantOfShape(s) c = RandomNormal<dtype = 1, shape = [1]>() d = RandomUniformLike(a) y = Sum(a, b, c, d) })",
                 R"(<ir_version: 10, opset_import: ["": 20]> g (int64[N] i, int64[1] s) => (float16[N] y) {
                   a = Cast<to: int = 10>(i) b = ConstantOfShape<value: tensor = float16[1] {0}>(s) c = RandomNormal<dtype = 10, shape = [1]>()
                   d = RandomUniformLike(a) y = Sum(a, b, c, d) })");
}

TEST_F(FloatToFloat16, ConstantsOfEveryFormFollow) {
  expect_rewrite("{}",
                 R"(<ir_version: 10, opset_import: ["": 20]> g (float[2] x) => (float[2] y) {
                   a = Constant<value = float[2] {1, 2}>() b = Constant<value_float = 2.0>() c = Constant<value_floats = [1.0, 2.0]>() y = Sum(x, a, b, c) })",
                 R"(<ir_version: 10, opset_import: ["": 20]> g (float16[2] x) => (float16[2] y) {
                   a = Constant<value = float16[2] {15360, 16384}>() b = Constant<value = float16 {16384}>() c = Constant<value = float16[2] {15360, 16384}>() y = Sum(x, a, b, c) })");
}

TEST_F(FloatToFloat16, CastsThatBecomeIdleGo) {
  expect_rewrite(
      "{}",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[2] x, float16[2] h) => (float16[2] y, float[2] z) {
                   a = Relu(x) b = Cast<to: int = 10>(a) y = Add(b, h) c = Cast<to: int = 1>(h) z = Mul(c, x) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float16[2] x, float16[2] h) => (float16[2] y, float16[2] z) {
                   a = Relu(x) y = Add(a, h) z = Mul(h, x) })");
}

TEST_F(FloatToFloat16, ShapeComputationsStay) {
  expect_rewrite(
      kKeep,
      R"(<ir_version: 10, opset_import: ["": 20]> g (int64[1, 1, N, M] x) => (int64[A, B, C, D] y) <float two = {1.5}> {
                   s = Shape(x) f = Cast<to: int = 1>(s) g = Mul(f, two) h = Floor(g) t = Cast<to: int = 7>(h) y = Reshape(x, t) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (int64[1, 1, N, M] x) => (int64[A, B, C, D] y) <float two = {1.5}> {
                   s = Shape(x) f = Cast<to: int = 1>(s) g = Mul(f, two) h = Floor(g) t = Cast<to: int = 7>(h) y = Reshape(x, t) })");
}

TEST_F(FloatToFloat16, StatisticsOfLayerNormalizationStay) {
  expect_rewrite(
      "{}",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[N, 4] x, float[4] s) => (float[N, 4] y, float[N, 1] m) { y, mean = LayerNormalization(x, s) m = Neg(mean) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float16[N, 4] x, float16[4] s) => (float16[N, 4] y, float16[N, 1] m) {
                   y, mean = LayerNormalization(x, s)
                   [cast_mean_float16] mean_float16 = Cast<to: int = 10>(mean)
                   m = Neg(mean_float16) })");
}

TEST_F(FloatToFloat16, BitsAreNotValues) {
  expect_rewrite(
      kKeep,
      R"(<ir_version: 13, opset_import: ["": 26]> g (float[N] x) => (int32[N] y) { y = BitCast<to: int = 6>(x) })",
      R"(<ir_version: 13, opset_import: ["": 26]> g (float[N] x) => (int32[N] y) { y = BitCast<to: int = 6>(x) })");
}

TEST_F(FloatToFloat16, BranchesMoveWithTheirIf) {
  expect_rewrite(kKeep,
                 R"(<ir_version: 10, opset_import: ["": 20]> g (float[2] x, bool c) => (float[2] y) {
                   y = If(c) < then_branch = t () => (float[2] a) { a = Neg(x) }, else_branch = e () => (float[2] b) { b = Relu(x) } > })",
                 R"(<ir_version: 10, opset_import: ["": 20]> g (float[2] x, bool c) => (float[2] y) {
                   [cast_x_float16] x_float16 = Cast<to: int = 10>(x)
                   y_float = If(c) < then_branch = t () => (float16[2] a) { a = Neg(x_float16) }, else_branch = e () => (float16[2] b) { b = Relu(x_float16) } >
                   [cast_y_float] y = Cast<to: int = 1>(y_float) })");
}

TEST_F(FloatToFloat16, LoopsCarryTheNewType) {
  expect_rewrite(
      "{}",
      R"(<ir_version: 10, opset_import: ["": 20]> g (int64 n, bool c, float[2] x) => (float[2] y, float[K, 2] s) {
                   y, s = Loop(n, c, x) <body = b (int64 i, bool ci, float[2] v) => (bool co, float[2] w, float[2] o) { co = Identity(ci) w = Neg(v) o = Add(w, x) }> })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (int64 n, bool c, float16[2] x) => (float16[2] y, float16[K, 2] s) {
                   y, s = Loop(n, c, x) <body = b (int64 i, bool ci, float16[2] v) => (bool co, float16[2] w, float16[2] o) { co = Identity(ci) w = Neg(v) o = Add(w, x) }> })");
}

TEST_F(FloatToFloat16, ABlockedLoopStaysWhole) {
  expect_rewrite(R"({"op_block_list": ["Loop"]})",
                 R"(<ir_version: 10, opset_import: ["": 20]> g (int64 n, bool c, float[2] x) => (float[2] y) {
                   y = Loop(n, c, x) <body = b (int64 i, bool ci, float[2] v) => (bool co, float[2] w) { co = Identity(ci) w = Neg(v) }> })",
                 R"(<ir_version: 10, opset_import: ["": 20]> g (int64 n, bool c, float16[2] x) => (float16[2] y) {
                   [cast_x_float] x_float = Cast<to: int = 1>(x)
                   y_float16 = Loop(n, c, x_float) <body = b (int64 i, bool ci, float[2] v) => (bool co, float[2] w) { co = Identity(ci) w = Neg(v) }>
                   [cast_y_float16] y = Cast<to: int = 10>(y_float16) })");
}

TEST_F(FloatToFloat16, FunctionsMoveWhenAllCallsAgree) {
  expect_rewrite(
      "{}",
      R"(<ir_version: 10, opset_import: ["": 20, "local": 1]> g (float[2] x) => (float[2] y) { a = local.f(x) y = local.f(a) }
                   <domain: "local", opset_import: ["": 20]> f (v) => (w) { c = Constant<value = float {2}>() w = Mul(v, c) })",
      R"(<ir_version: 10, opset_import: ["": 20, "local": 1]> g (float16[2] x) => (float16[2] y) { a = local.f(x) y = local.f(a) }
                   <domain: "local", opset_import: ["": 20]> f (v) => (w) { c = Constant<value = float16 {16384}>() w = Mul(v, c) })");
}

TEST_F(FloatToFloat16, SequencesMoveTogetherOrStayTogether) {
  expect_rewrite(
      "{}",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[2] x, int64 i) => (float[2] y) { s = SequenceConstruct(x, x) y = SequenceAt(s, i) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float16[2] x, int64 i) => (float16[2] y) { s = SequenceConstruct(x, x) y = SequenceAt(s, i) })");
  expect_rewrite(
      kKeep,
      R"(<ir_version: 10, opset_import: ["": 20]> g (seq(float[2]) s, int64 i) => (float[2] y) { a = SequenceAt(s, i) y = Neg(a) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (seq(float[2]) s, int64 i) => (float[2] y) {
                   a = SequenceAt(s, i)
                   [cast_a_float16] a_float16 = Cast<to: int = 10>(a)
                   y_float = Neg(a_float16)
                   [cast_y_float] y = Cast<to: int = 1>(y_float) })");
}

TEST_F(FloatToFloat16, QuantizationScalesStayUnlessTheyAreNormalNumbers) {
  expect_rewrite(
      "{}",
      R"(<ir_version: 10, opset_import: ["": 20]> g (int8[2] q) => (float[2] y) <float s = {0.0000001}> { a = DequantizeLinear(q, s) y = Neg(a) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (int8[2] q) => (float16[2] y) <float s = {0.0000001}> {
                   a = DequantizeLinear(q, s)
                   [cast_a_float16] a_float16 = Cast<to: int = 10>(a)
                   y = Neg(a_float16) })");
  expect_rewrite(
      "{}",
      R"(<ir_version: 10, opset_import: ["": 20]> g (int8[2] q) => (float[2] y) <float s = {0.5}> { a = DequantizeLinear(q, s) y = Neg(a) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (int8[2] q) => (float16[2] y) <float16 s = {14336}> { a = DequantizeLinear(q, s) y = Neg(a) })");
}

TEST_F(FloatToFloat16, AVarianceThatWouldBeLimitedKeepsItsNode) {
  constexpr auto text = R"(<ir_version: 10, opset_import: ["": 20]> g (float[N, 1] x) => (float[N, 1] y)
    <float[1] s = {{1}}, float[1] b = {{0}}, float[1] m = {{0}}, float[1] v = {{{}}}> {{ y = BatchNormalization(x, s, b, m, v) }})";
  EXPECT_EQ(run(kKeep, fmt::format(text, "98000000")).graph->node_count(), 1U);
  EXPECT_EQ(run(kKeep, fmt::format(text, "98")).graph->node_count(), 3U);
}

TEST_F(FloatToFloat16, NodesThatCannotRunInHalfStay) {
  expect_unchanged(
      kKeep,
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[4] x, int64[2, 1] i, float[2] u) => (float[4] y) {
                     y = ScatterND<reduction = "add">(x, i, u) })");
}

TEST_F(FloatToFloat16, AModelOfOtherDomainsGetsAnImportForItsCasts) {
  const ir::Model model =
      run(kKeep, R"(<ir_version: 10, opset_import: ["ai.onnx.ml": 3]> g (float[N, 2] x) => (float[N, 2] y) {
    y = ai.onnx.ml.Scaler<offset = [1.0], scale = [2.0]>(x) })");
  EXPECT_FALSE(model.opset().has_value());
}

TEST_F(FloatToFloat16, OutputsFollowWhatInferenceTells) {
  expect_rewrite(
      "{}",
      R"(<ir_version: 13, opset_import: ["": 27]> g (float[2, 4, 32] q, float[2, 4, 32] k, float[2, 4, 32] v) => (float[2, 4, 32] y, float[2, 4, 8, 8] s) {
                   y, s = LinearAttention <kv_num_heads = 4, q_num_heads = 4, update_rule = "linear"> (q, k, v) })",
      R"(<ir_version: 13, opset_import: ["": 27]> g (float16[2, 4, 32] q, float16[2, 4, 32] k, float16[2, 4, 32] v) => (float16[2, 4, 32] y, float16[2, 4, 8, 8] s) {
                   y, s = LinearAttention <kv_num_heads = 4, q_num_heads = 4, update_rule = "linear"> (q, k, v) })");
}

TEST_F(FloatToFloat16, MoversBetweenKeptValuesGetNoCasts) {
  expect_unchanged(
      R"({"keep_io_types": true})",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[2, N] x) => (float[M, 2] y) { a = Transpose(x) y = Identity(a) })");
}

TEST_F(FloatToFloat16, AModelWithoutFloatsStaysAsItIs) {
  expect_unchanged("{}", R"(<ir_version: 10, opset_import: ["": 20]> g (int64[N] x) => (int64[N] y) { y = Neg(x) })");
}

TEST_F(FloatToFloat16, BfloatStaysAwayFromWhatDoesNotTakeIt) {
  expect_rewrite(
      R"({"target_dtype": "bfloat16"})",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { a = Relu(x) y = Elu(a) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (bfloat16[N] x) => (bfloat16[N] y) {
                   a = Relu(x)
                   [cast_a_float] a_float = Cast<to: int = 1>(a)
                   y_bfloat16 = Elu(a_float)
                   [cast_y_bfloat16] y = Cast<to: int = 16>(y_bfloat16) })");
}

TEST_F(FloatToFloat16, GoesTheOtherWayToo) {
  expect_rewrite(
      R"({"source_dtype": "float16", "target_dtype": "float"})",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float16[2] x) => (float16[2] y) <float16[2] w = {15360, 16384}> { y = Add(x, w) })",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[2] x) => (float[2] y) <float[2] w = {1, 2}> { y = Add(x, w) })");
}

TEST_F(FloatToFloat16, LimitsConstantsAndCountsThem) {
  const ir::Model model = run(
      "{}",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[4] x) => (float[4] y) <float[4] w = {100000, -0.00000001, 0, 1}> { y = Add(x, w) })");
  const auto values = tensor::as_doubles(*model.graph->initializers()[0]->initializer());
  EXPECT_DOUBLE_EQ((*values)[0], 10000);
  EXPECT_NEAR((*values)[1], -1e-7, 3e-8);
  EXPECT_EQ((*values)[2], 0);
}

TEST_F(FloatToFloat16, TellsOfNamesThatMatchNothing) {
  run(R"({"op_block_list": ["Rela"]})",
      R"(<ir_version: 10, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { y = Relu(x) })");
  ASSERT_EQ(context_.notices.size(), 1U);
  EXPECT_EQ(context_.notices[0], "op_block_list: the model has no 'Rela'; did you mean Relu?");
}

TEST_F(FloatToFloat16, WantsFloatingPointTypes) {
  EXPECT_THAT(refusal(R"({"target_dtype": "int8"})",
                      R"(<ir_version: 10, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { y = Relu(x) })"),
              HasSubstr("int8 is not a floating-point type"));
}

/// A square of 90000, which the product with 1e-5 brings back.
constexpr auto kOverflow =
    R"(<ir_version: 10, opset_import: ["": 20]> g (float[2, 4] x) => (float[2, 4] y) <float[4] big = {1, 2, 3, 300}, float small = {0.00001}> {
       [calm] r = Relu(x) [square] s = Mul(big, big) [back] d = Mul(s, small) [sum] y = Add(r, d) })";

TEST_F(FloatToFloat16, AnAccuracyKeepsWhatItNeeds) {
  const auto wide = [](const ir::Model& model) {
    std::vector<std::string> names;
    for (const ir::Node& node : model.graph->nodes()) {
      if (!node.is("Cast") && element_type(node.output(0)->type) == DataType::float32) names.push_back(node.name);
    }
    return names;
  };
  EXPECT_THAT(wide(run("{}", kOverflow)), ::testing::IsEmpty());
  EXPECT_FALSE(context_.report.contains("accuracy"));
  EXPECT_THAT(wide(run(R"({"accuracy": {}})", kOverflow)), ::testing::ElementsAre("square", "back"));
  EXPECT_EQ(context_.report["accuracy"]["met"], true);
  EXPECT_EQ(context_.report["accuracy"]["kept_nodes"].size(), 2U);
  // Lists hold beside it.
  EXPECT_THAT(wide(run(R"({"accuracy": {}, "op_block_list": ["Relu"]})", kOverflow)),
              ::testing::ElementsAre("calm", "square", "back"));
  EXPECT_THAT(wide(run(R"({"accuracy": {"atol": 1000}})", kOverflow)), ::testing::ElementsAre("square", "back"));
}

TEST_F(FloatToFloat16, AnAccuracyIsOfFloat32AndItsOptionsAreChecked) {
  EXPECT_THAT(refusal(R"({"accuracy": {}, "source_dtype": "float16", "target_dtype": "bfloat16"})", kOverflow),
              HasSubstr("accuracy is kept from float32 only, not from float16"));
  std::vector<config::Problem> problems;
  find_pass("OnnxFloatToFloat16")->options().read(config::Json::parse(R"({"accuracy": {"atoll": 1}})"), problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].pointer + problems[0].message, HasSubstr("/atoll"));
}

}  // namespace
}  // namespace olivine::passes

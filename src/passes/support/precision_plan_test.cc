#include "passes/support/precision_plan.h"

#include "passes/pass_fixture.h"

/// Models with ONNX Runtime's own operators, through the pass that plans with their schemas.
namespace olivine::passes {
namespace {

class RuntimeOperators : public PassFixture {
 protected:
  RuntimeOperators() : PassFixture("OnnxFloatToFloat16") {}

  static std::string model(std::string_view graph) {
    return R"(<ir_version: 10, opset_import: ["": 20, "com.microsoft": 1]> )" + std::string(graph);
  }

  static const ir::Node& find(const ir::Model& model, std::string_view op_type) {
    for (const ir::Node& node : model.graph->nodes()) {
      if (node.op_type == op_type) return node;
    }
    throw Error(ErrorCode::internal, "no such node");
  }
};

TEST_F(RuntimeOperators, MoveAsTheirSchemasSay) {
  expect_rewrite(
      "{}",
      model(
          R"(g (float[N,S,8] x, float[N,S,8] z) => (float[N,S,8] y, float[N,S,1] mean) <float[8] w = {1,1,1,1,1,1,1,1}> {
                   a = SimplifiedLayerNormalization(x, w)
                   b, mean = com.microsoft.SkipLayerNormalization(a, z, w)
                   y = com.microsoft.FastGelu(b) })"),
      model(R"(g (float16[N,S,8] x, float16[N,S,8] z) => (float16[N,S,8] y, float16[N,S,1] mean)
                   <float16[8] w = {15360,15360,15360,15360,15360,15360,15360,15360}> {
                   a = SimplifiedLayerNormalization(x, w)
                   b, mean_float16 = com.microsoft.SkipLayerNormalization(a, z, w)
                   [cast_mean_float16] mean = Cast<to: int = 10>(mean_float16)
                   y = com.microsoft.FastGelu(b) })"));
}

TEST_F(RuntimeOperators, QuantizedWeightsStayAndTheirBlockScalesMove) {
  expect_rewrite("{}", model(R"(g (float[N,32] x, uint8[2,1,16] w) => (float[N,2] y) <float[2] s = {1, 0}> {
                   y = com.microsoft.MatMulNBits<K = 32, N = 2, bits = 4, block_size = 32>(x, w, s) })"),
                 model(R"(g (float16[N,32] x, uint8[2,1,16] w) => (float16[N,2] y) <float16[2] s = {15360, 0}> {
                   y = com.microsoft.MatMulNBits<K = 32, N = 2, bits = 4, block_size = 32>(x, w, s) })"));
}

TEST_F(RuntimeOperators, AScaleThatWouldVanishKeepsItsNode) {
  const auto product_type = [&](std::string_view scale) {
    const ir::Model result =
        run(R"({"keep_io_types": true})",
            model(R"(g (uint8[N,8] a, uint8[8,4] b, float[N,4] z) => (float[N,4] y) <float s = {)" +
                  std::string(scale) + R"(}> {
      p = com.microsoft.MatMulIntegerToFloat(a, b, s, s)
      q = Add(p, z)
      y = Relu(q) })"));
    return element_type(find(result, "MatMulIntegerToFloat").output(0)->type);
  };
  EXPECT_EQ(product_type("0.01"), DataType::float16);
  EXPECT_EQ(product_type("0.000001"), DataType::float32);
}

TEST_F(RuntimeOperators, TheTypeAttributeFollows) {
  const ir::Model result = run("{}", model(R"(g (int8[2,8] x, float s) => (float[2,8] y) {
    d = com.microsoft.DequantizeWithOrder<order_input = 1, order_output = 1, to = 1>(x, s)
    y = Relu(d) })"));
  EXPECT_EQ(to_string(result.graph->outputs()[0]->type), "float16[2,8]");
}

TEST_F(RuntimeOperators, WhatHoldsTypesOfItsOwnStays) {
  const ir::Model compiled = run("{}", model(R"(g (float[2] x) => (float[2] y) <float[2] b> {
    a = Relu(x)
    b = com.microsoft.EPContext<main_context = 1>(a)
    y = Relu(b) })"));
  EXPECT_EQ(element_type(find(compiled, "Relu").output(0)->type), DataType::float16);
  EXPECT_EQ(element_type(find(compiled, "EPContext").input(0)->type), DataType::float32);
  EXPECT_EQ(element_type(find(compiled, "EPContext").output(0)->type), DataType::float32);

  const ir::Model search = run(
      "{}", model(R"(g (int32[B,S] ids, int32[1] n, float[1] penalty, int32[1] least) => (int32[B,L] y, float[1] z) {
    y = com.microsoft.GreedySearch<eos_token_id = 1, pad_token_id = 0, decoder = d (int32[B,S] input) => (float[B,S] logits) { logits = Cast<to = 1>(input) }>(ids, n, least, penalty)
    z = Relu(penalty) })"));
  const ir::Node& node = find(search, "GreedySearch");
  EXPECT_EQ(element_type(node.input(3)->type), DataType::float32);
  EXPECT_EQ(element_type(node.subgraphs()[0]->outputs()[0]->type), DataType::float32);
}

/// Borders of functions and branches, through the pass.
class Borders : public PassFixture {
 protected:
  Borders() : PassFixture("OnnxFloatToFloat16") {}

  void expect(std::string_view before, std::string_view after) {
    const std::string imports = R"(<ir_version: 10, opset_import: ["": 20, "local": 1]> )";
    expect_rewrite(R"({"op_block_list": ["Exp"], "keep_io_types": true})", imports + std::string(before),
                   imports + std::string(after.empty() ? before : after));
  }
};

TEST_F(Borders, ParametersAndResultsOfAFunctionThatStayAreNotRounded) {
  expect(R"(g (float[2] x) => (float[2] y) { y = local.f(x) }
    <domain: "local", opset_import: ["": 20]> f (v) => (w) { a = Exp(v) w = Exp(a) })",
         "");
}

TEST_F(Borders, EachParameterAndResultIsForItself) {
  expect(R"(g (float[2] x) => (float[2] y, float[2] z) { y, z = local.f(x, x) }
    <domain: "local", opset_import: ["": 20]> f (v, u) => (w, t) { w = Exp(v) t = Neg(u) })",
         R"(g (float[2] x) => (float[2] y, float[2] z) {
      [cast_x_float16] x_float16 = Cast<to: int = 10>(x)
      y, z_float = local.f(x, x_float16)
      [cast_z_float] z = Cast<to: int = 1>(z_float) }
    <domain: "local", opset_import: ["": 20]> f (v, u) => (w, t) { w = Exp(v) t = Neg(u) })");
}

TEST_F(Borders, AParameterThatSomebodyTakesNarrowMoves) {
  expect(R"(g (float[2] x) => (float[2] y, float[2] z) { y, z = local.f(x) }
    <domain: "local", opset_import: ["": 20]> f (v) => (w, t) { w = Exp(v) t = Neg(v) })",
         R"(g (float[2] x) => (float[2] y, float[2] z) {
      [cast_x_float16] x_float16 = Cast<to: int = 10>(x)
      y, z_float = local.f(x_float16)
      [cast_z_float] z = Cast<to: int = 1>(z_float) }
    <domain: "local", opset_import: ["": 20]> f (v) => (w, t) {
      [cast_v_float] v_float = Cast<to: int = 1>(v)
      w = Exp(v_float)
      t = Neg(v) })");
}

TEST_F(Borders, OneBorderSettlesTheNext) {
  // What the inner function gives stays, so what the outer one gives does.
  expect(R"(g (float[2] x) => (float[2] y) { y = local.outer(x) }
    <domain: "local", opset_import: ["": 20]> inner (v) => (w) { w = Exp(v) }
    <domain: "local", opset_import: ["": 20, "local": 1]> outer (v) => (w) { a = local.inner(v) w = local.inner(a) })",
         "");
}

TEST_F(Borders, AResultThatAllBranchesGiveWideIsNotRounded) {
  expect(R"(g (float[2] x, bool c) => (float[2] y) {
      y = If(c) <then_branch = t () => (float[2] a) { a = Exp(x) }, else_branch = e () => (float[2] b) { n = Exp(x) b = Exp(n) }> })",
         "");
}

TEST_F(Borders, AResultThatOneBranchGivesNarrowMoves) {
  expect(R"(g (float[2] x, bool c) => (float[2] y) {
      y = If(c) <then_branch = t () => (float[2] a) { a = Exp(x) }, else_branch = e () => (float[2] b) { b = Neg(x) }> })",
         R"(g (float[2] x, bool c) => (float[2] y) {
      [cast_x_float16] x_float16 = Cast<to: int = 10>(x)
      y_float = If(c) <then_branch = t () => (float16[2] a) {
          a_float16 = Exp(x)
          [cast_a_float16] a = Cast<to: int = 10>(a_float16) },
        else_branch = e () => (float16[2] b) { b = Neg(x_float16) }>
      [cast_y_float] y = Cast<to: int = 1>(y_float) })");
}

}  // namespace
}  // namespace olivine::passes

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

}  // namespace
}  // namespace olivine::passes

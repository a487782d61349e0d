#include "onnx/walk.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace olivine::onnx {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Knows initializers, and what a test says of other values.
class Knowing final : public Evaluator {
 public:
  const tensor::Tensor* constant(const ir::Value& value) override { return value.initializer(); }
  std::optional<ir::Shape> elements(const ir::Value& value) override {
    const auto entry = known.find(value.name());
    return entry == known.end() ? std::nullopt : std::optional(entry->second);
  }
  void leave(const ir::Node& node, std::int64_t) override { left.push_back(node.op_type); }
  void bind(const ir::Value&, const ir::Value*) override {}

  std::map<std::string, ir::Shape> known;
  std::vector<std::string> left;
};

std::string type_of(ir::Model& model, std::string_view name) {
  std::string text = "no such value";
  for_each_graph(model, [&](ir::Graph& graph) {
    for (const ir::Node& node : graph.nodes()) {
      for (const auto& output : node.outputs()) {
        if (output && output->name() == name) text = to_string(output->type);
      }
    }
  });
  return text;
}

TEST(Walk, AsksForValuesOnTheWay) {
  ir::Model model = parse_model(R"(<ir_version: 10, opset_import: ["": 20]>
    g (float[N, 6] x, int64[3] t) => (float[A, B, C] y) { r = Reshape(x, t) y = Relu(r) })");
  Knowing knowing;
  knowing.known["t"] = {ir::Dim(2), ir::Dim("M"), ir::Dim(3)};
  const WalkReport report = infer_in_order(model, knowing);
  EXPECT_EQ(type_of(model, "r"), "float[2,M,3]");
  EXPECT_EQ(type_of(model, "y"), "float[2,B,3]") << "a symbol of the file stays";
  EXPECT_THAT(report.contradictions, IsEmpty());
  EXPECT_THAT(knowing.left, ::testing::ElementsAre("Reshape", "Relu"));
}

TEST(Walk, InferenceWinsAgainstTheFile) {
  ir::Model model = parse_model(R"(<ir_version: 10, opset_import: ["": 20]>
    g (float[2, 6] x) => (float[6, 2] y) <float[5, 5] t> { t = Transpose(x) y = Relu(t) })");
  Knowing knowing;
  const WalkReport report = infer_in_order(model, knowing);
  EXPECT_EQ(type_of(model, "t"), "float[6,2]");
  ASSERT_THAT(report.contradictions, SizeIs(1));
  EXPECT_EQ(to_string(report.contradictions[0].declared), "float[5,5]");
}

TEST(Walk, TellsWhatANodeCannotTake) {
  ir::Model model = parse_model(R"(<ir_version: 10, opset_import: ["": 20]>
    g (float[2, 6] x, float[7, 3] w) => (float[A, B] y) { [m] p = MatMul(x, w) y = Relu(p) })");
  Knowing knowing;
  const WalkReport report = infer_in_order(model, knowing);
  ASSERT_THAT(report.refusals, SizeIs(1));
  EXPECT_EQ(report.refusals[0].node->name, "m");
  EXPECT_THAT(report.refusals[0].reason, HasSubstr("ncompatible"));
}

TEST(Walk, WhatFollowsAnUnknownOperatorIsNotBlamed) {
  ir::Model model = parse_model(R"(<ir_version: 10, opset_import: ["": 20, "com.acme": 1]>
    g (float[2, 6] x, float[7, 3] w) => (float[A, B] y) { a = com.acme.Magic(x) p = MatMul(x, w) y = Relu(p) })");
  Knowing knowing;
  EXPECT_THAT(infer_in_order(model, knowing).refusals, IsEmpty());
}

TEST(Walk, OperatorsWithoutInferenceAreTheirFunctions) {
  ir::Model model = parse_model(R"(<ir_version: 10, opset_import: ["": 18]>
    g (float[2, 6, 5, 5] x, float[3] s, float[3] b) => (float[A, B, C, D] y) { n = GroupNormalization<num_groups = 3>(x, s, b) y = Relu(n) })");
  Knowing knowing;
  EXPECT_THAT(infer_in_order(model, knowing).refusals, IsEmpty());
  EXPECT_EQ(type_of(model, "y"), "float[2,6,5,5]");
}

TEST(Walk, GoesThroughBodies) {
  ir::Model model = parse_model(R"(<ir_version: 10, opset_import: ["": 20]>
    g (float[3, 4] x, float[4] i, bool c) => (float[A] last, float[B, C] all, float[D, E] y) {
      last, all = Scan<num_scan_inputs = 1, body = b (float[4] s, float[4] e) => (float[4] t, float[4] u) { t = Add(s, e) u = Neg(t) }>(i, x)
      y = If(c) <then_branch = t () => (float[F, G] p) { p = Neg(all) }, else_branch = e () => (float[H, K] q) { q = Transpose(x) }>
    })");
  Knowing knowing;
  infer_in_order(model, knowing);
  EXPECT_EQ(type_of(model, "last"), "float[4]");
  EXPECT_EQ(type_of(model, "all"), "float[3,4]");
  EXPECT_EQ(type_of(model, "q"), "float[4,3]");
  EXPECT_EQ(type_of(model, "y"), "float[D,E]") << "the branches differ";
}

TEST(Walk, ALoopWithoutTypesIsWalkedNevertheless) {
  ir::Model model = parse_model(R"(<ir_version: 10, opset_import: ["": 20, "com.acme": 1]>
    g (int64 n, bool c, float[2] x) => (float[A] y) {
      s = com.acme.Magic(x)
      y = Loop(n, c, s) <body = b (int64 i, bool go, float[2] a) => (bool on, float[2] b) { on = Identity(go) b = Neg(a) }>
    })");
  Knowing knowing;
  infer_in_order(model, knowing);
  EXPECT_EQ(type_of(model, "b"), "float[2]");
}

TEST(Walk, FunctionsGetWhatAllCallsAgreeOn) {
  ir::Model model = parse_model(R"(<ir_version: 10, opset_import: ["": 20, "local": 1]>
    g (float[4, 2] x, float[5, 2] z) => (float[A, B] y, float[C, D] w) { y = local.f<axis = 0>(x) w = local.f<axis = 0>(z, x) }
    <domain: "local", opset_import: ["": 20]> f<axis>(a, extra) => (b) { c = Concat<axis: int = @axis>(a, a) b = Neg(c) })");
  Knowing knowing;
  infer_in_order(model, knowing);
  EXPECT_EQ(to_string(model.graph->outputs()[0]->type), "float[8,2]");
  EXPECT_EQ(to_string(model.graph->outputs()[1]->type), "float[10,2]");
  EXPECT_EQ(type_of(model, "c"), "float[?,2]");
}

TEST(Walk, FunctionsThatCallTwiceAreNotWalkedForEver) {
  std::string text = R"(<ir_version: 10, opset_import: ["": 20, "local": 1]>
    g (float[4] x) => (y) { y = local.f0(x) })";
  for (int i = 0; i < 40; ++i) {
    text += fmt::format(
        R"(<domain: "local", opset_import: ["": 20, "local": 1]> f{}(a) => (b) {{ c = local.f{}(a) b = local.f{}(c) }})",
        i, i + 1, i + 1);
  }
  text += R"(<domain: "local", opset_import: ["": 20]> f40(a) => (b) { b = Neg(a) })";
  ir::Model model = parse_model(text);
  Knowing knowing;
  infer_in_order(model, knowing);
  SUCCEED();
}

}  // namespace
}  // namespace olivine::onnx

#include "passes/support/mixed/merge.h"

#include "runtime/test_support.h"

namespace olivine::passes::mixed {
namespace {

/// The operators of the nodes to merge when those with an Exp stay; sizes are known from running alone.
std::vector<std::string> merged(std::string_view graph, const runtime::InputSet& inputs) {
  ir::Model model = runtime::model_of(graph);
  onnx::infer_element_types(model);
  PrecisionRequest request;
  request.keep_node = [](const ir::Node& node) { return node.is("Exp"); };
  request.keep_io = [](const ir::Value&) { return true; };
  Simulation simulation(model, request, {}, {});
  simulation.observe(inputs);
  std::vector<std::string> result;
  for (const ir::Node* node : nodes_to_merge(model, plan_without_conflicts(model, request), simulation))
    result.push_back(node->op_type);
  return result;
}

std::vector<std::string> merged(std::string_view graph) {
  return merged(graph, {{"x", runtime::floats({2, 2}, {1, 2, 3, 4})}});
}

TEST(Merge, AnIslandThatCostsMoreCastsThanItSaves) {
  EXPECT_THAT(merged("g (float[N, M] x) => (float[N, M] y) { a = Exp(x) b = Neg(a) y = Exp(b) }"),
              testing::ElementsAre("Neg"));
  EXPECT_THAT(merged("g (float[N, M] x) => (float[N, M] y) { a = Exp(x) b = Neg(a) c = Relu(b) y = Exp(c) }"),
              testing::UnorderedElementsAre("Neg", "Relu"));
}

TEST(Merge, AnIslandThatIsWorthItsCastsStaysNarrow) {
  // Two casts move twelve bytes an element, as much as three nodes save.
  EXPECT_THAT(
      merged("g (float[N, M] x) => (float[N, M] y) { a = Exp(x) b = Neg(a) c = Relu(b) d = Abs(c) y = Exp(d) }"),
      testing::IsEmpty());
}

TEST(Merge, ProductsAreNeverNamed) {
  EXPECT_THAT(merged("g (float[N, M] x) => (float[N, M] y) { a = Exp(x) b = MatMul(a, a) y = Exp(b) }"),
              testing::IsEmpty());
  EXPECT_THAT(merged(R"(g (float[N, M] x) => (float[N, M] y) {
                a = Exp(x) b = Neg(a) c = Exp(b) d = MatMul(c, c) e = Relu(d) f = MatMul(e, e) y = Exp(f) })"),
              testing::ElementsAre("Neg"));
}

TEST(Merge, SizesAreThoseThatWereSeen) {
  // Four nodes are worth two casts, unless what is cast is larger than what most of them work on.
  constexpr std::string_view kSum = R"(g (float[N, M] x) => (float[K, M] y) {
    a = Exp(x) s = ReduceMax(a) t = Neg(s) u = Relu(t) v = Abs(u) y = Exp(v) })";
  EXPECT_THAT(merged(kSum, {{"x", runtime::floats({1, 1}, {1})}}), testing::IsEmpty());
  EXPECT_THAT(merged(kSum, {{"x", runtime::floats({8, 8}, std::vector<float>(64, 1))}}),
              testing::UnorderedElementsAre("ReduceMax", "Neg", "Relu", "Abs"));
}

TEST(Merge, WhatOnlyMovesDataGoesAlongUnnamed) {
  EXPECT_THAT(merged("g (float[N, M] x) => (float[M, N] y) { a = Exp(x) b = Neg(a) c = Transpose(b) y = Exp(c) }"),
              testing::ElementsAre("Neg"));
}

TEST(Merge, AModelWithoutNodesThatStay) {
  EXPECT_THAT(merged("g (float[N, M] x) => (float[N, M] y) { a = Neg(x) b = Relu(a) c = Abs(b) y = Neg(c) }"),
              testing::IsEmpty());
}

}  // namespace
}  // namespace olivine::passes::mixed

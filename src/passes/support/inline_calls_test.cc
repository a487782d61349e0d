#include "passes/support/inline_calls.h"

#include <fmt/format.h>

#include "runtime/test_support.h"

namespace olivine::passes {
namespace {

ir::Model parse(std::string_view text) {
  return onnx::parse_model(R"(<ir_version: 10, opset_import: ["": 20, "local": 1]> )" + std::string(text));
}

std::vector<double> run(const ir::Model& model) {
  return runtime::doubles(runtime::Session(model, {}).run({{"x", runtime::floats({2}, {1, 2})}}).at(0));
}

ir::Model checked_inlined(std::string_view text) {
  ir::Model model = parse(text);
  inline_calls(model);
  EXPECT_NO_THROW(onnx::check_model(model)) << onnx::print_model(model);
  EXPECT_TRUE(model.functions.empty());
  return model;
}

/// Checked, with the same results as with its functions, for x = {1, 2}.
ir::Model inlined(std::string_view text) {
  ir::Model model = checked_inlined(text);
  EXPECT_EQ(run(model), run(parse(text))) << onnx::print_model(model);
  return model;
}

std::vector<std::string> op_types(const ir::Model& model) {
  std::vector<std::string> result;
  for_each_graph(model, [&](const ir::Graph& graph) {
    for (const ir::Node& node : graph.nodes()) result.push_back(node.op_type);
  });
  return result;
}

TEST(InlineCalls, EachCallGetsABodyOfItsOwn) {
  const ir::Model model = inlined(R"(g (float[2] x) => (float[2] y) { a = local.f(x) b = local.f(a) y = local.f(b) }
    <domain: "local", opset_import: ["": 20]> f (v) => (w) { [n] t = Neg(v) [m] w = Exp(t) })");
  EXPECT_THAT(op_types(model), testing::ElementsAre("Neg", "Exp", "Neg", "Exp", "Neg", "Exp"));
}

TEST(InlineCalls, AttributesComeFromTheCallOrAreDefaults) {
  const ir::Model model =
      inlined(R"(g (float[2] x) => (float[2] y) { a = local.f<alpha = 0.5>(x) y = local.f<alpha = 0.5, axis = -1>(a) }
    <domain: "local", opset_import: ["": 20]> f <alpha, axis: int = 0> (v) => (w) {
      t = LeakyRelu<alpha: float = @alpha>(v)
      w = Softmax<axis: int = @axis>(t) })");
  std::vector<std::int64_t> axes;
  for (const ir::Node& node : model.graph->nodes()) {
    if (node.is("Softmax")) axes.push_back(node.integer("axis", 7));
    if (node.is("LeakyRelu")) {
      EXPECT_EQ(node.floating("alpha", 0), 0.5);
    }
  }
  EXPECT_THAT(axes, testing::ElementsAre(0, -1));
}

TEST(InlineCalls, FunctionsThatCallOthersAndCallsInBranches) {
  const ir::Model model = inlined(R"(g (float[2] x) => (float[2] y) {
      c = Constant<value = bool {1}>()
      y = If(c) <then_branch = t () => (float[2] a) { a = local.outer(x) },
                 else_branch = e () => (float[2] b) { b = local.inner(x) }> }
    <domain: "local", opset_import: ["": 20]> inner (v) => (w) { w = Neg(v) }
    <domain: "local", opset_import: ["": 20, "local": 1]> outer (v) => (w) { t = local.inner(v) u = local.inner(t) w = Sub(t, u) })");
  EXPECT_THAT(op_types(model), testing::UnorderedElementsAre("Constant", "If", "Neg", "Neg", "Sub", "Neg"));
}

TEST(InlineCalls, ParametersThatAreResultsAndResultsThatNobodyTakes) {
  // ONNX Runtime itself refuses such functions.
  const ir::Model model = checked_inlined(R"(g (float[2] x) => (float[2] y) { a, b = local.f(x) y, unused = local.f(b) }
    <domain: "local", opset_import: ["": 20]> f (v) => (v, w) { w = Neg(v) })");
  EXPECT_THAT(run(model), testing::ElementsAre(-1, -2));
}

TEST(InlineCalls, ParametersThatAreLeftOut) {
  const ir::Model model =
      inlined(R"(g (float[2] x) => (float[2] y) <float low = {1.5}> { a = local.f(x) y = local.f(a, low) }
    <domain: "local", opset_import: ["": 20]> f (v, low) => (w) { w = Clip(v, low) })");
  std::vector<std::size_t> limits;
  for (const ir::Node& node : model.graph->nodes()) limits.push_back(node.input(1) == nullptr ? 0 : 1);
  EXPECT_THAT(limits, testing::ElementsAre(0, 1));
}

TEST(InlineCalls, NamesInBodiesOfTheFunctionDoNotHideOthers) {
  // `a` is outside, too; the second call brings `t` and `t_1` once more.
  inlined(R"(g (float[2] x) => (float[2] y) { a = local.f(x) y = local.f(a) }
    <domain: "local", opset_import: ["": 20]> f (v) => (w) {
      t = Neg(v) t_1 = Exp(t)
      c = Constant<value = bool {1}>()
      w = If(c) <then_branch = p () => (float[2] a) { t_2 = Neg(t_1) a = Sub(t_2, t) },
                 else_branch = q () => (float[2] b) { b = Neg(v) }> })");
}

TEST(InlineCalls, WhatHasNoEndIsRefused) {
  ir::Model endless = parse(R"(g (float[2] x) => (float[2] y) { y = local.f(x) }
    <domain: "local", opset_import: ["": 20, "local": 1]> f (v) => (w) { a = local.h(v) w = local.h(a) }
    <domain: "local", opset_import: ["": 20, "local": 1]> h (v) => (w) { w = local.f(v) })");
  EXPECT_THAT(runtime::error_of([&] { inline_calls(endless); }), testing::HasSubstr("calls itself"));

  std::string doubling = R"(g (float[2] x) => (float[2] y) { y = local.f40(x) }
    <domain: "local", opset_import: ["": 20]> f0 (v) => (w) { w = Neg(v) })";
  for (int i = 1; i <= 40; ++i) {
    doubling += fmt::format(
        R"(<domain: "local", opset_import: ["": 20, "local": 1]> f{0} (v) => (w) {{ a = local.f{1}(v) w = local.f{1}(a) }})",
        i, i - 1);
  }
  ir::Model exponential = parse(doubling);
  EXPECT_THAT(runtime::error_of([&] { inline_calls(exponential); }),
              testing::HasSubstr("with its functions inlined the model has 1.1e+12 nodes"));
}

TEST(InlineCalls, OpsetsThatOnlyAFunctionImportsAreAdded) {
  const ir::Model model = inlined(R"(g (float[2] x) => (float[2] y) { y = local.f(x) }
    <domain: "local", opset_import: ["": 20, "com.microsoft": 1]> f (v) => (w) { w = com.microsoft.FastGelu(v) })");
  EXPECT_EQ(model.opset("com.microsoft"), 1);
}

}  // namespace
}  // namespace olivine::passes

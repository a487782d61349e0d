#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "onnx/onnx.h"

namespace olivine::onnx {
namespace {

using ::testing::HasSubstr;

std::string type_of(const ir::Graph& graph, std::string_view name) {
  for (const ir::Node& node : graph.nodes()) {
    for (const auto& output : node.outputs()) {
      if (output && output->name() == name) return to_string(output->type);
    }
  }
  return "no such value";
}

TEST(InferTypes, GivesInnerValuesTypesWithoutChangingTheModel) {
  ir::Model model = parse_model(R"(<ir_version: 10, opset_import: ["": 20]>
    g (float[N, 3] x) => (float[M, K] y) { s = Shape(x) r = Reshape(x, s) y = Relu(r) })");
  const std::string before = serialize_weightless(model);
  infer_types(model);
  EXPECT_EQ(type_of(*model.graph, "s"), "int64[2]");
  EXPECT_EQ(type_of(*model.graph, "r"), "float[N,3]");
  EXPECT_EQ(serialize_weightless(model), before);
  InferenceOptions refine;
  refine.refine = true;
  infer_types(model, refine);
  EXPECT_EQ(to_string(model.graph->outputs()[0]->type), "float[M,3]");
}

TEST(InferTypes, ReachesSubgraphs) {
  ir::Model model = parse_model(R"(<ir_version: 10, opset_import: ["": 20]>
    g (float[4] x, bool c) => (float[4] y) {
      y = If(c) < then_branch = t () => (float[4] a) { b = Neg(x) a = Relu(b) }, else_branch = e () => (float[4] d) { d = Neg(x) } > })");
  infer_types(model);
  EXPECT_EQ(type_of(*model.graph->first()->subgraphs()[0], "b"), "float[4]");
}

TEST(InferTypes, ReachesFunctionBodies) {
  ir::Model model = parse_model(R"(<ir_version: 10, opset_import: ["": 20, "local": 1]>
    g (float[4, 2] x, float[5, 2] z) => (float[4, 2] y, float[5, 2] w) { y = local.outer<to = 10>(x) w = local.outer<to = 10>(z) }
    <domain: "local", opset_import: ["": 20, "local": 1]> outer<to>(a) => (b) { c = local.inner(a) d = Cast<to: int = @to>(c) b = CastLike(d, a) }
    <domain: "local", opset_import: ["": 20]> inner(a) => (b) { b = Neg(a) })");
  infer_types(model);
  EXPECT_EQ(type_of(*model.functions[0]->body, "d"), "float16[?,2]");
  EXPECT_EQ(type_of(*model.functions[1]->body, "b"), "float[?,2]");
}

TEST(CheckModel, NamesWhatIsWrong) {
  const auto problem = [](std::string_view text) -> std::string {
    try {
      check_model(parse_model(text));
    } catch (const Error& error) {
      return error.what();
    }
    return "valid";
  };
  EXPECT_EQ(problem(R"(<ir_version: 10, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { y = Relu(x) })"),
            "valid");
  EXPECT_THAT(problem(R"(<ir_version: 10, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { y = Rela(x) })"),
              HasSubstr("No Op registered for Rela"));
  EXPECT_THAT(problem(R"(<ir_version: 10, opset_import: ["": 20]> g (float[N] x) => (int64[N] y) { y = Relu(x) })"),
              HasSubstr("types contradict"));
  EXPECT_THAT(
      problem(
          R"(<ir_version: 10, opset_import: ["": 20]> g (float[N] x, float16[N] z) => (float[N] y) { y = Add(x, z) })"),
      HasSubstr("types contradict"));
  EXPECT_THAT(problem(R"(<ir_version: 10, opset_import: ["": 99]> g (float[N] x) => (float[N] y) { y = Relu(x) })"),
              HasSubstr("imports opset 99 of ai.onnx, newer than"));
}

TEST(Schemas, TellParametersAndVersions) {
  const Schema resize = find_schema("Resize", "", 18).value();
  EXPECT_EQ(resize.since_version(), 18);
  EXPECT_TRUE(resize.input(0)->accepts(DataType::float16));
  EXPECT_FALSE(resize.input(2)->accepts(DataType::float16));
  EXPECT_EQ(resize.input(3)->type_variable, "tensor(int64)");
  EXPECT_EQ(resize.input(4), nullptr);
  EXPECT_EQ(find_schema("Concat", "", 13)->input(17)->arity, Arity::variadic);
  EXPECT_FALSE(find_schema("Gelu", "", 19).has_value());
  EXPECT_EQ(std::get<std::int64_t>(find_schema("RandomNormal", "", 22)->attribute_default("dtype")), 1);
  EXPECT_GE(newest_opset(), 26);
  EXPECT_EQ(newest_opset("no.such.domain"), 0);
}

}  // namespace
}  // namespace olivine::onnx

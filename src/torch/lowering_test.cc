#include "torch/lowering.h"

#include "torch/torch_fixture.h"

namespace olivine::torch {
namespace {

using runtime::floats;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LoweringTest : public TorchFixture {};

TEST_F(LoweringTest, NamesComeFromTheModuleTree) {
  input({"x", {2}});
  Node& node = call("aten.add.Tensor", {{"self", tensor("x")}, {"other", integer(1)}}, {"add", {2}});
  node.module_path = "encoder.layer.0";
  node.module_types = "Model/Layer";
  node.stack_trace = "File \"model.py\", line 7";
  call("aten.mul.Tensor", {{"self", tensor("add")}, {"other", tensor("x")}}, {"mul", {2}});
  output("mul");
  options_.input_names = {"pixels"};
  options_.output_names = {"logits"};
  const ir::Model model = lowered();
  EXPECT_EQ(model.graph->inputs()[0]->name(), "pixels");
  EXPECT_EQ(model.graph->outputs()[0]->name(), "logits");
  const ir::Node& first = *model.graph->first();
  EXPECT_EQ(first.name, "encoder.layer.0/Add");
  EXPECT_EQ(first.output(0)->name(), "encoder.layer.0/add");
  EXPECT_THAT(first.annotations.get().metadata, ::testing::Contains(::testing::Pair("namespace", "encoder.layer.0")));
}

TEST_F(LoweringTest, OutputsGetTheirNamesFromInnerValues) {
  input({"x", {2}});
  call("aten.add.Tensor", {{"self", tensor("x")}, {"other", integer(1)}}, {"logits", {2}});
  call("aten.mul.Tensor", {{"self", tensor("logits")}, {"other", tensor("logits")}}, {"mul", {2}});
  output("mul");
  output("x");
  options_.output_names = {"logits", "x_again"};
  const ir::Model model = lowered();
  EXPECT_EQ(model.graph->outputs()[0]->name(), "logits");
  EXPECT_EQ(model.graph->outputs()[0]->producer()->op_type, "Mul");
  EXPECT_EQ(model.graph->outputs()[1]->name(), "x_again");
}

TEST_F(LoweringTest, SymbolsKeepTheNamesOfTheUser) {
  input({"x", {ir::Dim("s77"), 4}});
  call("aten.reshape.default", {{"self", tensor("x")}, {"shape", integers({-1})}}, {"flat", {ir::Dim("4*s77")}});
  output("flat");
  options_.symbol_names = {{"s77", "batch"}};
  const ir::Model model = lowered();
  EXPECT_EQ(ir::to_string(model.graph->inputs()[0]->type), "float[batch,4]");
  EXPECT_EQ(ir::to_string(model.graph->outputs()[0]->type), "float[4*batch]");
}

TEST_F(LoweringTest, EqualCallsAreMadeOnceAndDeadOnesNotAtAll) {
  input({"x", {2}});
  call("aten.add.Tensor", {{"self", tensor("x")}, {"other", integer(1)}}, {"a", {2}});
  call("aten.add.Tensor", {{"self", tensor("x")}, {"other", integer(1)}}, {"b", {2}});
  call("aten.mul.Tensor", {{"self", tensor("x")}, {"other", integer(3)}}, {"dead", {2}});
  call("aten.mul.Tensor", {{"self", tensor("a")}, {"other", tensor("b")}}, {"c", {2}});
  output("c");
  EXPECT_THAT(operators(), ElementsAre("Add", "Mul"));
  options_.optimize = false;
  EXPECT_THAT(operators(), ElementsAre("Add", "Add", "Mul", "Mul"));
}

TEST_F(LoweringTest, ArithmeticOnSizesIsFoldedWhereTheyAreKnown) {
  input({"x", {2, 3}});
  call_symbol("aten.sym_size.int", {{"self", tensor("x")}, {"dim", integer(1)}}, "size");
  call_symbol("_operator.mul", {{"", symbol("size")}, {"", integer(2)}}, "twice");
  call("aten.mul.Tensor", {{"self", tensor("x")}, {"other", symbol("twice")}}, {"y", {2, 3}});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("Mul"));
}

TEST_F(LoweringTest, FloorDivisionIsPythons) {
  input({"x", {ir::Dim("n")}});
  call_symbol("aten.sym_size.int", {{"self", tensor("x")}, {"dim", integer(0)}}, "size");
  call_symbol("_operator.neg", {{"", symbol("size")}}, "minus");
  call_symbol("_operator.floordiv", {{"", symbol("minus")}, {"", integer(2)}}, "half");
  call("aten.mul.Tensor", {{"self", tensor("x")}, {"other", symbol("half")}}, {"y", {ir::Dim("n")}});
  output("y");
  EXPECT_THAT(run({{"x", floats({3}, {1, 1, 1})}}), ElementsAre(-2, -2, -2));
}

// ---- Writing in place

TEST_F(LoweringTest, WritingIntoAViewChangesItsBaseAndItsOtherViews) {
  input({"x", {2, 2}});
  call("aten.mul.Tensor", {{"self", tensor("x")}, {"other", integer(1)}}, {"base", {2, 2}});
  call("aten.view.default", {{"self", tensor("base")}, {"size", integers({4})}}, {"flat", {4}});
  call("aten.select.int", {{"self", tensor("base")}, {"dim", integer(1)}, {"index", integer(0)}}, {"column", {2}});
  call("aten.add_.Tensor", {{"self", tensor("column")}, {"other", integer(10)}}, {"written", {2}});
  call("aten.add.Tensor", {{"self", tensor("flat")}, {"other", integer(0)}}, {"seen", {4}});
  output("seen");
  EXPECT_THAT(run({{"x", floats({2, 2}, {1, 2, 3, 4})}}), ElementsAre(11, 2, 13, 4));
}

TEST_F(LoweringTest, WritingIntoAViewOfAViewChangesBoth) {
  input({"x", {2, 3}});
  call("aten.mul.Tensor", {{"self", tensor("x")}, {"other", integer(1)}}, {"base", {2, 3}});
  call("aten.select.int", {{"self", tensor("base")}, {"dim", integer(0)}, {"index", integer(1)}}, {"row", {3}});
  call("aten.select.int", {{"self", tensor("row")}, {"dim", integer(0)}, {"index", integer(-1)}}, {"last", {}});
  call("aten.mul_.Tensor", {{"self", tensor("last")}, {"other", integer(0)}}, {"zeroed", {}});
  call("aten.add_.Tensor", {{"self", tensor("row")}, {"other", integer(1)}}, {"raised", {3}});
  call("aten.add.Tensor", {{"self", tensor("base")}, {"other", tensor("last")}}, {"y", {2, 3}});
  output("y");
  EXPECT_THAT(run({{"x", floats({2, 3}, {1, 2, 3, 4, 5, 6})}}), ElementsAre(2, 3, 4, 6, 7, 2));
}

TEST_F(LoweringTest, WhatIsReadBeforeAWriteStays) {
  input({"x", {2}});
  call("aten.mul.Tensor", {{"self", tensor("x")}, {"other", integer(1)}}, {"base", {2}});
  call("aten.add.Tensor", {{"self", tensor("base")}, {"other", integer(0)}}, {"copy", {2}});
  call("aten.add_.Tensor", {{"self", tensor("base")}, {"other", integer(5)}}, {"base2", {2}});
  call("aten.mul.Tensor", {{"self", tensor("copy")}, {"other", tensor("base")}}, {"y", {2}});
  output("y");
  EXPECT_THAT(run({{"x", floats({2}, {1, 2})}}), ElementsAre(6, 14));
}

TEST_F(LoweringTest, AnInPlaceResultKeepsItsTensorsTypeAndShape) {
  input({"n", {2}, DataType::int32});
  input({"x", {}, DataType::int64});
  call("aten.mul.Tensor", {{"self", tensor("n")}, {"other", integer(1)}}, {"base", {2}, DataType::int32});
  call("aten.add_.Tensor", {{"self", tensor("base")}, {"other", tensor("x")}}, {"y", {2}, DataType::int32});
  output("y");
  EXPECT_EQ(ir::to_string(lowered().graph->outputs()[0]->type), "int32[2]");
}

// ---- Graphs

TEST_F(LoweringTest, ALoopCarriesItsState) {
  input({"x", {2}});
  auto body = std::make_shared<Graph>();
  auto condition = std::make_shared<Graph>();
  for (Graph* graph : {body.get(), condition.get()}) {
    graph->inputs = {tensor("i"), tensor("y")};
    graph->tensors = {{"i", {DataType::float32, {}, {}, {}}}, {"y", {DataType::float32, {2}, {}, {}}}};
  }
  const auto add = [](Graph& graph, std::string target, std::string self, Argument other, const Tensor& result) {
    Node node;
    node.name = result.name;
    node.target = std::move(target);
    node.inputs = {{"self", tensor(std::move(self))}, {"other", std::move(other)}};
    node.outputs = {tensor(result.name)};
    graph.tensors.emplace(result.name, TensorMeta{result.dtype, result.sizes, {}, ir::Dim(0)});
    graph.nodes.push_back(std::move(node));
  };
  add(*body, "aten.sub.Tensor", "i", integer(1), {"next", {}});
  add(*body, "aten.mul.Tensor", "y", integer(2), {"doubled", {2}});
  body->outputs = {tensor("next"), tensor("doubled")};
  // The count itself: zero ends the loop.
  condition->outputs = {tensor("i")};
  call("aten.select.int", {{"self", tensor("x")}, {"dim", integer(0)}, {"index", integer(0)}}, {"count", {}});
  note({"done", {}});
  note({"y", {2}});
  Node loop;
  loop.name = "loop";
  loop.target = "higher_order.while_loop";
  loop.inputs = {{"", {GraphArgument{"condition", condition}}},
                 {"", {GraphArgument{"body", body}}},
                 {"", tensors({"count", "x"})},
                 {"", {List{}}}};
  loop.outputs = {tensor("done"), tensor("y")};
  program_.graph.nodes.push_back(loop);
  output("y");
  EXPECT_THAT(run({{"x", floats({2}, {3, 1})}}), ElementsAre(24, 8));
  EXPECT_THAT(run({{"x", floats({2}, {0, 1})}}), ElementsAre(0, 1));
}

// ---- Weights

TEST_F(LoweringTest, TiedWeightsAreOneInitializer) {
  input({"x", {2}});
  weight("embed.weight", floats({2}, {1, 2}));
  weight("head.weight", floats({2}, {1, 2}));
  program_.payload_keys["head.weight"] = program_.payload_keys["embed.weight"];
  call("aten.mul.Tensor", {{"self", tensor("x")}, {"other", tensor("embed.weight")}}, {"a", {2}});
  call("aten.add.Tensor", {{"self", tensor("a")}, {"other", tensor("head.weight")}}, {"b", {2}});
  output("b");
  EXPECT_EQ(lowered().graph->initializers().size(), 1U);
}

// ---- Operators of the user's own

TEST_F(LoweringTest, AMappedOperatorBecomesANodeOfItsDomain) {
  input({"x", {2}});
  call("mine.scale.default", {{"x", tensor("x")}, {"by", real(2)}, {"mode", {std::string("fast")}}}, {"y", {2}});
  output("y");
  options_.custom_ops["mine.scale.default"] = {"Scale", "com.mine", 3, {}, {{"factor", "by"}, {"mode", "mode"}},
                                               nullptr};
  const ir::Model model = lowered();
  const ir::Node& node = *model.graph->first();
  EXPECT_TRUE(node.is("Scale", "com.mine"));
  EXPECT_EQ(node.floating("factor", 0), 2);
  EXPECT_EQ(node.string("mode", ""), "fast");
  EXPECT_EQ(model.opset("com.mine"), 3);
  EXPECT_EQ(ir::to_string(model.graph->outputs()[0]->type), "float[2]");
}

TEST_F(LoweringTest, AMappedOperatorBecomesTheGraphOfAModel) {
  const runtime::TempFolder folder;
  folder.write("scale.onnxtxt",
               R"(<ir_version: 8, opset_import: ["": 18]> g (float[N] a, float b) => (float[N] c) { c = Mul(a, b) })");
  const auto mapping = folder.write("ops.json", R"({"mine.scale": {"model": "scale.onnxtxt", "inputs": ["x", "by"]}})");
  input({"x", {2}});
  call("mine.scale.default", {{"x", tensor("x")}, {"by", real(2)}}, {"y", {2}});
  output("y");
  options_.custom_ops = read_custom_ops(mapping, lowering_opset(options_.target_opset));
  EXPECT_THAT(run({{"x", floats({2}, {1, 3})}}), ElementsAre(2, 6));
}

TEST_F(LoweringTest, AMappingFileIsChecked) {
  const runtime::TempFolder folder;
  const auto error = [&](const std::string& text) {
    const auto path = folder.write("ops.json", text);
    return runtime::error_of([&] { read_custom_ops(path, 20); });
  };
  EXPECT_THAT(error(R"({"mine.scale": {}})"), HasSubstr("says nothing"));
  EXPECT_THAT(error(R"({"mine.scale": {"op_typ": "A"}})"), HasSubstr("did you mean op_type"));
  EXPECT_THAT(error(R"({"mine.scale": 3})"), HasSubstr("an object"));
  EXPECT_THAT(error(R"({"mine.scale": {"model": "none.onnx"}})"), HasSubstr("none.onnx"));
}

// ---- Refusals

TEST_F(LoweringTest, UnknownOperatorsAreListedAllAtOnce) {
  input({"x", {2}});
  call("mine.first.default", {{"x", tensor("x")}}, {"a", {2}});
  call("mine.second.default", {{"x", tensor("a")}}, {"b", {2}});
  call("mine.second.default", {{"x", tensor("b")}}, {"c", {2}});
  output("c");
  EXPECT_THAT(refusal(),
              ::testing::AllOf(HasSubstr("mine.first.default (1 call)"), HasSubstr("mine.second.default (2 calls)")));
}

TEST_F(LoweringTest, WhatDiffersFromTheProgramIsRefused) {
  input({"x", {2}});
  call("aten.add.Tensor", {{"self", tensor("x")}, {"other", integer(1)}}, {"a", {3}});
  output("a");
  EXPECT_THAT(refusal(), HasSubstr("makes float[2] where the program has float[3]"));
}

}  // namespace
}  // namespace olivine::torch

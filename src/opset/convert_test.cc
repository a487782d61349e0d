#include "opset/convert.h"

#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// The engine; adapters are tested beside them.
class OpsetConvert : public OpsetFixture {};

TEST_F(OpsetConvert, LeavesOtherDomainsAlone) {
  const std::string text = expect_alike(
      R"(<ir_version: 8, opset_import: ["": 13, "com.microsoft": 1]> g (float[2,4] x) => (float[2,4] y) {
           a = com.microsoft.Gelu(x)
           y = Softmax<axis=0>(a)
         })",
      11);
  EXPECT_THAT(text, AllOf(HasSubstr("com.microsoft.Gelu (x)"), HasSubstr("\"com.microsoft\" : 1")));
}

// ONNX Runtime inlines functions without a look at the opsets that they import: the original does not run.
TEST_F(OpsetConvert, FunctionsAreConvertedFromTheirOwnOpsets) {
  const std::string text = onnx::print_model(converted(
      R"(<ir_version: 8, opset_import: ["": 13, "local": 1]> g (float[2,4] x) => (float[2,4] y) { y = local.f(x) }
         <domain: "local", opset_import: ["": 12]> f (a) => (b) {
           s = Softmax<axis=1>(a)
           u = Unsqueeze<axes=[0]>(s)
           b = Squeeze<axes=[0]>(u)
         })",
      20));
  EXPECT_THAT(text, AllOf(HasSubstr("opset_import: [\"\" : 20]"), Not(HasSubstr("axes:"))));
}

TEST_F(OpsetConvert, ParametersOfFunctionsAreCarriedAlong) {
  const std::string text = expect_alike(
      R"(<ir_version: 8, opset_import: ["": 12, "local": 1]> g (float[1,2,4] x) => (float[2,4] y) {
           y = local.f<which=[0]>(x)
         }
         <domain: "local", opset_import: ["": 12]> f <which> (a) => (b) { b = Squeeze<axes: ints = @which>(a) })",
      20);
  EXPECT_THAT(text, HasSubstr("value_ints: ints = @which"));
  EXPECT_THAT(refusal(R"(<ir_version: 8, opset_import: ["": 13, "local": 1]> g (float[2,4] x) => (float[2,4] y) {
                           y = local.f<where=0>(x)
                         }
                         <domain: "local", opset_import: ["": 13]> f <where> (a) => (b) {
                           b = Softmax<axis: int = @where>(a)
                         })",
                      11),
              AllOf(HasSubstr("function 'f'"), HasSubstr("'axis' is a parameter of the function")));
}

TEST_F(OpsetConvert, NamesAndMetadataStay) {
  ir::Model model = onnx::parse_model(
      R"(<ir_version: 10, opset_import: ["": 13]> g (float[2,4] x) => (float[2,4] y) {
           [act] a = Softmax<axis=0>(x)
           y = Relu(a)
         })");
  model.graph->first()->annotations.edit().metadata = {{"module", "head"}};
  model.graph->first()->annotations.edit().doc_string = "said so";
  convert(model, {{"", 11}});
  const ir::Node& last = *model.graph->outputs()[0]->producer()->input(0)->producer();
  EXPECT_EQ(model.graph->outputs()[0]->name(), "y");
  EXPECT_EQ(last.output(0)->name(), "a");
  EXPECT_EQ(last.name, "act");
  EXPECT_EQ(last.annotations.get().doc_string, "said so");
  for (const ir::Node& node : model.graph->nodes()) {
    if (node.is("Relu")) continue;
    EXPECT_EQ(node.annotations.get().metadata[0].second, "head") << node.describe();
  }
}

TEST_F(OpsetConvert, TypesThatTheFileTellsStayAsTold) {
  expect_rewrite(R"(<ir_version: 8, opset_import: ["": 12]> g (float[2,3] x) => (float[N,M] y) {
                      a = Unsqueeze<axes=[0]>(x)
                      y = Squeeze<axes=[0]>(a)
                    })",
                 13,
                 R"(<ir_version: 8, opset_import: ["": 13]> g (float[2,3] x) => (float[N,M] y)
                      <int64[1] constant = {0}> {
                      a = Unsqueeze(x, constant)
                      y = Squeeze(a, constant)
                    })");
}

TEST_F(OpsetConvert, InitializersLeaveTheInputsWhenTheirIrVersionAllows) {
  expect_rewrite(R"(<ir_version: 3, opset_import: ["": 8]> g (float[2] x, float[2] w) => (float[2] y)
                      <float[2] w = {1, 2}> { y = Add(x, w) })",
                 10, R"(<ir_version: 5, opset_import: ["": 10]> g (float[2] x) => (float[2] y)
                          <float[2] w = {1, 2}> { y = Add(x, w) })");
}

TEST_F(OpsetConvert, WhatNobodyUsesAnyMoreGoes) {
  expect_rewrite(R"(<ir_version: 8, opset_import: ["": 13]> g (float[1,3] x) => (float[3] y)
                      <int64[1] axes = {0}> { y = Squeeze(x, axes) })",
                 11, R"(<ir_version: 8, opset_import: ["": 11]> g (float[1,3] x) => (float[3] y) {
                          y = Squeeze<axes=[0]>(x)
                        })");
}

// What carries a type in another domain is of ai.onnx, and goes on to that domain's target.
TEST_F(OpsetConvert, DomainsHaveTheirOwnTargets) {
  ir::Model model = onnx::parse_model(
      R"(<ir_version: 8, opset_import: ["": 13, "ai.onnx.ml": 4]> g (float[2,3] x) => (float[2,3] y) {
           a = Softmax<axis=0>(x)
           y = ai.onnx.ml.Normalizer<norm="L2">(a)
         })");
  const Result result = convert(model, {{"", 11}, {"ai.onnx.ml", 2}});
  EXPECT_EQ(model.opset(), 11);
  EXPECT_EQ(model.opset("ai.onnx.ml"), 2);
  EXPECT_NO_THROW(onnx::check_model(model)) << onnx::print_model(model);
  EXPECT_EQ(result.plan.front().op_type, "Softmax");
}

TEST_F(OpsetConvert, EveryObstacleIsTold) {
  const std::string said = refusal(R"(<ir_version: 8, opset_import: ["": 20]> g (string[2] x, bool c) => (string[2] y) {
                                        [first] a = StringConcat(x, x)
                                        y = If(c)<then_branch=t () => (string[2] b) { [second] b = StringConcat(a, x) },
                                                  else_branch=e () => (string[2] d) { d = Identity(a) }>
                                      })",
                                   13);
  EXPECT_THAT(said, AllOf(HasSubstr("first"), HasSubstr("second"), HasSubstr("opset 20 to 13")));
}

TEST_F(OpsetConvert, ThePlanCountsNodes) {
  ir::Model model = onnx::parse_model(R"(<ir_version: 8, opset_import: ["": 12]> g (float[2,3] x) => (float[2,3] y) {
                                           a = Unsqueeze<axes=[0]>(x)
                                           b = Unsqueeze<axes=[0]>(a)
                                           c = Squeeze<axes=[0]>(b)
                                           y = Squeeze<axes=[0]>(c)
                                         })");
  const Result result = convert(model, {{"", 13}});
  ASSERT_EQ(result.plan.size(), 2U);
  EXPECT_EQ(result.plan[0].op_type, "Squeeze");
  EXPECT_EQ(result.plan[0].nodes, 2U);
  EXPECT_EQ(result.plan[1].from, 11);
  EXPECT_EQ(result.plan[1].to, 13);
}

// Nothing is read but what decides: a weight without a file behind it converts.
TEST_F(OpsetConvert, PayloadsAreNotRead) {
  class Unreadable final : public tensor::Source {
   public:
    void read(std::uint64_t, std::uint64_t, std::byte*) const override { FAIL() << "a weight was read"; }
  };
  ir::Model model =
      onnx::parse_model(R"(<ir_version: 8, opset_import: ["": 17]> g (float[2,4000] x) => (float[2,4000] y) {
                                           a = LayerNormalization(x, x)
                                           y = Add(a, a)
                                         })");
  ir::Value& weight =
      model.graph->add_initializer("w", tensor::Tensor(DataType::float32, {4000}, std::make_shared<Unreadable>()));
  model.graph->first()->set_input(1, &weight);
  convert(model, {{"", 13}});
  EXPECT_FALSE(weight.uses().empty());
}

}  // namespace
}  // namespace olivine::opset

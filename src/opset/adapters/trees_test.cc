#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Trees : public OpsetFixture {
 protected:
  Trees() { domain_ = "ai.onnx.ml"; }
};

std::string model(int ml, std::string_view rest) {
  return fmt::format(R"(<ir_version: 10, opset_import: ["": 21, "ai.onnx.ml": {}]> g {})", ml, rest);
}

/// Two trees: a question with a question below it, and one that is a leaf only.
std::string regressor(std::string_view more) {
  return fmt::format(R"((float[5,3] x) => (float[5,2] y) {{ y = ai.onnx.ml.TreeEnsembleRegressor<
    nodes_treeids=[0,0,0,0,0,1], nodes_nodeids=[0,1,2,3,4,0], nodes_featureids=[0,2,0,0,0,0],
    nodes_values=[0.1,-0.2,0.0,0.0,0.0,0.0], nodes_truenodeids=[1,3,0,0,0,0], nodes_falsenodeids=[2,4,0,0,0,0],
    nodes_modes=["BRANCH_LEQ","BRANCH_GT","LEAF","LEAF","LEAF","LEAF"], target_treeids=[0,0,0,1],
    target_nodeids=[2,3,4,0], target_ids=[0,1,0,1], target_weights=[0.5,1.5,-2.0,4.0], n_targets=2{}>(x) }})",
                     more);
}

TEST_F(Trees, LeavesAreListedApart) {
  for (const char* more : {"", ", base_values=[0.0,0.0]", ", post_transform=\"NONE\"", ", aggregate_function=\"MAX\"",
                           ", aggregate_function=\"AVERAGE\""}) {
    const std::string text = expect_alike(model(3, regressor(more)), 5);
    EXPECT_NE(text.find("TreeEnsemble <"), std::string::npos) << text;
    const ir::Model there = converted(model(3, regressor(more)), 5);
    ir::Model back = onnx::parse_model(onnx::print_model(there));
    convert(back, {{domain_, 1}});
    EXPECT_TRUE(runtime::compare(there, back, {}).outputs.at(0).passed) << onnx::print_model(back);
  }
  EXPECT_NE(refusal(model(3, regressor(", base_values=[0.25,0.0]")), 5).find("base values"), std::string::npos);
  EXPECT_NE(refusal(model(3, regressor(", post_transform=\"SOFTMAX\"")), 5).find("do not agree"), std::string::npos);
  EXPECT_NE(refusal(model(3, regressor(", base_values=[0.25,0.0], aggregate_function=\"MIN\"")), 5).find("base values"),
            std::string::npos);
}

TEST_F(Trees, ABaseValueIsATreeThatAlwaysVotes) {
  std::string one = regressor(", base_values=[0.25]");
  one.replace(one.find("target_ids=[0,1,0,1]"), 20, "target_ids=[0,0,0,0]");
  one.replace(one.find("n_targets=2"), 11, "n_targets=1");
  one.replace(one.find("float[5,2]"), 10, "float[5,1]");
  expect_alike(model(3, one), 5);
}

TEST_F(Trees, WhatHasNoPlaceThereIsRefused) {
  std::string twice = regressor("");
  twice.replace(twice.find("target_nodeids=[2,3,4,0]"), 24, "target_nodeids=[2,3,3,0]");
  EXPECT_NE(refusal(model(3, twice), 5).find("exactly one target"), std::string::npos);
  EXPECT_NE(refusal(model(3, R"((float[5,3] x) => (int64[5] y, float[5,2] z) {
              y, z = ai.onnx.ml.TreeEnsembleClassifier<classlabels_int64s=[0,1]>(x) })"),
                    5)
                .find("no labels"),
            std::string::npos);
}

TEST_F(Trees, NumbersOfSixtyFourBitsAreFloatsWhereTheyCanBe) {
  const std::string exact = R"((double[5,3] x) => (float[5,1] y) { y = ai.onnx.ml.TreeEnsembleRegressor<
    nodes_treeids=[0], nodes_nodeids=[0], nodes_featureids=[0], nodes_values_as_tensor = double[1] {0.5},
    nodes_truenodeids=[0], nodes_falsenodeids=[0], nodes_modes=["LEAF"], target_treeids=[0], target_nodeids=[0],
    target_ids=[0], target_weights_as_tensor = double[1] {0.25}, n_targets=1>(x) })";
  const std::string text = onnx::print_model(converted(model(3, exact), 2));
  EXPECT_NE(text.find("target_weights: floats = [0.25]"), std::string::npos) << text;
  std::string inexact = exact;
  inexact.replace(inexact.find("{0.25}"), 6, "{0.1}");
  EXPECT_NE(refusal(model(3, inexact), 2).find("more digits"), std::string::npos);
}

}  // namespace
}  // namespace olivine::opset

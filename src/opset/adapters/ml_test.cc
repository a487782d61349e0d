#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Ml : public OpsetFixture {
 protected:
  Ml() { domain_ = "ai.onnx.ml"; }
};

std::string model(int ml, std::string_view rest) {
  return fmt::format(R"(<ir_version: 10, opset_import: ["": 21, "ai.onnx.ml": {}]> g {})", ml, rest);
}

TEST_F(Ml, ClassesAreKeysAndValues) {
  const std::string old = R"((string[2] x) => (int64[2] y) {
    y = ai.onnx.ml.LabelEncoder<classes_strings=["a","b"], default_int64=-5>(x) })";
  const std::string fresh = R"((string[2] x) => (int64[2] y) {
    y = ai.onnx.ml.LabelEncoder<default_int64=-5, keys_strings=["a","b"], values_int64s=[0,1]>(x) })";
  expect_rewrite(model(1, old), 2, model(2, fresh));
  expect_rewrite(model(1, R"((int64[2] x) => (string[2] y) {
                   y = ai.onnx.ml.LabelEncoder<classes_strings=["a","b"]>(x) })"),
                 4, model(4, R"((int64[2] x) => (string[2] y) {
                   y = ai.onnx.ml.LabelEncoder<values_strings=["a","b"], keys_int64s=[0,1]>(x) })"));
  expect_rewrite(model(2, R"((string[2] x) => (int64[2] y) {
                   y = ai.onnx.ml.LabelEncoder<keys_strings=["b","a"], values_int64s=[1,0]>(x) })"),
                 1, model(1, R"((string[2] x) => (int64[2] y) {
                   y = ai.onnx.ml.LabelEncoder<classes_strings=["a","b"]>(x) })"));
}

TEST_F(Ml, WhatTheOldestEncoderCannotMapIsRefused) {
  for (const char* map :
       {"keys_strings=[\"a\",\"b\"], values_int64s=[1,2]", "keys_strings=[\"a\",\"b\"], values_int64s=[0,0]"}) {
    EXPECT_NE(
        refusal(model(2, fmt::format("(string[2] x) => (int64[2] y) {{ y = ai.onnx.ml.LabelEncoder<{}>(x) }}", map)), 1)
            .find("without a gap"),
        std::string::npos);
  }
  EXPECT_NE(refusal(model(2, R"((float[2] x) => (int64[2] y) {
              y = ai.onnx.ml.LabelEncoder<keys_floats=[1.0], values_int64s=[0]>(x) })"),
                    1)
                .find("strings to numbers"),
            std::string::npos);
}

TEST_F(Ml, TensorsBecomeLists) {
  expect_rewrite(model(4, R"((int64[2] x) => (float[2] y) {
                   y = ai.onnx.ml.LabelEncoder<keys_tensor = int64[2] {1,2}, values_tensor = float[2] {0.5,0.25},
                                               default_tensor = float[1] {3.0}>(x) })"),
                 2, model(2, R"((int64[2] x) => (float[2] y) {
                   y = ai.onnx.ml.LabelEncoder<keys_int64s=[1,2], values_floats=[0.5,0.25], default_float=3.0>(x) })"));
  EXPECT_NE(refusal(model(4, R"((double[2] x) => (float[2] y) {
              y = ai.onnx.ml.LabelEncoder<keys_tensor = double[1] {1}, values_tensor = float[1] {0.5}>(x) })"),
                    2)
                .find("not double"),
            std::string::npos);
}

}  // namespace
}  // namespace olivine::opset

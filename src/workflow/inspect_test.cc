#include "workflow/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/onnx.h"
#include "workflow/weights.h"

namespace olivine::workflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr std::string_view kModel = R"(<
    ir_version: 9, producer_name: "maker", producer_version: "2", opset_import: ["": 20, "local": 1],
    metadata_props: ["task": "detect"], doc_string: "what it is">
  g (float[batch,3,w] x, bool[] c) => (float[batch,n] y)
  <float[4] big = {1.0, 2.0, 3.0, 4.0}, int64[2] small = {1, 2}, float[batch,n] r> {
    k = Constant <value = int8[3] {1, 2, 3}> ()
    r = Reshape (x, small)
    s = Relu (r)
    y = If (c) <
      then_branch = t () => (float[batch,n] a) { a = Relu (s) },
      else_branch = e () => (float[batch,n] b) { b = local.twice (s) }>
  }
  <domain: "local", opset_import: ["": 20]>
  twice (v) => (w) { w = Add (v, v) })";

TEST(Inspect, CollectsWhatAModelIsMadeOf) {
  const ModelSummary summary = inspect(onnx::parse_model(kModel), 2);
  EXPECT_EQ(summary.ir_version, 9);
  EXPECT_EQ(summary.producer, "maker 2");
  EXPECT_THAT(summary.opsets, ElementsAre(ir::OpsetImport{"", 20}, ir::OpsetImport{"local", 1}));
  ASSERT_EQ(summary.inputs.size(), 2u);
  EXPECT_EQ(summary.inputs[0].name, "x");
  EXPECT_EQ(summary.inputs[0].type, "float[batch,3,w]");
  ASSERT_EQ(summary.outputs.size(), 1u);
  EXPECT_EQ(summary.outputs[0].type, "float[batch,n]");
  EXPECT_EQ(summary.nodes, 7u);
  EXPECT_EQ(summary.subgraphs, 2u);
  EXPECT_THAT(summary.operators, ElementsAre(Pair("Relu", 2u), Pair("Add", 1u), Pair("Constant", 1u), Pair("If", 1u),
                                             Pair("Reshape", 1u), Pair("local::twice", 1u)));
  EXPECT_EQ(summary.weight_bytes, 16u + 16u + 3u);
  EXPECT_EQ(summary.weights.at("float").tensors, 1u);
  EXPECT_EQ(summary.weights.at("int8").bytes, 3u);
  EXPECT_EQ(summary.weights.at("int64").elements, 2u);
  ASSERT_EQ(summary.largest.size(), 2u);
  EXPECT_EQ(summary.largest[0].name, "big");
  EXPECT_EQ(summary.largest[1].name, "small");
  ASSERT_EQ(summary.functions.size(), 1u);
  EXPECT_EQ(summary.functions[0].name, "local::twice");
  EXPECT_EQ(summary.functions[0].nodes, 1u);
  EXPECT_THAT(summary.metadata, ElementsAre(Pair("task", "detect")));
  EXPECT_EQ(summary.doc_string, "what it is");
}

TEST(Inspect, TellsWhereSymbolsOccur) {
  const ModelSummary summary = inspect(onnx::parse_model(kModel));
  ASSERT_EQ(summary.symbols.size(), 3u);
  EXPECT_EQ(summary.symbols[0].name, "batch");
  EXPECT_THAT(summary.symbols[0].places, ElementsAre("input x, axis 0", "output y, axis 0"));
  EXPECT_GE(summary.symbols[0].inner_values, 1u);
  EXPECT_EQ(summary.symbols[1].name, "w");
  EXPECT_THAT(summary.symbols[1].places, ElementsAre("input x, axis 2"));
  EXPECT_EQ(summary.symbols[2].name, "n");
  EXPECT_THAT(summary.symbols[2].places, ElementsAre("output y, axis 1"));
}

TEST(Inspect, WritesJsonAndText) {
  const ModelSummary summary = inspect(onnx::parse_model(kModel));
  const config::Json json = to_json(summary);
  EXPECT_EQ(json["opsets"].dump(), R"({"ai.onnx":20,"local":1})");
  EXPECT_EQ(json["inputs"][0]["type"], "float[batch,3,w]");
  EXPECT_EQ(json["symbols"]["w"]["places"][0], "input x, axis 2");
  EXPECT_EQ(json["operators"]["Relu"], 2);
  EXPECT_EQ(json["weights"]["float"]["bytes"], 16);
  EXPECT_EQ(json["largest_tensors"][0]["dims"].dump(), "[4]");
  EXPECT_EQ(json["metadata"]["task"], "detect");
  const std::string text = to_text(summary);
  EXPECT_THAT(text, HasSubstr("opsets      ai.onnx 20, local 1\n"));
  EXPECT_THAT(text, HasSubstr("nodes       7 (2 subgraphs)\n"));
  EXPECT_THAT(text, HasSubstr("inputs\n  x  float[batch,3,w]\n"));
  EXPECT_THAT(text, HasSubstr("  w      input x, axis 2\n"));
}

TEST(FormatBytes, UsesThreeDigits) {
  EXPECT_EQ(format_bytes(0), "0 bytes");
  EXPECT_EQ(format_bytes(1), "1 byte");
  EXPECT_EQ(format_bytes(999), "999 bytes");
  EXPECT_EQ(format_bytes(1000), "1.00 kB");
  EXPECT_EQ(format_bytes(12340), "12.3 kB");
  EXPECT_EQ(format_bytes(999600), "1.00 MB");
  EXPECT_EQ(format_bytes(438000000), "438 MB");
  EXPECT_EQ(format_bytes(6'000'000'000), "6.00 GB");
}

}  // namespace
}  // namespace olivine::workflow

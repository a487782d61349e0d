#include "workflow/inspect_checkpoint.h"

#include "huggingface/huggingface_fixture.h"

namespace olivine::workflow {
namespace {

using huggingface::floats;
using huggingface::payload;
using huggingface::safetensors;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class InspectCheckpoint : public testing::Test {
 protected:
  runtime::TempFolder folder_;
};

TEST_F(InspectCheckpoint, ShowsAFolder) {
  folder_.write("config.json", R"({"architectures":["LlamaForCausalLM"],"hidden_size":2,"rope_scaling":{"factor":2}})");
  folder_.write("model.safetensors",
                safetensors({floats("w", {2, 2}, {1, 2, 3, 4}), payload<std::uint16_t>("b", "BF16", {2}, {0, 0})}));
  ASSERT_TRUE(is_checkpoint(folder_.path()));
  const CheckpointSummary summary = inspect_checkpoint(folder_.path(), 1);
  EXPECT_EQ(summary.architecture, "LlamaForCausalLM");
  EXPECT_EQ(summary.parameters, 6u);
  EXPECT_EQ(summary.weight_bytes, 20u);
  EXPECT_EQ(summary.weights.at("bfloat16").elements, 2u);
  ASSERT_EQ(summary.largest.size(), 1u);
  EXPECT_EQ(summary.largest[0].name, "w");
  EXPECT_THAT(summary.files, ElementsAre("model.safetensors"));
  EXPECT_THAT(to_text(summary), AllOf(HasSubstr("architecture  LlamaForCausalLM\n"), HasSubstr("parameters    6\n"),
                                      HasSubstr("hidden_size  2\n")));
  EXPECT_EQ(to_json(summary)["weights"]["float"]["bytes"], 16);
}

TEST_F(InspectCheckpoint, CountsWhatQuantizedTensorsMean) {
  folder_.write("config.json", R"({"quantization_config":{"quant_method":"gptq","bits":4,"group_size":32}})");
  const std::vector<std::int32_t> words(4 * 8, 0);
  folder_.write("model.safetensors", safetensors({payload("m.qweight", "I32", {4, 8}, words),
                                                  payload<std::int32_t>("m.qzeros", "I32", {1, 1}, {0}),
                                                  floats("m.scales", {1, 8}, std::vector<float>(8, 1))}));
  const CheckpointSummary summary = inspect_checkpoint(folder_.path());
  EXPECT_EQ(summary.quantization, "gptq");
  EXPECT_EQ(summary.parameters, 32u * 8);
  EXPECT_EQ(summary.tensors, 3u);
  folder_.write("config.json", R"({"quantization_config":{"quant_method":"bitsandbytes"}})");
  const CheckpointSummary unread = inspect_checkpoint(folder_.path());
  EXPECT_THAT(unread.problem, HasSubstr("'bitsandbytes'"));
  EXPECT_EQ(unread.tensors, 3u);
}

TEST_F(InspectCheckpoint, TellsCheckpointsFromModels) {
  EXPECT_FALSE(is_checkpoint(folder_.path()));
  EXPECT_FALSE(is_checkpoint("model.onnx"));
  EXPECT_TRUE(is_checkpoint("model.gguf"));
  EXPECT_TRUE(is_checkpoint("pytorch_model.bin"));
  folder_.write("config.json", "{}");
  EXPECT_TRUE(is_checkpoint(folder_.path()));
  folder_.write("model.onnx", "");
  EXPECT_FALSE(is_checkpoint(folder_.path()));
}

TEST_F(InspectCheckpoint, ShowsOneFile) {
  const auto path = folder_.write("x.safetensors", safetensors({floats("w", {1}, {1})}));
  EXPECT_EQ(inspect_checkpoint(path).format, "safetensors");
  EXPECT_EQ(inspect_checkpoint(path).parameters, 1u);
}

}  // namespace
}  // namespace olivine::workflow

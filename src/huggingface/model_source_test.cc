#include "huggingface/model_source.h"

#include "huggingface/huggingface_fixture.h"
#include "huggingface/quantized_matrix.h"

namespace olivine::huggingface {
namespace {

TEST(ModelSourceTest, OpensQuantizedFoldersWithAnAdapter) {
  const TempFolder folder;
  folder.write("config.json", R"({"quantization_config":{"quant_method":"gptq","bits":8,"group_size":4}})");
  folder.write("model.safetensors", safetensors({payload<std::int32_t>("m.qweight", "I32", {1, 4}, {0, 1, 2, 3}),
                                                 payload<std::int32_t>("m.qzeros", "I32", {1, 1}, {-1}),
                                                 floats("m.scales", {1, 4}, {1, 1, 1, 1})}));
  folder.write("adapter/adapter_config.json", R"({"peft_type":"LORA","lora_alpha":1})");
  folder.write("adapter/adapter_model.safetensors",
               safetensors({floats("base_model.model.m.lora_A.weight", {1, 4}, {1, 0, 0, 0}),
                            floats("base_model.model.m.lora_B.weight", {4, 1}, {10, 20, 30, 40})}));
  const ModelSource plain = open_model(folder.path());
  ASSERT_NE(plain.weights.at("m.weight").quantized, nullptr);
  EXPECT_EQ(floats_of(plain.weights.at("m.weight").tensor)[4], 1);
  const ModelSource merged = open_model(folder.path(), folder / "adapter");
  EXPECT_EQ(merged.weights.at("m.weight").quantized, nullptr);
  EXPECT_EQ(floats_of(merged.weights.at("m.weight").tensor)[4], 21);
  EXPECT_TRUE(merged.folder.has_value());
}

}  // namespace
}  // namespace olivine::huggingface

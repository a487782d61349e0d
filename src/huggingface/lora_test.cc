#include "huggingface/lora.h"

#include <cmath>

#include "huggingface/huggingface_fixture.h"

namespace olivine::huggingface {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kLayer = "base_model.model.model.layer.q_proj";

class Lora : public testing::Test {
 protected:
  Lora() {
    folder_.write("model.safetensors", safetensors({floats("model.layer.q_proj.weight", {2, 3}, {1, 2, 3, 4, 5, 6}),
                                                    floats("model.embed.weight", {3, 2}, {0, 0, 0, 0, 0, 0}),
                                                    floats("model.bias", {1}, {7})}));
  }

  /// B A = [1, 2, 3] x ([10, 20] + [1, 1]) by rows.
  static std::vector<Payload> factors() {
    return {floats(std::string(kLayer) + ".lora_A.weight", {2, 3}, {1, 2, 3, 1, 1, 1}),
            floats(std::string(kLayer) + ".lora_B.weight", {2, 2}, {10, 1, 20, 0})};
  }

  Checkpoint merged(const std::string& config, const std::vector<Payload>& tensors) {
    folder_.write("adapter/adapter_config.json", R"({"peft_type":"LORA")" + config + "}");
    folder_.write("adapter/adapter_model.safetensors", safetensors(tensors));
    Checkpoint checkpoint = Checkpoint::open(folder_.path());
    merge_adapter(checkpoint, folder_ / "adapter");
    return checkpoint;
  }
  std::vector<float> weight(const std::string& config, const std::vector<Payload>& tensors) {
    return floats_of(merged(config, tensors).at("model.layer.q_proj.weight").tensor);
  }
  std::string refusal(const std::string& config, const std::vector<Payload>& tensors) {
    return error_of([&] { merged(config, tensors); });
  }

  TempFolder folder_;
};

TEST_F(Lora, AddsTheScaledProduct) {
  EXPECT_THAT(weight(R"(,"r":2,"lora_alpha":4)", factors()), ElementsAre(23, 44, 65, 44, 85, 126));
  EXPECT_THAT(weight(R"(,"r":2,"lora_alpha":2)", factors()), ElementsAre(12, 23, 34, 24, 45, 66));
}

TEST_F(Lora, ScalesByPatternAndByTheRootOfTheRank) {
  EXPECT_THAT(weight(R"(,"r":2,"lora_alpha":2,"alpha_pattern":{"other":9,"layer.q_proj":4})", factors()),
              ElementsAre(23, 44, 65, 44, 85, 126));
  EXPECT_THAT(weight(R"(,"r":2,"lora_alpha":2,"alpha_pattern":{"^model.layer.q_proj":4,"q_proj":8})", factors()),
              ElementsAre(23, 44, 65, 44, 85, 126));
  const float scale = static_cast<float>(2 / std::sqrt(2.0));
  EXPECT_FLOAT_EQ(weight(R"(,"lora_alpha":2,"use_rslora":true)", factors())[0], 1 + scale * 11);
  EXPECT_THAT(refusal(R"(,"alpha_pattern":{".*q_proj":4})", factors()), HasSubstr("is a regular expression"));
}

TEST_F(Lora, ReadsTransposedWeightsAndEmbeddings) {
  folder_.write("model.safetensors", safetensors({floats("model.layer.q_proj.weight", {3, 2}, {0, 0, 0, 0, 0, 0}),
                                                  floats("model.embed.weight", {3, 2}, {0, 0, 0, 0, 0, 0})}));
  EXPECT_THAT(weight(R"(,"lora_alpha":2,"fan_in_fan_out":true)", factors()), ElementsAre(11, 20, 21, 40, 31, 60));
  const Checkpoint checkpoint =
      merged(R"(,"lora_alpha":1)", {floats("base_model.model.model.embed.lora_embedding_A", {1, 3}, {1, 2, 3}),
                                    floats("base_model.model.model.embed.lora_embedding_B", {2, 1}, {5, 7})});
  EXPECT_THAT(floats_of(checkpoint.at("model.embed.weight").tensor), ElementsAre(5, 7, 10, 14, 15, 21));
}

TEST_F(Lora, AddsToAnEmbeddingThatWasSavedWithTheAdapter) {
  const Checkpoint checkpoint = merged(
      R"(,"lora_alpha":1)", {floats("base_model.model.model.embed.base_layer.weight", {3, 2}, {1, 1, 1, 1, 1, 1}),
                             floats("base_model.model.model.embed.lora_embedding_A", {1, 3}, {1, 2, 3}),
                             floats("base_model.model.model.embed.lora_embedding_B", {2, 1}, {5, 7})});
  EXPECT_THAT(floats_of(checkpoint.at("model.embed.weight").tensor), ElementsAre(6, 8, 11, 15, 16, 22));
}

TEST_F(Lora, BringsRowsToTheirLengths) {
  auto tensors = factors();
  tensors.push_back(floats(std::string(kLayer) + ".lora_magnitude_vector", {2}, {2, 3}));
  const std::vector<float> values = weight(R"(,"lora_alpha":2,"use_dora":true)", tensors);
  const double length = std::sqrt(12.0 * 12 + 23 * 23 + 34 * 34);
  EXPECT_FLOAT_EQ(values[0], static_cast<float>(2 * 12 / length));
  EXPECT_NEAR(std::hypot(values[3], values[4], values[5]), 3, 1e-6);
  EXPECT_THAT(refusal(R"(,"lora_alpha":2)", tensors), HasSubstr("use_dora is not set"));
}

TEST_F(Lora, TakesWeightsThatWereTrainedWhole) {
  const Checkpoint checkpoint = merged(
      R"(,"modules_to_save":["lm_head"])",
      {floats("base_model.model.lm_head.weight", {1, 2}, {8, 9}), floats("base_model.model.model.bias", {1}, {-1})});
  EXPECT_THAT(floats_of(checkpoint.at("lm_head.weight").tensor), ElementsAre(8, 9));
  EXPECT_THAT(floats_of(checkpoint.at("model.bias").tensor), ElementsAre(-1));
}

TEST_F(Lora, MergesInPieces) {
  std::vector<float> base(70 * 5);
  std::vector<float> b(70);
  for (std::size_t i = 0; i < base.size(); ++i) base[i] = static_cast<float>(i);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i % 7);
  folder_.write("model.safetensors", safetensors({floats("model.layer.q_proj.weight", {70, 5}, base)}));
  const Checkpoint checkpoint =
      merged(R"(,"lora_alpha":1)", {floats(std::string(kLayer) + ".lora_A.weight", {1, 5}, {1, 2, 3, 4, 5}),
                                    floats(std::string(kLayer) + ".lora_B.weight", {70, 1}, b)});
  const tensor::Tensor& tensor = checkpoint.at("model.layer.q_proj.weight").tensor;
  EXPECT_EQ(floats_of(tensor)[5 * 69 + 4], 349 + 5 * 6);
  expect_pieces_agree(tensor, 3);
  expect_pieces_agree(tensor, 331);
}

TEST_F(Lora, NamesAllThatDoesntFit) {
  auto tensors = factors();
  tensors[1] = floats(std::string(kLayer) + ".lora_B.weight", {3, 2}, {1, 1, 1, 1, 1, 1});
  tensors.push_back(floats("base_model.model.model.nowhere.lora_A.weight", {1, 1}, {1}));
  tensors.push_back(floats("base_model.model.model.nowhere.lora_B.weight", {1, 1}, {1}));
  tensors.push_back(floats("base_model.model.model.layer.q_proj.lora_B.bias", {1}, {1}));
  EXPECT_THAT(refusal("", tensors), AllOf(HasSubstr("B [3,2] A [2,3] don't make the weight's [2,3]"),
                                          HasSubstr("no tensor 'model.nowhere.weight'"), HasSubstr("lora_B.bias")));
  EXPECT_THAT(refusal("", {factors()[0]}), HasSubstr("only one of lora_A and lora_B"));
  folder_.write("adapter/adapter_config.json", R"({"peft_type":"IA3"})");
  Checkpoint checkpoint = Checkpoint::open(folder_.path());
  EXPECT_THAT(error_of([&] { merge_adapter(checkpoint, folder_ / "adapter"); }), HasSubstr("'IA3' adapters"));
  EXPECT_THAT(error_of([&] { merge_adapter(checkpoint, folder_ / "none"); }), HasSubstr("adapter_config.json"));
}

}  // namespace
}  // namespace olivine::huggingface

#include "huggingface/model_folder.h"

#include <cmath>

#include "huggingface/huggingface_fixture.h"

namespace olivine::huggingface {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ModelFolderTest : public testing::Test {
 protected:
  ModelFolder open() { return ModelFolder::open(folder_.path()); }
  TempFolder folder_;
};

TEST(SettingsTest, ReadsTypedKeys) {
  const Settings settings = Settings::parse(R"({"size": 7, "eps": 1e-6, "flag": true, "name": "x", "list": [1, 2],
    "none": null, "inner": {"size": 8}, "many": [{"size": 1}, {"size": 2}]})",
                                            "config.json");
  EXPECT_EQ(settings.get<std::int64_t>("size"), 7);
  EXPECT_EQ(settings.get<double>("eps"), 1e-6);
  EXPECT_EQ(settings.get<double>("size"), 7.0);
  EXPECT_EQ(settings.get<bool>("absent", true), true);
  EXPECT_EQ(settings.get<std::vector<std::int64_t>>("list"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_FALSE(settings.has("none"));
  EXPECT_EQ(settings.find<std::string>("none"), std::nullopt);
  EXPECT_EQ(settings.section("inner").get<std::int64_t>("size"), 8);
  EXPECT_EQ(settings.sections("many").at(1).get<std::int64_t>("size"), 2);
}

TEST(SettingsTest, ReadsWhatPythonWritesForInfinity) {
  const Settings settings = Settings::parse(
      R"({"a": Infinity, "b": [0.0, -Infinity], "c": {"__float__": "Infinity"}, "d": "say \"NaN\" or Infinity", "e": NaN})",
      "config.json");
  EXPECT_TRUE(std::isinf(settings.get<double>("a")));
  EXPECT_TRUE(std::isinf(settings.get<double>("c")));
  EXPECT_TRUE(std::isnan(settings.get<double>("e")));
  EXPECT_EQ(settings.get<std::string>("d"), "say \"NaN\" or Infinity");
}

TEST(SettingsTest, TellsFileLineKeyExpectedAndFound) {
  const Settings settings =
      Settings::parse("{\n \"hidden_size\": \"big\",\n \"rope\": {\"theta\": [1]}, \"none\": null}", "config.json");
  EXPECT_THAT(error_of([&] { settings.get<std::int64_t>("hidden_size"); }),
              HasSubstr("config.json:2 /hidden_size: expected an integer, found \"big\""));
  EXPECT_THAT(error_of([&] { settings.section("rope").get<double>("theta"); }),
              HasSubstr("config.json:3 /rope/theta: expected a number, found a list"));
  EXPECT_THAT(error_of([&] { settings.get<std::int64_t>("hidden_sise"); }),
              AllOf(HasSubstr("/hidden_sise: is missing"), HasSubstr("did you mean hidden_size?")));
  EXPECT_THAT(error_of([&] { settings.get<bool>("none"); }), HasSubstr("is null, but a value is needed"));
  EXPECT_THAT(error_of([&] { settings.section("hidden_size"); }), HasSubstr("expected an object"));
  EXPECT_THAT(error_of([] { Settings::parse("[1]", "config.json"); }),
              AllOf(HasSubstr("error[conversion]"), HasSubstr("expected an object, found a list")));
  EXPECT_THAT(error_of([] { Settings::parse("{\"a\":1,}", "config.json"); }), HasSubstr("error[conversion]"));
}

TEST_F(ModelFolderTest, NeedsAConfig) {
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("no config.json"));
}

TEST_F(ModelFolderTest, FindsTheLanguageModelsPart) {
  folder_.write("config.json", R"({"model_type":"llava","text_config":{"hidden_size":8,"torch_dtype":"bfloat16"}})");
  EXPECT_EQ(open().text_config().get<std::int64_t>("hidden_size"), 8);
  EXPECT_EQ(open().dtype(), DataType::bfloat16);
  folder_.write("config.json", R"({"hidden_size":4,"dtype":"torch.float16"})");
  EXPECT_EQ(open().text_config().get<std::int64_t>("hidden_size"), 4);
  EXPECT_EQ(open().dtype(), DataType::float16);
  folder_.write("config.json", R"({"dtype":"auto"})");
  EXPECT_THAT(error_of([&] { (void)open().dtype(); }), HasSubstr("/dtype: 'auto' is no element type"));
}

TEST_F(ModelFolderTest, MergesTheEndsOfText) {
  folder_.write("config.json", R"({"bos_token_id":1,"eos_token_id":2,"pad_token_id":-1})");
  folder_.write("generation_config.json", R"({"eos_token_id":[7,2]})");
  folder_.write("tokenizer_config.json", R"({"eos_token":{"content":"<end>"},"pad_token":"<pad>","bos_token":null})");
  folder_.write("tokenizer.json",
                R"({"added_tokens":[{"id":9,"content":"<end>"}],"model":{"vocab":{"a":0,"<pad>":5}}})");
  const SpecialTokens tokens = open().special_tokens();
  EXPECT_THAT(tokens.eos, ElementsAre(7, 2, 9));
  EXPECT_EQ(tokens.bos, 1);
  EXPECT_EQ(tokens.pad, 5);
}

TEST_F(ModelFolderTest, LooksForIdsWhereverTheyAre) {
  folder_.write("config.json", "{}");
  folder_.write("special_tokens_map.json", R"({"eos_token":"</s>"})");
  folder_.write("tokenizer.json", R"({"model":{"vocab":[["<s>",0.0],["</s>",-1.0]]}})");
  EXPECT_THAT(open().special_tokens().eos, ElementsAre(1));
  folder_.write("added_tokens.json", R"({"</s>":40})");
  EXPECT_THAT(open().special_tokens().eos, ElementsAre(40));
  folder_.write("tokenizer_config.json", R"({"added_tokens_decoder":{"50":{"content":"</s>"}}})");
  EXPECT_THAT(open().special_tokens().eos, ElementsAre(50));
}

TEST_F(ModelFolderTest, FindsTheChatTemplate) {
  folder_.write("config.json", "{}");
  EXPECT_EQ(open().chat_template(), std::nullopt);
  folder_.write("chat_template.json", R"({"chat_template":"three"})");
  EXPECT_EQ(open().chat_template(), "three");
  folder_.write("tokenizer_config.json",
                R"({"chat_template":[{"name":"tool","template":"x"},{"name":"default","template":"two"}]})");
  EXPECT_EQ(open().chat_template(), "two");
  folder_.write("chat_template.jinja", "one");
  EXPECT_EQ(open().chat_template(), "one");
}

TEST_F(ModelFolderTest, ListsTheFilesOfTokenizerAndProcessor) {
  for (const char* name : {"config.json", "tokenizer.json", "vocab.json", "qwen.tiktoken", "model.safetensors",
                           "additional_chat_templates/rag.jinja", "modeling_x.py"}) {
    folder_.write(name, "{}");
  }
  EXPECT_THAT(open().files_to_copy(),
              ElementsAre("additional_chat_templates/rag.jinja", "qwen.tiktoken", "tokenizer.json", "vocab.json"));
}

}  // namespace
}  // namespace olivine::huggingface

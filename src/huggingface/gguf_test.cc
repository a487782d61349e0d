#include "huggingface/gguf.h"

#include <random>

#include "huggingface/huggingface_fixture.h"
#include "huggingface/quantized_matrix.h"

namespace olivine::huggingface {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

template <typename T>
std::string raw(T value) {
  return bytes_of(std::vector<T>{value});
}
std::string text(std::string_view value) { return raw<std::uint64_t>(value.size()) + std::string(value); }
std::string key(std::string_view name, std::string_view value) {
  return text(name) + raw<std::uint32_t>(8) + text(value);
}
std::string key(std::string_view name, std::uint32_t value) { return text(name) + raw<std::uint32_t>(4) + raw(value); }
std::string key(std::string_view name, float value) { return text(name) + raw<std::uint32_t>(6) + raw(value); }

struct Stored {
  std::string name;
  std::uint32_t type;
  std::vector<std::uint64_t> dims;  ///< in GGUF's order: the row's length first
  std::string bytes;
};

std::string gguf(const std::vector<std::string>& keys, const std::vector<Stored>& tensors, std::uint32_t version = 3) {
  std::string head = "GGUF" + raw(version) + raw<std::uint64_t>(tensors.size()) + raw<std::uint64_t>(keys.size());
  std::string data;
  for (const std::string& key : keys) head += key;
  for (const Stored& tensor : tensors) {
    data.resize((data.size() + 31) / 32 * 32);
    head += text(tensor.name) + raw(static_cast<std::uint32_t>(tensor.dims.size())) + bytes_of(tensor.dims) +
            raw(tensor.type) + raw<std::uint64_t>(data.size());
    data += tensor.bytes;
  }
  head.resize((head.size() + 31) / 32 * 32);
  return head + data;
}

std::string half(float value) { return raw(half_bits(value)); }

class Gguf : public testing::Test {
 protected:
  GgufFile read(const std::string& content) { return read_gguf(folder_.write("model.gguf", content)); }
  std::string refusal(const std::string& content) {
    return error_of([&] { read(content); });
  }
  Weight weight(std::uint32_t type, std::vector<std::uint64_t> dims, const std::string& bytes) {
    return gguf_weight(read(gguf({}, {{"x", type, std::move(dims), bytes}})).tensors.at(0));
  }

  TempFolder folder_;
};

TEST_F(Gguf, ReadsMetadataAndPlainTensors) {
  const std::string list =
      text("list") + raw<std::uint32_t>(9) + raw<std::uint32_t>(8) + raw<std::uint64_t>(2) + text("a") + text("b");
  const GgufFile file =
      read(gguf({key("general.architecture", "llama"), key("count", 7U), key("eps", 0.5F), list},
                {{"w", 0, {3, 2}, bytes_of<float>({1, 2, 3, 4, 5, 6})}, {"h", 1, {2}, half(1) + half(-2)}}, 2));
  EXPECT_EQ(file.metadata.at("count"), 7);
  EXPECT_EQ(file.metadata.at("eps"), 0.5);
  EXPECT_EQ(file.metadata.at("list").dump(), R"(["a","b"])");
  ASSERT_EQ(file.tensors.size(), 2u);
  const Weight w = gguf_weight(file.tensors[0]);
  EXPECT_EQ(w.tensor.dims(), (tensor::Dims{2, 3}));
  EXPECT_NE(w.tensor.source()->file_slice(), nullptr);
  EXPECT_THAT(floats_of(w.tensor), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(floats_of(gguf_weight(file.tensors[1]).tensor), ElementsAre(1, -2));
}

TEST_F(Gguf, ReadsBlocksOfFourBits) {
  std::string codes;
  for (int i = 0; i < 16; ++i) codes += static_cast<char>(i | (15 - i) << 4);
  const Weight q4_0 = weight(2, {32}, half(0.5) + codes);
  const auto values = floats_of(q4_0.tensor);
  EXPECT_EQ(values[0], -4);
  EXPECT_EQ(values[15], 3.5F);
  EXPECT_EQ(values[16], 3.5F);
  EXPECT_EQ(values[31], -4);
  const auto q4_1 = floats_of(weight(3, {32}, half(2) + half(-1) + codes).tensor);
  EXPECT_EQ(q4_1[3], 5);
  EXPECT_EQ(q4_1[16], 29);
}

TEST_F(Gguf, ReadsBlocksOfFiveAndEightBits) {
  const std::string codes(16, '\x21');
  const auto q5_0 = floats_of(weight(6, {32}, half(1) + raw<std::uint32_t>(1U | 1U << 31) + codes).tensor);
  EXPECT_EQ(q5_0[0], 1);    // 1 + 16 - 16
  EXPECT_EQ(q5_0[1], -15);  // 1 - 16
  EXPECT_EQ(q5_0[31], 2);
  const auto q5_1 = floats_of(weight(7, {32}, half(2) + half(1) + raw<std::uint32_t>(2) + codes).tensor);
  EXPECT_EQ(q5_1[0], 3);
  EXPECT_EQ(q5_1[1], 35);
  std::string bytes(32, '\0');
  bytes[0] = '\x80';
  bytes[1] = '\x7F';
  const Weight q8_0 = weight(8, {32}, half(0.25) + bytes);
  EXPECT_EQ(floats_of(q8_0.tensor)[0], -32);
  EXPECT_EQ(floats_of(q8_0.tensor)[1], 31.75F);
  EXPECT_TRUE(repack(*q8_0.quantized).is_exact);
}

TEST_F(Gguf, ReadsSuperBlocks) {
  std::string scales(12, '\0');
  scales[0] = 3;                              // scale 0
  scales[4] = 5;                              // minimum 0
  scales[8] = '\x21';                         // low bits: scale 4 is 1, minimum 4 is 2
  scales[0] = static_cast<char>(3 | 1 << 6);  // high bits of scale 4: 16
  const std::string codes(128, '\x47');
  const auto q4_k = floats_of(weight(12, {256}, half(2) + half(0.5) + scales + codes).tensor);
  EXPECT_EQ(q4_k[0], 2 * 3 * 7 - 0.5F * 5);
  EXPECT_EQ(q4_k[32], 0);                       // scale 1 is zero
  EXPECT_EQ(q4_k[128], 2 * 17 * 7 - 0.5F * 2);  // scale 4
  const auto q5_k = floats_of(weight(13, {256}, half(2) + half(0.5) + scales + std::string(32, '\x10') + codes).tensor);
  EXPECT_EQ(q5_k[0], 2 * 3 * 7 - 0.5F * 5);
  EXPECT_EQ(q5_k[128], 2 * 17 * (7 + 16) - 0.5F * 2);
  std::string six(16, '\1');
  six[2] = '\xFF';
  const auto q6_k =
      floats_of(weight(14, {256}, std::string(128, '\x21') + std::string(64, '\x1B') + six + half(0.5)).tensor);
  EXPECT_EQ(q6_k[0], 0.5F * (1 + 48 - 32));
  EXPECT_EQ(q6_k[32], -0.5F * (1 + 32 - 32));  // group 2 has scale -1
  EXPECT_EQ(q6_k[64], 0.5F * (2 + 16 - 32));
  EXPECT_EQ(q6_k[96], 0.5F * (2 + 0 - 32));
}

TEST_F(Gguf, ReadsInPieces) {
  std::mt19937 random(3);
  struct Case {
    std::uint32_t type;
    std::size_t bytes;
  };
  for (const Case& c : {Case{2, 18 * 8}, {8, 34 * 8}, {12, 144}, {13, 176}, {14, 210}}) {
    std::string bytes(c.bytes * 3, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() & 0x3F);  // no NaN among the scales
    const Weight w = weight(c.type, {256, 3}, bytes);
    expect_pieces_agree(w.tensor, 37);
    expect_pieces_agree(w.quantized->codes, 19);
    expect_pieces_agree(w.quantized->scales, 5);
    const MatMulNBits packed = repack(*w.quantized);
    EXPECT_EQ(packed.is_exact, c.type != 12 && c.type != 13) << c.type;
    EXPECT_EQ(packed.block_size, c.type == 14 ? 16 : 32) << c.type;
  }
}

TEST_F(Gguf, ReadsAllPartsOfAModel) {
  const auto part = [](const std::string& name, float value) {
    return gguf({key("split.count", 2U), key("general.architecture", "llama")}, {{name, 0, {1}, raw(value)}});
  };
  folder_.write("x-00001-of-00002.gguf", part("a", 1));
  const auto second = folder_.write("x-00002-of-00002.gguf", part("b", 2));
  const GgufFile file = read_gguf(second);
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_THAT(file.place, HasSubstr("x-00001-of-00002.gguf"));
  EXPECT_THAT(floats_of(gguf_weight(file.tensors[1]).tensor), ElementsAre(2));
  folder_.write("x-00001-of-00002.gguf", part("b", 1));
  EXPECT_THAT(error_of([&] { read_gguf(second); }), HasSubstr("'b' is in two parts"));
  std::filesystem::remove(folder_ / "x-00001-of-00002.gguf");
  EXPECT_THAT(error_of([&] { read_gguf(second); }), HasSubstr("x-00001-of-00002.gguf"));
  EXPECT_THAT(refusal(part("a", 1)), HasSubstr("-of-00002.gguf"));
}

TEST_F(Gguf, RefusesWhatLies) {
  EXPECT_THAT(refusal("GGML"), HasSubstr("doesn't begin with 'GGUF'"));
  EXPECT_THAT(refusal(gguf({}, {}, 1)), HasSubstr("version 1"));
  EXPECT_THAT(refusal(gguf({}, {}, 0x03000000)), HasSubstr("big-endian"));
  EXPECT_THAT(refusal("GGUF" + raw<std::uint32_t>(3) + raw<std::uint64_t>(~0ULL) + raw<std::uint64_t>(0)),
              HasSubstr("it ends within"));
  EXPECT_THAT(refusal("GGUF" + raw<std::uint32_t>(3) + raw<std::uint64_t>(0) + raw<std::uint64_t>(1) +
                      raw<std::uint64_t>(~0ULL)),
              HasSubstr("it ends within"));
  EXPECT_THAT(refusal(gguf({text("a") + raw<std::uint32_t>(13)}, {})), HasSubstr("value of type 13"));
  EXPECT_THAT(
      refusal(gguf({text("a") + raw<std::uint32_t>(9) + raw<std::uint32_t>(0) + raw<std::uint64_t>(~0ULL)}, {})),
      HasSubstr("more lists"));
  EXPECT_THAT(refusal(gguf({key("a", 1U), key("a", 2U)}, {})), HasSubstr("'a' twice"));
  EXPECT_THAT(refusal(gguf({key("general.alignment", 0U)}, {})), HasSubstr("alignment is 0"));
  const std::string four = bytes_of<float>({1});
  EXPECT_THAT(refusal(gguf({}, {{"x", 0, {1}, four}, {"x", 0, {1}, four}})), HasSubstr("'x' twice"));
  EXPECT_THAT(refusal(gguf({}, {{"x", 0, {2}, four}})), AllOf(HasSubstr("tensor 'x'"), HasSubstr("beyond the end")));
  EXPECT_THAT(refusal(gguf({}, {{"x", 0, {~0ULL}, four}})), HasSubstr("tensor 'x'"));
  EXPECT_THAT(refusal(gguf({}, {{"x", 0, {1ULL << 62}, four}})), HasSubstr("too long"));
  EXPECT_THAT(refusal(gguf({}, {{"x", 0, {1ULL << 40, 1ULL << 40}, four}})), HasSubstr("tensor 'x'"));
  EXPECT_THAT(refusal(gguf({}, {{"x", 2, {33}, four}})), HasSubstr("no multiple of Q4_0's 32"));
  EXPECT_THAT(refusal(gguf({}, {{"x", 77, {1}, four}})), HasSubstr("type 77 is unknown"));
  EXPECT_THAT(refusal(gguf({}, {{"x", 0, {1, 1, 1, 1, 1}, four}})), HasSubstr("5 dimensions"));
  EXPECT_THAT(error_of([&] { weight(16, {256}, std::string(66, '\0')); }),
              AllOf(HasSubstr("IQ2_XXS, which is not read"), HasSubstr("Q4_K_M")));
}

TEST_F(Gguf, NamesTensorsAsTransformersDoes) {
  const std::vector<std::string> keys = {key("general.architecture", "llama"), key("llama.attention.head_count", 2U),
                                         key("llama.attention.head_count_kv", 1U)};
  const std::string rows = bytes_of<float>({0, 1, 2, 3, 4, 5, 6, 7});
  const Checkpoint checkpoint =
      gguf_checkpoint(read(gguf(keys, {{"token_embd.weight", 0, {2}, bytes_of<float>({1, 2})},
                                       {"output_norm.weight", 0, {1}, bytes_of<float>({1})},
                                       {"output.weight", 0, {1}, bytes_of<float>({1})},
                                       {"blk.3.attn_q.weight", 0, {1, 8}, rows},
                                       {"blk.3.attn_k.bias", 0, {8}, rows},
                                       {"blk.3.ffn_down.weight", 0, {1, 8}, rows},
                                       {"blk.3.ffn_up_exps.weight", 0, {2, 2, 2}, rows},
                                       {"rope_freqs.weight", 0, {1}, bytes_of<float>({1})}})));
  EXPECT_THAT(floats_of(checkpoint.at("model.layers.3.self_attn.q_proj.weight", {8, 1}).tensor),
              ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
  EXPECT_THAT(floats_of(checkpoint.at("model.layers.3.self_attn.k_proj.bias", {8}).tensor),
              ElementsAre(0, 2, 4, 6, 1, 3, 5, 7));
  EXPECT_THAT(floats_of(checkpoint.at("model.layers.3.block_sparse_moe.experts.1.w3.weight", {2, 2}).tensor),
              ElementsAre(4, 5, 6, 7));
  for (const char* name : {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight", "rope_freqs.weight",
                           "model.layers.3.mlp.down_proj.weight"}) {
    EXPECT_TRUE(checkpoint.contains(name)) << name;
  }
}

TEST_F(Gguf, TakesBackWhatWasAddedToGemmasNorms) {
  const Checkpoint checkpoint = gguf_checkpoint(read(gguf(
      {key("general.architecture", "gemma2")}, {{"blk.0.post_ffw_norm.weight", 0, {2}, bytes_of<float>({1, 1.5})}})));
  EXPECT_THAT(floats_of(checkpoint.at("model.layers.0.post_feedforward_layernorm.weight").tensor), ElementsAre(0, 0.5));
}

TEST_F(Gguf, SaysWhatTheConfigWould) {
  const Settings config = gguf_config(
      read(gguf({key("general.architecture", "qwen3"), key("qwen3.block_count", 2U), key("qwen3.embedding_length", 8U),
                 key("qwen3.rope.freq_base", 1e6F), key("tokenizer.ggml.eos_token_id", 5U),
                 key("qwen3.rope.scaling.type", "yarn"), key("qwen3.rope.scaling.factor", 4.0F)},
                {{"token_embd.weight", 0, {2, 3}, bytes_of<float>({1, 2, 3, 4, 5, 6})}})));
  EXPECT_EQ(config.get<std::string>("model_type"), "qwen3");
  EXPECT_EQ(config.get<std::int64_t>("num_hidden_layers"), 2);
  EXPECT_EQ(config.get<std::int64_t>("vocab_size"), 3);
  EXPECT_EQ(config.get<double>("rope_theta"), 1e6);
  EXPECT_EQ(config.get<bool>("tie_word_embeddings"), true);
  EXPECT_EQ(config.get<std::int64_t>("eos_token_id"), 5);
  EXPECT_EQ(config.section("rope_scaling").get<std::string>("rope_type"), "yarn");
}

TEST_F(Gguf, NamesWhatTheArchitectureDoesntHave) {
  EXPECT_THAT(error_of([&] { gguf_checkpoint(read(gguf({key("general.architecture", "mamba")}, {}))); }),
              AllOf(HasSubstr("'mamba'"), HasSubstr("qwen3moe")));
  EXPECT_THAT(error_of([&] { gguf_config(read(gguf({}, {}))); }), HasSubstr("model.gguf: the architecture ''"));
  EXPECT_THAT(error_of([&] {
                gguf_checkpoint(
                    read(gguf({key("general.architecture", "qwen2")}, {{"blk.0.ssm_a.weight", 0, {1}, raw(1.0F)}})));
              }),
              HasSubstr("'blk.0.ssm_a.weight' is none"));
}

}  // namespace
}  // namespace olivine::huggingface

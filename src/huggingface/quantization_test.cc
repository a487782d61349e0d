#include "huggingface/quantization.h"

#include <cmath>
#include <random>

#include "huggingface/huggingface_fixture.h"
#include "huggingface/quantized_matrix.h"

namespace olivine::huggingface {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

using Codes = std::vector<std::vector<unsigned>>;

Codes random_codes(std::size_t rows, std::size_t columns, unsigned limit, unsigned seed) {
  std::mt19937 random(seed);
  Codes codes(rows, std::vector<unsigned>(columns));
  for (auto& row : codes) {
    for (unsigned& code : row) code = static_cast<unsigned>(random() % limit);
  }
  return codes;
}

/// [R, C] packed along the rows' columns: int32 [R, C * bits / 32], code `order[i]` of each word at place i.
std::vector<std::int32_t> packed(const Codes& codes, unsigned bits, const std::vector<unsigned>& order = {}) {
  const unsigned per_word = 32 / bits;
  std::vector<std::int32_t> words;
  for (const auto& row : codes) {
    for (std::size_t c = 0; c < row.size(); c += per_word) {
      std::uint32_t word = 0;
      for (unsigned i = 0; i < per_word; ++i) {
        const std::size_t at = c + (order.empty() ? i : order[i]);
        if (at < row.size()) word |= row[at] << (i * bits);
      }
      words.push_back(static_cast<std::int32_t>(word));
    }
  }
  return words;
}

Codes transposed(const Codes& codes) {
  Codes result(codes[0].size(), std::vector<unsigned>(codes.size()));
  for (std::size_t r = 0; r < codes.size(); ++r) {
    for (std::size_t c = 0; c < codes[r].size(); ++c) result[c][r] = codes[r][c];
  }
  return result;
}

constexpr std::size_t kRows = 16;
constexpr std::size_t kColumns = 64;
constexpr std::size_t kGroups = 2;

class QuantizedCheckpoint : public testing::Test {
 protected:
  Checkpoint unpacked(const std::string& settings, const std::vector<Payload>& tensors) {
    Checkpoint checkpoint = Checkpoint::open(folder_.write("model.safetensors", safetensors(tensors)));
    unpack_quantized(checkpoint, Settings::parse(R"({"quantization_config":{)" + settings + "}}", "config.json"));
    return checkpoint;
  }
  std::string refusal(const std::string& settings, const std::vector<Payload>& tensors) {
    return error_of([&] { unpacked(settings, tensors); });
  }

  /// (codes - zeros) * scales, with the weight [N, K] of the module "m".
  void expect_values(const Checkpoint& checkpoint, const Codes& codes, const Codes& zeros,
                     const std::vector<std::vector<float>>& scales) {
    const Weight& weight = checkpoint.at("m.weight", {kRows, kColumns});
    const auto values = floats_of(weight.tensor);
    for (std::size_t n = 0; n < kRows; ++n) {
      for (std::size_t k = 0; k < kColumns; ++k) {
        const std::size_t g = k * zeros[0].size() / kColumns;
        const float expected = (static_cast<float>(codes[n][k]) - static_cast<float>(zeros[n][g])) * scales[n][g];
        ASSERT_EQ(values[n * kColumns + k], expected) << n << ", " << k;
      }
    }
    ASSERT_NE(weight.quantized, nullptr);
    EXPECT_EQ(repack_obstacle(*weight.quantized), "");
  }

  static std::vector<std::vector<float>> scales(std::size_t groups = kGroups) {
    std::vector<std::vector<float>> result(kRows, std::vector<float>(groups));
    for (std::size_t n = 0; n < kRows; ++n) {
      for (std::size_t g = 0; g < groups; ++g) result[n][g] = static_cast<float>(n + 1) / 16 + static_cast<float>(g);
    }
    return result;
  }
  /// [N, G], or its transposition.
  static Payload scale_payload(std::string name, const std::vector<std::vector<float>>& scales, bool by_group) {
    std::vector<float> values;
    const std::size_t groups = scales[0].size();
    for (std::size_t i = 0; i < kRows * groups; ++i) {
      values.push_back(by_group ? scales[i % kRows][i / kRows] : scales[i / groups][i % groups]);
    }
    const auto g = static_cast<std::int64_t>(groups);
    return payload(std::move(name), "F16", by_group ? tensor::Dims{g, kRows} : tensor::Dims{kRows, g}, halves(values));
  }

  std::vector<Payload> gptq(unsigned bits, const Codes& codes, Codes zeros, bool lack_one) {
    const std::int64_t per_word = 32 / bits;
    if (lack_one) {
      for (auto& row : zeros) {
        for (unsigned& zero : row) zero = (zero - 1) & ((1U << bits) - 1);
      }
    }
    // Words along K, stored [K / per word, N].
    const auto words = packed(codes, bits);
    const std::size_t per_row = kColumns / static_cast<std::size_t>(per_word);
    std::vector<std::int32_t> stored;
    for (std::size_t i = 0; i < words.size(); ++i) stored.push_back(words[i % kRows * per_row + i / kRows]);
    return {payload("m.qweight", "I32", {static_cast<std::int64_t>(kColumns) / per_word, kRows}, stored),
            payload("m.qzeros", "I32", {kGroups, static_cast<std::int64_t>(kRows) / per_word},
                    packed(transposed(zeros), bits)),
            scale_payload("m.scales", scales(), true)};
  }

  TempFolder folder_;
};

TEST_F(QuantizedCheckpoint, LeavesPlainCheckpointsAlone) {
  Checkpoint checkpoint = Checkpoint::open(folder_.write("model.safetensors", safetensors({floats("w", {1}, {1})})));
  unpack_quantized(checkpoint, Settings::parse("{}", "config.json"));
  EXPECT_EQ(checkpoint.weights().size(), 1u);
}

TEST_F(QuantizedCheckpoint, ReadsGptq) {
  for (const unsigned bits : {2U, 4U, 8U}) {
    const Codes codes = random_codes(kRows, kColumns, 1U << bits, 1);
    const Codes zeros = random_codes(kRows, kGroups, 1U << bits, 2);
    const std::string settings = R"("quant_method":"gptq","group_size":32,"sym":false,"bits":)" + std::to_string(bits);
    expect_values(unpacked(settings, gptq(bits, codes, zeros, true)), codes, zeros, scales());
    expect_values(unpacked(settings + R"(,"checkpoint_format":"gptq_v2")", gptq(bits, codes, zeros, false)), codes,
                  zeros, scales());
  }
}

TEST_F(QuantizedCheckpoint, BelievesTheTensorsOfAModuleMoreThanTheConfig) {
  const Codes codes = random_codes(kRows, kColumns, 256, 1);
  const Codes zeros = random_codes(kRows, kGroups, 256, 2);
  expect_values(unpacked(R"("quant_method":"gptq","bits":4,"group_size":16,"dynamic":{})", gptq(8, codes, zeros, true)),
                codes, zeros, scales());
}

TEST_F(QuantizedCheckpoint, ReadsCodesInPieces) {
  const Codes codes = random_codes(kRows, kColumns, 16, 1);
  const Codes zeros = random_codes(kRows, kGroups, 16, 2);
  const std::vector<unsigned> order = {0, 2, 4, 6, 1, 3, 5, 7};
  const Checkpoint awq =
      unpacked(R"("quant_method":"awq","group_size":32)",
               {payload("m.qweight", "I32", {kColumns, kRows / 8}, packed(transposed(codes), 4, order)),
                payload("m.qzeros", "I32", {kGroups, kRows / 8}, packed(transposed(zeros), 4, order)),
                scale_payload("m.scales", scales(), true)});
  expect_pieces_agree(awq.at("m.weight").quantized->codes, 11);
  expect_pieces_agree(awq.at("m.weight").tensor, 43);
  const Checkpoint gptq4 = unpacked(R"("quant_method":"gptq","bits":4,"group_size":32)", gptq(4, codes, zeros, true));
  expect_pieces_agree(gptq4.at("m.weight").quantized->codes, 11);
  expect_pieces_agree(*gptq4.at("m.weight").quantized->zero_points, 3);
}

TEST_F(QuantizedCheckpoint, DropsZeroPointsThatAreAllHalf) {
  const Codes codes = random_codes(kRows, kColumns, 16, 1);
  const std::string settings = R"("quant_method":"gptq","bits":4,"group_size":32,"sym":true)";
  Codes zeros(kRows, std::vector<unsigned>(kGroups, 8));
  const Checkpoint half = unpacked(settings, gptq(4, codes, zeros, true));
  EXPECT_FALSE(half.at("m.weight").quantized->zero_points);
  expect_values(half, codes, zeros, scales());
  zeros[3][1] = 7;
  const Checkpoint other = unpacked(settings, gptq(4, codes, zeros, true));
  EXPECT_TRUE(other.at("m.weight").quantized->zero_points);
  expect_values(other, codes, zeros, scales());
}

TEST_F(QuantizedCheckpoint, ReadsGptqInTheOrderOfActivations) {
  const Codes codes = random_codes(kRows, kColumns, 16, 1);
  const Codes zeros = random_codes(kRows, kGroups, 16, 2);
  auto tensors = gptq(4, codes, zeros, true);
  std::vector<std::int32_t> order(kColumns);
  for (std::size_t k = 0; k < kColumns; ++k) order[k] = static_cast<std::int32_t>(k % 2);
  tensors.push_back(payload("m.g_idx", "I32", {kColumns}, order));
  const std::string settings = R"("quant_method":"gptq","bits":4,"group_size":32,"desc_act":true)";
  const Checkpoint checkpoint = unpacked(settings, tensors);
  const auto values = floats_of(checkpoint.at("m.weight").tensor);
  const float expected = (static_cast<float>(codes[2][5]) - static_cast<float>(zeros[2][1])) * scales()[2][1];
  EXPECT_EQ(values[2 * kColumns + 5], expected);
  EXPECT_THAT(repack_obstacle(*checkpoint.at("m.weight").quantized), HasSubstr("desc_act"));
  for (std::size_t k = 0; k < kColumns; ++k) order[k] = static_cast<std::int32_t>(k / 32);
  tensors.back() = payload("m.g_idx", "I32", {kColumns}, order);
  expect_values(unpacked(settings, tensors), codes, zeros, scales());
}

TEST_F(QuantizedCheckpoint, ReadsAwq) {
  const Codes codes = random_codes(kRows, kColumns, 16, 1);
  const Codes zeros = random_codes(kRows, kGroups, 16, 2);
  const std::vector<unsigned> order = {0, 2, 4, 6, 1, 3, 5, 7};
  const std::vector<Payload> tensors = {
      payload("m.qweight", "I32", {kColumns, kRows / 8}, packed(transposed(codes), 4, order)),
      payload("m.qzeros", "I32", {kGroups, kRows / 8}, packed(transposed(zeros), 4, order)),
      scale_payload("m.scales", scales(), true)};
  expect_values(unpacked(R"("quant_method":"awq","bits":4,"group_size":32,"version":"gemm")", tensors), codes, zeros,
                scales());
  EXPECT_THAT(refusal(R"("quant_method":"awq","version":"gemv")", tensors),
              AllOf(HasSubstr("/quantization_config/version"), HasSubstr("'gemv'")));
}

TEST_F(QuantizedCheckpoint, ReadsCompressedTensors) {
  const std::string groups =
      R"("quant_method":"compressed-tensors","format":"pack-quantized",)"
      R"("config_groups":{"a":{"weights":{"num_bits":BITS,"group_size":32,"strategy":"group"}}})";
  for (const unsigned bits : {4U, 8U}) {
    std::string settings = groups;
    settings.replace(settings.find("BITS"), 4, std::to_string(bits));
    const std::int64_t per_word = 32 / bits;
    const Codes codes = random_codes(kRows, kColumns, 1U << bits, 1);
    std::vector<Payload> tensors = {
        payload("m.weight_packed", "I32", {kRows, static_cast<std::int64_t>(kColumns) / per_word}, packed(codes, bits)),
        payload<std::int64_t>("m.weight_shape", "I64", {2}, {kRows, kColumns}),
        scale_payload("m.weight_scale", scales(), false)};
    expect_values(unpacked(settings, tensors), codes, Codes(kRows, std::vector<unsigned>(kGroups, 1U << (bits - 1))),
                  scales());
    const Codes zeros = random_codes(kRows, kGroups, 1U << bits, 2);
    tensors.push_back(
        payload("m.weight_zero_point", "I32", {static_cast<std::int64_t>(kRows) / per_word, kGroups}, [&] {
          const auto words = packed(transposed(zeros), bits);  // [G, N / per word]
          const std::size_t per_row = kRows / static_cast<std::size_t>(per_word);
          std::vector<std::int32_t> stored;
          for (std::size_t i = 0; i < words.size(); ++i) {
            stored.push_back(words[i % kGroups * per_row + i / kGroups]);
          }
          return stored;
        }()));
    expect_values(unpacked(settings, tensors), codes, zeros, scales());
  }
}

TEST_F(QuantizedCheckpoint, ReadsIntegersAsTheyAre) {
  std::vector<std::int8_t> weight(kRows * kColumns);
  Codes codes(kRows, std::vector<unsigned>(kColumns));
  for (std::size_t i = 0; i < weight.size(); ++i) {
    weight[i] = static_cast<std::int8_t>(static_cast<int>(i * 37 % 256) - 128);
    codes[i / kColumns][i % kColumns] = static_cast<unsigned>(weight[i] + 128);
  }
  const std::string settings = R"("quant_method":"compressed-tensors","format":"int-quantized",)"
                               R"("config_groups":{"a":{"weights":{"num_bits":8,"strategy":"channel"}}})";
  const std::vector<Payload> tensors = {payload("m.weight", "I8", {kRows, kColumns}, weight),
                                        scale_payload("m.weight_scale", scales(1), false),
                                        floats("m.input_scale", {1}, {3})};
  const Checkpoint checkpoint = unpacked(settings, tensors);
  expect_values(checkpoint, codes, Codes(kRows, {128}), scales(1));
  EXPECT_EQ(checkpoint.weights().size(), 1u);
}

TEST_F(QuantizedCheckpoint, ReadsFloat8) {
  const std::vector<std::uint8_t> codes = {0x38, 0x40, 0xB8, 0x7E, 0x00, 0x01};  // 1, 2, -1, 448, 0, 2^-9
  const Payload weight = payload("m.weight", "F8_E4M3", {3, 2}, codes);
  const auto values = [&](const std::string& settings, const Payload& scales) {
    return floats_of(unpacked(R"("quant_method":"fp8")" + settings, {weight, scales}).at("m.weight").tensor);
  };
  EXPECT_THAT(values("", floats("m.weight_scale", {}, {2})), ElementsAre(2, 4, -2, 896, 0, 0.00390625F));
  EXPECT_THAT(values("", floats("m.weight_scale", {3, 1}, {1, 2, 4})), ElementsAre(1, 2, -2, 896, 0, 0.0078125F));
  EXPECT_THAT(values(R"(,"weight_block_size":[2,1])", floats("m.weight_scale_inv", {2, 2}, {1, 10, 3, 4})),
              ElementsAre(1, 20, -1, 4480, 0, 0.0078125F));
  EXPECT_THAT(refusal(R"("quant_method":"fp8","weight_block_size":[2,2])",
                      {weight, floats("m.weight_scale_inv", {3, 2}, {1, 1, 1, 1, 1, 1})}),
              AllOf(HasSubstr("m: "), HasSubstr("scales have shape [3,2]")));
}

TEST_F(QuantizedCheckpoint, ReadsMxfp4) {
  std::vector<std::uint8_t> blocks(2 * 16);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    blocks[i] = static_cast<std::uint8_t>(i * 2 % 16 | (i * 2 + 1) % 16 << 4);
  const Checkpoint checkpoint =
      unpacked(R"("quant_method":"mxfp4")", {payload("e.w_blocks", "U8", {1, 2, 1, 16}, blocks),
                                             payload<std::uint8_t>("e.w_scales", "U8", {1, 2, 1}, {127, 129})});
  const Weight& weight = checkpoint.at("e.w", {1, 32, 2});
  const auto values = floats_of(weight.tensor);
  const std::vector<float> table = {0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6};
  for (std::size_t k = 0; k < 32; ++k) {
    EXPECT_EQ(values[k * 2], table[k % 16]);
    EXPECT_EQ(values[k * 2 + 1], table[k % 16] * 4);
  }
  EXPECT_EQ(weight.quantized->codes.dims(), (tensor::Dims{1, 2, 32}));
  EXPECT_EQ(repack(*weight.quantized).packed.dims(), (tensor::Dims{1, 2, 1, 32}));
}

TEST_F(QuantizedCheckpoint, ReadsTheSmallestScalesOfMxfp4) {
  const std::vector<std::uint8_t> blocks(4 * 16, 0x22);  // all one
  const Checkpoint checkpoint =
      unpacked(R"("quant_method":"mxfp4")", {payload("e.w_blocks", "U8", {1, 4, 1, 16}, blocks),
                                             payload<std::uint8_t>("e.w_scales", "U8", {1, 4, 1}, {0, 1, 2, 254})});
  const auto values = floats_of(checkpoint.at("e.w").tensor);
  EXPECT_THAT(
      std::vector<float>(values.begin(), values.begin() + 4),
      ElementsAre(std::ldexp(1.0F, -127), std::ldexp(1.0F, -126), std::ldexp(1.0F, -125), std::ldexp(1.0F, 127)));
}

TEST_F(QuantizedCheckpoint, NamesWhatIsNotReadAndWhatDoesntFit) {
  EXPECT_THAT(refusal(R"("quant_method":"bitsandbytes")", {}),
              AllOf(HasSubstr("/quantization_config/quant_method"), HasSubstr("'bitsandbytes'"), HasSubstr("awq")));
  EXPECT_THAT(refusal(R"("quant_method":"gptq","bits":3)", {}), HasSubstr("3 bits"));
  auto tensors = gptq(4, random_codes(kRows, kColumns, 16, 1), random_codes(kRows, kGroups, 16, 2), true);
  tensors.pop_back();
  EXPECT_THAT(refusal(R"("quant_method":"gptq","bits":4,"group_size":32)", tensors),
              AllOf(HasSubstr("m: it has no 'scales'")));
  tensors.push_back(scale_payload("m.scales", scales(3), true));
  EXPECT_THAT(refusal(R"("quant_method":"gptq","bits":4,"group_size":32)", tensors),
              HasSubstr("scales have shape [16,3], expected [16,2]"));
  EXPECT_THAT(refusal(R"("quant_method":"compressed-tensors","format":"marlin-24")", {}), HasSubstr("'marlin-24'"));
}

}  // namespace
}  // namespace olivine::huggingface

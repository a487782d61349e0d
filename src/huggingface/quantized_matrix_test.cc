#include "huggingface/quantized_matrix.h"

#include <random>

#include "huggingface/code_views.h"
#include "huggingface/huggingface_fixture.h"
#include "kernels/packing.h"

namespace olivine::huggingface {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

tensor::Tensor codes_tensor(int bits, tensor::Dims dims, const std::vector<std::uint8_t>& codes) {
  std::vector<std::byte> bytes((codes.size() * static_cast<std::size_t>(bits) + 7) / 8);
  kernels::pack_codes(bits, codes.data(), bytes.data(), codes.size());
  return tensor::from_bytes(code_type(bits), std::move(dims), std::move(bytes));
}

std::vector<std::uint8_t> random_codes(int bits, std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> codes(count);
  for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random() & ((1U << bits) - 1));
  return codes;
}

std::vector<float> random_floats(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 977.0F;
  return values;
}

tensor::Tensor float_tensor(tensor::Dims dims, const std::vector<float>& values) {
  return tensor::from_values<float>(DataType::float32, std::move(dims), values);
}

/// What MatMulNBits multiplies with, element by element as its documentation says.
std::vector<float> unpacked(const MatMulNBits& packed, std::int64_t rows, std::int64_t columns) {
  const auto bytes = tensor::evaluate(packed.packed);
  const auto scales = floats_of(packed.scales);
  const auto groups = (columns + packed.block_size - 1) / packed.block_size;
  const auto code = [&](const std::vector<std::byte>& from, std::int64_t row_bytes, std::int64_t row, std::int64_t i) {
    const std::int64_t bit = i * packed.bits;
    const auto byte = std::to_integer<unsigned>(from[static_cast<std::size_t>(row * row_bytes + bit / 8)]);
    return byte >> (bit % 8) & ((1U << packed.bits) - 1);
  };
  std::vector<std::byte> zeros;
  std::vector<float> float_zeros;
  if (packed.zero_points && is_float(packed.zero_points->dtype())) float_zeros = floats_of(*packed.zero_points);
  if (packed.zero_points && !is_float(packed.zero_points->dtype())) zeros = tensor::evaluate(*packed.zero_points);
  std::vector<float> values;
  for (std::int64_t n = 0; n < rows; ++n) {
    for (std::int64_t k = 0; k < columns; ++k) {
      const std::int64_t g = k / packed.block_size;
      auto zero = static_cast<float>(1U << (packed.bits - 1));
      if (!zeros.empty()) zero = static_cast<float>(code(zeros, (groups * packed.bits + 7) / 8, n, g));
      if (!float_zeros.empty()) zero = float_zeros[static_cast<std::size_t>(n * groups + g)];
      const auto q = static_cast<float>(code(bytes, groups * packed.block_size * packed.bits / 8, n, k));
      values.push_back((q - zero) * scales[static_cast<std::size_t>(n * groups + g)]);
    }
  }
  return values;
}

struct Case {
  int bits;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t block;
  bool has_zero_points;
  std::int64_t repacked_block;
};

class Repack : public testing::TestWithParam<Case> {};

TEST_P(Repack, AgreesWithTheDequantizedValuesBitForBit) {
  const Case& c = GetParam();
  const std::int64_t groups = (c.columns + c.block - 1) / c.block;
  const auto count = static_cast<std::size_t>(c.rows * c.columns);
  const auto blocks = static_cast<std::size_t>(c.rows * groups);
  QuantizedMatrix matrix;
  matrix.bits = c.bits;
  matrix.block = c.block;
  const auto codes = random_codes(c.bits, count, 1);
  const auto scales = random_floats(blocks, 2);
  const auto zeros = random_codes(c.bits, blocks, 3);
  matrix.codes = codes_tensor(c.bits, {c.rows, c.columns}, codes);
  matrix.scales = float_tensor({c.rows, groups}, scales);
  if (c.has_zero_points) matrix.zero_points = codes_tensor(c.bits, {c.rows, groups}, zeros);
  const tensor::Tensor values = dequantize(matrix);
  const auto found = floats_of(values);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t g = i / static_cast<std::size_t>(c.columns) * static_cast<std::size_t>(groups) +
                          i % static_cast<std::size_t>(c.columns) / static_cast<std::size_t>(c.block);
    const float zero = c.has_zero_points ? zeros[g] : static_cast<float>(1 << (c.bits - 1));
    ASSERT_EQ(found[i], (static_cast<float>(codes[i]) - zero) * scales[g]) << i;
  }
  expect_pieces_agree(values, 7);
  const MatMulNBits packed = repack(matrix);
  EXPECT_TRUE(packed.is_exact);
  EXPECT_EQ(packed.block_size, c.repacked_block);
  EXPECT_EQ(unpacked(packed, c.rows, c.columns), found);
  expect_pieces_agree(packed.packed, 13);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Repack,
                         testing::Values(Case{4, 3, 64, 32, true, 32}, Case{4, 3, 64, 32, false, 32},
                                         Case{4, 5, 80, 16, true, 16}, Case{4, 2, 100, 32, true, 32},
                                         Case{4, 3, 96, 48, true, 16}, Case{4, 2, 1024, 512, true, 256},
                                         Case{8, 3, 64, 32, true, 32}, Case{8, 2, 70, 70, true, 128},
                                         Case{4, 3, 300, 300, true, 128}, Case{4, 3, 64, 64, false, 64},
                                         Case{2, 3, 70, 32, true, 32}));

TEST(QuantizedMatrixTest, TakesColumnsOutOfOrder) {
  QuantizedMatrix matrix;
  matrix.block = 2;
  matrix.codes = codes_tensor(4, {1, 4}, {1, 2, 3, 4});
  matrix.scales = float_tensor({1, 2}, {10, 100});
  matrix.zero_points = codes_tensor(4, {1, 2}, {0, 1});
  matrix.group_index = tensor::from_values<std::int32_t>(DataType::int32, {4}, std::vector<std::int32_t>{1, 0, 0, 1});
  EXPECT_THAT(floats_of(dequantize(matrix)), ElementsAre(0, 20, 30, 300));
  EXPECT_THAT(repack_obstacle(matrix), HasSubstr("desc_act"));
  EXPECT_THAT(error_of([&] { repack(matrix); }), HasSubstr("desc_act"));
  matrix.group_index = tensor::from_values<std::int32_t>(DataType::int32, {4}, std::vector<std::int32_t>{1, 0, 2, 1});
  EXPECT_THAT(error_of([&] { dequantize(matrix); }), HasSubstr("group 2 of 2"));
}

TEST(QuantizedMatrixTest, TurnsOffsetsIntoFloatZeroPoints) {
  QuantizedMatrix matrix;
  matrix.block = 16;
  std::vector<std::uint8_t> codes = random_codes(4, 48, 5);
  std::fill(codes.begin() + 32, codes.end(), std::uint8_t{0});
  matrix.codes = codes_tensor(4, {3, 16}, codes);
  matrix.scales = float_tensor({3, 1}, {0.5F, 0.1F, 0});
  matrix.offsets = float_tensor({3, 1}, {2, 0.7F, 3});
  const auto values = floats_of(dequantize(matrix));
  const MatMulNBits packed = repack(matrix);
  EXPECT_FALSE(packed.is_exact);
  const auto found = unpacked(packed, 3, 16);
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(found[i], values[i], 1e-6) << i;
  EXPECT_EQ(values[47], -3);
}

TEST(QuantizedMatrixTest, RefusesWhatDoesntFit) {
  QuantizedMatrix matrix;
  matrix.block = 32;
  matrix.codes = codes_tensor(4, {2, 64}, random_codes(4, 128, 1));
  matrix.scales = float_tensor({2, 3}, random_floats(6, 1));
  EXPECT_THAT(error_of([&] { dequantize(matrix); }), HasSubstr("scales have shape [2,3], expected [2,2]"));
  matrix.scales = float_tensor({2, 2}, random_floats(4, 1));
  matrix.zero_points = codes_tensor(4, {2, 1}, {1, 2});
  EXPECT_THAT(error_of([&] { dequantize(matrix); }), HasSubstr("zero points have shape [2,1]"));
  matrix.zero_points.reset();
  matrix.block = 0;
  EXPECT_THAT(error_of([&] { dequantize(matrix); }), HasSubstr("0 columns"));
  matrix.block = 24;
  matrix.scales = float_tensor({2, 3}, random_floats(6, 1));
  EXPECT_THAT(repack_obstacle(matrix), HasSubstr("blocks of 24 columns"));
}

}  // namespace
}  // namespace olivine::huggingface

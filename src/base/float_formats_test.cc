#include "base/float_formats.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"

namespace olivine {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Case {
  DataType dtype;
  double value;
  std::uint64_t saturated;
  std::uint64_t unsaturated;
};

// Written down from the formats' specifications and ONNX's tables, so that the definition itself is held to something.
TEST(FloatFormats, EncodesWhatTheSpecificationsSay) {
  using enum DataType;
  const std::vector<Case> cases = {
      {float16, 1.0, 0x3c00, 0x3c00},
      {float16, 65504, 0x7bff, 0x7bff},
      {float16, 65519.99, 0x7bff, 0x7bff},
      {float16, 65520, 0x7c00, 0x7c00},
      {float16, -kInf, 0xfc00, 0xfc00},
      {float16, 0x1p-24, 0x0001, 0x0001},
      {float16, 0x1p-25, 0x0000, 0x0000},
      {float16, std::nextafter(0x1p-25, 1), 0x0001, 0x0001},
      {float16, -0.0, 0x8000, 0x8000},
      {bfloat16, 1.00390625, 0x3f80, 0x3f80},  // a tie, to even
      {bfloat16, 1.01171875, 0x3f82, 0x3f82},  // a tie, to even upwards
      {bfloat16, 3.4e38, 0x7f80, 0x7f80},
      {float8e4m3fn, 448, 0x7e, 0x7e},
      {float8e4m3fn, 464, 0x7e, 0x7e},  // the tie goes to the even 448
      {float8e4m3fn, 465, 0x7e, 0x7f},
      {float8e4m3fn, kInf, 0x7e, 0x7f},
      {float8e4m3fn, -kInf, 0xfe, 0xff},
      {float8e4m3fnuz, 240, 0x7f, 0x7f},
      {float8e4m3fnuz, kInf, 0x7f, 0x80},
      {float8e4m3fnuz, -1e9, 0xff, 0x80},
      {float8e4m3fnuz, -0.0, 0x00, 0x00},
      {float8e5m2, 57344, 0x7b, 0x7b},
      {float8e5m2, 61440, 0x7b, 0x7c},
      {float8e5m2, -kInf, 0xfb, 0xfc},
      {float8e5m2fnuz, 57344, 0x7f, 0x7f},
      {float8e5m2fnuz, kInf, 0x7f, 0x80},
      {float8e8m0, 1.0, 127, 127},
      {float8e8m0, 1.01, 128, 128},
      {float8e8m0, 0.0, 0, 0xff},
      {float8e8m0, kInf, 0xfe, 0xff},
      {float8e8m0, 0x1.8p127, 0xfe, 0xff},
      {float8e8m0, -1.0, 0xff, 0xff},
      {float6e2m3, 7.5, 0x1f, 0x1f},
      {float6e2m3, 1e9, 0x1f, 0x1f},
      {float6e2m3, 0.125, 0x01, 0x01},
      {float6e3m2, -28, 0x3f, 0x3f},
      {float6e3m2, 0.0625, 0x01, 0x01},
      {float4e2m1, 6, 0x7, 0x7},
      {float4e2m1, -0.5, 0x9, 0x9},
      {float4e2m1, 2.5, 0x4, 0x4},  // between 2 and 3
      {float4e2m1, kInf, 0x7, 0x7},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(encode_float(c.dtype, c.value, true), c.saturated) << name_of(c.dtype) << " " << c.value;
    EXPECT_EQ(encode_float(c.dtype, c.value, false), c.unsaturated) << name_of(c.dtype) << " " << c.value;
  }
}

TEST(FloatFormats, NanIsQuietAndKeepsItsSign) {
  const double nan = std::bit_cast<double>(0xfff0000000000001);  // signaling, its payload too low for the others
  EXPECT_EQ(encode_float(DataType::float32, nan), 0xffc00000u);
  EXPECT_EQ(encode_float(DataType::float16, nan), 0xfe00u);
  EXPECT_EQ(encode_float(DataType::bfloat16, nan), 0xffc0u);
  EXPECT_EQ(encode_float(DataType::float8e4m3fn, nan), 0xffu);
  EXPECT_EQ(encode_float(DataType::float8e5m2, nan), 0xfeu);
  EXPECT_EQ(encode_float(DataType::float8e5m2fnuz, nan), 0x80u);
  EXPECT_EQ(encode_float(DataType::float8e8m0, nan), 0xffu);
  EXPECT_EQ(encode_float(DataType::float4e2m1, nan), 0x0u);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(decode_float(DataType::float16, 0xfc01)), 0xfff8040000000000);
  EXPECT_TRUE(std::isnan(decode_float(DataType::float8e4m3fnuz, 0x80)));
  EXPECT_TRUE(std::isnan(decode_float(DataType::float8e8m0, 0xff)));
}

TEST(FloatFormats, EveryCodeSurvivesARoundTrip) {
  using enum DataType;
  for (const DataType dtype : {float16, bfloat16, float8e4m3fn, float8e4m3fnuz, float8e5m2, float8e5m2fnuz, float8e8m0,
                               float6e2m3, float6e3m2, float4e2m1}) {
    for (std::uint64_t code = 0; code < std::uint64_t{1} << bit_width(dtype); ++code) {
      const double value = decode_float(dtype, code);
      if (std::isnan(value)) continue;
      EXPECT_EQ(encode_float(dtype, value, false), code) << name_of(dtype);
    }
  }
}

TEST(FloatFormats, DoubleAndFloatAreThemselves) {
  for (const double value : {0.0, -0.0, 1.0, -3.25, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, kInf}) {
    EXPECT_EQ(encode_float(DataType::float64, value), std::bit_cast<std::uint64_t>(value));
    EXPECT_EQ(decode_float(DataType::float64, std::bit_cast<std::uint64_t>(value)), value);
    EXPECT_EQ(encode_float(DataType::float32, value), std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  }
  EXPECT_EQ(find_float_format(DataType::int8), nullptr);
  EXPECT_THROW(decode_float(DataType::int8, 0), Error);
}

}  // namespace
}  // namespace olivine

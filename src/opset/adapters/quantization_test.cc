#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Quantization : public OpsetFixture {
 protected:
  Quantization() { dims_ = {{"N", 2}, {"S", 4}}; }
};

std::string model(int opset, std::string_view rest) {
  return fmt::format(R"(<ir_version: 10, opset_import: ["": {}]> g {})", opset, rest);
}

TEST_F(Quantization, OfAnAxisIsTheFormula) {
  for (const std::int64_t target : {12, 10, 9}) {
    expect_alike(model(13, R"((float[N,3,S] x) => (uint8[N,3,S] y)
      <float[3] scale = {0.01, 0.02, 0.005}, uint8[3] zero = {128, 3, 0}> { y = QuantizeLinear(x, scale, zero) })"),
                 target);
    expect_alike(model(13, R"((float[N,3,S] x) => (int8[N,3,S] y) <float[3] scale = {0.01, 0.02, 0.005}> {
      zero = Constant<value = int8[3] {1, -2, 3}>()
      y = QuantizeLinear<axis=-2>(x, scale, zero) })"),
                 target);
    expect_alike(model(13, R"((float[N,3,S] x) => (float[N,3,S] y)
      <float[3] scale = {0.01, 0.02, 0.005}, uint8[3] zero = {128, 3, 0}, float one = {0.01}, uint8 mid = {128}> {
        q = QuantizeLinear(x, one, mid)
        y = DequantizeLinear(q, scale, zero) })"),
                 target);
  }
}

TEST_F(Quantization, OfTheTensorStays) {
  expect_rewrite(model(13, R"((float[N,3] x, float s, uint8 z) => (uint8[N,3] y) {
                                y = QuantizeLinear<axis=0>(x, s, z) })"),
                 10, model(10, R"((float[N,3] x, float s, uint8 z) => (uint8[N,3] y) {
                                y = QuantizeLinear(x, s, z) })"));
}

// Halves go to the even neighbour, and what is too large is limited.
TEST_F(Quantization, RoundsAsTheOperatorDoes) {
  for (const std::int64_t target : {10, 9}) {
    expect_alike(model(13, R"(() => (uint8[9] y) <float[9] x = {0.5, 1.5, 2.5, -0.5, 300, -7, 0.49999997, 254.5, 1e30},
        float one = {1.0}, uint8 zero = {0}> { y = QuantizeLinear(x, one, zero) })"),
                 target);
  }
}

TEST_F(Quantization, BlocksAreTakenApart) {
  for (const char* shape : {"[N,8]", "[N,7]"}) {
    expect_alike(model(21, fmt::format(R"((float{0} x) => (int8{0} q, float{0} y)
      <float[2,2] scale = {{0.01, 0.02, 0.03, 0.04}}, int8[2,2] zero = {{1, 2, 3, 4}}> {{
        q = QuantizeLinear<axis=1, block_size=4>(x, scale, zero)
        y = DequantizeLinear<axis=1, block_size=4>(q, scale, zero) }})",
                                       shape)),
                 20);
  }
}

TEST_F(Quantization, OfSixteenBitsIsTheFormula) {
  for (const char* type : {"int16", "uint16"}) {
    expect_alike(model(21, fmt::format(R"((float[N,3] x) => ({0}[N,3] q, float[N,3] y)
      <float s = {{0.001}}, {0} z = {{100}}> {{ q = QuantizeLinear(x, s, z)  y = DequantizeLinear(q, s, z) }})",
                                       type)),
                 19);
  }
}

TEST_F(Quantization, ItsTypeBecomesAZeroPoint) {
  expect_rewrite(model(21, R"((float[N,3] x, float s) => (int8[N,3] y) { y = QuantizeLinear<output_dtype=3>(x, s) })"),
                 19, model(19, R"((float[N,3] x, float s) => (int8[N,3] y) <int8 constant_1 = {0}> {
                                    y = QuantizeLinear(x, s, constant_1) })"));
}

TEST_F(Quantization, ConstantsOfFourBitsBecomeBytes) {
  expect_alike(model(21, R"(() => (float[2,4] y) <int4[2,4] w = {225,195,165,135}, float[2] s = {0.5, 0.25}> {
                 y = DequantizeLinear<axis=0>(w, s) })"),
               17);
  EXPECT_NE(
      refusal(model(21, R"((float[2,4] x, float s, int4 z) => (int4[2,4] y) { y = QuantizeLinear(x, s, z) })"), 20)
          .find("nothing in opset 20 makes int4"),
      std::string::npos);
}

TEST_F(Quantization, PrecisionAndTypeOfTheResultAreCasts) {
  expect_rewrite(model(23, R"((float16[N,3] x, float s, uint8 z) => (uint8[N,3] y) {
                                y = QuantizeLinear<precision=1>(x, s, z) })"),
                 21, model(21, R"((float16[N,3] x, float s, uint8 z) => (uint8[N,3] y) {
                                y_Cast = Cast<to=1>(x)
                                y = QuantizeLinear(y_Cast, s, z) })"));
  expect_rewrite(model(23, R"((uint8[N,3] x, float16 s) => (float[N,3] y) {
                                y = DequantizeLinear<output_dtype=1>(x, s) })"),
                 21, model(21, R"((uint8[N,3] x, float16 s) => (float[N,3] y) {
                                y_Cast = Cast<to=1>(s)
                                y = DequantizeLinear(x, y_Cast) })"));
}

TEST_F(Quantization, IntegersAreCastWhereTheScaleIsFloat) {
  expect_rewrite(model(13, R"((int32[N,3] x, float s, uint8 z) => (uint8[N,3] y) { y = QuantizeLinear(x, s, z) })"), 21,
                 model(21, R"((int32[N,3] x, float s, uint8 z) => (uint8[N,3] y) {
                                y_Cast = Cast<to=1>(x)
                                y = QuantizeLinear(y_Cast, s, z) })"));
}

TEST_F(Quantization, FloatEightIsRefused) {
  EXPECT_NE(refusal(model(19, R"((float[2,4] x, float s, float8e4m3fn z) => (float8e4m3fn[2,4] y) {
                                   y = QuantizeLinear(x, s, z) })"),
                    18)
                .find("nothing in opset 18 makes float8e4m3fn"),
            std::string::npos);
}

TEST_F(Quantization, ProductsOfIntegersAreOfThirtyTwoBits) {
  const std::string quantize = R"(
    qa = QuantizeLinear(a, s, za)
    qb = QuantizeLinear(b, s, zb))";
  const std::string given = R"(<float s = {0.01}, uint8 za = {120}, int8 zb = {-3}, float[4] sb = {0.01,0.02,0.03,0.04},
    int8[4] zbs = {1,2,3,4}, float sy = {0.02}, uint8 zy = {100}> {)" +
                            quantize;
  expect_alike(model(10, "(float[2,3,300] a, float[300,4] b) => (int32[2,3,4] y)" + given +
                             "y = MatMulInteger(qa, qb, za, zb) }"),
               9);
  expect_alike(model(10, "(float[2,3,300] a, float[300,4] b) => (uint8[2,3,4] y)" + given +
                             "y = QLinearMatMul(qa, s, za, qb, s, zb, sy, zy) }"),
               9);
  expect_alike(model(10, "(float[1,5,6,6] a, float[4,5,3,3] b) => (uint8[1,4,6,6] y)" + given +
                             "bias = Constant<value = int32[4] {1, 200, -3000, 40000}>()"
                             "y = QLinearConv<pads=[1,1,1,1]>(qa, s, za, qb, sb, zb, sy, zy, bias) }"),
               9);
  EXPECT_NE(refusal(model(10, "(float[1,64,6,6] a, float[4,64,3,3] b) => (uint8[1,4,4,4] y)" + given +
                                  "y = QLinearConv(qa, s, za, qb, s, zb, sy, zy) }"),
                    9)
                .find("convolves no integers"),
            std::string::npos);
}

}  // namespace
}  // namespace olivine::opset

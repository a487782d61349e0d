#include <gmock/gmock.h>

#include <algorithm>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Convolution : public OpsetFixture {};

TEST_F(Convolution, IntegersAreConvolvedAsFloats) {
  dims_ = {{"n", 2}};
  const auto text = [](int channels, const char* zeros) {
    return fmt::format(R"(<ir_version: 7, opset_import: ["": 10]>
        g (float[n,{0},6,6] x, float[2,{0},3,3] w) => (float[n,2,4,4] y)
        <float scale = {{90}}, uint8 a = {{17}}, uint8 b0 = {{3}}, uint8[2] b1 = {{5, 60}}> {{
          xa = Abs(x) xs = Mul(xa, scale) xu = Cast<to=2>(xs)
          wa = Abs(w) ws = Mul(wa, scale) wu = Cast<to=2>(ws)
          i = ConvInteger(xu, wu, a, {1})
          y = Cast<to=1>(i)
        }})",
                       channels, zeros);
  };
  // The second has too many taps for one convolution.
  for (const int channels : {3, 40}) expect_alike(text(channels, "b0"), 9, 0);
  // ONNX Runtime has no zero points for each channel.
  EXPECT_THAT(onnx::print_model(converted(text(3, "b1"), 9)), ::testing::HasSubstr("float[2,1,1,1]"));
}

TEST_F(Convolution, IntegersThatNoFloatHoldsAreRefused) {
  EXPECT_THAT(
      refusal(
          R"(<ir_version: 7, opset_import: ["": 10]> g (uint8[1,600,3,3] x, uint8[1,600,3,3] w) => (int32[1,1,1,1] y) {
                           y = ConvInteger(x, w)
                         })",
          9),
      ::testing::HasSubstr("sums"));
}

struct Col2Im {
  const char* input;
  const char* image;
  const char* block;
  const char* attributes;
};

constexpr Col2Im kCol2Im[] = {
    {"2,12,25", "6,7", "2,3", "strides=[1,1]"},
    {"1,18,6", "8,9", "3,3", "strides=[3,4], pads=[1,0,0,1]"},
    {"1,8,12", "8,5", "2,2", "dilations=[2,3], strides=[2,1], pads=[1,1,1,0]"},
    {"1,9,15", "17", "3", "strides=[1]"},
    {"1,16,24", "3,4,5", "2,2,2", "strides=[1,1,1]"},
};

TEST_F(Convolution, BlocksAreConvolvedBackOrMultiplied) {
  dims_ = {{"a", 1}};
  for (const Col2Im& one : kCol2Im) {
    const auto rank = std::count(std::string_view(one.image).begin(), std::string_view(one.image).end(), ',') + 1;
    const std::string_view shape = rank == 1 ? "n,c,i" : rank == 2 ? "n,c,i,j" : "n,c,i,j,k";
    for (const bool known : {true, false}) {
      const std::string text = fmt::format(
          R"(<ir_version: 8, opset_import: ["": 18]> g (float[{0}] x, float[a] like) => (float[{1}] y)
               <int64[{2}] image = {{{3}}}, int64[{2}] b = {{{4}}}> {{
               one = Shape(like) block = Mul(b, {5}) y = Col2Im<{6}>(x, image, block)
             }})",
          one.input, shape, rank, one.image, one.block, known ? "unit" : "one", one.attributes);
      const std::string with_unit =
          known ? std::string(text).replace(text.find("<int64"), 1, "<int64 unit = {1}, ") : text;
      const std::string after = expect_alike(with_unit, known ? 17 : 9);
      EXPECT_THAT(after, ::testing::HasSubstr(known ? "ConvTranspose" : "MatMul"));
    }
  }
}

}  // namespace
}  // namespace olivine::opset

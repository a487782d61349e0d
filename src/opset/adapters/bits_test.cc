#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;

class Bits : public OpsetFixture {};

constexpr const char* kSigned[] = {"int8", "int16", "int32", "int64"};
constexpr const char* kUnsigned[] = {"uint8", "uint16", "uint32", "uint64"};

TEST_F(Bits, SignedIntegersAreShiftedAsUnsignedOnes) {
  for (const char* type : kSigned) {
    for (const char* direction : {"LEFT", "RIGHT"}) {
      expect_alike(fmt::format(R"(<ir_version: 10, opset_import: ["": 28]> g ({0}[6] x) => ({0}[6] y)
                                    <{0}[6] n = {{0, 1, 7, 64, -1, 3}}, {0}[6] signs = {{1, -1, 1, -1, -1, -1}}> {{
                                    s = Mul(x, signs)
                                    y = BitShift<direction="{1}">(s, n)
                                  }})",
                               type, direction),
                   27);
    }
  }
}

TEST_F(Bits, ShiftsArePowersOfTwo) {
  for (const char* type : kUnsigned) {
    for (const char* direction : {"LEFT", "RIGHT"}) {
      expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 11]> g ({0}[4] x) => ({0}[4] y)
                                    <{0}[4] n = {{0, 1, 5, 7}}> {{ y = BitShift<direction="{1}">(x, n) }})",
                               type, direction),
                   10);
    }
  }
}

TEST_F(Bits, GatesAreArithmeticOnBits) {
  for (const auto& types : {kSigned, kUnsigned}) {
    for (std::size_t i = 0; i < 4; ++i) {
      for (const char* op : {"BitwiseAnd", "BitwiseOr", "BitwiseXor"}) {
        expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 18]> g ({0}[2,3] a, {0}[3] b) => ({0}[2,3] y)
                                      <{0}[3] far = {{0, -1, 5}}> {{
                                      c = BitwiseNot(a)
                                      d = Add(b, far)
                                      y = {1}(c, d)
                                    }})",
                                 types[i], op),
                     13);
      }
    }
  }
}

TEST_F(Bits, RemaindersTakeTheSignThatIsAskedFor) {
  for (const char* type : {"float", "double"}) {
    expect_alike(fmt::format(R"(<ir_version: 10, opset_import: ["": 28]> g ({0}[4] x) => ({0}[4] y)
                                  <{0}[4] d = {{0.3, -0.3, 2.0, -2.0}}, {0}[4] e = {{-1.0, 1.0, 1.0, -1.0}}> {{
                                  s = Mul(x, e)
                                  y = Mod(s, d)
                                }})",
                             type),
                 21);
  }
  for (const char* type : {"int32", "int64"}) {
    for (const char* how : {"", "<fmod=1>"}) {
      expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 13]> g ({0}[4] x) => ({0}[4] y)
                                    <{0}[4] d = {{3, -3, 7, -7}}, {0}[4] e = {{-1, 1, 1, -1}}> {{
                                    s = Mul(x, e)
                                    y = Mod{1}(s, d)
                                  }})",
                               type, how),
                   9);
    }
  }
  EXPECT_THAT(refusal(R"(<ir_version: 8, opset_import: ["": 13]> g (float[4] x) => (float[4] y) {
                           y = Mod<fmod=1>(x, x)
                         })",
                      9),
              HasSubstr("a quotient of floats is rounded"));
}

TEST_F(Bits, BitsOfIntegersAreCast) {
  const std::string text = R"(<ir_version: 12, opset_import: ["": 26]> g (int32[4] x) => ({0}[4] y) {{
                                y = BitCast<to={1}>(x)
                              }})";
  EXPECT_THAT(expect_alike(fmt::format(fmt::runtime(text), "uint32", 12), 21), HasSubstr("Cast"));
  EXPECT_THAT(refusal(fmt::format(fmt::runtime(text), "float", 1), 21), HasSubstr("reads the bits"));
}

}  // namespace
}  // namespace olivine::opset

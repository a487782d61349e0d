#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;

class Constants : public OpsetFixture {};

TEST_F(Constants, NumbersAndListsBecomeTensors) {
  expect_rewrite(R"(<ir_version: 8, opset_import: ["": 12]> g () => (int64[2] a, float b, string[1] c) {
                      a = Constant<value_ints=[1,2]>()
                      b = Constant<value_float=0.5>()
                      c = Constant<value_strings=["x"]>()
                    })",
                 11, R"(<ir_version: 8, opset_import: ["": 11]> g () => (int64[2] a, float b, string[1] c) {
                          a = Constant<value=int64[2] a {1,2}>()
                          b = Constant<value=float b {0.5}>()
                          c = Constant<value=string[1] c {"x"}>()
                        })");
}

TEST_F(Constants, OfTypesThatConstantLacksBecomeInitializers) {
  const std::string text = expect_alike(R"(<ir_version: 8, opset_import: ["": 9]> g (int64[2] x) => (int64[2] y) {
                                             a = Constant<value=int64[2] {1,2}>()
                                             y = Add(a, x)
                                           })",
                                        8);
  EXPECT_THAT(text, HasSubstr("int64[2] constant"));
}

TEST_F(Constants, FillOfLaterTypesIsCast) {
  EXPECT_THAT(expect_alike(R"(<ir_version: 10, opset_import: ["": 20]> g (int64[2] shape) => (float[M,N] y) {
                                a = ConstantOfShape<value=bfloat16[1] {2}>(shape)
                                y = Cast<to=1>(a)
                              })",
                           13),
              HasSubstr("Cast <to: int = 16>"));
  EXPECT_THAT(expect_alike(R"(<ir_version: 8, opset_import: ["": 9]> g (int64[2] shape) => (float[M,N] y) {
                                y = ConstantOfShape<value=float[1] {2}>(shape)
                              })",
                           8),
              HasSubstr("Expand"));
}

TEST_F(Constants, RangesAreCounted) {
  for (const char* type : {"float", "double", "int32", "int64"}) {
    for (const char* numbers : {"{2}, {0} b = {{9}}, {0} d = {{3}}", "{9}, {0} b = {{2}}, {0} d = {{-2}}",
                                "{2}, {0} b = {{1}}, {0} d = {{1}}"}) {
      const std::string constants = fmt::format(
          fmt::runtime("{0} a = {{" + std::string(numbers).substr(1, 1) + "}}" + std::string(numbers).substr(3)), type);
      expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 11]> g ({0} x) => ({0}[n] y) <{1}> {{
                                    zero = Sub(x, x)
                                    start = Add(a, zero)
                                    y = Range(start, b, d)
                                  }})",
                               type, constants),
                   10);
    }
  }
}

}  // namespace
}  // namespace olivine::opset

#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Padding : public OpsetFixture {
 protected:
  static std::string with_shapes(int opset, std::string_view inputs, std::string_view nodes) {
    return OpsetFixture::with_shapes(opset, inputs, "float y", nodes);
  }
};

TEST_F(Padding, PadsAndValueAreInputsSince11) {
  const std::string old = with_shapes(9, "float[2,3] x", "y = Pad<pads=[0,1,0,2], value=0.5>(x)");
  EXPECT_THAT(expect_alike(old, 11), HasSubstr("y = Pad (x, constant, constant_1)"));
  EXPECT_THAT(expect_alike(with_shapes(9, "float[2,3] x", "y = Pad<pads=[0,1,0,2]>(x)"), 11),
              HasSubstr("y = Pad (x, constant)"));
  const std::string back = onnx::print_model(converted(onnx::print_model(converted(old, 13)), 9));
  EXPECT_THAT(back, HasSubstr("Pad <pads: ints = [0, 1, 0, 2], value: float = 0.5> (x)"));
  EXPECT_THAT(onnx::print_model(converted(R"(<ir_version: 3, opset_import: ["": 1]> g (float[2,3] x) => (float[2,6] y) {
                                               y = Pad<paddings=[0,1,0,2]>(x)
                                             })",
                                          2)),
              HasSubstr("pads: ints = [0, 1, 0, 2]"));
}

TEST_F(Padding, PadsThatAreComputedBecomeAGather) {
  for (const char* mode : {"constant", "edge", "reflect"}) {
    for (const char* pads : {"{1, 2, 0, 1}", "{-1, 2, 0, -1}", "{0, 0, 0, 0}"}) {
      if (mode == std::string("reflect") && pads[1] == '-') continue;  // ONNX Runtime takes no such
      const std::string nodes =
          computed("p", fmt::format("int64[4] {}", pads)) + fmt::format("y = Pad<mode=\"{}\">(x, p)", mode);
      for (const char* x : {"float[3,4] x, float f", "float[N,M] x, float f"}) {
        dims_ = {{"N", 3}, {"M", 4}};
        EXPECT_THAT(expect_alike(with_shapes(13, x, nodes), 9), Not(HasSubstr("Pad (")));
      }
    }
  }
}

TEST_F(Padding, ConstantsThatNoAttributeHolds) {
  const std::string at_run_time = "p = Constant<value = int64[4] {0, 1, 1, 0}>() y = Pad(x, p, f)";
  EXPECT_THAT(expect_alike(with_shapes(13, "float[3,4] x, float f", at_run_time), 9), HasSubstr("Where"));
  for (const int dtype : {5, 7, 13}) {  // int16, int64, uint64
    const std::string integers = fmt::format(
        "p = Constant<value = int64[4] {{0, 1, 1, 0}}>() s = Abs(x) a = Cast<to=7>(s) b = Cast<to={}>(a) c = Pad(b, p) "
        "d = Cast<to=7>(c) y = Cast<to=1>(d)",
        dtype);
    if (dtype == 5) {
      // ONNX Runtime has no such kernel itself.
      EXPECT_THAT(onnx::print_model(converted(with_shapes(13, "float[3,4] x", integers), 9)), HasSubstr("Where"));
    } else {
      EXPECT_THAT(expect_alike(with_shapes(13, "float[3,4] x", integers), 9), HasSubstr("Where"));
    }
  }
  const std::string exact =
      "p = Constant<value = int64[4] {0, 1, 1, 0}>() c = Constant<value = double {0.1}>() "
      "a = Cast<to=11>(x) b = Pad(a, p, c) y = Cast<to=1>(b)";
  EXPECT_THAT(expect_alike(with_shapes(13, "float[3,4] x", exact), 9), HasSubstr("Where"));
}

TEST_F(Padding, AxesMayBeNamedSince18) {
  const std::string pads = "p = Constant<value = int64[2] {1, 2}>() ";
  const std::string known = pads + "a = Constant<value = int64[1] {-1}>() y = Pad(x, p, , a)";
  EXPECT_THAT(expect_alike(with_shapes(18, "float[3,4] x", known), 17), HasSubstr("{0,1,0,2}"));
  EXPECT_THAT(expect_alike(with_shapes(18, "float[3,4] x", known), 9), HasSubstr("pads: ints = [0, 1, 0, 2]"));
  const std::string both = computed("p", "int64[2] {1, 2}") + "a = Constant<value = int64[1] {0}>() y = Pad(x, p, , a)";
  EXPECT_THAT(expect_alike(with_shapes(18, "float[3,N] x, float f", both), 17), HasSubstr("Gather"));
  const std::string axes = pads + computed("a", "int64[1] {-1}") + "y = Pad(x, p, , a)";
  EXPECT_THAT(expect_alike(with_shapes(18, "float[3,N] x, float f", axes), 17), HasSubstr("ScatterElements"));
}

TEST_F(Padding, WrappingAroundIsAGatherBelow19) {
  for (const char* pads : {"{1, 2, 0, 5}", "{-1, 2, 6, -1}"}) {
    const std::string known = fmt::format("p = Constant<value = int64[4] {}>() y = Pad<mode=\"wrap\">(x, p)", pads);
    const std::string unknown = computed("p", fmt::format("int64[4] {}", pads)) + "y = Pad<mode=\"wrap\">(x, p)";
    EXPECT_THAT(expect_alike(with_shapes(19, "float[3,4] x", known), 18), Not(HasSubstr("Mod")));
    EXPECT_THAT(expect_alike(with_shapes(19, "float[N,4] x, float f", unknown), 18), HasSubstr("Mod"));
  }
}

}  // namespace
}  // namespace olivine::opset

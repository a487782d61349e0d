#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Ordering : public OpsetFixture {
 protected:
  static constexpr std::string_view kTop = "float y, int64 i";
};

TEST_F(Ordering, KIsAnInputSince10) {
  const std::string old = with_shapes(9, "float[3,5] x", kTop, "y, i = TopK<k=2, axis=-1>(x)");
  const std::string up = expect_alike(old, 11);
  EXPECT_THAT(up, HasSubstr("(x, constant)"));
  EXPECT_THAT(expect_alike(up, 9), HasSubstr("k: int = 2"));
  const std::string computed_k = computed("k", "int64[1] {2}") + "y, i = TopK<axis=0>(x, k)";
  EXPECT_THAT(expect_alike(with_shapes(11, "float[5,3] x, float f", kTop, computed_k), 9), HasSubstr("k: int = 5"));
  EXPECT_THAT(refusal(with_shapes(11, "float[N,3] x, float f", kTop, computed_k), 9), HasSubstr("to sort all of it"));
}

TEST_F(Ordering, TheSmallestBelow11) {
  const std::string k = "k = Constant<value = int64[1] {3}>() ";
  for (const int largest : {0, 1}) {
    const std::string order = fmt::format("<largest={}, sorted=1, axis=-2>", largest);
    const std::string floats = k + fmt::format("y, i = TopK{}(x, k)", order);
    expect_alike(with_shapes(11, "float[5,3] x", kTop, floats), 10);
    for (const int dtype : {6, 7}) {  // int32, int64
      const std::string integers = k + fmt::format(
                                           "h = Constant<value = float {{2}}>() d = Mul(x, h) r = Cast<to={}>(d) "
                                           "v, i = TopK{}(r, k) y = Cast<to=1>(v)",
                                           dtype, order);
      expect_alike(with_shapes(11, "float[5,3] x", kTop, integers), 10);
      expect_alike(with_shapes(11, "float[5,3] x", kTop, integers), 9);
    }
  }
}

TEST_F(Ordering, SumsAndProductsAlongAnAxisAreScans) {
  for (const auto& [op, opset] : {std::pair{"CumSum", 11}, std::pair{"CumProd", 26}}) {
    for (const char* how : {"exclusive=0", "exclusive=1", "reverse=1", "exclusive=1, reverse=1"}) {
      const std::string nodes = fmt::format("y = {}<{}>(x, a)", op, how);
      const std::string known = "a = Constant<value = int64 {-1}>() " + nodes;
      const std::string unknown = computed("a", "int64 {1}") + nodes;
      for (const char* x : {"float[2,3,4] x, float f", "float[N,3,M] x, float f"}) {
        EXPECT_THAT(expect_alike(with_shapes(opset, x, "float y", known), opset - 1), HasSubstr("Scan"));
        expect_alike(with_shapes(opset, x, "float y", unknown), 9);
      }
    }
  }
}

TEST_F(Ordering, SequencesAreReversedByAGather) {
  for (const auto& [time, batch] : {std::pair{0, 1}, std::pair{1, 0}}) {
    const std::string nodes = fmt::format(
        "n = Constant<value = int64[3] {{1, 3, 2}}>() "
        "y = ReverseSequence<time_axis={}, batch_axis={}>(x, n)",
        time, batch);
    for (const char* x : {"float[3,3] x", "float[3,3,2] x", "float[N,M,2,L] x"}) {
      dims_ = {{"N", 3}, {"M", 3}};
      EXPECT_THAT(expect_alike(with_shapes(10, x, "float y", nodes), 9), HasSubstr("Gather"));
    }
  }
}

TEST_F(Ordering, WhatIsUnique) {
  constexpr std::string_view kOutputs = "float y, int64 first, int64 inverse, int64 count";
  for (const int sorted : {0, 1}) {
    for (const char* axis : {"", ", axis=0", ", axis=-1"}) {
      const std::string nodes =
          fmt::format("r = Sign(x) y, first, inverse, count = Unique<sorted={}{}>(r)", sorted, axis);
      for (const char* x : {"float[4,3] x", "float[N,2] x"}) {
        dims_ = {{"N", 7}};
        EXPECT_THAT(expect_alike(with_shapes(11, x, kOutputs, nodes), 9), Not(HasSubstr("Unique")));
      }
    }
  }
  EXPECT_THAT(refusal(with_shapes(11, "string[4] x", "string y", "y = Unique(x)"), 10), HasSubstr("strings"));
}

}  // namespace
}  // namespace olivine::opset

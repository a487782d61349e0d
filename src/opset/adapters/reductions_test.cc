#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kReductions[] = {"ReduceL1",   "ReduceL2",  "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
                                       "ReduceMean", "ReduceMin", "ReduceProd",   "ReduceSum",       "ReduceSumSquare"};

class Reductions : public OpsetFixture {
 protected:
  static std::string with_shapes(int opset, std::string_view inputs, std::string_view nodes) {
    return OpsetFixture::with_shapes(opset, inputs, "float y", nodes);
  }
};

TEST_F(Reductions, AxesBecameAnInput) {
  for (const std::string op : kReductions) {
    const std::string old = with_shapes(11, "float[2,3,4] x", fmt::format("p = Abs(x) y = {}<axes=[-1, 0]>(p)", op));
    const std::string up = expect_alike(old, 18);
    EXPECT_THAT(up, HasSubstr(fmt::format("y = {} (p, constant)", op)));
    EXPECT_THAT(expect_alike(up, 12), HasSubstr(fmt::format("y = {} <axes: ints = [-1, 0]> (p)", op)));
    EXPECT_THAT(expect_alike(up, 10), HasSubstr(fmt::format("y = {} <axes: ints = [2, 0]> (p)", op)));
  }
}

TEST_F(Reductions, AxesThatAreComputedSplitDimensions) {
  for (const std::string op : kReductions) {
    for (const int keep : {0, 1}) {
      const std::string nodes =
          "p = Abs(x) " + computed("a", "int64[2] {-1, 0}") + fmt::format("y = {}<keepdims={}>(p, a)", op, keep);
      for (const char* x : {"float[2,3,4] x, float f", "float[N,3,M] x, float f"}) {
        for (const int target : {op == "ReduceSum" ? 12 : 17, 9}) expect_alike(with_shapes(18, x, nodes), target);
      }
      const std::string none = computed("a", "int64[1] {1}") + fmt::format("y = {}<keepdims={}>(x, a)", op, keep);
      if (op != "ReduceMean") expect_alike(with_shapes(18, "float[2,0,4] x, float f", none), 9);
    }
  }
}

TEST_F(Reductions, NoAxes) {
  for (const std::string op : kReductions) {
    const std::string empty = "p = Abs(x) a = Constant<value = int64[0] {}>() ";
    const std::string all = fmt::format("y = {} (p)", op);
    EXPECT_THAT(expect_alike(with_shapes(18, "float[2,3] x", empty + fmt::format("y = {}(p, a)", op)), 12),
                HasSubstr(all));
    EXPECT_THAT(expect_alike(with_shapes(18, "float[2,3] x", fmt::format("p = Abs(x) y = {}(p)", op)), 12),
                HasSubstr(all));
    for (const char* inputs : {"(x, a)", "(x)"}) {
      const std::string nodes = empty + fmt::format("y = {}<noop_with_empty_axes=1>{}", op, inputs);
      EXPECT_THAT(expect_alike(with_shapes(18, "float[2,3] x", nodes), 12), Not(HasSubstr(op + " ")));
    }
    // As many axes as the model finds when it runs, here none.
    for (const int noop : {0, 1}) {
      const std::string nodes =
          "z = Sub(x, x) one = Constant<value = int64[1] {-1}>() zf = Flatten<axis=0>(z) n = NonZero(zf) "
          "nr = Slice(n, s0, s1, s0) a = Reshape(nr, one) p = Abs(x) ";
      const std::string bounds = "s0 = Constant<value = int64[1] {0}>() s1 = Constant<value = int64[1] {1}>() ";
      expect_alike(with_shapes(18, "float[2,3] x",
                               bounds + nodes + fmt::format("y = {}<noop_with_empty_axes={}>(p, a)", op, noop)),
                   11);
    }
  }
}

TEST_F(Reductions, BoolsAreCarriedByIntegers) {
  for (const char* op : {"ReduceMax", "ReduceMin"}) {
    const std::string nodes =
        fmt::format("a = Constant<value = int64[1] {{1}}>() b = Cast<to=9>(x) c = {}(b, a) y = Cast<to=1>(c)", op);
    for (const int target : {18, 13, 9}) expect_alike(with_shapes(20, "float[2,3] x", nodes), target);
  }
}

TEST_F(Reductions, IntegersAreReducedAsFloatsFrom28On) {
  for (const char* op : {"ReduceLogSum", "ReduceLogSumExp"}) {
    const std::string nodes = fmt::format(
        "s = Constant<value = float {{9}}>() a = Abs(x) b = Mul(a, s) c = Cast<to=6>(b) d = {}(c) y = Cast<to=1>(d)",
        op);
    EXPECT_THAT(onnx::print_model(converted(with_shapes(18, "float[2,3] x", nodes), 28)),
                HasSubstr("Cast <to: int = 11> (c)"));
    EXPECT_THAT(onnx::print_model(converted(with_shapes(18, "float[2,3] x", fmt::format("y = {}(x)", op)), 28)),
                Not(HasSubstr("Cast")));
  }
}

TEST_F(Reductions, TheLastIndexIsTheFirstFromBehind) {
  for (const char* op : {"ArgMax", "ArgMin"}) {
    for (const int keep : {0, 1}) {
      const std::string nodes =
          fmt::format("r = Sign(x) i = {}<axis=-1, keepdims={}, select_last_index=1>(r) y = Cast<to=1>(i)", op, keep);
      for (const char* x : {"float[3,7] x", "float[N,M] x"}) {
        EXPECT_THAT(expect_alike(with_shapes(12, x, nodes), 11), HasSubstr("Slice"));
        expect_alike(with_shapes(12, x, nodes), 9);
      }
    }
    const std::string first = fmt::format("i = {}<axis=-1, select_last_index=0>(x) y = Cast<to=1>(i)", op);
    EXPECT_THAT(expect_alike(with_shapes(12, "float[3,7] x", first), 10), HasSubstr("<axis: int = 1> (x)"));
  }
}

}  // namespace
}  // namespace olivine::opset

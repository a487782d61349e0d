#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Arranging : public OpsetFixture {
 protected:
  static std::string with_shapes(int opset, std::string_view inputs, std::string_view nodes) {
    return OpsetFixture::with_shapes(opset, inputs, "float y", nodes);
  }
};

TEST_F(Arranging, BlocksByColumnsFirst) {
  for (const char* x : {"float[2,8,3,5] x", "float[N,8,H,W] x"}) {
    const std::string text = expect_alike(with_shapes(11, x, "y = DepthToSpace<blocksize=2, mode=\"CRD\">(x)"), 10);
    EXPECT_THAT(text, HasSubstr("Transpose <perm: ints = [0, 1, 4, 2, 5, 3]>"));
  }
  EXPECT_THAT(expect_alike(with_shapes(11, "float[2,8,3,5] x", "y = DepthToSpace<blocksize=2, mode=\"DCR\">(x)"), 10),
              HasSubstr("DepthToSpace <blocksize: int = 2> (x)"));
  for (const char* x : {"float[2,2,6,10] x", "float[N,2,6,W] x"}) {
    dims_ = {{"N", 1}, {"W", 8}};
    const std::string text = expect_alike(with_shapes(28, x, "y = SpaceToDepth<blocksize=2, mode=\"CRD\">(x)"), 25);
    EXPECT_THAT(text, HasSubstr("Transpose <perm: ints = [0, 1, 3, 5, 2, 4]>"));
  }
  EXPECT_THAT(expect_alike(with_shapes(28, "float[2,2,6,10] x", "y = SpaceToDepth<blocksize=2, mode=\"DCR\">(x)"), 25),
              HasSubstr("SpaceToDepth <blocksize: int = 2> (x)"));
}

TEST_F(Arranging, TrianglesAreMasks) {
  for (const int upper : {0, 1}) {
    for (const char* x : {"float[3,4] x, float f", "float[2,N,M] x, float f"}) {
      const std::string op = fmt::format("y = Trilu<upper={}>", upper);
      EXPECT_THAT(expect_alike(with_shapes(14, x, op + "(x)"), 13), HasSubstr("Where"));
      const std::string constant = "k = Constant<value = int64 {-1}>() " + op + "(x, k)";
      expect_alike(with_shapes(14, x, constant), 9);
      expect_alike(with_shapes(14, x, computed("k", "int64 {1}") + op + "(x, k)"), 9);
    }
    const std::string of_bool = fmt::format("b = Cast<to=9>(x) c = Trilu<upper={}>(b) y = Cast<to=1>(c)", upper);
    EXPECT_THAT(expect_alike(with_shapes(14, "float[3,4] x", of_bool), 13), HasSubstr("And"));
  }
}

TEST_F(Arranging, ChoosingBelow9IsAGather) {
  const std::string nodes = "a = Cast<to=9>(c) y = Where(a, x, z)";
  EXPECT_THAT(expect_alike(with_shapes(9, "float[2,1] c, float[3] x, float[2,3] z", nodes), 8), HasSubstr("Gather"));
  EXPECT_THAT(refusal(with_shapes(9, "float[2,N] c, float[2,N] x, float[2,N] z", nodes), 8), HasSubstr("not known"));
}

TEST_F(Arranging, TheUnitMatrixIsAConstantBelow9) {
  EXPECT_THAT(expect_alike(with_shapes(9, "float[2,3] x", "a = EyeLike<k=1>(x) y = Add(a, x)"), 8),
              Not(HasSubstr("EyeLike")));
  EXPECT_THAT(refusal(with_shapes(9, "float[N,3] x", "y = EyeLike(x)"), 8), HasSubstr("known size"));
}

}  // namespace
}  // namespace olivine::opset

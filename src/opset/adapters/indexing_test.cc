#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Indexing : public OpsetFixture {
 protected:
  static std::string with_shapes(int opset, std::string_view inputs, std::string_view nodes) {
    return OpsetFixture::with_shapes(opset, inputs, "float y", nodes);
  }
  /// An int64 `i` that is constant, and the same computed when the model runs.
  static std::vector<std::string> both(std::string_view tensor) {
    return {fmt::format("i = Constant<value = {}>() ", tensor), computed("i", tensor)};
  }
};

TEST_F(Indexing, GatherCountsFromTheStart) {
  const std::string nodes = "i = Constant<value = int64[2] {-1, 0}>() y = Gather<axis=-1>(x, i)";
  const std::string text = expect_alike(with_shapes(11, "float[2,3] x", nodes), 10);
  EXPECT_THAT(text, HasSubstr("axis: int = 1"));
  EXPECT_THAT(text, HasSubstr("{2,0}"));
}

TEST_F(Indexing, ElementsAndSlicesAreFoundByOnePlaceBelow11) {
  dims_ = {{"N", 2}, {"M", 3}};
  for (const char* x : {"float[2,3,4] x, float f", "float[N,M,4] x, float f"}) {
    for (const std::string& i : both("int64[2,1,2] {0, -1, 1, 2}")) {
      for (const int axis : {-1, 1}) {
        const std::string nodes = i + fmt::format("y = GatherElements<axis={}>(x, i)", axis);
        EXPECT_THAT(expect_alike(with_shapes(11, x, nodes), 9), HasSubstr("Gather <axis: int = 0>"));
      }
    }
    for (const char* tuples : {"int64[2,1] {1, -1}", "int64[1,2,2] {1, -1, 0, 2}", "int64[2,3] {1, -1, 3, 0, 0, 0}"}) {
      for (const std::string& i : both(tuples)) expect_alike(with_shapes(11, x, i + "y = GatherND(x, i)"), 9);
    }
    for (const std::string& i : both("int64[2,2,1] {1, -1, 0, 2}")) {
      const std::string nodes = i + "y = GatherND<batch_dims=1>(x, i)";
      for (const int target : {11, 9}) expect_alike(with_shapes(12, x, nodes), target);
    }
    for (const std::string& i : both("int64[2,3,1] {1, -1, 0, 2, 3, 3}")) {
      expect_alike(with_shapes(12, x, i + "y = GatherND<batch_dims=2>(x, i)"), 9);
    }
  }
  EXPECT_THAT(expect_alike(with_shapes(12, "float[2,3] x, float f",
                                       "i = Constant<value = int64[1,1] {1}>() y = GatherND<batch_dims=0>(x, i)"),
                           11),
              HasSubstr("y = GatherND (x, i)"));
}

TEST_F(Indexing, ScatterIsCalledScatterElementsSince11) {
  const std::string nodes = "i = Constant<value = int64[1,2] {1, 0}>() y = Scatter<axis=1>(x, i, u)";
  EXPECT_THAT(expect_alike(with_shapes(9, "float[2,3] x, float[1,2] u", nodes), 13), HasSubstr("ScatterElements"));
  const std::string newer = "i = Constant<value = int64[1,2] {-1, 0}>() y = ScatterElements<axis=-1>(x, i, u)";
  const std::string text = expect_alike(with_shapes(13, "float[2,3] x, float[1,2] u", newer), 10);
  EXPECT_THAT(text, HasSubstr("Scatter <axis: int = 1>"));
  EXPECT_THAT(text, HasSubstr("{2,0}"));
  EXPECT_THAT(refusal(with_shapes(9, "float[2,3] x, float[1,2] u", nodes), 8), HasSubstr("where indices say"));
}

TEST_F(Indexing, SlicesAreScatteredAsRowsBelow11) {
  for (const char* x : {"float[4,3,2] x, ", "float[N,3,M] x, "}) {
    dims_ = {{"N", 4}, {"M", 2}};
    const std::string u1 = std::string(x) + "float[2,3,2] u, float f";
    const std::string u3 = std::string(x) + "float[1,2] u, float f";
    for (const std::string& i : both("int64[2,1] {3, -4}"))
      expect_alike(with_shapes(11, u1, i + "y = ScatterND(x, i, u)"), 9);
    for (const std::string& i : both("int64[1,2,3] {3, 0, 1, 0, -1, 0}")) {
      EXPECT_THAT(expect_alike(with_shapes(11, u3, i + "y = ScatterND(x, i, u)"), 9), HasSubstr("Scatter"));
    }
  }
}

TEST_F(Indexing, ReductionsOfWhatIsScattered) {
  dims_ = {{"N", 4}, {"M", 3}};
  for (const char* reduction : {"add", "mul", "max", "min"}) {
    for (const char* x : {"float[4,3] x, ", "float[N,M] x, "}) {
      const std::string elements = fmt::format("y = ScatterElements<axis=0, reduction=\"{}\">(x, i, u)", reduction);
      const std::string slices = fmt::format("y = ScatterND<reduction=\"{}\">(x, i, u)", reduction);
      for (const int target : {15, 13, 11, 9}) {
        for (const std::string& i : both("int64[3,2] {1, 0, 1, -1, 3, 3}")) {
          EXPECT_THAT(expect_alike(with_shapes(18, std::string(x) + "float[3,2] u, float f", i + elements), target),
                      HasSubstr("Scan"));
        }
        for (const std::string& i : both("int64[3,1] {1, -3, 0}")) {
          EXPECT_THAT(expect_alike(with_shapes(18, std::string(x) + "float[3,3] u, float f", i + slices), target),
                      HasSubstr("Scan"));
        }
      }
      const std::string distinct = "i = Constant<value = int64[2,2] {1, 0, 3, 1}>() ";
      EXPECT_THAT(expect_alike(with_shapes(18, std::string(x) + "float[2,2] u", distinct + elements), 15),
                  Not(HasSubstr("Scan")));
      EXPECT_THAT(expect_alike(with_shapes(18, std::string(x) + "float[2] u", distinct + slices), 15),
                  Not(HasSubstr("Scan")));
    }
  }
  const std::string kept = "i = Constant<value = int64[1,1] {1}>() y = ScatterElements<reduction=\"add\">(x, i, u)";
  EXPECT_THAT(expect_alike(with_shapes(18, "float[4,3] x, float[1,1] u", kept), 16),
              HasSubstr("reduction: string = \"add\""));
}

TEST_F(Indexing, CachesAreScatteredInto) {
  for (const char* mode : {"linear", "circular"}) {
    for (const char* inputs : {"x, u, i", "x, u"}) {
      const std::string nodes =
          fmt::format("i = Constant<value = int64[2] {{1, 2}}>() y = TensorScatter<mode=\"{}\">({})", mode, inputs);
      for (const char* x : {"float[2,3,4,5] x, float[2,3,2,5] u", "float[2,H,4,5] x, float[2,H,2,5] u"}) {
        dims_ = {{"H", 3}};
        EXPECT_THAT(expect_alike(with_shapes(24, x, nodes), 23), HasSubstr("ScatterElements"));
      }
    }
  }
}

TEST_F(Indexing, ClassesAreCountedFromTheStart) {
  const std::string nodes =
      "i = Constant<value = int64[3] {-1, 0, 7}>() d = Constant<value = int64[1] {4}>() y = OneHot<axis=-2>(i, d, v)";
  const std::string text = expect_alike(with_shapes(11, "float[2] v", nodes), 10);
  EXPECT_THAT(text, HasSubstr("axis: int = 0"));
  EXPECT_THAT(text, HasSubstr("{3,0,7}"));
  const std::string computed_ones = computed("i", "int64[3] {1, 0, 7}") + "d = Constant<value = int64[1] {4}>() ";
  for (const int axis : {-1, 0}) {
    EXPECT_THAT(expect_alike(with_shapes(9, "float[2] v, float f",
                                         computed_ones + fmt::format("y = OneHot<axis={}>(i, d, v)", axis)),
                             8),
                HasSubstr("Equal"));
  }
  const std::string unknown = computed("d", "int64[1] {4}") + "i = Cast<to=7>(v) y = OneHot(i, d, v)";
  EXPECT_THAT(refusal(with_shapes(9, "float[2] v, float f", unknown), 8), HasSubstr("depth"));
}

TEST_F(Indexing, CompressBelow11And9) {
  const std::string nodes = "c = Constant<value = bool[3] {1, 0, 1}>() y = Compress<axis=-1>(x, c)";
  EXPECT_THAT(expect_alike(with_shapes(11, "float[2,3] x", nodes), 10), HasSubstr("Compress <axis: int = 1>"));
  EXPECT_THAT(expect_alike(with_shapes(11, "float[2,3] x", nodes), 8), HasSubstr("Gather <axis: int = 1>"));
  const std::string flat = "c = Constant<value = bool[3] {1, 0, 1}>() y = Compress(x, c)";
  EXPECT_THAT(expect_alike(with_shapes(11, "float[2,3] x", flat), 8), HasSubstr("Gather <axis: int = 0>"));
  EXPECT_THAT(refusal(with_shapes(9, "float[3] x", "c = Cast<to=9>(x) y = Compress(x, c)"), 8),
              HasSubstr("depends on elements"));
  EXPECT_THAT(refusal(with_shapes(9, "float[3] x", "c = NonZero(x) y = Cast<to=1>(c)"), 8),
              HasSubstr("depends on elements"));
}

}  // namespace
}  // namespace olivine::opset

#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Shapes : public OpsetFixture {};

TEST_F(Shapes, AxesAreAnInputSince13) {
  for (const char* op : {"Squeeze", "Unsqueeze"}) {
    const std::string old = with_shapes(11, "float[1,2,1] x", "float y", fmt::format("y = {}<axes=[-1]>(x)", op));
    const std::string up = onnx::print_model(converted(old, 13));
    EXPECT_THAT(up, HasSubstr(fmt::format("y = {} (x, constant)", op)));
    EXPECT_THAT(onnx::print_model(converted(up, 11)), HasSubstr(fmt::format("{} <axes: ints = [-1]>", op)));
    EXPECT_THAT(onnx::print_model(converted(up, 10)),
                HasSubstr(op == std::string("Squeeze") ? "axes: ints = [2]" : "axes: ints = [3]"));
  }
}

TEST_F(Shapes, AxesThatAreComputedBecomeAReshape) {
  for (const char* dims : {"1,2,1,3", "1,N,1,M", "1,0,1,3", "1,0,1,0"}) {
    for (const int target : {11, 9}) {
      const std::string x = fmt::format("float[{}] x, float f", dims);
      const std::string squeezed = computed("axes", "int64[2] {0, -2}") + "y = Squeeze(x, axes)";
      EXPECT_THAT(expect_alike(with_shapes(13, x, "float y", squeezed), target), Not(HasSubstr("Squeeze (")));
      const std::string grown = computed("axes", "int64[3] {-1, 0, 2}") + "y = Unsqueeze(x, axes)";
      EXPECT_THAT(expect_alike(with_shapes(13, x, "float y", grown), target), Not(HasSubstr("Unsqueeze (x")));
    }
  }
  const std::string all = R"(<ir_version: 8, opset_import: ["": 13]> g (float[1,2,1] x) => (float[2] y) {
                               y = Squeeze(x)
                             })";
  EXPECT_THAT(expect_alike(all, 9), HasSubstr("y = Squeeze (x)"));
}

TEST_F(Shapes, TheFirstReshapeTookItsShapeAsAnAttribute) {
  expect_rewrite(R"(<ir_version: 3, opset_import: ["": 1]> g (float[2,3] x) => (float[3,2] y) {
                      y = Reshape<shape=[3,2], consumed_inputs=[0,0]>(x)
                    })",
                 5, R"(<ir_version: 3, opset_import: ["": 5]> g (float[2,3] x, int64[2] constant) => (float[3,2] y)
                         <int64[2] constant = {3,2}> { y = Reshape(x, constant) })");
}

TEST_F(Shapes, ReshapeToDimensionsWithoutElements) {
  const auto reshape = [](std::string_view x, std::string_view dims, std::string_view y) {
    return with_shapes(14, fmt::format("float[{}] x, float f", x), fmt::format("float y", y),
                       fmt::format("d = Constant<value = {}>() y = Reshape<allowzero=1>(x, d)", dims));
  };
  EXPECT_THAT(expect_alike(reshape("2,3", "int64[2] {3, -1}", "3,2"), 13), HasSubstr("y = Reshape (x, d)"));
  EXPECT_THAT(expect_alike(reshape("0,3", "int64[2] {3, 0}", "3,0"), 13), HasSubstr("int64[2] constant =  {3,-1}"));
  EXPECT_THAT(expect_alike(reshape("0,3", "int64[3] {0, 3, 0}", "0,3,0"), 13), HasSubstr("Expand"));
  for (const char* dims : {"N,6", "0,6"}) {
    const std::string x = fmt::format("float[{}] x, float f", dims);
    dims_ = {{"N", 2}};
    const std::string shape = dims == std::string("N,6") ? "int64[3] {3, -1, 2}" : "int64[3] {5, 0, 0}";
    const std::string text = computed("d", shape) + "y = Reshape<allowzero=1>(x, d)";
    EXPECT_THAT(expect_alike(with_shapes(14, x, "float y", text), 13), HasSubstr("Expand"));
  }
}

TEST_F(Shapes, PartOfAShape) {
  for (const char* part : {"start=1", "start=-2, end=-1", "start=-9, end=9", "start=2, end=1", "end=1"}) {
    const std::string nodes = fmt::format("y = Shape<{}>(x)", part);
    for (const int target : {13, 9}) {
      expect_alike(with_shapes(15, "float[N,2,M] x", "int64 y", nodes), target);
      EXPECT_THAT(expect_alike(with_shapes(15, "float[3,2,4] x", "int64 y", nodes), target), Not(HasSubstr("Slice")));
    }
  }
  EXPECT_THAT(expect_alike(with_shapes(15, "float[N,2] x", "int64 y", "y = Shape<start=0>(x)"), 13),
              HasSubstr("y = Shape (x)"));
}

TEST_F(Shapes, FlattenCountsItsAxisFromTheStart) {
  EXPECT_THAT(expect_alike(with_shapes(11, "float[2,3,4] x", "float y", "y = Flatten<axis=-1>(x)"), 10),
              HasSubstr("axis: int = 2"));
  EXPECT_THAT(refusal(with_shapes(11, "float[] x", "float y", "y = Flatten<axis=-1>(x)"), 10),
              HasSubstr("rank of 'x'"));
}

TEST_F(Shapes, BelowOpset8TileExpands) {
  dims_ = {{"N", 3}};
  for (const auto& [shape, y] :
       {std::pair{"int64[3] c = {2, 1, 4}", "float[2,3,4]"}, std::pair{"int64[1] c = {4}", "float[3,4]"},
        std::pair{"int64[2] c = {3, 1}", "float[3,1]"}}) {
    for (const char* x : {"3,1", "N,1"}) {
      const std::string text =
          fmt::format(R"(<ir_version: 8, opset_import: ["": 8]> g (float[{}] x, float f) => ({} y) <{}> {{
                                                z = Sub(f, f) i = Cast<to=7>(z) d = Add(i, c) y = Expand(x, d)
                                              }})",
                      x, y, shape);
      EXPECT_THAT(expect_alike(text, 7), HasSubstr("Tile"));
    }
  }
}

TEST_F(Shapes, TheFirstTileRepeatedAlongOneAxis) {
  EXPECT_EQ(onnx::print_model(converted(R"(<ir_version: 3, opset_import: ["": 1]>
                                           g (float[2,3] x, float[1] n, float[1] axis) => (float[2,6] y)
                                           <float[1] n = {2}, float[1] axis = {1}> { y = Tile(x, n, axis) })",
                                        6))
                .find("y = Tile (x, n, axis)"),
            std::string::npos);
  EXPECT_THAT(refusal(R"(<ir_version: 3, opset_import: ["": 1]> g (float[2,3] x, float[1] n, float[1] axis) => (float y)
                         { y = Tile(x, n, axis) })",
                      6),
              HasSubstr("computed when the model runs"));
}

TEST_F(Shapes, CopiesOfSequencesAndOptionals) {
  const std::string inner = "s = SequenceConstruct(x, x) t = Identity(s) y = SequenceAt(t, i) ";
  EXPECT_THAT(
      expect_alike(with_shapes(14, "float[2] x", "float y", "i = Constant<value = int64[1] {1}>() " + inner), 13),
      Not(HasSubstr("Identity")));
  const std::string handed_out = R"(<ir_version: 8, opset_import: ["": 14]> g (seq(float[2]) x) => (seq(float[2]) y) {
 y = Identity(x) })";
  EXPECT_THAT(onnx::print_model(converted(handed_out, 13)), HasSubstr("SequenceErase"));
  const std::string optional =
      R"(<ir_version: 8, opset_import: ["": 16]> g (optional(float[2]) x) => (optional(float[2]) y) {
 y = Identity(x) })";
  EXPECT_THAT(refusal(optional, 15), HasSubstr("copies an optional"));
  const std::string inside =
      with_shapes(16, "float[2] x", "float y", "o = Optional(x) p = Identity(o) y = OptionalGetElement(p)");
  EXPECT_THAT(expect_alike(inside, 15), Not(HasSubstr("Identity")));
}

TEST_F(Shapes, SizesThatStandWhereTheyStoodNeedNoAllowzero) {
  dims_ = {{"N", 0}, {"M", 3}};
  const std::string text =
      expect_alike(R"(<ir_version: 8, opset_import: ["": 15]> g (float[N,M,8] x) => (float[N,M,2,4] y) {
                                             n = Shape<start=0, end=2>(x)
                                             tail = Constant<value=int64[2] {2,4}>()
                                             target = Concat<axis=0>(n, tail)
                                             y = Reshape<allowzero=1>(x, target)
                                           })",
                   13);
  EXPECT_EQ(text.find("Expand"), std::string::npos);
}

}  // namespace
}  // namespace olivine::opset

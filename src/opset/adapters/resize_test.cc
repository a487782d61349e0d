#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Resizes : public OpsetFixture {
 protected:
  /// A model of one node over float[1,2,5,6] x; `constants` are initializers, `before` are nodes.
  static std::string model(int opset, std::string_view node, std::string_view constants = "",
                           std::string_view before = "") {
    return fmt::format(R"(<ir_version: 7, opset_import: ["": {}]> g (float[1,2,5,6] x, float[a,b,c,d] like) =>
                            (float[n,m,h,w] y) <{}> {{ shape = Shape(like) {} y = {} }})",
                       opset, constants, before, node);
  }
  static std::string sized(int opset, std::string_view attributes) {
    return model(opset, fmt::format("Resize<{}>(x, roi, none, shape)", attributes),
                 "float[8] roi = {0,0,0.2,-0.1,1,1,0.7,1.2}, float[0] none = {}");
  }
  static std::string scaled(int opset, std::string_view attributes, std::string_view scales) {
    return model(opset, fmt::format("Resize<{}>(x, , scales)", attributes),
                 fmt::format("float[4] scales = {{{}}}", scales));
  }
  void SetUp() override { dims_ = {{"a", 1}, {"b", 2}, {"c", 7}, {"d", 4}}; }
};

TEST_F(Resizes, EveryWayOfFindingPlacesIsComputedBelowOpset11) {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const char* places :
         {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize"}) {
      const std::string attributes = fmt::format(R"(mode="{}", coordinate_transformation_mode="{}")", mode, places);
      expect_alike(sized(11, attributes), 10);
      expect_alike(sized(11, attributes), 9);
    }
  }
}

TEST_F(Resizes, EveryWayOfRoundingIsComputedBelowOpset11) {
  for (const char* nearest : {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) {
    for (const char* places : {"half_pixel", "asymmetric"}) {
      const std::string attributes =
          fmt::format(R"(nearest_mode="{}", coordinate_transformation_mode="{}")", nearest, places);
      expect_alike(sized(11, attributes), 10);
      for (const char* scales : {"1,1,2,3", "1,1,0.5,0.4", "1,1,1.5,0.7"}) {
        expect_alike(scaled(13, attributes, scales), 9);
      }
    }
  }
}

TEST_F(Resizes, WhatOpset10SaysIsNotComputed) {
  EXPECT_THAT(expect_alike(scaled(13, R"(mode="nearest")", "1,1,2,3"), 10), ::testing::HasSubstr("Resize"));
  EXPECT_THAT(expect_alike(scaled(13, R"(mode="nearest")", "1,1,2,3"), 9), ::testing::HasSubstr("Upsample"));
  const std::string linear = R"(mode="linear", coordinate_transformation_mode="asymmetric")";
  EXPECT_THAT(expect_alike(scaled(13, linear, "1,1,1.5,3"), 9), ::testing::HasSubstr("Upsample"));
  EXPECT_THAT(expect_alike(scaled(13, linear, "1,1,0.5,3"), 10), ::testing::HasSubstr("Resize"));
  EXPECT_THAT(expect_alike(model(13, "Resize(x, , , sizes)", "int64[4] sizes = {1,2,10,18}"), 9),
              ::testing::HasSubstr("Upsample"));
}

TEST_F(Resizes, AFilterIsAMatrixStoredOrComputed) {
  for (const char* mode : {"linear", "cubic"}) {
    for (const int exclude : {0, 1}) {
      const std::string attributes = fmt::format(R"(mode="{}", antialias=1, exclude_outside={})", mode, exclude);
      EXPECT_THAT(expect_alike(scaled(18, attributes, "1,1,0.6,0.5"), 17), ::testing::Not(::testing::HasSubstr("Div")));
      EXPECT_THAT(expect_alike(model(18, fmt::format("Resize<{}>(x, , , shape)", attributes)), 13),
                  ::testing::HasSubstr("Div"));
    }
  }
}

TEST_F(Resizes, AFilterDoesNothingWhereAllAxesGrow) {
  EXPECT_THAT(expect_alike(scaled(18, R"(mode="linear", antialias=1)", "1,1,2,1.5"), 17),
              ::testing::HasSubstr("Resize"));
}

TEST_F(Resizes, AxesAreSpelledOut) {
  const std::string axes = "axes = [-1, 2]";
  expect_alike(model(18, fmt::format("Resize<{}>(x, , scales)", axes), "float[2] scales = {2, 0.5}"), 17);
  expect_alike(model(18, fmt::format("Resize<{}>(x, , , sizes)", axes), "int64[2] order = {3, 2}",
                     "sizes = Gather(shape, order)"),
               11);
  const std::string crop = R"(coordinate_transformation_mode = "tf_crop_and_resize", mode = "linear")";
  expect_alike(model(18, fmt::format("Resize<{}, {}>(x, roi, , sizes)", axes, crop),
                     "float[4] roi = {0.1, 0.2, 0.8, 1.1}, int64[2] sizes = {3, 8}"),
               15);
}

TEST_F(Resizes, KeptAspectRatioHasOneScale) {
  for (const char* policy : {"not_larger", "not_smaller"}) {
    for (const char* mode : {"nearest", "linear"}) {
      const std::string attributes =
          fmt::format(R"(axes=[2,3], keep_aspect_ratio_policy="{}", mode="{}")", policy, mode);
      expect_alike(model(18, fmt::format("Resize<{}>(x, , , sizes)", attributes), "int64[2] sizes = {7, 13}"), 17);
      expect_alike(model(18, fmt::format("Resize<{}>(x, , , sizes)", attributes), "int64[2] order = {3, 2}",
                         "sizes = Gather(shape, order)"),
                   13);
      EXPECT_THAT(
          expect_alike(model(18, fmt::format("Resize<{}>(x, , , sizes)", attributes), "int64[2] sizes = {10, 12}"), 17),
          ::testing::HasSubstr("Resize"));
    }
  }
}

TEST_F(Resizes, HalfPixelSymmetricIsHalfPixelWhereSizesAreWhole) {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    const std::string attributes =
        fmt::format(R"(coordinate_transformation_mode="half_pixel_symmetric", mode="{}")", mode);
    EXPECT_THAT(expect_alike(scaled(19, attributes, "1,1,2,1.5"), 18), ::testing::HasSubstr("half_pixel"));
    EXPECT_THAT(expect_alike(scaled(19, attributes, "1,1,1.3,0.7"), 18),
                ::testing::Not(::testing::HasSubstr("half_pixel")));
    EXPECT_THAT(expect_alike(model(19, fmt::format("Resize<{}>(x, , , shape)", attributes)), 18),
                ::testing::HasSubstr("half_pixel"));
  }
}

TEST_F(Resizes, InputsThatDoNotCountComeAndGo) {
  expect_alike(scaled(13, R"(mode="linear")", "1,1,2,2"), 11);
  expect_alike(sized(11, R"(mode="linear")"), 13);
  expect_alike(sized(11, R"(coordinate_transformation_mode="tf_half_pixel_for_nn")"), 13);
}

TEST_F(Resizes, OlderVersionsGrowAndShrinkInTheirOwnWay) {
  for (const char* mode : {"nearest", "linear"}) {
    for (const char* scales : {"1,1,2,3", "1,1,0.5,0.4", "1,1,1.5,0.7"}) {
      const std::string constant = fmt::format("float[4] scales = {{{}}}", scales);
      const std::string node = fmt::format(R"(Resize<mode="{}">(x, scales))", mode);
      expect_alike(model(10, node, constant), 11);
      expect_alike(model(10, node, constant), 9);
    }
    const std::string ratio = "f = Cast<to=1>(shape) o = Cast<to=1>(own) scales = Div(f, o)";
    const std::string node = fmt::format(R"(Resize<mode="{}">(x, scales))", mode);
    for (const int target : {9, 11}) expect_alike(model(10, node, "int64[4] own = {1,2,5,6}", ratio), target);
  }
}

TEST_F(Resizes, UpsampleBecomesResizeAndItsScalesMove) {
  const std::string node = R"(Upsample<mode="linear">(x, scales))";
  EXPECT_THAT(expect_alike(model(9, node, "float[4] scales = {1,1,2,1.5}"), 10), ::testing::HasSubstr("Resize"));
  expect_rewrite(R"(<ir_version: 7, opset_import: ["": 9]> g (float[1,1,2,2] x) => (float[1,1,4,6] y)
                      <float[4] s = {1,1,2,3}> { y = Upsample<mode="nearest">(x, s) })",
                 8, R"(<ir_version: 7, opset_import: ["": 8]> g (float[1,1,2,2] x) => (float[1,1,4,6] y) {
                      y = Upsample<mode="nearest", scales=[1.0,1.0,2.0,3.0]>(x)
                    })");
  expect_alike(R"(<ir_version: 7, opset_import: ["": 7]> g (float[1,1,2,2] x) => (float[1,1,4,6] y) {
                    y = Upsample<scales=[1.0,1.0,2.0,3.0]>(x)
                  })",
               13);
}

TEST_F(Resizes, WeightsOfIntegersAreRefused) {
  EXPECT_THAT(refusal(R"(<ir_version: 7, opset_import: ["": 18]> g (uint8[1,1,4,4] x) => (uint8[1,1,2,2] y)
                           <float[4] s = {1,1,0.5,0.5}> { y = Resize<mode="linear", antialias=1>(x, , s) })",
                      17),
              ::testing::HasSubstr("integers"));
}

}  // namespace
}  // namespace olivine::opset

#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class SamplingOperators : public OpsetFixture {};

TEST_F(SamplingOperators, GridSampleIsGatheredAndWeighted) {
  dims_ = {{"n", 2}, {"c", 3}, {"h", 4}, {"w", 5}, {"i", 3}, {"j", 6}};
  for (const char* mode : {"bilinear", "nearest", "bicubic"}) {
    for (const char* padding : {"zeros", "border", "reflection"}) {
      for (const int corners : {0, 1}) {
        for (const char* dims : {"2,3,4,5", "n,c,h,w", "1,2,1,3"}) {
          const bool one = std::string_view(dims).starts_with("1");
          expect_alike(
              fmt::format(
                  R"(<ir_version: 8, opset_import: ["": 16]> g (float[{}] x, float[{},i,j,2] grid) => (float[a,b,p,q] y) {{
                                        y = GridSample<mode="{}", padding_mode="{}", align_corners={}>(x, grid)
                                      }})",
                  dims, one ? "1" : "2", mode, padding, corners),
              15, 1e-4);
        }
      }
    }
  }
}

TEST_F(SamplingOperators, GridSampleOfThreeAxesIsGatheredBelowOpset20) {
  for (const char* mode : {"linear", "nearest"}) {
    const std::string text = fmt::format(
        R"(<ir_version: 8, opset_import: ["": 20]> g (float[2,2,3,4,5] x, float[2,2,3,3,3] grid) => (float[a,b,p,q,r] y) {{
             y = GridSample<mode="{}">(x, grid)
           }})",
        mode);
    for (const int target : {19, 11}) expect_alike(text, target, 1e-4);
  }
}

TEST_F(SamplingOperators, GridSampleOfDoublesIsGatheredBelowOpset20) {
  EXPECT_THAT(
      expect_alike(
          R"(<ir_version: 8, opset_import: ["": 20]> g (float[2,2,3,4] x, float[2,2,3,2] grid) => (double[a,b,p,q] y) {
                                d = Cast<to=11>(x) e = Cast<to=11>(grid) y = GridSample<mode="cubic">(d, e)
                              })",
          19),
      ::testing::HasSubstr("Gather"));
}

TEST_F(SamplingOperators, ModesOfGridSampleHaveOtherNames) {
  for (const auto& [older, newer] : {std::pair{"bilinear", "linear"}, {"bicubic", "cubic"}, {"nearest", "nearest"}}) {
    const auto text = [](int opset, const char* mode) {
      return fmt::format(
          R"(<ir_version: 9, opset_import: ["": {}]> g (float[1,1,4,4] x, float[1,2,2,2] grid) => (float[1,1,2,2] y) {{
                              y = GridSample<mode="{}">(x, grid)
                            }})",
          opset, mode);
    };
    expect_rewrite(text(16, older), 20, text(20, newer));
    expect_rewrite(text(20, newer), 19, text(19, older));
  }
}

TEST_F(SamplingOperators, AffineGridIsThetaTimesPlaces) {
  dims_ = {{"n", 2}, {"h", 4}, {"w", 5}, {"d", 3}};
  for (const int corners : {0, 1}) {
    const std::string attribute = fmt::format("align_corners={}", corners);
    expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 20]> g (float[2,2,3] t) => (float[n,h,w,k] y)
                                  <int64[4] size = {{2,3,4,1}}> {{ y = AffineGrid<{}>(t, size) }})",
                             attribute),
                 19);
    expect_alike(
        fmt::format(
            R"(<ir_version: 8, opset_import: ["": 20]> g (float[n,3,4] t, float[n,2,d,h,w] like) => (float[a,b,e,f,k] y) {{
                                  size = Shape(like) y = AffineGrid<{}>(t, size)
                                }})",
            attribute),
        11);
  }
}

TEST_F(SamplingOperators, DeformConvIsGatheredAndMultiplied) {
  dims_ = {{"n", 2}, {"h", 6}, {"w", 7}};
  for (const char* dims : {"2,4,6,7", "n,4,h,w"}) {
    expect_alike(
        fmt::format(
            R"(<ir_version: 8, opset_import: ["": 19]> g (float[{}] x, float[6,4,2,3] w, float[n,12,5,5] o) => (float[a,b,c,d] y) {{
                                  y = DeformConv(x, w, o)
                                }})",
            dims),
        18, 1e-4);
    expect_alike(
        fmt::format(
            R"(<ir_version: 8, opset_import: ["": 19]> g (float[{}] x, float[6,2,2,3] w, float[n,24,4,6] o, float[6] b, float[n,12,4,6] m) => (float[p,q,r,s] y) {{
                                  y = DeformConv<group=2, offset_group=2, strides=[2,1], dilations=[1,2], pads=[1,2,1,1]>(x, w, o, b, m)
                                }})",
            dims),
        11, 1e-4);
  }
}

TEST_F(SamplingOperators, RoiAlignOfOpset16SaysWhatOpset10Means) {
  const auto text = [](int opset, const char* attributes) {
    return fmt::format(
        R"(<ir_version: 8, opset_import: ["": {}]> g (float[1,1,8,8] x, float[2,4] r) => (float[2,1,2,2] y)
                            <int64[2] b = {{0, 0}}> {{ y = RoiAlign<{}>(x, r, b) }})",
        opset, attributes);
  };
  const char* size = "output_height=2, output_width=2";
  const std::string said = fmt::format(R"({}, coordinate_transformation_mode="output_half_pixel")", size);
  expect_rewrite(text(10, size), 16, text(16, said.c_str()));
  expect_rewrite(text(16, said.c_str()), 15, text(15, size));
  EXPECT_THAT(refusal(text(16, R"(mode="max")"), 15), ::testing::HasSubstr("maximum"));
}

TEST_F(SamplingOperators, RoiAlignBetweenElementsIsComputedBelowOpset16) {
  dims_ = {{"n", 2}, {"h", 9}, {"w", 8}};
  for (const char* dims : {"2,3,9,8", "n,3,h,w"}) {
    for (const int samples : {0, 2}) {
      expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 16]> g (float[{}] x) => (float[a,b,c,d] y)
                                    <float[4,4] r = {{0,0,15,17, 2.5,3.1,3.2,3.4, -4,5,9,30, 7,7,7,7}}, int64[4] b = {{0,1,1,0}}> {{
                                    y = RoiAlign<output_height=3, output_width=2, sampling_ratio={}, spatial_scale=0.5>(x, r, b)
                                  }})",
                               dims, samples),
                   15);
    }
  }
}

TEST_F(SamplingOperators, RoiAlignIsComputedWhereThereIsNone) {
  for (const int samples : {0, 2}) {
    expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 10]> g (float[2,3,9,8] x) => (float[4,3,3,2] y)
                                  <float[4,4] r = {{0,0,15,17, 2.5,3.1,3.2,3.4, -4,5,9,30, 7,7,7,7}}, int64[4] b = {{0,1,1,0}}> {{
                                  y = RoiAlign<output_height=3, output_width=2, sampling_ratio={}, spatial_scale=0.5>(x, r, b)
                                }})",
                             samples),
                 9);
  }
}

TEST_F(SamplingOperators, WhatNoOperatorDoesIsRefused) {
  EXPECT_THAT(refusal(R"(<ir_version: 8, opset_import: ["": 11]> g (float[1,4,4] b, float[1,1,4] s) => (int64[n,3] y) {
                           y = NonMaxSuppression(b, s)
                         })",
                      9),
              ::testing::HasSubstr("overlap"));
  EXPECT_THAT(refusal(R"(<ir_version: 9, opset_import: ["": 20]> g (uint8[n] x) => (uint8[h,w,3] y) {
                           y = ImageDecoder(x)
                         })",
                      19),
              ::testing::HasSubstr("decodes"));
}

}  // namespace
}  // namespace olivine::opset

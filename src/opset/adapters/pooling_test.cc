#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Pooling : public OpsetFixture {
 protected:
  static std::string model(int opset, std::string_view op, std::string_view attributes,
                           std::string_view dims = "1,2,9,8") {
    return fmt::format(R"(<ir_version: 7, opset_import: ["": {}]> g (float[{}] x) => (float[n,c,h,w] y) {{
                            y = {}<{}>(x)
                          }})",
                       opset, dims, op, attributes);
  }
};

TEST_F(Pooling, DilatedWindowsAreGatheredBelowTheirVersion) {
  struct Case {
    const char* op;
    int opset;
    int below;
  };
  dims_ = {{"n", 1}, {"c", 2}, {"h", 9}, {"w", 8}};
  for (const Case& one : {Case{"AveragePool", 19, 18}, Case{"LpPool", 18, 17}, Case{"MaxPool", 10, 9}}) {
    for (const char* more :
         {"", ", pads=[1,0,1,1]", ", ceil_mode=1", ", pads=[1,1,0,1], ceil_mode=1", R"(, auto_pad="VALID")"}) {
      const std::string attributes = fmt::format("kernel_shape=[2,3], strides=[2,3], dilations=[3,2]{}", more);
      expect_alike(model(one.opset, one.op, attributes), one.below);
      expect_alike(model(one.opset, one.op, attributes, "n,c,h,w"), one.below);
      if (std::string_view(one.op) == "AveragePool") {
        expect_alike(model(one.opset, one.op, attributes + ", count_include_pad=1"), 9);
        expect_alike(model(one.opset, one.op, attributes + ", count_include_pad=1", "n,c,h,w"), 13);
      }
    }
  }
  for (const int p : {1, 3}) {
    expect_alike(model(18, "LpPool", fmt::format("kernel_shape=[2,2], dilations=[2,2], p={}", p)), 17);
  }
}

TEST_F(Pooling, DilationsOfOneGo) {
  for (const char* op : {"AveragePool", "LpPool"}) {
    EXPECT_THAT(expect_alike(model(19, op, "kernel_shape=[2,2], dilations=[1,1]"), 11), ::testing::HasSubstr(op));
  }
}

TEST_F(Pooling, CeilModeIsPaddingBelowItsVersion) {
  for (const char* more : {"", ", pads=[1,1,0,0]", ", pads=[1,1,1,1]"}) {
    const std::string attributes = fmt::format("kernel_shape=[3,2], strides=[2,3], ceil_mode=1{}", more);
    EXPECT_THAT(expect_alike(model(10, "MaxPool", attributes), 9), ::testing::HasSubstr("MaxPool"));
    EXPECT_THAT(expect_alike(model(18, "LpPool", attributes), 17), ::testing::HasSubstr("LpPool"));
    for (const int counts : {0, 1}) {
      EXPECT_THAT(
          expect_alike(model(10, "AveragePool", fmt::format("{}, count_include_pad={}", attributes, counts)), 9),
          ::testing::HasSubstr("AveragePool"));
    }
  }
  expect_alike(model(10, "AveragePool", R"(kernel_shape=[3,2], strides=[2,3], ceil_mode=1, auto_pad="SAME_UPPER")"), 9);
}

TEST_F(Pooling, WindowsThatWouldStartBehindTheInputAreLeftOut) {
  const std::string attributes = "kernel_shape=[2,2], strides=[3,3], pads=[0,0,1,1], ceil_mode=1";
  for (const char* op : {"AveragePool", "MaxPool", "LpPool"}) {
    EXPECT_THAT(expect_alike(model(22, op, attributes, "1,2,9,6"), 21),
                ::testing::Not(::testing::HasSubstr("ceil_mode")));
    EXPECT_THAT(expect_alike(model(22, op, attributes, "1,2,7,7"), 21), ::testing::HasSubstr("ceil_mode"));
  }
  expect_alike(model(22, "AveragePool", attributes + ", count_include_pad=1", "1,2,9,6"), 11);
  // More padding than the kernel is wide would be needed.
  const std::string wide = "kernel_shape=[2,2], strides=[3,3], pads=[1,0,1,0], dilations=[1,3], ceil_mode=1";
  for (const char* op : {"AveragePool", "MaxPool", "LpPool"}) expect_alike(model(22, op, wide, "1,2,8,8"), 21);
}

TEST_F(Pooling, WhatIsNotDefinedIsRefused) {
  EXPECT_THAT(refusal(model(18, "LpPool", "kernel_shape=[3,3], dilations=[5,1]"), 17), ::testing::HasSubstr("wider"));
  EXPECT_THAT(refusal(model(19, "AveragePool", R"(kernel_shape=[2,2], dilations=[2,2], auto_pad="SAME_UPPER")"), 18),
              ::testing::HasSubstr("auto_pad"));
  EXPECT_THAT(
      refusal(R"(<ir_version: 7, opset_import: ["": 10]> g (float[1,1,4,4] x) => (float[1,1,2,2] y, int64[1,1,2,2] i) {
                           y, i = MaxPool<kernel_shape=[2,2], dilations=[2,2]>(x)
                         })",
              9),
      ::testing::HasSubstr("Indices"));
}

TEST_F(Pooling, WholeNormsAreIntegers) {
  for (const char* op : {"LpPool", "GlobalLpPool"}) {
    const std::string kernel = std::string_view(op) == "LpPool" ? ", kernel_shape=[2,2]" : "";
    const std::string before = model(1, op, "p=3.0" + kernel);
    EXPECT_THAT(onnx::print_model(converted(before, 11)), ::testing::HasSubstr("p: int = 3"));
    EXPECT_THAT(refusal(model(1, op, "p=1.5" + kernel), 11), ::testing::HasSubstr("whole"));
  }
}

TEST_F(Pooling, PlacesOfMaximaAreNewInOpset8) {
  expect_rewrite(R"(<ir_version: 3, opset_import: ["": 8]> g (float[1,1,8] x) => (float[1,1,4] y) {
                      y, unused = MaxPool<kernel_shape=[2], strides=[2], storage_order=1>(x)
                    })",
                 7, R"(<ir_version: 3, opset_import: ["": 7]> g (float[1,1,8] x) => (float[1,1,4] y) {
                         y = MaxPool<kernel_shape=[2], strides=[2]>(x)
                       })");
  EXPECT_THAT(refusal(R"(<ir_version: 3, opset_import: ["": 8]> g (float[1,1,8] x) => (float[1,1,4] y, int64[1,1,4] i) {
                           y, i = MaxPool<kernel_shape=[2], strides=[2]>(x)
                         })",
                      7),
              ::testing::HasSubstr("no output Indices"));
}

}  // namespace
}  // namespace olivine::opset

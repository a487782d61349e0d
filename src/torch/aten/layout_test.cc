#include "torch/aten/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace olivine::torch {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

TensorMeta meta(ir::Shape sizes, ir::Shape strides) {
  return {DataType::float32, std::move(sizes), std::move(strides), ir::Dim(0)};
}

ir::Dim dim(const char* text) { return ir::Dim(std::string(text)); }

TEST(LayoutTest, EqualSizesHaveEqualSamples) {
  EXPECT_EQ(sample(dim("2*s0 + 2")), sample(dim("(s0 + 1)*2")));
  EXPECT_EQ(sample(dim("s0//2 - s0%3")), sample(dim("-(s0%3) + s0//2")));
  EXPECT_EQ(sample(dim("Max(s0, 2)")), sample(dim("s0")));
  EXPECT_NE(sample(dim("s0")), sample(dim("s1")));
  EXPECT_EQ(sample(dim("7")), 7);
}

TEST(LayoutTest, WhatIsNotUnderstoodHasNoSample) {
  for (const char* text : {"s0**2", "s0/2", "Where(s0, 1)", "(s0", "s0)", "", "s0//0", "99999999999999999999"}) {
    EXPECT_EQ(sample(dim(text)), std::nullopt) << text;
  }
  EXPECT_EQ(sample(dim(std::string(10000, '(').c_str())), std::nullopt);
}

TEST(LayoutTest, RowMajorWithoutGapsIsContiguous) {
  EXPECT_TRUE(is_contiguous(meta({2, 3}, {3, 1})));
  EXPECT_FALSE(is_contiguous(meta({3, 2}, {1, 3})));
  EXPECT_FALSE(is_contiguous(meta({2, 3}, {6, 1})));
  EXPECT_TRUE(is_contiguous(meta({1, 3}, {77, 1}))) << "the stride of one element counts for nothing";
  EXPECT_TRUE(is_contiguous(meta({0, 3}, {1, 1})));
  EXPECT_TRUE(is_contiguous(meta({dim("s0"), dim("s1"), 4}, {dim("4*s1"), 4, 1})));
  EXPECT_FALSE(is_contiguous(meta({dim("s1"), dim("s0"), 4}, {4, dim("4*s1"), 1})));
}

TEST(LayoutTest, DenseTensorsHaveAnOrderInMemory) {
  EXPECT_THAT(dense_order(meta({3, 2}, {1, 3})), Optional(ElementsAre(1, 0)));
  EXPECT_THAT(dense_order(meta({2, 3, 4, 4}, {48, 1, 12, 3})), Optional(ElementsAre(0, 2, 3, 1)));
  EXPECT_EQ(dense_order(meta({2, 3}, {6, 1})), std::nullopt);
  EXPECT_EQ(dense_order(meta({2, 3}, {0, 1})), std::nullopt) << "an expanded tensor";
}

}  // namespace
}  // namespace olivine::torch

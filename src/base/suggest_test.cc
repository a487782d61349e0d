#include "base/suggest.h"

#include <gtest/gtest.h>

#include <vector>

namespace olivine {
namespace {

const std::vector<std::string> kNames = {"keep_io_types", "op_block_list", "min_positive_val"};

TEST(DidYouMean, FindsANearName) {
  EXPECT_EQ(did_you_mean("keep_io_type", kNames), "did you mean keep_io_types?");
  EXPECT_EQ(did_you_mean("Keep-IO-Types", kNames), "did you mean keep_io_types?");
}

TEST(DidYouMean, KeepsQuietWhenNothingIsNear) {
  EXPECT_EQ(did_you_mean("banana", kNames), "");
  EXPECT_EQ(did_you_mean("", kNames), "");
}

}  // namespace
}  // namespace olivine

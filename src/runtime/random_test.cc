#include "runtime/random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace olivine::runtime {
namespace {

TEST(Random, IsTheSameEverywhere) {
  // A change of these numbers makes every recorded comparison another one.
  Random random(0, "x");
  EXPECT_EQ(random.next(), 0x413e68d356267156ULL);
  EXPECT_EQ(random.below(1000), 158U);
  EXPECT_EQ(random.normal(), 2.2691923175007105);
}

TEST(Random, HasAStreamForEachNameAndSeed) {
  EXPECT_EQ(Random(1, "x").next(), Random(1, "x").next());
  EXPECT_NE(Random(1, "x").next(), Random(1, "y").next());
  EXPECT_NE(Random(1, "x").next(), Random(2, "x").next());
}

TEST(Random, NormalHasMeanZeroAndVarianceOne) {
  Random random(7, "x");
  double sum = 0;
  double squares = 0;
  constexpr int kCount = 200000;
  for (int i = 0; i < kCount; ++i) {
    const double value = random.normal();
    EXPECT_LT(std::abs(value), 6);
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / kCount, 0, 0.01);
  EXPECT_NEAR(squares / kCount, 1, 0.01);
}

TEST(Random, BelowCoversItsRange) {
  Random random(3, "x");
  int counts[5] = {};
  for (int i = 0; i < 50000; ++i) ++counts[random.below(5)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
  EXPECT_EQ(random.below(1), 0U);
}

}  // namespace
}  // namespace olivine::runtime

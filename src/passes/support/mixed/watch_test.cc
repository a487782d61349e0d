#include "passes/support/mixed/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/float_formats.h"

namespace olivine::passes::mixed {
namespace {

using testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

float half(float value) {
  return static_cast<float>(decode_float(DataType::float16, encode_float(DataType::float16, value)));
}

/// Places: an activation, a constant, a constant that is read from where it is stored.
Watch watch_of(DataType target = DataType::float16) {
  kernels::ConvertOptions limits;
  limits.max_finite = 65504;
  limits.min_positive = 1e-7;
  static const tensor::Tensor stored =
      tensor::from_values<float>(DataType::float32, {2, 2}, std::vector<float>{70000, 1e-9F, 0.1F, 0});
  static const std::vector<Place> places = {{nullptr, std::nullopt, false, nullptr},
                                            {nullptr, std::nullopt, true, nullptr},
                                            {nullptr, std::nullopt, true, &stored}};
  return {target, places, limits};
}

std::vector<float> passed(Watch& watch, std::int64_t id, std::vector<float> in, const std::vector<float>& second = {}) {
  std::vector<float> out(in.size(), -77);
  watch.pass(id, in, second, out);
  return out;
}

TEST(Watch, AnAttemptRoundsNarrowPlacesAndNoOthers) {
  Watch watch = watch_of();
  const std::vector<float> values = {0.1F, 70000, 1e-9F, -1.0005F};
  watch.set_narrow({true, false, false});
  watch.start(Watch::Mode::attempt);
  EXPECT_THAT(passed(watch, 0, values), ElementsAre(half(0.1F), kInfinity, 0, half(-1.0005F)));
  EXPECT_THAT(passed(watch, 1, values), testing::ElementsAreArray(values));
}

TEST(Watch, ConstantsAreRoundedAsTheyAreStored) {
  Watch watch = watch_of();
  watch.set_narrow({false, true, true});
  watch.start(Watch::Mode::attempt);
  const std::vector<float> stored = passed(watch, 1, {70000, -1e30F, 1e-9F, -kInfinity, 0});
  EXPECT_THAT(stored, ElementsAre(65504, -65504, half(1e-7F), -kInfinity, 0));
}

TEST(Watch, TheOutputMayBeTheInputsMemory) {
  std::vector<float> values(100000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.1F * static_cast<float>(i);
  Watch watch = watch_of();
  watch.set_narrow({true, false, false});
  watch.start(Watch::Mode::attempt);
  std::vector<float> in_place = values;
  watch.pass(0, in_place, {}, in_place);
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(in_place[i], half(values[i])) << i;
  watch.expect_twin_inputs({false});
  watch.start(Watch::Mode::compare);
  in_place = values;
  watch.pass(3, in_place, {}, in_place);
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(in_place[i], half(values[i])) << i;
  EXPECT_EQ(watch.twin_inputs()[0].largest, values.back());  // of what came, not of what went
}

TEST(Watch, BfloatHasAnotherRange) {
  Watch watch = watch_of(DataType::bfloat16);
  watch.set_narrow({true, false, false});
  watch.start(Watch::Mode::attempt);
  EXPECT_THAT(passed(watch, 0, {1.00390625F, 1e30F}), ElementsAre(1, testing::FloatNear(1e30F, 4e27F)));
}

TEST(Watch, CountsWhatTheNarrowTypeLoses) {
  Watch watch = watch_of();
  watch.start(Watch::Mode::compare);
  const std::vector<float> values = {1, -70000, 1e-9F, 3e-7F, 0, kInfinity, kNaN, 0.1F};
  EXPECT_THAT(passed(watch, 0, values), testing::Pointwise(testing::NanSensitiveFloatEq(), values));
  const Seen& seen = watch.seen()[0];
  EXPECT_EQ(seen.elements, 8U);
  EXPECT_EQ(seen.passes, 1U);
  EXPECT_EQ(seen.largest, 70000);
  EXPECT_EQ(seen.not_finite, 2U);
  EXPECT_EQ(seen.overflows, 1U);
  EXPECT_EQ(seen.underflows, 2U);  // 1e-9 vanishes, 3e-7 is held to one digit
  const double tenth = half(0.1F) - static_cast<double>(0.1F);
  EXPECT_NEAR(seen.rounding_squares, tenth * tenth, 1e-13);
  EXPECT_NEAR(seen.squares, 1.01, 1e-6);
  EXPECT_EQ(watch.seen()[1].elements, 0U);
}

TEST(Watch, AConstantIsSeenWithItsLimits) {
  Watch watch = watch_of();
  watch.start(Watch::Mode::compare);
  passed(watch, 1, {70000, 1});
  EXPECT_EQ(watch.seen()[1].overflows, 0U);
  EXPECT_NEAR(watch.seen()[1].rounding(), std::pow((70000.0 - 65504) / 70000, 2), 1e-6);
}

TEST(Watch, TwinsTakeConstantsAsTheyAreStored) {
  Watch watch = watch_of();
  watch.expect_twin_inputs({false, true});
  watch.start(Watch::Mode::compare);
  EXPECT_THAT(passed(watch, 3, {-1e9F}), ElementsAre(-kInfinity));
  EXPECT_THAT(passed(watch, 4, {-1e9F}), ElementsAre(-65504));
}

TEST(Watch, GivesWhatIsStored) {
  Watch watch = watch_of();
  EXPECT_EQ(watch.dims(2), (std::vector<std::int64_t>{2, 2}));
  std::vector<float> out(4);
  watch.start(Watch::Mode::observe);
  watch.give(2, out);
  EXPECT_THAT(out, ElementsAre(70000, 1e-9F, 0.1F, 0));
  EXPECT_EQ(watch.seen()[2].elements, 4U);
  watch.set_narrow({false, false, true});
  watch.start(Watch::Mode::attempt);
  watch.give(2, out);
  EXPECT_THAT(out, ElementsAre(65504, half(1e-7F), half(0.1F), 0));
}

TEST(Watch, BlocksAndPassesAddUp) {
  Watch watch = watch_of();
  watch.start(Watch::Mode::compare);
  std::vector<float> values(50000, 1);
  values[20000] = -90000;
  values[49999] = 80000;
  passed(watch, 0, values);
  passed(watch, 0, {2});
  const Seen& seen = watch.seen()[0];
  EXPECT_EQ(seen.elements, 50001U);
  EXPECT_EQ(seen.passes, 2U);
  EXPECT_EQ(seen.overflows, 2U);
  EXPECT_EQ(seen.largest, 90000);
  EXPECT_EQ(seen.squares, 49998 + 4);
}

TEST(Watch, ComparesWithTheTwin) {
  Watch watch = watch_of();
  watch.start(Watch::Mode::compare);
  passed(watch, 0, {3, 4}, {3, 4.5F});
  EXPECT_EQ(watch.seen()[0].twin_squares, 0.25);
  EXPECT_EQ(watch.seen()[0].twin(), 0.01);
  // What the narrow type doesn't hold anyhow is no fault of the twin's; one lost element is as bad as can be.
  passed(watch, 0, {70000, kInfinity}, {0, 0});
  EXPECT_EQ(watch.seen()[0].twin(), 0.01);
  passed(watch, 0, {1}, {kNaN});
  EXPECT_EQ(watch.seen()[0].twin(), 1);
}

TEST(Watch, RelativeErrorsOfNothingAreZeroOrAll) {
  Watch watch = watch_of();
  watch.start(Watch::Mode::compare);
  passed(watch, 0, {0, 0}, {0, 0});
  EXPECT_EQ(watch.seen()[0].twin(), 0);
  EXPECT_EQ(watch.seen()[0].rounding(), 0);
  passed(watch, 0, {0, 0}, {0, 1});
  EXPECT_EQ(watch.seen()[0].twin(), 1);
}

TEST(Watch, JudgesAnAttemptByTheSameElements) {
  Watch watch = watch_of();
  watch.start(Watch::Mode::observe);
  std::vector<float> values(10000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1 + static_cast<float>(i % 97);
  EXPECT_EQ(passed(watch, 0, values), values);
  passed(watch, 0, {5, 5});  // a body's second turn
  watch.set_narrow({false, false, false});
  watch.start(Watch::Mode::attempt);
  passed(watch, 0, values);
  passed(watch, 0, {5, 5});
  EXPECT_EQ(watch.strayed()[0].error(), 0);
  EXPECT_GT(watch.strayed()[0].squares, 0);

  watch.start(Watch::Mode::attempt);
  for (float& value : values) value *= 1.1F;
  passed(watch, 0, values);
  EXPECT_NEAR(watch.strayed()[0].error(), 0.01, 1e-4);
  passed(watch, 0, {5, kInfinity});
  EXPECT_EQ(watch.strayed()[0].error(), 1);
}

TEST(Watch, WhatIsNotFiniteInTheOriginalIsNotJudged) {
  Watch watch = watch_of();
  watch.start(Watch::Mode::observe);
  passed(watch, 0, {kNaN, 2});
  EXPECT_EQ(watch.seen()[0].not_finite, 1U);
  watch.set_narrow({false, false, false});
  watch.start(Watch::Mode::attempt);
  passed(watch, 0, {kInfinity, 2});
  EXPECT_EQ(watch.strayed()[0].error(), 0);
}

TEST(Watch, AnAttemptRoundsBeforeItJudges) {
  Watch watch = watch_of();
  watch.start(Watch::Mode::observe);
  passed(watch, 0, {70000});
  watch.set_narrow({true, false, false});
  watch.start(Watch::Mode::attempt);
  passed(watch, 0, {70000});
  EXPECT_EQ(watch.strayed()[0].broken, 1U);
}

TEST(Watch, LongRunsKeepASampleOnly) {
  Watch watch = watch_of();
  watch.start(Watch::Mode::observe);
  for (int turn = 0; turn < 100; ++turn) passed(watch, 0, std::vector<float>(256, 1));
  watch.set_narrow({false, false, false});
  watch.start(Watch::Mode::attempt);
  for (int turn = 0; turn < 100; ++turn) passed(watch, 0, std::vector<float>(256, turn < 8 ? 1.0F : 9.0F));
  EXPECT_EQ(watch.strayed()[0].squares, 8 * 256);
  EXPECT_EQ(watch.strayed()[0].errors, 0);
}

TEST(Watch, EmptyTensorsPass) {
  Watch watch = watch_of();
  for (const auto mode : {Watch::Mode::observe, Watch::Mode::compare, Watch::Mode::attempt}) {
    watch.set_narrow({true, true, true});
    watch.start(mode);
    EXPECT_TRUE(passed(watch, 0, {}).empty());
  }
}

}  // namespace
}  // namespace olivine::passes::mixed

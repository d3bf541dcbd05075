#include "lts/train/schedule.h"

#include <gtest/gtest.h>

#include "lts/base/error.h"

namespace lts {
namespace {

TEST(ScheduleTest, WarmsUpInALineWhateverFollows) {
  for (const auto& entry : kScheduleKinds.entries) {
    const ScheduleOptions options{.kind = entry.value, .peak = 2, .warm_up_steps = 4, .steps = 10};
    EXPECT_DOUBLE_EQ(LearningRate(options, 0), 0.5) << entry.name;
    EXPECT_DOUBLE_EQ(LearningRate(options, 2), 1.5) << entry.name;
    EXPECT_DOUBLE_EQ(LearningRate(options, 3), 2.0) << entry.name;
  }
}

TEST(ScheduleTest, CosineIsHalfwayInTheMiddleAndNearTheEndRateAtTheEnd) {
  const ScheduleOptions options{.peak = 1, .end = 0.1, .warm_up_steps = 10, .steps = 1010};
  EXPECT_DOUBLE_EQ(LearningRate(options, 10), 1.0);
  EXPECT_NEAR(LearningRate(options, 510), 0.55, 1e-12);
  EXPECT_NEAR(LearningRate(options, 1009), 0.1, 1e-5);
  EXPECT_GT(LearningRate(options, 1009), 0.1);
}

TEST(ScheduleTest, InverseSqrtContinuesTheWarmUp) {
  const ScheduleOptions options{
      .kind = ScheduleKind::kInverseSqrt, .peak = 1, .warm_up_steps = 16, .steps = 1000};
  EXPECT_DOUBLE_EQ(LearningRate(options, 15), 1.0);
  EXPECT_DOUBLE_EQ(LearningRate(options, 63), 0.5);
}

TEST(ScheduleTest, InverseSqrtWithoutWarmUpBeginsAtThePeak) {
  const ScheduleOptions options{
      .kind = ScheduleKind::kInverseSqrt, .peak = 1, .warm_up_steps = 0, .steps = 1000};
  EXPECT_DOUBLE_EQ(LearningRate(options, 0), 1.0);
  EXPECT_DOUBLE_EQ(LearningRate(options, 3), 0.5);
}

TEST(ScheduleTest, ConstantStays) {
  const ScheduleOptions options{
      .kind = ScheduleKind::kConstant, .peak = 3, .warm_up_steps = 2, .steps = 100};
  EXPECT_EQ(LearningRate(options, 2), 3);
  EXPECT_EQ(LearningRate(options, 99), 3);
}

TEST(ScheduleTest, AWarmUpLongerThanTheRunReachesThePeakAtItsEnd) {
  const ScheduleOptions options{.peak = 1, .warm_up_steps = 100, .steps = 4};
  EXPECT_DOUBLE_EQ(LearningRate(options, 0), 0.25);
  EXPECT_DOUBLE_EQ(LearningRate(options, 3), 1.0);
}

TEST(ScheduleTest, RejectsOptionsOutsideTheirRanges) {
  EXPECT_NO_THROW(CheckScheduleOptions({}));
  EXPECT_THROW(CheckScheduleOptions({.peak = 0}), Error);
  EXPECT_THROW(CheckScheduleOptions({.peak = 1, .end = 2}), Error);
  EXPECT_THROW(CheckScheduleOptions({.warm_up_steps = -1}), Error);
  EXPECT_THROW(CheckScheduleOptions({.steps = 0}), Error);
}

}  // namespace
}  // namespace lts

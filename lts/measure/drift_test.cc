#include "lts/measure/drift.h"

#include <gtest/gtest.h>

#include <limits>

namespace lts {
namespace {

constexpr CanaryReference kReference{10, 2};

CanaryTrack Track(int runs, double spacing_s, double (*factor)(double at_s)) {
  CanaryTrack track;
  for (int i = 0; i < runs; ++i) {
    const double at = i * spacing_s;
    track.Add(at, {kReference.ttft_ms * factor(at), kReference.tpot_ms * factor(at)});
  }
  return track;
}

TEST(CanaryTrack, IsOneWithoutRuns) {
  const CanaryTrack track;
  EXPECT_TRUE(track.empty());
  EXPECT_EQ(track.TtftFactorAt(3, kReference), 1);
  EXPECT_EQ(track.TpotFactorAt(3, kReference), 1);
  EXPECT_EQ(track.FactorRange(kReference), (Interval{1, 1}));
}

TEST(CanaryTrack, GivesTheFactorOfItsOnlyRunEverywhere) {
  CanaryTrack track;
  track.Add(5, {11, 3});
  EXPECT_DOUBLE_EQ(track.TtftFactorAt(-100, kReference), 1.1);
  EXPECT_DOUBLE_EQ(track.TpotFactorAt(100, kReference), 1.5);
}

TEST(CanaryTrack, FollowsALinearDrift) {
  const CanaryTrack track = Track(200, 0.2, [](double at) { return 1 + 0.01 * at; });
  for (int i = 0; i < 97; ++i) {
    const double at = 2 + i * 0.37;
    EXPECT_NEAR(track.TtftFactorAt(at, kReference), 1 + 0.01 * at, 0.002);
    EXPECT_NEAR(track.TpotFactorAt(at, kReference), 1 + 0.01 * at, 0.002);
  }
}

TEST(CanaryTrack, StaysWithinHalfAWindowOfDriftAtTheEnds) {
  const CanaryTrack track = Track(200, 0.2, [](double at) { return 1 + 0.01 * at; });
  EXPECT_NEAR(track.TtftFactorAt(0, kReference), 1, 0.01 * 0.75);
  EXPECT_NEAR(track.TtftFactorAt(40, kReference), 1.4, 0.01 * 0.75);
}

TEST(CanaryTrack, FollowsAStepWithoutSmearingIt) {
  const CanaryTrack track = Track(200, 0.2, [](double at) { return at < 20 ? 1.0 : 1.5; });
  for (int i = 0; i < 130; ++i) {
    const double at = i * 0.31;
    if (std::abs(at - 20) < 0.3) continue;  // within a spacing or so of the step itself
    EXPECT_DOUBLE_EQ(track.TtftFactorAt(at, kReference), at < 20 ? 1.0 : 1.5) << at;
  }
}

TEST(CanaryTrack, IgnoresInterruptedRuns) {
  CanaryTrack track;
  for (int i = 0; i < 100; ++i) {
    const double spike = i % 4 == 0 ? 3 : 1;
    track.Add(i * 0.2, {10 * spike, 2 * spike});
  }
  for (int i = 0; i < 65; ++i) {
    const double at = i * 0.31;
    EXPECT_DOUBLE_EQ(track.TtftFactorAt(at, kReference), 1) << at;
  }
}

TEST(CanaryTrack, WidensTheWindowWhereRunsAreFar) {
  CanaryTrack track;  // one run in ten is an outlier, and they are 10 s apart
  for (int i = 0; i < 30; ++i) track.Add(i * 10.0, {i == 15 ? 100.0 : 10.0, i == 15 ? 20.0 : 2.0});
  EXPECT_DOUBLE_EQ(track.TtftFactorAt(150, kReference), 1);
}

TEST(CanaryTrack, KeepsPrefillAndDecodeApart) {
  CanaryTrack track;
  for (int i = 0; i < 20; ++i) track.Add(i * 0.2, {12, 2});
  EXPECT_DOUBLE_EQ(track.TtftFactorAt(2, kReference), 1.2);
  EXPECT_DOUBLE_EQ(track.TpotFactorAt(2, kReference), 1);
}

TEST(CanaryTrack, LeavesOutTimesThatAreNone) {
  CanaryTrack track;
  track.Add(0, {0, 2});
  track.Add(1, {10, -1});
  track.Add(2, {std::numeric_limits<double>::quiet_NaN(), 2});
  track.Add(3, {10, std::numeric_limits<double>::infinity()});
  EXPECT_TRUE(track.empty());
}

TEST(CanaryTrack, MedianTimesAreTheReferenceOfASession) {
  CanaryTrack track;
  track.Add(0, {10, 2});
  track.Add(1, {30, 9});
  track.Add(2, {11, 3});
  EXPECT_EQ(track.MedianTimes().ttft_ms, 11);
  EXPECT_EQ(track.MedianTimes().tpot_ms, 3);
}

TEST(CanaryTrack, FactorRangeHoldsTheExtremes) {
  const CanaryTrack track = Track(200, 0.2, [](double at) { return at < 20 ? 0.9 : 1.5; });
  const Interval range = track.FactorRange(kReference);
  EXPECT_DOUBLE_EQ(range.low, 0.9);
  EXPECT_DOUBLE_EQ(range.high, 1.5);
}

}  // namespace
}  // namespace lts

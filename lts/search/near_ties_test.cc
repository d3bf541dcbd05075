#include "lts/search/near_ties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lts/base/rng.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// One exact objective and one measured as value +- half.
UncertainPoint Measured(double exact, double value, double half) {
  return {{exact, value}, {exact, value - half}, {exact, value + half}};
}

TEST(DominatesBeyondNoise, NeedsIntervalsApartInEveryObjective) {
  EXPECT_TRUE(DominatesBeyondNoise(Measured(1, 10, 1), Measured(1, 13, 1)));
  EXPECT_FALSE(DominatesBeyondNoise(Measured(1, 10, 1), Measured(1, 11, 1)));  // overlap
  EXPECT_FALSE(DominatesBeyondNoise(Measured(0, 10, 1), Measured(9, 11, 1)));  // in one
  EXPECT_TRUE(
      DominatesBeyondNoise(Measured(0, 10, 1), Measured(9, 12, 1)));  // touching is no doubt
  EXPECT_FALSE(DominatesBeyondNoise(Measured(2, 10, 1), Measured(1, 13, 1)));  // worse in the other
}

TEST(DominatesBeyondNoise, ComparesExactObjectivesByValue) {
  EXPECT_TRUE(DominatesBeyondNoise(Measured(1, 5, 0), Measured(1, 6, 0)));
  EXPECT_FALSE(DominatesBeyondNoise(Measured(1, 5, 0), Measured(1, 5, 0)));
  EXPECT_TRUE(DominatesBeyondNoise(Measured(1, 5, 0), Measured(2, 5, 0)));
}

TEST(DominatesBeyondNoise, NeedsOneStrictObjective) {
  const UncertainPoint a{{1, 9}, {1, 8}, {1, 10}};
  EXPECT_FALSE(DominatesBeyondNoise(a, {{1, 11}, {1, 10}, {1, 12}}));  // touch, and equal
  EXPECT_TRUE(DominatesBeyondNoise(a, {{2, 11}, {2, 10}, {2, 12}}));
}

TEST(NearTies, OfTheExample) {
  const std::vector<UncertainPoint> points = {Measured(1, 10, 1), Measured(1, 11, 1),
                                              Measured(1, 13, 1)};
  EXPECT_THAT(NearTies(points), ElementsAre(1));
}

TEST(NearTies, OfExactPointsThereAreNone) {
  std::vector<UncertainPoint> points;
  Rng rng(31);
  for (int i = 0; i < 200; ++i) {
    points.push_back(
        Measured(static_cast<double>(rng.Below(9)), static_cast<double>(rng.Below(9)), 0));
  }
  EXPECT_THAT(NearTies(points), IsEmpty());
  EXPECT_THAT(NearTies({}), IsEmpty());
}

TEST(NearTies, ARepetitionByValueIsOneOnlyWithNoise) {
  const std::vector<UncertainPoint> noisy = {Measured(1, 10, 1), Measured(1, 10, 2)};
  EXPECT_THAT(NearTies(noisy), ElementsAre(1));
  const std::vector<UncertainPoint> exact = {Measured(1, 10, 0), Measured(1, 10, 0)};
  EXPECT_THAT(NearTies(exact), IsEmpty());
}

// The value of the third is beaten by the first, whose wide interval leaves doubt; the second,
// itself a near-tie of the first, leaves none.
TEST(NearTies, MayBeBeatenByANearTie) {
  const std::vector<UncertainPoint> points = {Measured(1, 10, 5), Measured(1, 11, 0.1),
                                              Measured(1, 12, 0.1)};
  EXPECT_THAT(NearTies(points), ElementsAre(1));
}

TEST(NearTies, LeaveOutWhatIsNotFinite) {
  const double nan = std::nan("");
  const std::vector<UncertainPoint> points = {
      Measured(1, 10, 1), {{1, nan}, {1, nan}, {1, nan}}, {{1, 11}, {1, nan}, {1, 12}}};
  EXPECT_THAT(NearTies(points), IsEmpty());
}

// By the definition, pair by pair; and what the header promises of the relation.
TEST(NearTies, EqualBruteForce) {
  Rng rng(32);
  for (int round = 0; round < 300; ++round) {
    const std::int64_t objectives = 1 + round % 4;
    std::vector<UncertainPoint> points(static_cast<std::size_t>(rng.Below(40)));
    std::vector<Point> values;
    for (UncertainPoint& point : points) {
      for (std::int64_t o = 0; o < objectives; ++o) {
        const auto value = static_cast<double>(rng.Below(10));
        const bool exact = o == 0 || rng.Bernoulli(0.3);
        point.value.push_back(value);
        point.low.push_back(exact ? value : value - static_cast<double>(rng.Below(3)));
        point.high.push_back(exact ? value : value + static_cast<double>(rng.Below(3)));
      }
      values.push_back(point.value);
    }
    const std::vector<std::int64_t> front = ParetoFront(values);
    std::vector<std::int64_t> expected;
    for (std::size_t i = 0; i < points.size(); ++i) {
      bool beaten = false;
      for (std::size_t j = 0; j < points.size(); ++j) {
        const bool beats = DominatesBeyondNoise(points[j], points[i]);
        if (beats) {
          EXPECT_TRUE(Dominates(values[j], values[i]));
        }
        const bool repeats = j != i && values[j] == values[i] && points[j].low == points[j].high &&
                             points[i].low == points[i].high && j < i;
        beaten = beaten || beats || repeats;
        for (std::size_t k = 0; beats && k < points.size(); ++k) {
          EXPECT_TRUE(!DominatesBeyondNoise(points[i], points[k]) ||
                      DominatesBeyondNoise(points[j], points[k]));
        }
      }
      const bool on_front = std::ranges::binary_search(front, static_cast<std::int64_t>(i));
      if (on_front) {
        EXPECT_FALSE(beaten);
      }
      if (!beaten && !on_front) expected.push_back(static_cast<std::int64_t>(i));
    }
    EXPECT_EQ(NearTies(points), expected) << round;
  }
}

}  // namespace
}  // namespace lts

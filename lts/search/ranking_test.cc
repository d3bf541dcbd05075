#include "lts/search/ranking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "lts/base/rng.h"

namespace lts {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(NondominatedRanks, OfTheExample) {
  EXPECT_THAT(NondominatedRanks(std::vector<Point>{{1, 3}, {2, 4}, {3, 1}, {3, 5}}),
              ElementsAre(0, 1, 0, 2));
  EXPECT_THAT(NondominatedRanks({}), IsEmpty());
}

TEST(NondominatedRanks, OfEqualPointsAreEqual) {
  EXPECT_THAT(NondominatedRanks(std::vector<Point>{{2, 2}, {1, 1}, {2, 2}, {1, 1}}),
              ElementsAre(1, 0, 1, 0));
}

// By the definition: peel off the non-dominated points again and again.
TEST(NondominatedRanks, EqualPeelingFrontsOff) {
  Rng rng(21);
  for (int round = 0; round < 200; ++round) {
    const std::int64_t objectives = 1 + round % 4;
    std::vector<Point> points(static_cast<std::size_t>(rng.Below(40)));
    for (Point& point : points) {
      for (std::int64_t o = 0; o < objectives; ++o) {
        point.push_back(static_cast<double>(rng.Below(7)));
      }
    }
    std::vector<std::int64_t> expected(points.size(), -1);
    for (std::int64_t rank = 0; std::ranges::count(expected, -1) > 0; ++rank) {
      std::vector<std::size_t> front;
      for (std::size_t i = 0; i < points.size(); ++i) {
        bool beaten = expected[i] >= 0;
        for (std::size_t j = 0; j < points.size(); ++j) {
          beaten = beaten || (expected[j] < 0 && Dominates(points[j], points[i]));
        }
        if (!beaten) front.push_back(i);
      }
      for (const std::size_t i : front) expected[i] = rank;
    }
    EXPECT_EQ(NondominatedRanks(points), expected) << round;
  }
}

TEST(CrowdingDistances, OfTheExample) {
  EXPECT_THAT(CrowdingDistances(std::vector<Point>{{0, 4}, {1, 2}, {4, 0}}),
              ElementsAre(kInfinity, DoubleEq(2), kInfinity));
}

TEST(CrowdingDistances, AreSharesOfEachObjectivesRange) {
  // The second objective in other units, the points in another order.
  const std::vector<Point> points = {{6, 1000}, {0, 4000}, {2, 3000}, {10, 0}};
  EXPECT_THAT(CrowdingDistances(points),
              ElementsAre(DoubleEq(0.8 + 0.75), kInfinity, DoubleEq(0.6 + 0.75), kInfinity));
}

TEST(CrowdingDistances, OfFewFlatOrRepeatedPoints) {
  EXPECT_THAT(CrowdingDistances({}), IsEmpty());
  EXPECT_THAT(CrowdingDistances(std::vector<Point>{{1, 2}}), ElementsAre(0));
  EXPECT_THAT(CrowdingDistances(std::vector<Point>{{1, 2}, {1, 2}, {1, 2}}), ElementsAre(0, 0, 0));
  // A flat objective says nothing; of equal extremes the first is the extreme.
  EXPECT_THAT(CrowdingDistances(std::vector<Point>{{0, 5}, {0, 5}, {1, 5}, {1, 5}}),
              ElementsAre(kInfinity, DoubleEq(1), kInfinity, DoubleEq(0)));
}

}  // namespace
}  // namespace lts

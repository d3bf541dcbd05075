#include "lts/search/pareto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "lts/base/error.h"
#include "lts/base/rng.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Coordinates from few values, so that ties, repetitions and chains are common.
std::vector<Point> RandomPoints(std::int64_t count, std::int64_t objectives, std::int64_t values,
                                Rng& rng) {
  std::vector<Point> points;
  for (std::int64_t i = 0; i < count; ++i) {
    Point& point = points.emplace_back();
    for (std::int64_t o = 0; o < objectives; ++o)
      point.push_back(static_cast<double>(rng.Below(values)));
  }
  return points;
}

// By the definition: not dominated by any, not equal to an earlier one, finite.
std::vector<std::int64_t> BruteForceFront(const std::vector<Point>& points) {
  std::vector<std::int64_t> front;
  for (std::size_t i = 0; i < points.size(); ++i) {
    bool on_front = std::ranges::all_of(points[i], [](double v) { return std::isfinite(v); });
    for (std::size_t j = 0; j < points.size(); ++j) {
      if (!std::ranges::all_of(points[j], [](double v) { return std::isfinite(v); })) continue;
      on_front = on_front && !Dominates(points[j], points[i]) && !(j < i && points[j] == points[i]);
    }
    if (on_front) front.push_back(static_cast<std::int64_t>(i));
  }
  return front;
}

TEST(Dominates, NeedsOneStrictlyBetterObjective) {
  EXPECT_TRUE(Dominates(Point{1, 2}, Point{1, 3}));
  EXPECT_TRUE(Dominates(Point{0, 0}, Point{1, 1}));
  EXPECT_FALSE(Dominates(Point{1, 2}, Point{1, 2}));
  EXPECT_FALSE(Dominates(Point{1, 2}, Point{2, 1}));
  EXPECT_FALSE(Dominates(Point{1, 3}, Point{1, 2}));
  EXPECT_TRUE(Dominates(Point{1}, Point{2}));
}

TEST(ParetoFront, KeepsTheFirstOfEqualPoints) {
  EXPECT_THAT(ParetoFront(std::vector<Point>{{1, 3}, {2, 1}, {2, 3}, {1, 3}}), ElementsAre(0, 1));
  EXPECT_THAT(ParetoFront(std::vector<Point>{{5, 5, 5}, {5, 5, 5}, {5, 5, 5}}), ElementsAre(0));
}

TEST(ParetoFront, OfNothingIsEmptyAndOfOnePointIsThatPoint) {
  EXPECT_THAT(ParetoFront({}), IsEmpty());
  EXPECT_THAT(ParetoFront(std::vector<Point>{{7, 7}}), ElementsAre(0));
}

TEST(ParetoFront, DropsWeaklyDominatedPoints) {
  EXPECT_THAT(ParetoFront(std::vector<Point>{{1, 2}, {1, 1}, {2, 1}}), ElementsAre(1));
}

TEST(ParetoFront, IgnoresPointsThatAreNotFinite) {
  const double nan = std::nan("");
  EXPECT_THAT(
      ParetoFront(std::vector<Point>{{nan, 0}, {0, nan}, {1, 1}, {-kInfinity, 0}, {kInfinity, -1}}),
      ElementsAre(2));
  EXPECT_THAT(ParetoFront(std::vector<Point>{{nan, nan}}), IsEmpty());
}

TEST(ParetoFront, EqualsBruteForce) {
  Rng rng(11);
  for (int round = 0; round < 300; ++round) {
    const std::int64_t objectives = 1 + round % 5;
    std::vector<Point> points = RandomPoints(rng.Below(60), objectives, 2 + rng.Below(12), rng);
    if (!points.empty() && round % 3 == 0) points[0][0] = round % 2 == 0 ? kInfinity : std::nan("");
    EXPECT_EQ(ParetoFront(points), BruteForceFront(points)) << round;
  }
}

// Long enough for the recursion beyond 3 objectives; `spread` values of a coordinate make anything
// from almost all equal to hardly any two.
TEST(ParetoFront, EqualsBruteForceOnManyPoints) {
  Rng rng(14);
  for (std::int64_t objectives = 3; objectives <= 8; ++objectives) {
    for (const std::int64_t spread : {2, 3, 8, 40, 100'000}) {
      const std::vector<Point> points = RandomPoints(1500, objectives, spread, rng);
      EXPECT_EQ(ParetoFront(points), BruteForceFront(points)) << objectives << " " << spread;
    }
  }
}

// All on the front: what a search for many objectives ends with.
TEST(ParetoFront, KeepsAPlaneOfConflictingPoints) {
  Rng rng(15);
  for (std::int64_t objectives = 2; objectives <= 5; ++objectives) {
    std::vector<Point> points = RandomPoints(3000, objectives - 1, 1'000'000, rng);
    for (Point& point : points) {
      double sum = 0;
      for (const double value : point) sum += value;
      point.push_back(-sum);
    }
    std::ranges::sort(points);
    points.erase(std::unique(points.begin(), points.end()), points.end());
    rng.Shuffle(std::span<Point>(points));
    EXPECT_EQ(ParetoFront(points).size(), points.size()) << objectives;
  }
}

TEST(ParetoFront, TakesPointsOneAfterAnother) {
  EXPECT_THAT(ParetoFront(std::vector<double>{1, 3, 2, 1, 2, 3, 1, 3}, 2), ElementsAre(0, 1));
  EXPECT_THAT(ParetoFront(std::vector<double>{}, 3), IsEmpty());
}

TEST(Hypervolume, OfTheExample) {
  EXPECT_EQ(Hypervolume(std::vector<Point>{{1, 3}, {2, 1}}, {4, 4}), 7);
}

TEST(Hypervolume, OfBoxes) {
  EXPECT_EQ(Hypervolume({}, {1, 1}), 0);
  EXPECT_EQ(Hypervolume(std::vector<Point>{{2}, {3}}, {10}), 8);
  EXPECT_EQ(Hypervolume(std::vector<Point>{{1, 2, 3}}, {2, 4, 6}), 1 * 2 * 3);
  EXPECT_EQ(Hypervolume(std::vector<Point>{{0, 0, 1}, {1, 1, 0}}, {2, 2, 2}), 4 + 2 - 1);
}

TEST(Hypervolume, IgnoresPointsBeyondTheReference) {
  EXPECT_EQ(Hypervolume(std::vector<Point>{{1, 1}, {5, 0}, {0, 5}, {2, 0}}, {2, 2}), 1);
  EXPECT_EQ(Hypervolume(std::vector<Point>{{std::nan(""), 0}, {-kInfinity, 0}}, {2, 2}), 0);
}

TEST(Hypervolume, DoesNotChangeWithDominatedOrRepeatedPoints) {
  Rng rng(12);
  for (int round = 0; round < 100; ++round) {
    const std::int64_t objectives = 1 + round % 3;
    const std::vector<Point> points = RandomPoints(1 + rng.Below(40), objectives, 10, rng);
    std::vector<Point> front;
    for (const std::int64_t i : ParetoFront(points))
      front.push_back(points[static_cast<std::size_t>(i)]);
    const Point reference(static_cast<std::size_t>(objectives), 8);
    EXPECT_EQ(Hypervolume(points, reference), Hypervolume(front, reference)) << round;
  }
}

// On integer coordinates the volume is the number of unit cells that some point is below.
TEST(Hypervolume, EqualsCountingCells) {
  Rng rng(13);
  for (int round = 0; round < 150; ++round) {
    const std::int64_t objectives = 1 + round % 3;
    const std::vector<Point> points = RandomPoints(rng.Below(15), objectives, 9, rng);
    constexpr std::int64_t kReference = 8;
    std::int64_t cells = 0;
    const std::int64_t total = static_cast<std::int64_t>(std::pow(kReference, objectives));
    for (std::int64_t cell = 0; cell < total; ++cell) {
      cells += static_cast<std::int64_t>(std::ranges::any_of(points, [&](const Point& point) {
        std::int64_t rest = cell;
        bool covered = true;
        for (const double coordinate : point) {
          covered = covered && coordinate <= static_cast<double>(rest % kReference);
          rest /= kReference;
        }
        return covered;
      }));
    }
    EXPECT_EQ(Hypervolume(points, Point(static_cast<std::size_t>(objectives), kReference)),
              static_cast<double>(cells))
        << round;
  }
}

TEST(Hypervolume, RefusesWhatItCannotDo) {
  const auto code = [](const Point& reference) {
    try {
      (void)Hypervolume({}, reference);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kIo;
  };
  EXPECT_EQ(code({1, 1, 1, 1}), ErrorCode::kUnsupported);
  EXPECT_EQ(code({}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({1, kInfinity}), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace lts

#include "lts/search/growing_front.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "lts/base/rng.h"

namespace lts {
namespace {

// Few values make ties; a first objective that falls with the others makes long fronts.
Point RandomPoint(std::int64_t objectives, std::int64_t values, Rng& rng) {
  Point point;
  double rest = 0;
  for (std::int64_t o = 1; o < objectives; ++o) {
    point.push_back(static_cast<double>(rng.Below(values)));
    rest += point.back();
  }
  point.insert(point.begin(), static_cast<double>(rng.Below(values)) - rest);
  return point;
}

TEST(GrowingFront, IsTheFrontOfAllAndOfEqualPointsTheFirst) {
  Rng rng(1);
  for (const std::int64_t objectives : {1, 2, 3, 4}) {
    for (const std::int64_t values : {3, 30, 1000}) {
      GrowingFront<std::int64_t> front(objectives);
      std::vector<Point> points;
      std::int64_t beaten = 0;
      for (std::int64_t i = 0; i < 30'000; ++i) {
        points.push_back(RandomPoint(objectives, values, rng));
        // What is beaten may be left out.
        if (front.Beats(points.back())) {
          ++beaten;
        } else {
          front.Add(points.back(), std::int64_t{i});
        }
      }
      EXPECT_EQ(front.Take(), ParetoFront(points)) << objectives << " of " << values;
      if (objectives == 2 || (objectives == 3 && values > 3)) {
        EXPECT_GT(beaten, 5000);
      }
      EXPECT_TRUE(front.Take().empty());
    }
  }
}

TEST(GrowingFront, BeatsOnlyWhatIsWorse) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  GrowingFront<int> front(3);
  for (int i = 0; i < 10'000; ++i) {
    const auto x = static_cast<double>(i % 100);
    front.Add(Point{-x, x, x}, int{i});
  }
  EXPECT_TRUE(front.Beats(Point{1000, 1000, 1000}));
  EXPECT_FALSE(front.Beats(Point{-1000, 1000, 1000}));
  EXPECT_FALSE(front.Beats(Point{1000, -1000, 1000}));
  EXPECT_FALSE(front.Beats(Point{1000, 1000, -1000}));
  EXPECT_FALSE(front.Beats(Point{kNan, 1000, 1000}));
  EXPECT_FALSE(front.Beats(Point{1000, kNan, 1000}));
}

}  // namespace
}  // namespace lts

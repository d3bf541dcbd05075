#include "lts/search/reference_box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "lts/base/error.h"

namespace lts {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Fronts = std::vector<std::vector<Point>>;

TEST(BoxOfUnion, SpansAllFrontsWithAMargin) {
  const ReferenceBox box = BoxOfUnion(Fronts{{{1, 300}, {3, 200}}, {{2, 100}, {11, 150}}});
  EXPECT_THAT(box.ideal, ElementsAre(1, 100));
  EXPECT_THAT(box.reference, ElementsAre(DoubleEq(12), DoubleEq(320)));
}

TEST(BoxOfUnion, OfFlatObjectivesAndOfNothing) {
  const ReferenceBox flat = BoxOfUnion(Fronts{{{5, 7}}, {{5, 9}}}, 0.5);
  EXPECT_THAT(flat.ideal, ElementsAre(5, 7));
  EXPECT_THAT(flat.reference, ElementsAre(6, 10));
  EXPECT_THAT(BoxOfUnion(Fronts{{}, {}}).ideal, IsEmpty());
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(BoxOfUnion(Fronts{{{1, infinity}, {2, 3}}}).ideal, ElementsAre(2, 3));
}

TEST(HypervolumeShare, DoesNotDependOnUnits) {
  const Fronts fronts = {{{1, 300}, {3, 200}}, {{2, 100}, {11, 150}}};
  Fronts scaled = fronts;
  for (std::vector<Point>& front : scaled) {
    for (Point& point : front) point = {1000 * point[0] - 7, point[1] / 64};
  }
  const ReferenceBox box = BoxOfUnion(fronts);
  const ReferenceBox scaled_box = BoxOfUnion(scaled);
  // (12 - 1) x (320 - 100); {1, 300} and {3, 200} cover 11 * 20 + 9 * 100 of it.
  EXPECT_NEAR(HypervolumeShare(fronts[0], box), (11.0 * 20 + 9 * 100) / (11 * 220), 1e-12);
  EXPECT_NEAR(HypervolumeShare(scaled[0], scaled_box), HypervolumeShare(fronts[0], box), 1e-12);
}

TEST(HypervolumeShare, IsOneOfTheIdealAndZeroBeyondTheReference) {
  const ReferenceBox box{{0, 0, 0}, {2, 3, 4}};
  EXPECT_DOUBLE_EQ(HypervolumeShare(std::vector<Point>{{0, 0, 0}}, box), 1);
  EXPECT_DOUBLE_EQ(HypervolumeShare(std::vector<Point>{{-1, 0, 0}}, box), 1);
  EXPECT_EQ(HypervolumeShare(std::vector<Point>{{0, 0, 5}}, box), 0);
  EXPECT_EQ(HypervolumeShare({}, box), 0);
  EXPECT_EQ(HypervolumeShare({}, ReferenceBox{}), 0);
}

TEST(HypervolumeShare, RefusesMoreThanThreeObjectives) {
  const ReferenceBox box{{0, 0, 0, 0}, {1, 1, 1, 1}};
  EXPECT_THROW((void)HypervolumeShare({}, box), Error);
}

}  // namespace
}  // namespace lts

#include "lts/profile/pictures.h"

#include <gtest/gtest.h>

#include "lts/profile/profile_test_support.h"
#include "lts/profile/request_fit.h"

namespace lts {
namespace {

TEST(ProfilePanels, ShowEveryPointAndTheFittedLines) {
  Rng rng(1);
  const CostProfile profile = MadeUpProfile(
      {1, 16, 64, 128, 256, 512, 1024}, {1, 4, 16},
      [](double p, double o) { return 0.05 + 1e-4 * p + 0.01 * (o - 1); }, 0.01, 0, rng);
  const std::vector<ScatterPanel> panels = ProfilePanels(profile, FitRequests(profile));
  ASSERT_EQ(panels.size(), 4U);
  EXPECT_EQ(panels[0].lines.size(), 4U);
  EXPECT_EQ(panels[0].points.size(), 4U * 3U);
  EXPECT_EQ(panels[0].points.back().x, 16);
  EXPECT_NEAR(panels[0].lines.back().back().y, 50 + 102.4 + 150, 1);  // of 1024 tokens
  EXPECT_EQ(panels[1].points.size(), 7U);
  EXPECT_EQ(panels[2].points.size(), profile.points.size());
  EXPECT_NEAR(panels[3].points.front().y, 1, 0.05);  // per cent
}

TEST(CapabilityPanels, JoinTheFrontOfEachScenario) {
  const std::vector<Capability> points = {
      {"t", "a", 0.5, 1}, {"t", "b", 0.4, 2}, {"s", "a", 0.3, 1}, {"t", "c", 0.9, 3}};
  const std::vector<ScatterPanel> panels = CapabilityPanels(points);
  ASSERT_EQ(panels.size(), 2U);
  EXPECT_EQ(panels[1].points.size(), 3U);
  ASSERT_EQ(panels[1].lines.at(0).size(), 2U);
  EXPECT_EQ(panels[1].lines[0][1].y, 0.9);
}

}  // namespace
}  // namespace lts

#include "lts/search/cover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Gap, IsTheFactorThatIsMissingInTheWorstObjective) {
  EXPECT_EQ(Gap({1, 2}, {1, 2}), 0);
  EXPECT_EQ(Gap({1, 2}, {3, 4}), 0);
  EXPECT_DOUBLE_EQ(Gap({1.1, 3}, {1, 2}), 0.5);
  // Maximised: -8 is to become -10.
  EXPECT_DOUBLE_EQ(Gap({-8, 1}, {-10, 1}), 0.25);
  EXPECT_EQ(Gap({-8, 1}, {-8, 1}), 0);
  EXPECT_TRUE(std::isinf(Gap({1}, {0})));
  EXPECT_TRUE(std::isinf(Gap({1}, {-1})));
}

// Points 0..4 in a row: each candidate covers itself and its neighbours at a gap of 1.
TEST(GreedyCover, TakesWhatCoversMostUntilAllIsCovered) {
  constexpr std::size_t kN = 5;
  std::vector<double> gaps;
  for (std::size_t c = 0; c < kN; ++c) {
    for (std::size_t p = 0; p < kN; ++p)
      gaps.push_back(std::abs(static_cast<double>(c) - static_cast<double>(p)));
  }
  const std::vector<double> open(kN, 9);
  EXPECT_THAT(GreedyCover(gaps, open, 2, 5), ElementsAre(2));
  EXPECT_THAT(GreedyCover(gaps, open, 1, 5), ElementsAre(1, 3));
  EXPECT_THAT(GreedyCover(gaps, open, 0, 5), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(GreedyCover(gaps, open, 9, 5), IsEmpty());
  EXPECT_THAT(GreedyCover(gaps, std::vector<double>{0, 0, 0, 9, 9}, 1, 5), ElementsAre(3));
  EXPECT_EQ(GreedyCover(gaps, open, 0, 2).size(), 3U);  // one too many says that it was not enough
  EXPECT_THAT(GreedyCover(gaps, open, -1, 5), IsEmpty());
}

}  // namespace
}  // namespace lts

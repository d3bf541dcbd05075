#include "lts/quality/ranking.h"

#include <gtest/gtest.h>

#include <vector>

namespace lts {
namespace {

TEST(IsoParameterRho, IsTheMeanOverPartsOfSimilarSize) {
  // Sorted by size: three small models in order, three large ones reversed.
  const std::vector<double> size{6, 1, 5, 2, 4, 3};
  const std::vector<double> truth{1, 30, 2, 20, 3, 10};
  const std::vector<double> prediction{3, 30, 2, 20, 1, 10};
  EXPECT_DOUBLE_EQ(IsoParameterRho(size, prediction, truth, 2).value(), 0);
  EXPECT_DOUBLE_EQ(IsoParameterRho(size, truth, truth, 2).value(), 1);
}

TEST(IsoParameterRho, GivesTheFirstPartsTheModelsLeftOver) {
  // Seven models in two parts: four, then three.
  const std::vector<double> size{1, 2, 3, 4, 5, 6, 7};
  const std::vector<double> truth{7, 6, 5, 1, 4, 3, 2};
  const std::vector<double> by_size{7, 6, 5, 4, 3, 2, 1};
  EXPECT_DOUBLE_EQ(IsoParameterRho(size, by_size, truth, 2).value(), 1);
  const std::vector<double> fourth_last{7, 6, 5, 8, 3, 2, 1};  // of the first part the worst
  EXPECT_DOUBLE_EQ(IsoParameterRho(size, fourth_last, truth, 2).value(), (-0.2 + 1) / 2);
}

TEST(IsoParameterRho, CountsAConstantPredictionAsNothing) {
  const std::vector<double> size{1, 2, 3};
  EXPECT_DOUBLE_EQ(
      IsoParameterRho(size, std::vector<double>{5, 5, 5}, std::vector<double>{3, 2, 1}, 1).value(),
      0);
}

TEST(IsoParameterRho, IsAbsentWhereEveryPartIsTooSmall) {
  const std::vector<double> x{1, 2, 3, 4};
  EXPECT_FALSE(IsoParameterRho(x, x, x, 2).has_value());
}

TEST(RhoBySize, LooksInsideEachGroup) {
  // Three of less than 5 M in order, three from 5 M on reversed, two of more than 40 M.
  const std::vector<double> size{5e6, 1e6, 6e6, 2e6, 9.9e6, 4.9e6, 50e6, 40e6};
  const std::vector<double> truth{1, 30, 2, 20, 3, 10, 5, 6};
  const std::vector<double> prediction{3, 30, 2, 20, 1, 10, 5, 6};
  const auto rho = RhoBySize(size, prediction, truth);
  EXPECT_DOUBLE_EQ(rho[0].value(), 1);
  EXPECT_DOUBLE_EQ(rho[1].value(), -1);
  for (std::size_t group = 2; group < kSizeGroupCount; ++group) {
    EXPECT_FALSE(rho[group].has_value()) << group;
  }
}

TEST(PairAgreement, LooksOnlyAtPairsOfSimilarSize) {
  const std::vector<double> size{100, 95, 50};
  const std::vector<double> truth{1, 2, 3};
  EXPECT_DOUBLE_EQ(PairAgreement(size, std::vector<double>{1, 2, 0}, truth).value(), 1);
  EXPECT_DOUBLE_EQ(PairAgreement(size, std::vector<double>{2, 1, 9}, truth).value(), -1);
  EXPECT_DOUBLE_EQ(PairAgreement(size, std::vector<double>{1, 1, 9}, truth).value(), 0);
  EXPECT_FALSE(PairAgreement(std::vector<double>{1, 2, 3}, truth, truth).has_value());
}

TEST(PairAgreement, LeavesOutPairsExactlyAtTheTolerance) {
  EXPECT_FALSE(PairAgreement(std::vector<double>{90, 100}, std::vector<double>{1, 2},
                             std::vector<double>{1, 2}, 0.1)
                   .has_value());
}

TEST(PairAgreement, AModelAndItsDoubleAreNoPair) {
  const std::vector<double> size{100, 100, 95};
  const std::vector<double> truth{1, 1, 2};
  EXPECT_DOUBLE_EQ(PairAgreement(size, std::vector<double>{1, 1, 2}, truth).value(), 1);
  EXPECT_DOUBLE_EQ(PairAgreement(size, std::vector<double>{2, 2, 2}, truth).value(), 0);
}

TEST(CommonRatio, IsTheShareOfTheBestThatIsFound) {
  const std::vector<double> truth{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const std::vector<double> prediction{2, 9, 1, 3, 4, 5, 6, 7, 8, 10};
  EXPECT_DOUBLE_EQ(CommonRatio(prediction, truth, 0.1), 0);        // picks the third
  EXPECT_DOUBLE_EQ(CommonRatio(prediction, truth, 0.3), 2.0 / 3);  // the first, third and fourth
  EXPECT_DOUBLE_EQ(CommonRatio(prediction, truth, 0.39), 2.0 / 3);
  EXPECT_DOUBLE_EQ(CommonRatio(prediction, truth, 1), 1);
  EXPECT_DOUBLE_EQ(CommonRatio(prediction, truth, 0.001), 0);  // one model at least
}

TEST(SelectionRegret, IsWhatThePickLosesUnderEveryCap) {
  // The dearer of two: feasible under the last cap alone, where the prediction picks it though it
  // is 10 % worse.
  const std::vector<double> cost{1, 2};
  EXPECT_NEAR(SelectionRegret(cost, std::vector<double>{5, 4}, std::vector<double>{10, 11}),
              10.0 / 19, 1e-9);
  EXPECT_DOUBLE_EQ(SelectionRegret(cost, std::vector<double>{4, 5}, std::vector<double>{10, 11}),
                   0);
  // Under the other 18 caps it has no choice, and under the last it picks the worse cheap one.
  EXPECT_NEAR(SelectionRegret(cost, std::vector<double>{4, 5}, std::vector<double>{11, 10}),
              10.0 / 19, 1e-9);
}

TEST(Rank, ABootstrapIntervalHoldsTheValueAndIsTheSameForTheSameSeed) {
  RankingSet set;
  std::vector<double> prediction;
  Rng rng(7);
  for (int i = 0; i < 60; ++i) {
    set.truth.push_back(20 + rng.Uniform());
    set.size.push_back(1000 + i);
    prediction.push_back(set.truth.back() + 0.3 * rng.Uniform());
  }
  set.costs.push_back({"parameters", set.size});
  const std::vector<double> fractions{0.1, 0.5};
  const Ranking ranking = Rank(set, prediction, fractions, 200, Rng(1));
  const Ranking again = Rank(set, prediction, fractions, 200, Rng(1));
  EXPECT_EQ(ranking.kendall.interval, again.kendall.interval);
  EXPECT_LT(ranking.kendall.interval.low, ranking.kendall.value);
  EXPECT_GT(ranking.kendall.interval.high, ranking.kendall.value);
  EXPECT_LT(ranking.kendall.interval.high - ranking.kendall.interval.low, 0.3);
  EXPECT_EQ(ranking.spearman.value, Spearman(prediction, set.truth));
  EXPECT_EQ(ranking.common_ratio.size(), 2U);
  ASSERT_EQ(ranking.regret.size(), 1U);
  EXPECT_EQ(ranking.regret[0].value, SelectionRegret(set.size, prediction, set.truth));
}

TEST(Rank, WithoutResamplesTheIntervalIsTheValue) {
  const RankingSet set{{3, 2, 1}, {1, 2, 3}, {}};
  const Ranking ranking = Rank(set, std::vector<double>{3, 1, 2}, {}, 0, Rng(1));
  EXPECT_EQ(ranking.spearman.interval, (Interval{ranking.spearman.value, ranking.spearman.value}));
  EXPECT_FALSE(ranking.iso_rho.has_value());
}

}  // namespace
}  // namespace lts

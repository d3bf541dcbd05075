#include "lts/base/stats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace lts {
namespace {

// 1, 2, ..., n in an order that is not sorted: an order statistic's value is its rank.
std::vector<double> Ranks(int n) {
  std::vector<double> x;
  for (int i = 0; i < n; ++i) x.push_back(1 + (i * 7 + 3) % n);  // n is no multiple of 7
  return x;
}

TEST(StatsTest, MeanAndDeviation) {
  const std::vector<double> x = {2, 4, 4, 4, 5, 5, 7, 9};
  EXPECT_DOUBLE_EQ(Mean(x), 5);
  EXPECT_DOUBLE_EQ(StandardDeviation(x), std::sqrt(32.0 / 7));
  EXPECT_DOUBLE_EQ(CoefficientOfVariation(x), std::sqrt(32.0 / 7) / 5);
}

TEST(StatsTest, OneSampleDoesNotDeviate) {
  const std::vector<double> x = {3};
  EXPECT_EQ(StandardDeviation(x), 0);
  EXPECT_EQ(CoefficientOfVariation(x), 0);
  EXPECT_EQ(Median(x), 3);
  EXPECT_EQ(Quantile(x, 0.95), 3);
  EXPECT_EQ(MedianInterval(x), (Interval{3, 3}));
}

TEST(StatsTest, CoefficientOfVariationOfNegativeSamplesIsPositive) {
  EXPECT_DOUBLE_EQ(CoefficientOfVariation(std::vector<double>{-1, -3}), std::sqrt(2.0) / 2);
  EXPECT_EQ(CoefficientOfVariation(std::vector<double>{0, 0}), 0);
}

TEST(StatsTest, MedianOfEvenCountIsTheMiddle) {
  EXPECT_EQ(Median(std::vector<double>{9, 1, 3}), 3);
  EXPECT_EQ(Median(std::vector<double>{9, 1, 3, 4}), 3.5);
}

TEST(StatsTest, QuantileInterpolatesAsNumpy) {
  const std::vector<double> x = {15, 20, 35, 40, 50};
  EXPECT_DOUBLE_EQ(Quantile(x, 0), 15);
  EXPECT_DOUBLE_EQ(Quantile(x, 0.05), 16);  // numpy.quantile: 16.0
  EXPECT_DOUBLE_EQ(Quantile(x, 0.4), 29);   // 29.0
  EXPECT_DOUBLE_EQ(Quantile(x, 0.95), 48);  // 48.0
  EXPECT_DOUBLE_EQ(Quantile(x, 1), 50);
}

TEST(StatsTest, MedianIntervalMatchesPublishedRanks) {
  // Ranks of the 95 % interval of a median: Conover 1999, table A3 / Gibbons & Chakraborti, table
  // G.
  EXPECT_EQ(MedianInterval(Ranks(6)), (Interval{1, 6}));     // coverage 96.9 %
  EXPECT_EQ(MedianInterval(Ranks(8)), (Interval{1, 8}));     // 99.2 %; [2, 7] has 93.0 %
  EXPECT_EQ(MedianInterval(Ranks(9)), (Interval{2, 8}));     // 96.1 %
  EXPECT_EQ(MedianInterval(Ranks(10)), (Interval{2, 9}));    // 97.9 %
  EXPECT_EQ(MedianInterval(Ranks(15)), (Interval{4, 12}));   // 96.5 %
  EXPECT_EQ(MedianInterval(Ranks(20)), (Interval{6, 15}));   // 95.9 %
  EXPECT_EQ(MedianInterval(Ranks(25)), (Interval{8, 18}));   // 95.7 %
  EXPECT_EQ(MedianInterval(Ranks(50)), (Interval{18, 33}));  // 96.7 %
}

TEST(StatsTest, MedianIntervalOfFewSamplesIsTheirRange) {
  for (int n = 1; n <= 5; ++n) {
    EXPECT_EQ(MedianInterval(Ranks(n)), (Interval{1, static_cast<double>(n)})) << n;
  }
}

TEST(StatsTest, MedianIntervalFollowsTheConfidence) {
  EXPECT_EQ(MedianInterval(Ranks(9), 0.99), (Interval{1, 9}));  // [2, 8] covers 96.1 % alone
  // [4, 6] covers 1 - 2 * 130 / 512 = 49.2 %.
  EXPECT_EQ(MedianInterval(Ranks(9), 0.5), (Interval{3, 7}));
  EXPECT_EQ(MedianInterval(Ranks(9), 0.49), (Interval{4, 6}));
}

TEST(StatsTest, MedianIntervalOfManySamplesFollowsTheNormalLimit) {
  constexpr int kSamples = 10'000;
  const Interval interval = MedianInterval(Ranks(kSamples));
  // n / 2 -+ 1.96 * sqrt(n) / 2 = 5000 -+ 98
  EXPECT_NEAR(interval.low, 4902, 2);
  EXPECT_NEAR(interval.high, 5099, 2);
}

TEST(StatsTest, SpearmanOfAWorkedExampleWithTies) {
  // Ranks of x: 1 2.5 2.5 4, of y: 1 3 2 4; the correlation of these ranks is 4.5 / sqrt(4.5 * 5).
  const std::vector<double> x = {10, 20, 20, 30};
  const std::vector<double> y = {1, 3, 2, 4};
  EXPECT_DOUBLE_EQ(Spearman(x, y), 4.5 / std::sqrt(4.5 * 5));
}

TEST(StatsTest, SpearmanWithoutTiesFollowsTheShortFormula) {
  // 1 - 6 * sum d^2 / (n (n^2 - 1)) with d = (-4, -1, 1, 3, 1): sum 28, n = 5: 1 - 168 / 120.
  EXPECT_DOUBLE_EQ(Spearman(std::vector<double>{1, 2, 3, 4, 5}, std::vector<double>{5, 3, 2, 1, 4}),
                   1 - 6 * (16 + 1 + 1 + 9 + 1) / 120.0);
}

TEST(StatsTest, LineHasTheLeastSquares) {
  const Line line = FitLine(std::vector<double>{0, 1, 2, 3}, std::vector<double>{1, 3, 4, 8});
  EXPECT_DOUBLE_EQ(line.slope, 2.2);
  EXPECT_DOUBLE_EQ(line.offset, 0.7);
  const Line flat = FitLine(std::vector<double>{2, 2}, std::vector<double>{1, 3});
  EXPECT_EQ(flat.slope, 0);
  EXPECT_EQ(flat.offset, 2);
}

TEST(StatsTest, CorrelationsReachOneAndMinusOne) {
  const std::vector<double> x = {1, 2, 3, 4};
  const std::vector<double> up = {1, 10, 100, 1000};
  const std::vector<double> down = {4, 3, 2, -1};
  EXPECT_DOUBLE_EQ(Spearman(x, up), 1);
  EXPECT_DOUBLE_EQ(Spearman(x, down), -1);
  EXPECT_DOUBLE_EQ(KendallTauB(x, up), 1);
  EXPECT_DOUBLE_EQ(KendallTauB(x, down), -1);
}

TEST(StatsTest, CorrelationWithAConstantIsZero) {
  const std::vector<double> x = {1, 2, 3};
  const std::vector<double> constant = {5, 5, 5};
  EXPECT_EQ(Spearman(x, constant), 0);
  EXPECT_EQ(KendallTauB(constant, x), 0);
}

TEST(StatsTest, KendallOfAWorkedExampleWithTies) {
  // Six pairs: one tied in x, five concordant but for (20, 3) against (30, 2): 4 concordant, 1
  // discordant.
  const std::vector<double> x = {10, 20, 20, 30};
  const std::vector<double> y = {1, 4, 2, 3};
  EXPECT_DOUBLE_EQ(KendallTauB(x, y), (4 - 1) / std::sqrt(5.0 * 6.0));
}

}  // namespace
}  // namespace lts

#include "lts/base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace lts {
namespace {

struct Moments {
  double mean = 0;
  double variance = 0;
  double skewness = 0;
  double kurtosis = 0;
};

template <typename T>
Moments MomentsOf(const std::vector<T>& x) {
  Moments m;
  const auto n = static_cast<double>(x.size());
  for (const T v : x) m.mean += static_cast<double>(v) / n;
  double third = 0;
  double fourth = 0;
  for (const T v : x) {
    const double d = static_cast<double>(v) - m.mean;
    m.variance += d * d / n;
    third += d * d * d / n;
    fourth += d * d * d * d / n;
  }
  m.skewness = third / std::pow(m.variance, 1.5);
  m.kurtosis = fourth / (m.variance * m.variance);
  return m;
}

TEST(RngTest, DrawsTheSameNumbersOnEveryMachine) {
  // From an independent program after the authors' public-domain C: splitmix64 for the state, then
  // xoshiro256++.
  Rng zero(0);
  EXPECT_EQ(zero.Next(), 5987356902031041503u);
  EXPECT_EQ(zero.Next(), 7051070477665621255u);
  EXPECT_EQ(zero.Next(), 6633766593972829180u);
  EXPECT_EQ(zero.Next(), 211316841551650330u);
  EXPECT_EQ(Rng(42).Next(), 15021278609987233951u);
  EXPECT_EQ(Rng(~std::uint64_t{0}).Next(), 6254647548650071986u);
}

TEST(RngTest, SplitsIntoStreamsThatDiffer) {
  const Rng parent(1);
  EXPECT_EQ(parent.Split(3).Next(), parent.Split(3).Next());
  std::vector<std::uint64_t> firsts = {Rng(1).Next(), Rng(2).Split(0).Next()};
  for (std::uint64_t key = 0; key < 1000; ++key) firsts.push_back(parent.Split(key).Next());
  std::sort(firsts.begin(), firsts.end());
  EXPECT_EQ(std::adjacent_find(firsts.begin(), firsts.end()), firsts.end());
}

TEST(RngTest, SplitDependsOnWhatWasDrawn) {
  Rng rng(1);
  const std::uint64_t before = rng.Split(0).Next();
  rng.Next();
  EXPECT_NE(rng.Split(0).Next(), before);
}

TEST(RngTest, UniformStaysBelowOneAndFillsTheRange) {
  Rng rng(3);
  std::vector<double> x(100'000);
  for (double& v : x) v = rng.Uniform();
  EXPECT_GE(*std::min_element(x.begin(), x.end()), 0);
  EXPECT_LT(*std::max_element(x.begin(), x.end()), 1);
  const Moments m = MomentsOf(x);
  EXPECT_NEAR(m.mean, 0.5, 0.005);
  EXPECT_NEAR(m.variance, 1.0 / 12, 0.002);
}

TEST(RngTest, BelowIsUniform) {
  Rng rng(4);
  constexpr int kDraws = 70'000;
  std::vector<int> counts(7);
  for (int i = 0; i < kDraws; ++i) ++counts[static_cast<std::size_t>(rng.Below(7))];
  double chi_squared = 0;
  for (const int count : counts) chi_squared += (count - 10'000) * (count - 10'000) / 10'000.0;
  EXPECT_LT(chi_squared, 22.5);  // 99.9 % quantile for 6 degrees of freedom
}

TEST(RngTest, BelowIsUniformWhereTheRangeDoesNotDivideTwoToThe64) {
  // A plain product or remainder would draw the lower third of 3 * 2^61 clearly more often than a
  // third of the time.
  Rng rng(5);
  constexpr std::int64_t kRange = 3 * (std::int64_t{1} << 61);
  int lower = 0;
  constexpr int kDraws = 30'000;
  for (int i = 0; i < kDraws; ++i) {
    const std::int64_t value = rng.Below(kRange);
    ASSERT_GE(value, 0);
    ASSERT_LT(value, kRange);
    lower += value < kRange / 3;
  }
  EXPECT_NEAR(lower, kDraws / 3, 400);  // 5 sigma
}

TEST(RngTest, BetweenIncludesBothEnds) {
  Rng rng(6);
  std::vector<int> seen(3);
  for (int i = 0; i < 200; ++i) ++seen[static_cast<std::size_t>(rng.Between(-1, 1) + 1)];
  for (const int count : seen) EXPECT_GT(count, 30);
  EXPECT_EQ(rng.Between(5, 5), 5);
  EXPECT_EQ(rng.Between(INT64_MAX, INT64_MAX), INT64_MAX);
}

TEST(RngTest, BetweenTakesTheWholeRangeOfIntegers) {
  Rng rng(7);
  int negative = 0;
  for (int i = 0; i < 1000; ++i) negative += rng.Between(INT64_MIN, INT64_MAX) < 0;
  EXPECT_NEAR(negative, 500, 80);
  for (int i = 0; i < 100; ++i) EXPECT_GE(rng.Between(-1, INT64_MAX), -1);
  for (int i = 0; i < 100; ++i) EXPECT_GE(rng.Between(0, INT64_MAX), 0);
}

TEST(RngTest, BernoulliOfZeroAndOneIsCertain) {
  Rng rng(8);
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_FALSE(rng.Bernoulli(0));
    EXPECT_TRUE(rng.Bernoulli(1));
    hits += rng.Bernoulli(0.3);
  }
  EXPECT_NEAR(hits, 3000, 230);  // 5 sigma
}

TEST(RngTest, NormalHasTheMomentsOfANormal) {
  Rng rng(9);
  std::vector<double> x(200'000);
  for (double& v : x) v = rng.Normal();
  const Moments m = MomentsOf(x);
  EXPECT_NEAR(m.mean, 0, 0.012);
  EXPECT_NEAR(m.variance, 1, 0.016);
  EXPECT_NEAR(m.skewness, 0, 0.03);
  EXPECT_NEAR(m.kurtosis, 3, 0.06);
}

TEST(RngTest, ShuffleReachesEveryOrderEquallyOften) {
  Rng rng(10);
  std::vector<int> counts(6);
  for (int i = 0; i < 6000; ++i) {
    std::vector<int> order = {0, 1, 2};
    rng.Shuffle(std::span<int>(order));
    ++counts[static_cast<std::size_t>(order[0] * 2 + (order[1] > order[2]))];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 145);  // 5 sigma
}

TEST(RngTest, ChoiceTakesEveryElement) {
  Rng rng(11);
  const std::vector<int> values = {10, 20, 30};
  int sum = 0;
  for (int i = 0; i < 3000; ++i) sum += rng.Choice(std::span<const int>(values));
  EXPECT_NEAR(sum, 60'000, 2300);  // 5 sigma
}

TEST(FillNormalLikeTest, HasMeanZeroAndTheGivenDeviation) {
  std::vector<float> x(1'000'000);
  FillNormalLike(x, 0.02F, 1, 2);
  const Moments m = MomentsOf(x);
  EXPECT_NEAR(m.mean, 0, 0.02 * 0.005);
  EXPECT_NEAR(std::sqrt(m.variance), 0.02, 0.02 * 0.005);
  EXPECT_NEAR(m.skewness, 0, 0.01);
  EXPECT_NEAR(m.kurtosis, 3 - 1.2 / 4, 0.02);  // of four uniforms
  const double widest = 0.02 * std::sqrt(12.0) * 1.001;
  EXPECT_LE(*std::max_element(x.begin(), x.end()), widest);
  EXPECT_GE(*std::min_element(x.begin(), x.end()), -widest);
}

TEST(FillNormalLikeTest, NeighboursStreamsAndSeedsAreUncorrelated) {
  constexpr std::size_t kCount = 100'000;
  std::vector<float> base(kCount);
  FillNormalLike(base, 1, 1, 2);
  const auto correlation = [&](std::span<const float> other) {
    double sum = 0;
    for (std::size_t i = 0; i < other.size(); ++i) sum += static_cast<double>(base[i]) * other[i];
    return sum / kCount;
  };
  EXPECT_NEAR(correlation(std::span(base).subspan(1)), 0, 0.016);  // 5 sigma
  std::vector<float> other(kCount);
  for (const auto& [seed, key] :
       {std::pair{1, 3}, std::pair{2, 2}, std::pair{2, 1}, std::pair{0, 2}}) {
    FillNormalLike(other, 1, static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(key));
    EXPECT_NEAR(correlation(other), 0, 0.016) << seed << " " << key;
  }
}

TEST(FillNormalLikeTest, AnySplitGivesEqualValues) {
  std::vector<float> whole(1001);
  FillNormalLike(whole, 0.5F, 9, 9);
  for (const std::size_t at : {0, 1, 2, 63, 500, 1000, 1001}) {
    std::vector<float> parts(whole.size());
    FillNormalLike(std::span(parts).first(at), 0.5F, 9, 9);
    FillNormalLike(std::span(parts).subspan(at), 0.5F, 9, 9, at);
    EXPECT_EQ(parts, whole) << at;
  }
}

TEST(FillNormalLikeTest, DrawsTheSameNumbersOnEveryMachine) {
  std::vector<float> x(3);
  FillNormalLike(x, 1, 0, 0);
  const std::vector<float> again = {0.32711169123649597F, -2.176057815551758F,
                                    -0.044797152280807495F};
  EXPECT_EQ(x, again);
}

}  // namespace
}  // namespace lts

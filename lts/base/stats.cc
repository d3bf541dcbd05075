#include "lts/base/stats.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "lts/base/error.h"

namespace lts {
namespace {

std::vector<double> Sorted(std::span<const double> x) {
  LTS_CHECK(!x.empty());
  LTS_DCHECK(std::none_of(x.begin(), x.end(), [](double v) { return std::isnan(v); }));
  std::vector<double> sorted(x.begin(), x.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

double QuantileOfSorted(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  const double fraction = place - static_cast<double>(below);
  if (fraction == 0) return sorted[below];
  return sorted[below] + fraction * (sorted[below + 1] - sorted[below]);
}

// 1-based ranks; equal values share the mean of their ranks.
std::vector<double> MidRanks(std::span<const double> x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> ranks(x.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    const double rank = (static_cast<double>(begin + 1) + static_cast<double>(end)) / 2;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

}  // namespace

double Mean(std::span<const double> x) {
  LTS_CHECK(!x.empty());
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double StandardDeviation(std::span<const double> x) {
  const double mean = Mean(x);
  if (x.size() == 1) return 0;
  double squares = 0;
  for (const double v : x) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / static_cast<double>(x.size() - 1));
}

double CoefficientOfVariation(std::span<const double> x) {
  const double deviation = StandardDeviation(x);
  return deviation == 0 ? 0 : deviation / std::abs(Mean(x));
}

double Median(std::span<const double> x) { return QuantileOfSorted(Sorted(x), 0.5); }

double Quantile(std::span<const double> x, double q) {
  LTS_CHECK(q >= 0 && q <= 1);
  return QuantileOfSorted(Sorted(x), q);
}

Interval MedianInterval(std::span<const double> x, double confidence) {
  LTS_CHECK(confidence >= 0 && confidence < 1);
  const std::vector<double> sorted = Sorted(x);
  const auto n = static_cast<double>(sorted.size());
  // The pair (x[k], x[n - 1 - k]) misses the median when at most k samples fall on one side of it,
  // which each side does with probability `tail` = P(Binomial(n, 1/2) <= k). Take the last k whose
  // two tails are small enough.
  std::size_t widest = 0;
  double tail = 0;
  for (std::size_t k = 0; 2 * k + 1 <= sorted.size(); ++k) {
    const auto successes = static_cast<double>(k);
    tail += std::exp(std::lgamma(n + 1) - std::lgamma(successes + 1) -
                     std::lgamma(n - successes + 1) - n * std::numbers::ln2);
    if (1 - 2 * tail < confidence) break;
    widest = k;
  }
  return {sorted[widest], sorted[sorted.size() - 1 - widest]};
}

Line FitLine(std::span<const double> x, std::span<const double> y) {
  LTS_CHECK(x.size() == y.size() && !x.empty());
  const double mean_x = Mean(x);
  const double mean_y = Mean(y);
  double xy = 0;
  double xx = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
  }
  const double slope = xx > 0 ? xy / xx : 0;
  return {mean_y - slope * mean_x, slope};
}

double Spearman(std::span<const double> x, std::span<const double> y) {
  LTS_CHECK(x.size() == y.size() && x.size() >= 2);
  const std::vector<double> rank_x = MidRanks(x);
  const std::vector<double> rank_y = MidRanks(y);
  const double mean = (static_cast<double>(x.size()) + 1) / 2;
  double xy = 0;
  double xx = 0;
  double yy = 0;
  for (std::size_t i = 0; i < rank_x.size(); ++i) {
    xy += (rank_x[i] - mean) * (rank_y[i] - mean);
    xx += (rank_x[i] - mean) * (rank_x[i] - mean);
    yy += (rank_y[i] - mean) * (rank_y[i] - mean);
  }
  return xx == 0 || yy == 0 ? 0 : xy / std::sqrt(xx * yy);
}

double KendallTauB(std::span<const double> x, std::span<const double> y) {
  LTS_CHECK(x.size() == y.size() && x.size() >= 2);
  const auto sign = [](double v) { return static_cast<int>(v > 0) - static_cast<int>(v < 0); };
  std::int64_t balance = 0;  // concordant - discordant pairs
  std::int64_t differ_x = 0;
  std::int64_t differ_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = i + 1; j < x.size(); ++j) {
      const int sx = sign(x[i] - x[j]);
      const int sy = sign(y[i] - y[j]);
      balance += std::int64_t{sx} * sy;
      differ_x += sx != 0;
      differ_y += sy != 0;
    }
  }
  if (differ_x == 0 || differ_y == 0) return 0;
  return static_cast<double>(balance) /
         std::sqrt(static_cast<double>(differ_x) * static_cast<double>(differ_y));
}

}  // namespace lts

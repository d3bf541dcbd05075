#include "lts/quality/ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr std::int64_t kFewestInBin = 3;
constexpr int kFirstCap = 2;  // in twentieths
constexpr int kLastCap = 20;

// The indices of `values` from the smallest to the largest; equal ones as they stand.
std::vector<std::size_t> Order(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

std::vector<double> Take(std::span<const double> values, std::span<const std::size_t> indices) {
  std::vector<double> taken;
  taken.reserve(indices.size());
  for (const std::size_t index : indices) taken.push_back(values[index]);
  return taken;
}

int Sign(double x) { return static_cast<int>(x > 0) - static_cast<int>(x < 0); }

// The values of one resample, in a fixed order; NaN where one is absent.
std::vector<double> Scores(const RankingSet& set, std::span<const double> prediction,
                           std::span<const double> fractions) {
  constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> scores{Spearman(prediction, set.truth), KendallTauB(prediction, set.truth),
                             IsoParameterRho(set.size, prediction, set.truth).value_or(kAbsent),
                             PairAgreement(set.size, prediction, set.truth).value_or(kAbsent)};
  for (const double fraction : fractions) {
    scores.push_back(CommonRatio(prediction, set.truth, fraction));
  }
  for (const RankingCost& cost : set.costs) {
    scores.push_back(SelectionRegret(cost.values, prediction, set.truth));
  }
  return scores;
}

RankingSet Resample(const RankingSet& set, std::span<const std::size_t> indices) {
  RankingSet sample{Take(set.truth, indices), Take(set.size, indices), {}};
  for (const RankingCost& cost : set.costs) {
    sample.costs.push_back({cost.name, Take(cost.values, indices)});
  }
  return sample;
}

}  // namespace

std::optional<double> IsoParameterRho(std::span<const double> size,
                                      std::span<const double> prediction,
                                      std::span<const double> truth, std::int64_t bins) {
  LTS_CHECK(size.size() == prediction.size() && size.size() == truth.size() && bins >= 1);
  const std::vector<std::size_t> order = Order(size);
  const std::int64_t n = std::ssize(order);
  double sum = 0;
  std::int64_t counted = 0;
  std::int64_t at = 0;
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    const std::int64_t length = n / bins + (bin < n % bins ? 1 : 0);
    const auto part =
        std::span(order).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(length));
    at += length;
    if (length < kFewestInBin) continue;
    sum += Spearman(Take(prediction, part), Take(truth, part));
    ++counted;
  }
  if (counted == 0) return std::nullopt;
  return sum / static_cast<double>(counted);
}

std::array<std::optional<double>, kSizeGroupCount> RhoBySize(std::span<const double> size,
                                                             std::span<const double> prediction,
                                                             std::span<const double> truth) {
  LTS_CHECK(size.size() == prediction.size() && size.size() == truth.size());
  std::array<std::vector<std::size_t>, kSizeGroupCount> members;
  for (std::size_t i = 0; i < size.size(); ++i) {
    const auto group = std::ranges::upper_bound(kSizeGroups, size[i]) - kSizeGroups.begin();
    members[static_cast<std::size_t>(group)].push_back(i);
  }
  std::array<std::optional<double>, kSizeGroupCount> rho;
  for (std::size_t group = 0; group < kSizeGroupCount; ++group) {
    if (std::ssize(members[group]) < kFewestInBin) continue;
    rho[group] = Spearman(Take(prediction, members[group]), Take(truth, members[group]));
  }
  return rho;
}

std::optional<double> PairAgreement(std::span<const double> size,
                                    std::span<const double> prediction,
                                    std::span<const double> truth, double tolerance) {
  LTS_CHECK(size.size() == prediction.size() && size.size() == truth.size());
  std::int64_t balance = 0;
  std::int64_t pairs = 0;
  for (std::size_t i = 0; i < size.size(); ++i) {
    for (std::size_t j = i + 1; j < size.size(); ++j) {
      const double larger = std::max(size[i], size[j]);
      if (larger - std::min(size[i], size[j]) >= tolerance * larger) continue;
      if (prediction[i] == prediction[j] && truth[i] == truth[j]) continue;
      balance += Sign(prediction[i] - prediction[j]) * Sign(truth[i] - truth[j]);
      ++pairs;
    }
  }
  if (pairs == 0) return std::nullopt;
  return static_cast<double>(balance) / static_cast<double>(pairs);
}

double CommonRatio(std::span<const double> prediction, std::span<const double> truth,
                   double fraction) {
  LTS_CHECK(prediction.size() == truth.size() && !truth.empty());
  LTS_CHECK(fraction > 0 && fraction <= 1);
  // A fraction such as 0.29 of 100 shall be 29 though the product is a little less.
  const double wanted = std::floor(fraction * static_cast<double>(truth.size()) + 1e-9);
  const auto count = static_cast<std::size_t>(std::max(1.0, wanted));
  std::vector<bool> is_best(truth.size());
  const std::vector<std::size_t> by_truth = Order(truth);
  for (const std::size_t index : std::span(by_truth).first(count)) is_best[index] = true;
  const std::vector<std::size_t> by_prediction = Order(prediction);
  std::size_t common = 0;
  for (const std::size_t index : std::span(by_prediction).first(count)) common += is_best[index];
  return static_cast<double>(common) / static_cast<double>(count);
}

double SelectionRegret(std::span<const double> cost, std::span<const double> prediction,
                       std::span<const double> truth) {
  LTS_CHECK(cost.size() == prediction.size() && cost.size() == truth.size() && !cost.empty());
  double sum = 0;
  for (int twentieth = kFirstCap; twentieth <= kLastCap; ++twentieth) {
    const double cap = Quantile(cost, twentieth / 20.0);
    std::optional<std::size_t> picked;
    double best = 0;
    for (std::size_t i = 0; i < cost.size(); ++i) {
      if (cost[i] > cap) continue;
      if (!picked || truth[i] < best) best = truth[i];
      if (!picked || prediction[i] < prediction[*picked]) picked = i;
    }
    sum += truth[*picked] / best - 1;  // the cheapest model is feasible under any quantile
  }
  return 100 * sum / (kLastCap - kFirstCap + 1);
}

Ranking Rank(const RankingSet& set, std::span<const double> prediction,
             std::span<const double> fractions, std::int64_t resamples, Rng rng) {
  LTS_CHECK(set.truth.size() >= 2 && prediction.size() == set.truth.size());
  const std::vector<double> values = Scores(set, prediction, fractions);
  std::vector<std::vector<double>> drawn(values.size());
  std::vector<std::size_t> indices(set.truth.size());
  for (std::int64_t resample = 0; resample < resamples; ++resample) {
    for (std::size_t& index : indices) {
      index = static_cast<std::size_t>(rng.Below(std::ssize(indices)));
    }
    const std::vector<double> scores =
        Scores(Resample(set, indices), Take(prediction, indices), fractions);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (!std::isnan(scores[i])) drawn[i].push_back(scores[i]);
    }
  }
  const auto score = [&](std::size_t i) {
    if (drawn[i].empty()) return RankingScore{values[i], {values[i], values[i]}};
    return RankingScore{values[i], {Quantile(drawn[i], 0.025), Quantile(drawn[i], 0.975)}};
  };
  const auto optional_score = [&](std::size_t i) {
    return std::isnan(values[i]) ? std::nullopt : std::optional(score(i));
  };
  Ranking ranking{score(0), score(1), optional_score(2), optional_score(3), {}, {}};
  std::size_t next = 4;
  for (std::size_t i = 0; i < fractions.size(); ++i) ranking.common_ratio.push_back(score(next++));
  for (std::size_t i = 0; i < set.costs.size(); ++i) ranking.regret.push_back(score(next++));
  return ranking;
}

}  // namespace lts

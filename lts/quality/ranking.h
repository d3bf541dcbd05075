// How well a prediction ranks models that were really trained. Lower is better for predictions and
// for truths (perplexities). Definitions are those of docs/quality.md; nothing here knows a law.
//
// Spearman and KendallTauB (base/stats.h) over models of all sizes are nearly free: whatever grows
// with size reaches 0.95. What tells laws apart is how they rank models of equal size, and what
// picking by them costs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lts/base/rng.h"
#include "lts/base/stats.h"

namespace lts {

// Mean Spearman correlation inside `bins` groups of models of similar size: sorted by size (equal
// sizes in the order given), cut in `bins` parts whose lengths differ by one at most, longer ones
// first. Parts of fewer than 3 models do not count; a part where one side is constant counts as 0.
// Absent when no part counts. All spans of equal length. bins >= 1.
std::optional<double> IsoParameterRho(std::span<const double> size,
                                      std::span<const double> prediction,
                                      std::span<const double> truth, std::int64_t bins = 10);

// Where models are cut by decoder parameters: below the first, between neighbours (the lower one
// included), from the last on.
inline constexpr std::array<double, 5> kSizeGroups{5e6, 10e6, 20e6, 30e6, 40e6};
inline constexpr std::size_t kSizeGroupCount = kSizeGroups.size() + 1;
// Spearman correlation inside each group; absent in one of fewer than 3 models.
std::array<std::optional<double>, kSizeGroupCount> RhoBySize(std::span<const double> size,
                                                             std::span<const double> prediction,
                                                             std::span<const double> truth);

// Mean sign agreement over pairs whose sizes differ by less than `tolerance` of the larger one: 1
// all in order, -1 all reversed, a tie on one side counts 0. A model and its double, as a bootstrap
// draws them, are no pair. Absent when there is no pair. O(n^2).
std::optional<double> PairAgreement(std::span<const double> size,
                                    std::span<const double> prediction,
                                    std::span<const double> truth, double tolerance = 0.1);

// The share of the best `fraction` by truth that is also among the best `fraction` by prediction.
// fraction n models each, rounded down, at least one; ties go to the earlier model. fraction in (0,
// 1].
double CommonRatio(std::span<const double> prediction, std::span<const double> truth,
                   double fraction);

// How much worse than the best feasible model is the one that the prediction picks, in percent of
// `truth`, the mean over 19 caps of `cost`: its quantiles 0.10, 0.15 ... 1.00 (linear
// interpolation). Feasible: cost <= cap. Of equal predictions the first is picked.
double SelectionRegret(std::span<const double> cost, std::span<const double> prediction,
                       std::span<const double> truth);

// Selection under a cap on some cost of its models.
struct RankingCost {
  std::string_view name;
  std::vector<double> values;  // [models]
};

// The models of one table.
struct RankingSet {
  std::vector<double> truth;  // [models] perplexity; at least 2 models
  std::vector<double> size;   // [models] decoder parameters
  std::vector<RankingCost> costs;
};

struct RankingScore {
  double value = 0;
  Interval interval;  // 95 %, by the bootstrap: models drawn with replacement, percentiles
};
struct Ranking {
  RankingScore spearman;
  RankingScore kendall;
  std::optional<RankingScore> iso_rho;
  std::optional<RankingScore> pair_agreement;
  std::vector<RankingScore> common_ratio;  // by `fractions`
  std::vector<RankingScore> regret;        // by RankingSet::costs
};
// `resamples` 0: intervals are the values themselves. O(resamples n^2).
Ranking Rank(const RankingSet& set, std::span<const double> prediction,
             std::span<const double> fractions, std::int64_t resamples, Rng rng);

}  // namespace lts

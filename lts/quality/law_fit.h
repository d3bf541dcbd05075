// Fits lts_law to trained models: the frozen constants from the sets of the benchmark, and a refit
// from a few models of a user.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lts/base/rng.h"
#include "lts/quality/lts_law.h"
#include "lts/quality/trained_models.h"

namespace lts {

// Models trained alike: one corpus, one recipe.
struct LawFitSet {
  std::string name;
  std::string group;  // sets of one group say the same twice: they are left out together
  std::vector<LtsLawInputs> inputs;    // [models]
  std::vector<double> log_perplexity;  // [models]
};
// group = name.
LawFitSet LawFitSetOf(const TrainedModels& models);

// The group of a set of the benchmark: frontiers of one backbone and corpus are siblings, whatever
// the device that they were searched on; every other set is a group of its own.
std::string SiblingGroup(const std::string& name);

// Where the parameters are drawn to when data say little: physics and the laws of others.
// log_parameters ~ N(mean, deviation^2), each by itself.
struct LtsLawPrior {
  LtsLawVector mean{};
  LtsLawVector deviation{};
};
const LtsLawPrior& PhysicalPrior();

// The parameters that explain ln perplexity best in all sets, each set with an offset and a scale
// of its own; the sets of a group weigh as one. Least squares with the prior; deterministic.
// Covariance: the errors of the fit, and of what differs from set to set, by leaving out one group
// at a time (jackknife), the part that makes 95 % intervals hold 95 % of every set left out. Sets
// have at least 3 models each. O(models) per step, below a second for the benchmark.
LtsLawFit FitLtsLaw(std::span<const LawFitSet> sets, const LtsLawPrior& prior = PhysicalPrior());

// The same from the sets of other groups, of which there must be one: what may be held against the
// sets of `group` themselves.
LtsLawFit FitLtsLawWithout(std::span<const LawFitSet> sets, const std::string& group,
                           const LtsLawPrior& prior = PhysicalPrior());

// A refit to few models: the prior is `from`, drawn to with a strength that leave-one-out cross
// validation chooses (k-fold above 32 models). Kept as it is unless the refit both predicts the
// perplexity of held-out models and orders them better, by more than chance would (2 standard
// errors of the gain in squared error, 1 of that in Kendall's tau): that is what protects a good
// prior from few models.
struct LtsLawRefit {
  LtsLawFit fit;
  bool kept_prior = true;
  double strength = 0;     // of the prior, 1: its own covariance; 0 when kept
  double prior_error = 0;  // root mean square error of held-out ln perplexity with the prior
  double refit_error = 0;  // likewise with the best refit, kept or not
};
inline constexpr std::int64_t kFewestRefitModels = 8;
// Throws kInvalidArgument with fewer than kFewestRefitModels models or fewer than 4 different
// shapes.
LtsLawRefit RefitLtsLaw(const LtsLawFit& from, const LawFitSet& set);

// The candidates, in order, that would teach the law most if trained next: each is where the
// prediction is least sure given those before it (greedy D-optimal design; Fedorov 1972). Returns
// indices into `candidates`, at most `count`; deterministic. O(count * candidates).
std::vector<std::size_t> MostInformative(const LtsLawFit& fit,
                                         std::span<const LtsLawInputs> candidates,
                                         std::int64_t count);

}  // namespace lts

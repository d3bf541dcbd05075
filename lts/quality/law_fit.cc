#include "lts/quality/law_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <set>

#include "lts/base/error.h"
#include "lts/base/stats.h"

namespace lts {
namespace {

// What one training run's perplexity varies by with its seed, as far as is known: 1-2 %.
constexpr double kSeedNoise = 0.02;
// The few groups of the benchmark differ in what they tell of the parameters: by the jackknife over
// them, intervals of groups left out hold 654 of 655 models. With this part of it they hold 97 to
// 100 % of each set, not of all sets together.
constexpr double kJackknifePart = 0.3;
// A law's value never explains perplexity backwards, however few the models.
constexpr double kSmallestScale = 1e-3;
// How much better than the prior a refit must be on held-out models: by so many standard errors of
// the gain, in squared error and in Kendall's tau. Chance alone passes the first in one refit
// of 40.
constexpr double kErrorGain = 2;
constexpr double kOrderGain = 1;

// Of ln perplexity on the value; never falling, as a lower value is better.
Line RisingLine(std::span<const double> value, std::span<const double> log_perplexity) {
  const double slope = std::max(FitLine(value, log_perplexity).slope, kSmallestScale);
  return {Mean(log_perplexity) - slope * Mean(value), slope};
}

LtsLawVector ToVector(std::span<const double> parameters) {
  LtsLawVector vector;
  std::copy(parameters.begin(), parameters.end(), vector.begin());
  return vector;
}

std::vector<double> Values(const LtsLawVector& parameters, std::span<const LtsLawInputs> inputs) {
  std::vector<double> values;
  values.reserve(inputs.size());
  for (const LtsLawInputs& input : inputs) values.push_back(LtsLawValue(parameters, input));
  return values;
}

// What is left of ln perplexity around the line, in units of the noise; `weight` of each model.
void AppendResiduals(const LawFitSet& set, const LtsLawVector& parameters, double weight,
                     std::vector<double>& residuals) {
  const std::vector<double> values = Values(parameters, set.inputs);
  const Line line = RisingLine(values, set.log_perplexity);
  const double unit = std::sqrt(weight) / kSeedNoise;
  for (std::size_t i = 0; i < values.size(); ++i) {
    residuals.push_back((set.log_perplexity[i] - line.offset - line.slope * values[i]) * unit);
  }
}

// Sets of one group say much the same: together they weigh as one.
double WeightIn(std::span<const LawFitSet> sets, const std::string& group) {
  return 1 / static_cast<double>(std::ranges::count(sets, group, &LawFitSet::group));
}

LeastSquaresFit FitParameters(std::span<const LawFitSet> sets, const LtsLawPrior& prior,
                              std::string_view left_out_group) {
  const auto residuals = [&](std::span<const double> parameters) {
    std::vector<double> all;
    for (const LawFitSet& set : sets) {
      if (set.group == left_out_group) continue;
      AppendResiduals(set, ToVector(parameters), WeightIn(sets, set.group), all);
    }
    for (std::size_t i = 0; i < kLtsLawSize; ++i) {
      all.push_back((parameters[i] - prior.mean[i]) / prior.deviation[i]);
    }
    return all;
  };
  return MinimizeSquares(residuals, {prior.mean.begin(), prior.mean.end()});
}

void Widen(LtsLawFit::Range& range, double value) {
  if (range.low == 0 || value < range.low) range.low = value;
  if (value > range.high) range.high = value;
}

void DescribeModels(std::span<const LawFitSet> sets, LtsLawFit& fit) {
  for (const LawFitSet& set : sets) {
    fit.models += std::ssize(set.inputs);
    for (const LtsLawInputs& input : set.inputs) {
      Widen(fit.depth, input.depth);
      Widen(fit.width, input.width);
      Widen(fit.d_inner, input.d_inner);
      Widen(fit.heads, std::exp2(input.log2_heads));
    }
  }
}

// Standard deviation of ln perplexity / scale around the law, over all sets alike.
double ResidualOf(std::span<const LawFitSet> sets, const LtsLawVector& parameters) {
  double sum = 0;
  for (const LawFitSet& set : sets) {
    const std::vector<double> values = Values(parameters, set.inputs);
    const Line line = RisingLine(values, set.log_perplexity);
    double squares = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double left = (set.log_perplexity[i] - line.offset) / line.slope - values[i];
      squares += left * left;
    }
    sum += squares / static_cast<double>(values.size());
  }
  return std::sqrt(sum / static_cast<double>(sets.size()));
}

// Cross validation of one strength: ln perplexity of every model as predicted when it was held out.
std::vector<double> HeldOutPredictions(const LtsLawFit& from, const LawFitSet& set,
                                       const std::function<LtsLawVector(const LawFitSet&)>& fit) {
  constexpr std::int64_t kMostFolds = 32;
  const std::int64_t n = std::ssize(set.inputs);
  const std::int64_t folds = std::min(n, kMostFolds);
  std::vector<double> predictions(set.inputs.size());
  for (std::int64_t fold = 0; fold < folds; ++fold) {
    LawFitSet kept{set.name, set.group, {}, {}};
    for (std::int64_t i = 0; i < n; ++i) {
      if (i % folds == fold) continue;
      kept.inputs.push_back(set.inputs[static_cast<std::size_t>(i)]);
      kept.log_perplexity.push_back(set.log_perplexity[static_cast<std::size_t>(i)]);
    }
    const LtsLawVector parameters = fit ? fit(kept) : from.log_parameters;
    const Line line = RisingLine(Values(parameters, kept.inputs), kept.log_perplexity);
    for (std::int64_t i = fold; i < n; i += folds) {
      const auto index = static_cast<std::size_t>(i);
      predictions[index] = line.offset + line.slope * LtsLawValue(parameters, set.inputs[index]);
    }
  }
  return predictions;
}

std::vector<double> SquaredErrors(std::span<const double> predictions,
                                  std::span<const double> truth) {
  std::vector<double> errors;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    errors.push_back((truth[i] - predictions[i]) * (truth[i] - predictions[i]));
  }
  return errors;
}

// Of each model: in how much larger a part of its pairs with the others `after` agrees with the
// truth about the order than `before` does, -2 to 2. The mean is the gain in Kendall's tau.
std::vector<double> OrderGains(std::span<const double> before, std::span<const double> after,
                               std::span<const double> truth) {
  const auto agreement = [&](std::span<const double> values, std::size_t i, std::size_t j) {
    const double product = (values[i] - values[j]) * (truth[i] - truth[j]);
    return static_cast<int>(product > 0) - static_cast<int>(product < 0);
  };
  std::vector<double> gains(truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    int gain = 0;
    for (std::size_t j = 0; j < truth.size(); ++j) {
      gain += agreement(after, i, j) - agreement(before, i, j);
    }
    gains[i] = static_cast<double>(gain) / static_cast<double>(truth.size() - 1);
  }
  return gains;
}

double StandardError(std::span<const double> x) {
  return StandardDeviation(x) / std::sqrt(static_cast<double>(x.size()));
}

// Whether held-out predictions of a refit are better than the prior's by more than chance, in error
// and in order. Few models can pull a good prior closer to their perplexities and their ranking
// apart: the perplexities alone would not tell.
bool IsBetter(std::span<const double> prior, std::span<const double> refit,
              std::span<const double> truth) {
  const std::vector<double> before = SquaredErrors(prior, truth);
  const std::vector<double> after = SquaredErrors(refit, truth);
  std::vector<double> error_gains;
  for (std::size_t i = 0; i < before.size(); ++i) error_gains.push_back(before[i] - after[i]);
  const std::vector<double> order_gains = OrderGains(prior, refit, truth);
  const double order_gain = Mean(order_gains);
  // Each pair stands in the gains of two models: the error of their mean is twice that of
  // independent ones.
  return Mean(error_gains) > kErrorGain * StandardError(error_gains) && order_gain > 0 &&
         order_gain >= kOrderGain * 2 * StandardError(order_gains);
}

LeastSquaresFit FitFrom(const LtsLawFit& from, const std::vector<double>& whitening,
                        double strength, const LawFitSet& set) {
  const auto residuals = [&](std::span<const double> parameters) {
    std::vector<double> all;
    AppendResiduals(set, ToVector(parameters), 1, all);
    for (std::size_t i = 0; i < kLtsLawSize; ++i) {
      double pull = 0;
      for (std::size_t j = 0; j < kLtsLawSize; ++j) {
        pull += whitening[i * kLtsLawSize + j] * (parameters[j] - from.log_parameters[j]);
      }
      all.push_back(std::sqrt(strength) * pull);
    }
    return all;
  };
  return MinimizeSquares(residuals, {from.log_parameters.begin(), from.log_parameters.end()}, 30);
}

}  // namespace

const LtsLawPrior& PhysicalPrior() {
  // Exponents are drawn to what scaling laws have found, 0.3 to 1, within a factor of 1.4; weights
  // are left to the data, within a factor of 30.
  static const LtsLawPrior prior = [] {
    constexpr LtsLawVector kTypical{0.4, 0.6, 0.5, 0.3, 0.4, 0.15, 1.0, 0.15, 0.5, 0.03};
    LtsLawPrior p;
    for (std::size_t i = 0; i < kLtsLawSize; ++i) {
      p.mean[i] = std::log(kTypical[i]);
      p.deviation[i] = kLtsLawParameters[i].ends_with("_exponent") ? 1.0 / 3 : 1 / 0.3;
    }
    return p;
  }();
  return prior;
}

LawFitSet LawFitSetOf(const TrainedModels& models) {
  LawFitSet set{models.name, models.name, {}, {}};
  for (const TrainedModel& model : models.models) {
    set.inputs.push_back(LtsLawInputsOf(model.architecture));
    set.log_perplexity.push_back(std::log(model.perplexity));
  }
  return set;
}

std::string SiblingGroup(const std::string& name) {
  return name.starts_with("pareto_") ? name.substr(0, name.rfind('_')) : name;
}

LtsLawFit FitLtsLaw(std::span<const LawFitSet> sets, const LtsLawPrior& prior) {
  LTS_CHECK(!sets.empty());
  const LeastSquaresFit all = FitParameters(sets, prior, "");
  LtsLawFit fit;
  fit.log_parameters = ToVector(all.parameters);
  fit.covariance = InversePositive(all.hessian, kLtsLawSize);
  std::set<std::string> groups;
  for (const LawFitSet& set : sets) groups.insert(set.group);
  if (groups.size() > 1) {
    const auto n = static_cast<double>(groups.size());
    for (const std::string& group : groups) {
      const std::vector<double> without = FitParameters(sets, prior, group).parameters;
      for (std::size_t i = 0; i < kLtsLawSize; ++i) {
        for (std::size_t j = 0; j < kLtsLawSize; ++j) {
          fit.covariance[i * kLtsLawSize + j] += kJackknifePart * (n - 1) / n *
                                                 (without[i] - all.parameters[i]) *
                                                 (without[j] - all.parameters[j]);
        }
      }
    }
  }
  fit.residual = ResidualOf(sets, fit.log_parameters);
  DescribeModels(sets, fit);
  if (sets.size() == 1) {
    const Line line =
        RisingLine(Values(fit.log_parameters, sets[0].inputs), sets[0].log_perplexity);
    fit.offset = line.offset;
    fit.scale = line.slope;
  }
  return fit;
}

LtsLawFit FitLtsLawWithout(std::span<const LawFitSet> sets, const std::string& group,
                           const LtsLawPrior& prior) {
  std::vector<LawFitSet> others;
  std::ranges::copy_if(sets, std::back_inserter(others),
                       [&](const LawFitSet& set) { return set.group != group; });
  return FitLtsLaw(others, prior);
}

LtsLawRefit RefitLtsLaw(const LtsLawFit& from, const LawFitSet& set) {
  const std::int64_t n = std::ssize(set.inputs);
  if (n < kFewestRefitModels) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: got {} trained models, expected at least {} to refit a law",
                            set.name, n, kFewestRefitModels));
  }
  std::set<double> different;
  for (const LtsLawInputs& input : set.inputs) {
    different.insert(LtsLawValue(from.log_parameters, input));
  }
  if (different.size() < 4) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: {} models but only {} different shapes, expected at least 4; train "
                    "other ones",
                    set.name, n, different.size()));
  }
  const std::vector<double> whitening = WhiteningOf(from.covariance, kLtsLawSize);
  LtsLawRefit refit;
  const std::vector<double> by_prior = HeldOutPredictions(from, set, nullptr);
  refit.prior_error = std::sqrt(Mean(SquaredErrors(by_prior, set.log_perplexity)));
  refit.refit_error = std::numeric_limits<double>::infinity();
  std::vector<double> by_refit;
  for (const double strength : {10.0, 3.0, 1.0, 0.3}) {
    std::vector<double> predictions = HeldOutPredictions(from, set, [&](const LawFitSet& kept) {
      return ToVector(FitFrom(from, whitening, strength, kept).parameters);
    });
    const double error = std::sqrt(Mean(SquaredErrors(predictions, set.log_perplexity)));
    if (error >= refit.refit_error) continue;
    refit.refit_error = error;
    refit.strength = strength;
    by_refit = std::move(predictions);
  }
  refit.kept_prior = !IsBetter(by_prior, by_refit, set.log_perplexity);
  refit.fit = from;
  if (refit.kept_prior) {
    refit.strength = 0;
  } else {
    const LeastSquaresFit fitted = FitFrom(from, whitening, refit.strength, set);
    refit.fit.log_parameters = ToVector(fitted.parameters);
    refit.fit.covariance = InversePositive(fitted.hessian, kLtsLawSize);
  }
  const Line line = RisingLine(Values(refit.fit.log_parameters, set.inputs), set.log_perplexity);
  refit.fit.offset = line.offset;
  refit.fit.scale = line.slope;
  refit.fit.residual = (refit.kept_prior ? refit.prior_error : refit.refit_error) / line.slope;
  DescribeModels(std::span(&set, 1), refit.fit);
  return refit;
}

std::vector<std::size_t> MostInformative(const LtsLawFit& fit,
                                         std::span<const LtsLawInputs> candidates,
                                         std::int64_t count) {
  if (candidates.empty()) return {};
  std::vector<LtsLawVector> gradients;
  LtsLawVector mean{};
  for (const LtsLawInputs& candidate : candidates) {
    gradients.push_back(LtsLawGradient(fit.log_parameters, candidate));
    for (std::size_t i = 0; i < kLtsLawSize; ++i) mean[i] += gradients.back()[i];
  }
  // What moves all predictions alike is the offset's to learn, not the law's.
  for (LtsLawVector& gradient : gradients) {
    for (std::size_t i = 0; i < kLtsLawSize; ++i) {
      gradient[i] -= mean[i] / static_cast<double>(candidates.size());
    }
  }
  SymmetricMatrix covariance = fit.covariance;
  const double noise = std::max(fit.residual * fit.residual, 1e-12);
  std::vector<std::size_t> chosen;
  std::vector<bool> taken(candidates.size());
  while (std::ssize(chosen) < count && chosen.size() < candidates.size()) {
    std::size_t best = 0;
    double most = -1;
    LtsLawVector best_product{};
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      if (taken[c]) continue;
      LtsLawVector product{};  // covariance * gradient
      double variance = 0;
      for (std::size_t i = 0; i < kLtsLawSize; ++i) {
        for (std::size_t j = 0; j < kLtsLawSize; ++j) {
          product[i] += covariance[i * kLtsLawSize + j] * gradients[c][j];
        }
        variance += product[i] * gradients[c][i];
      }
      if (variance > most) {
        most = variance;
        best = c;
        best_product = product;
      }
    }
    // The covariance once that model is known (Sherman & Morrison 1950).
    for (std::size_t i = 0; i < kLtsLawSize; ++i) {
      for (std::size_t j = 0; j < kLtsLawSize; ++j) {
        covariance[i * kLtsLawSize + j] -= best_product[i] * best_product[j] / (noise + most);
      }
    }
    taken[best] = true;
    chosen.push_back(best);
  }
  return chosen;
}

}  // namespace lts

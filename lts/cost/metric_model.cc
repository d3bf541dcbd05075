#include "lts/cost/metric_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "lts/base/error.h"
#include "lts/base/stats.h"

namespace lts {
namespace {

constexpr std::size_t kFolds = 20;
// Beyond this many standard deviations an observation counts linearly (Huber 1964).
constexpr double kHuber = 1.5;
constexpr int kReweightings = 8;
// No measurement is better than this, whatever its few samples say.
constexpr double kLeastNoise = 0.002;
constexpr double kLeastValue = 1e-9;
// How alike the errors of architectures are: they depend on what fits which cache, so on the width
// (with the vocabulary's tables) first and on the depth second.
constexpr double kWidthLength = 0.25;
constexpr double kDepthLength = 0.8;
// Errors beyond this many deviations count as so many, and the errors of everything else together
// count as so many observations, when the errors around a shape are averaged.
constexpr double kMostDeviations = 4;
constexpr double kElsewhere = 3;
// A curve is worth its knots only where it lowers the held-out error by this much.
constexpr double kCurveGain = 0.97;
constexpr int kCurveSegments = 5;
constexpr std::size_t kLeastForCurve = 12;
constexpr std::size_t kMaxSharedParts = 4096;
constexpr ResidualKernel kFirstKernel{.amplitude = 0.03, .length = 0.5};
constexpr std::array<double, 6> kAmplitudes{0, 0.01, 0.02, 0.04, 0.08, 0.16};
constexpr std::array<double, 3> kLengths{0.25, 0.5, 1.0};
constexpr std::array<double, 6> kNoiseScales{0.35, 0.5, 0.7, 1, 1.4, 2};

double Likeness(std::int64_t n_layer, std::int64_t d_model, std::int64_t other_n_layer,
                std::int64_t other_d_model) {
  const auto near = [](std::int64_t a, std::int64_t b, double length) {
    const double distance = std::log(static_cast<double>(a) / static_cast<double>(b)) / length;
    return std::exp(-0.5 * distance * distance);
  };
  return near(d_model, other_d_model, kWidthLength) *
         (0.5 + 0.5 * near(n_layer, other_n_layer, kDepthLength));
}

double Dot(std::span<const double> a, const FeatureVector& b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
  return sum;
}

// Of Student's distribution: what 95 % of draws stay within, for a scale estimated from n values by
// a model that has itself learnt from them (kernel, scale of the noise, choice of the hypothesis).
double StudentQuantile(std::size_t n) {
  // Cornish-Fisher around the normal's 1.96 (Hill 1970); within 2 % from 3 degrees of freedom on.
  const double z = 1.959964;
  const double v = std::max(2.0, static_cast<double>(n) - 4);
  const double z3 = z * z * z;
  const double z5 = z3 * z * z;
  return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v);
}

}  // namespace

double IntervalQuantile(std::span<const HeldOut> held_out, std::size_t skip) {
  std::vector<double> scores;
  for (std::size_t i = 0; i < held_out.size(); ++i) {
    if (i == skip) continue;
    const HeldOut& h = held_out[i];
    scores.push_back(std::abs(std::log(h.observed / h.predicted)) / h.deviation);
  }
  LTS_CHECK(!scores.empty());
  std::sort(scores.begin(), scores.end());
  const auto n = static_cast<double>(scores.size());
  const double rank = 0.95 * (n + 1);
  // Outliers widen the normal part by no more than twice what the bulk says.
  const double bulk = Quantile(scores, 0.6827);
  double squares = 0;
  for (const double s : scores) squares += std::min(s, 4 * bulk) * std::min(s, 4 * bulk);
  const double student = StudentQuantile(scores.size()) * std::sqrt(squares / n);
  if (rank > n) return std::max(student, scores.back());
  const auto below = static_cast<std::size_t>(rank) - 1;
  const double part = rank - std::floor(rank);
  const double above = below + 1 < scores.size() ? scores[below + 1] : scores[below];
  const double empirical = scores[below] + part * (above - scores[below]);
  return std::max(1e-3, std::sqrt(empirical * student));
}

MetricModel::MetricModel(const CostFeatures& features, Metric metric,
                         std::span<const MetricObservation> observations)
    : features_(features), metric_(metric) {
  std::vector<double> ratios;
  for (const MetricObservation& o : observations) {
    const Architecture& a = *o.architecture;
    Row row;
    row.n_layer = a.n_layer();
    row.d_model = a.d_model();
    row.value = o.value;
    row.own_noise = o.noise;
    row.features = features_.Shared(metric, a.d_model());
    double peak = 0;
    for (const LayerShape& layer : a.layers()) {
      const FeatureVector f = features_.Layer(metric, a.d_model(), layer);
      for (std::size_t j = 0; j < f.size(); ++j) row.features[j] += f[j];
      peak = std::max(peak, features_.ActivationBytes(a.d_model(), layer));
      ratios.push_back(static_cast<double>(layer.d_inner) / static_cast<double>(a.d_model()));
    }
    if (metric == Metric::kPeakMemoryMib) row.features[kActivationFeature] = peak;
    const FeatureVector all = features_.Layer(metric, a.d_model(), a.layers().back());
    const FeatureVector last = features_.LastLayer(metric, a.d_model(), a.layers().back());
    for (std::size_t j = 0; j < all.size(); ++j) row.last_difference[j] = last[j] - all[j];
    rows_.push_back(row);
  }
  LTS_CHECK(rows_.size() >= 3);
  // Few samples say little of their own noise: halfway to what is usual for such shapes.
  for (Row& row : rows_) {
    const double usual = NoiseAt(row.n_layer, row.d_model);
    row.noise = std::sqrt(0.5 * row.own_noise * row.own_noise + 0.5 * usual * usual);
  }
  std::sort(ratios.begin(), ratios.end());
  ratios_[0] = ratios.front();
  ratios_[1] = ratios[ratios.size() / 2];
  ratios_[2] = ratios.back();

  std::vector<std::size_t> all(rows_.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  Choice best{.kernel = kFirstKernel};
  double least = std::numeric_limits<double>::infinity();
  for (const bool curve : {false, true}) {
    if (curve && (metric != Metric::kTpotMs || rows_.size() < kLeastForCurve)) continue;
    for (const bool last : {false, true}) {
      if (last && metric != Metric::kTtftMs) continue;
      const Choice choice{.last_position_only = last, .curve = curve, .kernel = kFirstKernel};
      const double loss = Loss(choice);
      if (loss < (curve ? kCurveGain : 1) * least) {
        least = loss;
        best = choice;
      }
    }
  }
  ChooseNoise(all, best);
  fit_ = FitTo(all, best);
  held_out_ = HoldOut(best);
  for (const HeldOut& h : held_out_) {
    const double error =
        std::min(std::abs(std::log(h.observed / h.predicted)) / h.deviation, kMostDeviations);
    squares_.push_back(error * error);
  }
  for (std::size_t i = 0; i < held_out_.size(); ++i)
    held_out_[i].deviation *= ScaleAt(rows_[i].n_layer, rows_[i].d_model, i);
  quantile_ = IntervalQuantile(held_out_);
}

// Relative, of a measurement of such a shape: what the observations' own intervals say, those of
// like shapes counting most and all of them together as one more. A machine is not equally noisy
// everywhere: a model that just fits a cache that others share is timed worse than one that does
// not.
double MetricModel::NoiseAt(std::int64_t n_layer, std::int64_t d_model) const {
  double everywhere = 0;
  double weights = 1;
  double squares = 0;
  for (const Row& row : rows_) {
    const double weight = Likeness(row.n_layer, row.d_model, n_layer, d_model);
    const double square = row.own_noise * row.own_noise;
    everywhere += square / static_cast<double>(rows_.size());
    weights += weight;
    squares += weight * square;
  }
  return std::sqrt((squares + everywhere) / weights + kLeastNoise * kLeastNoise);
}

// How much larger errors are around this shape than the deviations have it, as far as left-out
// observations tell (without `skip`): the shape of an interval, whose size is the quantile's.
double MetricModel::ScaleAt(std::int64_t n_layer, std::int64_t d_model, std::size_t skip) const {
  double everywhere = 0;
  double weights = kElsewhere;
  double squares = 0;
  double count = 0;
  for (std::size_t i = 0; i < squares_.size(); ++i) {
    if (i == skip) continue;
    const double weight = Likeness(rows_[i].n_layer, rows_[i].d_model, n_layer, d_model);
    everywhere += squares_[i];
    ++count;
    weights += weight;
    squares += weight * squares_[i];
  }
  return std::sqrt(std::max(0.01, (squares + kElsewhere * everywhere / count) / weights));
}

FeatureVector MetricModel::Total(const Row& row, bool last_position_only) const {
  FeatureVector total = row.features;
  if (last_position_only) {
    for (std::size_t j = 0; j < total.size(); ++j) total[j] += row.last_difference[j];
  }
  return total;
}

// Iteratively reweighted, relative to the targets. `huber`: [subset], the weights in (0, 1].
void MetricModel::FitCoefficients(std::span<const std::size_t> subset,
                                  std::span<const double> targets, std::span<const double> noises,
                                  Fit& fit, std::vector<double>& huber) const {
  const std::span<const FeatureInfo> infos = FeaturesOf(metric_);
  const std::size_t columns = infos.size();
  std::vector<double> scales;
  for (std::size_t i = 0; i < subset.size(); ++i) {
    const FeatureVector total = Total(rows_[subset[i]], fit.last_position_only);
    double prior = 0;
    for (std::size_t j = 0; j < columns; ++j) prior += infos[j].prior * total[j];
    scales.push_back(targets[i] / prior);
  }
  const double scale = Median(scales);
  fit.unit.resize(columns);
  std::vector<double> spread(columns);
  for (std::size_t j = 0; j < columns; ++j) {
    fit.unit[j] = infos[j].prior * scale;
    spread[j] = infos[j].spread;
  }
  std::vector<double> rows(subset.size() * columns);
  for (std::size_t i = 0; i < subset.size(); ++i) {
    const FeatureVector total = Total(rows_[subset[i]], fit.last_position_only);
    for (std::size_t j = 0; j < columns; ++j) {
      rows[i * columns + j] = fit.unit[j] * total[j] / targets[i];
    }
  }
  std::vector<double> weights(subset.size());
  huber.assign(subset.size(), 1.0);
  // What the features cannot say, beyond the noise of measuring; from the residuals' median.
  double misfit = 0.03;
  RelativeFit solved{{}, SquareMatrix(columns)};
  for (int round = 0; round < kReweightings; ++round) {
    for (std::size_t i = 0; i < subset.size(); ++i) {
      weights[i] = huber[i] / (noises[i] * noises[i] + misfit * misfit);
    }
    solved = FitRelative(rows, weights, spread);
    std::vector<double> errors(subset.size());
    std::vector<double> magnitudes(subset.size());
    for (std::size_t i = 0; i < subset.size(); ++i) {
      errors[i] = -1;
      for (std::size_t j = 0; j < columns; ++j) errors[i] += rows[i * columns + j] * solved.x[j];
      magnitudes[i] = std::abs(errors[i]);
    }
    const double robust = 1.4826 * Median(magnitudes);
    const double usual = Median(noises);
    misfit = std::sqrt(std::max(robust * robust - usual * usual, 0.005 * 0.005));
    for (std::size_t i = 0; i < subset.size(); ++i) {
      const double limit = kHuber * std::sqrt(noises[i] * noises[i] + misfit * misfit);
      huber[i] = magnitudes[i] > limit ? limit / magnitudes[i] : 1.0;
    }
  }
  fit.per_unit.resize(columns);
  for (std::size_t j = 0; j < columns; ++j) fit.per_unit[j] = fit.unit[j] * solved.x[j];
  fit.precision_factor = std::move(solved.precision);
  LTS_CHECK(Cholesky(fit.precision_factor));
}

MetricModel::Fit MetricModel::FitTo(std::span<const std::size_t> subset,
                                    const Choice& choice) const {
  Fit fit;
  fit.last_position_only = choice.last_position_only;
  fit.noise_scale = choice.noise_scale;
  std::vector<double> targets;
  std::vector<double> noises;
  for (const std::size_t i : subset) {
    targets.push_back(rows_[i].value);
    noises.push_back(rows_[i].noise);
  }
  std::vector<double> huber;
  FitCoefficients(subset, targets, noises, fit, huber);
  for (int round = 0; choice.curve && round < 3; ++round) {
    std::vector<double> sums;
    std::vector<double> weights;
    std::vector<double> values;
    for (std::size_t i = 0; i < subset.size(); ++i) {
      const Row& row = rows_[subset[i]];
      sums.push_back(Dot(fit.per_unit, Total(row, fit.last_position_only)));
      weights.push_back(huber[i] / (row.noise * row.noise + 0.02 * 0.02));
      values.push_back(row.value);
    }
    fit.curve = MonotoneCurve(sums, values, weights, kCurveSegments);
    for (std::size_t i = 0; i < subset.size(); ++i) {
      targets[i] = std::max(fit.curve.Inverse(values[i]), kLeastValue);
      noises[i] = rows_[subset[i]].noise / std::max(fit.curve.Elasticity(targets[i]), 0.2);
    }
    FitCoefficients(subset, targets, noises, fit, huber);
  }
  std::vector<ResidualPoint> points;
  for (std::size_t i = 0; i < subset.size(); ++i) {
    const Row& row = rows_[subset[i]];
    const double sum = Dot(fit.per_unit, Total(row, fit.last_position_only));
    const double reference = Reference(fit, row.n_layer, row.d_model);
    const double deviation = choice.noise_scale * noises[i] * sum / reference;
    points.push_back({row.n_layer, row.d_model, (targets[i] - sum) / reference,
                      std::max(deviation * deviation / (huber[i] * huber[i]), 1e-10)});
  }
  fit.residual = SharedResidual(points, choice.kernel);
  return fit;
}

// The kernel and the scale of the noise under which the residuals are likeliest.
void MetricModel::ChooseNoise(std::span<const std::size_t> all, Choice& choice) const {
  const Fit fit = FitTo(all, choice);
  double best = -std::numeric_limits<double>::infinity();
  ResidualKernel kernel = choice.kernel;
  double noise_scale = 1;
  std::vector<ResidualPoint> points(all.size());
  for (const double scale : kNoiseScales) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Row& row = rows_[all[i]];
      const double sum = Dot(fit.per_unit, Total(row, fit.last_position_only));
      const double target = std::max(fit.curve.Inverse(row.value), kLeastValue);
      const double reference = Reference(fit, row.n_layer, row.d_model);
      const double deviation = scale * row.noise / std::max(fit.curve.Elasticity(target), 0.2);
      // An outlier's size says nothing of the rest's noise: cut to what Huber's loss sees.
      const double limit = 3 * deviation * sum / reference;
      points[i] = {row.n_layer, row.d_model,
                   std::clamp((target - sum) / reference, -limit - 0.2, limit + 0.2),
                   std::max(limit * limit / 9, 1e-10)};
    }
    for (const double amplitude : kAmplitudes) {
      for (const double length : kLengths) {
        if (amplitude == 0 && length != kLengths.front()) continue;
        const ResidualKernel candidate{.amplitude = amplitude, .length = length};
        // A weak preference for residuals of a few per cent, which decides where data do not.
        const double evidence = SharedResidual(points, candidate).LogEvidence() -
                                0.5 * std::pow(std::log((amplitude + 0.01) / 0.03), 2) -
                                0.5 * std::pow(std::log(scale), 2);
        if (evidence > best) {
          best = evidence;
          kernel = candidate;
          noise_scale = scale;
        }
      }
    }
  }
  choice.kernel = kernel;
  choice.noise_scale = noise_scale;
}

std::vector<HeldOut> MetricModel::HoldOut(const Choice& choice) const {
  const std::size_t folds = std::min(rows_.size(), kFolds);
  std::vector<HeldOut> held_out(rows_.size());
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (i % folds != fold) rest.push_back(i);
    }
    const Fit fit = FitTo(rest, choice);
    for (std::size_t i = fold; i < rows_.size(); i += folds) {
      const Row& row = rows_[i];
      const double sum = SharedOf(fit, row.n_layer, row.d_model) + LayersOf(fit, row);
      held_out[i] = {std::max(fit.curve(sum), kLeastValue), row.value,
                     DeviationOf(fit, row.n_layer, row.d_model).total};
    }
  }
  return held_out;
}

// Mean held-out error; one that is beyond five medians counts as that, so that no outlier decides.
double MetricModel::Loss(const Choice& choice) const {
  std::vector<double> errors;
  for (const HeldOut& h : HoldOut(choice)) {
    errors.push_back(std::abs(std::log(h.observed / h.predicted)));
  }
  const double limit = 5 * Median(errors);
  for (double& error : errors) error = std::min(error, limit);
  return Mean(errors);
}

FeatureVector MetricModel::Nominal(std::int64_t n_layer, std::int64_t d_model, double ratio) const {
  const LayerShape layer{
      .n_head = 1,
      .n_kv_head = 1,
      .d_inner = std::max<std::int64_t>(1, std::llround(ratio * static_cast<double>(d_model)))};
  FeatureVector total = features_.Shared(metric_, d_model);
  const FeatureVector one = features_.Layer(metric_, d_model, layer);
  for (std::size_t j = 0; j < one.size(); ++j) total[j] += static_cast<double>(n_layer) * one[j];
  if (metric_ == Metric::kPeakMemoryMib) {
    total[kActivationFeature] = features_.ActivationBytes(d_model, layer);
  }
  return total;
}

// What the relative residual is relative to: an architecture of these dimensions whose layers are
// as wide as is usual.
double MetricModel::Reference(const Fit& fit, std::int64_t n_layer, std::int64_t d_model) const {
  return std::max(Dot(fit.per_unit, Nominal(n_layer, d_model, ratios_[1])), kLeastValue);
}

double MetricModel::SharedOf(const Fit& fit, std::int64_t n_layer, std::int64_t d_model) const {
  return Dot(fit.per_unit, features_.Shared(metric_, d_model)) +
         fit.residual.Mean(n_layer, d_model) * Reference(fit, n_layer, d_model);
}

double MetricModel::LayersOf(const Fit& fit, const Row& row) const {
  const FeatureVector shared = features_.Shared(metric_, row.d_model);
  return Dot(fit.per_unit, Total(row, fit.last_position_only)) - Dot(fit.per_unit, shared);
}

MetricModel::Deviations MetricModel::DeviationOf(const Fit& fit, std::int64_t n_layer,
                                                 std::int64_t d_model) const {
  double coefficients = 0;
  double elasticity = 0.2;
  for (const double ratio : ratios_) {
    const FeatureVector nominal = Nominal(n_layer, d_model, ratio);
    const double sum = std::max(Dot(fit.per_unit, nominal), kLeastValue);
    std::array<double, kMaxCostFeatures> row{};
    for (std::size_t j = 0; j < fit.unit.size(); ++j) row[j] = fit.unit[j] * nominal[j] / sum;
    const std::span<double> x(row.data(), fit.unit.size());
    SolveLower(fit.precision_factor, x);
    double variance = 0;
    for (const double value : x) variance += value * value;
    coefficients = std::max(coefficients, variance);
    elasticity = std::max(elasticity, fit.curve.Elasticity(sum));
  }
  const double model =
      elasticity * elasticity * (coefficients + fit.residual.Variance(n_layer, d_model));
  // Observations that scatter more than their own intervals tell are not explained by noise: the
  // rest is what no feature knows of an architecture, and repeating a measurement does not remove
  // it.
  const double noise = NoiseAt(n_layer, d_model);
  const double scatter = noise * fit.noise_scale;
  const double misfit = std::max(scatter * scatter - noise * noise, 0.0);
  return {.model = std::sqrt(model + misfit), .total = std::sqrt(model + scatter * scatter)};
}

MetricModel::SharedPart MetricModel::SharedPartOf(std::int64_t n_layer,
                                                  std::int64_t d_model) const {
  const std::lock_guard lock(mutex_);
  const auto found = shared_parts_.find({n_layer, d_model});
  if (found != shared_parts_.end()) return found->second;
  if (shared_parts_.size() >= kMaxSharedParts) shared_parts_.clear();
  SharedPart part{SharedOf(fit_, n_layer, d_model), DeviationOf(fit_, n_layer, d_model)};
  const double scale = ScaleAt(n_layer, d_model);
  part.deviation.model *= scale;
  part.deviation.total *= scale;
  shared_parts_[{n_layer, d_model}] = part;
  return part;
}

double MetricModel::Shared(std::int64_t n_layer, std::int64_t d_model) const {
  return SharedPartOf(n_layer, d_model).shared;
}

double MetricModel::Layer(std::int64_t d_model, const LayerShape& layer) const {
  return Dot(fit_.per_unit, features_.Layer(metric_, d_model, layer));
}

double MetricModel::Last(std::int64_t d_model, const LayerShape& layer) const {
  if (!fit_.last_position_only) return 0;
  return Dot(fit_.per_unit, features_.LastLayer(metric_, d_model, layer)) -
         Dot(fit_.per_unit, features_.Layer(metric_, d_model, layer));
}

double MetricModel::Peak(std::int64_t d_model, const LayerShape& layer) const {
  if (metric_ != Metric::kPeakMemoryMib) return 0;
  return fit_.per_unit[kActivationFeature] * features_.ActivationBytes(d_model, layer);
}

double MetricModel::Finish(double sum) const { return std::max(fit_.curve(sum), kLeastValue); }

double MetricModel::Predict(const Architecture& architecture) const {
  double sum = Shared(architecture.n_layer(), architecture.d_model());
  double peak = 0;
  const std::vector<LayerShape>& layers = architecture.layers();
  double layer = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (i == 0 || layers[i] != layers[i - 1]) {
      layer = Layer(architecture.d_model(), layers[i]);
      peak = std::max(peak, Peak(architecture.d_model(), layers[i]));
    }
    sum += layer;
  }
  return Finish(sum + Last(architecture.d_model(), layers.back()) + peak);
}

MetricModel::Deviations MetricModel::Deviation(std::int64_t n_layer, std::int64_t d_model) const {
  return SharedPartOf(n_layer, d_model).deviation;
}

std::vector<Coefficient> MetricModel::Coefficients() const {
  const std::span<const FeatureInfo> infos = FeaturesOf(metric_);
  std::vector<Coefficient> coefficients;
  for (std::size_t j = 0; j < infos.size(); ++j) {
    std::vector<double> shares;
    for (const Row& row : rows_) {
      const FeatureVector total = Total(row, fit_.last_position_only);
      shares.push_back(fit_.per_unit[j] * total[j] / Dot(fit_.per_unit, total));
    }
    coefficients.push_back({infos[j].name, infos[j].unit, fit_.per_unit[j], Median(shares)});
  }
  return coefficients;
}

}  // namespace lts

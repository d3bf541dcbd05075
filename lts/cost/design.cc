#include "lts/cost/design.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lts/base/error.h"
#include "lts/cost/features.h"

namespace lts {
namespace {

constexpr std::uint64_t kPoolStream = 7;
// Relative: of a median of a few runs, and of what the features do not explain.
constexpr double kNoise = 0.03;
constexpr double kResidual = 0.05;
constexpr double kLength = 0.5;

}  // namespace

Design::Design(const SearchSpace& space, const CostContext& context, const DesignOptions& options)
    : context_(context) {
  CheckNotEmpty(space, context.workload);
  const SpaceSize size = space.Size();
  if (size.exact && *size.exact <= static_cast<std::int64_t>(options.pool)) {
    for (const Genome& genome : space.Enumerate(context.workload)) {
      pool_.push_back(space.Decode(genome));
    }
  } else {
    Rng rng = Rng(options.seed).Split(kPoolStream);
    while (pool_.size() < options.pool) {
      const std::optional<Genome> genome = space.Sample(rng, context.workload);
      if (!genome) break;
      pool_.push_back(space.Decode(*genome));
    }
  }
  points_.reserve(pool_.size());
  for (const Architecture& architecture : pool_) points_.push_back(PointOf(architecture));
}

namespace {

FeatureVector TotalOf(const CostFeatures& features, Metric metric, const Architecture& a) {
  FeatureVector total = features.Shared(metric, a.d_model());
  for (const LayerShape& layer : a.layers()) {
    const FeatureVector f = features.Layer(metric, a.d_model(), layer);
    for (std::size_t j = 0; j < f.size(); ++j) total[j] += f[j];
  }
  return total;
}

double PriorOf(Metric metric, const FeatureVector& total) {
  const std::span<const FeatureInfo> infos = FeaturesOf(metric);
  double sum = 0;
  for (std::size_t j = 0; j < infos.size(); ++j) sum += infos[j].prior * total[j];
  return sum;
}

}  // namespace

Design::Point Design::PointOf(const Architecture& architecture) const {
  const CostFeatures features(context_);
  Point point;
  point.log_n_layer = std::log(static_cast<double>(architecture.n_layer()));
  point.log_d_model = std::log(static_cast<double>(architecture.d_model()));
  for (const Metric metric : {Metric::kTtftMs, Metric::kTpotMs}) {
    const FeatureVector total = TotalOf(features, metric, architecture);
    const double sum = PriorOf(metric, total);
    const std::span<const FeatureInfo> infos = FeaturesOf(metric);
    for (std::size_t j = 0; j < infos.size(); ++j) {
      point.features.push_back(infos[j].spread * infos[j].prior * total[j] / sum);
    }
  }
  return point;
}

double Design::Covariance(const Point& a, const Point& b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.features.size(); ++j) sum += a.features[j] * b.features[j];
  const double width = (a.log_d_model - b.log_d_model) / kLength;
  const double depth = (a.log_n_layer - b.log_n_layer) / kLength;
  return sum + kResidual * kResidual * std::exp(-0.5 * width * width) *
                   (1 + std::exp(-0.5 * depth * depth));
}

std::vector<Architecture> Design::Next(
    std::span<const Architecture> known, std::size_t count,
    const std::function<double(const Architecture&)>& seconds) const {
  // What is known comes first; it is measured already, wherever it came from.
  std::vector<Point> points;
  for (const Architecture& architecture : known) points.push_back(PointOf(architecture));
  points.insert(points.end(), points_.begin(), points_.end());
  const std::size_t n = points.size();
  std::vector<double> covariance(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      covariance[i * n + j] = covariance[j * n + i] = Covariance(points[i], points[j]);
    }
  }
  // Of all points, given that point i is measured.
  const auto measure = [&](std::size_t i) {
    const std::vector<double> row(&covariance[i * n], &covariance[i * n] + n);
    const double scale = 1 / (row[i] + kNoise * kNoise);
    for (std::size_t a = 0; a < n; ++a) {
      double* out = &covariance[a * n];
      const double factor = scale * row[a];
      for (std::size_t b = 0; b < n; ++b) out[b] -= factor * row[b];
    }
  };
  for (std::size_t i = 0; i < known.size(); ++i) measure(i);

  std::vector<double> cost(pool_.size());
  std::vector<bool> taken(pool_.size(), false);
  for (std::size_t k = 0; k < pool_.size(); ++k) {
    cost[k] = seconds(pool_[k]);
    LTS_CHECK(cost[k] > 0);
    taken[k] = std::find(known.begin(), known.end(), pool_[k]) != known.end();
  }
  std::vector<Architecture> chosen;
  while (chosen.size() < count) {
    std::size_t best = pool_.size();
    double most = 0;
    for (std::size_t k = 0; k < pool_.size(); ++k) {
      if (taken[k]) continue;
      const double* row = &covariance[(known.size() + k) * n];
      double reduction = 0;
      for (std::size_t p = known.size(); p < n; ++p) reduction += row[p] * row[p];
      const double score = reduction / ((row[known.size() + k] + kNoise * kNoise) * cost[k]);
      if (score > most) {
        most = score;
        best = k;
      }
    }
    if (best == pool_.size()) break;
    measure(known.size() + best);
    for (std::size_t k = 0; k < pool_.size(); ++k) {
      if (pool_[k] == pool_[best]) taken[k] = true;  // draws repeat in small spaces
    }
    chosen.push_back(pool_[best]);
  }
  return chosen;
}

double PriorLatencyMs(const CostContext& context, const Architecture& architecture) {
  const CostFeatures features(context);
  const auto decode_steps = static_cast<double>(context.workload.output_tokens - 1);
  return PriorOf(Metric::kTtftMs, TotalOf(features, Metric::kTtftMs, architecture)) +
         decode_steps * PriorOf(Metric::kTpotMs, TotalOf(features, Metric::kTpotMs, architecture));
}

}  // namespace lts

#include "lts/quality/lts_law.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lts/base/error.h"

namespace lts {
namespace {

// Units that keep the weights near 1; no other meaning.
constexpr double kWidthUnit = 100;
constexpr double kDInnerUnit = 1000;

enum Parameter : std::size_t {
  kDepthExponent,
  kWidthWeight,
  kWidthExponent,
  kDInnerWeight,
  kDInnerExponent,
  kEmbeddingWeight,
  kEmbeddingExponent,
  kHeadsWeight,
  kHeadsExponent,
  kSharedWeight
};

// Clusters that the width of the embedding matters to.
constexpr std::size_t kLearntClusters = 2;

std::vector<LtsLawInputs::Embedding> Embeddings(const DecoderFrame& frame) {
  const auto clusters =
      std::span(frame.clusters()).first(std::min(kLearntClusters, frame.clusters().size()));
  std::vector<LtsLawInputs::Embedding> embeddings;
  double sum = 0;
  for (const DecoderFrame::Cluster& cluster : clusters) {
    const auto first = static_cast<double>(std::max<std::int64_t>(cluster.first, 1));
    const auto last = static_cast<double>(cluster.first + cluster.count);
    embeddings.push_back(
        {std::log(last / first), static_cast<double>(std::min(frame.d_model(), cluster.d_embed))});
    sum += embeddings.back().share;
  }
  for (LtsLawInputs::Embedding& embedding : embeddings) {
    // A vocabulary of one word has nothing to share out.
    embedding.share = sum > 0 ? embedding.share / sum : 1.0 / static_cast<double>(clusters.size());
  }
  return embeddings;
}

bool Shared(const DecoderFrame& frame) {
  const auto& clusters = frame.clusters();
  return clusters.size() > 1 && clusters[0].d_embed == clusters[1].d_embed;
}

// The middle of a range on a logarithmic scale.
double Middle(const LtsLawFit::Range& range) { return std::sqrt(range.low * range.high); }

LtsLawInputs MiddleOf(const LtsLawFit& fit) {
  const double width = Middle(fit.width);
  return {Middle(fit.depth), width, Middle(fit.d_inner), std::log2(Middle(fit.heads)),
          {{1, width}},      false};
}

double ParameterVariance(const LtsLawFit& fit, const LtsLawInputs& a, const LtsLawInputs& b) {
  const LtsLawVector at = LtsLawGradient(fit.log_parameters, a);
  const LtsLawVector from = LtsLawGradient(fit.log_parameters, b);
  double variance = 0;
  for (std::size_t i = 0; i < kLtsLawSize; ++i) {
    for (std::size_t j = 0; j < kLtsLawSize; ++j) {
      variance += (at[i] - from[i]) * fit.covariance[i * kLtsLawSize + j] * (at[j] - from[j]);
    }
  }
  return std::max(variance, 0.0);
}

}  // namespace

LtsLawInputs LtsLawInputsOf(const DecoderFrame& frame, std::int64_t n_layer,
                            std::span<const double> sums) {
  const auto depth = static_cast<double>(n_layer);
  return {depth,
          static_cast<double>(frame.d_model()),
          sums[0] / depth,
          sums[1] / depth,
          Embeddings(frame),
          Shared(frame)};
}

LtsLawInputs LtsLawInputsOf(const Architecture& architecture) {
  const DecoderFrame frame(architecture);
  double sums[2] = {0, 0};
  for (const LayerShape& layer : architecture.layers()) {
    for (std::size_t i = 0; i < 2; ++i) sums[i] += frame.Of(kLtsLawSums[i], layer);
  }
  return LtsLawInputsOf(frame, architecture.n_layer(), sums);
}

double LtsLawValue(const LtsLawVector& log_parameters, const LtsLawInputs& inputs) {
  LtsLawVector p;
  std::transform(log_parameters.begin(), log_parameters.end(), p.begin(),
                 [](double x) { return std::exp(x); });
  double embedding = 0;
  for (const LtsLawInputs::Embedding& cluster : inputs.embeddings) {
    embedding += cluster.share * std::pow(cluster.width / kWidthUnit, -p[kEmbeddingExponent]);
  }
  return std::pow(inputs.depth, -p[kDepthExponent]) +
         p[kWidthWeight] * std::pow(inputs.width / kWidthUnit, -p[kWidthExponent]) +
         p[kDInnerWeight] * std::pow(inputs.d_inner / kDInnerUnit, -p[kDInnerExponent]) +
         p[kEmbeddingWeight] * embedding +
         p[kHeadsWeight] * std::exp2(-p[kHeadsExponent] * inputs.log2_heads) +
         (inputs.shared ? p[kSharedWeight] : 0);
}

LtsLawVector LtsLawGradient(const LtsLawVector& log_parameters, const LtsLawInputs& inputs) {
  constexpr double kStep = 1e-5;
  LtsLawVector gradient;
  for (std::size_t i = 0; i < kLtsLawSize; ++i) {
    LtsLawVector moved = log_parameters;
    moved[i] = log_parameters[i] + kStep;
    const double above = LtsLawValue(moved, inputs);
    moved[i] = log_parameters[i] - kStep;
    gradient[i] = (above - LtsLawValue(moved, inputs)) / (2 * kStep);
  }
  return gradient;
}

Prediction PredictLtsLaw(const LtsLawFit& fit, const LtsLawInputs& inputs) {
  const double value = LtsLawValue(fit.log_parameters, inputs);
  const double half = kNormal95 * std::sqrt(fit.residual * fit.residual +
                                            ParameterVariance(fit, inputs, MiddleOf(fit)));
  return {value, value - half, value + half};
}

LawComparison CompareByLtsLaw(const LtsLawFit& fit, const LtsLawInputs& a, const LtsLawInputs& b) {
  LawComparison result;
  result.difference = LtsLawValue(fit.log_parameters, a) - LtsLawValue(fit.log_parameters, b);
  result.deviation = std::sqrt(2 * fit.residual * fit.residual + ParameterVariance(fit, a, b));
  result.probability =
      result.deviation == 0
          ? (result.difference < 0   ? 1
             : result.difference > 0 ? 0
                                     : 0.5)
          : 0.5 * std::erfc(result.difference / (result.deviation * std::numbers::sqrt2));
  result.tie = std::abs(result.difference) < kNormal95 * result.deviation || result.difference == 0;
  return result;
}

std::string OutsideFit(const LtsLawFit& fit, const LtsLawInputs& inputs) {
  const auto check = [](std::string_view name, double value, const LtsLawFit::Range& range) {
    if (value >= range.low && value <= range.high) return std::string();
    const bool above = value > range.high;
    return fmt::format("{} {:.6g} is {} {:.6g}, the {} that the law was fitted on", name, value,
                       above ? "above" : "below", above ? range.high : range.low,
                       above ? "most" : "least");
  };
  std::string outside = check("n_layer", inputs.depth, fit.depth);
  if (outside.empty()) outside = check("d_model", inputs.width, fit.width);
  if (outside.empty()) outside = check("mean d_inner", inputs.d_inner, fit.d_inner);
  if (outside.empty()) outside = check("mean n_head", std::exp2(inputs.log2_heads), fit.heads);
  return outside;
}

}  // namespace lts

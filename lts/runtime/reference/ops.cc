#include "lts/runtime/reference/ops.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lts::reference {

void Linear(std::span<const double> x, std::span<const float> weight, std::span<const float> bias,
            std::span<double> y) {
  const std::size_t out = y.size();
  if (bias.empty()) {
    std::fill(y.begin(), y.end(), 0.0);
  } else {
    std::copy(bias.begin(), bias.end(), y.begin());
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double factor = x[i];
    const float* row = weight.data() + i * out;
    for (std::size_t j = 0; j < out; ++j) y[j] += factor * static_cast<double>(row[j]);
  }
}

void LinearTransposed(std::span<const double> x, std::span<const float> weight,
                      std::span<double> y) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    const float* row = weight.data() + i * x.size();
    double sum = 0.0;
    for (std::size_t j = 0; j < x.size(); ++j) sum += x[j] * static_cast<double>(row[j]);
    y[i] = sum;
  }
}

void Norm(NormKind kind, float epsilon, std::span<const float> x, std::span<const float> gain,
          std::span<const float> bias, std::span<float> y) {
  const auto d = static_cast<double>(x.size());
  double mean = 0.0;
  if (kind == NormKind::kLayerNorm) {
    for (const float value : x) mean += static_cast<double>(value);
    mean /= d;
  }
  double square = 0.0;
  for (const float value : x) {
    const double centred = static_cast<double>(value) - mean;
    square += centred * centred;
  }
  const double factor = 1.0 / std::sqrt(square / d + static_cast<double>(epsilon));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double shift = bias.empty() ? 0.0 : static_cast<double>(bias[i]);
    const double centred = static_cast<double>(x[i]) - mean;
    y[i] = static_cast<float>(centred * factor * static_cast<double>(gain[i]) + shift);
  }
}

double Activate(Activation activation, double x) {
  switch (activation) {
    case Activation::kGeluTanh: {
      const double inner = std::sqrt(2.0 * std::numbers::inv_pi) * (x + 0.044715 * x * x * x);
      return 0.5 * x * (1.0 + std::tanh(inner));
    }
    case Activation::kGeluErf:
      return 0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2));
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kReluSquared: {
      const double positive = std::max(x, 0.0);
      return positive * positive;
    }
    case Activation::kSilu:
      return x / (1.0 + std::exp(-x));
  }
  return x;
}

void Rotate(PositionScheme scheme, std::int64_t position, std::int64_t rotary_dims, double base,
            std::span<double> head) {
  const bool halves = scheme == PositionScheme::kRotaryHalves;
  if (!halves && scheme != PositionScheme::kRotaryInterleaved) return;
  const auto pairs = static_cast<std::size_t>(rotary_dims / 2);
  for (std::size_t i = 0; i < pairs; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(rotary_dims);
    const double angle = static_cast<double>(position) * std::pow(base, exponent);
    double& a = head[halves ? i : 2 * i];
    double& b = head[halves ? i + pairs : 2 * i + 1];
    const double turned = a * std::cos(angle) - b * std::sin(angle);
    b = b * std::cos(angle) + a * std::sin(angle);
    a = turned;
  }
}

void Attend(std::span<const double> query, std::span<const float> keys,
            std::span<const float> values, double scale, std::span<double> scores,
            std::span<double> y) {
  LinearTransposed(query, keys, scores);
  for (double& score : scores) score *= scale;
  const double highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  for (double& score : scores) {
    score = std::exp(score - highest);
    sum += score;
  }
  for (double& score : scores) score /= sum;
  Linear(scores, values, {}, y);
}

}  // namespace lts::reference

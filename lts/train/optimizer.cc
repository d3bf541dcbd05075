#include "lts/train/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr double kMostTrusted = 10.0;  // phi of LAMB

void CheckRange(std::string_view name, double value, double low, double high, bool low_open,
                bool high_open) {
  const bool above = low_open ? value > low : value >= low;
  const bool below = high_open ? value < high : value <= high;
  if (above && below) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: got {}, expected a number in {}{}, {}{}", name, value,
                          low_open ? '(' : '[', low, high, high_open ? ')' : ']'));
}

// Float32 factors of an update, computed once in double.
struct Factors {
  float scale, beta1, beta2, rest1, rest2, correction1, root_correction2, epsilon, decay;
};

Factors FactorsOf(const OptimizerOptions& options, const UpdateStep& step) {
  const auto t = static_cast<double>(step.step);
  return {.scale = static_cast<float>(step.gradient_scale),
          .beta1 = static_cast<float>(options.beta1),
          .beta2 = static_cast<float>(options.beta2),
          .rest1 = static_cast<float>(1.0 - options.beta1),
          .rest2 = static_cast<float>(1.0 - options.beta2),
          .correction1 = static_cast<float>(1.0 / (1.0 - std::pow(options.beta1, t))),
          .root_correction2 = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(options.beta2, t))),
          .epsilon = static_cast<float>(options.epsilon),
          .decay = step.decays ? static_cast<float>(options.weight_decay) : 0.0F};
}

void CheckSizes(const UpdateRange& range) {
  const std::size_t count = range.weights.size();
  LTS_CHECK(range.gradients.size() == count && range.first_moment.size() == count &&
            range.second_moment.size() == count);
}

// The quotient of the corrected moments.
inline float Quotient(const Factors& f, float m, float v) {
  return m * f.correction1 / (std::sqrt(v) * f.root_correction2 + f.epsilon);
}

}  // namespace

void CheckOptimizerOptions(const OptimizerOptions& options) {
  CheckRange("beta1", options.beta1, 0, 1, false, true);
  CheckRange("beta2", options.beta2, 0, 1, false, true);
  CheckRange("epsilon", options.epsilon, 0, 1, true, false);
  CheckRange("weight decay", options.weight_decay, 0, 1, false, false);
  CheckRange("clip norm", options.clip_norm, 0, 1e6, false, false);
}

void UpdateAdamW(const OptimizerOptions& options, const UpdateStep& step,
                 const UpdateRange& range) {
  CheckSizes(range);
  const Factors f = FactorsOf(options, step);
  const auto rate = static_cast<float>(step.learning_rate);
  const auto keep =
      static_cast<float>(1.0 - step.learning_rate * (step.decays ? options.weight_decay : 0.0));
  float* const w = range.weights.data();
  const float* const gradients = range.gradients.data();
  float* const first = range.first_moment.data();
  float* const second = range.second_moment.data();
  for (std::size_t i = 0; i < range.weights.size(); ++i) {
    const float g = gradients[i] * f.scale;
    const float m = first[i] * f.beta1 + g * f.rest1;
    const float v = second[i] * f.beta2 + g * g * f.rest2;
    first[i] = m;
    second[i] = v;
    w[i] = w[i] * keep - rate * Quotient(f, m, v);
  }
}

LambNorms UpdateLambMoments(const OptimizerOptions& options, const UpdateStep& step,
                            const UpdateRange& range) {
  CheckSizes(range);
  const Factors f = FactorsOf(options, step);
  LambNorms norms;
  for (std::size_t i = 0; i < range.weights.size(); ++i) {
    const float g = range.gradients[i] * f.scale;
    const float m = range.first_moment[i] * f.beta1 + g * f.rest1;
    const float v = range.second_moment[i] * f.beta2 + g * g * f.rest2;
    range.first_moment[i] = m;
    range.second_moment[i] = v;
    const float w = range.weights[i];
    const auto direction = static_cast<double>(Quotient(f, m, v) + f.decay * w);
    norms.weights += static_cast<double>(w) * static_cast<double>(w);
    norms.direction += direction * direction;
  }
  return norms;
}

void UpdateLambWeights(const OptimizerOptions& options, const UpdateStep& step,
                       const LambNorms& norms, const UpdateRange& range) {
  CheckSizes(range);
  const Factors f = FactorsOf(options, step);
  const double trusted = std::min(std::sqrt(norms.weights), kMostTrusted);
  const double length = std::sqrt(norms.direction);
  const bool scaled = trusted > 0 && length > 0;
  const auto rate = static_cast<float>(step.learning_rate * (scaled ? trusted / length : 1.0));
  for (std::size_t i = 0; i < range.weights.size(); ++i) {
    const float w = range.weights[i];
    range.weights[i] =
        w - rate * (Quotient(f, range.first_moment[i], range.second_moment[i]) + f.decay * w);
  }
}

double SumOfSquares(std::span<const float> values) {
  // Lanes of their own let the compiler use vectors without changing the order of any sum.
  constexpr std::size_t kLanes = 16;
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const auto value = static_cast<double>(values[i + lane]);
      sums[lane] += value * value;
    }
  }
  double sum = 0;
  for (; i < values.size(); ++i) {
    sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  }
  for (const double lane : sums) sum += lane;
  return sum;
}

double ClipScale(double norm, double clip_norm) {
  if (clip_norm == 0 || norm <= clip_norm) return 1.0;
  return clip_norm / norm;
}

}  // namespace lts

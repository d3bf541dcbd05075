#include "lts/cost/monotone_curve.h"

#include <algorithm>
#include <cmath>

#include "lts/base/error.h"
#include "lts/cost/least_squares.h"

namespace lts {
namespace {

constexpr double kSlopeSpread = 0.5;
constexpr double kLeastSlope = 0.05;
constexpr double kMostSlope = 20;

}  // namespace

MonotoneCurve::MonotoneCurve(std::span<const double> x, std::span<const double> y,
                             std::span<const double> weights, int segments) {
  LTS_CHECK(!x.empty() && x.size() == y.size() && x.size() == weights.size() && segments >= 1);
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  starts_.push_back(0);
  for (int k = 1; k<segments&& * high> * low; ++k) {
    starts_.push_back(*low * std::pow(*high / *low, static_cast<double>(k) / segments));
  }
  const std::size_t n = starts_.size();
  std::vector<double> rows(x.size() * n, 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      const double end = k + 1 < n ? std::min(x[i], starts_[k + 1]) : x[i];
      rows[i * n + k] = std::max(0.0, end - starts_[k]) / y[i];
    }
  }
  const std::vector<double> spread(n, kSlopeSpread);
  slopes_ = FitRelative(rows, weights, spread).x;
  double value = 0;
  for (std::size_t k = 0; k < n; ++k) {
    slopes_[k] = std::clamp(slopes_[k], kLeastSlope, kMostSlope);
    values_.push_back(value);
    if (k + 1 < n) value += slopes_[k] * (starts_[k + 1] - starts_[k]);
  }
}

std::size_t MonotoneCurve::SegmentOf(double x, std::span<const double> starts) const {
  std::size_t k = 0;
  while (k + 1 < starts.size() && x >= starts[k + 1]) ++k;
  return k;
}

double MonotoneCurve::operator()(double x) const {
  if (identity()) return x;
  const std::size_t k = SegmentOf(x, starts_);
  return values_[k] + slopes_[k] * (x - starts_[k]);
}

double MonotoneCurve::Inverse(double y) const {
  if (identity()) return y;
  const std::size_t k = SegmentOf(y, values_);
  return starts_[k] + (y - values_[k]) / slopes_[k];
}

double MonotoneCurve::Elasticity(double x) const {
  if (identity()) return 1;
  return slopes_[SegmentOf(x, starts_)] * x / (*this)(x);
}

}  // namespace lts

#include "lts/cost/shared_residual.h"

#include <cmath>
#include <map>
#include <utility>

#include "lts/base/error.h"

namespace lts {

SharedResidual::SharedResidual(std::span<const ResidualPoint> points, const ResidualKernel& kernel)
    : kernel_(kernel) {
  // Points of equal dimensions carry what their weighted mean carries, but for their scatter, whose
  // density does not depend on the kernel and stays in the evidence.
  struct Cell {
    double weight = 0;
    double sum = 0;
  };
  std::map<std::pair<std::int64_t, std::int64_t>, Cell> cells;
  for (const ResidualPoint& point : points) {
    LTS_CHECK(point.variance > 0 && point.n_layer > 0 && point.d_model > 0);
    Cell& cell = cells[{point.n_layer, point.d_model}];
    cell.weight += 1 / point.variance;
    cell.sum += point.value / point.variance;
    log_evidence_ -= 0.5 * (std::log(point.variance) + point.value * point.value / point.variance);
  }
  for (const auto& entry : cells) {
    const Cell& cell = entry.second;
    places_.push_back({std::log(static_cast<double>(entry.first.first)),
                       std::log(static_cast<double>(entry.first.second))});
    alpha_.push_back(cell.sum / cell.weight);
    log_evidence_ += 0.5 * (cell.sum * cell.sum / cell.weight - std::log(cell.weight));
  }
  factor_ = SquareMatrix(places_.size());
  std::size_t i = 0;
  for (const auto& entry : cells) {
    for (std::size_t j = 0; j <= i; ++j) factor_(i, j) = Covariance(places_[i], places_[j]);
    factor_(i, i) += 1 / entry.second.weight;
    ++i;
  }
  LTS_CHECK(Cholesky(factor_));
  SolveLower(factor_, alpha_);
  for (std::size_t k = 0; k < alpha_.size(); ++k) {
    log_evidence_ -= 0.5 * alpha_[k] * alpha_[k] + std::log(factor_(k, k));
  }
  SolveLowerTransposed(factor_, alpha_);
}

double SharedResidual::Covariance(const Place& a, const Place& b) const {
  const double width = (a.log_d_model - b.log_d_model) / kernel_.length;
  const double depth = (a.log_n_layer - b.log_n_layer) / kernel_.length;
  const double by_width = std::exp(-0.5 * width * width);
  return 0.5 * kernel_.amplitude * kernel_.amplitude * by_width *
         (1 + std::exp(-0.5 * depth * depth));
}

double SharedResidual::Mean(std::int64_t n_layer, std::int64_t d_model) const {
  if (kernel_.amplitude == 0) return 0;
  const Place here{std::log(static_cast<double>(n_layer)), std::log(static_cast<double>(d_model))};
  double mean = 0;
  for (std::size_t i = 0; i < places_.size(); ++i) mean += alpha_[i] * Covariance(here, places_[i]);
  return mean;
}

double SharedResidual::Variance(std::int64_t n_layer, std::int64_t d_model) const {
  if (kernel_.amplitude == 0) return 0;
  const Place here{std::log(static_cast<double>(n_layer)), std::log(static_cast<double>(d_model))};
  std::vector<double> known(places_.size());
  for (std::size_t i = 0; i < places_.size(); ++i) known[i] = Covariance(here, places_[i]);
  SolveLower(factor_, known);
  double variance = Covariance(here, here);
  for (const double value : known) variance -= value * value;
  return std::max(variance, 0.0);
}

}  // namespace lts

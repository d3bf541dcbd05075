// What is left over of a fit, as a smooth function of the dimensions that layers share: a Gaussian
// process over (log n_layer, log d_model) with noise. Source: Rasmussen & Williams 2006, "Gaussian
// Processes for Machine Learning", chapters 2 and 5 (evidence).
//
// Its covariance is half a function of d_model alone (how well an engine's blocking fits a width)
// and half of both. Where nothing was measured near by it returns to 0 and says so by its variance.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lts/base/linear_algebra.h"

namespace lts {

struct ResidualPoint {
  std::int64_t n_layer = 1;
  std::int64_t d_model = 1;
  double value = 0;     // relative
  double variance = 0;  // of the noise in value, > 0
};

struct ResidualKernel {
  double amplitude = 0;  // standard deviation before data; 0: the residual is 0 everywhere
  double length = 0.5;   // in logarithms of either dimension
};

class SharedResidual {
 public:
  SharedResidual() = default;
  // O(distinct (n_layer, d_model)^3).
  SharedResidual(std::span<const ResidualPoint> points, const ResidualKernel& kernel);

  double Mean(std::int64_t n_layer, std::int64_t d_model) const;      // O(points)
  double Variance(std::int64_t n_layer, std::int64_t d_model) const;  // without noise; O(points^2)
  // Logarithm of the density of the points under the kernel, up to a constant. Noise beyond
  // `variance` costs nothing: scale it before.
  double LogEvidence() const { return log_evidence_; }

 private:
  struct Place {
    double log_n_layer = 0;
    double log_d_model = 0;
  };
  double Covariance(const Place& a, const Place& b) const;

  ResidualKernel kernel_;
  std::vector<Place> places_;
  std::vector<double> alpha_;  // [places]: (K + noise)^-1 values
  SquareMatrix factor_{0};     // Cholesky of K + noise
  double log_evidence_ = 0;
};

}  // namespace lts

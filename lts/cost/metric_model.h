// The model of one metric: coefficients of its features, a curve, and the residual over the shared
// dimensions; with what leaving observations out says of its errors. Private to lts/cost.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/cost/features.h"
#include "lts/cost/least_squares.h"
#include "lts/cost/monotone_curve.h"
#include "lts/cost/shared_residual.h"
#include "lts/record/measurement.h"

namespace lts {

struct MetricObservation {
  const Architecture* architecture = nullptr;
  double value = 0;
  double noise = 0;  // standard deviation of value, relative
};

// Prediction of an observation by a model that was fitted without it.
struct HeldOut {
  double predicted = 0;
  double observed = 0;
  double deviation = 0;  // predicted standard deviation of the error's logarithm
};

// One coefficient of a model, for people.
struct Coefficient {
  std::string_view feature;
  std::string_view unit;
  double value = 0;  // ms or MiB per unit
  double share = 0;  // of the metric's value, median over the observations
};

// How far the logarithm of a new measurement may be from the prediction, in predicted standard
// deviations, with a probability of 95 %: between the quantile that `held_out` shows (conformal:
// Vovk et al. 2005) and that of a Student distribution of the same scale. `skip` leaves one out.
double IntervalQuantile(std::span<const HeldOut> held_out,
                        std::size_t skip = static_cast<std::size_t>(-1));

class MetricModel {
 public:
  // observations: 3..kMaxObservations, values and noises > 0.
  MetricModel(const CostFeatures& features, Metric metric,
              std::span<const MetricObservation> observations);
  MetricModel(const MetricModel&) = delete;
  MetricModel& operator=(const MetricModel&) = delete;

  double Shared(std::int64_t n_layer, std::int64_t d_model) const;
  double Layer(std::int64_t d_model, const LayerShape& layer) const;
  double Last(std::int64_t d_model, const LayerShape& layer) const;
  double Peak(std::int64_t d_model, const LayerShape& layer) const;
  double Finish(double sum) const;
  double Predict(const Architecture& architecture) const;

  // Standard deviations of the logarithm of measured over predicted, for architectures of these
  // dimensions. `model`: coefficients, residual, and what is beyond both; `total`: with the noise
  // of a measurement.
  struct Deviations {
    double model = 0;
    double total = 0;
  };
  Deviations Deviation(std::int64_t n_layer, std::int64_t d_model) const;
  // The sum (before Finish) of an architecture of these dimensions whose layers are as wide as is
  // usual among the observations.
  double Usual(std::int64_t n_layer, std::int64_t d_model) const {
    return Reference(fit_, n_layer, d_model);
  }
  double quantile() const { return quantile_; }
  std::span<const HeldOut> held_out() const { return held_out_; }  // in order of the observations
  std::vector<Coefficient> Coefficients() const;
  bool last_position_only() const { return fit_.last_position_only; }
  bool curved() const { return !fit_.curve.identity(); }

 private:
  struct Row {
    std::int64_t n_layer = 1;
    std::int64_t d_model = 1;
    FeatureVector features{};         // of the whole architecture
    FeatureVector last_difference{};  // LastLayer - Layer of its last layer
    double value = 0;
    double own_noise = 0;  // as its interval has it
    double noise = 0;      // as it is taken to be
  };
  // What a fit may do; chosen once, on all observations.
  struct Choice {
    bool last_position_only = false;
    bool curve = false;
    ResidualKernel kernel;
    double noise_scale = 1;
  };
  struct Fit {
    std::vector<double> per_unit;  // [features]
    std::vector<double> unit;      // [features]: per_unit where x is 1
    bool last_position_only = false;
    MonotoneCurve curve;
    SharedResidual residual;
    SquareMatrix precision_factor{0};  // Cholesky, of per_unit / unit
    double noise_scale = 1;
  };

  double NoiseAt(std::int64_t n_layer, std::int64_t d_model) const;
  double ScaleAt(std::int64_t n_layer, std::int64_t d_model,
                 std::size_t skip = static_cast<std::size_t>(-1)) const;
  FeatureVector Total(const Row& row, bool last_position_only) const;
  Fit FitTo(std::span<const std::size_t> subset, const Choice& choice) const;
  void FitCoefficients(std::span<const std::size_t> subset, std::span<const double> targets,
                       std::span<const double> noises, Fit& fit, std::vector<double>& huber) const;
  void ChooseNoise(std::span<const std::size_t> all, Choice& choice) const;
  std::vector<HeldOut> HoldOut(const Choice& choice) const;
  double Loss(const Choice& choice) const;
  double Reference(const Fit& fit, std::int64_t n_layer, std::int64_t d_model) const;
  double SharedOf(const Fit& fit, std::int64_t n_layer, std::int64_t d_model) const;
  double LayersOf(const Fit& fit, const Row& row) const;
  Deviations DeviationOf(const Fit& fit, std::int64_t n_layer, std::int64_t d_model) const;
  FeatureVector Nominal(std::int64_t n_layer, std::int64_t d_model, double ratio) const;

  // What depends on the shared dimensions alone, kept: a search asks again and again for few of
  // them, and each costs O(observations^2).
  struct SharedPart {
    double shared = 0;
    Deviations deviation;
  };
  SharedPart SharedPartOf(std::int64_t n_layer, std::int64_t d_model) const;

  CostFeatures features_;
  Metric metric_;
  std::vector<Row> rows_;
  double ratios_[3] = {1, 1, 1};  // d_inner / d_model: least, median, most that was observed
  Fit fit_;
  std::vector<HeldOut> held_out_;
  std::vector<double> squares_;  // [held out]: of errors in deviations, before ScaleAt
  double quantile_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<std::pair<std::int64_t, std::int64_t>, SharedPart> shared_parts_;  // of fit_
};

}  // namespace lts

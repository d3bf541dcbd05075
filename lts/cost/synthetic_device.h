// Devices whose true costs are known, for the tests of lts/cost.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "lts/base/rng.h"
#include "lts/cost/cost_model.h"
#include "lts/cost/features.h"

namespace lts::cost_test {

struct SyntheticDevice {
  std::vector<double> per_unit;                              // [FeaturesOf(metric)]
  std::function<double(double)> finish;                      // of the sum; empty: the identity
  std::function<double(std::int64_t, std::int64_t)> factor;  // of (n_layer, d_model); empty: 1
  bool last_position_only = false;

  double Cost(const CostFeatures& features, Metric metric, const Architecture& a) const {
    FeatureVector total = features.Shared(metric, a.d_model());
    double peak = 0;
    for (std::int64_t l = 0; l < a.n_layer(); ++l) {
      const LayerShape& layer = a.layers()[static_cast<std::size_t>(l)];
      const FeatureVector f = last_position_only && l + 1 == a.n_layer()
                                  ? features.LastLayer(metric, a.d_model(), layer)
                                  : features.Layer(metric, a.d_model(), layer);
      for (std::size_t j = 0; j < f.size(); ++j) total[j] += f[j];
      peak = std::max(peak, features.ActivationBytes(a.d_model(), layer));
    }
    if (metric == Metric::kPeakMemoryMib) total[kActivationFeature] = peak;
    double sum = 0;
    for (std::size_t j = 0; j < per_unit.size(); ++j) sum += per_unit[j] * total[j];
    if (finish) sum = finish(sum);
    return factor ? sum * factor(a.n_layer(), a.d_model()) : sum;
  }
};

// The prior's proportions, all `slower` times as slow, every other one off by `skew`.
inline SyntheticDevice DeviceOf(Metric metric, double slower = 1, double skew = 1.3) {
  SyntheticDevice device;
  for (const FeatureInfo& info : FeaturesOf(metric)) {
    const bool even = device.per_unit.size() % 2 == 0;
    device.per_unit.push_back(info.prior * slower * (even ? skew : 1 / skew));
  }
  return device;
}

inline Architecture RandomArchitecture(Rng& rng, bool heterogeneous) {
  const std::int64_t d_model = 64 * rng.Between(2, 15);
  std::vector<LayerShape> layers;
  for (std::int64_t n = rng.Between(1, 10); n > 0; --n) {
    if (!heterogeneous && !layers.empty()) {
      layers.push_back(layers.front());
      continue;
    }
    const std::int64_t n_head = std::int64_t{1} << rng.Between(1, 3);
    layers.push_back({n_head, n_head, 64 * rng.Between(2, 15)});
  }
  return Architecture({.d_model = d_model, .layers = std::move(layers)});
}

inline Measurement Measured(Metric metric, double value, double half_width) {
  Measurement m;
  m.metric = metric;
  m.value = m.p95 = value;
  m.low = value * (1 - half_width);
  m.high = value * (1 + half_width);
  return m;
}

// A median of a few runs of a device whose runs scatter by `noise` (relative, one deviation).
inline Measurement Noisy(Metric metric, double truth, double noise, Rng& rng) {
  return Measured(metric, truth * std::exp(noise * rng.Normal()), 1.8 * noise);
}

}  // namespace lts::cost_test

// What an architecture costs on one device, predicted from a few dozen measured ones.
//
// One model holds for one MeasurementKey (runtime, dtype, threads, workload, environment), one
// backbone, vocabulary and context. Times are sums over layers of what physics says they consist of
// (features.h), with coefficients >= 0 fitted to relative errors; so is peak memory, but for its
// activations, of which the largest layer counts. What is left over is modelled by the shared
// dimensions alone, so that a prediction stays
//
//   value = Finish(Shared(n_layer, d_model) + sum over layers of Layer(d_model, layer)
//                  + max over layers of Peak(d_model, layer))
//
// which is what search/pareto_dp.h solves exactly.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/base/json.h"
#include "lts/record/measurement.h"

namespace lts {

// [low, high] is where a new measurement of that architecture lies with a probability of 95 %.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;
};

// One measured architecture: at least one of kTtftMs, kTpotMs, kPeakMemoryMib.
struct Observation {
  Architecture architecture;
  std::vector<Measurement> measurements;
};

// What the architectures of a model have in common.
struct CostContext {
  std::string backbone = "gpt2";
  std::int64_t vocab_size = 50257;
  std::int64_t max_seq_len = 1024;
  RuntimeConfig config;
  Workload workload;
  bool operator==(const CostContext&) const = default;
};

class CostModel {
 public:
  // Throws kInvalidArgument when an observation is not of the context or there are fewer than 3 of
  // a metric that some have. With few observations intervals are wide, never wrong: the prior is
  // physics alone. O(observations^2), milliseconds.
  CostModel(CostContext context, std::span<const Observation> observations);

  const CostContext& context() const;
  // kTtftMs, kTpotMs, kLatencyMs (from both), kPeakMemoryMib, as far as they were observed.
  bool Has(Metric metric) const;
  // Throws kInvalidArgument when the architecture is not of the context; LTS_CHECK(Has(metric)).
  // Below 5 us.
  Estimate Predict(Metric metric, const Architecture& architecture) const;

  // The parts of Predict().value; kTtftMs, kTpotMs and kPeakMemoryMib. Layer and Peak >= 0.
  double Shared(Metric metric, std::int64_t n_layer, std::int64_t d_model) const;
  double Layer(Metric metric, std::int64_t d_model, const LayerShape& layer) const;
  double Peak(Metric metric, std::int64_t d_model, const LayerShape& layer) const;
  double Finish(Metric metric, double sum) const;  // increasing
  // Predict() is value / (1 + u) .. value * (1 + u), with u of the shared dimensions alone. For
  // kLatencyMs as well.
  double Uncertainty(Metric metric, std::int64_t n_layer, std::int64_t d_model) const;

  // How good the model is on architectures that it has not seen, by leaving each out in turn.
  struct Quality {
    std::int64_t observations = 0;
    double median_error = 0;  // relative, absolute value
    double p95_error = 0;
    double coverage = 0;  // share of observations inside their 95 % interval
  };
  Quality CrossValidate(Metric metric) const;

  Json ToJson() const;
  static CostModel FromJson(const Json& json, const std::string& name);  // throws kInvalidArgument

 private:
  // to be written
};

}  // namespace lts

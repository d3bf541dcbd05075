// What an architecture costs on one device, predicted from a few dozen measured ones.
//
// One model holds for one MeasurementKey (runtime, dtype, threads, workload, environment), one
// backbone, vocabulary and context. Times are sums over layers of what physics says they consist of
// (features.h), with coefficients >= 0 fitted to relative errors; so is peak memory, but for its
// activations, of which the largest layer counts. What is left over is modelled by the shared
// dimensions alone, so that a prediction stays
//
//   value = Finish(Shared(n_layer, d_model) + sum over layers of Layer(d_model, layer)
//                  + Last(d_model, last layer) + max over layers of Peak(d_model, layer))
//
// which search/pareto_dp.h solves exactly (how with Last: docs/cost.md). Last is what an engine
// saves that computes of a prompt's last layer only what the logits of its last position need;
// whether this engine does, the observations decide.
//
// Method: docs/cost.md. Immutable; const calls from several threads are safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/base/json.h"
#include "lts/cost/cost_context.h"
#include "lts/record/measurement.h"

namespace lts {

// [low, high] is where a new measurement of that architecture lies with a probability of 95 %.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;
};

// What an interval is for: one new measurement, its noise included, or what many measurements would
// agree on.
enum class IntervalOf { kMeasurement, kTrueValue };

// One measured architecture: at least one of kTtftMs, kTpotMs, kPeakMemoryMib. Other metrics are
// ignored; of a Measurement value, low and high count.
struct Observation {
  Architecture architecture;
  std::vector<Measurement> measurements;
};

inline constexpr std::size_t kMaxCostObservations = 1024;

// Throws kInvalidArgument "<name>: ..." naming what of the architecture differs from the context.
void CheckOfContext(const Architecture& architecture, const CostContext& context,
                    std::string_view name);

class CostModel {
 public:
  // Throws kInvalidArgument when an observation is not of the context or holds a number that no
  // measurement gives, when there are fewer than 3 of a metric that some have, or more than
  // kMaxCostObservations. With few observations intervals are wide, never wrong: the prior is
  // physics alone. The same observations in the same order give the same model. Some 50 ms for
  // 50 observations of three metrics (cost_bench); O(observations^3).
  CostModel(CostContext context, std::span<const Observation> observations);
  ~CostModel();
  CostModel(const CostModel&);
  CostModel(CostModel&&) noexcept;
  CostModel& operator=(const CostModel&);
  CostModel& operator=(CostModel&&) noexcept;

  const CostContext& context() const;
  // kTtftMs, kTpotMs, kLatencyMs (from both), kPeakMemoryMib, as far as they were observed.
  bool Has(Metric metric) const;
  // Throws kInvalidArgument when the architecture is not of the context; LTS_CHECK(Has(metric)).
  // Below 5 us with 50 observations.
  Estimate Predict(Metric metric, const Architecture& architecture,
                   IntervalOf of = IntervalOf::kMeasurement) const;

  // The parts of Predict().value; kTtftMs, kTpotMs and kPeakMemoryMib. Layer and Peak >= 0;
  // Layer + Last >= 0, and Last is 0 but for kTtftMs.
  double Shared(Metric metric, std::int64_t n_layer, std::int64_t d_model) const;
  double Layer(Metric metric, std::int64_t d_model, const LayerShape& layer) const;
  double Last(Metric metric, std::int64_t d_model, const LayerShape& layer) const;
  double Peak(Metric metric, std::int64_t d_model, const LayerShape& layer) const;
  double Finish(Metric metric, double sum) const;  // increasing; positive
  // The interval is value / (1 + u) .. value * (1 + u), with u of the shared dimensions alone; that
  // of Predict() is kMeasurement's. For kLatencyMs as well.
  double Uncertainty(Metric metric, std::int64_t n_layer, std::int64_t d_model,
                     IntervalOf of = IntervalOf::kMeasurement) const;

  // How good the model is on architectures that it has not seen, by leaving each out in turn (a
  // twentieth at a time where there are more).
  struct Quality {
    std::int64_t observations = 0;
    double median_error = 0;  // relative, absolute value
    double p95_error = 0;
    double coverage = 0;  // share of observations inside their 95 % interval
  };
  Quality CrossValidate(Metric metric) const;

  // What the fit found, for people: a row for each feature of a metric (not kLatencyMs).
  struct Term {
    std::string_view feature;  // "products", "layer weights"
    std::string_view unit;     // of what is counted: "multiply-adds", "bytes"
    double per_unit = 0;       // ms or MiB
    double share = 0;          // of the value, in the median observation
  };
  std::vector<Term> Terms(Metric metric) const;

  // Context and observations, from which the same model is fitted again: a later version may fit
  // them better.
  Json ToJson() const;
  static CostModel FromJson(const Json& json, const std::string& name);  // throws kInvalidArgument

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace lts

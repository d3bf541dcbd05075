// A made-up device whose times and memory are sums over layers, as real ones nearly are, with
// noise; and its measurements as an evaluator gives them.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "lts/arch/count.h"
#include "lts/base/rng.h"
#include "lts/cost/cost_model.h"
#include "lts/objectives/objective.h"
#include "lts/search/search.h"

namespace lts {

struct MadeUpDevice {
  Workload workload = {.prompt_tokens = 16, .output_tokens = 8, .batch = 1};
  double noise = 0;  // relative standard deviation of a measurement, the same for one architecture

  double Ttft(const Architecture& a) const {
    const auto d = static_cast<double>(a.d_model());
    double ms = 0.05 + 1e-6 * d * static_cast<double>(a.vocab_size());
    for (const LayerShape& layer : a.layers()) {
      ms += 0.02 + 2e-7 * d * (4 * d + 2 * static_cast<double>(layer.d_inner)) +
            0.002 * static_cast<double>(layer.n_head);
    }
    return ms;
  }
  double Tpot(const Architecture& a) const {
    const auto d = static_cast<double>(a.d_model());
    double ms = 0.01 + 1e-7 * d * static_cast<double>(a.vocab_size());
    for (const LayerShape& layer : a.layers()) {
      ms += 0.005 + 1e-7 * d * (4 * d + 2 * static_cast<double>(layer.d_inner));
    }
    return ms;
  }
  double Memory(const Architecture& a) const {
    const WorkloadCounts counts = CountWorkload(
        BuildGraph(a), {workload.prompt_tokens, workload.output_tokens, workload.batch},
        DType::kFloat32);
    return 3 + static_cast<double>(counts.weight_bytes + counts.kv_cache_bytes +
                                   counts.peak_activation_bytes) /
                   (1 << 20);
  }

  Measurement Measured(const Architecture& a, Metric metric) const {
    const double steps = static_cast<double>(workload.output_tokens - 1);
    const double ttft = Ttft(a) * Noise(a, Metric::kTtftMs);
    const double tpot = Tpot(a) * Noise(a, Metric::kTpotMs);
    Measurement m;
    m.metric = metric;
    m.value = metric == Metric::kTtftMs      ? ttft
              : metric == Metric::kTpotMs    ? tpot
              : metric == Metric::kLatencyMs ? ttft + steps * tpot
                                             : Memory(a);
    const double half = metric == Metric::kPeakMemoryMib ? 0 : noise;
    m.low = m.value / (1 + half);
    m.high = m.value * (1 + half);
    m.p95 = m.high;
    m.samples = {m.low, m.value, m.high};
    m.source = "made up";
    return m;
  }

  Score Answer(const Architecture& a, std::span<const ObjectiveSpec> specs) const {
    Score score;
    for (const Metric metric :
         {Metric::kTtftMs, Metric::kTpotMs, Metric::kLatencyMs, Metric::kPeakMemoryMib})
      score.measurements.push_back(Measured(a, metric));
    for (const ObjectiveSpec& spec : specs) {
      const Objective& objective = FindObjective(spec.name);
      score.objectives.push_back(objective.by == MeasuredBy::kCounting
                                     ? Count(objective, a, workload, {}).value
                                     : Measured(a, objective.metric).value);
    }
    return score;
  }

 private:
  double Noise(const Architecture& a, Metric metric) const {
    if (noise == 0) return 1;
    std::uint64_t seed = static_cast<std::uint64_t>(metric) + 1;
    for (const char c : a.Id()) seed = (seed ^ static_cast<unsigned char>(c)) * 1099511628211U;
    Rng rng(seed);
    // The sum of twelve is as good as normal.
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += rng.Uniform();
    return std::exp(noise * sum);
  }
};

// Fitted to so many architectures of the space, measured with a noise of 1 %.
inline CostModel ModelOfMadeUpDevice(const SearchSpace& space, const SearchOptions& options,
                                     int observations) {
  const MadeUpDevice device{.noise = 0.01};
  std::vector<Observation> all;
  Rng rng(5);
  for (int i = 0; i < observations; ++i) {
    const Architecture a = space.Decode(*space.Sample(rng, options.workload));
    all.push_back({a,
                   {device.Measured(a, Metric::kTtftMs), device.Measured(a, Metric::kTpotMs),
                    device.Measured(a, Metric::kPeakMemoryMib)}});
  }
  return CostModel({.vocab_size = space.fields().vocab_size,
                    .max_seq_len = space.fields().max_seq_len,
                    .config = {},
                    .workload = options.workload},
                   all);
}

class DeviceEvaluator final : public Evaluator {
 public:
  DeviceEvaluator(MadeUpDevice device, std::vector<ObjectiveSpec> specs, std::int64_t budget = 0)
      : device_(device), specs_(std::move(specs)), budget_(budget) {}

  std::vector<Score> Evaluate(std::span<const Candidate> candidates) override {
    std::vector<Score> scores;
    for (const Candidate& candidate : candidates) {
      if (budget_ > 0 && answered == budget_) break;
      ++answered;
      scores.push_back(device_.Answer(candidate.architecture, specs_));
    }
    return scores;
  }
  std::int64_t answered = 0;

 private:
  MadeUpDevice device_;
  std::vector<ObjectiveSpec> specs_;
  std::int64_t budget_;
};

}  // namespace lts

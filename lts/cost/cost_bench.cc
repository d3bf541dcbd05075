// What a fit, a prediction and a choice of what to measure cost. Before anything is timed, the
// model is held against the device that it was fitted to, and its parts against its prediction.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "lts/base/error.h"
#include "lts/base/stats.h"
#include "lts/cost/design.h"
#include "lts/cost/synthetic_device.h"

namespace lts {
namespace {

using namespace cost_test;  // NOLINT(google-build-using-namespace)

std::vector<Observation> Observe(int n) {
  const CostFeatures features{CostContext{}};
  Rng rng(1);
  std::vector<Observation> observations;
  for (int i = 0; i < n; ++i) {
    Observation o{RandomArchitecture(rng, true), {}};
    for (const Metric metric : {Metric::kTtftMs, Metric::kTpotMs, Metric::kPeakMemoryMib}) {
      const double truth = DeviceOf(metric).Cost(features, metric, o.architecture);
      o.measurements.push_back(Noisy(metric, truth, 0.02, rng));
    }
    observations.push_back(std::move(o));
  }
  return observations;
}

const CostModel& CheckedModel() {
  static const CostModel model = [] {
    CostModel fitted(CostContext{}, Observe(50));
    const CostFeatures features{CostContext{}};
    Rng rng(2);
    std::vector<double> errors;
    for (int i = 0; i < 100; ++i) {
      const Architecture a = RandomArchitecture(rng, true);
      const double truth = DeviceOf(Metric::kTtftMs).Cost(features, Metric::kTtftMs, a);
      errors.push_back(std::abs(fitted.Predict(Metric::kTtftMs, a).value / truth - 1));
    }
    LTS_CHECK(Quantile(errors, 0.95) < 0.03);
    return fitted;
  }();
  return model;
}

void BM_Fit(benchmark::State& state) {
  CheckedModel();
  const std::vector<Observation> observations = Observe(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(CostModel(CostContext{}, observations));
}
BENCHMARK(BM_Fit)->Arg(10)->Arg(50)->Arg(200)->Unit(benchmark::kMillisecond);

// Layers that all differ, of a few hundred pairs of shared dimensions: what a search asks for.
void BM_Predict(benchmark::State& state) {
  const CostModel& model = CheckedModel();
  Rng rng(3);
  std::vector<Architecture> architectures;
  for (int i = 0; i < 256; ++i) architectures.push_back(RandomArchitecture(rng, true));
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        model.Predict(Metric::kLatencyMs, architectures[i++ % architectures.size()]));
  }
}
BENCHMARK(BM_Predict)->Unit(benchmark::kMicrosecond);

void BM_DesignOfEight(benchmark::State& state) {
  const Design design(LoadSpace("archai-gpt2"), CostContext{}, {});
  const auto seconds = [](const Architecture& a) {
    return 0.1 + 1e-3 * PriorLatencyMs(CostContext{}, a);
  };
  LTS_CHECK(design.Next({}, 8, seconds).size() == 8);
  for (auto _ : state) benchmark::DoNotOptimize(design.Next({}, 8, seconds));
}
BENCHMARK(BM_DesignOfEight)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lts

BENCHMARK_MAIN();

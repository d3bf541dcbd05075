// What the exact search thinks between two batches of measurements, on the presets: taking a space
// apart, tabulating a fitted model, solving for the exact front. Targets on one core, for the last
// two together: 2 s for lts-gpt2, 0.5 s for text-predictor. The model is fitted to 40 measurements
// of a made-up device; before anything is timed, 2,000 random architectures of the space must not
// dominate the front.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "lts/search/cover.h"
#include "lts/search/device_test_support.h"
#include "lts/search/pareto.h"
#include "lts/search/separable_space.h"

namespace lts {
namespace {

constexpr std::size_t kMostToCover = 1000;

SearchOptions Options(const std::string& quality) {
  SearchOptions options;
  options.objectives = {
      {quality, MetricByName(quality).better}, {"latency_ms"}, {"peak_memory_mib"}};
  options.workload = MadeUpDevice().workload;
  return options;
}

bool IsFrontOf(const ExactFront& front, const SearchSpace& space, const SearchOptions& options,
               const CostModel& model) {
  Rng rng(7);
  for (int i = 0; i < 2000; ++i) {
    const Architecture a = space.Decode(*space.Sample(rng, options.workload));
    const ObjectiveSpec& quality = options.objectives[0];
    const double value = Count(FindObjective(quality.name), a, options.workload, {}).value;
    const Point x = {quality.direction == Direction::kMaximize ? -value : value,
                     model.Predict(Metric::kLatencyMs, a).value,
                     model.Predict(Metric::kPeakMemoryMib, a).value};
    for (const ExactMember& member : front.members) {
      // Beyond what rounding to units explains.
      bool better = true;
      for (std::size_t o = 0; o < x.size(); ++o)
        better = better && x[o] < member.objectives[o] - 1e-6 * std::abs(member.objectives[o]);
      if (better) return false;
    }
  }
  return !front.members.empty();
}

// How many measured members it takes, by greedy cover, until every other one is within `gap` of one
// of them (certificate.h): the least measurements of a certificate, were the model perfect.
double CoverSize(const ExactFront& front, const std::string& quality, double gap) {
  std::vector<Point> points;
  const double loss_scale = MetricByName(quality).by_law ? FindLaw(quality).loss_scale : 0;
  for (const ExactMember& member : front.members) {
    points.push_back(member.objectives);
    if (loss_scale > 0) points.back()[0] = std::exp(loss_scale * points.back()[0]);
  }
  std::vector<double> gaps;
  for (const Point& m : points) {
    for (const Point& x : points) gaps.push_back(Gap(m, x));
  }
  const std::vector<double> open(front.members.size(), std::numeric_limits<double>::infinity());
  return static_cast<double>(GreedyCover(gaps, open, gap, open.size()).size());
}

void BM_Construct(benchmark::State& state, const std::string& name) {
  const SearchSpace space = LoadSpace(name);
  const SearchOptions options = Options("decoder_params");
  while (state.KeepRunning()) {
    const SeparableSpace problem(space, options);
    benchmark::DoNotOptimize(problem.families());
  }
}

void BM_Solve(benchmark::State& state, const std::string& name, const std::string& quality) {
  const SearchSpace space = LoadSpace(name);
  const SearchOptions options = Options(quality);
  const CostModel model = ModelOfMadeUpDevice(space, options, 40);
  SeparableSpace problem(space, options);
  problem.SetModel(&model, Outlook::kExpected);
  ExactFront front = SolveExactly(problem);
  if (!IsFrontOf(front, space, options, model)) {
    state.SkipWithError("a random architecture dominates the front");
    return;
  }
  while (state.KeepRunning()) {
    problem.SetModel(&model, Outlook::kExpected);
    front = SolveExactly(problem);
  }
  state.counters["members"] = static_cast<double>(front.members.size());
  state.counters["states"] = static_cast<double>(front.states);
  if (front.members.size() > kMostToCover) return;
  state.counters["cover_2%"] = CoverSize(front, quality, 0.02);
  state.counters["cover_3%"] = CoverSize(front, quality, 0.03);
  state.counters["cover_5%"] = CoverSize(front, quality, 0.05);
}

BENCHMARK_CAPTURE(BM_Construct, archai_gpt2, "archai-gpt2")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Construct, lts_gpt2, "lts-gpt2")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Construct, text_predictor, "text-predictor")->Unit(benchmark::kMillisecond);
void Solve(const std::string& name) {
  for (const char* quality : {"decoder_params", "lts_law"}) {
    benchmark::RegisterBenchmark(("BM_Solve/" + name + "/" + quality).c_str(), BM_Solve, name,
                                 quality)
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace
}  // namespace lts

int main(int argc, char** argv) {
  for (const char* space : {"archai-gpt2", "lts-gpt2", "text-predictor"}) lts::Solve(space);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

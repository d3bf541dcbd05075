// What the search pays per candidate before anything is measured, and how fast weights are drawn.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>

#include "lts/arch/architecture.h"
#include "lts/arch/count.h"
#include "lts/arch/graph.h"
#include "lts/arch/model.h"

namespace lts {
namespace {

Architecture Candidate() { return Architecture::Gpt2(10, 384, 960, 4); }

void Require(benchmark::State& state, bool right, const char* what) {
  if (!right) state.SkipWithError(what);
}

// Reference: the published decoder parameter count of this architecture.
constexpr std::int64_t kDecoderParams = 13315968;

void BM_BuildGraphAndCountParameters(benchmark::State& state) {
  const Architecture architecture = Candidate();
  Require(state, CountParameters(BuildGraph(architecture)).decoder() == kDecoderParams,
          "wrong decoder parameter count");
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(CountParameters(BuildGraph(architecture)));
  }
}
BENCHMARK(BM_BuildGraphAndCountParameters);

void BM_CountWorkload(benchmark::State& state) {
  const Graph graph = BuildGraph(Candidate());
  const WorkloadShape workload{.prompt_tokens = 192, .output_tokens = 32, .batch = 1};
  Require(state,
          CountWorkload(graph, workload, DType::kFloat32).kv_cache_bytes ==
              std::int64_t{10} * 2 * 384 * 223 * 4,
          "wrong KV cache size");
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(CountWorkload(graph, workload, DType::kFloat32));
  }
}
BENCHMARK(BM_CountWorkload);

void BM_ArchitectureId(benchmark::State& state) {
  const Architecture architecture = Candidate();
  Require(state, architecture.Id() == Candidate().Id(), "unstable id");
  while (state.KeepRunning()) benchmark::DoNotOptimize(architecture.Id());
}
BENCHMARK(BM_ArchitectureId);

void BM_RandomModel(benchmark::State& state) {
  const Architecture architecture = Candidate();
  std::int64_t bytes = 0;
  {
    const Model model = RandomModel(architecture, 1);
    double squares = 0;
    const auto table = model.tensor(0);
    for (const float w : table) squares += double{w} * w;
    const double std = std::sqrt(squares / static_cast<double>(table.size()));
    Require(state, std::abs(std - 0.02) < 1e-4, "weights are not N(0, 0.02)");
    bytes = model.weight_bytes();
  }
  while (state.KeepRunning()) benchmark::DoNotOptimize(RandomModel(architecture, 1));
  state.SetBytesProcessed(state.iterations() * bytes);
}
BENCHMARK(BM_RandomModel)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lts

BENCHMARK_MAIN();

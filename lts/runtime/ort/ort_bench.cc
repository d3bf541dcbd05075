// What a candidate of a search costs on ONNX Runtime before anything of it is timed: its graph and
// weights, the library's session, a context. A decoder of 50 million parameters, whose logits are
// checked against another session's first.
//   BM_Overhead     LoadRandom + NewSession + Prepare, as a search does; the buffer of random
//                   numbers is there already, as from the second candidate on. At most 500 ms on
//                   two cores.
//   BM_OwnWeights   the same with weights drawn for it alone
//   BM_Cycles       500 candidates of 5 million parameters and changing shapes, a step each
// Counters: rss_mib, resident memory after the last candidate is gone; growth_mib, the difference
// to that after the fifth (BM_Cycles: after the fiftieth).
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <vector>

#include "lts/base/thread_pool.h"
#include "lts/runtime/ort/ort.h"

namespace lts {
namespace {

Architecture Decoder() { return Architecture::Gpt2(8, 512, 2048, 8); }  // 51.5 M parameters

double ResidentMib() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

std::vector<float> LogitsOf(LoadedModel& model) {
  const auto session = model.NewSession({.max_tokens = 4, .max_step_tokens = 4});
  std::vector<float> logits(static_cast<std::size_t>(model.graph().vocab_size));
  session->Step(std::vector<std::int32_t>{1, 2, 3, 50000}, Logits::kLast, logits);
  return logits;
}

template <typename Load>
void Run(benchmark::State& state, const Load& load) {
  if (const Availability here = kOrtRuntime.available({}); !here.ok) {
    state.SkipWithError(here.reason.c_str());
    return;
  }
  const auto runtime = kOrtRuntime.create({.threads = UsableCores()});
  if (LogitsOf(*load(*runtime)) != LogitsOf(*load(*runtime))) {
    state.SkipWithError("the same weights give other logits");
    return;
  }
  double early = 0;
  int count = 0;
  for (auto _ : state) {
    if (count++ == 5) early = ResidentMib();
    const auto model = load(*runtime);
    const auto session = model->NewSession({.max_tokens = 223, .max_step_tokens = 192});
    session->Prepare(192);
    session->Prepare(1);
  }
  state.counters["rss_mib"] = ResidentMib();
  state.counters["growth_mib"] = count <= 5 ? 0 : ResidentMib() - early;
}

void BM_Overhead(benchmark::State& state) {
  Run(state, [](Runtime& runtime) { return runtime.LoadRandom(Decoder(), 1, Purpose::kTiming); });
}
void BM_OwnWeights(benchmark::State& state) {
  Run(state, [](Runtime& runtime) { return runtime.Load(RandomModel(Decoder(), 1)); });
}
void BM_Cycles(benchmark::State& state) {
  if (const Availability here = kOrtRuntime.available({}); !here.ok) {
    state.SkipWithError(here.reason.c_str());
    return;
  }
  const auto runtime = kOrtRuntime.create({.threads = UsableCores()});
  double early = 0;
  int count = 0;
  for (auto _ : state) {
    if (count == 50) early = ResidentMib();
    const Architecture architecture = Architecture::Gpt2(
        4 + count % 4, 256, 512 + 128 * (count % 7), 4, 6000 + 500 * (count % 5));
    const auto model = runtime->LoadRandom(architecture, 1, Purpose::kTiming);
    const auto session = model->NewSession({.max_tokens = 40, .max_step_tokens = 32});
    std::vector<float> logits(static_cast<std::size_t>(architecture.vocab_size()));
    session->Step(std::vector<std::int32_t>(32, 5), Logits::kLast, logits);
    ++count;
  }
  state.counters["rss_mib"] = ResidentMib();
  state.counters["growth_mib"] = ResidentMib() - early;
}
BENCHMARK(BM_Overhead)->Unit(benchmark::kMillisecond)->UseRealTime()->MinTime(3);
BENCHMARK(BM_OwnWeights)->Unit(benchmark::kMillisecond)->UseRealTime()->MinTime(3);
BENCHMARK(BM_Cycles)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(500);

}  // namespace
}  // namespace lts
BENCHMARK_MAIN();

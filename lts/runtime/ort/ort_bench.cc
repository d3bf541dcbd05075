// What a candidate of a search costs on ONNX Runtime before anything of it is timed: its graph and
// weights, the library's session, a context. A decoder of 50 million parameters, whose logits are
// checked against another session's first.
//   BM_Overhead     LoadRandom + NewSession + Prepare, as a search does; the buffer of random
//                   numbers is there already, as from the second candidate on. At most 500 ms on
//                   two cores.
//   BM_OwnWeights   the same with weights drawn for it alone
//   BM_Fused/n      three shapes of the gallery with standard operators and with the library's own,
//                   by turns: a prefill of 192 tokens and decode steps behind it; counters: medians
//                   in ms and how much longer the fused graph takes
//   BM_Cycles       500 candidates of 5 million parameters and changing shapes, a step each
// Counters: rss_mib, resident memory after the last candidate is gone; growth_mib, the difference
// to that after the fifth (BM_Cycles: after the fiftieth).
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <vector>

#include "lts/base/stats.h"
#include "lts/base/thread_pool.h"
#include "lts/runtime/ort/engine.h"
#include "lts/runtime/ort/library.h"
#include "lts/runtime/ort/ort.h"
#include "lts/runtime/ort/session.h"

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
// One way of writing a graph, and its times.
struct TimedVariant {
  explicit TimedVariant(const OnnxOptions& variant_options) : options(variant_options) {}

  std::vector<float> Prefill() {
    context->Rewind(0);
    std::vector<float> logits(vocab_size);
    context->Step(std::vector<std::int32_t>(kPrompt, 5), Logits::kLast, logits);
    return logits;
  }
  void Decode() {
    std::vector<float> logits(vocab_size);
    for (std::int32_t i = 0; i < kDecodeSteps; ++i) {
      context->Step(std::vector<std::int32_t>{i}, Logits::kLast, logits);
    }
  }

  static constexpr std::int64_t kPrompt = 192;
  static constexpr std::int32_t kDecodeSteps = 8;
  OnnxOptions options;
  std::size_t vocab_size = 0;
  std::unique_ptr<ort::Context> context;
  std::vector<double> prefill_ms;
  std::vector<double> decode_ms;  // of one step
};

template <typename Body>
double Milliseconds(const Body& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

void BM_Fused(benchmark::State& state) {
  if (const Availability here = kOrtRuntime.available({}); !here.ok) {
    state.SkipWithError(here.reason.c_str());
    return;
  }
  const Architecture shapes[] = {Architecture::Gpt2(7, 576, 832, 8),
                                 Architecture::Gpt2(7, 768, 960, 8),
                                 Architecture::Gpt2(9, 320, 640, 2)};
  const Graph graph = BuildGraph(shapes[state.range(0)]);
  const ort::Api& api = ort::OpenLibrary(ort::PlacesHere(""));
  ort::SharedWeights numbers;
  const auto weights = std::make_shared<const ort::Weights>(numbers.For(graph, 1));
  std::vector<TimedVariant> variants;
  variants.emplace_back(OnnxOptions{});
  variants.emplace_back(OnnxOptions{.fused = true, .shared_cache = true});
  std::vector<float> expected;
  for (TimedVariant& variant : variants) {
    const ort::Device device{.threads = UsableCores()};
    variant.vocab_size = static_cast<std::size_t>(graph.vocab_size);
    variant.context = std::make_unique<ort::Context>(
        std::make_shared<const ort::Engine>(api, device, weights, variant.options),
        SessionOptions{.max_tokens = TimedVariant::kPrompt + TimedVariant::kDecodeSteps,
                       .max_step_tokens = TimedVariant::kPrompt});
    const std::vector<float> logits = variant.Prefill();
    variant.Decode();
    if (expected.empty()) expected = logits;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      if (!(std::fabs(logits[i] - expected[i]) < 1e-3F)) {
        state.SkipWithError("the fused operators give other logits");
        return;
      }
    }
  }
  for (auto _ : state) {
    for (TimedVariant& variant : variants) {
      variant.prefill_ms.push_back(Milliseconds([&] { variant.Prefill(); }));
      variant.decode_ms.push_back(Milliseconds([&] { variant.Decode(); }) /
                                  TimedVariant::kDecodeSteps);
    }
  }
  const double prefill = Median(variants[0].prefill_ms);
  const double decode = Median(variants[0].decode_ms);
  state.counters["prefill_plain"] = prefill;
  state.counters["decode_plain"] = decode;
  state.counters["prefill_fused"] = Median(variants[1].prefill_ms);
  state.counters["decode_fused"] = Median(variants[1].decode_ms);
  state.counters["prefill_ratio"] = Median(variants[1].prefill_ms) / prefill;
  state.counters["decode_ratio"] = Median(variants[1].decode_ms) / decode;
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
BENCHMARK(BM_Fused)->DenseRange(0, 2)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(40);
BENCHMARK(BM_Cycles)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(500);

}  // namespace
}  // namespace lts
BENCHMARK_MAIN();

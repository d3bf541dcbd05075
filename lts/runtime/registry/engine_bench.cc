// The cpu runtime as a user meets it: prefill to the first logits, and decode steps, of a decoder
// in the size of the published gallery (7 layers, d_model 576, 50,257 tokens). Its logits are
// checked against the reference before anything is timed.
//   engine_bench      columns: prompt or context/threads
// Counters: tokens_s; gflops of a prefill (arch/count.h; the last layer's unwanted positions, which
// are skipped, count as computed); of a decode step the share of the time that reading its bytes
// once (weights and cache) takes: of_read, median over runs in turn. Rotary: rotary_cost, what a
// CodeGen of that size with rotary positions on whole heads takes more than one with them on a
// single pair, as a share, median over runs in turn.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lts/arch/count.h"
#include "lts/base/aligned_buffer.h"
#include "lts/base/thread_pool.h"
#include "lts/runtime/registry/registry.h"

namespace lts {
namespace {

Architecture Decoder() { return Architecture::Gpt2(7, 576, 832, 8); }

Architecture RotaryDecoder(std::int64_t rotary_dims) {
  return Architecture(
      {.backbone = "codegen",
       .d_model = 576,
       .layers = {7, LayerShape{8, 8, 832}},
       .settings = DecoderSettings{.rotary_dims = rotary_dims, .tied_head = false}});
}

double SecondsNow() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::vector<std::int32_t> Tokens(std::int64_t count) {
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(count));
  std::int32_t next = 1;
  for (std::int32_t& token : tokens) token = next = (next * 7919 + 17) % 50257;
  return tokens;
}

// A loaded decoder and one session with room for `prompt` tokens and one more.
class Engine {
 public:
  Engine(std::string_view runtime, int threads, std::int64_t prompt,
         const Architecture& architecture = Decoder())
      : model_(CreateRuntime(runtime, {.threads = threads})->Load(RandomModel(architecture, 1))),
        session_(model_->NewSession({.max_tokens = prompt + 1, .max_step_tokens = prompt})),
        tokens_(Tokens(prompt)),
        logits_(static_cast<std::size_t>(model_->graph().vocab_size)) {}

  void Prefill() {
    session_->Rewind(0);
    session_->Step(tokens_, Logits::kLast, logits_);
  }
  void DecodeOne() {
    session_->Rewind(std::ssize(tokens_));
    session_->Step(std::span(tokens_).first(1), Logits::kLast, logits_);
  }
  const Session& session() const { return *session_; }
  const Graph& graph() const { return model_->graph(); }
  const std::vector<float>& logits() const { return logits_; }

 private:
  std::unique_ptr<LoadedModel> model_;
  std::unique_ptr<Session> session_;
  std::vector<std::int32_t> tokens_;
  std::vector<float> logits_;
};

// A prefill of a few tokens and a decode step equal the reference's.
bool EqualsReference(int threads, const Architecture& architecture = Decoder()) {
  static std::map<std::string, std::vector<std::vector<float>>> of_architecture;
  std::vector<std::vector<float>>& expected = of_architecture[architecture.Id()];
  if (expected.empty()) {
    Engine reference("reference", 1, 5, architecture);
    reference.Prefill();
    expected.push_back(reference.logits());
    reference.DecodeOne();
    expected.push_back(reference.logits());
  }
  Engine engine("cpu", threads, 5, architecture);
  const auto near = [&](const std::vector<float>& right) {
    float scale = 0;
    float difference = 0;
    for (std::size_t i = 0; i < right.size(); ++i) {
      scale = std::max(scale, std::abs(right[i]));
      difference = std::max(difference, std::abs(right[i] - engine.logits()[i]));
    }
    return difference <= 1e-5F * scale;
  };
  engine.Prefill();
  if (!near(expected[0])) return false;
  engine.DecodeOne();
  return near(expected[1]);
}

void BM_Prefill(benchmark::State& state) {
  const std::int64_t prompt = state.range(0);
  const int threads = static_cast<int>(state.range(1));
  if (!EqualsReference(threads)) {
    state.SkipWithError("not the reference's logits");
    return;
  }
  Engine engine("cpu", threads, prompt);
  engine.Prefill();
  std::vector<double> times;
  for (auto _ : state) {
    const double start = SecondsNow();
    engine.Prefill();
    times.push_back(SecondsNow() - start);
    state.SetIterationTime(times.back());
  }
  const auto flops = static_cast<double>(CountStepFlops(engine.graph(), 1, prompt, prompt, 1));
  state.counters["gflops"] = flops / Median(times) / 1e9;
  state.counters["tokens_s"] = static_cast<double>(prompt) / Median(times);
}
BENCHMARK(BM_Prefill)
    ->ArgNames({"prompt", "threads"})
    ->ArgsProduct({{192, 1024}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->MinTime(2);

void BM_Decode(benchmark::State& state) {
  const std::int64_t context = state.range(0);
  const int threads = static_cast<int>(state.range(1));
  if (!EqualsReference(threads)) {
    state.SkipWithError("not the reference's logits");
    return;
  }
  Engine engine("cpu", threads, context);
  engine.Prefill();
  // The same number of bytes from other memory, by as many threads.
  const MemoryAccount memory = engine.session().memory();
  AlignedBuffer<std::uint64_t> bytes((memory.weights + memory.kv_cache) / 8);
  for (std::uint64_t& value : bytes.span()) value = 1;  // untouched pages would all be one
  ThreadPool pool(threads);
  const auto read_all = [&] {
    pool.ParallelFor(bytes.size(), 4096, [&](std::int64_t begin, std::int64_t end, int) {
      std::uint64_t sum = 0;
      for (std::int64_t i = begin; i < end; ++i) sum += bytes[i];
      benchmark::DoNotOptimize(sum);
    });
  };
  read_all();
  std::vector<double> times;
  std::vector<double> shares;
  for (auto _ : state) {
    const double start = SecondsNow();
    engine.DecodeOne();
    const double middle = SecondsNow();
    read_all();
    const double end = SecondsNow();
    times.push_back(middle - start);
    shares.push_back((end - middle) / (middle - start));
    state.SetIterationTime(middle - start);
  }
  state.counters["gb_s"] =
      static_cast<double>(memory.weights + memory.kv_cache) / Median(times) / 1e9;
  state.counters["of_read"] = Median(shares);
  state.counters["tokens_s"] = 1 / Median(times);
}
BENCHMARK(BM_Decode)
    ->ArgNames({"context", "threads"})
    ->ArgsProduct({{192, 1023}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->MinTime(2);

void BM_Rotary(benchmark::State& state) {
  const std::int64_t prompt = state.range(0);
  const bool decode = state.range(1) != 0;
  const Architecture whole_heads = RotaryDecoder(72);
  const Architecture one_pair = RotaryDecoder(2);
  if (!EqualsReference(1, whole_heads) || !EqualsReference(1, one_pair)) {
    state.SkipWithError("not the reference's logits");
    return;
  }
  Engine whole("cpu", 1, prompt, whole_heads);
  Engine pair("cpu", 1, prompt, one_pair);
  whole.Prefill();
  pair.Prefill();
  const auto time = [&](Engine& engine) {
    const double start = SecondsNow();
    if (decode) {
      engine.DecodeOne();
    } else {
      engine.Prefill();
    }
    return SecondsNow() - start;
  };
  std::vector<double> costs;
  for (auto _ : state) {
    const double with = time(whole);
    costs.push_back(with / time(pair) - 1);
    state.SetIterationTime(with);
  }
  state.counters["rotary_cost"] = Median(costs);
}
BENCHMARK(BM_Rotary)
    ->ArgNames({"context", "decode"})
    ->ArgsProduct({{192, 1023}, {0, 1}})
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->MinTime(2);

}  // namespace
}  // namespace lts
BENCHMARK_MAIN();

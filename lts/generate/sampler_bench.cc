// What a token's choice costs beside the step that made its logits: GPT-2's vocabulary, logits as
// spread as a trained model's (normal, standard deviation 3) and, for the worst case of top-p,
// flat.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <numeric>
#include <vector>

#include "lts/generate/sampler.h"

namespace lts {
namespace {

constexpr std::int64_t kVocabSize = 50257;

void Sample(benchmark::State& state, const SamplerOptions& options, float spread) {
  Rng rng(1);
  std::vector<float> logits(kVocabSize);
  for (float& logit : logits) logit = spread * static_cast<float>(rng.Normal());
  std::vector<std::int32_t> context(512);
  std::iota(context.begin(), context.end(), 0);
  Sampler sampler(options, kVocabSize);
  // Every draw must be of the distribution.
  std::vector<bool> possible(kVocabSize);
  double sum = 0;
  for (const TokenProbability& token : sampler.Distribution(logits, context)) {
    possible[static_cast<std::size_t>(token.id)] = true;
    sum += token.probability;
  }
  for (int i = 0; i < 20; ++i) {
    const std::int32_t id = sampler.Sample(logits, context, rng);
    if (!possible[static_cast<std::size_t>(id)] || sum < 0.999999 || sum > 1.000001) {
      state.SkipWithError("wrong distribution");
      return;
    }
  }
  while (state.KeepRunning()) benchmark::DoNotOptimize(sampler.Sample(logits, context, rng));
}
BENCHMARK_CAPTURE(Sample, greedy, {.temperature = 0}, 3.0F)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Sample, all, {}, 3.0F)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Sample, top_k_50, {.top_k = 50}, 3.0F)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Sample, top_p_95, {.top_p = 0.95}, 3.0F)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Sample, top_p_95_flat, {.top_p = 0.95}, 0.0F)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Sample, everything,
                  {.temperature = 0.8, .top_k = 50, .top_p = 0.95, .repetition_penalty = 1.1}, 3.0F)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace lts

BENCHMARK_MAIN();

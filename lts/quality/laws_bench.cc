// What a prediction costs, from the architecture to its value: below 10 us is the target.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>

#include "lts/quality/law.h"

namespace {

lts::Architecture Uneven() {
  lts::ArchitectureFields fields;
  fields.d_model = 512;
  for (std::int64_t i = 0; i < 16; ++i) {
    const std::int64_t n_head = std::int64_t{2} << (i % 3);
    fields.layers.push_back({n_head, n_head, 1024 + 64 * i});
  }
  return lts::Architecture(fields);
}

void BM_Predict(benchmark::State& state, const lts::Law* law) {
  const lts::Architecture architecture = Uneven();
  // The same value as from the sums of the layers, backwards.
  const lts::DecoderFrame frame(architecture);
  std::vector<double> sums(law->sums.size());
  for (auto layer = architecture.layers().rbegin(); layer != architecture.layers().rend();
       ++layer) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += frame.Of(law->sums[i], *layer);
  }
  const double expected = law->value(frame, architecture.n_layer(), sums);
  const double value = lts::Predict(*law, architecture).value;
  if (!(std::abs(value - expected) <= 1e-12 * std::abs(expected))) {
    state.SkipWithError("the prediction is not the law's value");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(lts::Predict(*law, architecture));
}

}  // namespace

int main(int argc, char** argv) {
  for (const lts::Law* law : lts::Laws()) {
    benchmark::RegisterBenchmark(("BM_Predict/" + std::string(law->name)).c_str(), BM_Predict, law)
        ->Unit(benchmark::kMicrosecond);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return EXIT_SUCCESS;
}

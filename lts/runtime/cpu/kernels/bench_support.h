// What the kernels' benchmarks share: paired timing and weights that come from memory, as in a
// model.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "lts/base/aligned_buffer.h"
#include "lts/base/rng.h"

namespace lts {

inline double SecondsNow() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double Median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

inline AlignedBuffer<float> RandomValues(std::int64_t count, std::uint64_t seed) {
  AlignedBuffer<float> values(count);
  FillNormalLike(values.span(), 1.0F, seed, 0);
  return values;
}

// Runs `ours` and `theirs` in turn, so that both see the same machine, and returns the medians and
// that of the ratios.
struct PairedTimes {
  double ours_s = 0;
  double theirs_s = 0;
  double ratio = 0;  // theirs / ours: above 1, ours is faster
};
template <typename Ours, typename Theirs>
PairedTimes TimeInTurn(benchmark::State& state, const Ours& ours, const Theirs& theirs) {
  std::vector<double> our_times;
  std::vector<double> their_times;
  std::vector<double> ratios;
  for (auto _ : state) {
    const double start = SecondsNow();
    ours();
    const double middle = SecondsNow();
    theirs();
    const double end = SecondsNow();
    our_times.push_back(middle - start);
    their_times.push_back(end - middle);
    ratios.push_back(their_times.back() / our_times.back());
    state.SetIterationTime(our_times.back());
  }
  return {Median(our_times), Median(their_times), Median(ratios)};
}

}  // namespace lts

// Attend against the textbook: one row of scores at a time, plain loops that the compiler
// vectorises. One thread. The results are compared before anything is timed.
//   attention_bench       columns: context/d_head; vs_naive: median of paired ratios, >1: ours is
//   faster
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "lts/runtime/cpu/kernels/attention.h"
#include "lts/runtime/cpu/kernels/bench_support.h"

namespace lts {
namespace {

// One head of a context of `tokens` tokens.
class Head {
 public:
  explicit Head(const benchmark::State& state)
      : tokens_(state.range(0)),
        d_head_(state.range(1)),
        q_(RandomValues(tokens_ * d_head_, 1)),
        k_(RandomValues(tokens_ * d_head_, 2)),
        v_(RandomValues(tokens_ * d_head_, 3)),
        keys_(KeyCacheSize(tokens_, d_head_)),
        values_(ValueCacheSize(tokens_, d_head_)),
        scratch_(AttendScratchSize(d_head_)),
        ours_(tokens_ * d_head_),
        naive_(tokens_ * d_head_),
        scores_(tokens_),
        scale_(1.0F / std::sqrt(static_cast<float>(d_head_))) {
    StoreKeysValues(k_.data(), v_.data(), d_head_, tokens_, d_head_, 0, keys_.data(),
                    values_.data());
  }

  // Queries [first, tokens).
  void RunOurs(std::int64_t first) {
    for (; first < tokens_; first += kQueryBlock) {
      Attend({.q = q_.data() + first * d_head_,
              .q_stride = d_head_,
              .rows = std::min(kQueryBlock, tokens_ - first),
              .first_position = first,
              .keys = keys_.data(),
              .values = values_.data(),
              .d_head = d_head_,
              .scale = scale_,
              .out = ours_.data() + first * d_head_,
              .out_stride = d_head_},
             scratch_.data());
    }
  }

  void RunNaive(std::int64_t first) {
    for (std::int64_t i = first; i < tokens_; ++i) {
      const float* q = q_.data() + i * d_head_;
      float* out = naive_.data() + i * d_head_;
      float max = -INFINITY;
      for (std::int64_t t = 0; t <= i; ++t) {
        float score = 0;
        for (std::int64_t j = 0; j < d_head_; ++j) score += q[j] * k_[t * d_head_ + j];
        scores_[t] = score * scale_;
        max = std::max(max, scores_[t]);
      }
      float sum = 0;
      for (std::int64_t t = 0; t <= i; ++t) sum += scores_[t] = std::exp(scores_[t] - max);
      for (std::int64_t j = 0; j < d_head_; ++j) out[j] = 0;
      for (std::int64_t t = 0; t <= i; ++t) {
        const float weight = scores_[t] / sum;
        for (std::int64_t j = 0; j < d_head_; ++j) out[j] += weight * v_[t * d_head_ + j];
      }
    }
  }

  bool Agree() {
    RunOurs(0);
    RunNaive(0);
    for (std::int64_t i = 0; i < ours_.size(); ++i) {
      if (!(std::abs(ours_[i] - naive_[i]) < 1e-4F)) return false;
    }
    return true;
  }

  // Scores and weighted values of queries [first, tokens), causal.
  double Flops(std::int64_t first) const {
    const double pairs = 0.5 * static_cast<double>(tokens_ * (tokens_ + 1) - first * (first + 1));
    return 4.0 * static_cast<double>(d_head_) * pairs;
  }

 private:
  std::int64_t tokens_;
  std::int64_t d_head_;
  AlignedBuffer<float> q_;
  AlignedBuffer<float> k_;
  AlignedBuffer<float> v_;
  AlignedBuffer<float> keys_;
  AlignedBuffer<float> values_;
  AlignedBuffer<float> scratch_;
  AlignedBuffer<float> ours_;
  AlignedBuffer<float> naive_;
  AlignedBuffer<float> scores_;
  float scale_;
};

void Compare(benchmark::State& state, bool decode) {
  Head head(state);
  if (!head.Agree()) {
    state.SkipWithError("wrong attention");
    return;
  }
  const std::int64_t first = decode ? state.range(0) - 1 : 0;
  const PairedTimes times = TimeInTurn(
      state, [&] { head.RunOurs(first); }, [&] { head.RunNaive(first); });
  state.counters["gflops"] = head.Flops(first) / times.ours_s / 1e9;
  state.counters["vs_naive"] = times.ratio;
}

void BM_Prefill(benchmark::State& state) { Compare(state, false); }
BENCHMARK(BM_Prefill)
    ->ArgNames({"context", "d_head"})
    ->ArgsProduct({{192, 1024}, {32, 64, 72, 128}})
    ->UseManualTime()
    ->MinTime(0.2);

void BM_Decode(benchmark::State& state) { Compare(state, true); }
BENCHMARK(BM_Decode)
    ->ArgNames({"context", "d_head"})
    ->ArgsProduct({{192, 1024}, {64, 72}})
    ->UseManualTime()
    ->MinTime(0.2);

}  // namespace
}  // namespace lts
BENCHMARK_MAIN();

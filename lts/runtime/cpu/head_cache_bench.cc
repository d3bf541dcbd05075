// A decode step's attention over the three types of cache, by turns: every head of a context once,
// as many heads as fill 32 MiB of float32, so that none of the caches fits L2. The results are
// compared before anything is timed.
//   head_cache_bench      rows: context/threads, at a d_head of 64
// Counters, medians over runs in turn: *_us of a head; *_of_read, the share of the time that
// reading the same bytes takes by as many threads (ReadAll of kernels/ceiling.h); *_vs_bf16,
// bfloat16's time over its own (above 1: faster); *_bytes of a token of a head. Prefill: *_ms of a
// head, with storing.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "lts/base/thread_pool.h"
#include "lts/runtime/cpu/head_cache.h"
#include "lts/runtime/cpu/kernels/bench_support.h"
#include "lts/runtime/cpu/kernels/ceiling.h"

namespace lts::cpu {
namespace {

constexpr std::int64_t kHeadDim = 64;

// The heads of one layer at one token, over a full cache.
class Heads {
 public:
  Heads(DType dtype, std::int64_t tokens, std::int64_t heads, ThreadPool& pool)
      : dtype_(dtype),
        tokens_(tokens),
        heads_(heads),
        pool_(pool),
        q_(RandomValues(heads * kHeadDim, 1)),
        out_(heads * kHeadDim),
        head_bytes_(HeadCacheWords(dtype, tokens, kHeadDim) * 4),
        data_(heads * head_bytes_),
        scratch_bytes_(AttendTokensScratchBytes(dtype, kHeadDim)),
        scratch_(pool.threads() * scratch_bytes_) {
    const AlignedBuffer<float> k = RandomValues(tokens * kHeadDim, 2);
    const AlignedBuffer<float> v = RandomValues(tokens * kHeadDim, 3);
    pool_.ParallelFor(heads, 1, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t head = begin; head < end; ++head)
        StoreTokens(Cache(head), k.data(), v.data(), kHeadDim, tokens, 0);
    });
  }

  void Attend() {
    pool_.ParallelFor(heads_, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
      for (std::int64_t head = begin; head < end; ++head) {
        AttendTokens(Cache(head),
                     {.q = q_.data() + head * kHeadDim,
                      .q_stride = kHeadDim,
                      .rows = 1,
                      .first_position = tokens_ - 1,
                      .scale = 1.0F / std::sqrt(static_cast<float>(kHeadDim)),
                      .out = out_.data() + head * kHeadDim,
                      .out_stride = kHeadDim},
                     scratch_.data() + worker * scratch_bytes_);
      }
    });
  }

  void Read() {
    pool_.ParallelFor(data_.size() / 64, 512, [&](std::int64_t begin, std::int64_t end, int) {
      const auto* floats = reinterpret_cast<const float*>(data_.data());
      benchmark::DoNotOptimize(ReadAll(floats + begin * 16, (end - begin) * 16));
    });
  }

  double TokenBytes() const {
    return static_cast<double>(head_bytes_) / static_cast<double>(tokens_);
  }
  const AlignedBuffer<float>& out() const { return out_; }

 private:
  HeadCache Cache(std::int64_t head) {
    return {dtype_, tokens_, kHeadDim, data_.data() + head * head_bytes_};
  }

  DType dtype_;
  std::int64_t tokens_;
  std::int64_t heads_;
  ThreadPool& pool_;
  AlignedBuffer<float> q_;
  AlignedBuffer<float> out_;
  std::int64_t head_bytes_;
  AlignedBuffer<std::byte> data_;
  std::int64_t scratch_bytes_;
  AlignedBuffer<std::byte> scratch_;
};

// Values of size 1, rounded to 8 bits, are off by 2^-9, or by 4 / 254 of a greatest value of 4.
bool Near(const Heads& a, const Heads& b) {
  for (std::int64_t i = 0; i < a.out().size(); ++i) {
    if (!(std::abs(a.out()[i] - b.out()[i]) < 0.05F)) return false;
  }
  return true;
}

void BM_DecodeAttention(benchmark::State& state) {
  const std::int64_t tokens = state.range(0);
  ThreadPool pool(static_cast<int>(state.range(1)));
  const std::int64_t heads = (std::int64_t{32} << 20) / (tokens * kHeadDim * 2 * 4);
  constexpr std::array kTypes = {DType::kFloat32, DType::kBFloat16, DType::kInt8};
  std::vector<Heads> all;
  all.reserve(kTypes.size());
  for (const DType dtype : kTypes) {
    all.emplace_back(dtype, tokens, heads, pool).Attend();
    if (!Near(all.back(), all.front())) {
      state.SkipWithError("wrong attention");
      return;
    }
  }
  std::array<std::vector<double>, kTypes.size()> times;
  std::array<std::vector<double>, kTypes.size()> shares;
  std::array<std::vector<double>, kTypes.size()> ratios;
  for (auto _ : state) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const double start = SecondsNow();
      all[i].Attend();
      const double middle = SecondsNow();
      all[i].Read();
      const double end = SecondsNow();
      times[i].push_back(middle - start);
      shares[i].push_back((end - middle) / (middle - start));
    }
    for (std::size_t i = 0; i < all.size(); ++i)
      ratios[i].push_back(times[1].back() / times[i].back());
    state.SetIterationTime(times.back().back());
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string name(kDTypes.Name(kTypes[i]));
    state.counters[name + "_us"] = 1e6 * Median(times[i]) / static_cast<double>(heads);
    state.counters[name + "_of_read"] = Median(shares[i]);
    state.counters[name + "_vs_bf16"] = Median(ratios[i]);
    state.counters[name + "_bytes"] = all[i].TokenBytes();
  }
}
BENCHMARK(BM_DecodeAttention)
    ->ArgNames({"context", "threads"})
    ->ArgsProduct({{128, 512, 2048, 8192}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->MinTime(0.5);

// The same rows of a prefill: one head, all of its queries, causal.
void BM_PrefillAttention(benchmark::State& state) {
  const std::int64_t tokens = state.range(0);
  constexpr std::array kTypes = {DType::kFloat32, DType::kBFloat16, DType::kInt8};
  const AlignedBuffer<float> q = RandomValues(tokens * kHeadDim, 1);
  const AlignedBuffer<float> k = RandomValues(tokens * kHeadDim, 2);
  const AlignedBuffer<float> v = RandomValues(tokens * kHeadDim, 3);
  std::array<AlignedBuffer<float>, kTypes.size()> outs;
  std::array<std::vector<double>, kTypes.size()> times;
  std::array<std::vector<double>, kTypes.size()> ratios;
  const auto run = [&](std::size_t i) {
    AlignedBuffer<std::byte> data(HeadCacheWords(kTypes[i], tokens, kHeadDim) * 4);
    AlignedBuffer<std::byte> scratch(AttendTokensScratchBytes(kTypes[i], kHeadDim));
    const HeadCache cache{kTypes[i], tokens, kHeadDim, data.data()};
    const double start = SecondsNow();
    StoreTokens(cache, k.data(), v.data(), kHeadDim, tokens, 0);
    const std::int64_t block = MostQueries(kTypes[i]);
    for (std::int64_t first = 0; first < tokens; first += block) {
      AttendTokens(cache,
                   {.q = q.data() + first * kHeadDim,
                    .q_stride = kHeadDim,
                    .rows = std::min(block, tokens - first),
                    .first_position = first,
                    .scale = 1.0F / std::sqrt(static_cast<float>(kHeadDim)),
                    .out = outs[i].data() + first * kHeadDim,
                    .out_stride = kHeadDim},
                   scratch.data());
    }
    return SecondsNow() - start;
  };
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    outs[i] = AlignedBuffer<float>(tokens * kHeadDim);
    run(i);
    for (std::int64_t j = 0; j < outs[i].size(); ++j) {
      if (!(std::abs(outs[i][j] - outs[0][j]) < 0.05F)) {
        state.SkipWithError("wrong attention");
        return;
      }
    }
  }
  for (auto _ : state) {
    for (std::size_t i = 0; i < kTypes.size(); ++i) times[i].push_back(run(i));
    for (std::size_t i = 0; i < kTypes.size(); ++i)
      ratios[i].push_back(times[1].back() / times[i].back());
    state.SetIterationTime(times.back().back());
  }
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    const std::string name(kDTypes.Name(kTypes[i]));
    state.counters[name + "_ms"] = 1e3 * Median(times[i]);
    state.counters[name + "_vs_bf16"] = Median(ratios[i]);
  }
}
BENCHMARK(BM_PrefillAttention)
    ->ArgName("context")
    ->Arg(192)
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->MinTime(0.3);

}  // namespace
}  // namespace lts::cpu
BENCHMARK_MAIN();

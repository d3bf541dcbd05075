// MatMul against oneDNN's matmul (its own best weight layout, one slice per thread) and against
// this machine's bounds: multiply-adds from registers, and reading the weights' bytes. Each
// product's result is checked before it is timed. Weights are as many matrices as fill 96 MiB, used
// in turn: in a model they come from memory too.
//   matmul_bench --benchmark_filter=Prefill      columns: m/k/n/threads
// Counters: gflops or gb_s of ours; vs_onednn, vs_read: median over paired runs of their time /
// ours (>1: ours is faster); of_peak: share of the multiply-add rate measured in the same run.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <cmath>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/matmul_bench.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/vector-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// Enough for any latency times width (5 x 2), few enough for 16 registers: a chain that is spilled
// would measure the stack.
constexpr int kChains = 12;

// FLOPs of `rounds` rounds; the time they take is the peak that a product could reach.
double MultiplyAddRounds(std::int64_t rounds, float seed) {
  const D d;
  V acc[kChains];
  LTS_UNROLL
  for (int i = 0; i < kChains; ++i) acc[i] = hn::Set(d, seed + static_cast<float>(i));
  const V factor = hn::Set(d, 0.5F);
  const V addend = hn::Set(d, seed);
  for (std::int64_t round = 0; round < rounds; ++round) {
    LTS_UNROLL
    for (int i = 0; i < kChains; ++i) acc[i] = hn::MulAdd(acc[i], factor, addend);
  }
  V sum = hn::Zero(d);
  LTS_UNROLL
  for (int i = 0; i < kChains; ++i) sum = hn::Add(sum, acc[i]);
  benchmark::DoNotOptimize(hn::GetLane(hn::SumOfLanes(d, sum)));
  return 2.0 * kChains * static_cast<double>(kLanes) * static_cast<double>(rounds);
}

float SumAll(const float* values, std::int64_t count) {
  const D d;
  V sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for (std::int64_t i = 0; i + 4 * kLanes <= count; i += 4 * kLanes) {
    LTS_UNROLL
    for (int v = 0; v < 4; ++v) __builtin_prefetch(values + i + v * kLanes + 1024, 0, 3);
    LTS_UNROLL
    for (int v = 0; v < 4; ++v) sums[v] = hn::Add(sums[v], hn::LoadU(d, values + i + v * kLanes));
  }
  return hn::GetLane(
      hn::SumOfLanes(d, hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]))));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "lts/runtime/cpu/kernels/bench_support.h"
#include "lts/runtime/cpu/kernels/matmul.h"

namespace lts {

HWY_EXPORT(MultiplyAddRounds);
HWY_EXPORT(SumAll);

namespace {

constexpr std::int64_t kMemoryMib = 96;

// oneDNN's product of one thread's slice, rows or columns, with every matrix of weights in oneDNN's
// layout.
class OneDnnSlice {
 public:
  OneDnnSlice(const float* x, std::int64_t m, std::int64_t k, std::int64_t n, float* y,
              std::int64_t y_stride, const float* weights, std::int64_t weights_stride,
              std::int64_t copies)
      : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    using Dims = dnnl::memory::dims;
    constexpr auto kFloat = dnnl::memory::data_type::f32;
    const dnnl::memory::desc x_desc({m, k}, kFloat, Dims{k, 1});
    const dnnl::memory::desc w_desc({k, n}, kFloat, dnnl::memory::format_tag::any);
    const dnnl::memory::desc y_desc({m, n}, kFloat, Dims{y_stride, 1});
    const dnnl::matmul::primitive_desc desc(dnnl::matmul::desc(x_desc, w_desc, y_desc), engine_);
    matmul_ = dnnl::matmul(desc);
    x_ = dnnl::memory(x_desc, engine_, const_cast<float*>(x));
    y_ = dnnl::memory(y_desc, engine_, y);
    dnnl::memory plain(dnnl::memory::desc({k, n}, kFloat, Dims{weights_stride, 1}), engine_,
                       const_cast<float*>(weights));
    const auto floats = static_cast<std::int64_t>(desc.weights_desc().get_size() / sizeof(float));
    storage_ = AlignedBuffer<float>(copies * floats);
    for (std::int64_t i = 0; i < copies; ++i) {
      weights_.emplace_back(desc.weights_desc(), engine_, storage_.data() + i * floats);
      dnnl::reorder(plain, weights_.back()).execute(stream_, plain, weights_.back());
    }
    stream_.wait();
  }
  void Run(std::int64_t copy) {
    matmul_.execute(stream_, {{DNNL_ARG_SRC, x_},
                              {DNNL_ARG_WEIGHTS, weights_[static_cast<std::size_t>(copy)]},
                              {DNNL_ARG_DST, y_}});
  }

 private:
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::matmul matmul_;
  dnnl::memory x_;
  dnnl::memory y_;
  AlignedBuffer<float> storage_;
  std::vector<dnnl::memory> weights_;
};

// One product, by us and by oneDNN.
class Products {
 public:
  // Weights of `weights_mib` in all.
  Products(const benchmark::State& state, std::int64_t weights_mib)
      : m_(state.range(0)),
        k_(state.range(1)),
        n_(state.range(2)),
        pool_(static_cast<int>(state.range(3))),
        copies_(std::max<std::int64_t>(2, weights_mib * ((1 << 20) / 4) / (k_ * n_))),
        their_copy_(copies_ / 2),
        x_(RandomValues(m_ * k_, 1)),
        plain_(RandomValues(k_ * n_, 2)),
        packed_(copies_ * PackedSize(k_, n_)),
        ours_(m_ * n_),
        theirs_(m_ * n_) {
    for (std::int64_t i = 0; i < copies_; ++i) {
      PackMatrix(plain_.data(), k_, n_, packed_.data() + i * PackedSize(k_, n_), pool_);
    }
    // Whichever way of sharing the work suits oneDNN: rows when there are many, columns otherwise.
    const bool by_rows = m_ >= 64 * pool_.threads();
    for (int i = 0; i < pool_.threads(); ++i) {
      const auto part = [&](std::int64_t all) { return all * i / pool_.threads(); };
      const auto size = [&](std::int64_t all) {
        return all * (i + 1) / pool_.threads() - all * i / pool_.threads();
      };
      if (by_rows) {
        slices_.push_back(std::make_unique<OneDnnSlice>(x_.data() + part(m_) * k_, size(m_), k_, n_,
                                                        theirs_.data() + part(m_) * n_, n_,
                                                        plain_.data(), n_, copies_));
      } else {
        slices_.push_back(std::make_unique<OneDnnSlice>(x_.data(), m_, k_, size(n_),
                                                        theirs_.data() + part(n_), n_,
                                                        plain_.data() + part(n_), n_, copies_));
      }
    }
  }

  void RunOurs() {
    const std::int64_t copy = our_copy_++ % copies_;
    MatMul(x_.data(), m_, k_, {packed_.data() + copy * PackedSize(k_, n_), k_, n_}, {},
           ours_.data(), n_, pool_);
  }
  void RunTheirs() {
    const std::int64_t copy = their_copy_++ % copies_;
    pool_.Run([&](int worker) {
      omp_set_num_threads(1);
      slices_[static_cast<std::size_t>(worker)]->Run(copy);
    });
  }
  void ReadWeights() {
    const std::int64_t copy = their_copy_++ % copies_;
    const float* weights = packed_.data() + copy * PackedSize(k_, n_);
    const auto sum = HWY_DYNAMIC_DISPATCH(SumAll);
    pool_.ParallelFor(PackedSize(k_, n_), 1024, [&](std::int64_t begin, std::int64_t end, int) {
      benchmark::DoNotOptimize(sum(weights + begin, end - begin));
    });
  }

  // Both against float64 on a sample of elements.
  bool BothRight() {
    RunOurs();
    RunTheirs();
    for (std::int64_t sample = 0; sample < 200; ++sample) {
      const std::int64_t i = sample * 7919 % m_;
      const std::int64_t j = sample * 104729 % n_;
      double expected = 0;
      for (std::int64_t k = 0; k < k_; ++k) {
        expected += static_cast<double>(x_[i * k_ + k]) * static_cast<double>(plain_[k * n_ + j]);
      }
      const double tolerance = 1e-4 * std::sqrt(static_cast<double>(k_));
      if (std::abs(ours_[i * n_ + j] - expected) > tolerance ||
          std::abs(theirs_[i * n_ + j] - expected) > tolerance) {
        return false;
      }
    }
    return true;
  }

  double flops() const { return 2.0 * static_cast<double>(m_ * k_ * n_); }
  double weight_bytes() const { return 4.0 * static_cast<double>(k_ * n_); }

  // Multiply-adds per second of all threads, from registers.
  double MeasurePeak() {
    double best = 0;
    for (int repeat = 0; repeat < 5; ++repeat) {
      std::vector<double> flops(static_cast<std::size_t>(pool_.threads()));
      const double start = SecondsNow();
      pool_.Run([&](int worker) {
        flops[static_cast<std::size_t>(worker)] =
            HWY_DYNAMIC_DISPATCH(MultiplyAddRounds)(1 << 18, 1.0F);
      });
      const double seconds = SecondsNow() - start;
      double all = 0;
      for (const double one : flops) all += one;
      best = std::max(best, all / seconds);
    }
    return best;
  }

 private:
  std::int64_t m_;
  std::int64_t k_;
  std::int64_t n_;
  ThreadPool pool_;
  std::int64_t copies_;
  std::int64_t our_copy_ = 0;
  std::int64_t their_copy_;  // half the copies behind: not what the other has just brought to L2
  AlignedBuffer<float> x_;
  AlignedBuffer<float> plain_;
  AlignedBuffer<float> packed_;
  AlignedBuffer<float> ours_;
  AlignedBuffer<float> theirs_;
  std::vector<std::unique_ptr<OneDnnSlice>> slices_;
};

void BM_Prefill(benchmark::State& state) {
  Products products(state, kMemoryMib);
  if (!products.BothRight()) {
    state.SkipWithError("wrong product");
    return;
  }
  const double peak = products.MeasurePeak();
  const PairedTimes times = TimeInTurn(
      state, [&] { products.RunOurs(); }, [&] { products.RunTheirs(); });
  state.counters["gflops"] = products.flops() / times.ours_s / 1e9;
  state.counters["vs_onednn"] = times.ratio;
  state.counters["of_peak"] = products.flops() / times.ours_s / peak;
}
BENCHMARK(BM_Prefill)
    ->ArgNames({"m", "k", "n", "threads"})
    ->ArgsProduct({{192, 384}, {576}, {576, 1728, 2304}, {1, 2}})
    ->ArgsProduct({{192, 384}, {2304}, {576}, {1, 2}})
    ->Args({192, 1024, 1024, 2})
    ->UseManualTime()
    ->MinTime(0.5);

void BM_Decode(benchmark::State& state) {
  Products products(state, state.range(4));
  if (!products.BothRight()) {
    state.SkipWithError("wrong product");
    return;
  }
  const bool against_onednn = state.range(0) > 1;
  const PairedTimes times = TimeInTurn(
      state, [&] { products.RunOurs(); },
      [&] {
        if (against_onednn) {
          products.RunTheirs();
        } else {
          products.ReadWeights();
        }
      });
  state.counters["gb_s"] = products.weight_bytes() / times.ours_s / 1e9;
  state.counters[against_onednn ? "vs_onednn" : "vs_read"] = times.ratio;
}
BENCHMARK(BM_Decode)
    ->ArgNames({"m", "k", "n", "threads", "mib"})
    ->ArgsProduct({{1, 4, 8}, {576}, {1728}, {1, 2}, {24, kMemoryMib}})
    ->ArgsProduct({{1, 4, 8}, {2304}, {576}, {1, 2}, {24, kMemoryMib}})
    ->UseManualTime()
    ->MinTime(0.3);

}  // namespace
}  // namespace lts
BENCHMARK_MAIN();
#endif  // HWY_ONCE

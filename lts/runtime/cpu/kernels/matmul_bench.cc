// MatMul against oneDNN's matmul (its own best weight layout, one slice per thread) and against
// this machine's bounds: multiply-adds from registers, and reading the weights' bytes. Each
// product's result is checked before it is timed. Weights are as many matrices as fill 96 MiB, used
// in turn: in a model they come from memory too.
//   matmul_bench --benchmark_filter=Prefill      columns: m/k/n/threads
// Counters: gflops or gb_s of ours; vs_onednn, vs_read: median over paired runs of their time /
// ours (>1: ours is faster); of_peak: share of the multiply-add rate measured in the same run.
#include <benchmark/benchmark.h>

#include <cmath>
#include <memory>
#include <vector>

#include "lts/runtime/cpu/kernels/bench_support.h"
#include "lts/runtime/cpu/kernels/ceiling.h"
#include "lts/runtime/cpu/kernels/matmul.h"
#include "lts/runtime/cpu/kernels/onednn_product.h"

namespace lts {

namespace {

constexpr std::int64_t kMemoryMib = 96;

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
    theirs_product_ =
        std::make_unique<OneDnnProduct>(DType::kFloat32, x_.data(), m_, k_, n_, theirs_.data(),
                                        plain_.data(), copies_, pool_.threads());
  }

  void RunOurs() {
    const std::int64_t copy = our_copy_++ % copies_;
    MatMul(x_.data(), m_, k_, {packed_.data() + copy * PackedSize(k_, n_), k_, n_}, {},
           ours_.data(), n_, pool_);
  }
  void RunTheirs() { theirs_product_->Run(their_copy_++ % copies_, pool_); }
  void ReadWeights() {
    const std::int64_t copy = their_copy_++ % copies_;
    const float* weights = packed_.data() + copy * PackedSize(k_, n_);
    pool_.ParallelFor(PackedSize(k_, n_), 1024, [&](std::int64_t begin, std::int64_t end, int) {
      benchmark::DoNotOptimize(ReadAll(weights + begin, end - begin));
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
        flops[static_cast<std::size_t>(worker)] = MultiplyAddRounds(DType::kFloat32, 1e8);
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
  std::unique_ptr<OneDnnProduct> theirs_product_;
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

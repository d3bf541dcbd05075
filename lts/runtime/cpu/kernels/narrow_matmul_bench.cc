// NarrowMatMul, the rounding of its input included, against oneDNN's product of values that are
// already bfloat16 or int8 and that writes raw sums (its own best weight layout, one slice per
// thread), and a decode's product against reading its bytes. Each product's result is checked
// before it is timed. Weights are as many matrices as fill 96 MiB, used in turn, the two sides half
// of them apart.
//   narrow_matmul_bench        columns: bytes of the dtype / m / k / n / threads
// Counters: gflops or gb_s of ours; vs_onednn, vs_read: median over paired runs of their time /
// ours
// (>1: ours is faster).
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "lts/runtime/cpu/kernels/bench_support.h"
#include "lts/runtime/cpu/kernels/ceiling.h"
#include "lts/runtime/cpu/kernels/narrow.h"
#include "lts/runtime/cpu/kernels/onednn_product.h"

namespace lts {
namespace {

constexpr std::int64_t kWeightsMib = 96;

// Integers in [-127, 127], 127 in every row and column: int8 keeps them exactly on both sides, and
// so does bfloat16.
AlignedBuffer<float> Integers(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  AlignedBuffer<float> values(rows * columns);
  Rng rng(seed);
  for (std::int64_t i = 0; i < rows * columns; ++i)
    values[i] = static_cast<float>(rng.Between(-127, 127));
  for (std::int64_t i = 0; i < std::max(rows, columns); ++i)
    values[i % rows * columns + i % columns] = 127.0F;
  return values;
}

class Products {
 public:
  explicit Products(const benchmark::State& state)
      : dtype_(state.range(0) == 2 ? DType::kBFloat16 : DType::kInt8),
        m_(state.range(1)),
        k_(state.range(2)),
        n_(state.range(3)),
        pool_(static_cast<int>(state.range(4))),
        words_(NarrowPackedWords(k_, n_, dtype_)),
        copies_(std::max<std::int64_t>(2, kWeightsMib * (1 << 18) / words_)),
        x_(Integers(m_, k_, 1)),
        plain_(Integers(k_, n_, 2)),
        packed_(copies_ * words_),
        scales_(PaddedColumns(n_)),
        scratch_bytes_(NarrowScratchBytes(m_, k_, dtype_)),
        scratch_(scratch_bytes_ * pool_.threads()),
        ours_(m_ * n_),
        theirs_(m_ * n_),
        onednn_(dtype_, x_.data(), m_, k_, n_, theirs_.data(), plain_.data(), copies_,
                pool_.threads()) {
    for (std::int64_t i = 0; i < copies_; ++i) {
      PackNarrow(plain_.data(), k_, n_, dtype_, packed_.data() + i * words_,
                 dtype_ == DType::kInt8 ? scales_.data() : nullptr, pool_);
    }
  }

  void RunOurs() {
    const std::uint32_t* words = packed_.data() + next_++ % copies_ * words_;
    NarrowMatMul(x_.data(), m_, k_, {words, scales_.data(), dtype_, k_, n_}, {0, n_}, {},
                 ours_.data(), n_, {scratch_.data(), scratch_bytes_}, pool_);
  }
  void RunTheirs() { onednn_.Run((next_ + copies_ / 2) % copies_, pool_); }
  void ReadWeights() {
    const std::uint32_t* words = packed_.data() + (next_ + copies_ / 2) % copies_ * words_;
    pool_.ParallelFor(words_, 1024, [&](std::int64_t begin, std::int64_t end, int) {
      benchmark::DoNotOptimize(ReadAll(reinterpret_cast<const float*>(words + begin), end - begin));
    });
  }

  bool BothRight() {
    RunOurs();
    RunTheirs();
    for (std::int64_t sample = 0; sample < 200; ++sample) {
      const std::int64_t i = sample * 7919 % m_;
      const std::int64_t j = sample * 104729 % n_;
      double expected = 0;
      double magnitude = 0;
      for (std::int64_t k = 0; k < k_; ++k) {
        const double term =
            static_cast<double>(x_[i * k_ + k]) * static_cast<double>(plain_[k * n_ + j]);
        expected += term;
        magnitude += std::abs(term);
      }
      float theirs = theirs_[i * n_ + j];
      if (dtype_ == DType::kInt8) {
        std::int32_t integer;
        std::memcpy(&integer, &theirs, sizeof(integer));
        theirs = static_cast<float>(integer);
      }
      const double tolerance = 1e-5 * magnitude;
      if (std::abs(ours_[i * n_ + j] - expected) > tolerance ||
          std::abs(theirs - expected) > tolerance) {
        return false;
      }
    }
    return true;
  }

  double flops() const { return 2.0 * static_cast<double>(m_ * k_ * n_); }
  double weight_bytes() const { return static_cast<double>(words_ * kWordBytes); }

 private:
  DType dtype_;
  std::int64_t m_;
  std::int64_t k_;
  std::int64_t n_;
  ThreadPool pool_;
  std::int64_t words_;
  std::int64_t copies_;
  std::int64_t next_ = 0;
  AlignedBuffer<float> x_;
  AlignedBuffer<float> plain_;
  AlignedBuffer<std::uint32_t> packed_;
  AlignedBuffer<float> scales_;
  std::int64_t scratch_bytes_;
  AlignedBuffer<std::byte> scratch_;
  AlignedBuffer<float> ours_;
  AlignedBuffer<float> theirs_;
  OneDnnProduct onednn_;
};

void BM_NarrowPrefill(benchmark::State& state) {
  Products products(state);
  if (!products.BothRight()) {
    state.SkipWithError("wrong product");
    return;
  }
  const PairedTimes times = TimeInTurn(
      state, [&] { products.RunOurs(); }, [&] { products.RunTheirs(); });
  state.counters["gflops"] = products.flops() / times.ours_s / 1e9;
  state.counters["vs_onednn"] = times.ratio;
}
BENCHMARK(BM_NarrowPrefill)
    ->ArgNames({"bytes", "m", "k", "n", "threads"})
    ->ArgsProduct({{2, 1}, {512}, {576}, {576, 1728, 2304}, {1, 2}})
    ->ArgsProduct({{2, 1}, {512}, {2304}, {576}, {1, 2}})
    ->UseManualTime()
    ->MinTime(0.5);

void BM_NarrowDecode(benchmark::State& state) {
  Products products(state);
  if (!products.BothRight()) {
    state.SkipWithError("wrong product");
    return;
  }
  const PairedTimes times = TimeInTurn(
      state, [&] { products.RunOurs(); }, [&] { products.ReadWeights(); });
  state.counters["gb_s"] = products.weight_bytes() / times.ours_s / 1e9;
  state.counters["vs_read"] = times.ratio;
}
BENCHMARK(BM_NarrowDecode)
    ->ArgNames({"bytes", "m", "k", "n", "threads"})
    ->ArgsProduct({{2, 1}, {1, 4, 8}, {576}, {1728}, {1, 2}})
    ->UseManualTime()
    ->MinTime(0.3);

}  // namespace
}  // namespace lts
BENCHMARK_MAIN();

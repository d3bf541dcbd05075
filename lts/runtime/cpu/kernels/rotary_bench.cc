// What rotary positions cost: RotateHeads on all queries and keys of a layer, next to the product
// that writes them (MatMul, [m, d_model] x [d_model, 3 d_model]) and to the plain loop that the
// compiler vectorises. One thread. The results are compared before anything is timed.
//   rotary_bench      columns: m (tokens)/d_model/d_head/interleaved
// Counters, medians over paired runs: of_product, the time of RotateHeads in that of the product;
// vs_naive, of the loop (>1: ours is faster).
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "lts/runtime/cpu/kernels/bench_support.h"
#include "lts/runtime/cpu/kernels/matmul.h"
#include "lts/runtime/cpu/kernels/rotary.h"

namespace lts {
namespace {

constexpr std::int64_t kFirstPosition = 1000;

class Layer {
 public:
  explicit Layer(const benchmark::State& state)
      : m_(state.range(0)),
        d_model_(state.range(1)),
        d_head_(state.range(2)),
        scheme_(state.range(3) == 0 ? PositionScheme::kRotaryHalves
                                    : PositionScheme::kRotaryInterleaved),
        table_((kFirstPosition + m_) * d_head_),
        x_(RandomValues(m_ * d_model_, 1)),
        packed_(PackedSize(d_model_, width())),
        ours_(RandomValues(m_ * width(), 2)),
        naive_(RandomValues(m_ * width(), 2)),
        product_(m_ * width()) {
    FillRotaryTable(kFirstPosition + m_, d_head_, 10000.0, table_.data(), pool_);
    const AlignedBuffer<float> weights = RandomValues(d_model_ * width(), 3);
    PackMatrix(weights.data(), d_model_, width(), packed_.data(), pool_);
  }

  void RunOurs() {
    for (std::int64_t column = 0; column < 2 * d_model_; column += d_head_) {
      RotateHeads({table_.data(), d_head_}, scheme_,
                  {.x = ours_.data() + column,
                   .stride = width(),
                   .rows = m_,
                   .first_position = kFirstPosition});
    }
  }

  void RunNaive() {
    const std::int64_t pairs = d_head_ / 2;
    const bool halves = scheme_ == PositionScheme::kRotaryHalves;
    const std::int64_t apart = halves ? pairs : 1;
    const std::int64_t step = halves ? 1 : 2;
    for (std::int64_t row = 0; row < m_; ++row) {
      const float* cosines = table_.data() + (kFirstPosition + row) * d_head_;
      const float* sines = cosines + pairs;
      for (std::int64_t column = 0; column < 2 * d_model_; column += d_head_) {
        float* x = naive_.data() + row * width() + column;
        for (std::int64_t i = 0; i < pairs; ++i) {
          const float a = x[i * step];
          const float b = x[i * step + apart];
          x[i * step] = a * cosines[i] - b * sines[i];
          x[i * step + apart] = b * cosines[i] + a * sines[i];
        }
      }
    }
  }

  void RunProduct() {
    MatMul(x_.data(), m_, d_model_, {packed_.data(), d_model_, width()}, {}, product_.data(),
           width(), pool_);
  }

  // Before the first timed run: both turned once from equal values.
  bool Agree() {
    RunOurs();
    RunNaive();
    bool turned = false;
    const AlignedBuffer<float> before = RandomValues(m_ * width(), 2);
    for (std::int64_t i = 0; i < ours_.size(); ++i) {
      if (!(std::abs(ours_[i] - naive_[i]) < 1e-5F)) return false;
      turned = turned || ours_[i] != before[i];
    }
    return turned;
  }

 private:
  std::int64_t width() const { return 3 * d_model_; }

  std::int64_t m_;
  std::int64_t d_model_;
  std::int64_t d_head_;
  PositionScheme scheme_;
  ThreadPool pool_{1};
  AlignedBuffer<float> table_;
  AlignedBuffer<float> x_;
  AlignedBuffer<float> packed_;
  AlignedBuffer<float> ours_;
  AlignedBuffer<float> naive_;
  AlignedBuffer<float> product_;
};

void BM_Rotary(benchmark::State& state) {
  Layer layer(state);
  if (!layer.Agree()) {
    state.SkipWithError("wrong rotation");
    return;
  }
  std::vector<double> naive_ratios;
  std::vector<double> product_shares;
  std::vector<double> times;
  for (auto _ : state) {
    const double start = SecondsNow();
    layer.RunProduct();
    const double multiplied = SecondsNow();
    layer.RunOurs();
    const double turned = SecondsNow();
    layer.RunNaive();
    const double end = SecondsNow();
    times.push_back(turned - multiplied);
    product_shares.push_back(times.back() / (multiplied - start));
    naive_ratios.push_back((end - turned) / times.back());
    state.SetIterationTime(times.back());
  }
  state.counters["of_product"] = Median(product_shares);
  state.counters["vs_naive"] = Median(naive_ratios);
}
BENCHMARK(BM_Rotary)
    ->ArgNames({"m", "d_model", "d_head", "interleaved"})
    ->ArgsProduct({{1, 192}, {512, 1024}, {64, 128}, {0, 1}})
    ->Unit(benchmark::kMicrosecond)
    ->UseManualTime()
    ->Iterations(300);

}  // namespace
}  // namespace lts
BENCHMARK_MAIN();

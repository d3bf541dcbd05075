#include "lts/runtime/cpu/kernels/norm.h"

#include <algorithm>
#include <cmath>

#include "lts/runtime/cpu/kernels/narrow.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/norm.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/narrow-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// Sum over a row of f(x), four chains so that the latency of an addition is hidden. f must map 0 to
// what adds nothing in the lanes past the end, or use n, the lanes that exist.
template <typename F>
HWY_INLINE float SumRow(const float* x, std::int64_t d, const F& f) {
  const D df;
  V sum0 = hn::Zero(df);
  V sum1 = sum0;
  V sum2 = sum0;
  V sum3 = sum0;
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= d; i += 4 * kLanes) {
    sum0 = f.Add(sum0, hn::LoadU(df, x + i));
    sum1 = f.Add(sum1, hn::LoadU(df, x + i + kLanes));
    sum2 = f.Add(sum2, hn::LoadU(df, x + i + 2 * kLanes));
    sum3 = f.Add(sum3, hn::LoadU(df, x + i + 3 * kLanes));
  }
  for (; i + kLanes <= d; i += kLanes) sum0 = f.Add(sum0, hn::LoadU(df, x + i));
  if (i < d) {
    const V values = LoadPartial(x + i, d - i);
    sum1 =
        hn::IfThenElse(hn::FirstN(df, static_cast<std::size_t>(d - i)), f.Add(sum1, values), sum1);
  }
  return hn::GetLane(hn::SumOfLanes(df, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
}

struct Plain {
  HWY_INLINE V Add(V sum, V x) const { return hn::Add(sum, x); }
};
struct SquaredDeviation {
  float mean;
  HWY_INLINE V Add(V sum, V x) const {
    const V deviation = hn::Sub(x, hn::Set(D(), mean));
    return hn::MulAdd(deviation, deviation, sum);
  }
};

// Where a row's results go: float32, or bfloat16 with zeros up to a whole tile.
HWY_INLINE void StoreNorm(V value, std::int64_t i, std::int64_t d, float* y) {
  StoreUpTo(value, y + i, d - i);
}
HWY_INLINE void StoreNorm(V value, std::int64_t i, std::int64_t d, std::uint16_t* y) {
  StoreRounded(value, y + i);
  const std::int64_t padded = NarrowDepthBytes(d, DType::kBFloat16) / 2;
  if (i + kLanes >= d) std::fill(y + std::min(i + kLanes, padded), y + padded, std::uint16_t{0});
}
constexpr std::int64_t NormStride(std::int64_t d, const float*) { return d; }
constexpr std::int64_t NormStride(std::int64_t d, const std::uint16_t*) { return RoundedStride(d); }

// y = (x - mean) * scale * gain + bias
template <class Out>
HWY_INLINE void ScaleRow(const float* x, std::int64_t d, float mean, float scale, const float* gain,
                         const float* bias, Out* y) {
  const D df;
  const V means = hn::Set(df, mean);
  const V scales = hn::Set(df, scale);
  for (std::int64_t i = 0; i < d; i += kLanes) {
    const std::int64_t n = d - i;
    V value = hn::Mul(hn::Sub(LoadUpTo(x + i, n), means), scales);
    value = hn::Mul(value, LoadUpTo(gain + i, n));  // 0 after the last
    if (bias != nullptr) value = hn::Add(value, LoadUpTo(bias + i, n));
    StoreNorm(value, i, d, y);
  }
}

template <class Out>
HWY_INLINE void LayerNormAll(const float* x, std::int64_t rows, std::int64_t d, const float* gain,
                             const float* bias, float epsilon, Out* y) {
  const float count = static_cast<float>(d);
  for (std::int64_t r = 0; r < rows; ++r, x += d, y += NormStride(d, y)) {
    const float mean = SumRow(x, d, Plain{}) / count;
    const float variance = SumRow(x, d, SquaredDeviation{mean}) / count;
    ScaleRow(x, d, mean, 1.0F / std::sqrt(variance + epsilon), gain, bias, y);
  }
}

template <class Out>
HWY_INLINE void RmsNormAll(const float* x, std::int64_t rows, std::int64_t d, const float* gain,
                           float epsilon, Out* y) {
  for (std::int64_t r = 0; r < rows; ++r, x += d, y += NormStride(d, y)) {
    const float mean_square = SumRow(x, d, SquaredDeviation{0.0F}) / static_cast<float>(d);
    ScaleRow(x, d, 0.0F, 1.0F / std::sqrt(mean_square + epsilon), gain, nullptr, y);
  }
}

void LayerNormRows(const float* x, std::int64_t rows, std::int64_t d, const float* gain,
                   const float* bias, float epsilon, float* y) {
  LayerNormAll(x, rows, d, gain, bias, epsilon, y);
}
void LayerNormRounded(const float* x, std::int64_t rows, std::int64_t d, const float* gain,
                      const float* bias, float epsilon, std::uint16_t* y) {
  LayerNormAll(x, rows, d, gain, bias, epsilon, y);
}
void RmsNormRows(const float* x, std::int64_t rows, std::int64_t d, const float* gain,
                 float epsilon, float* y) {
  RmsNormAll(x, rows, d, gain, epsilon, y);
}
void RmsNormRounded(const float* x, std::int64_t rows, std::int64_t d, const float* gain,
                    float epsilon, std::uint16_t* y) {
  RmsNormAll(x, rows, d, gain, epsilon, y);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lts {

namespace {
// Waking a worker costs about as much as normalising this many rows of a small model; also the tile
// of the products that follow, so that a thread mostly multiplies the rows that it normalised.
constexpr std::int64_t kRowsPerTask = 6;
}  // namespace

HWY_EXPORT(LayerNormRows);
HWY_EXPORT(LayerNormRounded);
HWY_EXPORT(RmsNormRows);
HWY_EXPORT(RmsNormRounded);

void LayerNorm(const float* x, std::int64_t rows, std::int64_t d, const float* gain,
               const float* bias, float epsilon, float* y, ThreadPool& pool) {
  const auto norm = HWY_DYNAMIC_DISPATCH(LayerNormRows);
  pool.ParallelFor(rows, kRowsPerTask, [&](std::int64_t begin, std::int64_t end, int) {
    norm(x + begin * d, end - begin, d, gain, bias, epsilon, y + begin * d);
  });
}

void RmsNorm(const float* x, std::int64_t rows, std::int64_t d, const float* gain, float epsilon,
             float* y, ThreadPool& pool) {
  const auto norm = HWY_DYNAMIC_DISPATCH(RmsNormRows);
  pool.ParallelFor(rows, kRowsPerTask, [&](std::int64_t begin, std::int64_t end, int) {
    norm(x + begin * d, end - begin, d, gain, epsilon, y + begin * d);
  });
}

void LayerNorm(const float* x, std::int64_t rows, std::int64_t d, const float* gain,
               const float* bias, float epsilon, std::uint16_t* y, ThreadPool& pool) {
  const auto norm = HWY_DYNAMIC_DISPATCH(LayerNormRounded);
  pool.ParallelFor(rows, kRowsPerTask, [&](std::int64_t begin, std::int64_t end, int) {
    norm(x + begin * d, end - begin, d, gain, bias, epsilon, y + begin * RoundedStride(d));
  });
}

void RmsNorm(const float* x, std::int64_t rows, std::int64_t d, const float* gain, float epsilon,
             std::uint16_t* y, ThreadPool& pool) {
  const auto norm = HWY_DYNAMIC_DISPATCH(RmsNormRounded);
  pool.ParallelFor(rows, kRowsPerTask, [&](std::int64_t begin, std::int64_t end, int) {
    norm(x + begin * d, end - begin, d, gain, epsilon, y + begin * RoundedStride(d));
  });
}

}  // namespace lts
#endif  // HWY_ONCE

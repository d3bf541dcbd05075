#include "lts/runtime/cpu/kernels/rotary.h"

#include <cmath>
#include <cstring>

#include "lts/base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/rotary.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/vector-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// Turns the pairs (a, b) by the angles of the given cosines and sines.
HWY_INLINE void Turn(V& a, V& b, V cosine, V sine) {
  const V turned = hn::NegMulAdd(b, sine, hn::Mul(a, cosine));
  b = hn::MulAdd(a, sine, hn::Mul(b, cosine));
  a = turned;
}

// cosines, sines: [pairs].
HWY_INLINE void TurnHalves(const float* HWY_RESTRICT cosines, const float* HWY_RESTRICT sines,
                           std::int64_t pairs, float* HWY_RESTRICT x) {
  for (std::int64_t i = 0; i < pairs; i += kLanes) {
    const std::int64_t n = pairs - i;
    V a = LoadUpTo(x + i, n);
    V b = LoadUpTo(x + pairs + i, n);
    Turn(a, b, LoadUpTo(cosines + i, n), LoadUpTo(sines + i, n));
    StoreUpTo(a, x + i, n);
    StoreUpTo(b, x + pairs + i, n);
  }
}

HWY_INLINE void TurnNeighbours(const float* HWY_RESTRICT cosines, const float* HWY_RESTRICT sines,
                               std::int64_t pairs, float* HWY_RESTRICT x) {
  const D d;
  V a;
  V b;
  std::int64_t i = 0;
  for (; i + kLanes <= pairs; i += kLanes) {
    hn::LoadInterleaved2(d, x + 2 * i, a, b);
    Turn(a, b, hn::LoadU(d, cosines + i), hn::LoadU(d, sines + i));
    hn::StoreInterleaved2(a, b, d, x + 2 * i);
  }
  if (i < pairs) {
    const std::int64_t n = pairs - i;
    const std::size_t bytes = 2 * static_cast<std::size_t>(n) * sizeof(float);
    HWY_ALIGN float padded[2 * kLanes] = {};
    std::memcpy(padded, x + 2 * i, bytes);
    hn::LoadInterleaved2(d, padded, a, b);
    Turn(a, b, LoadPartial(cosines + i, n), LoadPartial(sines + i, n));
    hn::StoreInterleaved2(a, b, d, padded);
    std::memcpy(x + 2 * i, padded, bytes);
  }
}

void RotateRows(const RotaryTable& table, bool halves, const RotaryTask& task) {
  const std::int64_t pairs = table.dims / 2;
  for (std::int64_t r = 0; r < task.rows; ++r) {
    const float* cosines = table.data + (task.first_position + r * task.position_step) * table.dims;
    float* x = task.x + r * task.stride;
    if (halves) {
      TurnHalves(cosines, cosines + pairs, pairs, x);
    } else {
      TurnNeighbours(cosines, cosines + pairs, pairs, x);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lts {

HWY_EXPORT(RotateRows);

void FillRotaryTable(std::int64_t positions, std::int64_t dims, double base, float* table,
                     ThreadPool& pool) {
  LTS_DCHECK(dims >= 2 && dims % 2 == 0);
  const std::int64_t pairs = dims / 2;
  constexpr std::int64_t kPositionsPerTask = 16;  // tens of microseconds
  pool.ParallelFor(positions, kPositionsPerTask, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = 0; i < pairs; ++i) {
      const double turn = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(dims));
      for (std::int64_t position = begin; position < end; ++position) {
        const double angle = static_cast<double>(position) * turn;
        table[position * dims + i] = static_cast<float>(std::cos(angle));
        table[position * dims + pairs + i] = static_cast<float>(std::sin(angle));
      }
    }
  });
}

void RotateHeads(const RotaryTable& table, PositionScheme scheme, const RotaryTask& task) {
  LTS_DCHECK(scheme == PositionScheme::kRotaryHalves ||
             scheme == PositionScheme::kRotaryInterleaved);
  HWY_DYNAMIC_DISPATCH(RotateRows)(table, scheme == PositionScheme::kRotaryHalves, task);
}

}  // namespace lts
#endif  // HWY_ONCE

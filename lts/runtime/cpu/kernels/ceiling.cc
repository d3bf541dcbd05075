#include "lts/runtime/cpu/kernels/ceiling.h"

#include <algorithm>

#include "lts/base/error.h"
#include "lts/runtime/cpu/kernels/amx.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/ceiling.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/narrow-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// Keeps a value from being optimised away, and what led to it.
HWY_INLINE float Use(V v) {
  float lane = hn::GetLane(v);
  asm volatile("" : "+r,m"(lane));
  return lane;
}

// Enough for any latency times width (5 x 2), few enough for 16 registers: a chain that is spilled
// would measure the stack.
constexpr int kChains = 12;

double Float32Rounds(double flops) {
  const D d;
  V acc[kChains];
  LTS_UNROLL
  for (int i = 0; i < kChains; ++i) acc[i] = hn::Set(d, 1.0F + static_cast<float>(i));
  const V factor = hn::Set(d, 0.5F);
  const V addend = hn::Set(d, 1.0F);
  constexpr double kPerRound = 2.0 * kChains * static_cast<double>(kLanes);
  const auto rounds = static_cast<std::int64_t>(flops / kPerRound) + 1;
  for (std::int64_t round = 0; round < rounds; ++round) {
    LTS_UNROLL
    for (int i = 0; i < kChains; ++i) acc[i] = hn::MulAdd(acc[i], factor, addend);
  }
  V sum = hn::Zero(d);
  LTS_UNROLL
  for (int i = 0; i < kChains; ++i) sum = hn::Add(sum, acc[i]);
  Use(sum);
  return kPerRound * static_cast<double>(rounds);
}

double Int8Rounds(double flops) {
  const DI di;
  VI acc[kChains];
  LTS_UNROLL
  for (int i = 0; i < kChains; ++i) acc[i] = hn::Set(di, i);
  VI weights = hn::Set(di, 0x01010101);
  VI x = hn::Set(di, 0x01010101);
  constexpr double kPerRound = 8.0 * kChains * static_cast<double>(kLanes);
  const auto rounds = static_cast<std::int64_t>(flops / kPerRound) + 1;
  for (std::int64_t round = 0; round < rounds; ++round) {
    LTS_UNROLL
    for (int i = 0; i < kChains; ++i) acc[i] = DotQuads(acc[i], weights, x);
    // Sums that grow by 4 a round are a product of constants for a compiler that looks closely.
    asm volatile("" ::: "memory");
  }
  VI sum = hn::Zero(di);
  LTS_UNROLL
  for (int i = 0; i < kChains; ++i) sum = hn::Add(sum, acc[i]);
  Use(hn::ConvertTo(D(), sum));
  return kPerRound * static_cast<double>(rounds);
}

float ReadFloats(const float* values, std::int64_t count) {
  const D d;
  constexpr std::int64_t kTurn = 4 * kLanes;
  V sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  std::int64_t i = 0;
  for (; i + kTurn <= count; i += kTurn) {
    for (std::int64_t line = 0; line < kTurn; line += 16)
      PrefetchToL1(values + i + line + kStreamAhead);
    LTS_UNROLL
    for (int v = 0; v < 4; ++v) sums[v] = hn::Add(sums[v], hn::Load(d, values + i + v * kLanes));
  }
  float rest = 0;
  for (; i < count; ++i) rest += values[i];
  return rest +
         Use(hn::SumOfLanes(d, hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]))));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lts {

HWY_EXPORT(Float32Rounds);
HWY_EXPORT(Int8Rounds);
HWY_EXPORT(ReadFloats);

namespace {

// 2 x 2 tiles and 8 steps: 24 KiB, in L1.
double TileRounds(DType dtype, double flops) {
  constexpr std::int64_t kSteps = 8;
  alignas(64) static constexpr unsigned char kZeros[2 * kAmxRows * kSteps * 64] = {};
  alignas(64) float sums[2 * kAmxRows * 2 * kAmxRows];
  const double per_call = 2.0 * 32 * 32 * 64 * kSteps / static_cast<double>(SizeOf(dtype));
  const auto calls = static_cast<std::int64_t>(flops / per_call) + 1;
  const AmxTiles tiles;
  for (std::int64_t call = 0; call < calls; ++call) {
    AmxMultiply(dtype,
                {.a = kZeros,
                 .a_stride = kSteps * 64,
                 .b = kZeros,
                 .b_stride = 128,
                 .steps = kSteps,
                 .c = sums,
                 .c_stride = 128},
                2, 2);
  }
  return per_call * static_cast<double>(calls);
}

}  // namespace

float ReadAll(const float* values, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(ReadFloats)(values, count);
}

double MultiplyAddRounds(DType dtype, double flops) {
  if (dtype == DType::kFloat32) return HWY_DYNAMIC_DISPATCH(Float32Rounds)(flops);
  if (AmxAvailable()) return TileRounds(dtype, flops);
  // Without tiles bfloat16 is widened and multiplied as float32.
  if (dtype == DType::kBFloat16) return HWY_DYNAMIC_DISPATCH(Float32Rounds)(flops);
  return HWY_DYNAMIC_DISPATCH(Int8Rounds)(flops);
}

}  // namespace lts
#endif  // HWY_ONCE

// Building blocks of the kernels, compiled once per instruction set: partial loads and stores, exp,
// activations. Include inside a kernel's .cc after foreach_target.h.

#if defined(LTS_RUNTIME_CPU_KERNELS_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LTS_RUNTIME_CPU_KERNELS_VECTOR_INL_H_
#undef LTS_RUNTIME_CPU_KERNELS_VECTOR_INL_H_
#else
#define LTS_RUNTIME_CPU_KERNELS_VECTOR_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "lts/arch/op.h"

// Full unrolling at -O2 too: the accumulators of a tile must be registers, and an array indexed by
// a loop variable that survives is memory.
#ifndef LTS_UNROLL
#if defined(__clang__)
#define LTS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LTS_UNROLL _Pragma("GCC unroll 16")
#endif
#endif

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
inline constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));

// The first n lanes (1 <= n <= kLanes) from p, zeros after them; touches no other memory.
HWY_INLINE V LoadPartial(const float* p, std::int64_t n) {
  const D d;
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN float lanes[kLanes] = {};
  for (std::int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return hn::Load(d, lanes);
#else
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(n)), d, p);
#endif
}

// The first n lanes (1 <= n <= kLanes) to p; touches no other memory (a neighbour may belong to
// another thread).
HWY_INLINE void StorePartial(V v, float* p, std::int64_t n) {
  const D d;
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN float lanes[kLanes];
  hn::Store(v, d, lanes);
  for (std::int64_t i = 0; i < n; ++i) p[i] = lanes[i];
#else
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(n)), d, p);
#endif
}

// How far ahead to ask for weights that are read once (decode). What counts there is how many lines
// are under way: the hardware's own prefetcher stops at the end of each 4 KiB page and keeps fewer
// under way than the core could.
inline constexpr std::int64_t kStreamAheadBytes = 4096;
inline constexpr std::int64_t kStreamAhead = kStreamAheadBytes / 4;  // floats or words
HWY_INLINE void PrefetchToL1(const void* p) { __builtin_prefetch(p, 0, 3); }

// The accumulators of a tile.
template <class Vector, int kRows, int kColumns>
HWY_INLINE void SetZero(Vector (&sums)[kRows][kColumns]) {
  LTS_UNROLL
  for (int r = 0; r < kRows; ++r) {
    LTS_UNROLL
    for (int c = 0; c < kColumns; ++c) sums[r][c] = hn::Zero(hn::DFromV<Vector>());
  }
}

HWY_INLINE V LoadUpTo(const float* p, std::int64_t n) {
  return n >= kLanes ? hn::LoadU(D(), p) : LoadPartial(p, n);
}
HWY_INLINE void StoreUpTo(V v, float* p, std::int64_t n) {
  if (n >= kLanes) {
    hn::StoreU(v, D(), p);
  } else {
    StorePartial(v, p, n);
  }
}

// e^x for x <= 88.37; 0 below -87.33 (the smallest normal number; subnormals would be slow and no
// one could tell). n = round(x / ln 2), r = x - n ln 2 in two steps (Cody & Waite 1980: the high
// part of ln 2 has 9 trailing zero bits, so n * high is exact), then Taylor to r^7 / 5040 on |r| <=
// 0.347: truncation 0.347^8 / 8! = 5e-9 relative, an eighth of a rounding error. The result is
// within 2 units in the last place.
HWY_INLINE V Exp(V x) {
  const D d;
  const hn::RebindToSigned<D> di;
  const V low = hn::Set(d, -87.33F);
  const auto underflow = hn::Lt(x, low);
  const V clamped = hn::Min(hn::Max(x, low), hn::Set(d, 88.37F));
  const V n = hn::Round(hn::Mul(clamped, hn::Set(d, 1.44269504F)));
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693145752F), clamped);
  r = hn::NegMulAdd(n, hn::Set(d, 1.42860677e-6F), r);
  V p = hn::MulAdd(r, hn::Set(d, 1.0F / 5040.0F), hn::Set(d, 1.0F / 720.0F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F / 120.0F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F / 24.0F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F / 6.0F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5F));
  p = hn::MulAdd(p, hn::Mul(r, r), r);
  p = hn::Add(p, hn::Set(d, 1.0F));
  // p is in [0.70, 1.42] and n in [-126, 127]: adding n to the exponent field gives 2^n p, still
  // normal or, for n = 127 and p > 1, just below the largest number.
  const auto scaled = hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::ConvertTo(di, n)));
  return hn::IfThenZeroElse(underflow, hn::BitCast(d, scaled));
}

// x / (1 + e^-y): sigmoid(y) scaled by x.
HWY_INLINE V MulSigmoid(V x, V y) {
  const D d;
  return hn::Div(x, hn::Add(hn::Set(d, 1.0F), Exp(hn::Neg(y))));
}

// 0.5 x (1 + tanh(u)), u = sqrt(2 / pi) (x + 0.044715 x^3), as x sigmoid(2 u): the same function
// without the cancellation of 1 + tanh near -1.
HWY_INLINE V GeluTanh(V x) {
  const D d;
  const V inner = hn::MulAdd(hn::Mul(x, x), hn::Set(d, 0.0713548163F), hn::Set(d, 1.59576912F));
  return MulSigmoid(x, hn::Mul(x, inner));
}

// 0.5 x (1 + erf(x / sqrt 2)). erf by Abramowitz & Stegun 7.1.26: absolute error <= 1.5e-7, so the
// result is within 0.75e-7 |x| plus rounding.
HWY_INLINE V GeluErf(V x) {
  const D d;
  const V z = hn::Mul(hn::Abs(x), hn::Set(d, 0.707106781F));
  const V one = hn::Set(d, 1.0F);
  const V t = hn::Div(one, hn::MulAdd(z, hn::Set(d, 0.3275911F), one));
  V p = hn::MulAdd(t, hn::Set(d, 1.061405429F), hn::Set(d, -1.453152027F));
  p = hn::MulAdd(p, t, hn::Set(d, 1.421413741F));
  p = hn::MulAdd(p, t, hn::Set(d, -0.284496736F));
  p = hn::MulAdd(p, t, hn::Set(d, 0.254829592F));
  p = hn::Mul(p, t);
  const V tail = hn::Mul(p, Exp(hn::Neg(hn::Mul(z, z))));  // 1 - erf(|x| / sqrt 2)
  const V half = hn::Mul(hn::Set(d, 0.5F), x);
  // x >= 0: x/2 (2 - tail); x < 0: x/2 tail.
  return hn::Mul(half,
                 hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(hn::Set(d, 2.0F), tail)));
}

HWY_INLINE V Activate(Activation activation, V x) {
  const D d;
  switch (activation) {
    case Activation::kGeluTanh:
      return GeluTanh(x);
    case Activation::kGeluErf:
      return GeluErf(x);
    case Activation::kRelu:
      return hn::Max(x, hn::Zero(d));
    case Activation::kReluSquared: {
      const V positive = hn::Max(x, hn::Zero(d));
      return hn::Mul(positive, positive);
    }
    case Activation::kSilu:
      return MulSigmoid(x, x);
  }
  return x;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#endif  // include guard

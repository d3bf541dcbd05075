// Conversions to bfloat16 and int8, and dot products of int8 quads, for every instruction set.
// Include inside a kernel's .cc after foreach_target.h.

#if defined(LTS_RUNTIME_CPU_KERNELS_NARROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LTS_RUNTIME_CPU_KERNELS_NARROW_INL_H_
#undef LTS_RUNTIME_CPU_KERNELS_NARROW_INL_H_
#else
#define LTS_RUNTIME_CPU_KERNELS_NARROW_INL_H_
#endif

#include <algorithm>
#include <cstring>

#include "lts/runtime/cpu/kernels/narrow_work.h"
#include "lts/runtime/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

using DI = hn::RebindToSigned<D>;
using DU = hn::RebindToUnsigned<D>;
using VI = hn::Vec<DI>;
using VU = hn::Vec<DU>;

// The two bfloat16 values of each word as float32: exact.
HWY_INLINE V LowHalf(VU words) { return hn::BitCast(D(), hn::ShiftLeft<16>(words)); }
HWY_INLINE V HighHalf(VU words) {
  return hn::BitCast(D(), hn::And(words, hn::Set(DU(), 0xFFFF0000U)));
}

// The bits of bfloat16, round to nearest even, in the low half of each lane. A NaN whose payload
// would round away to infinity is not cared for: hidden values that are NaN stay so through the
// sums.
HWY_INLINE VU BFloat16Bits(V x) {
  const DU du;
  const VU bits = hn::BitCast(du, x);
  const VU odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1U));
  return hn::ShiftRight<16>(hn::Add(hn::Add(bits, odd), hn::Set(du, 0x7FFFU)));
}
// n values to bfloat16, then zeros up to `padded`.
HWY_INLINE void ConvertRow(const float* HWY_RESTRICT x, std::int64_t n, std::int64_t padded,
                           std::uint16_t* HWY_RESTRICT out) {
  const hn::Rebind<std::uint16_t, D> dh;
  const DI di;
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(hn::DemoteTo(dh, hn::BitCast(di, BFloat16Bits(hn::LoadU(D(), x + i)))), dh, out + i);
  }
  if (i < n) {
    HWY_ALIGN std::uint32_t bits[kLanes];
    hn::Store(BFloat16Bits(LoadPartial(x + i, n - i)), DU(), bits);
    for (std::int64_t j = 0; i < n; ++i, ++j) out[i] = static_cast<std::uint16_t>(bits[j]);
  }
  std::fill(out + n, out + padded, std::uint16_t{0});
}

// A vector to bfloat16, round to nearest even, subnormals to zero. For what is done beside tiles
// alone: a processor that has AMX has AVX512_BF16 too, of which Highway 1.0 knows nothing.
HWY_INLINE void StoreRounded(V v, std::uint16_t* to) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  __m256i half;
  asm("vcvtneps2bf16 %1, %0" : "=v"(half) : "v"(v.raw));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), half);
#else
  const hn::Rebind<std::uint16_t, D> dh;
  hn::StoreU(hn::DemoteTo(dh, hn::BitCast(DI(), BFloat16Bits(v))), dh, to);
#endif
}
// As ConvertRow, by StoreRounded. `padded` is a multiple of 32.
HWY_INLINE void RoundRow(const float* HWY_RESTRICT x, std::int64_t n, std::int64_t padded,
                         std::uint16_t* HWY_RESTRICT out) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) StoreRounded(hn::LoadU(D(), x + i), out + i);
  if (i < n) {
    StoreRounded(LoadPartial(x + i, n - i), out + i);
    i += kLanes;
  }
  std::fill(out + std::min(i, padded), out + padded, std::uint16_t{0});
}

// 2^x for x <= 0 (with AVX-512 any x): within 4e-5 relative, a fiftieth of what rounding to
// bfloat16 costs and a hundredth of int8; 0 from about -126 on.
HWY_INLINE V Exp2(V x) {
  const D d;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  // x = n + r, n = floor(x), as two instructions know it; the least error for degree 4 on [0, 1).
  const V r{_mm512_reduce_ps(x.raw, 1)};
  V p = hn::MulAdd(r, hn::Set(d, 0.0135341623F), hn::Set(d, 0.0520114713F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.241442751F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.693003836F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.00000259F));
  return V{_mm512_scalef_ps(p.raw, x.raw)};
#else
  // x = n + r, |r| <= 1/2; Taylor to (r ln 2)^4 / 24.
  const DI di;
  const V low = hn::Set(d, -126.0F);
  const auto underflow = hn::Lt(x, low);
  const V clamped = hn::Max(x, low);
  const V n = hn::Round(clamped);
  const V r = hn::Sub(clamped, n);
  V p = hn::MulAdd(r, hn::Set(d, 0.00961812911F), hn::Set(d, 0.0555041087F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.240226507F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.693147181F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F));
  const auto scaled = hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::ConvertTo(di, n)));
  // The integers lost what was NaN.
  return hn::IfThenElse(hn::Eq(x, x), hn::IfThenZeroElse(underflow, hn::BitCast(d, scaled)), x);
#endif
}

// Activations within 1e-4 relative: a twentieth of what rounding to bfloat16 costs, and half the
// time of vector-inl.h's. Without AVX-512 they are those.
HWY_INLINE V ActivateNarrow(Activation activation, V x) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  // x / (1 + 2^y); the reciprocal is within 2^-14.
  const auto mul_sigmoid = [x](V y) HWY_ATTR {
    return hn::Mul(x, hn::ApproximateReciprocal(hn::Add(Exp2(y), hn::Set(D(), 1.0F))));
  };
  switch (activation) {
    case Activation::kGeluTanh: {  // GeluTanh's numbers times -log2 e
      const V inner =
          hn::MulAdd(hn::Mul(x, x), hn::Set(D(), -0.10294324F), hn::Set(D(), -2.3022082F));
      return mul_sigmoid(hn::Mul(x, inner));
    }
    case Activation::kSilu:
      return mul_sigmoid(hn::Mul(x, hn::Set(D(), -1.44269504F)));
    default:
      break;
  }
#endif
  return Activate(activation, x);
}

// The greatest magnitude of n values; NaN where one of them is infinite or NaN.
HWY_INLINE float MaxMagnitude(const float* x, std::int64_t n) {
  const V zero = hn::Zero(D());
  V max = zero;
  V poison = zero;  // a maximum may lose a NaN, a sum does not
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V values = hn::LoadU(D(), x + i);
    max = hn::Max(max, hn::Abs(values));
    poison = hn::MulAdd(values, zero, poison);
  }
  if (i < n) {
    const V values = LoadPartial(x + i, n - i);
    max = hn::Max(max, hn::Abs(values));
    poison = hn::MulAdd(values, zero, poison);
  }
  return hn::GetLane(hn::MaxOfLanes(D(), max)) + hn::GetLane(hn::SumOfLanes(D(), poison));
}

struct QuantizedRow {
  float scale = 0;       // x = q scale
  std::int32_t sum = 0;  // of all q
};
// n values to symmetric int8, then zeros up to `padded`. A row with an infinity or NaN has scale
// NaN.
HWY_INLINE QuantizedRow QuantizeRow(const float* HWY_RESTRICT x, std::int64_t n,
                                    std::int64_t padded, std::int8_t* HWY_RESTRICT out) {
  const hn::Rebind<std::int8_t, D> db;
  const DI di;
  const float max = MaxMagnitude(x, n);
  QuantizedRow row{max / 127.0F, 0};
  // A scale of zero or below the normal range (whose inverse is infinite): all zeros.
  const float inverse = max > 1e-36F ? 127.0F / max : 0.0F;
  const V factor = hn::Set(D(), inverse);
  VI sum = hn::Zero(di);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const VI q = hn::NearestInt(hn::Mul(hn::LoadU(D(), x + i), factor));
    sum = hn::Add(sum, q);
    hn::StoreU(hn::DemoteTo(db, q), db, out + i);
  }
  if (i < n) {
    const VI q = hn::NearestInt(hn::Mul(LoadPartial(x + i, n - i), factor));
    sum = hn::Add(sum, q);
    HWY_ALIGN std::int32_t lanes[kLanes];
    hn::Store(q, di, lanes);
    for (std::int64_t j = 0; i < n; ++i, ++j) out[i] = static_cast<std::int8_t>(lanes[j]);
  }
  std::fill(out + n, out + padded, std::int8_t{0});
  row.sum = hn::GetLane(hn::SumOfLanes(di, sum));
  return row;
}

#if HWY_TARGET != HWY_SCALAR
// Sums of neighbouring products of int16: lane i is a[2i] b[2i] + a[2i+1] b[2i+1].
template <class VH>
HWY_INLINE VI MultiplyPairs(VH a, VH b) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return VI{_mm512_madd_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_AVX2
  return VI{_mm256_madd_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_SSE4
  return VI{_mm_madd_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
  // For every 64-bit Arm. USDOT (Armv8.6) would do a whole quad at once, and SDOT (8.2) on weights
  // shifted to signed; Highway 1.0 has no target that tells such machines apart.
  return VI{vpaddq_s32(vmull_s16(vget_low_s16(a.raw), vget_low_s16(b.raw)),
                       vmull_high_s16(a.raw, b.raw))};
#else
  const DI di;
  const VI a_words = hn::BitCast(di, a);
  const VI b_words = hn::BitCast(di, b);
  const VI low = hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(a_words)),
                         hn::ShiftRight<16>(hn::ShiftLeft<16>(b_words)));
  return hn::Add(low, hn::Mul(hn::ShiftRight<16>(a_words), hn::ShiftRight<16>(b_words)));
#endif
}
#endif  // not HWY_SCALAR

// acc + the dot products of each lane's four bytes: weights uint8, x int8. Exact.
HWY_INLINE VI DotQuads(VI acc, VI weights, VI x) {
#if HWY_TARGET == HWY_AVX3_DL
  // Highway 1.0 compiles this target without the flag that the intrinsic asks for.
  asm("vpdpbusd %2, %1, %0" : "+v"(acc.raw) : "v"(weights.raw), "v"(x.raw));
  return acc;
#elif HWY_TARGET == HWY_SCALAR
  const auto w = static_cast<std::uint32_t>(hn::GetLane(weights));
  const auto q = static_cast<std::uint32_t>(hn::GetLane(x));
  std::int32_t sum = hn::GetLane(acc);
  for (int shift = 0; shift < 32; shift += 8) {
    sum += static_cast<std::int32_t>((w >> shift) & 0xFFU) *
           static_cast<std::int8_t>(static_cast<std::uint8_t>(q >> shift));
  }
  return hn::Set(DI(), sum);
#else
  const hn::RepartitionToNarrow<DI> dh;
  const hn::RebindToUnsigned<decltype(dh)> dhu;
  const auto w = hn::BitCast(dhu, weights);
  const auto q = hn::BitCast(dh, x);
  const auto w_even = hn::BitCast(dh, hn::And(w, hn::Set(dhu, 0xFFU)));
  const auto w_odd = hn::BitCast(dh, hn::ShiftRight<8>(w));
  const auto x_even = hn::ShiftRight<8>(hn::ShiftLeft<8>(q));
  const auto x_odd = hn::ShiftRight<8>(q);
  return hn::Add(acc, hn::Add(MultiplyPairs(w_even, x_even), MultiplyPairs(w_odd, x_odd)));
#endif
}

// MultiplyTile of tile-inl.h with b in words of two bfloat16: word row k / 2 holds b's rows k and k
// +
// 1. In an odd depth the last row's high halves are not looked at.
template <int kRows, int kVectors>
HWY_INLINE void MultiplyTile(const float* HWY_RESTRICT x, std::int64_t x_stride,
                             const std::uint32_t* HWY_RESTRICT words, std::int64_t stride,
                             std::int64_t depth, V (&acc)[kRows][kVectors]) {
  const D d;
  const DU du;
  std::int64_t k = 0;
  for (; k + 2 <= depth; k += 2, words += stride) {
    V low[kVectors];
    V high[kVectors];
    LTS_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      PrefetchToL1(words + v * kLanes + kStreamAhead);
      const VU word = hn::Load(du, words + v * kLanes);
      low[v] = LowHalf(word);
      high[v] = HighHalf(word);
    }
    LTS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const V x0 = hn::Set(d, x[r * x_stride + k]);
      const V x1 = hn::Set(d, x[r * x_stride + k + 1]);
      LTS_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        acc[r][v] = hn::MulAdd(x1, high[v], hn::MulAdd(x0, low[v], acc[r][v]));
      }
    }
  }
  if (k < depth) {
    LTS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const V x0 = hn::Set(d, x[r * x_stride + k]);
      LTS_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        acc[r][v] = hn::MulAdd(x0, LowHalf(hn::Load(du, words + v * kLanes)), acc[r][v]);
      }
    }
  }
}

// acc[r][v] += the products of row r of x, int8, with columns of words of four uint8: word row k /
// 4 holds inputs k to k + 3. x: [kRows, depth rounded up to 4] bytes (zeros after the depth).
template <int kRows, int kVectors>
HWY_INLINE void MultiplyQuads(const std::byte* HWY_RESTRICT x, std::int64_t x_stride,
                              const std::uint32_t* HWY_RESTRICT words, std::int64_t stride,
                              std::int64_t depth, VI (&acc)[kRows][kVectors]) {
  const DI di;
  for (std::int64_t k = 0; k < depth; k += 4, words += stride) {
    VI weights[kVectors];
    LTS_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      PrefetchToL1(words + v * kLanes + kStreamAhead);
      weights[v] = hn::BitCast(di, hn::Load(DU(), words + v * kLanes));
    }
    LTS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      std::int32_t quad;
      std::memcpy(&quad, x + r * x_stride + k, sizeof(quad));
      const VI broadcast = hn::Set(di, quad);
      LTS_UNROLL
      for (int v = 0; v < kVectors; ++v) acc[r][v] = DotQuads(acc[r][v], weights[v], broadcast);
    }
  }
}

// Rows [0, rows) of x into work.x, and zero rows up to `held`. bfloat16: for tiles alone.
HWY_INLINE void ConvertRows(const float* x, std::int64_t rows, std::int64_t x_stride,
                            std::int64_t depth, DType dtype, std::int64_t held,
                            const NarrowWork& work) {
  const std::int64_t bytes = NarrowDepthBytes(depth, dtype);
  for (std::int64_t r = 0; r < rows; ++r) {
    std::byte* to = work.x + r * work.stride;
    if (dtype == DType::kInt8) {
      const QuantizedRow q =
          QuantizeRow(x + r * x_stride, depth, bytes, reinterpret_cast<std::int8_t*>(to));
      work.scales[r] = q.scale;
      work.corrections[r] = 128 * q.sum;
    } else {
      RoundRow(x + r * x_stride, depth, bytes / 2, reinterpret_cast<std::uint16_t*>(to));
    }
  }
  for (std::int64_t r = rows; r < held; ++r) {
    std::memset(work.x + r * work.stride, 0, static_cast<std::size_t>(bytes));
    work.scales[r] = 0;
    work.corrections[r] = 0;
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#endif  // include guard

// The register tile that matrix products and attention share: rows of x, broadcast, times
// consecutive columns of b. Include inside a kernel's .cc after foreach_target.h.

#if defined(LTS_RUNTIME_CPU_KERNELS_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LTS_RUNTIME_CPU_KERNELS_TILE_INL_H_
#undef LTS_RUNTIME_CPU_KERNELS_TILE_INL_H_
#else
#define LTS_RUNTIME_CPU_KERNELS_TILE_INL_H_
#endif

#include "lts/runtime/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// A tile is kTileRows x kTileVectors accumulators, a vector of b per column and one broadcast of x.
// With 32 registers (AVX-512, NEON) 6 x 4 uses 29; 24 multiply-adds then need 10 loads, and two of
// each start per cycle. With 16 registers 6 x 2 uses 15 (12 multiply-adds, 8 loads). Narrower
// vectors than 16 lanes divide 16, the grain of columns.
inline constexpr int kTileRows = 6;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
inline constexpr int kTileVectors = 4;
#else
inline constexpr int kTileVectors = 2;
#endif
inline constexpr std::int64_t kTileColumns = kTileVectors * kLanes;
static_assert(kTileColumns <= 64 && 64 % kTileColumns == 0 &&
              (kLanes == 16 || 16 % kTileColumns == 0));

// acc[r][v] += sum over k < depth of x[r * x_stride + k] * b[k * b_stride + v * kLanes ...], k
// ascending, one multiply- add after the other: the value does not depend on how the caller cuts
// rows, columns or depth.
template <int kRows, int kVectors>
HWY_INLINE void MultiplyTile(const float* HWY_RESTRICT x, std::int64_t x_stride,
                             const float* HWY_RESTRICT b, std::int64_t b_stride, std::int64_t depth,
                             V (&acc)[kRows][kVectors]) {
  const D d;
  for (std::int64_t k = 0; k < depth; ++k) {
    V columns[kVectors];
    LTS_UNROLL
    for (int v = 0; v < kVectors; ++v) columns[v] = hn::LoadU(d, b + k * b_stride + v * kLanes);
    LTS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const V broadcast = hn::Set(d, x[r * x_stride + k]);
      LTS_UNROLL
      for (int v = 0; v < kVectors; ++v) acc[r][v] = hn::MulAdd(broadcast, columns[v], acc[r][v]);
    }
  }
}

// Calls f.template operator()<kRows, kVectors>() for the run-time rows in [1, kTileRows] and
// vectors in [1, kTileVectors].
template <int kRows, typename F>
HWY_INLINE void DispatchVectors(int vectors, const F& f) {
  static_assert(kTileVectors == 4 || kTileVectors == 2);
  if constexpr (kTileVectors == 4) {
    switch (vectors) {
      case 4:
        return f.template Run<kRows, 4>();
      case 3:
        return f.template Run<kRows, 3>();
      case 2:
        return f.template Run<kRows, 2>();
      default:
        return f.template Run<kRows, 1>();
    }
  } else {
    if (vectors == 2) return f.template Run<kRows, 2>();
    return f.template Run<kRows, 1>();
  }
}
template <typename F>
HWY_INLINE void DispatchTile(int rows, int vectors, const F& f) {
  switch (rows) {
    case 6:
      return DispatchVectors<6>(vectors, f);
    case 5:
      return DispatchVectors<5>(vectors, f);
    case 4:
      return DispatchVectors<4>(vectors, f);
    case 3:
      return DispatchVectors<3>(vectors, f);
    case 2:
      return DispatchVectors<2>(vectors, f);
    default:
      return DispatchVectors<1>(vectors, f);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#endif  // include guard

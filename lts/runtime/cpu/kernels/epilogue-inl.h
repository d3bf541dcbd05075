// What happens to a row of a product's sums before they are stored. Include inside a kernel's .cc
// after foreach_target.h.

#if defined(LTS_RUNTIME_CPU_KERNELS_EPILOGUE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LTS_RUNTIME_CPU_KERNELS_EPILOGUE_INL_H_
#undef LTS_RUNTIME_CPU_KERNELS_EPILOGUE_INL_H_
#else
#define LTS_RUNTIME_CPU_KERNELS_EPILOGUE_INL_H_
#endif

#include <optional>

#include "lts/runtime/cpu/kernels/matmul.h"
#include "lts/runtime/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// What a row's sums are read from and its values written to, and the activation between: `i` counts
// from the block's first column, `n` values of a vector are wanted where fewer than kLanes.
struct StoredSums {
  const float* HWY_RESTRICT sums;  // 64-byte aligned, whole vectors
  HWY_INLINE V Load(std::int64_t i) const { return hn::Load(D(), sums + i); }
};
struct ExactActivation {
  std::optional<Activation> kind;
  HWY_INLINE V operator()(V x) const { return kind ? Activate(*kind, x) : x; }
};
struct Float32Row {
  float* y;  // at the block's first column
  HWY_INLINE void Store(V v, std::int64_t i) const { hn::StoreU(v, D(), y + i); }
  HWY_INLINE void StoreFirst(V v, std::int64_t i, std::int64_t n) const {
    StorePartial(v, y + i, n);
  }
};

// Columns [column, column + columns) of row `row` through the epilogue, its activation being
// `activate`.
template <class Sums, class Activate, class Row>
HWY_INLINE void FinishRow(const Epilogue& e, const Sums& sums, const Activate& activate,
                          std::int64_t row, std::int64_t column, std::int64_t columns,
                          const Row& y) {
  const std::int64_t whole = columns / kLanes * kLanes;
  const float* bias = e.bias == nullptr ? nullptr : e.bias + column;
  const float* factor = e.factor == nullptr ? nullptr : e.factor + row * e.factor_stride + column;
  const float* residual =
      e.residual == nullptr ? nullptr : e.residual + row * e.residual_stride + column;
  const D d;
  for (std::int64_t v = 0; v < whole; v += kLanes) {
    V sum = sums.Load(v);
    if (bias != nullptr) sum = hn::Add(sum, hn::LoadU(d, bias + v));
    sum = activate(sum);
    if (factor != nullptr) sum = hn::Mul(sum, hn::LoadU(d, factor + v));
    if (residual != nullptr) sum = hn::Add(sum, hn::LoadU(d, residual + v));
    y.Store(sum, v);
  }
  if (whole < columns) {
    const std::int64_t n = columns - whole;
    V sum = sums.Load(whole);
    if (bias != nullptr) sum = hn::Add(sum, LoadPartial(bias + whole, n));
    sum = activate(sum);
    if (factor != nullptr) sum = hn::Mul(sum, LoadPartial(factor + whole, n));
    if (residual != nullptr) sum = hn::Add(sum, LoadPartial(residual + whole, n));
    y.StoreFirst(sum, whole, n);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#endif  // include guard

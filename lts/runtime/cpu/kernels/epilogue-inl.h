// What happens to a row of a product's sums before they are stored. Include inside a kernel's .cc
// after foreach_target.h.

#if defined(LTS_RUNTIME_CPU_KERNELS_EPILOGUE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LTS_RUNTIME_CPU_KERNELS_EPILOGUE_INL_H_
#undef LTS_RUNTIME_CPU_KERNELS_EPILOGUE_INL_H_
#else
#define LTS_RUNTIME_CPU_KERNELS_EPILOGUE_INL_H_
#endif

#include "lts/runtime/cpu/kernels/matmul.h"
#include "lts/runtime/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// y[column ...] of row `row`: `columns` sums, 64-byte aligned, through the epilogue. y is the row's
// first column.
HWY_INLINE void FinishRow(const Epilogue& e, const float* HWY_RESTRICT sums, std::int64_t row,
                          std::int64_t column, std::int64_t columns, float* y_row) {
  const D d;
  const std::int64_t whole = columns / kLanes * kLanes;
  const float* bias = e.bias == nullptr ? nullptr : e.bias + column;
  const float* factor = e.factor == nullptr ? nullptr : e.factor + row * e.factor_stride + column;
  const float* residual =
      e.residual == nullptr ? nullptr : e.residual + row * e.residual_stride + column;
  float* y = y_row + column;
  for (std::int64_t v = 0; v < whole; v += kLanes) {
    V sum = hn::Load(d, sums + v);
    if (bias != nullptr) sum = hn::Add(sum, hn::LoadU(d, bias + v));
    if (e.activation) sum = Activate(*e.activation, sum);
    if (factor != nullptr) sum = hn::Mul(sum, hn::LoadU(d, factor + v));
    if (residual != nullptr) sum = hn::Add(sum, hn::LoadU(d, residual + v));
    hn::StoreU(sum, d, y + v);
  }
  if (whole < columns) {
    const std::int64_t n = columns - whole;
    V sum = hn::Load(d, sums + whole);
    if (bias != nullptr) sum = hn::Add(sum, LoadPartial(bias + whole, n));
    if (e.activation) sum = Activate(*e.activation, sum);
    if (factor != nullptr) sum = hn::Mul(sum, LoadPartial(factor + whole, n));
    if (residual != nullptr) sum = hn::Add(sum, LoadPartial(residual + whole, n));
    StorePartial(sum, y + whole, n);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#endif  // include guard

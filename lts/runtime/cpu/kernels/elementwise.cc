#include "lts/runtime/cpu/kernels/elementwise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/elementwise.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/vector-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

void EmbedOne(const float* row, const float* position, float scale, std::int64_t d, float* y) {
  const V scales = hn::Set(D(), scale);
  for (std::int64_t i = 0; i < d; i += kLanes) {
    const std::int64_t n = d - i;
    V value = hn::Mul(LoadUpTo(row + i, n), scales);
    if (position != nullptr) value = hn::Add(value, LoadUpTo(position + i, n));
    StoreUpTo(value, y + i, n);
  }
}

void AddAll(const float* a, const float* b, std::int64_t n, float* y) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    StoreUpTo(hn::Add(LoadUpTo(a + i, n - i), LoadUpTo(b + i, n - i)), y + i, n - i);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lts {

HWY_EXPORT(EmbedOne);
HWY_EXPORT(AddAll);

void EmbedRow(const float* row, const float* position, float scale, std::int64_t d, float* y) {
  HWY_DYNAMIC_DISPATCH(EmbedOne)(row, position, scale, d, y);
}

void AddValues(const float* a, const float* b, std::int64_t n, float* y) {
  HWY_DYNAMIC_DISPATCH(AddAll)(a, b, n, y);
}

}  // namespace lts
#endif  // HWY_ONCE

#include "lts/runtime/cpu/kernels/attention.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/attention.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/attend-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

void AttendRows(const AttendTask& task, float* scratch) { AttendInTiles(task, scratch); }

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lts {

HWY_EXPORT(AttendRows);

void StoreKeysValues(const float* k, const float* v, std::int64_t stride, std::int64_t n,
                     std::int64_t d_head, std::int64_t position, float* keys, float* values) {
  const std::int64_t value_stride = ValueStride(d_head);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t token = position + i;
    float* column = keys + token / kCacheBlock * kCacheBlock * d_head + token % kCacheBlock;
    const float* row = k + i * stride;
    for (std::int64_t j = 0; j < d_head; ++j) column[j * kCacheBlock] = row[j];
    std::memcpy(values + token * value_stride, v + i * stride,
                static_cast<std::size_t>(d_head) * sizeof(float));
  }
}

std::int64_t AttendScratchSize(std::int64_t d_head) { return AttendTilesScratchSize(d_head); }

void Attend(const AttendTask& task, float* scratch) {
  HWY_DYNAMIC_DISPATCH(AttendRows)(task, scratch);
}

}  // namespace lts
#endif  // HWY_ONCE

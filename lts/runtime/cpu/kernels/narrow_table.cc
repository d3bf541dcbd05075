#include <algorithm>
#include <cstring>

#include "lts/base/error.h"
#include "lts/runtime/cpu/kernels/narrow.h"
#include "lts/runtime/cpu/kernels/narrow_work.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/narrow_table.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/narrow-inl.h"
// clang-format on

#ifndef LTS_RUNTIME_CPU_KERNELS_NARROW_TABLE_CC_
#define LTS_RUNTIME_CPU_KERNELS_NARROW_TABLE_CC_
namespace lts {

struct NarrowDotTask {
  const float* x;
  std::int64_t m;
  std::int64_t x_stride;
  NarrowTable table;
  const float* bias;
  float* y;
  std::int64_t y_stride;
};

}  // namespace lts
#endif

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// Table rows of which the logits are taken at once, so that as many lines are under way.
constexpr int kDotRows = 4;

// y[0, kTableRows) of one row of x: lanes run along the depth. even, odd: the values of x at even
// and odd places.
template <int kTableRows>
HWY_INLINE void DotBFloat16(const float* HWY_RESTRICT even, const float* HWY_RESTRICT odd,
                            const std::byte* HWY_RESTRICT table, std::int64_t row_bytes, float* y) {
  const D d;
  const DU du;
  V acc[kTableRows];
  LTS_UNROLL
  for (int t = 0; t < kTableRows; ++t) acc[t] = hn::Zero(d);
  const std::int64_t words = row_bytes / kWordBytes;
  for (std::int64_t k = 0; k < words; k += kLanes) {
    const V x0 = hn::Load(d, even + k);
    const V x1 = hn::Load(d, odd + k);
    LTS_UNROLL
    for (int t = 0; t < kTableRows; ++t) {
      const auto* row = reinterpret_cast<const std::uint32_t*>(table + t * row_bytes) + k;
      PrefetchToL1(table + (t + kTableRows) * row_bytes + k * kWordBytes);
      const VU word = hn::Load(du, row);
      acc[t] = hn::MulAdd(x1, HighHalf(word), hn::MulAdd(x0, LowHalf(word), acc[t]));
    }
  }
  LTS_UNROLL
  for (int t = 0; t < kTableRows; ++t) y[t] = hn::GetLane(hn::SumOfLanes(d, acc[t]));
}

template <int kTableRows>
HWY_INLINE void DotInt8(const std::byte* HWY_RESTRICT x, const std::byte* HWY_RESTRICT table,
                        std::int64_t row_bytes, std::int32_t correction, float scale_x,
                        const float* scales, float* y) {
  const DI di;
  VI acc[kTableRows];
  LTS_UNROLL
  for (int t = 0; t < kTableRows; ++t) acc[t] = hn::Zero(di);
  for (std::int64_t k = 0; k < row_bytes; k += kLanes * kWordBytes) {
    const VI quads = hn::Load(di, reinterpret_cast<const std::int32_t*>(x + k));
    LTS_UNROLL
    for (int t = 0; t < kTableRows; ++t) {
      const auto* row = reinterpret_cast<const std::int32_t*>(table + t * row_bytes + k);
      PrefetchToL1(table + (t + kTableRows) * row_bytes + k);
      acc[t] = DotQuads(acc[t], hn::Load(di, row), quads);
    }
  }
  LTS_UNROLL
  for (int t = 0; t < kTableRows; ++t) {
    const std::int32_t sum = hn::GetLane(hn::SumOfLanes(di, acc[t])) - correction;
    y[t] = static_cast<float>(sum) * (scale_x * scales[t]);
  }
}

// Table rows [begin, end) of every row of x.
void NarrowDotRange(const NarrowDotTask& task, const NarrowWork& work, std::int64_t begin,
                    std::int64_t end) {
  const NarrowTable& table = task.table;
  const std::int64_t row_bytes = NarrowDepthBytes(table.depth, table.dtype);
  const bool int8 = table.dtype == DType::kInt8;
  // Table rows that stay in L2 while all rows of x pass.
  constexpr std::int64_t kBlock = 64;
  for (std::int64_t block = begin; block < end; block += kBlock) {
    const std::int64_t block_end = std::min(block + kBlock, end);
    for (std::int64_t i = 0; i < task.m; ++i) {
      const float* x = task.x + i * task.x_stride;
      float* y = task.y + i * task.y_stride;
      auto* const even = reinterpret_cast<float*>(work.x);
      float* const odd = even + row_bytes / kWordBytes;
      if (task.m > 1 || block == begin) {
        if (int8) {
          ConvertRows(x, 1, task.x_stride, table.depth, table.dtype, 1, work);
        } else {
          const std::int64_t words = row_bytes / kWordBytes;
          for (std::int64_t k = 0; k < words; ++k) {
            even[k] = 2 * k < table.depth ? x[2 * k] : 0.0F;
            odd[k] = 2 * k + 1 < table.depth ? x[2 * k + 1] : 0.0F;
          }
        }
      }
      for (std::int64_t j = block; j < block_end;) {
        const std::byte* rows = table.data + j * row_bytes;
        const int count = j + kDotRows <= block_end ? kDotRows : 1;
        if (int8) {
          if (count == kDotRows) {
            DotInt8<kDotRows>(work.x, rows, row_bytes, work.corrections[0], work.scales[0],
                              table.scales + j, y + j);
          } else {
            DotInt8<1>(work.x, rows, row_bytes, work.corrections[0], work.scales[0],
                       table.scales + j, y + j);
          }
        } else if (count == kDotRows) {
          DotBFloat16<kDotRows>(even, odd, rows, row_bytes, y + j);
        } else {
          DotBFloat16<1>(even, odd, rows, row_bytes, y + j);
        }
        j += count;
      }
      if (task.bias != nullptr) {
        for (std::int64_t j = block; j < block_end; ++j) y[j] += task.bias[j];
      }
    }
  }
}

void PackTableRows(const float* source, std::int64_t depth, DType dtype, std::int64_t begin,
                   std::int64_t end, std::byte* data, float* scales) {
  const std::int64_t bytes = NarrowDepthBytes(depth, dtype);
  for (std::int64_t row = begin; row < end; ++row) {
    std::byte* to = data + row * bytes;
    if (dtype == DType::kInt8) {
      scales[row] =
          QuantizeRow(source + row * depth, depth, bytes, reinterpret_cast<std::int8_t*>(to)).scale;
      for (std::int64_t i = 0; i < bytes; ++i) to[i] ^= std::byte{0x80};
    } else {
      ConvertRow(source + row * depth, depth, bytes / 2, reinterpret_cast<std::uint16_t*>(to));
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lts {

HWY_EXPORT(NarrowDotRange);
HWY_EXPORT(PackTableRows);

void PackNarrowTable(const float* source, std::int64_t rows, std::int64_t depth, DType dtype,
                     std::byte* data, float* scales, ThreadPool& pool) {
  LTS_CHECK(dtype != DType::kInt8 || depth <= kMaxInt8Depth);
  const auto pack = HWY_DYNAMIC_DISPATCH(PackTableRows);
  pool.ParallelFor(rows, 16, [&](std::int64_t begin, std::int64_t end, int) {
    pack(source, depth, dtype, begin, end, data, scales);
  });
}

void NarrowTableRow(const NarrowTable& table, std::int64_t index, float* row) {
  const std::byte* data = table.data + index * NarrowDepthBytes(table.depth, table.dtype);
  if (table.dtype == DType::kInt8) {
    const float scale = table.scales[index];
    for (std::int64_t i = 0; i < table.depth; ++i)
      row[i] = static_cast<float>(std::to_integer<int>(data[i]) - 128) * scale;
    return;
  }
  for (std::int64_t i = 0; i < table.depth; ++i) {
    std::uint16_t half;
    std::memcpy(&half, data + 2 * i, sizeof(half));
    const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
    std::memcpy(row + i, &bits, sizeof(bits));
  }
}

void NarrowMatMulTransposed(const float* x, std::int64_t m, std::int64_t x_stride,
                            const NarrowTable& table, const float* bias, float* y,
                            std::int64_t y_stride, const NarrowScratch& scratch, ThreadPool& pool) {
  const NarrowDotTask task{x, m, x_stride, table, bias, y, y_stride};
  const auto dot = HWY_DYNAMIC_DISPATCH(NarrowDotRange);
  pool.ParallelFor(table.rows, 4, [&](std::int64_t begin, std::int64_t end, int worker) {
    dot(task, MakeWork(scratch, worker, 1, table.depth, table.dtype), begin, end);
  });
}

}  // namespace lts
#endif  // HWY_ONCE

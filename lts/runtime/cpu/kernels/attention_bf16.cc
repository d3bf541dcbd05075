#include "lts/runtime/cpu/kernels/attention_bf16.h"

#include <algorithm>
#include <cstring>

#include "lts/base/error.h"
#include "lts/runtime/cpu/kernels/amx.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/attention_bf16.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/attend-inl.h"
// clang-format on

#ifndef LTS_RUNTIME_CPU_KERNELS_ATTENTION_BF16_CC_
#define LTS_RUNTIME_CPU_KERNELS_ATTENTION_BF16_CC_
namespace lts {

// Keys whose scores exist at once: 32 rows of 128 scores are 16 KiB and their weights 9 KiB, of 48
// KiB of L1.
constexpr std::int64_t kAmxKeyBlock = 2 * kCacheBlock;
constexpr std::int64_t kWeightStride =
    kAmxKeyBlock * 2 + 64;  // bytes; not a multiple of 4 KiB / 16

constexpr std::int64_t QueryStride(std::int64_t d_head) { return (d_head + 31) / 32 * 64 + 64; }

// The scratch of one call on AMX.
struct AmxScratch {
  std::byte* queries;  // [32, QueryStride] bfloat16
  float* scores;       // [32, kAmxKeyBlock]
  std::byte* weights;  // [32, kWeightStride] bfloat16
  float* sums;         // [32, ValueStride]
};
constexpr std::int64_t AmxScratchBytes(std::int64_t d_head) {
  return kQueryBlockBFloat16 *
         (QueryStride(d_head) + kAmxKeyBlock * 4 + kWeightStride + ValueStride(d_head) * 4);
}
inline AmxScratch SplitScratch(std::byte* p, std::int64_t d_head) {
  AmxScratch scratch;
  scratch.queries = p;
  p += kQueryBlockBFloat16 * QueryStride(d_head);
  scratch.scores = reinterpret_cast<float*>(p);
  p += kQueryBlockBFloat16 * kAmxKeyBlock * 4;
  scratch.weights = p;
  p += kQueryBlockBFloat16 * kWeightStride;
  scratch.sums = reinterpret_cast<float*>(p);
  return scratch;
}

}  // namespace lts
#endif

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// As SoftmaxRow of attend-inl.h, from scores without their scale to weights of bfloat16; the
// state's max is in units of log2. `keys`: weights written, a multiple of 32.
HWY_INLINE void SoftmaxRowBFloat16(const float* HWY_RESTRICT scores, std::int64_t valid,
                                   std::int64_t keys, float scale_log2,
                                   std::uint16_t* HWY_RESTRICT weights, RowState& state) {
  const D d;
  const V minus_infinity = hn::Set(d, -std::numeric_limits<float>::infinity());
  const std::int64_t whole = valid / kLanes * kLanes;
  const auto partial = hn::FirstN(d, static_cast<std::size_t>(valid - whole));
  // Scales are positive, so the greatest score has the greatest product.
  V max = minus_infinity;
  for (std::int64_t i = 0; i < whole; i += kLanes) max = hn::Max(max, hn::Load(d, scores + i));
  if (whole < valid)
    max = hn::Max(max, hn::IfThenElse(partial, hn::Load(d, scores + whole), minus_infinity));
  const float new_max = std::max(state.max, hn::GetLane(hn::MaxOfLanes(d, max)) * scale_log2);
  const V shift = hn::Set(d, new_max);
  const V factor = hn::Set(d, scale_log2);
  V sum = hn::Zero(d);
  std::int64_t i = 0;
  for (; i < whole; i += kLanes) {
    const V weight = Exp2(hn::MulSub(hn::Load(d, scores + i), factor, shift));
    sum = hn::Add(sum, weight);
    StoreRounded(weight, weights + i);
  }
  if (whole < valid) {
    const V weight =
        hn::IfThenElseZero(partial, Exp2(hn::MulSub(hn::Load(d, scores + i), factor, shift)));
    sum = hn::Add(sum, weight);
    StoreRounded(weight, weights + i);
    i += kLanes;
  }
  std::fill(weights + std::min(i, keys), weights + keys, std::uint16_t{0});
  state.scale = hn::GetLane(Exp2(hn::Set(d, state.max - new_max)));
  state.sum = state.sum * state.scale + hn::GetLane(hn::SumOfLanes(d, sum));
  state.max = new_max;
}

// The products by AMX: rows of consecutive tokens, scale > 0.
void AttendOnTiles(const AttendBFloat16Task& task, std::byte* memory) {
  const D d;
  const AmxScratch scratch = SplitScratch(memory, task.d_head);
  const std::int64_t value_stride = ValueStride(task.d_head);
  const std::int64_t key_rows = CacheLayout<std::uint32_t>::KeyRows(task.d_head);
  const std::int64_t held = (task.rows + kAmxRows - 1) / kAmxRows * kAmxRows;
  const int row_tiles = static_cast<int>(held / kAmxRows);
  const std::int64_t query_stride = QueryStride(task.d_head);
  for (std::int64_t r = 0; r < held; ++r) {
    auto* const to = reinterpret_cast<std::uint16_t*>(scratch.queries + r * query_stride);
    if (r < task.rows) {
      RoundRow(task.q + r * task.q_stride, task.d_head, key_rows * 2, to);
    } else {
      std::fill(to, to + key_rows * 2, std::uint16_t{0});
    }
  }
  RowState state[kQueryBlockBFloat16];
  for (RowState& row : state) row = {-std::numeric_limits<float>::infinity(), 0.0F, 0.0F};
  const float scale_log2 = task.scale * 1.44269504F;
  const std::int64_t end = task.first_position + (task.rows - 1) * task.position_step + 1;
  for (std::int64_t block = 0; block < end; block += kAmxKeyBlock) {
    // Whole steps of the second product.
    const std::int64_t keys = std::min(kAmxKeyBlock, (end - block + 31) / 32 * 32);
    for (std::int64_t key = 0; key < keys; key += 32) {
      const std::int64_t token = block + key;
      AmxMultiply(
          DType::kBFloat16,
          {.a = scratch.queries,
           .a_stride = query_stride,
           .b = task.keys + token / kCacheBlock * kCacheBlock * key_rows + token % kCacheBlock,
           .b_stride = kCacheBlock * 4,
           .steps = key_rows / kAmxRows,
           .c = scratch.scores + key,
           .c_stride = kAmxKeyBlock * 4},
          row_tiles, 2);
    }
    for (std::int64_t r = 0; r < held; ++r) {
      auto* const weights = reinterpret_cast<std::uint16_t*>(scratch.weights + r * kWeightStride);
      const std::int64_t position = task.first_position + r * task.position_step;
      const std::int64_t valid = std::min(position + 1 - block, keys);
      if (r >= task.rows || valid <= 0) {  // no query, or all keys lie after its position
        std::fill(weights, weights + keys, std::uint16_t{0});
        state[r].scale = 1.0F;
        continue;
      }
      SoftmaxRowBFloat16(scratch.scores + r * kAmxKeyBlock, valid, keys, scale_log2, weights,
                         state[r]);
      if (block > 0 && state[r].scale != 1.0F) {
        const V scale = hn::Set(d, state[r].scale);
        float* row = scratch.sums + r * value_stride;
        for (std::int64_t i = 0; i < value_stride; i += kLanes)
          hn::Store(hn::Mul(hn::Load(d, row + i), scale), d, row + i);
      }
    }
    for (std::int64_t column = 0; column < value_stride; column += 32) {
      AmxMultiply(DType::kBFloat16,
                  {.a = scratch.weights,
                   .a_stride = kWeightStride,
                   .b = task.values + block / 2 * value_stride + column,
                   .b_stride = value_stride * 4,
                   .steps = keys / 32,
                   .c = scratch.sums + column,
                   .c_stride = value_stride * 4,
                   .accumulate = block > 0},
                  row_tiles, column + 16 < value_stride ? 2 : 1);
    }
  }
  for (std::int64_t r = 0; r < task.rows; ++r) {
    const V scale = hn::Set(d, 1.0F / state[r].sum);
    for (std::int64_t i = 0; i < task.d_head; i += kLanes) {
      StoreUpTo(hn::Mul(hn::Load(d, scratch.sums + r * value_stride + i), scale),
                task.out + r * task.out_stride + i, task.d_head - i);
    }
  }
}

void AttendInVectors(const AttendBFloat16Task& task, std::byte* scratch) {
  AttendInTiles(task, reinterpret_cast<float*>(scratch));
}

// Token `token`'s keys into its column, words of neighbouring dimensions.
HWY_INLINE void StoreKey(const float* k, std::int64_t d_head, std::uint32_t* column) {
  const DU du;
  HWY_ALIGN std::uint32_t bits[2 * kLanes];
  for (std::int64_t j = 0; j < d_head; j += 2 * kLanes) {
    const std::int64_t count = std::min(2 * kLanes, d_head - j);
    for (std::int64_t half = 0; half < 2; ++half) {
      const std::int64_t left = count - half * kLanes;
      hn::Store(left > 0 ? BFloat16Bits(LoadUpTo(k + j + half * kLanes, left)) : hn::Zero(du), du,
                bits + half * kLanes);
    }
    for (std::int64_t l = 0; l < count; l += 2) {
      const std::uint32_t high = l + 1 < count ? bits[l + 1] : 0;
      column[(j + l) / 2 * kCacheBlock] = bits[l] | high << 16;
    }
  }
}

// The same for kLanes tokens in neighbouring columns, aligned to them: a vector for each word row.
// The tokens' words are made row by row, and turned by gathering from L1.
HWY_INLINE void StoreKeys(const float* k, std::int64_t stride, std::int64_t d_head,
                          std::uint32_t* columns) {
  const DU du;
  constexpr std::int64_t kWords = 32;  // of a token at a time
  HWY_ALIGN std::uint16_t halves[kLanes * 2 * kWords];
  const auto* const words = reinterpret_cast<const std::uint32_t*>(halves);
  const VI rows = hn::Mul(hn::Iota(DI(), 0), hn::Set(DI(), static_cast<std::int32_t>(kWords)));
  for (std::int64_t j = 0; j < d_head; j += 2 * kWords) {
    const std::int64_t count = std::min(2 * kWords, d_head - j);
    for (std::int64_t token = 0; token < kLanes; ++token) {
      ConvertRow(k + token * stride + j, count, RoundUpTo(count, 2), halves + token * 2 * kWords);
    }
    for (std::int64_t word = 0; 2 * word < count; ++word) {
      hn::Store(hn::GatherIndex(du, words + word, rows), du,
                columns + (j / 2 + word) * kCacheBlock);
    }
  }
}

void StoreBFloat16(const float* k, const float* v, std::int64_t stride, std::int64_t n,
                   std::int64_t d_head, std::int64_t position, std::uint32_t* keys,
                   std::uint32_t* values) {
  const DU du;
  const std::int64_t value_stride = ValueStride(d_head);
  const std::int64_t key_rows = CacheLayout<std::uint32_t>::KeyRows(d_head);
  for (std::int64_t i = 0; i < n;) {
    const std::int64_t token = position + i;
    std::uint32_t* column =
        keys + token / kCacheBlock * kCacheBlock * key_rows + token % kCacheBlock;
    if (token % kLanes == 0 && n - i >= kLanes) {
      StoreKeys(k + i * stride, stride, d_head, column);
      i += kLanes;
    } else {
      StoreKey(k + i * stride, d_head, column);
      ++i;
    }
  }
  for (std::int64_t i = 0; i < n;) {
    const std::int64_t token = position + i;
    const float* from = v + i * stride;
    std::uint32_t* row = values + token / 2 * value_stride;
    // Tokens 2t and 2t + 1 of one call: whole words. Otherwise the other half is another call's.
    const bool pair = token % 2 == 0 && i + 1 < n;
    for (std::int64_t j = 0; j < d_head; j += kLanes) {
      const std::int64_t count = std::min(kLanes, d_head - j);
      const VU low = BFloat16Bits(LoadUpTo(from + j, count));
      if (pair) {
        // The columns after d_head, up to a vector of 16, are zeros in both.
        const VU high = BFloat16Bits(LoadUpTo(from + stride + j, count));
        hn::Store(hn::Or(low, hn::ShiftLeft<16>(high)), du, row + j);
      } else {
        HWY_ALIGN std::uint32_t bits[kLanes];
        hn::Store(low, du, bits);
        auto* const halves = reinterpret_cast<std::uint16_t*>(row) + token % 2;
        for (std::int64_t l = 0; l < count; ++l)
          halves[2 * (j + l)] = static_cast<std::uint16_t>(bits[l]);
      }
    }
    i += pair ? 2 : 1;
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lts {

HWY_EXPORT(AttendOnTiles);
HWY_EXPORT(AttendInVectors);
HWY_EXPORT(StoreBFloat16);

void StoreKeysValuesBFloat16(const float* k, const float* v, std::int64_t stride, std::int64_t n,
                             std::int64_t d_head, std::int64_t position, std::uint32_t* keys,
                             std::uint32_t* values) {
  HWY_DYNAMIC_DISPATCH(StoreBFloat16)(k, v, stride, n, d_head, position, keys, values);
}

std::int64_t AttendBFloat16ScratchBytes(std::int64_t d_head) {
  return std::max(AmxScratchBytes(d_head), AttendTilesScratchSize(d_head) * 4);
}

void AttendBFloat16(const AttendBFloat16Task& task, std::byte* scratch) {
  LTS_DCHECK(task.rows >= 1 && task.rows <= kQueryBlockBFloat16);
  // A tile of 16 rows costs as much for one row: below that vectors read the cache as fast.
  constexpr std::int64_t kFewestRows = 4;
  if (task.rows >= kFewestRows && task.scale > 0 && AmxAvailable()) {
    const AmxTiles tiles;
    HWY_DYNAMIC_DISPATCH(AttendOnTiles)(task, scratch);
    return;
  }
  for (std::int64_t first = 0; first < task.rows; first += kQueryBlock) {
    AttendBFloat16Task part = task;
    part.q += first * task.q_stride;
    part.out += first * task.out_stride;
    part.rows = std::min(kQueryBlock, task.rows - first);
    part.first_position += first * task.position_step;
    HWY_DYNAMIC_DISPATCH(AttendInVectors)(part, scratch);
  }
}

}  // namespace lts
#endif  // HWY_ONCE

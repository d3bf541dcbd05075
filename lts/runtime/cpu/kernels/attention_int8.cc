#include "lts/runtime/cpu/kernels/attention_int8.h"

#include <algorithm>
#include <cstring>

#include "lts/base/error.h"
#include "lts/runtime/cpu/kernels/amx.h"
#include "lts/runtime/cpu/kernels/narrow.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/attention_int8.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/attend-inl.h"
// clang-format on

#ifndef LTS_RUNTIME_CPU_KERNELS_ATTENTION_INT8_CC_
#define LTS_RUNTIME_CPU_KERNELS_ATTENTION_INT8_CC_
namespace lts {

// Keys whose scores exist at once. Their softmax weights share one scale.
constexpr std::int64_t kInt8KeyBlock = 2 * kCacheBlock;
// Greatest magnitude of a number of two digits: 127 * 256, so that its high digit is at most 127.
constexpr float kTwoDigits = 32512.0F;
// Rows of digits: row 2 r has the high ones of row r, row 2 r + 1 the low ones.
constexpr std::int64_t kDigitRows = 2 * kQueryBlockInt8;
// Bytes; a line more than the depth, so that 16 rows do not all fall into the same set of L1.
constexpr std::int64_t kWeightDigitStride = kInt8KeyBlock + 64;
constexpr std::int64_t QueryDigitStride(std::int64_t d_head) {
  return (d_head + 63) / 64 * 64 + 64;
}

// The scratch of one call.
struct Int8Scratch {
  std::byte* queries;        // [kDigitRows, QueryDigitStride] int8
  std::int32_t* scores;      // [kDigitRows, kInt8KeyBlock]
  float* products;           // [kInt8KeyBlock]: of one row, weights times the scales of values
  std::byte* weights;        // [kDigitRows, kWeightDigitStride] int8
  std::int32_t* block_sums;  // [kDigitRows, ValueStride]
  float* sums;               // [kQueryBlockInt8, ValueStride]
};
constexpr std::int64_t Int8ScratchBytes(std::int64_t d_head) {
  return kDigitRows * (QueryDigitStride(d_head) + kInt8KeyBlock * 4 + kWeightDigitStride +
                       ValueStride(d_head) * 4) +
         kQueryBlockInt8 * ValueStride(d_head) * 4 + kInt8KeyBlock * 4;
}
inline Int8Scratch SplitInt8Scratch(std::byte* p, std::int64_t d_head) {
  Int8Scratch scratch;
  scratch.queries = p;
  p += kDigitRows * QueryDigitStride(d_head);
  scratch.scores = reinterpret_cast<std::int32_t*>(p);
  p += kDigitRows * kInt8KeyBlock * 4;
  scratch.products = reinterpret_cast<float*>(p);
  p += kInt8KeyBlock * 4;
  scratch.weights = p;
  p += kDigitRows * kWeightDigitStride;
  scratch.block_sums = reinterpret_cast<std::int32_t*>(p);
  p += kDigitRows * ValueStride(d_head) * 4;
  scratch.sums = reinterpret_cast<float*>(p);
  return scratch;
}

// Where a block of keys keeps its scales.
inline float* KeyScales(std::uint32_t* block, std::int64_t d_head) {
  return reinterpret_cast<float*>(block + KeyQuadRows(d_head) * kCacheBlock);
}
inline const float* KeyScales(const std::uint32_t* block, std::int64_t d_head) {
  return reinterpret_cast<const float*>(block + KeyQuadRows(d_head) * kCacheBlock);
}

// 1 / scale of int8 values of this greatest magnitude; 0, and so all of them zeros, where that
// would be infinite or the magnitude is NaN.
inline float InverseOf(float max, float steps) { return max > 1e-34F ? steps / max : 0.0F; }

}  // namespace lts
#endif

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// x in steps of a scale, plus 128, in the low byte of each lane.
HWY_INLINE VU OffsetBytes(V x, V inverse) {
  const VU bytes =
      hn::BitCast(DU(), hn::Add(hn::NearestInt(hn::Mul(x, inverse)), hn::Set(DI(), 128)));
  return hn::And(bytes, hn::Set(DU(), 0xFFU));  // of NaN, something
}

HWY_INLINE VU PackQuads(VU byte0, VU byte1, VU byte2, VU byte3) {
  return hn::Or(hn::Or(byte0, hn::ShiftLeft<8>(byte1)),
                hn::Or(hn::ShiftLeft<16>(byte2), hn::ShiftLeft<24>(byte3)));
}

// One token's keys into its column.
HWY_INLINE void StoreKeyQuads(const float* k, std::int64_t d_head, float inverse,
                              std::uint32_t* column) {
  constexpr std::int64_t kPiece = 64;
  HWY_ALIGN std::uint32_t bytes[kPiece];
  for (std::int64_t j = 0; j < d_head; j += kPiece) {
    const std::int64_t count = std::min(kPiece, d_head - j);
    std::int64_t done = 0;
    for (; done < count; done += kLanes) {
      hn::Store(OffsetBytes(LoadUpTo(k + j + done, count - done), hn::Set(D(), inverse)), DU(),
                bytes + done);
    }
    for (; done < (count + 3) / 4 * 4; ++done) bytes[done] = 128;
    for (std::int64_t i = 0; i < count; i += 4) {
      column[(j + i) / 4 * kCacheBlock] =
          bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | bytes[i + 3] << 24;
    }
  }
}

// The same for kLanes tokens in neighbouring columns, aligned to them: a vector for each word row.
HWY_INLINE void StoreKeyVectors(const float* k, std::int64_t stride, std::int64_t d_head,
                                V inverses, std::uint32_t* columns) {
  const D d;
  const DI di;
  const VI rows = hn::Mul(hn::Iota(di, 0), hn::Set(di, static_cast<std::int32_t>(stride)));
  const auto bytes = [&](std::int64_t j) HWY_ATTR {
    return j < d_head ? OffsetBytes(hn::GatherIndex(d, k + j, rows), inverses)
                      : hn::Set(DU(), 128U);
  };
  for (std::int64_t j = 0; j < d_head; j += 4) {
    hn::Store(PackQuads(bytes(j), bytes(j + 1), bytes(j + 2), bytes(j + 3)), DU(),
              columns + j / 4 * kCacheBlock);
  }
}

HWY_INLINE void StoreKeyRows(const float* k, std::int64_t stride, std::int64_t n,
                             std::int64_t d_head, std::int64_t position, std::uint32_t* keys) {
  const bool gather = stride < (1 << 24);  // its indices are 32 bits
  for (std::int64_t i = 0; i < n;) {
    const std::int64_t token = position + i;
    const std::int64_t in_block = token % kCacheBlock;
    std::uint32_t* block = keys + token / kCacheBlock * KeyBlockQuads(d_head);
    const std::int64_t count = gather && token % kLanes == 0 && n - i >= kLanes ? kLanes : 1;
    HWY_ALIGN float inverses[kLanes];
    for (std::int64_t t = 0; t < count; ++t) {
      const float max = MaxMagnitude(k + (i + t) * stride, d_head);
      KeyScales(block, d_head)[in_block + t] = max / 127.0F;
      inverses[t] = InverseOf(max, 127.0F);
    }
    if (count == kLanes) {
      StoreKeyVectors(k + i * stride, stride, d_head, hn::Load(D(), inverses), block + in_block);
    } else {
      StoreKeyQuads(k + i * stride, d_head, inverses[0], block + in_block);
    }
    i += count;
  }
}

HWY_INLINE void StoreValueRows(const float* v, std::int64_t stride, std::int64_t n,
                               std::int64_t d_head, std::int64_t position, std::uint32_t* keys,
                               std::uint32_t* values) {
  const DU du;
  const std::int64_t value_stride = ValueStride(d_head);
  for (std::int64_t i = 0; i < n;) {
    const std::int64_t token = position + i;
    // Four tokens of one call: whole words. Otherwise the other bytes are another call's.
    const std::int64_t count = token % 4 == 0 && n - i >= 4 ? 4 : 1;
    float* scales =
        KeyScales(keys + token / kCacheBlock * KeyBlockQuads(d_head), d_head) + kCacheBlock;
    float inverses[4];
    for (std::int64_t t = 0; t < count; ++t) {
      const float max = MaxMagnitude(v + (i + t) * stride, d_head);
      scales[token % kCacheBlock + t] = max / 127.0F;
      inverses[t] = InverseOf(max, 127.0F);
    }
    std::uint32_t* row = values + token / 4 * value_stride;
    for (std::int64_t j = 0; j < d_head; j += kLanes) {
      const auto bytes = [&](std::int64_t t) HWY_ATTR {
        return OffsetBytes(LoadUpTo(v + (i + t) * stride + j, d_head - j),
                           hn::Set(D(), inverses[t]));
      };
      if (count == 4) {
        hn::Store(PackQuads(bytes(0), bytes(1), bytes(2), bytes(3)), du, row + j);
      } else {
        HWY_ALIGN std::uint32_t lanes[kLanes];
        hn::Store(bytes(0), du, lanes);
        auto* const to = reinterpret_cast<std::uint8_t*>(row + j) + token % 4;
        for (std::int64_t l = 0; l < std::min(kLanes, d_head - j); ++l)
          to[4 * l] = static_cast<std::uint8_t>(lanes[l]);
      }
    }
    i += count;
  }
}

void StoreInt8(const float* k, const float* v, std::int64_t stride, std::int64_t n,
               std::int64_t d_head, std::int64_t position, std::uint32_t* keys,
               std::uint32_t* values) {
  StoreKeyRows(k, stride, n, d_head, position, keys);
  StoreValueRows(v, stride, n, d_head, position, keys, values);
}

// A query as two rows of digits.
struct QueryDigits {
  float scale = 0;               // of its scores, in units of log2
  std::int32_t high_offset = 0;  // 128 times the sum of its high digits: what the offset of the
  std::int32_t low_offset = 0;   // keys' bytes adds to a product
};

// The two digits of integers of at most kTwoDigits.
HWY_INLINE void SplitDigits(VI x, VI& high, VI& low) {
  high = hn::ShiftRight<8>(hn::Add(x, hn::Set(DI(), 128)));
  low = hn::Sub(x, hn::ShiftLeft<8>(high));
}

HWY_INLINE QueryDigits SplitQuery(const float* q, std::int64_t d_head, float scale,
                                  std::byte* rows) {
  const DI di;
  const hn::Rebind<std::int8_t, D> db;
  const std::int64_t stride = QueryDigitStride(d_head);
  auto* const high_row = reinterpret_cast<std::int8_t*>(rows);
  auto* const low_row = reinterpret_cast<std::int8_t*>(rows + stride);
  const float max = MaxMagnitude(q, d_head);
  const V inverse = hn::Set(D(), InverseOf(max, kTwoDigits));
  VI high_sum = hn::Zero(di);
  VI low_sum = hn::Zero(di);
  std::int64_t i = 0;
  for (; i < d_head; i += kLanes) {
    VI high;
    VI low;
    SplitDigits(hn::NearestInt(hn::Mul(LoadUpTo(q + i, d_head - i), inverse)), high, low);
    high_sum = hn::Add(high_sum, high);
    low_sum = hn::Add(low_sum, low);
    hn::StoreU(hn::DemoteTo(db, high), db, high_row + i);
    hn::StoreU(hn::DemoteTo(db, low), db, low_row + i);
  }
  std::fill(high_row + i, high_row + stride, std::int8_t{0});
  std::fill(low_row + i, low_row + stride, std::int8_t{0});
  return {max / kTwoDigits * scale * 1.44269504F, 128 * hn::GetLane(hn::SumOfLanes(di, high_sum)),
          128 * hn::GetLane(hn::SumOfLanes(di, low_sum))};
}

// Softmax weights of a block times the scales of the values, as two rows of digits.
struct WeightDigits {
  float scale = 0;
  std::int32_t offset = 0;  // 128 times the sum of the weights
};

// Turns the products of `valid` keys with the digits of one query into digits of weights, zeros
// after them up to kInt8KeyBlock, and brings the row's state up to date (its max is in units of
// log2). block_keys: the first of two blocks of the cache.
HWY_INLINE WeightDigits SoftmaxDigits(const std::int32_t* HWY_RESTRICT high_scores,
                                      const std::int32_t* HWY_RESTRICT low_scores,
                                      const QueryDigits& query,
                                      const std::uint32_t* HWY_RESTRICT block_keys,
                                      std::int64_t d_head, std::int64_t valid,
                                      float* HWY_RESTRICT products, std::byte* HWY_RESTRICT digits,
                                      RowState& state) {
  const D d;
  const DI di;
  const hn::Rebind<std::int8_t, D> db;
  const auto scales = [&](std::int64_t key) {
    return KeyScales(block_keys + key / kCacheBlock * KeyBlockQuads(d_head), d_head) +
           key % kCacheBlock;
  };
  const auto first = [&](std::int64_t i) HWY_ATTR {
    return hn::FirstN(d, static_cast<std::size_t>(std::min(valid - i, kLanes)));
  };
  const V minus_infinity = hn::Set(d, -std::numeric_limits<float>::infinity());
  const V query_scale = hn::Set(d, query.scale);
  const VI high_offset = hn::Set(di, query.high_offset);
  const VI low_offset = hn::Set(di, query.low_offset);
  V max = minus_infinity;
  for (std::int64_t i = 0; i < valid; i += kLanes) {
    const V high = hn::ConvertTo(d, hn::Sub(hn::Load(di, high_scores + i), high_offset));
    const V low = hn::ConvertTo(d, hn::Sub(hn::Load(di, low_scores + i), low_offset));
    const V score = hn::Mul(hn::MulAdd(high, hn::Set(d, 256.0F), low),
                            hn::Mul(hn::Load(d, scales(i)), query_scale));
    const V seen = hn::IfThenElse(first(i), score, minus_infinity);
    max = hn::Max(max, seen);
    hn::Store(seen, d, products + i);
  }
  const float new_max = std::max(state.max, hn::GetLane(hn::MaxOfLanes(d, max)));
  const V shift = hn::Set(d, new_max);
  V sum = hn::Zero(d);
  V greatest = hn::Zero(d);
  V poison = hn::Zero(d);
  for (std::int64_t i = 0; i < valid; i += kLanes) {
    const V weight = Exp2(hn::Sub(hn::Load(d, products + i), shift));
    sum = hn::Add(sum, weight);
    const V value_scale = hn::IfThenElseZero(first(i), hn::Load(d, scales(i) + kCacheBlock));
    const V product = hn::Mul(weight, value_scale);
    greatest = hn::Max(greatest, product);
    poison = hn::MulAdd(product, hn::Zero(d), poison);
    hn::Store(product, d, products + i);
  }
  const float greatest_product = hn::GetLane(hn::MaxOfLanes(d, greatest));
  const V inverse = hn::Set(d, InverseOf(greatest_product, kTwoDigits));
  auto* const high_row = reinterpret_cast<std::int8_t*>(digits);
  auto* const low_row = reinterpret_cast<std::int8_t*>(digits + kWeightDigitStride);
  VI digit_sum = hn::Zero(di);
  std::int64_t i = 0;
  for (; i < valid; i += kLanes) {
    const VI weight = hn::NearestInt(hn::Mul(hn::Load(d, products + i), inverse));
    VI high;
    VI low;
    SplitDigits(weight, high, low);
    digit_sum = hn::Add(digit_sum, weight);
    hn::StoreU(hn::DemoteTo(db, high), db, high_row + i);
    hn::StoreU(hn::DemoteTo(db, low), db, low_row + i);
  }
  std::fill(high_row + i, high_row + kInt8KeyBlock, std::int8_t{0});
  std::fill(low_row + i, low_row + kInt8KeyBlock, std::int8_t{0});
  state.scale = hn::GetLane(Exp2(hn::Set(d, state.max - new_max)));
  state.sum = state.sum * state.scale + hn::GetLane(hn::SumOfLanes(d, sum));
  state.max = new_max;
  return {greatest_product / kTwoDigits + hn::GetLane(hn::SumOfLanes(d, poison)),
          128 * hn::GetLane(hn::SumOfLanes(di, digit_sum))};
}

// out [rows, columns] = a b in vectors, for as many columns as a tile has at most.
struct QuadRun {
  const std::byte* a;
  std::int64_t a_stride;
  const std::uint32_t* words;
  std::int64_t stride;
  std::int64_t depth;
  std::int32_t* out;
  std::int64_t out_stride;

  template <int kRows, int kVectors>
  HWY_INLINE void Run() const {
    const DI di;
    VI acc[kRows][kVectors];
    SetZero(acc);
    MultiplyQuads<kRows, kVectors>(a, a_stride, words, stride, depth, acc);
    LTS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      LTS_UNROLL
      for (int v = 0; v < kVectors; ++v)
        hn::Store(acc[r][v], di, out + r * out_stride + v * kLanes);
    }
  }
};

// The same for `rows` rows of digits, an even number.
HWY_INLINE void MultiplyDigits(std::int64_t rows, std::int64_t columns, QuadRun run) {
  const int vectors = static_cast<int>((columns + kLanes - 1) / kLanes);
  for (; rows >= 4; rows -= 4) {
    DispatchVectors<4>(vectors, run);
    run.a += 4 * run.a_stride;
    run.out += 4 * run.out_stride;
  }
  if (rows > 0) DispatchVectors<2>(vectors, run);
}

// `amx`: products by the matrix unit; the thread has AmxTiles.
void AttendOnInt8(const AttendInt8Task& task, std::byte* memory, bool amx) {
  const D d;
  const DI di;
  const Int8Scratch scratch = SplitInt8Scratch(memory, task.d_head);
  const std::int64_t value_stride = ValueStride(task.d_head);
  const std::int64_t query_stride = QueryDigitStride(task.d_head);
  const std::int64_t digit_rows = 2 * task.rows;
  const int row_tiles = static_cast<int>((digit_rows + kAmxRows - 1) / kAmxRows);
  QueryDigits queries[kQueryBlockInt8];
  RowState state[kQueryBlockInt8];
  for (std::int64_t r = 0; r < task.rows; ++r) {
    queries[r] = SplitQuery(task.q + r * task.q_stride, task.d_head, task.scale,
                            scratch.queries + 2 * r * query_stride);
    state[r] = {-std::numeric_limits<float>::infinity(), 0.0F, 0.0F};
  }
  const std::int64_t end = task.first_position + (task.rows - 1) * task.position_step + 1;
  for (std::int64_t block = 0; block < end; block += kInt8KeyBlock) {
    const std::int64_t keys = std::min(kInt8KeyBlock, end - block);
    const std::uint32_t* block_keys = task.keys + block / kCacheBlock * KeyBlockQuads(task.d_head);
    const std::uint32_t* block_values = task.values + block / 4 * value_stride;
    const std::int64_t score_columns = amx ? 2 * kAmxRows : kTileColumns;
    for (std::int64_t key = 0; key < keys; key += score_columns) {
      const std::uint32_t* words =
          block_keys + key / kCacheBlock * KeyBlockQuads(task.d_head) + key % kCacheBlock;
      if (amx) {
        AmxMultiply(DType::kInt8,
                    {.a = scratch.queries,
                     .a_stride = query_stride,
                     .b = words,
                     .b_stride = kCacheBlock * 4,
                     .steps = (task.d_head + 63) / 64,
                     .c = scratch.scores + key,
                     .c_stride = kInt8KeyBlock * 4},
                    row_tiles, 2);
      } else {
        MultiplyDigits(digit_rows, std::min(kTileColumns, keys - key),
                       {scratch.queries, query_stride, words, kCacheBlock, task.d_head,
                        scratch.scores + key, kInt8KeyBlock});
      }
    }
    WeightDigits weights[kQueryBlockInt8];
    for (std::int64_t r = 0; r < task.rows; ++r) {
      const std::int64_t valid =
          std::min(task.first_position + r * task.position_step + 1 - block, keys);
      if (valid <= 0) continue;  // all keys lie after its position; its digits are not looked at
      weights[r] = SoftmaxDigits(scratch.scores + 2 * r * kInt8KeyBlock,
                                 scratch.scores + (2 * r + 1) * kInt8KeyBlock, queries[r],
                                 block_keys, task.d_head, valid, scratch.products,
                                 scratch.weights + 2 * r * kWeightDigitStride, state[r]);
    }
    const std::int64_t value_columns = amx ? 2 * kAmxRows : kTileColumns;
    for (std::int64_t column = 0; column < value_stride; column += value_columns) {
      std::int32_t* out = scratch.block_sums + column;
      if (amx) {
        AmxMultiply(DType::kInt8,
                    {.a = scratch.weights,
                     .a_stride = kWeightDigitStride,
                     .b = block_values + column,
                     .b_stride = value_stride * 4,
                     .steps = (keys + 63) / 64,
                     .c = out,
                     .c_stride = value_stride * 4},
                    row_tiles, column + kAmxRows < value_stride ? 2 : 1);
      } else {
        MultiplyDigits(digit_rows, std::min(kTileColumns, value_stride - column),
                       {scratch.weights, kWeightDigitStride, block_values + column, value_stride,
                        keys, out, value_stride});
      }
    }
    for (std::int64_t r = 0; r < task.rows; ++r) {
      if (task.first_position + r * task.position_step < block) continue;
      const std::int32_t* high = scratch.block_sums + 2 * r * value_stride;
      const std::int32_t* low = high + value_stride;
      float* sums = scratch.sums + r * value_stride;
      const VI offset = hn::Set(di, weights[r].offset);
      const V weight_scale = hn::Set(d, weights[r].scale);
      const V old_scale = hn::Set(d, state[r].scale);
      for (std::int64_t i = 0; i < value_stride; i += kLanes) {
        // At most 128 * 32512 * 127: below 2^31.
        const VI sum = hn::Sub(
            hn::Add(hn::ShiftLeft<8>(hn::Load(di, high + i)), hn::Load(di, low + i)), offset);
        const V old = block == 0 ? hn::Zero(d) : hn::Mul(hn::Load(d, sums + i), old_scale);
        hn::Store(hn::MulAdd(hn::ConvertTo(d, sum), weight_scale, old), d, sums + i);
      }
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

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lts {

HWY_EXPORT(AttendOnInt8);
HWY_EXPORT(StoreInt8);

void StoreKeysValuesInt8(const float* k, const float* v, std::int64_t stride, std::int64_t n,
                         std::int64_t d_head, std::int64_t position, std::uint32_t* keys,
                         std::uint32_t* values) {
  HWY_DYNAMIC_DISPATCH(StoreInt8)(k, v, stride, n, d_head, position, keys, values);
}

std::int64_t AttendInt8ScratchBytes(std::int64_t d_head) { return Int8ScratchBytes(d_head); }

void AttendInt8(const AttendInt8Task& task, std::byte* scratch) {
  LTS_DCHECK(task.rows >= 1 && task.rows <= kQueryBlockInt8 && task.d_head <= kMaxInt8Depth);
  // A tile of 16 rows costs as much for two: below that vectors are as fast.
  constexpr std::int64_t kFewestRows = 4;
  if (task.rows >= kFewestRows && AmxAvailable()) {
    const AmxTiles tiles;
    HWY_DYNAMIC_DISPATCH(AttendOnInt8)(task, scratch, true);
  } else {
    HWY_DYNAMIC_DISPATCH(AttendOnInt8)(task, scratch, false);
  }
}

}  // namespace lts
#endif  // HWY_ONCE

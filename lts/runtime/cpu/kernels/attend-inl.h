// Attention in register tiles over a cache of float32 or of words of two bfloat16. Include inside a
// kernel's .cc after foreach_target.h.

#if defined(LTS_RUNTIME_CPU_KERNELS_ATTEND_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LTS_RUNTIME_CPU_KERNELS_ATTEND_INL_H_
#undef LTS_RUNTIME_CPU_KERNELS_ATTEND_INL_H_
#else
#define LTS_RUNTIME_CPU_KERNELS_ATTEND_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <limits>

#include "lts/runtime/cpu/kernels/attention.h"
#include "lts/runtime/cpu/kernels/narrow-inl.h"
#include "lts/runtime/cpu/kernels/tile-inl.h"

#ifndef LTS_RUNTIME_CPU_KERNELS_ATTEND_ONCE_
#define LTS_RUNTIME_CPU_KERNELS_ATTEND_ONCE_
namespace lts {

// Keys whose scores exist at once: 24 rows of 256 are 24 KiB, half of L1; fewer would rescale the
// output more often.
constexpr std::int64_t kKeyBlock = 4 * kCacheBlock;

// Softmax state of a row over the keys seen so far.
struct RowState {
  float max;    // of the scores
  float sum;    // of e^(score - max)
  float scale;  // e^(old max - max): what earlier output must be multiplied by in this block
};

constexpr std::int64_t AttendTilesScratchSize(std::int64_t d_head) {
  return kQueryBlock * (kKeyBlock + ValueStride(d_head));
}

// Where a token's keys and a pair of tokens' values begin, by the cache's element.
template <typename Element>
struct CacheLayout;
template <>
struct CacheLayout<float> {
  static constexpr std::int64_t KeyRows(std::int64_t d_head) { return d_head; }
  static constexpr std::int64_t ValueRow(std::int64_t token) { return token; }
};
template <>
struct CacheLayout<std::uint32_t> {
  static constexpr std::int64_t KeyRows(std::int64_t d_head) { return (d_head + 31) / 32 * 16; }
  static constexpr std::int64_t ValueRow(std::int64_t token) { return token / 2; }
};

}  // namespace lts
#endif

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// scores[rows, columns] = scale * q K^T for consecutive keys of one cache block.
template <typename Element>
struct ScoreRun {
  const float* q;
  std::int64_t q_stride;
  const Element* keys;  // [KeyRows(d_head), kCacheBlock], at the first column
  std::int64_t d_head;
  float scale;
  float* scores;  // row stride kKeyBlock

  template <int kRows, int kVectors>
  HWY_INLINE void Run() const {
    const D d;
    V acc[kRows][kVectors];
    SetZero(acc);
    MultiplyTile<kRows, kVectors>(q, q_stride, keys, kCacheBlock, d_head, acc);
    const V scales = hn::Set(d, scale);
    LTS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      LTS_UNROLL
      for (int v = 0; v < kVectors; ++v)
        hn::Store(hn::Mul(acc[r][v], scales), d, scores + r * kKeyBlock + v * kLanes);
    }
  }
};

// out[rows, columns] = out * row scale + weights V.
template <typename Element>
struct ValueRun {
  const float* weights;   // row stride kKeyBlock
  const Element* values;  // at the first column
  std::int64_t stride;    // of values and out
  std::int64_t keys;
  const RowState* state;  // of the rows
  bool first;             // out holds nothing yet
  float* out;

  template <int kRows, int kVectors>
  HWY_INLINE void Run() const {
    const D d;
    V acc[kRows][kVectors];
    LTS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const V scale = hn::Set(d, first ? 0.0F : state[r].scale);
      LTS_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        acc[r][v] =
            first ? hn::Zero(d) : hn::Mul(hn::Load(d, out + r * stride + v * kLanes), scale);
      }
    }
    MultiplyTile<kRows, kVectors>(weights, kKeyBlock, values, stride, keys, acc);
    LTS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      LTS_UNROLL
      for (int v = 0; v < kVectors; ++v) hn::Store(acc[r][v], d, out + r * stride + v * kLanes);
    }
  }
};

// Turns the scores of `valid` keys of one row into weights e^(score - max), zeros after them up to
// `keys` rounded up to a vector, and brings the row's state up to date.
HWY_INLINE void SoftmaxRow(float* scores, std::int64_t valid, std::int64_t keys, RowState& state) {
  const D d;
  if (valid <= 0) {  // all of this block lies after the row's position
    for (std::int64_t i = 0; i < keys; i += kLanes) hn::Store(hn::Zero(d), d, scores + i);
    state.scale = 1.0F;
    return;
  }
  const V minus_infinity = hn::Set(d, -std::numeric_limits<float>::infinity());
  const std::int64_t whole = valid / kLanes * kLanes;
  const auto partial = hn::FirstN(d, static_cast<std::size_t>(valid - whole));
  V max = minus_infinity;
  for (std::int64_t i = 0; i < whole; i += kLanes) max = hn::Max(max, hn::Load(d, scores + i));
  if (whole < valid)
    max = hn::Max(max, hn::IfThenElse(partial, hn::Load(d, scores + whole), minus_infinity));
  const float new_max = std::max(state.max, hn::GetLane(hn::MaxOfLanes(d, max)));
  const V shift = hn::Set(d, new_max);
  V sum = hn::Zero(d);
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    const V weight = Exp(hn::Sub(hn::Load(d, scores + i), shift));
    sum = hn::Add(sum, weight);
    hn::Store(weight, d, scores + i);
  }
  std::int64_t done = whole;
  if (whole < valid) {
    const V weight = hn::IfThenElseZero(partial, Exp(hn::Sub(hn::Load(d, scores + whole), shift)));
    sum = hn::Add(sum, weight);
    hn::Store(weight, d, scores + whole);
    done += kLanes;
  }
  for (; done < keys; done += kLanes) hn::Store(hn::Zero(d), d, scores + done);
  state.scale = hn::GetLane(Exp(hn::Set(d, state.max - new_max)));
  state.sum = state.sum * state.scale + hn::GetLane(hn::SumOfLanes(d, sum));
  state.max = new_max;
}

template <typename Element>
HWY_INLINE void AttendInTiles(const CacheAttendTask<Element>& task, float* scratch) {
  using Layout = CacheLayout<Element>;
  const D d;
  RowState state[kQueryBlock];
  for (RowState& row : state) row = {-std::numeric_limits<float>::infinity(), 0.0F, 0.0F};
  const std::int64_t stride = ValueStride(task.d_head);
  float* scores = scratch;                          // [kQueryBlock, kKeyBlock]
  float* sums = scratch + kQueryBlock * kKeyBlock;  // [kQueryBlock, stride]
  const auto position = [&](std::int64_t row) {
    return task.first_position + row * task.position_step;
  };
  const std::int64_t tiles = (task.rows + kTileRows - 1) / kTileRows;
  const std::int64_t end = position(task.rows - 1) + 1;  // keys that the last row sees
  for (std::int64_t block = 0; block < end; block += kKeyBlock) {
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
      const std::int64_t row = task.rows * tile / tiles;
      const std::int64_t row_end = task.rows * (tile + 1) / tiles;
      const int rows = static_cast<int>(row_end - row);
      // Keys of this block that the last, and so any, row of the tile sees.
      const std::int64_t keys = std::min(position(row_end - 1) + 1 - block, kKeyBlock);
      if (keys <= 0) continue;
      float* tile_scores = scores + row * kKeyBlock;
      for (std::int64_t key = 0; key < keys;) {
        const std::int64_t columns =
            std::min(kTileColumns, (keys - key + kLanes - 1) / kLanes *
                                       kLanes);  // kCacheBlock % kTileColumns == 0
        const Element* block_keys =
            task.keys + (block + key) / kCacheBlock * kCacheBlock * Layout::KeyRows(task.d_head) +
            key % kCacheBlock;
        DispatchTile(rows, static_cast<int>(columns / kLanes),
                     ScoreRun<Element>{task.q + row * task.q_stride, task.q_stride, block_keys,
                                       task.d_head, task.scale, tile_scores + key});
        key += columns;
      }
      for (std::int64_t r = row; r < row_end; ++r) {
        SoftmaxRow(scores + r * kKeyBlock, std::min(position(r) + 1 - block, kKeyBlock), keys,
                   state[r]);
      }
      for (std::int64_t column = 0; column < stride; column += kTileColumns) {
        const std::int64_t columns = std::min(kTileColumns, stride - column);
        DispatchTile(
            rows, static_cast<int>(columns / kLanes),
            ValueRun<Element>{tile_scores, task.values + Layout::ValueRow(block) * stride + column,
                              stride, keys, state + row, block == 0, sums + row * stride + column});
      }
    }
  }
  for (std::int64_t r = 0; r < task.rows; ++r) {
    const V scale = hn::Set(d, 1.0F / state[r].sum);
    for (std::int64_t i = 0; i < task.d_head; i += kLanes) {
      StoreUpTo(hn::Mul(hn::Load(d, sums + r * stride + i), scale),
                task.out + r * task.out_stride + i, task.d_head - i);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#endif  // include guard

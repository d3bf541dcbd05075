#include <algorithm>
#include <cmath>
#include <cstring>

#include "lts/base/error.h"
#include "lts/runtime/cpu/kernels/amx.h"
#include "lts/runtime/cpu/kernels/narrow.h"
#include "lts/runtime/cpu/kernels/narrow_work.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/narrow_matmul.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/epilogue-inl.h"
#include "lts/runtime/cpu/kernels/narrow-inl.h"
#include "lts/runtime/cpu/kernels/tile-inl.h"
// clang-format on

#ifndef LTS_RUNTIME_CPU_KERNELS_NARROW_MATMUL_CC_
#define LTS_RUNTIME_CPU_KERNELS_NARROW_MATMUL_CC_
namespace lts {

constexpr std::int64_t kAmxColumns = 32;  // of a block of 2 x 2 tiles
constexpr std::int64_t kAmxBlockRows = kWorkRowGrain;
static_assert(kTileRowGrain == kAmxRows);
// Steps (64 bytes of depth) of one pass: a block of weights of 32 columns is 2 KiB a step, so that
// 12 steps are half of the 48 KiB of L1, which it keeps while the rows pass.
constexpr std::int64_t kAmxSteps = 12;
// Rows come from L2, whose 32 bytes a cycle are what a step of 2 x 2 tiles wants; one of 1 x 4
// wants half. Of its 64 columns L1 keeps fewer steps, and each further pass writes and reads all
// sums, so from three passes on 2 x 2 is faster.
constexpr std::int64_t kAmxWideSteps = 9;
constexpr std::int64_t kAmxWidePasses = 2;
// From here on tiles pay: below, vectors read the weights as fast as they come from memory.
constexpr std::int64_t kAmxFewestRows = 5;
// Rows of a vector tile: 4 x 4 sums, 8 halves of words and 2 values of x are 26 of 32 registers.
constexpr int kNarrowTileRows = 4;

struct NarrowTask {
  ProductInput x;
  NarrowMatrix w;
  Epilogue epilogue;
  std::int64_t columns;  // columns from here on do not exist or are not wanted
  ProductOutput y;
  bool amx;
};

}  // namespace lts
#endif

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// Sums of int8 products as float32: (sum - correction) scale_x scale.
struct Int8Sums {
  const float* sums;    // int32, 64-byte aligned, whole vectors
  const float* scales;  // whole vectors
  std::int32_t correction;
  float scale_x;
  HWY_INLINE V Load(std::int64_t i) const {
    const DI di;
    const VI sum = hn::BitCast(di, hn::Load(D(), sums + i));
    return hn::Mul(hn::ConvertTo(D(), hn::Sub(sum, hn::Set(di, correction))),
                   hn::Mul(hn::Set(D(), scale_x), hn::LoadU(D(), scales + i)));
  }
};

struct NoActivation {
  HWY_INLINE V operator()(V x) const { return x; }
};
struct NarrowGeluTanh {
  HWY_INLINE V operator()(V x) const { return ActivateNarrow(Activation::kGeluTanh, x); }
};
struct NarrowActivation {
  Activation kind;
  HWY_INLINE V operator()(V x) const { return ActivateNarrow(kind, x); }
};

// A row's last vector is written whole: the row is longer than its columns.
struct BFloat16Row {
  std::uint16_t* y;  // at the block's first column
  HWY_INLINE void Store(V v, std::int64_t i) const { StoreRounded(v, y + i); }
  HWY_INLINE void StoreFirst(V v, std::int64_t i, std::int64_t) const { StoreRounded(v, y + i); }
};

// A block of sums: rows [row, row + rows) of y, columns [column, column + columns).
struct SumBlock {
  const float* sums;
  std::int64_t stride;
  std::int64_t work_row;  // of the first row in the work
  std::int64_t row;
  std::int64_t rows;
  std::int64_t column;
  std::int64_t columns;
};

template <class Activate>
HWY_INLINE void FinishRows(const NarrowTask& task, const NarrowWork& work, const SumBlock& block,
                           const Activate& activate) {
  const std::int64_t columns = std::min(block.columns, task.columns - block.column);
  for (std::int64_t r = 0; r < block.rows; ++r) {
    const std::int64_t row = block.row + r;
    const float* sums = block.sums + r * block.stride;
    if (task.y.rounded != nullptr) {
      std::uint16_t* y = task.y.rounded + row * task.y.stride + block.column;
      FinishRow(task.epilogue, StoredSums{sums}, activate, row, block.column, columns,
                BFloat16Row{y});
      if (block.column + columns == task.columns) {  // the depth of the next product's last tile
        const std::int64_t padded = NarrowDepthBytes(task.columns, DType::kBFloat16) / 2;
        std::fill(y + RoundUpTo(columns, kLanes), y + padded - block.column, std::uint16_t{0});
      }
      continue;
    }
    const Float32Row y{task.y.values + row * task.y.stride + block.column};
    if (task.w.dtype == DType::kInt8) {
      FinishRow(task.epilogue,
                Int8Sums{sums, task.w.scales + block.column, work.corrections[block.work_row + r],
                         work.scales[block.work_row + r]},
                activate, row, block.column, columns, y);
    } else {
      FinishRow(task.epilogue, StoredSums{sums}, activate, row, block.column, columns, y);
    }
  }
}

// Kept out of the tiles' code. The activation is chosen once a block: a choice in each vector costs
// half as much as the activation.
HWY_NOINLINE void FinishNarrow(const NarrowTask& task, const NarrowWork& work,
                               const SumBlock& block) {
  if (!task.epilogue.activation) {
    FinishRows(task, work, block, NoActivation{});
  } else if (*task.epilogue.activation == Activation::kGeluTanh) {
    FinishRows(task, work, block, NarrowGeluTanh{});
  } else {
    FinishRows(task, work, block, NarrowActivation{*task.epilogue.activation});
  }
}

// sums [kRows, kVectors vectors], row stride kTileColumns: one pass over `word_rows` of a panel.
// bfloat16 reads x as float32; int8 the quantized rows.
template <int kRows, int kVectors>
HWY_INLINE void MultiplyBFloat16(const float* HWY_RESTRICT x, std::int64_t x_stride,
                                 std::int64_t depth, const std::uint32_t* HWY_RESTRICT words,
                                 std::int64_t width, float* HWY_RESTRICT sums) {
  const D d;
  V acc[kRows][kVectors];
  SetZero(acc);
  MultiplyTile<kRows, kVectors>(x, x_stride, words, width, depth, acc);
  LTS_UNROLL
  for (int r = 0; r < kRows; ++r) {
    LTS_UNROLL
    for (int v = 0; v < kVectors; ++v)
      hn::Store(acc[r][v], d, sums + r * kTileColumns + v * kLanes);
  }
}

template <int kRows, int kVectors>
HWY_INLINE void MultiplyInt8(const std::byte* HWY_RESTRICT x, std::int64_t x_stride,
                             std::int64_t depth, const std::uint32_t* HWY_RESTRICT words,
                             std::int64_t width, std::int32_t* HWY_RESTRICT sums) {
  const DI di;
  VI acc[kRows][kVectors];
  SetZero(acc);
  MultiplyQuads<kRows, kVectors>(x, x_stride, words, width, depth, acc);
  LTS_UNROLL
  for (int r = 0; r < kRows; ++r) {
    LTS_UNROLL
    for (int v = 0; v < kVectors; ++v)
      hn::Store(acc[r][v], di, sums + r * kTileColumns + v * kLanes);
  }
}

struct NarrowRun {
  const float* x;
  std::int64_t x_stride;
  const NarrowWork* work;
  std::int64_t row;  // of the work
  std::int64_t depth;
  const std::uint32_t* words;
  std::int64_t width;
  bool int8;
  float* sums;

  template <int kRows, int kVectors>
  HWY_INLINE void Run() const {
    if constexpr (kRows <= kNarrowTileRows) {
      if (int8) {
        MultiplyInt8<kRows, kVectors>(work->x + row * work->stride, work->stride, depth, words,
                                      width, reinterpret_cast<std::int32_t*>(sums));
      } else {
        MultiplyBFloat16<kRows, kVectors>(x, x_stride, depth, words, width, sums);
      }
    }
  }
};

struct ColumnBlock {
  const std::uint32_t* words;  // at the block's first column
  std::int64_t width;          // of its panel
};
HWY_INLINE ColumnBlock BlockAt(const NarrowMatrix& w, std::int64_t column) {
  const std::int64_t panel = column / kPanelColumns * kPanelColumns;
  const std::int64_t width = std::min(kPanelColumns, PaddedColumns(w.columns) - panel);
  const std::int64_t word_rows = NarrowDepthBytes(w.rows, w.dtype) / kWordBytes;
  return {w.words + panel * word_rows + (column - panel), width};
}

// Rows [first, first + rows) of x, which are in `work`, by vectors.
void VectorRange(const NarrowTask& task, const NarrowWork& work, std::int64_t first,
                 std::int64_t rows, std::int64_t column_begin, std::int64_t column_end) {
  const std::int64_t tiles = (rows + kNarrowTileRows - 1) / kNarrowTileRows;
  auto* const sums = static_cast<float*>(work.sums);
  for (std::int64_t column = column_begin; column < column_end;) {
    const ColumnBlock block = BlockAt(task.w, column);
    const std::int64_t columns =
        std::min({kTileColumns, column_end - column, block.width - column % kPanelColumns});
    std::int64_t done = 0;
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
      const std::int64_t end = rows * (tile + 1) / tiles;
      const NarrowRun run{task.x.values + (first + done) * task.x.stride,
                          task.x.stride,
                          &work,
                          done,
                          task.w.rows,
                          block.words,
                          block.width,
                          task.w.dtype == DType::kInt8,
                          sums};
      DispatchTile(static_cast<int>(end - done), static_cast<int>(columns / kLanes), run);
      FinishNarrow(task, work,
                   {sums, kTileColumns, done, first + done, end - done, column, columns});
      done = end;
    }
    column += columns;
  }
}

// How AMX goes through a block of columns.
struct AmxShape {
  std::int64_t columns;
  std::int64_t rows;  // of a block of tiles
  std::int64_t passes;
  int col_tiles;
};
HWY_INLINE AmxShape ShapeOfBlock(std::int64_t steps, std::int64_t columns) {
  const std::int64_t wide_passes = (steps + kAmxWideSteps - 1) / kAmxWideSteps;
  if (columns >= kPanelColumns && wide_passes <= kAmxWidePasses)
    return {kPanelColumns, kAmxRows, wide_passes, 4};
  return {std::min(kAmxColumns, columns), kAmxBlockRows, (steps + kAmxSteps - 1) / kAmxSteps,
          columns > kAmxRows ? 2 : 1};
}

// The same by AMX. a: the rows in the tiles' type.
void AmxRange(const NarrowTask& task, const NarrowWork& work, const std::byte* a,
              std::int64_t a_stride, std::int64_t first, std::int64_t rows,
              std::int64_t column_begin, std::int64_t column_end) {
  const std::int64_t steps = NarrowDepthBytes(task.w.rows, task.w.dtype) / kTileBytes;
  auto* const sums = static_cast<float*>(work.sums);
  for (std::int64_t column = column_begin; column < column_end;) {
    const ColumnBlock block = BlockAt(task.w, column);
    const std::int64_t in_panel = column % kPanelColumns;
    const AmxShape shape =
        ShapeOfBlock(steps, std::min(column_end - column, block.width - in_panel));
    const std::int64_t blocks = (rows + shape.rows - 1) / shape.rows;
    // While a block of columns is multiplied, the words behind it (in whole panels: half of the
    // next panel with each half of this one) are on their way to L2.
    const std::int64_t lines = steps * shape.columns;
    const std::int64_t lines_per_step = (lines + blocks * steps - 1) / (blocks * steps);
    const char* ahead = reinterpret_cast<const char*>(
        block.words - in_panel + steps * kAmxRows * block.width + in_panel * steps * kAmxRows);
    for (std::int64_t pass = 0; pass < shape.passes; ++pass) {
      const std::int64_t begin = steps * pass / shape.passes;
      const std::int64_t end = steps * (pass + 1) / shape.passes;
      for (std::int64_t row = 0; row < rows; row += shape.rows) {
        const std::int64_t block_rows = std::min(shape.rows, rows - row);
        float* block_sums = sums + row * shape.columns;
        AmxMultiply(task.w.dtype,
                    {.a = a + row * a_stride + begin * kTileBytes,
                     .a_stride = a_stride,
                     .b = block.words + begin * kAmxRows * block.width,
                     .b_stride = block.width * kWordBytes,
                     .steps = end - begin,
                     .c = block_sums,
                     .c_stride = shape.columns * kWordBytes,
                     .accumulate = pass > 0,
                     .prefetch = ahead,
                     .prefetch_lines = lines_per_step},
                    block_rows > kAmxRows ? 2 : 1, shape.col_tiles);
        ahead += (end - begin) * lines_per_step * 64;
        if (pass + 1 == shape.passes) {
          FinishNarrow(
              task, work,
              {block_sums, shape.columns, row, first + row, block_rows, column, shape.columns});
        }
      }
    }
    column += shape.columns;
  }
}

// Rows [row_begin, row_end) and columns [column_begin, column_end) of y; columns in whole grains.
void NarrowRange(const NarrowTask& task, const NarrowWork& work, std::int64_t row_begin,
                 std::int64_t row_end, std::int64_t column_begin, std::int64_t column_end) {
  const std::int64_t chunks = (row_end - row_begin + kNarrowRows - 1) / kNarrowRows;
  const std::int64_t chunk = RoundUpTo((row_end - row_begin + chunks - 1) / chunks, kAmxBlockRows);
  for (std::int64_t first = row_begin; first < row_end; first += chunk) {
    const std::int64_t rows = std::min(chunk, row_end - first);
    const bool convert = task.x.rounded == nullptr && (task.amx || task.w.dtype == DType::kInt8);
    if (convert) {
      ConvertRows(task.x.values + first * task.x.stride, rows, task.x.stride, task.w.rows,
                  task.w.dtype, task.amx ? RoundUpTo(rows, kAmxRows) : rows, work);
    }
    if (!task.amx) {
      VectorRange(task, work, first, rows, column_begin, column_end);
    } else if (convert) {
      AmxRange(task, work, work.x, work.stride, first, rows, column_begin, column_end);
    } else {
      const std::int64_t stride = task.x.stride * SizeOf(DType::kBFloat16);
      AmxRange(task, work, reinterpret_cast<const std::byte*>(task.x.rounded) + first * stride,
               stride, first, rows, column_begin, column_end);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lts {

HWY_EXPORT(NarrowRange);

namespace {

// Bits of bfloat16, round to nearest even.
std::uint32_t BFloat16Of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
}

}  // namespace

void PackNarrow(const float* source, std::int64_t rows, std::int64_t columns, DType dtype,
                std::uint32_t* words, float* scales, ThreadPool& pool) {
  LTS_CHECK(dtype != DType::kInt8 || rows <= kMaxInt8Depth);
  const std::int64_t panels = (columns + kPanelColumns - 1) / kPanelColumns;
  const std::int64_t word_rows = NarrowDepthBytes(rows, dtype) / kWordBytes;
  const std::int64_t group = GroupOf(dtype);
  pool.ParallelFor(panels, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      const std::int64_t first = panel * kPanelColumns;
      const std::int64_t width = std::min(kPanelColumns, PaddedColumns(columns) - first);
      const std::int64_t count = std::min(kPanelColumns, columns - first);
      float inverses[kPanelColumns] = {};
      if (dtype == DType::kInt8) {
        float max[kPanelColumns] = {};
        for (std::int64_t k = 0; k < rows; ++k) {
          const float* row = source + k * columns + first;
          for (std::int64_t j = 0; j < count; ++j) max[j] = std::max(max[j], std::abs(row[j]));
        }
        for (std::int64_t j = 0; j < width; ++j) {
          scales[first + j] = max[j] / 127.0F;
          inverses[j] = max[j] > 1e-36F ? 127.0F / max[j] : 0.0F;
        }
      }
      std::uint32_t* to = words + first * word_rows;
      for (std::int64_t word = 0; word < word_rows; ++word, to += width) {
        std::fill(to, to + width, dtype == DType::kInt8 ? 0x80808080U : 0U);
        for (std::int64_t i = 0; i < group; ++i) {
          const std::int64_t k = word * group + i;
          if (k >= rows) break;
          const float* row = source + k * columns + first;
          if (dtype == DType::kInt8) {
            for (std::int64_t j = 0; j < count; ++j) {
              const auto q = static_cast<std::int32_t>(std::nearbyint(row[j] * inverses[j]));
              to[j] ^= (static_cast<std::uint32_t>(q) & 0xFFU) << (8 * i);
            }
          } else {
            for (std::int64_t j = 0; j < count; ++j) to[j] |= BFloat16Of(row[j]) << (16 * i);
          }
        }
      }
    }
  });
}

std::int64_t NarrowScratchBytes(std::int64_t rows, std::int64_t depth, DType dtype) {
  const std::int64_t held = WorkRows(rows);
  // Of the table's product: even and odd values of one row as float32.
  const std::int64_t split = 2 * NarrowDepthBytes(depth, dtype);
  return RoundUpTo(
      held * (kPanelColumns + 2) * kWordBytes + std::max(held * NarrowStride(depth, dtype), split),
      64);
}

bool UsesRoundedRows(DType dtype, std::int64_t m) {
  return dtype == DType::kBFloat16 && m >= kAmxFewestRows && AmxAvailable();
}

void NarrowMatMul(const ProductInput& x, std::int64_t m, const NarrowMatrix& w, ColumnRange columns,
                  const Epilogue& epilogue, const ProductOutput& y, const NarrowScratch& scratch,
                  ThreadPool& pool) {
  LTS_DCHECK(columns.begin % kColumnGrain == 0 && columns.begin < columns.end &&
             columns.end <= w.columns);
  LTS_DCHECK((x.rounded == nullptr && y.rounded == nullptr) || UsesRoundedRows(w.dtype, m));
  LTS_DCHECK(y.rounded == nullptr || (columns.begin == 0 && columns.end == w.columns));
  const bool amx = m >= kAmxFewestRows && AmxAvailable();
  const NarrowTask task{x, w, epilogue, columns.end, y, amx};
  const auto range = HWY_DYNAMIC_DISPATCH(NarrowRange);
  const auto run = [&](std::int64_t row_begin, std::int64_t row_end, std::int64_t column_begin,
                       std::int64_t column_end, int worker) {
    const NarrowWork work = MakeWork(scratch, worker, m, w.rows, w.dtype);
    if (amx) {
      const AmxTiles tiles;
      range(task, work, row_begin, row_end, column_begin, column_end);
    } else {
      range(task, work, row_begin, row_end, column_begin, column_end);
    }
  };
  const std::int64_t padded_end = PaddedColumns(columns.end);
  constexpr std::int64_t kRowsWorthSplitting = 64;
  if (m >= kRowsWorthSplitting * pool.threads()) {
    const std::int64_t share = (m + pool.threads() - 1) / pool.threads();
    pool.ParallelFor(m, RoundUpTo(share, kAmxBlockRows),
                     [&](std::int64_t begin, std::int64_t end, int worker) {
                       run(begin, end, columns.begin, padded_end, worker);
                     });
  } else {
    const std::int64_t width = padded_end - columns.begin;
    const bool many =
        columns.begin % kPanelColumns == 0 && width >= 8 * kPanelColumns * pool.threads();
    pool.ParallelFor(width, many ? kPanelColumns : kColumnGrain,
                     [&](std::int64_t begin, std::int64_t end, int worker) {
                       run(0, m, columns.begin + begin, columns.begin + end, worker);
                     });
  }
}

}  // namespace lts
#endif  // HWY_ONCE

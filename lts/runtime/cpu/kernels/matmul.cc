#include "lts/runtime/cpu/kernels/matmul.h"

#include <algorithm>
#include <cstring>

#include "lts/base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/matmul.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/epilogue-inl.h"
#include "lts/runtime/cpu/kernels/tile-inl.h"
// clang-format on

#ifndef LTS_RUNTIME_CPU_KERNELS_MATMUL_CC_
#define LTS_RUNTIME_CPU_KERNELS_MATMUL_CC_
namespace lts {

// What one call computes; the kernels get a range of its rows and columns.
struct MatMulTask {
  const float* x;
  std::int64_t x_stride;
  PackedMatrix w;
  Epilogue epilogue;
  std::int64_t columns;  // columns from here on do not exist or are not wanted
  float* y;
  std::int64_t y_stride;
};

}  // namespace lts
#endif

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

// Rows that go through a panel before the next one: their partial sums (192 x 64 floats, 48 KiB)
// and a block of the panel stay in L2 (and mostly in L1) while the rows pass. More rows would read
// the panels less often from memory, but from 192 on that is 1 byte per 96 FLOPs.
constexpr std::int64_t kChunkRows = 192;
// Depth of one pass over the chunk: a 384 x 64 block of the panel is 96 KiB, read from L2 by every
// tile of 6 rows (256 bytes per 12 cycles of multiply-adds), and 6 x 384 values of x are 9 KiB of
// L1. Also the length of a chain of additions, and so fixed: longer chains round more.
constexpr std::int64_t kChunkDepth = 384;

// Weights come from memory, and a block of the panel is needed again only after the next model's
// worth of them: while the tiles of one block multiply, each asks for its share of the block behind
// it, a few lines every 8 k. Without it the first tile of every block waits (measured with 192
// rows: 10 % of the whole; see matmul_bench).
constexpr std::int64_t kPrefetchDepth = 8;
constexpr std::int64_t kLineFloats = 16;
HWY_INLINE void PrefetchToL2(const float* p) { __builtin_prefetch(p, 0, 2); }

struct TileRun {
  const float* x;  // at the tile's first row and this pass's first depth
  std::int64_t x_stride;
  const float* b;  // the panel at the tile's first column and this pass's first depth
  std::int64_t b_stride;
  std::int64_t depth;     // of this pass
  float* sums;            // [rows, kTileColumns]: in, of the passes before; out, with this one
  bool first;             // nothing in yet
  const float* prefetch;  // of the block after this one, this tile's part
  std::int64_t prefetch_lines;  // per kPrefetchDepth of k
  bool stream;                  // `prefetch` is kStreamAhead of b itself

  template <int kRows, int kVectors>
  HWY_INLINE void Run() const {
    const D d;
    V acc[kRows][kVectors];
    SetZero(acc);
    const float* ahead = prefetch;
    for (std::int64_t k = 0; k < depth; k += kPrefetchDepth) {
      if (stream) {
        for (std::int64_t i = 0; i < prefetch_lines; ++i, ahead += kLineFloats) PrefetchToL1(ahead);
      } else {
        for (std::int64_t i = 0; i < prefetch_lines; ++i, ahead += kLineFloats) PrefetchToL2(ahead);
      }
      MultiplyTile<kRows, kVectors>(x + k, x_stride, b + k * b_stride, b_stride,
                                    std::min(kPrefetchDepth, depth - k), acc);
    }
    LTS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      LTS_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        float* sum = sums + r * kTileColumns + v * kLanes;
        hn::Store(first ? acc[r][v] : hn::Add(hn::Load(d, sum), acc[r][v]), d, sum);
      }
    }
  }
};

// Epilogue of a tile: y rows [row, row + rows), columns [column, column + columns). Kept out of the
// tile's own code, which exists once per number of rows and vectors; the sums pass through L1, one
// load for hundreds of multiply-adds.
HWY_NOINLINE void FinishTile(const MatMulTask& task, const float* HWY_RESTRICT sums,
                             std::int64_t row, std::int64_t rows, std::int64_t column,
                             std::int64_t columns) {
  for (std::int64_t i = row; i < row + rows; ++i, sums += kTileColumns) {
    FinishRow(task.epilogue, StoredSums{sums}, ExactActivation{task.epilogue.activation}, i, column,
              std::min(columns, task.columns - column),
              Float32Row{task.y + i * task.y_stride + column});
  }
}

// Rows [row_begin, row_end) and columns [column_begin, column_end) of y; columns in whole grains.
void MultiplyRange(const MatMulTask& task, std::int64_t row_begin, std::int64_t row_end,
                   std::int64_t column_begin, std::int64_t column_end) {
  HWY_ALIGN float partial[kChunkRows * kTileColumns];
  const std::int64_t depth = task.w.rows;
  const std::int64_t padded_columns =
      (task.w.columns + kColumnGrain - 1) / kColumnGrain * kColumnGrain;
  const std::int64_t chunks = (row_end - row_begin + kChunkRows - 1) / kChunkRows;
  std::int64_t chunk_rows = (row_end - row_begin + chunks - 1) / chunks;
  chunk_rows = std::min((chunk_rows + kTileRows - 1) / kTileRows * kTileRows, kChunkRows);
  for (std::int64_t first = row_begin; first < row_end; first += chunk_rows) {
    const std::int64_t rows = std::min(chunk_rows, row_end - first);
    const std::int64_t tiles = (rows + kTileRows - 1) / kTileRows;
    std::int64_t column = column_begin;
    while (column < column_end) {
      const std::int64_t panel = column / kPanelColumns * kPanelColumns;
      const std::int64_t width = std::min(kPanelColumns, padded_columns - panel);
      const std::int64_t columns =
          std::min({kTileColumns, column_end - column, panel + width - column});
      const float* b = task.w.data + panel * depth + (column - panel);
      for (std::int64_t k = 0; k < depth; k += kChunkDepth) {
        const std::int64_t pass_depth = std::min(kChunkDepth, depth - k);
        const std::int64_t segments = (pass_depth + kPrefetchDepth - 1) / kPrefetchDepth;
        const std::int64_t block_lines = pass_depth * width / kLineFloats;
        const std::int64_t ahead_lines =
            column == panel ? (block_lines + tiles * segments - 1) / (tiles * segments) : 0;
        const bool stream = tiles == 1;
        const float* ahead = stream ? b + k * width + kStreamAhead : b + (k + pass_depth) * width;
        std::int64_t done = 0;
        for (std::int64_t tile = 0; tile < tiles; ++tile) {
          // As equal as can be: 8 rows are 4 + 4, not 6 + 2.
          const std::int64_t end = rows * (tile + 1) / tiles;
          float* sums = partial + done * kTileColumns;
          const TileRun run{task.x + (first + done) * task.x_stride + k,
                            task.x_stride,
                            b + k * width,
                            width,
                            pass_depth,
                            sums,
                            k == 0,
                            ahead,
                            ahead_lines};
          ahead += segments * ahead_lines * kLineFloats;
          DispatchTile(static_cast<int>(end - done), static_cast<int>(columns / kLanes), run);
          if (k + pass_depth == depth) {
            FinishTile(task, sums, first + done, end - done, column, columns);
          }
          done = end;
        }
      }
      column += columns;
    }
  }
}

// x rows i..i+kRows against table rows j..j+kTableRows: lanes run along the depth.
template <int kRows, int kTableRows>
HWY_INLINE void DotTile(const float* HWY_RESTRICT x, std::int64_t x_stride,
                        const float* HWY_RESTRICT table, std::int64_t depth, const float* bias,
                        float* y, std::int64_t y_stride) {
  const D d;
  V acc[kRows][kTableRows];
  SetZero(acc);
  std::int64_t k = 0;
  for (; k + kLanes <= depth; k += kLanes) {
    V rows[kTableRows];
    LTS_UNROLL
    for (int t = 0; t < kTableRows; ++t) {
      PrefetchToL1(table + (t + kTableRows) * depth + k);
      rows[t] = hn::LoadU(d, table + t * depth + k);
    }
    LTS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const V values = hn::LoadU(d, x + r * x_stride + k);
      LTS_UNROLL
      for (int t = 0; t < kTableRows; ++t) acc[r][t] = hn::MulAdd(values, rows[t], acc[r][t]);
    }
  }
  if (k < depth) {
    V rows[kTableRows];
    LTS_UNROLL
    for (int t = 0; t < kTableRows; ++t) rows[t] = LoadPartial(table + t * depth + k, depth - k);
    LTS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const V values = LoadPartial(x + r * x_stride + k, depth - k);
      LTS_UNROLL
      for (int t = 0; t < kTableRows; ++t) acc[r][t] = hn::MulAdd(values, rows[t], acc[r][t]);
    }
  }
  LTS_UNROLL
  for (int r = 0; r < kRows; ++r) {
    LTS_UNROLL
    for (int t = 0; t < kTableRows; ++t) {
      const float sum = hn::GetLane(hn::SumOfLanes(d, acc[r][t]));
      y[r * y_stride + t] = bias == nullptr ? sum : sum + bias[t];
    }
  }
}

struct DotRun {
  const float* x;
  std::int64_t x_stride;
  const float* table;
  std::int64_t depth;
  const float* bias;
  float* y;
  std::int64_t y_stride;
  bool one_row;  // of the table

  template <int kRows, int kVectors>
  HWY_INLINE void Run() const {
    if (one_row) {
      DotTile<kRows, 1>(x, x_stride, table, depth, bias, y, y_stride);
    } else {
      DotTile<kRows, kVectors>(x, x_stride, table, depth, bias, y, y_stride);
    }
  }
};

// Table rows [begin, end).
void DotRange(const float* x, std::int64_t m, std::int64_t x_stride, const float* table,
              std::int64_t depth, const float* bias, float* y, std::int64_t y_stride,
              std::int64_t begin, std::int64_t end) {
  // Table rows that stay in cache while all of x passes: 32 rows of 4096 floats are 512 KiB.
  constexpr std::int64_t kBlock = 32;
  const std::int64_t tiles = (m + kTileRows - 1) / kTileRows;
  for (std::int64_t block = begin; block < end; block += kBlock) {
    const std::int64_t block_end = std::min(block + kBlock, end);
    std::int64_t i = 0;
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
      const std::int64_t i_end = m * (tile + 1) / tiles;
      for (std::int64_t j = block; j < block_end;) {
        const bool one_row = j + kTileVectors > block_end;
        const DotRun run{x + i * x_stride,
                         x_stride,
                         table + j * depth,
                         depth,
                         bias == nullptr ? nullptr : bias + j,
                         y + i * y_stride + j,
                         y_stride,
                         one_row};
        DispatchTile(static_cast<int>(i_end - i), kTileVectors, run);
        j += one_row ? 1 : kTileVectors;
      }
      i = i_end;
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lts {

HWY_EXPORT(MultiplyRange);
HWY_EXPORT(DotRange);

void PackMatrix(const float* source, std::int64_t rows, std::int64_t columns, float* packed,
                ThreadPool& pool) {
  const std::int64_t panels = (columns + kPanelColumns - 1) / kPanelColumns;
  pool.ParallelFor(panels, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      const std::int64_t first = panel * kPanelColumns;
      const std::int64_t count = std::min(kPanelColumns, columns - first);
      const std::int64_t width = (count + kColumnGrain - 1) / kColumnGrain * kColumnGrain;
      float* to = packed + first * rows;
      for (std::int64_t k = 0; k < rows; ++k, to += width) {
        std::memcpy(to, source + k * columns + first,
                    static_cast<std::size_t>(count) * sizeof(float));
        std::fill(to + count, to + width, 0.0F);
      }
    }
  });
}

void MatMul(const float* x, std::int64_t m, std::int64_t x_stride, const PackedMatrix& w,
            const Epilogue& epilogue, float* y, std::int64_t y_stride, ThreadPool& pool) {
  MatMul(x, m, x_stride, w, ColumnRange{0, w.columns}, epilogue, y, y_stride, pool);
}

void MatMul(const float* x, std::int64_t m, std::int64_t x_stride, const PackedMatrix& w,
            ColumnRange columns, const Epilogue& epilogue, float* y, std::int64_t y_stride,
            ThreadPool& pool) {
  LTS_DCHECK(columns.begin % kColumnGrain == 0 && columns.begin < columns.end &&
             columns.end <= w.columns);
  const MatMulTask task{x, x_stride, w, epilogue, columns.end, y, y_stride};
  const auto multiply = HWY_DYNAMIC_DISPATCH(MultiplyRange);
  const std::int64_t padded_end = (columns.end + kColumnGrain - 1) / kColumnGrain * kColumnGrain;
  // Below 64 rows a thread reading its weights takes as long as multiplying with them, so each
  // thread reads its own columns; from there on each takes its own rows, which its cache still
  // holds from the step before.
  constexpr std::int64_t kRowsWorthSplitting = 64;
  if (m >= kRowsWorthSplitting * pool.threads()) {
    // One range a thread, in whole tiles of 6 rows: each range reads all the weights.
    const std::int64_t share = (m + pool.threads() - 1) / pool.threads();
    pool.ParallelFor(m, (share + 5) / 6 * 6, [&](std::int64_t begin, std::int64_t end, int) {
      multiply(task, begin, end, columns.begin, padded_end);
    });
  } else {
    // Whole panels where there are enough of them to share out: each is read from end to end.
    const std::int64_t width = padded_end - columns.begin;
    const bool many =
        columns.begin % kPanelColumns == 0 && width >= 8 * kPanelColumns * pool.threads();
    pool.ParallelFor(width, many ? kPanelColumns : kColumnGrain,
                     [&](std::int64_t begin, std::int64_t end, int) {
                       multiply(task, 0, m, columns.begin + begin, columns.begin + end);
                     });
  }
}

void MatMulTransposed(const float* x, std::int64_t m, std::int64_t x_stride, const float* table,
                      std::int64_t rows, std::int64_t depth, const float* bias, float* y,
                      std::int64_t y_stride, ThreadPool& pool) {
  const auto dot = HWY_DYNAMIC_DISPATCH(DotRange);
  pool.ParallelFor(rows, 4, [&](std::int64_t begin, std::int64_t end, int) {
    dot(x, m, x_stride, table, depth, bias, y, y_stride, begin, end);
  });
}

}  // namespace lts
#endif  // HWY_ONCE

// Matrix products with packed weights: y = f(x W), f being everything that would otherwise cost a
// pass over y.
//
// Serves both ends: one row (decode), where it streams the weights once over all threads and is
// bound by memory, and hundreds of rows (prefill), where it is bound by arithmetic. Every element
// of y is computed alike whatever the number of rows, threads or lanes: chains of 384 multiply-adds
// over ascending k, added up in order. So a token has the same hidden values, bit for bit, in a
// prefill, in a decode step, in any batch and on any number of threads.
//
// Packed layout of W [rows, columns]: panels of 64 columns, one after the other; within a panel row
// after row, so a panel is read from end to end. 64 columns are a whole number of cache lines and
// four AVX-512 registers. The last panel is narrower: the columns left, rounded up to 16 (zeros),
// so that no instruction set up to 16 lanes needs a partial load. Packing a matrix whose columns
// are a multiple of 16 needs no more room than the matrix.
#pragma once

#include <cstdint>
#include <optional>

#include "lts/arch/op.h"
#include "lts/base/thread_pool.h"

namespace lts {

inline constexpr std::int64_t kPanelColumns = 64;
inline constexpr std::int64_t kColumnGrain = 16;

// The floats of a packed matrix: rows * (columns rounded up to 16).
constexpr std::int64_t PackedSize(std::int64_t rows, std::int64_t columns) {
  return rows * ((columns + kColumnGrain - 1) / kColumnGrain * kColumnGrain);
}

// A view of a packed matrix; 64-byte aligned.
struct PackedMatrix {
  const float* data = nullptr;
  std::int64_t rows = 0;     // inputs
  std::int64_t columns = 0;  // outputs
};

// source: [rows, columns] row-major; packed: PackedSize floats, not overlapping source. Splits
// panels over `pool`.
void PackMatrix(const float* source, std::int64_t rows, std::int64_t columns, float* packed,
                ThreadPool& pool);

// y = activation(x W + bias) * factor + residual, each part if present.
struct Epilogue {
  const float* bias = nullptr;  // [columns]
  std::optional<Activation> activation;
  const float* factor = nullptr;  // [m, columns]; may be y itself: what a gate lets pass
  std::int64_t factor_stride = 0;
  const float* residual = nullptr;  // [m, columns]; may be y itself
  std::int64_t residual_stride = 0;
};

// Columns [begin, end) of the product alone; the others of y stay as they are. begin is a multiple
// of kColumnGrain.
struct ColumnRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// x: [m, w.rows] with row stride x_stride; y: [m, w.columns] with row stride y_stride, not
// overlapping x. m >= 1. Allocates nothing.
void MatMul(const float* x, std::int64_t m, std::int64_t x_stride, const PackedMatrix& w,
            const Epilogue& epilogue, float* y, std::int64_t y_stride, ThreadPool& pool);
void MatMul(const float* x, std::int64_t m, std::int64_t x_stride, const PackedMatrix& w,
            ColumnRange columns, const Epilogue& epilogue, float* y, std::int64_t y_stride,
            ThreadPool& pool);

// y[i, j] = x[i] . table[j]: logits from an embedding table kept row by row, as looking tokens up
// wants it.
//   x: [m, depth] with row stride x_stride; table: [rows, depth] contiguous, any alignment; bias:
//   [rows] or null; y: [m, rows] with row stride y_stride. Splits the table's rows over `pool`. The
//   value of y[i, j] depends on x[i] and table[j] alone (lanes and their final sum differ between
//   instruction sets). Allocates nothing.
void MatMulTransposed(const float* x, std::int64_t m, std::int64_t x_stride, const float* table,
                      std::int64_t rows, std::int64_t depth, const float* bias, float* y,
                      std::int64_t y_stride, ThreadPool& pool);

}  // namespace lts

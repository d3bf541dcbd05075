// Weights narrower than float32: bfloat16 (2 bytes) and int8 (1 byte), packed for the matrix units
// and for streaming alike.
//
// The unit of storage is a 32-bit *word*: kGroup = 2 (bfloat16) or 4 (int8) consecutive inputs of
// one output. A word is what the dot-product instructions of every instruction set take per lane
// (AMX TDPBF16PS and TDPBSUD, AVX-512 VPDPBUSD, pmaddwd, SDOT), so one layout serves prefill, which
// multiplies tiles of it, and decode, which streams it once.
//
//   packed W [rows, columns]: panels of 64 columns as in matmul.h (the last one narrower, columns
//   rounded up to 16); in a panel word row after word row, [depth / group, width] words. The depth
//   is rounded up to 64 bytes of a row of x (zeros), the depth of one AMX tile.
//
// bfloat16: round to nearest even. int8: symmetric per output, q = round(w / scale), scale = max
// |w| / 127, stored as q + 128 in a uint8; activations are symmetric int8 per token, x = q_x
// scale_x, so
//   y = scale_x scale (sum q_x (q + 128) - 128 sum q_x), the sum being exact in int32 up to a depth
//   of 2^31 / (127 * 255) = 66,000 (kMaxDepth).
//
// Products of bfloat16 take x rounded to bfloat16 where the matrix unit does them (many rows) and x
// as it is where vectors do (few rows); sums are float32. So a decode step and a prefill agree
// within the rounding of x, and each is the same bit for bit on any number of threads.
#pragma once

#include <cstdint>

#include "lts/base/dtype.h"
#include "lts/base/thread_pool.h"
#include "lts/runtime/cpu/kernels/matmul.h"

namespace lts {

inline constexpr std::int64_t kWordBytes = 4;
inline constexpr std::int64_t kTileBytes = 64;  // of depth: a row of an AMX tile
inline constexpr std::int64_t kTileRowGrain = 16;
inline constexpr std::int64_t kMaxInt8Depth = 65536;

constexpr std::int64_t GroupOf(DType dtype) { return kWordBytes / SizeOf(dtype); }
// Depth in bytes, rounded up to whole tiles.
constexpr std::int64_t NarrowDepthBytes(std::int64_t depth, DType dtype) {
  return (depth * SizeOf(dtype) + kTileBytes - 1) / kTileBytes * kTileBytes;
}
constexpr std::int64_t PaddedColumns(std::int64_t columns) {
  return (columns + kColumnGrain - 1) / kColumnGrain * kColumnGrain;
}
// Words of a packed matrix.
constexpr std::int64_t NarrowPackedWords(std::int64_t rows, std::int64_t columns, DType dtype) {
  return NarrowDepthBytes(rows, dtype) / kWordBytes * PaddedColumns(columns);
}

// A view of a packed matrix; words 64-byte aligned.
struct NarrowMatrix {
  const std::uint32_t* words = nullptr;
  const float* scales = nullptr;  // int8: [PaddedColumns(columns)]; else null
  DType dtype = DType::kBFloat16;
  std::int64_t rows = 0;     // inputs
  std::int64_t columns = 0;  // outputs
};

// source: [rows, columns] row-major float32; words: NarrowPackedWords, scales: PaddedColumns floats
// for int8, else unused. int8: rows <= kMaxInt8Depth (LTS_CHECK). Splits panels over `pool`.
void PackNarrow(const float* source, std::int64_t rows, std::int64_t columns, DType dtype,
                std::uint32_t* words, float* scales, ThreadPool& pool);

// Bytes of scratch, 64-byte aligned, that each worker of the pool needs for a product of at most
// `rows` rows and an input width of at most `depth`.
std::int64_t NarrowScratchBytes(std::int64_t rows, std::int64_t depth, DType dtype);

struct NarrowScratch {
  std::byte* data = nullptr;
  std::int64_t worker_bytes = 0;  // at least NarrowScratchBytes; a multiple of 64
};

// Rows of bfloat16 as tiles take them, for values that only products read next: the producer rounds
// each value once, where the product would for every range of columns, and moves half the bytes.
//   [rows, RoundedStride(depth)], zeros from the depth to whole tiles; memory for whole tiles of
//   rows (RoundedSize), 64-byte aligned. What rows after the last hold does not matter.
constexpr std::int64_t RoundedStride(std::int64_t depth) {
  // A line more than the depth, so that 16 rows do not all fall into the same set of L1.
  return (NarrowDepthBytes(depth, DType::kBFloat16) + 64) / SizeOf(DType::kBFloat16);
}
constexpr std::int64_t RoundedSize(std::int64_t rows, std::int64_t depth) {
  return (rows + kTileRowGrain - 1) / kTileRowGrain * kTileRowGrain * RoundedStride(depth);
}
// Whether a product of m rows takes and gives such rows: bfloat16 where tiles multiply. The same
// for every m from some small one on.
bool UsesRoundedRows(DType dtype, std::int64_t m);

// What a product reads and writes: one of the pointers; strides in values.
struct ProductInput {
  const float* values = nullptr;
  const std::uint16_t* rounded = nullptr;  // only where UsesRoundedRows
  std::int64_t stride = 0;
};
struct ProductOutput {
  float* values = nullptr;
  std::uint16_t* rounded = nullptr;  // only where UsesRoundedRows and of all columns
  std::int64_t stride = 0;
};

// As MatMul of matmul.h, but GELU (tanh) and SiLU are within 1e-4 relative. Allocates nothing.
void NarrowMatMul(const ProductInput& x, std::int64_t m, const NarrowMatrix& w, ColumnRange columns,
                  const Epilogue& epilogue, const ProductOutput& y, const NarrowScratch& scratch,
                  ThreadPool& pool);
// The same of float32 x and y.
inline void NarrowMatMul(const float* x, std::int64_t m, std::int64_t x_stride,
                         const NarrowMatrix& w, ColumnRange columns, const Epilogue& epilogue,
                         float* y, std::int64_t y_stride, const NarrowScratch& scratch,
                         ThreadPool& pool) {
  NarrowMatMul({.values = x, .stride = x_stride}, m, w, columns, epilogue,
               {.values = y, .stride = y_stride}, scratch, pool);
}

// An embedding table kept row by row (looking tokens up wants that, and the logits' product streams
// it): [rows, NarrowDepthBytes(depth)] bytes, bfloat16 or q + 128 with a scale per row, zeros (128)
// after the depth.
struct NarrowTable {
  const std::byte* data = nullptr;
  const float* scales = nullptr;  // int8: [rows]; else null
  DType dtype = DType::kBFloat16;
  std::int64_t rows = 0;
  std::int64_t depth = 0;
};
void PackNarrowTable(const float* source, std::int64_t rows, std::int64_t depth, DType dtype,
                     std::byte* data, float* scales, ThreadPool& pool);
// row [depth] float32 of table row `index`.
void NarrowTableRow(const NarrowTable& table, std::int64_t index, float* row);
// As MatMulTransposed of matmul.h; scratch as for a product of m rows and this depth.
void NarrowMatMulTransposed(const float* x, std::int64_t m, std::int64_t x_stride,
                            const NarrowTable& table, const float* bias, float* y,
                            std::int64_t y_stride, const NarrowScratch& scratch, ThreadPool& pool);

}  // namespace lts

// What a worker of a narrow product (narrow.h) holds in its scratch. For the kernels alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "lts/runtime/cpu/kernels/amx.h"
#include "lts/runtime/cpu/kernels/narrow.h"

namespace lts {

// Rows whose converted values one worker holds at once: 256 rows of 2304 bfloat16 are 1.2 MiB of
// L2, and a panel's bytes are read once for 256 rows (2 bytes per 512 FLOPs).
inline constexpr std::int64_t kNarrowRows = 256;
// They come in blocks of two tiles.
inline constexpr std::int64_t kWorkRowGrain = 2 * kAmxRows;

// What one worker needs, in its scratch.
struct NarrowWork {
  std::byte* x = nullptr;               // [rows, stride] converted
  std::int64_t stride = 0;              // bytes
  float* scales = nullptr;              // int8: [rows]
  std::int32_t* corrections = nullptr;  // int8: [rows], 128 sum q
  void* sums = nullptr;                 // [rows, at most kPanelColumns] float or int32
};

constexpr std::int64_t RoundUpTo(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

// A line more than the depth, so that 16 rows do not all fall into the same set of L1.
constexpr std::int64_t NarrowStride(std::int64_t depth, DType dtype) {
  return NarrowDepthBytes(depth, dtype) + 64;
}
constexpr std::int64_t WorkRows(std::int64_t rows) {
  return std::min(RoundUpTo(rows, kWorkRowGrain), kNarrowRows);
}

inline NarrowWork MakeWork(const NarrowScratch& scratch, int worker, std::int64_t rows,
                           std::int64_t depth, DType dtype) {
  const std::int64_t held = WorkRows(rows);
  std::byte* p = scratch.data + worker * scratch.worker_bytes;
  NarrowWork work;
  work.sums = p;
  p += held * kPanelColumns * kWordBytes;
  work.scales = reinterpret_cast<float*>(p);
  p += held * kWordBytes;
  work.corrections = reinterpret_cast<std::int32_t*>(p);
  p += held * kWordBytes;
  work.x = p;
  work.stride = NarrowStride(depth, dtype);
  return work;
}

}  // namespace lts

// Rotary position embedding: pair i of the first `dims` values of a query or key head turns by the
// angle position * base^(-2 i / dims); the rest of the head stays. Source: Su et al. 2021,
// arXiv:2104.09864. Which values are a pair is the scheme's: i and i + dims / 2 (kRotaryHalves) or
// 2 i and 2 i + 1 (kRotaryInterleaved).
//
// Angles grow with the context and float32 does not hold large ones well, so cosines and sines are
// computed in double, once for all positions, and kept as float32. Both schemes read one table.
#pragma once

#include <cstdint>

#include "lts/arch/op.h"
#include "lts/base/thread_pool.h"

namespace lts {

// A view of cosines and sines: [positions, dims], of each position the dims / 2 cosines and behind
// them the sines.
struct RotaryTable {
  const float* data = nullptr;
  std::int64_t dims = 0;  // even, >= 2
};

// table: [positions, dims], any alignment; base > 1. Splits positions over `pool`. About 50 ns for
// each pair of each position.
void FillRotaryTable(std::int64_t positions, std::int64_t dims, double base, float* table,
                     ThreadPool& pool);

struct RotaryTask {
  float* x = nullptr;  // [rows, at least dims], row stride `stride`; any alignment
  std::int64_t stride = 0;
  std::int64_t rows = 0;
  std::int64_t first_position = 0;  // of row 0; row r is at first_position + r * position_step
  std::int64_t position_step = 1;   // 1: consecutive tokens of a head; 0: heads of one token
};
// Turns in place. `scheme` is one of the two rotary ones. Bit for bit the same whatever the other
// rows of the task are. One thread; allocates nothing.
void RotateHeads(const RotaryTable& table, PositionScheme scheme, const RotaryTask& task);

}  // namespace lts

// What one core can do at best: multiply-adds from registers and tiles, and reading memory. The
// bounds that `lts roofline` reports and the kernels' benchmarks compare with.
#pragma once

#include <cstdint>

#include "lts/base/dtype.h"

namespace lts {

// Reads `count` floats (64-byte aligned) once from begin to end, as fast as the core can: four
// vectors a turn, lines asked for 4 KiB ahead. Returns their sum, so that nothing is left out.
float ReadAll(const float* values, std::int64_t count);

// Performs multiply-adds on registers and returns how many FLOPs (OPs for int8) it did, at least
// `flops`: float32 with this machine's widest vectors; bfloat16 and int8 with AMX where it is
// available, else int8 and bfloat16 as the vector kernels do them. Denormals and infinities never
// occur.
double MultiplyAddRounds(DType dtype, double flops);

}  // namespace lts

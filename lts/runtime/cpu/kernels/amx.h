// Intel's Advanced Matrix Extensions: products of 16 x 64-byte tiles. Source: Intel 64 and IA-32
// Architectures Software Developer's Manual, volume 1 chapter 18 (2023).
//
// Only the register tile is here; narrow_matmul.cc and attention_bf16.cc choose it where it is
// available. Elsewhere (other machines, kernels without AMX, LTS_NO_AMX set) nothing calls it.
#pragma once

#include <cstdint>

#include "lts/base/dtype.h"

namespace lts {

// Whether this process may use AMX for bfloat16 and int8: the processor has it and the kernel
// grants the tile state (asked for once). LTS_NO_AMX in the environment, read once, says no, and so
// does any limit of the instruction set (targets.h).
bool AmxAvailable();
// Tests only: what AmxAvailable says from now on (never yes where it is not).
void SetAmxForTest(bool on);

// While it lives the calling thread's tile registers are set up as full tiles. 20-50 ns.
class AmxTiles {
 public:
  AmxTiles();
  ~AmxTiles();
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
};

inline constexpr std::int64_t kAmxRows = 16;

// c [16 row_tiles, 16 col_tiles] (+)= a b, all strides in bytes.
//   a: 16 row_tiles rows of 64 `steps` bytes: bfloat16, or int8 when the product is of int8
//   b: words [16 steps, 16 col_tiles]: bfloat16 pairs, or uint8 quads
//   c: float32, or int32 for int8
// Products of bfloat16 are exact and summed in float32, in ascending pairs, subnormals being zero.
struct AmxBlock {
  const void* a = nullptr;
  std::int64_t a_stride = 0;
  const void* b = nullptr;
  std::int64_t b_stride = 0;
  std::int64_t steps = 0;
  void* c = nullptr;
  std::int64_t c_stride = 0;
  bool accumulate = false;         // c holds a sum already
  const char* prefetch = nullptr;  // to L2: `prefetch_lines` cache lines per step from here on
  std::int64_t prefetch_lines = 0;
};
// row_tiles x col_tiles: 1 or 2 x 1 or 2, or 1 x 4. The thread has AmxTiles.
void AmxMultiply(DType dtype, const AmxBlock& block, int row_tiles, int col_tiles);

}  // namespace lts

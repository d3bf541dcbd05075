// Causal attention over a key/value cache of bfloat16: half the bytes of attention.h's, which
// decode streams once a token, and the layout of the matrix unit, which does the products of a
// prefill.
//
// Cache of one key/value head, in words of two bfloat16 (narrow.h):
//   keys    blocks of 64 tokens, [d_head rounded up to 32 (zeros), / 2, 64]: a word holds two
//           neighbouring dimensions of one token
//   values  [tokens rounded up to 64, / 2, d_head rounded up to 16 (zeros)]: a word holds one
//   dimension
//           of two neighbouring tokens
// so that in both products the word runs along the sum.
//
// With AMX (rows of consecutive tokens) queries and softmax weights are rounded to bfloat16 as
// well, sums stay float32; otherwise they are float32. A query's result does not depend on the
// other queries of its call, nor on threads; a prefill and a decode step differ by that rounding.
//
// Keys and values after the last position are multiplied by zero, not skipped: after a step whose
// hidden values were infinite or NaN, a Rewind does not give clean results back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lts/runtime/cpu/kernels/attention.h"

namespace lts {

constexpr std::int64_t KeyCacheWords(std::int64_t tokens, std::int64_t d_head) {
  return (tokens + kCacheBlock - 1) / kCacheBlock * kCacheBlock * ((d_head + 31) / 32 * 16);
}
constexpr std::int64_t ValueCacheWords(std::int64_t tokens, std::int64_t d_head) {
  return (tokens + kCacheBlock - 1) / kCacheBlock * kCacheBlock / 2 * ValueStride(d_head);
}

// Appends n tokens of one head at `position`. k, v: [n, d_head] float32 with row stride `stride`;
// keys, values: the head's cache, 64-byte aligned, zero where never written. Calls for different
// tokens may run at the same time.
void StoreKeysValuesBFloat16(const float* k, const float* v, std::int64_t stride, std::int64_t n,
                             std::int64_t d_head, std::int64_t position, std::uint32_t* keys,
                             std::uint32_t* values);

using AttendBFloat16Task = CacheAttendTask<std::uint32_t>;
// At most this many queries per call of AttendBFloat16.
inline constexpr std::int64_t kQueryBlockBFloat16 = 32;
// Bytes of scratch, 64-byte aligned, that one call needs.
std::int64_t AttendBFloat16ScratchBytes(std::int64_t d_head);
// One thread; allocates nothing.
void AttendBFloat16(const AttendBFloat16Task& task, std::byte* scratch);

}  // namespace lts

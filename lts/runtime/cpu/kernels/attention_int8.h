// Causal attention over a key/value cache of int8: about half the bytes of attention_bf16.h's, and
// products of integers, which are exact: a query's result has the same bits in a prefill and in a
// decode step, by the matrix unit or in vectors, and on any number of threads.
//
// Keys and values are symmetric int8 per token and head, x = q scale, scale = max |x| / 127, stored
// as q + 128 in a uint8; *words* of four of them run along the sum of each product (narrow.h):
//   keys    blocks of 64 tokens, [d_head rounded up to 4, / 4, + 2, 64]: a word holds four
//           neighbouring dimensions of one token; the last two rows are float32, the scales of the
//           tokens' keys and of their values. Behind the last block lies what a tile of the matrix
//           unit reads too much.
//   values  [tokens rounded up to 64, / 4, d_head rounded up to 16]: a word holds one dimension of
//           four neighbouring tokens
//
// The other factor of a product has two digits, 256 high + low, both int8: a query is rounded to
// 1 / 32512 of its greatest magnitude, and so are the softmax weights of a block of 128 keys, times
// the scales of their values. Both digits are rows of one product, and what they lose is a
// hundredth of what rounding keys and values lost (docs/numerics.md).
//
// A value that is infinite or NaN makes the results of the queries that see it NaN, and no others:
// after a Rewind it is gone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "lts/runtime/cpu/kernels/attention.h"

namespace lts {

// Rows of words of a block of keys, without those of the scales.
constexpr std::int64_t KeyQuadRows(std::int64_t d_head) { return (d_head + 3) / 4; }
constexpr std::int64_t KeyBlockQuads(std::int64_t d_head) {
  return (KeyQuadRows(d_head) + 2) * kCacheBlock;
}
// Words of one head's cache of `tokens` tokens: keys, values.
constexpr std::int64_t KeyCacheQuads(std::int64_t tokens, std::int64_t d_head) {
  // A tile has 16 rows; those after a block's own are multiplied by zeros.
  const std::int64_t read = (KeyQuadRows(d_head) + 15) / 16 * 16 * kCacheBlock;
  const std::int64_t block = KeyBlockQuads(d_head);
  return (tokens + kCacheBlock - 1) / kCacheBlock * block + std::max<std::int64_t>(read - block, 0);
}
constexpr std::int64_t ValueCacheQuads(std::int64_t tokens, std::int64_t d_head) {
  return (tokens + kCacheBlock - 1) / kCacheBlock * kCacheBlock / 4 * ValueStride(d_head);
}

// Appends n tokens of one head at `position`. k, v: [n, d_head] float32 with row stride `stride`;
// keys, values: the head's cache, 64-byte aligned. Calls for different tokens may run at the same
// time.
void StoreKeysValuesInt8(const float* k, const float* v, std::int64_t stride, std::int64_t n,
                         std::int64_t d_head, std::int64_t position, std::uint32_t* keys,
                         std::uint32_t* values);

using AttendInt8Task = CacheAttendTask<std::uint32_t>;
// At most this many queries per call of AttendInt8: as two digits 32 rows, two tiles. Their sums
// and digits are 40 KiB at a d_head of 64.
inline constexpr std::int64_t kQueryBlockInt8 = 16;
// Bytes of scratch, 64-byte aligned, that one call needs.
std::int64_t AttendInt8ScratchBytes(std::int64_t d_head);
// One thread; allocates nothing. d_head <= kMaxInt8Depth (narrow.h).
void AttendInt8(const AttendInt8Task& task, std::byte* scratch);

}  // namespace lts

// Causal attention over a key/value cache: blocked over keys with an online softmax, so that the
// scores of at most 24 x 256 pairs exist at once. Source: Milakov & Gimelshein 2018,
// arXiv:1805.02867 (online softmax); Rabe & Staats 2021, arXiv:2112.05682 (attention in blocks).
//
// Cache of one key/value head, made for reading: keys are transposed in blocks of 64 tokens,
// [blocks, d_head, 64], so that the scores of 64 keys are four vectors (AVX-512) without a sum
// across lanes whatever d_head is; values are [tokens, d_head rounded up to 16 (zeros)]. Both
// products are then the register tile of matmul.cc.
//
// A query's result is a fixed sequence of operations over key blocks at fixed positions: bit for
// bit the same in a prefill, in a decode step and on any number of threads (of one instruction
// set).
#pragma once

#include <cstdint>

namespace lts {

inline constexpr std::int64_t kCacheBlock = 64;

constexpr std::int64_t ValueStride(std::int64_t d_head) { return (d_head + 15) / 16 * 16; }
// Floats of one head's cache of `tokens` tokens: keys, values.
constexpr std::int64_t KeyCacheSize(std::int64_t tokens, std::int64_t d_head) {
  return (tokens + kCacheBlock - 1) / kCacheBlock * kCacheBlock * d_head;
}
constexpr std::int64_t ValueCacheSize(std::int64_t tokens, std::int64_t d_head) {
  return tokens * ValueStride(d_head);
}

// Appends n tokens of one head at `position`. k, v: [n, d_head] with row stride `stride`; keys,
// values: the head's cache, 64-byte aligned, zero where never written.
void StoreKeysValues(const float* k, const float* v, std::int64_t stride, std::int64_t n,
                     std::int64_t d_head, std::int64_t position, float* keys, float* values);

// At most this many queries per call of Attend.
inline constexpr std::int64_t kQueryBlock = 24;
// Floats of scratch, 64-byte aligned, that one call of Attend needs.
std::int64_t AttendScratchSize(std::int64_t d_head);

// Query rows against keys [0, position of the row]: out[r] = softmax(scale q[r] K^T) V. Element: of
// the cache, float here and words of two bfloat16 in attention_bf16.h.
template <typename Element>
struct CacheAttendTask {
  const float* q = nullptr;  // [rows, d_head], row stride q_stride
  std::int64_t q_stride = 0;
  std::int64_t rows = 0;            // 1..kQueryBlock
  std::int64_t first_position = 0;  // of row 0; row r is at first_position + r * position_step
  std::int64_t position_step =
      1;  // 1: consecutive tokens of a head; 0: heads that share keys, at one token
  const Element* keys = nullptr;
  const Element* values = nullptr;
  std::int64_t d_head = 0;
  float scale = 1.0F;
  float* out = nullptr;  // [rows, d_head], row stride out_stride
  std::int64_t out_stride = 0;
};
using AttendTask = CacheAttendTask<float>;
// One thread; allocates nothing.
void Attend(const AttendTask& task, float* scratch);

}  // namespace lts

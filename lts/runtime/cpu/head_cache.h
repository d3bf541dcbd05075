// The keys and values of one key/value head, whatever their type: what a session asks of
// kernels/attention*.h.
//   float32   attention.h: products in float32
//   bfloat16  attention_bf16.h
//   int8      attention_int8.h
#pragma once

#include <cstddef>
#include <cstdint>

#include "lts/base/dtype.h"
#include "lts/runtime/cpu/kernels/attention.h"

namespace lts::cpu {

// A view of one head's cache. All types are stored in units of 4 bytes, zero where never written.
struct HeadCache {
  DType dtype = DType::kFloat32;
  std::int64_t max_tokens = 0;
  std::int64_t d_head = 0;
  std::byte* data = nullptr;  // [HeadCacheWords] of 4 bytes, 64-byte aligned
};
// A multiple of 16, so that heads one behind the other stay aligned.
std::int64_t HeadCacheWords(DType dtype, std::int64_t max_tokens, std::int64_t d_head);

// Appends n tokens at `position`. k, v: [n, d_head] with row stride `stride`. Calls for different
// tokens may run at the same time.
void StoreTokens(const HeadCache& cache, const float* k, const float* v, std::int64_t stride,
                 std::int64_t n, std::int64_t position);

// Most queries of one call of AttendTokens.
std::int64_t MostQueries(DType dtype);
// Bytes of scratch, 64-byte aligned, that one call needs: a multiple of 64.
std::int64_t AttendTokensScratchBytes(DType dtype, std::int64_t d_head);
// `task` lacks keys, values and d_head. One thread; allocates nothing.
void AttendTokens(const HeadCache& cache, const AttendTask& task, std::byte* scratch);

}  // namespace lts::cpu

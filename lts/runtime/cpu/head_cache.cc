#include "lts/runtime/cpu/head_cache.h"

#include "lts/runtime/cpu/kernels/attention_bf16.h"
#include "lts/runtime/cpu/kernels/attention_int8.h"

namespace lts::cpu {
namespace {

// Words of the keys, behind which the values begin.
std::int64_t KeyWords(DType dtype, std::int64_t max_tokens, std::int64_t d_head) {
  switch (dtype) {
    case DType::kFloat32:
      return KeyCacheSize(max_tokens, d_head);
    case DType::kBFloat16:
      return KeyCacheWords(max_tokens, d_head);
    case DType::kInt8:
      return KeyCacheQuads(max_tokens, d_head);
  }
  return 0;
}

std::int64_t ValueWords(DType dtype, std::int64_t max_tokens, std::int64_t d_head) {
  switch (dtype) {
    case DType::kFloat32:
      return ValueCacheSize(max_tokens, d_head);
    case DType::kBFloat16:
      return ValueCacheWords(max_tokens, d_head);
    case DType::kInt8:
      return ValueCacheQuads(max_tokens, d_head);
  }
  return 0;
}

template <typename Element>
struct KeysAndValues {
  Element* keys;
  Element* values;
};
template <typename Element>
KeysAndValues<Element> Split(const HeadCache& cache) {
  auto* const keys = reinterpret_cast<Element*>(cache.data);
  return {keys, keys + KeyWords(cache.dtype, cache.max_tokens, cache.d_head)};
}

template <typename Element>
CacheAttendTask<Element> TaskOn(const HeadCache& cache, const AttendTask& task) {
  const auto [keys, values] = Split<Element>(cache);
  return {.q = task.q,
          .q_stride = task.q_stride,
          .rows = task.rows,
          .first_position = task.first_position,
          .position_step = task.position_step,
          .keys = keys,
          .values = values,
          .d_head = cache.d_head,
          .scale = task.scale,
          .out = task.out,
          .out_stride = task.out_stride};
}

}  // namespace

std::int64_t HeadCacheWords(DType dtype, std::int64_t max_tokens, std::int64_t d_head) {
  return KeyWords(dtype, max_tokens, d_head) + ValueWords(dtype, max_tokens, d_head);
}

void StoreTokens(const HeadCache& cache, const float* k, const float* v, std::int64_t stride,
                 std::int64_t n, std::int64_t position) {
  if (cache.dtype == DType::kFloat32) {
    const auto [keys, values] = Split<float>(cache);
    StoreKeysValues(k, v, stride, n, cache.d_head, position, keys, values);
    return;
  }
  const auto [keys, values] = Split<std::uint32_t>(cache);
  if (cache.dtype == DType::kBFloat16) {
    StoreKeysValuesBFloat16(k, v, stride, n, cache.d_head, position, keys, values);
  } else {
    StoreKeysValuesInt8(k, v, stride, n, cache.d_head, position, keys, values);
  }
}

std::int64_t MostQueries(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return kQueryBlock;
    case DType::kBFloat16:
      return kQueryBlockBFloat16;
    case DType::kInt8:
      return kQueryBlockInt8;
  }
  return 0;
}

std::int64_t AttendTokensScratchBytes(DType dtype, std::int64_t d_head) {
  std::int64_t bytes = 0;
  switch (dtype) {
    case DType::kFloat32:
      bytes = AttendScratchSize(d_head) * static_cast<std::int64_t>(sizeof(float));
      break;
    case DType::kBFloat16:
      bytes = AttendBFloat16ScratchBytes(d_head);
      break;
    case DType::kInt8:
      bytes = AttendInt8ScratchBytes(d_head);
      break;
  }
  return (bytes + 63) / 64 * 64;
}

void AttendTokens(const HeadCache& cache, const AttendTask& task, std::byte* scratch) {
  switch (cache.dtype) {
    case DType::kFloat32:
      return Attend(TaskOn<float>(cache, task), reinterpret_cast<float*>(scratch));
    case DType::kBFloat16:
      return AttendBFloat16(TaskOn<std::uint32_t>(cache, task), scratch);
    case DType::kInt8:
      return AttendInt8(TaskOn<std::uint32_t>(cache, task), scratch);
  }
}

}  // namespace lts::cpu

// Integer arithmetic on sizes that come from outside: overflow is an Error, never a wrap.
#pragma once

#include <cstdint>

#include "lts/base/error.h"

namespace lts {

inline std::int64_t CheckedMul(std::int64_t a, std::int64_t b) {
  std::int64_t result;
  if (__builtin_mul_overflow(a, b, &result)) {
    throw Error(ErrorCode::kInvalidArgument, "size overflow: the product exceeds 2^63 - 1");
  }
  return result;
}
inline std::int64_t CheckedAdd(std::int64_t a, std::int64_t b) {
  std::int64_t result;
  if (__builtin_add_overflow(a, b, &result)) {
    throw Error(ErrorCode::kInvalidArgument, "size overflow: the sum exceeds 2^63 - 1");
  }
  return result;
}
template <typename... Rest>
std::int64_t CheckedMul(std::int64_t a, std::int64_t b, std::int64_t c, Rest... rest) {
  return CheckedMul(CheckedMul(a, b), c, rest...);
}

}  // namespace lts

// Element types of weights and activations.
#pragma once

#include <cstdint>

#include "lts/base/enum_table.h"

namespace lts {

enum class DType { kFloat32, kBFloat16, kInt8 };
inline constexpr EnumTable<DType, 3> kDTypes{
    "dtype", {{{DType::kFloat32, "f32"}, {DType::kBFloat16, "bf16"}, {DType::kInt8, "int8"}}}};
constexpr std::int64_t SizeOf(DType dtype) {
  return dtype == DType::kFloat32 ? 4 : dtype == DType::kBFloat16 ? 2 : 1;
}

// Of the keys and values that a session keeps beside weights of this type.
constexpr DType CacheDType(DType weights) {
  return weights == DType::kFloat32 ? DType::kFloat32 : DType::kBFloat16;
}

}  // namespace lts

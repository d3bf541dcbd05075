// Tensors as files of others store them: any element type, any strides, bytes somewhere in a
// mapping. What the readers of safetensors and of PyTorch's files give, and what weights are copied
// or viewed from. Little-endian machines only, as the formats are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/enum_table.h"

namespace lts {

// By the names of safetensors. Those that are no plain numbers of 2, 4 or 8 bytes (float8, unsigned
// beyond 8 bits) are known so that a file with one can be checked; they cannot be converted.
enum class StoredType {
  kFloat64,
  kFloat32,
  kFloat16,
  kBFloat16,
  kFloat8E4M3,
  kFloat8E5M2,
  kInt64,
  kInt32,
  kInt16,
  kInt8,
  kUInt64,
  kUInt32,
  kUInt16,
  kUInt8,
  kBool
};
inline constexpr EnumTable<StoredType, 15> kStoredTypes{"dtype",
                                                        {{{StoredType::kFloat64, "F64"},
                                                          {StoredType::kFloat32, "F32"},
                                                          {StoredType::kFloat16, "F16"},
                                                          {StoredType::kBFloat16, "BF16"},
                                                          {StoredType::kFloat8E4M3, "F8_E4M3"},
                                                          {StoredType::kFloat8E5M2, "F8_E5M2"},
                                                          {StoredType::kInt64, "I64"},
                                                          {StoredType::kInt32, "I32"},
                                                          {StoredType::kInt16, "I16"},
                                                          {StoredType::kInt8, "I8"},
                                                          {StoredType::kUInt64, "U64"},
                                                          {StoredType::kUInt32, "U32"},
                                                          {StoredType::kUInt16, "U16"},
                                                          {StoredType::kUInt8, "U8"},
                                                          {StoredType::kBool, "BOOL"}}}};
std::int64_t SizeOf(StoredType type);  // bytes of an element

// A tensor whose every element lies inside `bytes`: the readers check it.
struct StoredTensor {
  std::string name;
  StoredType type = StoredType::kFloat32;
  std::vector<std::int64_t> shape;    // extents >= 0; empty: a scalar
  std::vector<std::int64_t> strides;  // in elements, >= 0, one per extent
  std::span<std::byte> bytes;         // element (0, ..., 0) is at its beginning, at any alignment

  // Product of the extents; the readers check that it does not overflow.
  std::int64_t count() const;
  bool contiguous() const;  // row-major, without gaps
};

// The strides of a row-major tensor. Throws kInvalidArgument when the number of elements overflows.
std::vector<std::int64_t> RowMajorStrides(const std::vector<std::int64_t>& shape);

// "[50257, 768]"
std::string ShapeText(std::span<const std::int64_t> shape);

// A matrix inside a stored tensor of one (a column) or two extents: rows and columns may be a part
// of it, and swapped.
struct StoredMatrix {
  StoredType type = StoredType::kFloat32;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t row_stride = 0;     // in elements
  std::int64_t column_stride = 0;  // in elements
  const std::byte* data = nullptr;

  StoredMatrix Transposed() const;
  StoredMatrix Rows(std::int64_t first, std::int64_t count) const;
};
// `tensor` has one or two extents (LTS_CHECK); one extent makes one row.
StoredMatrix AsMatrix(const StoredTensor& tensor);

// Converts to float32: to[r * to_stride + c] = matrix(r, c); F64 is rounded, the rest is exact.
// Throws kUnsupported for types that are not F64, F32, F16 or BF16, naming `name`. One thread;
// in tiles, so that both sides of a transpose stay in the cache.
void CopyAsFloat32(const StoredMatrix& matrix, std::string_view name, float* to,
                   std::int64_t to_stride);

// The tensors of one or more files, and what keeps their bytes alive.
struct StoredTensors {
  std::vector<StoredTensor> tensors;
  std::vector<std::shared_ptr<const void>> storage;
};

}  // namespace lts

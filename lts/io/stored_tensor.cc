#include "lts/io/stored_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "lts/base/checked.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

static_assert(std::endian::native == std::endian::little);

// 32 rows of 32 floats: source and destination of a tile fit the first-level cache together.
constexpr std::int64_t kTile = 32;

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15) and 10 fraction bits.
float FloatFromHalf(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const std::uint32_t fraction = half & 0x3FFU;
  if (exponent == 0) {  // zero or subnormal: a multiple of 2^-24, exact in float32
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  constexpr std::uint32_t kInfinity = 0xFFU;
  constexpr std::uint32_t kBiasDifference = 127 - 15;
  const std::uint32_t wide = exponent == 0x1FU ? kInfinity : exponent + kBiasDifference;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

template <typename T>
T Load(const std::byte* from) {  // at any alignment
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

struct FromFloat64 {
  static constexpr std::int64_t kBytes = 8;
  float operator()(const std::byte* from) const { return static_cast<float>(Load<double>(from)); }
};
struct FromFloat32 {
  static constexpr std::int64_t kBytes = 4;
  float operator()(const std::byte* from) const { return Load<float>(from); }
};
struct FromFloat16 {
  static constexpr std::int64_t kBytes = 2;
  float operator()(const std::byte* from) const { return FloatFromHalf(Load<std::uint16_t>(from)); }
};
struct FromBFloat16 {  // the upper half of a float32
  static constexpr std::int64_t kBytes = 2;
  float operator()(const std::byte* from) const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(Load<std::uint16_t>(from)) << 16);
  }
};

template <typename Convert>
void CopyTiles(const StoredMatrix& matrix, float* to, std::int64_t to_stride) {
  constexpr Convert kConvert;
  const std::int64_t row_bytes = matrix.row_stride * Convert::kBytes;
  const std::int64_t column_bytes = matrix.column_stride * Convert::kBytes;
  for (std::int64_t row = 0; row < matrix.rows; row += kTile) {
    const std::int64_t row_end = std::min(row + kTile, matrix.rows);
    for (std::int64_t column = 0; column < matrix.columns; column += kTile) {
      const std::int64_t column_end = std::min(column + kTile, matrix.columns);
      for (std::int64_t r = row; r < row_end; ++r) {
        const std::byte* const from = matrix.data + r * row_bytes;
        float* const out = to + r * to_stride;
        for (std::int64_t c = column; c < column_end; ++c)
          out[c] = kConvert(from + c * column_bytes);
      }
    }
  }
}

}  // namespace

std::int64_t SizeOf(StoredType type) {
  switch (type) {
    case StoredType::kFloat64:
    case StoredType::kInt64:
    case StoredType::kUInt64:
      return 8;
    case StoredType::kFloat32:
    case StoredType::kInt32:
    case StoredType::kUInt32:
      return 4;
    case StoredType::kFloat16:
    case StoredType::kBFloat16:
    case StoredType::kInt16:
    case StoredType::kUInt16:
      return 2;
    default:
      return 1;
  }
}

std::int64_t StoredTensor::count() const {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

bool StoredTensor::contiguous() const {
  std::int64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

std::vector<std::int64_t> RowMajorStrides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    // An extent of 0 leaves no elements, but its neighbours must not overflow either.
    stride = CheckedMul(stride, std::max<std::int64_t>(shape[i], 1));
  }
  return strides;
}

std::string ShapeText(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

StoredMatrix StoredMatrix::Transposed() const {
  StoredMatrix matrix = *this;
  std::swap(matrix.rows, matrix.columns);
  std::swap(matrix.row_stride, matrix.column_stride);
  return matrix;
}

StoredMatrix StoredMatrix::Rows(std::int64_t first, std::int64_t count) const {
  LTS_CHECK(first >= 0 && count >= 0 && first + count <= rows);
  StoredMatrix matrix = *this;
  matrix.data += first * row_stride * SizeOf(type);
  matrix.rows = count;
  return matrix;
}

StoredMatrix AsMatrix(const StoredTensor& tensor) {
  LTS_CHECK(tensor.shape.size() == 1 || tensor.shape.size() == 2);
  const bool is_matrix = tensor.shape.size() == 2;
  return {.type = tensor.type,
          .rows = is_matrix ? tensor.shape.front() : 1,
          .columns = tensor.shape.back(),
          .row_stride = is_matrix ? tensor.strides.front() : 0,
          .column_stride = tensor.strides.back(),
          .data = tensor.bytes.data()};
}

void CopyAsFloat32(const StoredMatrix& matrix, std::string_view name, float* to,
                   std::int64_t to_stride) {
  if (matrix.rows == 0 || matrix.columns == 0) return;
  switch (matrix.type) {
    case StoredType::kFloat64:
      return CopyTiles<FromFloat64>(matrix, to, to_stride);
    case StoredType::kFloat32:
      return CopyTiles<FromFloat32>(matrix, to, to_stride);
    case StoredType::kFloat16:
      return CopyTiles<FromFloat16>(matrix, to, to_stride);
    case StoredType::kBFloat16:
      return CopyTiles<FromBFloat16>(matrix, to, to_stride);
    default:
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("tensor '{}': got dtype {}, expected F32, F16, BF16 or F64",
                              Quoted(name, 200), kStoredTypes.Name(matrix.type)));
  }
}

}  // namespace lts

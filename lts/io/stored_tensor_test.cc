#include "lts/io/stored_tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "lts/base/error.h"

namespace lts {
namespace {

template <typename T>
StoredTensor TensorOf(std::vector<T>& values, StoredType type, std::vector<std::int64_t> shape) {
  StoredTensor tensor{.name = "t", .type = type, .shape = std::move(shape)};
  tensor.strides = RowMajorStrides(tensor.shape);
  tensor.bytes = std::as_writable_bytes(std::span(values));
  return tensor;
}

template <typename T>
std::vector<float> Floats(std::vector<T> values, StoredType type) {
  std::vector<float> floats(values.size());
  CopyAsFloat32(AsMatrix(TensorOf(values, type, {std::ssize(values)})), "t", floats.data(),
                std::ssize(values));
  return floats;
}

TEST(CopyAsFloat32, ConvertsEveryHalf) {
  std::vector<std::uint16_t> halves(1 << 16);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  const std::vector<float> floats = Floats(halves, StoredType::kFloat16);
  for (int bits = 0; bits < 1 << 16; ++bits) {
    const int exponent = bits >> 10 & 31;
    const int fraction = bits & 1023;
    const float actual = floats[static_cast<std::size_t>(bits)];
    ASSERT_EQ(std::signbit(actual), bits >> 15 != 0) << bits;
    if (exponent == 31 && fraction != 0) {
      ASSERT_TRUE(std::isnan(actual)) << bits;
    } else if (exponent == 31) {
      ASSERT_TRUE(std::isinf(actual)) << bits;
    } else {
      const double magnitude =
          exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
      ASSERT_EQ(std::abs(actual), magnitude) << bits;
    }
  }
}

TEST(CopyAsFloat32, ConvertsBFloat16AndFloat64) {
  EXPECT_THAT(
      Floats(std::vector<std::uint16_t>{0x3F80, 0xC000, 0x7F80, 0x0001}, StoredType::kBFloat16),
      testing::ElementsAre(1.0F, -2.0F, std::numeric_limits<float>::infinity(),
                           std::bit_cast<float>(0x00010000U)));
  EXPECT_THAT(Floats(std::vector<double>{0.1, -1e300}, StoredType::kFloat64),
              testing::ElementsAre(0.1F, -std::numeric_limits<float>::infinity()));
}

TEST(CopyAsFloat32, TransposesBeyondATile) {
  constexpr std::int64_t kRows = 37;
  constexpr std::int64_t kColumns = 70;
  std::vector<float> values(kRows * kColumns);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const StoredMatrix matrix =
      AsMatrix(TensorOf(values, StoredType::kFloat32, {kRows, kColumns})).Rows(2, 33);
  constexpr std::int64_t kStride = 40;  // a part of a wider matrix
  std::vector<float> out(kColumns * kStride, -1.0F);
  CopyAsFloat32(matrix.Transposed(), "t", out.data(), kStride);
  for (std::int64_t r = 0; r < kColumns; ++r) {
    for (std::int64_t c = 0; c < kStride; ++c) {
      const float expected = c < 33 ? static_cast<float>((c + 2) * kColumns + r) : -1.0F;
      ASSERT_EQ(out[static_cast<std::size_t>(r * kStride + c)], expected) << r << " " << c;
    }
  }
}

TEST(CopyAsFloat32, ReadsAtAnyAlignment) {
  std::vector<std::byte> bytes(9);
  const float value = 2.5F;
  std::memcpy(bytes.data() + 1, &value, sizeof(value));
  const StoredMatrix matrix{.rows = 1, .columns = 1, .data = bytes.data() + 1};
  float out = 0;
  CopyAsFloat32(matrix, "t", &out, 1);
  EXPECT_EQ(out, 2.5F);
}

TEST(CopyAsFloat32, RefusesWhatIsNoFloat) {
  try {
    Floats(std::vector<std::int64_t>{1}, StoredType::kInt64);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_STREQ(error.what(), "tensor 't': got dtype I64, expected F32, F16, BF16 or F64");
  }
}

TEST(StoredTensor, IsContiguousWithoutGapsAlone) {
  std::vector<float> values(24);
  StoredTensor tensor = TensorOf(values, StoredType::kFloat32, {4, 6});
  EXPECT_TRUE(tensor.contiguous());
  tensor.strides = {12, 2};
  EXPECT_FALSE(tensor.contiguous());
  tensor.strides = {1, 4};
  EXPECT_FALSE(tensor.contiguous());
  tensor.shape = {1, 6};
  tensor.strides = {99, 1};
  EXPECT_TRUE(tensor.contiguous());
}

TEST(RowMajorStrides, RefusesTooManyElements) {
  EXPECT_THAT(RowMajorStrides({2, 3, 4}), testing::ElementsAre(12, 4, 1));
  EXPECT_THAT(RowMajorStrides({}), testing::IsEmpty());
  const std::int64_t large = std::int64_t{1} << 32;
  EXPECT_THROW(RowMajorStrides({large, large}), Error);
  EXPECT_THROW(RowMajorStrides({large, large, 0}), Error);
}

}  // namespace
}  // namespace lts

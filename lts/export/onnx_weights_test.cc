#include "lts/export/onnx_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lts/base/rng.h"

namespace lts {
namespace {

double HalfValue(std::uint16_t bits) {
  const double sign = (bits & 0x8000U) != 0 ? -1 : 1;
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 1023;
  if (exponent == 31) {
    return mantissa != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(Float16Bits, KeepsWhatHalfPrecisionCanHold) {
  for (int bits = 0; bits < 0x7C00; ++bits) {
    const double value = HalfValue(static_cast<std::uint16_t>(bits));
    ASSERT_EQ(Float16Bits(static_cast<float>(value)), bits);
    ASSERT_EQ(Float16Bits(static_cast<float>(-value)), bits | 0x8000);
  }
}

TEST(Float16Bits, RoundsToTheNearestAndTiesToEven) {
  for (int bits = 0; bits + 1 < 0x7C00; ++bits) {
    const double low = HalfValue(static_cast<std::uint16_t>(bits));
    const double high = HalfValue(static_cast<std::uint16_t>(bits + 1));
    const auto middle = static_cast<float>((low + high) / 2);  // exact in float32
    ASSERT_EQ(Float16Bits(middle), bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(Float16Bits(std::nextafter(middle, 0.0F)), bits);
    ASSERT_EQ(Float16Bits(std::nextafter(middle, 1e9F)), bits + 1);
  }
}

TEST(Float16Bits, OverflowsToInfinityAndKeepsNan) {
  EXPECT_EQ(Float16Bits(65519.0F), 0x7BFF);
  EXPECT_EQ(Float16Bits(65520.0F), 0x7C00);
  EXPECT_EQ(Float16Bits(-1e30F), 0xFC00);
  EXPECT_TRUE(std::isnan(HalfValue(Float16Bits(std::nanf("")))));
}

TEST(Quantize, IsWithinHalfAStepOfEachChannel) {
  constexpr std::int64_t kRows = 7;
  constexpr std::int64_t kColumns = 5;
  Rng rng(3);
  std::vector<float> values;
  for (std::int64_t i = 0; i < kRows * kColumns; ++i) {
    values.push_back(static_cast<float>(rng.Normal() * std::pow(10.0, static_cast<double>(i % 5))));
  }
  for (const bool by_row : {false, true}) {
    const std::vector<float> scales = ChannelScales(values, kRows, kColumns, by_row);
    ASSERT_EQ(std::ssize(scales), by_row ? kRows : kColumns);
    const std::vector<std::int8_t> quantized = Quantize(values, kRows, kColumns, by_row, scales);
    ASSERT_EQ(quantized.size(), values.size());
    for (std::int64_t i = 0; i < kRows * kColumns; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const float scale = scales[static_cast<std::size_t>(by_row ? i / kColumns : i % kColumns)];
      EXPECT_LE(std::fabs(static_cast<float>(quantized[at]) * scale - values[at]), 0.5001F * scale);
      EXPECT_GE(quantized[at], -127);
    }
  }
}

TEST(Quantize, AChannelOfZerosStaysZero) {
  const std::vector<float> zeros(6, 0.0F);
  const std::vector<float> scales = ChannelScales(zeros, 2, 3, /*scale_per_row=*/true);
  EXPECT_EQ(scales, (std::vector<float>{1, 1}));
  EXPECT_EQ(Quantize(zeros, 2, 3, true, scales), std::vector<std::int8_t>(6, 0));
}

}  // namespace
}  // namespace lts

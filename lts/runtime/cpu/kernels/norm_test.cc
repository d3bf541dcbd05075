#include "lts/runtime/cpu/kernels/norm.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "lts/base/aligned_buffer.h"
#include "lts/runtime/cpu/kernels/kernel_test.h"
#include "lts/runtime/cpu/kernels/narrow.h"

namespace lts {
namespace {

constexpr std::int64_t kWidths[] = {1,  2,  3,  7,  8,   15,  16,  17, 31,
                                    33, 63, 64, 65, 100, 129, 257, 576};

struct Moments {
  double mean = 0;
  double variance = 0;     // about the mean
  double mean_square = 0;  // about zero
};

Moments RowMoments(const Values& x, std::int64_t begin, std::int64_t d) {
  Moments moments;
  for (std::int64_t i = 0; i < d; ++i) {
    const double value = x[begin + i];
    moments.mean += value / static_cast<double>(d);
    moments.mean_square += value * value / static_cast<double>(d);
  }
  for (std::int64_t i = 0; i < d; ++i) {
    const double deviation = static_cast<double>(x[begin + i]) - moments.mean;
    moments.variance += deviation * deviation / static_cast<double>(d);
  }
  return moments;
}

LTS_KERNEL_TEST(NormTest);

TEST_P(NormTest, LayerNormEqualsFloat64) {
  ThreadPool pool(2);
  Rng rng(1);
  constexpr double kEpsilon = 1e-5;
  for (const std::int64_t d : kWidths) {
    for (const std::int64_t rows : {1, 13}) {
      const std::int64_t misalignment = d % 3;
      const Values x(rows * d, rng, misalignment);
      const Values gain(d, rng, 1);
      const Values bias(d, rng, 2);
      const float* shift = rows == 1 ? nullptr : bias.data();
      Values y(rows * d, rng, 2 - misalignment);
      LayerNorm(x.data(), rows, d, gain.data(), shift, static_cast<float>(kEpsilon), y.data(),
                pool);
      for (std::int64_t i = 0; i < rows * d; ++i) {
        const Moments moments = RowMoments(x, i / d * d, d);
        const double scale = 1 / std::sqrt(moments.variance + kEpsilon);
        const double g = gain[i % d];
        const double b = shift == nullptr ? 0.0 : static_cast<double>(bias[i % d]);
        const double expected = (x[i] - moments.mean) * scale * g + b;
        // The mean's rounding moves every deviation by up to d / lanes roundings of 1; the rest is
        // relative.
        const double tolerance =
            (8 + static_cast<double>(d) / 4) * kRoundoff * scale * std::abs(g) +
            32 * kRoundoff * std::abs(expected);
        ASSERT_NEAR(y[i], expected, tolerance) << d << " " << i;
      }
    }
  }
}

TEST_P(NormTest, LayerNormKeepsItsDigitsUnderALargeMean) {
  ThreadPool pool(1);
  Rng rng(2);
  const std::int64_t d = 256;
  Values x(d, rng);
  for (std::int64_t i = 0; i < d; ++i)
    x[i] += 4096.0F;  // exact: the values are then multiples of 2^-11
  Values gain(d, rng);
  for (std::int64_t i = 0; i < d; ++i) gain[i] = 1.0F;
  Values y(d, rng);
  LayerNorm(x.data(), 1, d, gain.data(), nullptr, 1e-5F, y.data(), pool);
  const Moments moments = RowMoments(x, 0, d);
  for (std::int64_t i = 0; i < d; ++i) {
    // The mean is off by at most a few units of 4096's last place, 2^-11.
    ASSERT_NEAR(y[i], (x[i] - moments.mean) / std::sqrt(moments.variance + 1e-5), 0x1p-8);
  }
}

TEST_P(NormTest, LayerNormOfEqualValuesIsTheBias) {
  ThreadPool pool(1);
  Rng rng(3);
  Values x(40, rng);
  for (std::int64_t i = 0; i < 40; ++i) x[i] = 3.0F;
  const Values gain(40, rng);
  const Values bias(40, rng);
  LayerNorm(x.data(), 1, 40, gain.data(), bias.data(), 1e-5F, x.data(), pool);
  for (std::int64_t i = 0; i < 40; ++i) EXPECT_EQ(x[i], bias[i]);
}

TEST_P(NormTest, RmsNormEqualsFloat64InPlace) {
  ThreadPool pool(2);
  Rng rng(4);
  constexpr double kEpsilon = 1e-6;
  for (const std::int64_t d : kWidths) {
    const std::int64_t rows = 9;
    const Values x(rows * d, rng, 1);
    const Values gain(d, rng);
    Values y = x;
    RmsNorm(y.data(), rows, d, gain.data(), static_cast<float>(kEpsilon), y.data(), pool);
    for (std::int64_t i = 0; i < rows * d; ++i) {
      const double scale = 1 / std::sqrt(RowMoments(x, i / d * d, d).mean_square + kEpsilon);
      const double expected = x[i] * scale * static_cast<double>(gain[i % d]);
      ASSERT_NEAR(y[i], expected,
                  (16 + static_cast<double>(d) / 4) * kRoundoff * std::abs(expected))
          << d;
    }
  }
}

TEST_P(NormTest, RoundedRowsAreTheRoundedValuesAndZerosUpToATile) {
  if (!UsesRoundedRows(DType::kBFloat16, 64)) GTEST_SKIP() << "this machine has no AMX";
  ThreadPool pool(2);
  Rng rng(5);
  for (const std::int64_t d : kWidths) {
    const std::int64_t rows = 13;
    const Values x(rows * d, rng, 1);
    const Values gain(d, rng);
    const Values bias(d, rng);
    for (const bool layer : {true, false}) {
      Values y(rows * d, rng);
      AlignedBuffer<std::uint16_t> rounded(RoundedSize(rows, d));
      std::fill(rounded.span().begin(), rounded.span().end(), std::uint16_t{0x7FC0});  // NaN
      if (layer) {
        LayerNorm(x.data(), rows, d, gain.data(), bias.data(), 1e-5F, y.data(), pool);
        LayerNorm(x.data(), rows, d, gain.data(), bias.data(), 1e-5F, rounded.data(), pool);
      } else {
        RmsNorm(x.data(), rows, d, gain.data(), 1e-5F, y.data(), pool);
        RmsNorm(x.data(), rows, d, gain.data(), 1e-5F, rounded.data(), pool);
      }
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t i = 0; i < (d + 31) / 32 * 32; ++i) {
          const std::uint32_t bits = std::uint32_t{rounded[r * RoundedStride(d) + i]} << 16;
          float value;
          std::memcpy(&value, &bits, sizeof(value));
          const float expected = i < d ? y[r * d + i] : 0.0F;
          ASSERT_NEAR(value, expected, 0x1.01p-8 * std::abs(expected)) << d << " " << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace lts

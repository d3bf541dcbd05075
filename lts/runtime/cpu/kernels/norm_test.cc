#include "lts/runtime/cpu/kernels/norm.h"

#include <cmath>

#include "lts/runtime/cpu/kernels/kernel_test.h"

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

}  // namespace
}  // namespace lts

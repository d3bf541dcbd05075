#include <cmath>
#include <limits>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lts/runtime/cpu/kernels/vector_test.cc"
#include <hwy/foreach_target.h>
// clang-format off
#include "lts/runtime/cpu/kernels/vector-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace lts {
namespace HWY_NAMESPACE {

void ExpAll(const float* x, std::int64_t n, float* y) {
  for (std::int64_t i = 0; i < n; i += kLanes) StoreUpTo(Exp(LoadUpTo(x + i, n - i)), y + i, n - i);
}

void ActivateAll(Activation activation, const float* x, std::int64_t n, float* y) {
  for (std::int64_t i = 0; i < n; i += kLanes)
    StoreUpTo(Activate(activation, LoadUpTo(x + i, n - i)), y + i, n - i);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lts
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "lts/runtime/cpu/kernels/kernel_test.h"

namespace lts {

HWY_EXPORT(ExpAll);
HWY_EXPORT(ActivateAll);

namespace {

// From `low` to `high` in equal steps.
std::vector<float> Steps(double low, double high, std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(low + (high - low) * static_cast<double>(i) /
                                             static_cast<double>(count - 1));
  }
  return values;
}

std::vector<float> Exponentials(const std::vector<float>& x) {
  std::vector<float> y(x.size());
  HWY_DYNAMIC_DISPATCH(ExpAll)(x.data(), std::ssize(x), y.data());
  return y;
}

std::vector<float> Activated(Activation activation, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  HWY_DYNAMIC_DISPATCH(ActivateAll)(activation, x.data(), std::ssize(x), y.data());
  return y;
}

LTS_KERNEL_TEST(VectorTest);

TEST_P(VectorTest, ExpIsWithinTwoUnitsInTheLastPlace) {
  const std::vector<float> x = Steps(-87.3, 88.3, 200'003);
  const std::vector<float> y = Exponentials(x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(static_cast<double>(x[i]));
    ASSERT_NEAR(y[i] / expected, 1.0, 2 * 0x1p-23) << x[i];
  }
}

TEST_P(VectorTest, ExpIsExactAtZeroAndZeroBelowTheSmallestNormal) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> y = Exponentials(
      {0.0F, -0.0F, -87.34F, -1000.0F, -std::numeric_limits<float>::max(), -infinity, 88.3F});
  EXPECT_EQ(y[0], 1.0F);
  EXPECT_EQ(y[1], 1.0F);
  for (std::size_t i = 2; i < 6; ++i) EXPECT_EQ(y[i], 0.0F) << i;
  EXPECT_TRUE(std::isfinite(y[6]));
}

TEST_P(VectorTest, GeluTanhIsAccurateRelativeToTheResult) {
  const std::vector<float> x = Steps(-5.0, 12.0, 100'001);
  const std::vector<float> y = Activated(Activation::kGeluTanh, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    // As x sigmoid(2 u): the textbook form loses all digits to 1 + tanh near -1, in float64 too
    // from -8 on.
    const double expected =
        v / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
    // exp amplifies the error of its argument, |2 u| <= 17 here, by that argument.
    ASSERT_NEAR(y[i], expected, 40 * kRoundoff * std::abs(expected) + 1e-38) << v;
  }
}

TEST_P(VectorTest, ActivationsSaturateWithoutNotANumber) {
  const std::vector<float> x = {-1e30F, -3e4F, -100.0F, -30.0F, 30.0F, 100.0F, 3e4F};
  for (const Activation activation :
       {Activation::kGeluTanh, Activation::kGeluErf, Activation::kRelu, Activation::kSilu}) {
    const std::vector<float> y = Activated(activation, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_NEAR(y[i], std::max(x[i], 0.0F), 1e-6F * std::abs(x[i]) * (x[i] > 0 ? 1.0F : 1e-4F))
          << static_cast<int>(activation) << " " << x[i];
    }
  }
}

TEST_P(VectorTest, GeluErfAndSiluAreAccurate) {
  const std::vector<float> x = Steps(-10.0, 10.0, 100'001);
  const std::vector<float> gelu = Activated(Activation::kGeluErf, x);
  const std::vector<float> silu = Activated(Activation::kSilu, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    // 0.75e-7 of the polynomial and the roundings of six operations on values below 1.
    ASSERT_NEAR(gelu[i], 0.5 * v * std::erfc(-v / std::sqrt(2.0)), 4e-7 * std::abs(v)) << v;
    const double expected = v / (1 + std::exp(-v));
    ASSERT_NEAR(silu[i], expected, 8 * kRoundoff * std::abs(expected) + 1e-38) << v;
  }
}

}  // namespace
}  // namespace lts
#endif  // HWY_ONCE

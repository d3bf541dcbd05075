#include "lts/cost/least_squares.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lts/base/rng.h"
#include "lts/cost/monotone_curve.h"
#include "lts/cost/shared_residual.h"

namespace lts {
namespace {

TEST(LeastSquaresTest, BindsWhatWouldBeNegative) {
  // min (x - 1)^2 + (x + y + 1)^2: unbounded x = 1, y = -2; with y >= 0, x = 0 and y = 0.
  SquareMatrix h(2);
  h(0, 0) = 4;
  h(0, 1) = h(1, 0) = 2;
  h(1, 1) = 2;
  const std::vector<double> x = SolveNonNegative(h, std::vector<double>{0, -2});
  EXPECT_NEAR(x[0], 0, 1e-12);
  EXPECT_EQ(x[1], 0);
}

// The conditions of Karush, Kuhn and Tucker hold, so it is the minimum.
TEST(LeastSquaresTest, IsOptimalOnRandomProblems) {
  Rng rng(1);
  for (int trial = 0; trial < 200; ++trial) {
    const std::size_t n = 1 + static_cast<std::size_t>(rng.Below(8));
    const std::size_t rows = 2 * n;
    std::vector<double> a(rows * n);
    for (double& value : a) value = rng.Normal();
    SquareMatrix h(n);
    std::vector<double> g(n);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        g[j] += a[i * n + j] * std::sin(static_cast<double>(i));
        for (std::size_t k = 0; k < n; ++k) h(j, k) += a[i * n + j] * a[i * n + k];
      }
    }
    const std::vector<double> x = SolveNonNegative(h, g);
    for (std::size_t j = 0; j < n; ++j) {
      double gradient = -g[j];
      for (std::size_t k = 0; k < n; ++k) gradient += h(j, k) * x[k];
      ASSERT_GE(x[j], 0);
      ASSERT_GE(gradient, -1e-8);
      ASSERT_NEAR(gradient * x[j], 0, 1e-8);
    }
  }
}

TEST(LeastSquaresTest, ColumnsAlikeShareByThePrior) {
  const std::vector<double> rows{1, 1, 2, 2, 3, 3};
  const std::vector<double> weights{100, 100, 100};
  const RelativeFit fit = FitRelative(rows, weights, std::vector<double>{1, 1});
  EXPECT_NEAR(fit.x[0], fit.x[1], 1e-6);
}

TEST(LeastSquaresTest, AbsurdSizesStaySolvable) {
  const std::vector<double> rows{1e18, 1e-18, 1e18, 1e18, 1, 1e18 * (1 + 1e-15)};
  const RelativeFit fit =
      FitRelative(rows, std::vector<double>{1e6, 1e6, 1e6}, std::vector<double>{1, 1});
  for (const double x : fit.x) EXPECT_TRUE(std::isfinite(x) && x >= 0) << x;
}

TEST(MonotoneCurveTest, FollowsAKneeAndInverts) {
  std::vector<double> x;
  std::vector<double> y;
  for (int i = 1; i <= 60; ++i) {
    x.push_back(0.5 * i);
    y.push_back(x.back() < 5 ? 0.5 * x.back() : 2.5 + 1.2 * (x.back() - 5));
  }
  const std::vector<double> weights(x.size(), 1e4);
  const MonotoneCurve curve(x, y, weights, 5);
  double before = -1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(curve(x[i]), y[i], 0.1 * y[i]);
    EXPECT_GT(curve(x[i]), before);
    before = curve(x[i]);
    EXPECT_NEAR(curve.Inverse(curve(x[i])), x[i], 1e-9 * x[i]);
    const double h = 1e-6 * x[i];
    EXPECT_NEAR(curve.Elasticity(x[i] + h),
                (curve(x[i] + 2 * h) - curve(x[i])) / (2 * h) * (x[i] + h) / curve(x[i] + h), 1e-3);
  }
  EXPECT_GT(curve(1e6), curve(1e5));
  EXPECT_LT(curve(-1), 0);
}

TEST(SharedResidualTest, FollowsPointsAndReturnsToZeroFarAway) {
  const std::vector<ResidualPoint> points{{2, 256, 0.1, 1e-6}, {8, 256, 0.1, 1e-6}};
  const SharedResidual residual(points, {.amplitude = 0.1, .length = 0.3});
  EXPECT_NEAR(residual.Mean(2, 256), 0.1, 1e-3);
  EXPECT_NEAR(residual.Mean(2, 1 << 20), 0, 1e-6);
  EXPECT_LT(residual.Variance(2, 256), 1e-5);
  EXPECT_NEAR(residual.Variance(2, 1 << 20), 0.01, 1e-6);
  EXPECT_GT(residual.Variance(4, 256), residual.Variance(2, 256));
}

TEST(SharedResidualTest, EqualPlacesCountAsTheirMean) {
  const std::vector<ResidualPoint> two{{2, 256, 0.0, 0.02}, {2, 256, 0.1, 0.02}};
  const std::vector<ResidualPoint> one{{2, 256, 0.05, 0.01}};
  const ResidualKernel kernel{.amplitude = 0.1, .length = 0.5};
  EXPECT_NEAR(SharedResidual(two, kernel).Mean(3, 300), SharedResidual(one, kernel).Mean(3, 300),
              1e-12);
  EXPECT_NEAR(SharedResidual(two, kernel).Variance(3, 300),
              SharedResidual(one, kernel).Variance(3, 300), 1e-12);
}

TEST(SharedResidualTest, EvidenceKnowsTheAmplitude) {
  // Draws of amplitude 0.1, and pure noise: each is likelier under its own kernel.
  Rng rng(5);
  std::vector<ResidualPoint> smooth;
  std::vector<ResidualPoint> noise;
  for (std::int64_t d = 128; d <= 960; d += 64) {
    smooth.push_back({4, d, 0.1 * std::sin(std::log(static_cast<double>(d)) * 3), 1e-4});
    noise.push_back({4, d, 0.01 * rng.Normal(), 1e-4});
  }
  const ResidualKernel none{};
  const ResidualKernel some{.amplitude = 0.1, .length = 0.5};
  EXPECT_GT(SharedResidual(smooth, some).LogEvidence(), SharedResidual(smooth, none).LogEvidence());
  EXPECT_GT(SharedResidual(noise, none).LogEvidence(), SharedResidual(noise, some).LogEvidence());
}

}  // namespace
}  // namespace lts

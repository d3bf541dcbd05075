#include "lts/quality/least_squares.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lts {
namespace {

TEST(SolvePositive, SolvesAKnownSystem) {
  const std::vector<double> x = SolvePositive({4, 2, 2, 3}, {10, 8});
  EXPECT_NEAR(x[0], 1.75, 1e-12);
  EXPECT_NEAR(x[1], 1.5, 1e-12);
}

TEST(InversePositive, TimesTheMatrixIsOne) {
  const SymmetricMatrix a{4, 1, 0.5, 1, 3, 0.2, 0.5, 0.2, 2};
  const SymmetricMatrix inverse = InversePositive(a, 3);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < 3; ++k) sum += a[i * 3 + k] * inverse[k * 3 + j];
      EXPECT_NEAR(sum, i == j ? 1 : 0, 1e-12);
    }
  }
}

TEST(WhiteningOf, SquaresToTheInverse) {
  const SymmetricMatrix a{4, 1, 0.5, 1, 3, 0.2, 0.5, 0.2, 2};
  const SymmetricMatrix inverse = InversePositive(a, 3);
  const std::vector<double> r = WhiteningOf(a, 3);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < 3; ++k) sum += r[k * 3 + i] * r[k * 3 + j];
      EXPECT_NEAR(sum, inverse[i * 3 + j], 1e-12);
    }
  }
}

TEST(SolvePositive, StandsOnASingularMatrix) {
  const std::vector<double> x = SolvePositive({1, 1, 1, 1}, {2, 2});
  EXPECT_NEAR(x[0] + x[1], 2, 1e-6);
}

TEST(MinimizeSquares, FindsTheLineThroughPoints) {
  const LeastSquaresFit fit = MinimizeSquares(
      [](std::span<const double> p) {
        std::vector<double> r;
        for (int x = 0; x < 5; ++x) r.push_back(p[0] + p[1] * x - (3 + 2 * x));
        return r;
      },
      {0, 0});
  EXPECT_NEAR(fit.parameters[0], 3, 1e-8);
  EXPECT_NEAR(fit.parameters[1], 2, 1e-8);
  EXPECT_NEAR(fit.cost, 0, 1e-12);
  EXPECT_NEAR(fit.hessian[0], 5, 1e-6);   // sum of 1
  EXPECT_NEAR(fit.hessian[3], 30, 1e-5);  // sum of x^2
}

TEST(MinimizeSquares, FollowsRosenbrocksValley) {
  const LeastSquaresFit fit = MinimizeSquares(
      [](std::span<const double> p) {
        return std::vector<double>{10 * (p[1] - p[0] * p[0]), 1 - p[0]};
      },
      {-1.2, 1});
  EXPECT_NEAR(fit.parameters[0], 1, 1e-6);
  EXPECT_NEAR(fit.parameters[1], 1, 1e-6);
}

TEST(MinimizeSquares, RefusesStepsToWhereThereIsNoValue) {
  const LeastSquaresFit fit = MinimizeSquares(
      [](std::span<const double> p) { return std::vector<double>{std::log(p[0])}; }, {0.05});
  EXPECT_NEAR(fit.parameters[0], 1, 1e-6);
}

}  // namespace
}  // namespace lts

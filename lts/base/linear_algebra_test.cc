#include "lts/base/linear_algebra.h"

#include <gtest/gtest.h>

#include <limits>

namespace lts {
namespace {

SquareMatrix Example() {
  SquareMatrix a(3);
  a.values = {4, 1, 0.5, 1, 3, 0.2, 0.5, 0.2, 2};
  return a;
}

TEST(LinearAlgebra, TheFactorTimesItselfIsTheMatrix) {
  const SquareMatrix a = Example();
  SquareMatrix l = a;
  ASSERT_TRUE(Cholesky(l));
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k <= j; ++k) sum += l(i, k) * l(j, k);
      EXPECT_NEAR(sum, a(i, j), 1e-14);
    }
  }
}

TEST(LinearAlgebra, BothTrianglesSolveTheSystem) {
  const SquareMatrix a = Example();
  SquareMatrix l = a;
  ASSERT_TRUE(Cholesky(l));
  const std::vector<double> truth{1, -2, 3};
  std::vector<double> x(3);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) x[i] += a(i, j) * truth[j];
  }
  SolveLower(l, x);
  SolveLowerTransposed(l, x);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(x[i], truth[i], 1e-14);
}

TEST(LinearAlgebra, WhatIsNotPositiveDefiniteHasNoFactor) {
  SquareMatrix a(2);
  a.values = {1, 2, 2, 1};
  EXPECT_FALSE(Cholesky(a));
  a.values = {std::numeric_limits<double>::quiet_NaN(), 0, 0, 1};
  EXPECT_FALSE(Cholesky(a));
}

}  // namespace
}  // namespace lts

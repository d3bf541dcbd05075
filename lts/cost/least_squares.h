// Small non-negative least squares with a prior. Dense, column counts of about ten.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lts/base/linear_algebra.h"

namespace lts {

// min_x x'Hx / 2 - g'x with x >= 0; H symmetric and positive definite (a ridge makes it so).
// Active-set method of Lawson & Hanson 1974, "Solving Least Squares Problems", chapter 23, on the
// normal equations; at most a few times size rounds of O(size^3).
std::vector<double> SolveNonNegative(const SquareMatrix& h, std::span<const double> g);

// An observation of a relative regression: 1 ~ sum_j row_j x_j, with a standard deviation.
struct RelativeFit {
  std::vector<double> x;
  SquareMatrix precision;  // of x, where no bound is active
};
// rows: [n, columns], weights: [n] (1 / variance), prior mean 1 with `spread` [columns] > 0.
RelativeFit FitRelative(std::span<const double> rows, std::span<const double> weights,
                        std::span<const double> spread);

}  // namespace lts

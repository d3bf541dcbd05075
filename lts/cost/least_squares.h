// Small non-negative least squares with a prior, and the linear algebra that it and the residual
// need. Dense, column counts of about ten.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lts {

// Row-major square matrix.
struct SquareMatrix {
  std::size_t size = 0;
  std::vector<double> values;  // [size, size]
  explicit SquareMatrix(std::size_t n) : size(n), values(n * n) {}
  double& operator()(std::size_t i, std::size_t j) { return values[i * size + j]; }
  double operator()(std::size_t i, std::size_t j) const { return values[i * size + j]; }
};

// The lower triangle of the Cholesky factor, in place (the upper one is left as it was). False when
// the matrix is not positive definite. O(size^3).
bool Cholesky(SquareMatrix& matrix);
// x <- L^-1 x, and x <- L^-T x. O(size^2).
void SolveLower(const SquareMatrix& factor, std::span<double> x);
void SolveLowerTransposed(const SquareMatrix& factor, std::span<double> x);

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

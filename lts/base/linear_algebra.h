// Small dense linear algebra in double: matrices of a few dozen rows.
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
// x <- L^-1 x, and x <- L^-T x. x: [size]. O(size^2).
void SolveLower(const SquareMatrix& factor, std::span<double> x);
void SolveLowerTransposed(const SquareMatrix& factor, std::span<double> x);

}  // namespace lts

// Nonlinear least squares with few parameters (a dozen) and many residuals.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace lts {

// Square, symmetric, [n * n] row-major.
using SymmetricMatrix = std::vector<double>;

// x with a x = b, by Cholesky's decomposition. a: [n * n], positive definite; where it is not
// quite, the smallest multiple of its diagonal that makes it so is added. O(n^3).
std::vector<double> SolvePositive(SymmetricMatrix a, std::vector<double> b);
SymmetricMatrix InversePositive(const SymmetricMatrix& a, std::size_t n);
// r, lower triangular, with r^T r = a^-1: r x has unit covariance where that of x is a.
std::vector<double> WhiteningOf(const SymmetricMatrix& a, std::size_t n);

struct LeastSquaresFit {
  std::vector<double> parameters;
  double cost = 0;          // half the sum of squares
  SymmetricMatrix hessian;  // J^T J at the parameters: the inverse covariance of unit residuals
  int iterations = 0;
};
// Minimises half the sum of squares of residuals(parameters), from `start`: Levenberg-Marquardt
// (Marquardt 1963; damping by the diagonal as in More 1978) with central differences.
// Deterministic. Ends at a relative gain below 1e-14 or after `max_iterations`. residuals: a
// function of the parameters alone, of constant length; where it is not finite the step is refused.
LeastSquaresFit MinimizeSquares(
    const std::function<std::vector<double>(std::span<const double>)>& residuals,
    std::vector<double> start, int max_iterations = 200);

}  // namespace lts

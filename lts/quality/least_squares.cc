#include "lts/quality/least_squares.h"

#include <algorithm>
#include <cmath>

#include "lts/base/error.h"
#include "lts/base/linear_algebra.h"

namespace lts {
namespace {

constexpr double kStep = 1e-6;  // of central differences: about the cube root of double's epsilon
constexpr double kSmallestGain = 1e-14;
constexpr double kLargestDamping = 1e12;

SquareMatrix DefiniteCholesky(const SymmetricMatrix& a, std::size_t n) {
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, a[i * n + i]);
  LTS_CHECK(std::isfinite(largest));
  for (double shift = 0;; shift = shift == 0 ? 1e-14 : 10 * shift) {
    SquareMatrix l(n);
    l.values = a;
    for (std::size_t i = 0; i < n; ++i) {
      l(i, i) += shift * std::max(a[i * n + i], largest) + (largest == 0 ? 1 : 0);
    }
    if (Cholesky(l)) return l;
    LTS_CHECK(shift < 1e3);  // by then the diagonal dominates
  }
}

void SolveInPlace(const SquareMatrix& l, std::span<double> b) {
  SolveLower(l, b);
  SolveLowerTransposed(l, b);
}

double HalfSquares(const std::vector<double>& r) {
  double sum = 0;
  for (const double v : r) sum += v * v;
  return sum / 2;
}

}  // namespace

std::vector<double> SolvePositive(SymmetricMatrix a, std::vector<double> b) {
  LTS_CHECK(a.size() == b.size() * b.size());
  SolveInPlace(DefiniteCholesky(a, b.size()), b);
  return b;
}

SymmetricMatrix InversePositive(const SymmetricMatrix& a, std::size_t n) {
  LTS_CHECK(a.size() == n * n);
  const SquareMatrix l = DefiniteCholesky(a, n);
  SymmetricMatrix inverse(n * n);
  for (std::size_t j = 0; j < n; ++j) {
    std::vector<double> column(n);
    column[j] = 1;
    SolveInPlace(l, column);
    for (std::size_t i = 0; i < n; ++i) inverse[i * n + j] = column[i];
  }
  return inverse;
}

std::vector<double> WhiteningOf(const SymmetricMatrix& a, std::size_t n) {
  LTS_CHECK(a.size() == n * n);
  const SquareMatrix l = DefiniteCholesky(a, n);
  std::vector<double> inverse(n * n);
  for (std::size_t j = 0; j < n; ++j) {
    std::vector<double> column(n);
    column[j] = 1;
    SolveLower(l, column);
    for (std::size_t i = j; i < n; ++i) inverse[i * n + j] = column[i];
  }
  return inverse;
}

LeastSquaresFit MinimizeSquares(
    const std::function<std::vector<double>(std::span<const double>)>& residuals,
    std::vector<double> start, int max_iterations) {
  const std::size_t n = start.size();
  LeastSquaresFit fit;
  fit.parameters = std::move(start);
  std::vector<double> at = residuals(fit.parameters);
  fit.cost = HalfSquares(at);
  LTS_CHECK(std::isfinite(fit.cost));
  double damping = 1e-3;
  for (;;) {
    std::vector<std::vector<double>> columns(n);
    for (std::size_t j = 0; j < n; ++j) {
      std::vector<double> moved = fit.parameters;
      const double step = kStep * std::max(1.0, std::abs(moved[j]));
      moved[j] = fit.parameters[j] + step;
      columns[j] = residuals(moved);
      moved[j] = fit.parameters[j] - step;
      const std::vector<double> below = residuals(moved);
      for (std::size_t i = 0; i < below.size(); ++i) {
        columns[j][i] = (columns[j][i] - below[i]) / (2 * step);
      }
    }
    fit.hessian.assign(n * n, 0);
    std::vector<double> descent(n);
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k <= j; ++k) {
        double sum = 0;
        for (std::size_t i = 0; i < at.size(); ++i) sum += columns[j][i] * columns[k][i];
        fit.hessian[j * n + k] = fit.hessian[k * n + j] = sum;
      }
      for (std::size_t i = 0; i < at.size(); ++i) descent[j] -= columns[j][i] * at[i];
    }
    if (fit.iterations++ == max_iterations) return fit;
    bool better = false;
    double gain = 0;
    while (!better && damping < kLargestDamping) {
      SymmetricMatrix damped = fit.hessian;
      for (std::size_t j = 0; j < n; ++j) damped[j * n + j] += damping * (damped[j * n + j] + 1e-9);
      std::vector<double> next = SolvePositive(std::move(damped), descent);
      for (std::size_t j = 0; j < n; ++j) next[j] += fit.parameters[j];
      std::vector<double> there = residuals(next);
      const double cost = HalfSquares(there);
      better = std::isfinite(cost) && cost < fit.cost;
      damping *= better ? 0.2 : 4;
      if (!better) continue;
      gain = (fit.cost - cost) / fit.cost;
      fit.parameters = std::move(next);
      fit.cost = cost;
      at = std::move(there);
    }
    damping = std::max(damping, 1e-12);
    // The Hessian of the last step stands for that of the end: they differ by less than the gain.
    if (!better || gain < kSmallestGain) return fit;
  }
}

}  // namespace lts

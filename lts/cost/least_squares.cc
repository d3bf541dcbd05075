#include "lts/cost/least_squares.h"

#include <algorithm>
#include <cmath>

#include "lts/base/error.h"

namespace lts {

namespace {

// The unconstrained minimum over the columns in `free`, 0 elsewhere.
std::vector<double> SolveFree(const SquareMatrix& h, std::span<const double> g,
                              const std::vector<bool>& free) {
  std::vector<std::size_t> columns;
  for (std::size_t j = 0; j < h.size; ++j) {
    if (free[j]) columns.push_back(j);
  }
  SquareMatrix part(columns.size());
  std::vector<double> x(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    x[i] = g[columns[i]];
    for (std::size_t j = 0; j < columns.size(); ++j) part(i, j) = h(columns[i], columns[j]);
  }
  LTS_CHECK(Cholesky(part));
  SolveLower(part, x);
  SolveLowerTransposed(part, x);
  std::vector<double> all(h.size, 0.0);
  for (std::size_t i = 0; i < columns.size(); ++i) all[columns[i]] = x[i];
  return all;
}

}  // namespace

std::vector<double> SolveNonNegative(const SquareMatrix& h, std::span<const double> g) {
  const std::size_t n = h.size;
  std::vector<bool> free(n, false);
  std::vector<double> x(n, 0.0);
  double scale = 0;
  for (const double value : g) scale = std::max(scale, std::abs(value));
  // Each round frees one column and the objective falls; the bound guards against rounding alone.
  for (std::size_t round = 0; round < 10 * n; ++round) {
    std::size_t best = n;
    double steepest = 1e-12 * scale;
    for (std::size_t j = 0; j < n; ++j) {
      if (free[j]) continue;
      double descent = g[j];
      for (std::size_t k = 0; k < n; ++k) descent -= h(j, k) * x[k];
      if (descent > steepest) {
        steepest = descent;
        best = j;
      }
    }
    if (best == n) break;
    free[best] = true;
    for (;;) {
      const std::vector<double> target = SolveFree(h, g, free);
      // As far towards the target as nothing becomes negative; what stops it is bound again.
      double step = 1;
      std::size_t stopped_by = n;
      for (std::size_t j = 0; j < n; ++j) {
        if (!free[j] || target[j] > 0) continue;
        const double reach = x[j] > 0 ? x[j] / (x[j] - target[j]) : 0.0;
        if (stopped_by == n || reach < step) {
          step = reach;
          stopped_by = j;
        }
      }
      for (std::size_t j = 0; j < n; ++j) {
        if (free[j]) x[j] += step * (target[j] - x[j]);
      }
      if (stopped_by == n) break;
      x[stopped_by] = 0;
      free[stopped_by] = false;
    }
  }
  return x;
}

RelativeFit FitRelative(std::span<const double> rows, std::span<const double> weights,
                        std::span<const double> spread) {
  const std::size_t columns = spread.size();
  LTS_CHECK(rows.size() == weights.size() * columns);
  RelativeFit fit{{}, SquareMatrix(columns)};
  std::vector<double> g(columns);
  for (std::size_t j = 0; j < columns; ++j) {
    g[j] = fit.precision(j, j) = 1 / (spread[j] * spread[j]);
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double* row = &rows[i * columns];
    for (std::size_t j = 0; j < columns; ++j) {
      g[j] += weights[i] * row[j];
      for (std::size_t k = 0; k < columns; ++k) {
        fit.precision(j, k) += weights[i] * row[j] * row[k];
      }
    }
  }
  // Above the rounding of the sums, so that columns which observations cannot tell apart (or whose
  // sizes differ absurdly) leave the matrix positive definite.
  for (std::size_t j = 0; j < columns; ++j) fit.precision(j, j) *= 1 + 1e-11;
  fit.x = SolveNonNegative(fit.precision, g);
  return fit;
}

}  // namespace lts

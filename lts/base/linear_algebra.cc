#include "lts/base/linear_algebra.h"

#include <cmath>

#include "lts/base/error.h"

namespace lts {

bool Cholesky(SquareMatrix& matrix) {
  const std::size_t n = matrix.size;
  for (std::size_t j = 0; j < n; ++j) {
    double* row_j = &matrix.values[j * n];
    double diagonal = row_j[j];
    for (std::size_t k = 0; k < j; ++k) diagonal -= row_j[k] * row_j[k];
    if (!(diagonal > 0)) return false;  // also NaN
    row_j[j] = std::sqrt(diagonal);
    for (std::size_t i = j + 1; i < n; ++i) {
      double* row_i = &matrix.values[i * n];
      double sum = row_i[j];
      for (std::size_t k = 0; k < j; ++k) sum -= row_i[k] * row_j[k];
      row_i[j] = sum / row_j[j];
    }
  }
  return true;
}

void SolveLower(const SquareMatrix& factor, std::span<double> x) {
  LTS_DCHECK(x.size() == factor.size);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) x[i] -= factor(i, k) * x[k];
    x[i] /= factor(i, i);
  }
}

void SolveLowerTransposed(const SquareMatrix& factor, std::span<double> x) {
  LTS_DCHECK(x.size() == factor.size);
  for (std::size_t i = x.size(); i-- > 0;) {
    for (std::size_t k = i + 1; k < x.size(); ++k) x[i] -= factor(k, i) * x[k];
    x[i] /= factor(i, i);
  }
}

}  // namespace lts

// Summaries of samples. No allocation beyond a sorted copy. n >= 1 unless said (LTS_CHECK); NaN is
// refused by LTS_DCHECK.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lts {

double Mean(std::span<const double> x);
double StandardDeviation(std::span<const double> x);       // n - 1 in the divisor; 0 for n = 1
double CoefficientOfVariation(std::span<const double> x);  // standard deviation / |mean|
double Median(std::span<const double> x);
// Quantile q in [0, 1] by linear interpolation between order statistics (type 7, as NumPy's
// default).
double Quantile(std::span<const double> x, double q);

struct Interval {
  double low = 0;
  double high = 0;
  bool operator==(const Interval&) const = default;
};
// Distribution-free interval of the median from order statistics (binomial; Conover 1999,
// section 3.2): the narrowest symmetric pair of order statistics that covers at least `confidence`.
// With fewer than 6 samples no pair reaches 95 %: then the range [min, max] is returned, whose true
// coverage is 1 - 2^(1-n). O(n log n).
Interval MedianInterval(std::span<const double> x, double confidence = 0.95);

// Least-squares line y ~ offset + slope x; n >= 1, the slope 0 where x is constant.
struct Line {
  double offset = 0;
  double slope = 0;
};
Line FitLine(std::span<const double> x, std::span<const double> y);

// Rank correlations in [-1, 1]; n >= 2; 0 when either side is constant.
double Spearman(std::span<const double> x, std::span<const double> y);     // mid-ranks for ties
double KendallTauB(std::span<const double> x, std::span<const double> y);  // O(n^2)

}  // namespace lts

// An increasing piecewise linear function through the origin: how a device's time grows with the
// time that its rates predict. A decode step that fits a cache runs at another rate than one that
// does not.
#pragma once

#include <span>
#include <vector>

namespace lts {

class MonotoneCurve {
 public:
  MonotoneCurve() = default;  // the identity
  // Fits y ~ curve(x) to relative errors: x, y > 0; weights: 1 / variance. Slopes start from 1 and
  // stay within [0.05, 20]. Between `segments` pieces of equal width in log x; 1: a factor alone.
  MonotoneCurve(std::span<const double> x, std::span<const double> y,
                std::span<const double> weights, int segments);

  bool identity() const { return slopes_.empty(); }
  double operator()(double x) const;  // increasing; x may be negative
  double Inverse(double y) const;     // of y > 0
  // d log curve / d log x at x > 0.
  double Elasticity(double x) const;

 private:
  std::size_t SegmentOf(double x, std::span<const double> starts) const;

  std::vector<double> starts_;  // of the segments, the first 0
  std::vector<double> values_;  // of the curve there
  std::vector<double> slopes_;
};

}  // namespace lts

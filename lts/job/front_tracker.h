// A Pareto front that grows point by point, for showing how it grows. Add is O(size of the front);
// search/pareto.h, which takes all points at once, has the definitions.
#pragma once

#include <cstdint>
#include <vector>

#include "lts/search/pareto.h"

namespace lts {

class FrontTracker {
 public:
  bool Add(Point point);  // minimised; false when the front stays as it is
  const std::vector<Point>& points() const { return points_; }
  std::int64_t size() const { return std::ssize(points_); }

 private:
  std::vector<Point> points_;
};

}  // namespace lts

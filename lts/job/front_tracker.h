// A Pareto front that grows point by point, for showing its size while a search runs. Add is O(size
// of the front); search/pareto.h, which takes all points at once, has the definitions.
#pragma once

#include <cstdint>
#include <vector>

#include "lts/search/pareto.h"

namespace lts {

class FrontTracker {
 public:
  void Add(Point point);  // minimised
  std::int64_t size() const { return std::ssize(points_); }

 private:
  std::vector<Point> points_;
};

}  // namespace lts

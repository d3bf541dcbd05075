#include "lts/job/front_tracker.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lts {

bool FrontTracker::Add(Point point) {
  if (!std::all_of(point.begin(), point.end(), [](double x) { return std::isfinite(x); })) {
    return false;
  }
  for (const Point& other : points_) {
    if (other == point || Dominates(other, point)) return false;
  }
  std::erase_if(points_, [&](const Point& other) { return Dominates(point, other); });
  points_.push_back(std::move(point));
  return true;
}

}  // namespace lts

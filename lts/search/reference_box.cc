#include "lts/search/reference_box.h"

#include <algorithm>
#include <cmath>

#include "lts/base/error.h"

namespace lts {

ReferenceBox BoxOfUnion(std::span<const std::vector<Point>> fronts, double margin) {
  LTS_DCHECK(margin > 0);
  ReferenceBox box;
  for (const std::vector<Point>& front : fronts) {
    for (const Point& point : front) {
      if (!std::ranges::all_of(point, [](double value) { return std::isfinite(value); })) continue;
      if (box.ideal.empty()) box.ideal = box.reference = point;
      LTS_DCHECK(point.size() == box.ideal.size());
      for (std::size_t o = 0; o < point.size(); ++o) {
        box.ideal[o] = std::min(box.ideal[o], point[o]);
        box.reference[o] = std::max(box.reference[o], point[o]);
      }
    }
  }
  for (std::size_t o = 0; o < box.ideal.size(); ++o) {
    const double range = box.reference[o] - box.ideal[o];
    box.reference[o] += range > 0 ? margin * range : 1;
  }
  return box;
}

double HypervolumeShare(std::span<const Point> points, const ReferenceBox& box) {
  if (box.ideal.empty()) return 0;
  std::vector<Point> scaled(points.begin(), points.end());
  for (Point& point : scaled) {
    LTS_DCHECK(point.size() == box.ideal.size());
    for (std::size_t o = 0; o < point.size(); ++o) {
      // What is better than the box's ideal (a point that the box was not made of) counts as ideal.
      const double share = (point[o] - box.ideal[o]) / (box.reference[o] - box.ideal[o]);
      point[o] = std::max(share, 0.0);
    }
  }
  return Hypervolume(scaled, Point(box.ideal.size(), 1));
}

}  // namespace lts

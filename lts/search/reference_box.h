// Hypervolumes that can be compared: several runs, one box. The hypervolume of a front means
// nothing without its reference point, and objectives of different units need one scale; both come
// from the union of what is compared. All objectives are minimised here.
#pragma once

#include <span>
#include <vector>

#include "lts/search/pareto.h"

namespace lts {

struct ReferenceBox {
  Point ideal;      // the least value of each objective over all fronts
  Point reference;  // above their greatest, ideal < reference in every objective
};

// Of the members of all fronts that are finite: each objective's greatest value, moved out by
// `margin` of the range, so that the extremes of a front count for something (Ishibuchi et al.
// 2018: a tenth suits fronts of tens of points); where the range is 0, by 1. Both points are empty
// when there is no member. margin > 0 (LTS_DCHECK).
ReferenceBox BoxOfUnion(std::span<const std::vector<Point>> fronts, double margin = 0.1);

// The share of the box that `points` dominate, in [0, 1]; what lies beyond the reference adds
// nothing. 0 for an empty box. Throws kUnsupported above 3 objectives.
double HypervolumeShare(std::span<const Point> points, const ReferenceBox& box);

}  // namespace lts

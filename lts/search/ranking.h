// Orders points beyond their first front, as Deb, Pratap, Agarwal and Meyarivan 2002 ("A fast and
// elitist multiobjective genetic algorithm: NSGA-II") do: by the front that a point is on when
// those before are peeled off, and inside a front by how much room it has. All objectives are
// minimised and finite; all points of a call have the same number of them (LTS_DCHECK).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lts/search/pareto.h"

namespace lts {

// 0 for the points that none dominates, 1 for those that only these dominate, and so on. Equal
// points have equal ranks. O(n^2) comparisons and, where most pairs are comparable, as much memory.
//   NondominatedRanks({{1, 3}, {2, 4}, {3, 1}, {3, 5}}) = {0, 1, 0, 2}
std::vector<std::int64_t> NondominatedRanks(std::span<const Point> points);

// Of the points of one front: the sum over objectives of the gap between a point's two neighbours,
// as a share of the objective's range; infinite for the first and the last of any objective (of
// equal ones the earliest). An objective that is the same for all adds nothing. O(n log n).
//   CrowdingDistances({{0, 4}, {1, 2}, {4, 0}}) = {inf, 4/4 + 4/4, inf}
std::vector<double> CrowdingDistances(std::span<const Point> points);

}  // namespace lts

// Dominance and fronts. All objectives are minimised here: negate what is maximised.
// a dominates b: a <= b in every objective and a < b in at least one. Points with NaN or infinity
// are not on any front. All points of a call have the same number of objectives (LTS_DCHECK).
//   ParetoFront({{1, 3}, {2, 1}, {2, 3}, {1, 3}}) = {0, 1}
// The third point is dominated by the first, the last repeats it.
// Of measured points, whose values have intervals: near_ties.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lts {

using Point = std::vector<double>;  // one value per objective, minimised

bool Dominates(std::span<const double> a, std::span<const double> b);
// Indices of the non-dominated points, ascending; of equal points the first alone. O(n log n) up to
// 3 objectives (a sweep in lexicographic order), O(n log^(m-1) n) for m > 3 (divide and conquer).
// Sources: Kung, Luccio & Preparata 1975, "On finding the maxima of a set of vectors"; Jensen 2003,
// "Reducing the run-time complexity of multiobjective EAs".
std::vector<std::int64_t> ParetoFront(std::span<const Point> points);
// The same of points that lie one after another. values: [points, objectives]; objectives >= 1.
std::vector<std::int64_t> ParetoFront(std::span<const double> values, std::int64_t objectives);
// Volume dominated by `points` and bounded by `reference`: of the union of the boxes between each
// point and the reference. Points that are not below the reference in every objective, and those
// with NaN or infinity, are ignored. Exact for 1, 2 and 3 objectives: sweep, O(n log n).
// Throws kUnsupported above 3, kInvalidArgument when the reference is empty or not finite.
//   Hypervolume({{1, 3}, {2, 1}}, {4, 4}) = 3 * 1 + 2 * 3 - 2 * 1 (where both boxes lie) = 7
double Hypervolume(std::span<const Point> points, const Point& reference);

}  // namespace lts

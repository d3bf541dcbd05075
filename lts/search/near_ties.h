// Dominance between measured points, whose values are known up to an interval each: a point leaves
// the front only when another beats it beyond their intervals. All objectives are minimised here.
//
// a dominates b *beyond noise*: in every objective a's interval lies at or below b's (a.high <=
// b.low), and in at least one strictly (a.high < b.low). Wherever in the intervals the true values
// lie, a is then no worse in any objective and better in one. An exact objective has low = value =
// high, so it compares by value, and a tie in it decides nothing. As low <= value <= high:
// - beyond noise implies dominance by value, so no point of the plain front is ever beaten;
// - the relation is irreflexive and transitive (a.high <= b.low <= b.high <= c.low), so what is
//   beaten is beaten by a point that nobody beats. It is no total order of doubt: two points
//   whose intervals overlap in one objective are not told apart, however far they are in others.
//
// A *near-tie* is dominated by value, or repeats a point of the front by value, but nobody
// dominates it beyond noise: these measurements cannot rule out that it belongs to the front.
// Points equal in every objective with all of them exact are no near-ties; the front has the first
// of them.
//   latency: a 10 [9, 11], b 11 [10, 12], c 13 [12, 14], parameters (exact) equal:
//   a is the front, b a near-tie of a, c beaten by a (11 < 12).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lts/search/pareto.h"

namespace lts {

// low <= value <= high in every objective (LTS_DCHECK); equal for exact quantities.
struct UncertainPoint {
  Point value;
  Point low;
  Point high;
};

bool DominatesBeyondNoise(const UncertainPoint& a, const UncertainPoint& b);

// Indices of the near-ties among `points`, ascending: none of them is in ParetoFront(values).
// Points with anything that is not finite are left out. All points have the same number of
// objectives (LTS_DCHECK). O(n log n + n (f + t)) for a front of f and t near-ties.
std::vector<std::int64_t> NearTies(std::span<const UncertainPoint> points);

}  // namespace lts

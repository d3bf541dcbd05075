// Which measured architectures would stand for all others: covers of points at a gap.
//
// The gap of a point x to another one m is the factor less one by which m has to improve to be as
// good as x in every objective (the multiplicative epsilon indicator, Zitzler et al. 2003); all
// objectives are minimised here, maximised ones negative on both sides.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lts/search/pareto.h"

namespace lts {

// 0 where m is as good; infinite where no factor leads from m to x (a sign changes, or a zero).
double Gap(const Point& m, const Point& x);

// Of `candidates`, in the order in which greedy cover takes them (Chvatal 1979), those whose gaps
// to the points are at most `target`, until all points are covered that are not so from the start.
// gaps: [candidates, points]; covered_by_now: [points], the gap that each has already. Stops, with
// points left open, after most + 1 candidates or when none covers another point.
// O(candidates points taken).
std::vector<std::size_t> GreedyCover(std::span<const double> gaps,
                                     std::span<const double> covered_by_now, double target,
                                     std::size_t most);

}  // namespace lts

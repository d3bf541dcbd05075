// Random search without repetition, "random": the baseline that every other algorithm has to beat.
// Spaces of at most 20,000 points are enumerated and shuffled: each satisfying point is equally
// likely and the search ends, "space exhausted", when all are evaluated. Larger ones are drawn gene
// by gene (SearchSpace::Sample).
//
// Parameters (default, range):
//   num_iters              0     0..10^9  iterations; 0: until the budget ends
//   samples_per_iteration  10    1..10^5  candidates that are evaluated together
#pragma once

#include "lts/search/search.h"

namespace lts {

extern const SearchAlgorithm kRandomSearch;

}  // namespace lts

// The evolutionary search of the LTS paper (Javaheripi et al., NeurIPS 2022, arXiv:2203.02094) and
// its code, "lts-evolution". Parents are drawn from the front with replacement; a member that was
// in few populations is likelier:
//
//   population <- population_size draws
//   repeat: evaluate what is new; front <- non-dominated of everything so far
//           parents <- parent_size of the front, each member with weight 1 / (1 + c)
//           population <- parents + mutation_size mutants of a random parent
//                                 + crossover_size crossovers of two
//
// where c = (count - min) / (max - min) over the front, or 0 when all counts are equal, and count
// is the number of populations that the member was in. With counts 1, 1 and 3 the weights are 1, 1
// and 1/2: the third is drawn in a fifth of the cases.
//
// Parameters (default, range):
//   num_iters        0      0..10^9   generations; 0: until the budget ends (paper: 30)
//   population_size  100    1..10^5   of the first generation
//   parent_size      20     1..10^5
//   mutation_size    40     0..10^5   at least one of mutation_size and crossover_size is above 0
//   crossover_size   40     0..10^5
//   mutation_prob    0.3    0..1      of each gene
//   crossover_prob   0.5    0..1      of each gene to be the second parent's
//
// It differs from the published code:
// - The front is the Pareto front; there, a point was dropped only when another was better in every
//   objective.
// - The last generation's children join the front (there, they were measured for nothing).
// - Counted constraints are checked before anything is measured, layers that break one on
//   dimensions are redrawn, silent genes do not mutate.
// - Breeding ends after 50 tries for each child; fresh draws fill what is missing, and when there
//   are none, the search ends: "space exhausted".
//
// Cost without evaluation: O(front) for the weights and O(tries) mutations a generation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lts/search/search.h"

namespace lts {

extern const SearchAlgorithm kLtsEvolution;

namespace internal {
// The weights above; `counts` are not empty. For tests.
std::vector<double> NoveltyWeights(std::span<const std::int64_t> counts);
}  // namespace internal

}  // namespace lts

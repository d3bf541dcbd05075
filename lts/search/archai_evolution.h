// EvolutionParetoSearch of Archai 1.0 (github.com/microsoft/archai, 2023), "archai-evolution".
// Every member of the front is a parent:
//
//   population <- init_num_models draws
//   repeat: evaluate population; front <- non-dominated of everything so far
//           children <- for each member of the front, mutations_per_parent mutants
//                       + num_crossovers crossovers of two members + num_random_mix draws
//           population <- shuffle(children), at most max_unseen_population of them
//
// Parameters (default, range):
//   num_iters              0      0..10^9   iterations; 0: until the budget ends (Archai: 10)
//   init_num_models        10     1..10^5
//   num_random_mix         5      0..10^5
//   max_unseen_population  100    1..10^5
//   mutations_per_parent   1      0..1000
//   num_crossovers         5      0..10^5
//   mutation_prob          0.3    0..1      of each gene
//
// It differs from the original where that is defective or wastes evaluations:
// - An architecture has one id, so none is evaluated twice (there, bred and drawn ones differed).
// - Constraints that can be counted are checked before anything is built, let alone measured.
// - Mutants keep n_head a divisor of d_model and redraw the layers that a new d_model breaks.
// - Silent genes do not mutate.
// - Random draws are never repetitions either.
// - No population is bred after the last evaluation.
// - It goes on while there is budget. When breeding finds nothing unseen, init_num_models fresh
//   draws take its place, and when there are none of those, it ends: "space exhausted".
// - Parents are taken in the order of their evaluation, not of their objectives.
//
// Cost without evaluation: O(front) mutations of at most 20 tries each an iteration; the front
// itself see pareto.h.
#pragma once

#include "lts/search/search.h"

namespace lts {

extern const SearchAlgorithm kArchaiEvolution;

}  // namespace lts

// NSGA-II (Deb, Pratap, Agarwal, Meyarivan: "A fast and elitist multiobjective genetic algorithm:
// NSGA-II", IEEE Trans. Evol. Comput. 6(2), 2002), "nsga2". Unlike the two evolutions of the LTS
// paper and of Archai, selection also looks behind the front and keeps it spread out:
//
//   population <- population_size draws, evaluated
//   repeat: children <- population_size of: two parents, each the better of two random members;
//                       with crossover_prob a uniform crossover, else the first parent; mutated
//           evaluate children
//           population <- the best population_size of population + children
//
// Better: of lower rank (ranking.h), and of equal rank with more room around it (crowding
// distance). Constraint-dominance: whatever is infeasible ranks behind all that is feasible, and
// what failed, or has an objective that is no finite number, behind that. A Score says that a
// measured constraint is violated but not by how much, so infeasible members are not ranked among
// each other: room alone decides, which keeps them spread until one of them has a feasible child.
//
// Parameters (default, range):
//   num_iters        0    0..10^9   generations; 0: until the budget ends
//   population_size  40   2..10^4
//   crossover_prob   0.9  0..1      of a child to have two parents; each gene is then either's
//   mutated_genes    1    0..1000   expected number of genes redrawn per child, of those that the
//                                   child's layers use (the paper: 1, as the rate 1/genes)
//
// It differs from the paper:
// - Genes are choices among listed values, so crossover is uniform and mutation redraws
//   (SearchSpace::Redraw), instead of SBX and polynomial mutation of real numbers.
// - No architecture is evaluated twice: a child seen before is bred again, at most 50 times for
//   each child; fresh draws fill what is missing, and when there are none, the search ends: "space
//   exhausted".
// - The default population is smaller (paper: 100): budgets here are hundreds of evaluations.
// - The result is the front of everything evaluated, not of the last population.
//
// Cost without evaluation: O(objectives * population_size^2) a generation.
#pragma once

#include "lts/search/search.h"

namespace lts {

extern const SearchAlgorithm kNsga2;

}  // namespace lts

// Pareto local search (Paquete, Chiarandini, Stuetzle 2004: "Pareto local optimum sets in the
// biobjective traveling salesman problem"), "local-search", in the anytime form of Dubois-Lacoste,
// Lopez-Ibanez and Stuetzle 2015 ("Anytime Pareto local search", EJOR 243): neighbourhoods are
// explored in parts, least explored members first, since the search may end at any time:
//
//   archive <- non-dominated of init_size draws
//   repeat: batch <- turn_size unseen neighbours of each member of the archive, until there are
//                    batch_size: whoever had the fewest turns first, of these whoever has the
//                    most room (crowding distance, ranking.h). Each dimension's neighbours come by
//                    turns, too, in random order. A member without untried neighbours is explored.
//           evaluate batch; archive <- non-dominated of archive + batch
//           when every member is explored:
//             archive <- non-dominated of init_size mutants of members of the front of everything
//                        evaluated (kick_prob of each gene), so that other valleys are searched too
//
// Neighbours of an architecture: one gene changed to another value, at most max_step places away in
// the list of its values; a layer, or as many as n_layer has to skip, taken out anywhere or
// repeated where it stands (where layers differ), to the next smaller and the next larger n_layer's
// max_step places. Layers that a new d_model breaks are redrawn. Neighbours that violate a
// constraint are skipped. A space of L layers that differ has O(L * max_step) neighbours a member.
//
// Parameters (default, range):
//   num_iters   0    0..10^9   batches; 0: until the budget ends
//   init_size   20   1..10^5   draws at the beginning and mutants after each restart
//   batch_size  20   1..10^5   neighbours evaluated together
//   turn_size   5    1..10^5   of them, of one member in one turn
//   max_step    2    1..65536
//   kick_prob   0.3  0..1      of each gene, at a restart
//
// It differs from the papers: a batch holds neighbours of several members, as measuring interleaves
// the candidates of a batch; crowding distance stands in for the optimistic hypervolume
// contribution, for any number of objectives; when a restart finds nothing unseen within 50 tries
// each, fresh draws take its place, and when there are none, it ends: "space exhausted". Infeasible
// and failed candidates join no archive.
//
// Cost without evaluation: O(archive log archive) and O(neighbours) an iteration.
#pragma once

#include <vector>

#include "lts/base/rng.h"
#include "lts/search/search.h"

namespace lts {

extern const SearchAlgorithm kLocalSearch;

namespace internal {
// The neighbours above by the dimension that they change (layers taken out or repeated change
// n_layer), canonical, distinct, without the genome itself; those that `rng` redraws included;
// constraints on metrics not looked at. For tests.
std::vector<std::vector<Genome>> Neighbours(const SearchSpace& space, const Genome& genome,
                                            std::int64_t max_step, Rng& rng);
}  // namespace internal

}  // namespace lts

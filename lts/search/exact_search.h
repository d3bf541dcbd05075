// The exact search, "exact": measures a few dozen architectures, models what the others cost, finds
// the space's whole front by the model, and measures where the model leaves the most open, until
// the certificate says that nothing in the space is better by more than the tolerance.
//
//   evaluate initial_models of a design that tells the model most
//   repeat: fit the cost model; solve for the exact optimistic front; find its largest gap
//           (certificate.h); stop when that is at most `tolerance`
//           evaluate the batch_size architectures that close the gaps fastest
//
// When everything is counted and nothing measured, the exact front is evaluated and that is all.
//
// Parameters (default, range):
//   tolerance       0.02  0..1     of the certificate
//   initial_models  12    3..1000
//   batch_size      8     1..1000  or an eighth of what was evaluated, if that is more
//   num_iters       0     0..10^9  batches after the first; 0: until certified or out of budget
//
// Stops: "certified", "space exhausted" (nothing left to measure, also certified), "iterations", or
// as every search. Deterministic like the others; candidates depend on what was measured.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lts/search/certificate.h"
#include "lts/search/search.h"

namespace lts {

extern const SearchAlgorithm kExactSearch;

// What an exact search that has evaluated this leaves behind; options.parameters are this
// algorithm's. A front of more than kMaxExpected members is thinned evenly along its first
// objective.
inline constexpr std::size_t kMaxExpected = 1000;
struct ExactOutcome {
  Certificate certificate;
  struct Expected {
    Genome genome;
    std::vector<double> objectives;  // in the objectives' own directions
  };
  std::vector<Expected> expected;  // of the space's front by the model, as far as not evaluated
};
ExactOutcome ConcludeExactSearch(const SearchSpace& space, const SearchOptions& options,
                                 std::span<const EvaluatedCandidate> evaluated);

}  // namespace lts

// What every search algorithm shares: checked options, what has been seen, evaluation in batches,
// the budget, the front and the observer. Internal to lts/search.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lts/search/search.h"

namespace lts {

class SearchRun {
 public:
  // Throws kInvalidArgument for bad options: no or more than 8 objectives, a name that is empty or
  // given twice, a negative max_evaluations. Keeps references.
  SearchRun(const SearchSpace& space, const SearchOptions& options, Evaluator& evaluator,
            SearchObserver* observer);

  const SearchSpace& space() const { return space_; }
  const Workload& workload() const { return options_.workload; }
  bool Evaluated(const Genome& genome) const { return seen_.contains(genome); }

  // Has the batch evaluated (distinct canonical genomes that satisfy the space and are not
  // Evaluated()), as far as max_evaluations allows, updates the front and tells the observer. False
  // when the search must end: the budget or the evaluations are used up.
  bool Evaluate(const std::vector<Genome>& batch);

  std::int64_t iterations() const { return result_.iterations; }
  std::span<const EvaluatedCandidate> evaluated() const { return result_.evaluated; }
  // Indices of the non-dominated evaluated candidates, ascending.
  const std::vector<std::int64_t>& front() const { return result_.front; }
  const Genome& GenomeAt(std::int64_t index) const {
    return result_.evaluated[static_cast<std::size_t>(index)].candidate.genome;
  }

  const Score& ScoreAt(std::int64_t index) const {
    return result_.evaluated[static_cast<std::size_t>(index)].score;
  }
  // Its objectives, minimised; empty when it failed.
  Point PointAt(std::int64_t index) const;

  // The result; `stopped` says why unless Evaluate() has already ended the search.
  SearchResult Finish(std::string_view stopped);

 private:
  void UpdateFront(std::size_t first_new);

  const SearchSpace& space_;
  const SearchOptions& options_;
  Evaluator& evaluator_;
  SearchObserver* observer_;
  SearchResult result_;
  std::set<Genome> seen_;
};

}  // namespace lts

// Search algorithms: one interface, no knowledge of stores, files, screens or of how a candidate is
// measured. Deterministic: the same space, options, seed and evaluations give the same sequence of
// candidates, so a run is resumed by running it again with an Evaluator that answers from a store.
// A larger max_evaluations continues the sequence. No architecture is evaluated twice. Candidates
// come in batches: one population for each call of the evaluator. All algorithms throw
// kInvalidArgument or kNotFound for bad options before anything is evaluated.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/json.h"
#include "lts/base/stats.h"
#include "lts/record/measurement.h"
#include "lts/search/pareto.h"
#include "lts/space/search_space.h"

namespace lts {

struct ObjectiveSpec {
  std::string name;
  Direction direction = Direction::kMinimize;
};

struct Candidate {
  std::string id;  // Architecture::Id()
  Genome genome;   // canonical
  Architecture architecture;
};

// What an evaluator answers for one candidate. Infeasible: measured, but it violates a measured
// constraint ("latency_ms < 50") or failed; it counts against the budget and joins no front.
struct Score {
  std::vector<double> objectives;  // as the specs: their order and direction; empty when failed
  bool feasible = true;
  // What each objective is known to: its 95 % interval, which holds its value; a single value where
  // it is exact. As many as objectives, or none: all are exact.
  std::vector<Interval> intervals;
  std::vector<Measurement> measurements;  // all that is known of it, for algorithms that model it
};

// Says what candidates cost. May take long; measures the whole batch together (interleaved).
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  // One Score per candidate, or fewer: a shorter answer means that the budget ended after those
  // candidates.
  virtual std::vector<Score> Evaluate(std::span<const Candidate> candidates) = 0;
};

struct EvaluatedCandidate {
  Candidate candidate;
  Score score;
  std::int64_t iteration = 0;  // of the batch that it was in; the first population is iteration 0
};

// Told of progress after every batch that brought at least one score, iteration 0 being the first;
// called on the searching thread. The spans are valid during the call only.
class SearchObserver {
 public:
  virtual ~SearchObserver() = default;
  virtual void OnIteration(std::int64_t iteration, std::span<const EvaluatedCandidate> all,
                           std::span<const std::int64_t> front) = 0;
};

struct SearchOptions {
  std::vector<ObjectiveSpec> objectives;  // 1..8, unique names
  std::uint64_t seed = 1;
  std::int64_t max_evaluations = 0;  // 0: until the evaluator's budget or the space is exhausted
  Workload workload;                 // for constraints such as flops
  RuntimeConfig config;              // for counted objectives such as weights_mib
  // Constraints on measured metrics. The evaluator judges them (Score::feasible); an algorithm that
  // predicts measurements may look at them.
  std::vector<std::string> measured_constraints;
  Json parameters = Json::MakeObject();  // of the algorithm; unknown keys are errors
  int threads = 1;  // >= 1, for an algorithm's own computing; no result depends on it
};

struct SearchResult {
  std::vector<EvaluatedCandidate> evaluated;  // each architecture once, in order
  std::vector<std::int64_t> front;            // indices into evaluated
  std::int64_t iterations = 0;
  // Why it ended. "budget": the evaluator answered short. "evaluations": max_evaluations reached.
  // "iterations": the algorithm's own limit. "space exhausted": a bounded number of tries found
  // nothing that was not yet evaluated; exact for spaces of at most 200,000 points, of which all
  // that satisfy the constraints have then been evaluated.
  std::string stopped;
};

struct SearchAlgorithm {
  std::string_view name;     // "archai-evolution"
  std::string_view summary;  // one line, with the paper
  SearchResult (*run)(const SearchSpace& space, const SearchOptions& options, Evaluator& evaluator,
                      SearchObserver* observer);
  Json (*default_parameters)();
  // Objectives must be metrics by name, and Score::measurements is needed for those measured.
  bool models_metrics = false;
};

// Registry: exact, lts-evolution, archai-evolution, nsga2, local-search, random.
std::span<const SearchAlgorithm* const> SearchAlgorithms();
// Throws kNotFound with a suggestion.
const SearchAlgorithm& FindSearchAlgorithm(std::string_view name);

}  // namespace lts

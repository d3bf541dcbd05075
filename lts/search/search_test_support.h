// Spaces, objectives and an evaluator for the tests of search algorithms.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "lts/arch/count.h"
#include "lts/arch/graph.h"
#include "lts/search/search.h"

namespace lts {

using ScoreFunction = std::function<Score(const Architecture&)>;

// Answers by a function, for `budget` candidates in all (0: no end), and remembers the batches.
class FunctionEvaluator final : public Evaluator {
 public:
  explicit FunctionEvaluator(ScoreFunction function, std::int64_t budget = 0)
      : function_(std::move(function)), budget_(budget) {}

  std::vector<Score> Evaluate(std::span<const Candidate> candidates) override {
    batches.push_back(std::ssize(candidates));
    std::vector<Score> scores;
    for (const Candidate& candidate : candidates) {
      if (budget_ > 0 && answered_ == budget_) break;
      ++answered_;
      scores.push_back(function_(candidate.architecture));
    }
    return scores;
  }

  std::vector<std::int64_t> batches;

 private:
  ScoreFunction function_;
  std::int64_t budget_;
  std::int64_t answered_ = 0;
};

inline double DecoderParams(const Architecture& a) {
  return static_cast<double>(CountParameters(BuildGraph(a)).decoder());
}

// More parameters are better, a made-up latency and memory are worse: deep models are slow, wide
// ones are large.
inline Score ThreeObjectives(const Architecture& a) {
  const double params = DecoderParams(a);
  double heads = 0;
  for (const LayerShape& layer : a.layers()) heads += static_cast<double>(layer.n_head);
  const double latency = params * 1e-6 + 0.3 * static_cast<double>(a.n_layer()) + 0.01 * heads;
  const double memory = params * 4e-6 + static_cast<double>(a.d_model()) * 0.05;
  return {.objectives = {params, latency, memory}};
}

inline std::vector<ObjectiveSpec> ThreeSpecs() {
  return {{"decoder_params", Direction::kMaximize}, {"latency_ms"}, {"peak_memory_mib"}};
}

inline SearchSpace TinySpace(std::vector<std::int64_t> n_layer, std::vector<std::int64_t> d_model,
                             std::vector<std::int64_t> d_inner, std::vector<std::int64_t> n_head,
                             bool per_layer = false, std::vector<std::string> constraints = {}) {
  return SearchSpace({.name = "tiny",
                      .vocab_size = 100,
                      .max_seq_len = 256,
                      .dimensions = {{"n_layer", std::move(n_layer)},
                                     {"d_model", std::move(d_model)},
                                     {"d_inner", std::move(d_inner), per_layer},
                                     {"n_head", std::move(n_head), per_layer}},
                      .constraints = std::move(constraints)});
}

// Minimised points of some evaluated candidates; those that are not feasible become empty points.
inline std::vector<Point> MinimisedPoints(const std::vector<EvaluatedCandidate>& evaluated,
                                          const std::vector<ObjectiveSpec>& specs) {
  std::vector<Point> points;
  for (const EvaluatedCandidate& e : evaluated) {
    Point& point = points.emplace_back();
    if (!e.score.feasible || e.score.objectives.empty()) continue;
    for (std::size_t o = 0; o < specs.size(); ++o) {
      point.push_back(specs[o].direction == Direction::kMaximize ? -e.score.objectives[o]
                                                                 : e.score.objectives[o]);
    }
  }
  return points;
}

inline std::vector<std::string> Ids(const SearchResult& result) {
  std::vector<std::string> ids;
  for (const EvaluatedCandidate& e : result.evaluated) ids.push_back(e.candidate.id);
  return ids;
}

}  // namespace lts

// How good a set of measured architectures is as the answer to a search: the gap to the best that
// any architecture of the space, measured or not, could still be.
//
// A cost model is fitted to what was measured. Its optimistic ends (the better end of each 95 %
// interval) give every unmeasured architecture a point that it will hardly beat. The gap of such a
// point x to the measured ones is the least factor by which some measured architecture m would have
// to improve to dominate it:
//
//   gap(x) = min over m of max over objectives j of  m_j / x_j - 1    (minimised; x_j / m_j where
//                                                                      maximised)
//
// (the multiplicative epsilon indicator, Zitzler et al. 2003). Of a law of quality that predicts a
// loss the factor is one of perplexity: exp(scale (m_j - x_j)) by Law::loss_scale (quality/law.h).
// The largest gap of all unmeasured
// architectures is `reached`: nothing in the space is better than a measured architecture by more
// than that in every objective at once, as far as the intervals hold. Spaces of up to 300,000
// points are gone through; in larger ones the exact front of the optimistic points is
// (pareto_dp.h), which holds the largest gap: a point that another one dominates has no larger gap
// than that one. There measured architectures count by their optimistic points too, so that the
// figure is never too small.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lts/base/json.h"
#include "lts/cost/cost_model.h"
#include "lts/search/search.h"

namespace lts {

struct Certificate {
  SpaceSize space;
  std::string method;       // "enumeration" or "dynamic programming"
  std::int64_t points = 0;  // gone through, or states of the solver
  std::int64_t measured = 0;
  // Members of the space's front by the model's own values; 0 until PredictedFront() is called.
  std::int64_t predicted_front = 0;
  double tolerance = 0;  // asked for
  // Infinite before there is a model.
  double reached = std::numeric_limits<double>::infinity();
  std::string worst;  // the architecture of the largest gap, Architecture::ShortName()
  struct Model {
    Metric metric;
    CostModel::Quality quality;
  };
  std::vector<Model> models;  // CrossValidate() fills them; none: everything was counted

  bool certified() const { return reached <= tolerance; }
  Json ToJson() const;  // an infinite `reached` is null
};

CostContext CostContextOf(const SearchSpace& space, const SearchOptions& options);
// The model of the metrics `predicted`, fitted to the candidates that have all of them (beyond 120,
// to the first 24 and the last 96); nullopt with fewer than three such.
std::optional<CostModel> FitCostModel(const SearchSpace& space, const SearchOptions& options,
                                      std::span<const EvaluatedCandidate> evaluated,
                                      std::span<const Metric> predicted);

class Certifier {
 public:
  // Keeps references. Throws as SeparableSpace does (separable_space.h).
  Certifier(const SearchSpace& space, const SearchOptions& options, double tolerance);
  ~Certifier();
  Certifier(const Certifier&) = delete;
  Certifier& operator=(const Certifier&) = delete;

  // Whether anything has to be measured; otherwise everything is known from the start.
  bool measures() const;
  // Fits, solves the optimistic front, and finds the gap. Seconds at most; milliseconds for small
  // spaces.
  const Certificate& Update(std::span<const EvaluatedCandidate> evaluated);
  // Fills Certificate::models: as many fits as there are observations.
  void CrossValidate();
  const Certificate& certificate() const;
  // Up to `count` architectures that were not evaluated: the first of a plan for as many more as
  // were measured so far (at least `count`), which would leave the least gap if each turned out as
  // the model expects, by greedy covers (cover.h) of the open points. The widest gap is among what
  // they cover. Empty when no gap is left.
  std::vector<Genome> Next(std::int64_t count) const;
  // The front of the whole space by the model's expected values, minimised points.
  struct Predicted {
    Genome genome;
    Point objectives;
  };
  // Solved when first asked for after an Update, which takes about as long as that. Empty without a
  // model where one is needed.
  const std::vector<Predicted>& PredictedFront();
  // The model of the last Update; nullptr while there is none.
  const CostModel* model() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lts

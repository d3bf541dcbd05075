// SearchJobOptions, checked and resolved: everything that can be wrong is found here, before a file
// is touched.
#pragma once

#include <string>
#include <vector>

#include "lts/job/search_job.h"
#include "lts/objectives/objective.h"
#include "lts/search/search.h"
#include "lts/space/constraint.h"
#include "lts/space/search_space.h"
#include "lts/store/store.h"

namespace lts {

struct SearchPlan {
  SearchSpace space;  // with the cheap constraints
  const SearchAlgorithm* algorithm = nullptr;
  SearchOptions search;
  std::vector<const Objective*> objectives;      // as search.objectives
  std::vector<Constraint> measured_constraints;  // name at least one measured metric
  std::vector<Metric> measured;  // to be measured per candidate, in the order of Metrics()
  Json options;                  // RunRecord::options
};

// Throws kInvalidArgument, kNotFound (unknown names, with a suggestion) or what loading the space
// throws.
SearchPlan PlanSearch(const SearchJobOptions& options);
// The plan of a run that a store holds, without seed and budget. `name` starts the messages. Throws
// as PlanSearch does.
SearchPlan PlanOfRun(const RunRecord& run, const std::string& name);

// Whether a candidate satisfies the measured constraints; true when there are none. `measurements`
// holds every metric that they name. Dimensions that differ per layer must satisfy a constraint in
// every layer.
bool SatisfiesMeasured(const SearchPlan& plan, const Architecture& architecture,
                       const std::vector<Measurement>& measurements);

// Throws kInvalidArgument naming the first option, or the first part of the environment, in which
// the search that `plan` describes differs from `run`. Budgets may differ: they decide when a
// search ends, not what it does.
void CheckSameSearch(const RunRecord& run, const SearchPlan& plan, const Environment& environment,
                     const std::string& file);

}  // namespace lts

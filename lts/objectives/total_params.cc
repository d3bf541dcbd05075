#include "lts/objectives/objective.h"

namespace lts {
namespace {

double CountOf(const Graph& graph, const Workload& /*workload*/, const RuntimeConfig& /*config*/) {
  return static_cast<double>(CountParameters(graph).total());
}

}  // namespace

extern const Objective kTotalParamsObjective;
constexpr Objective kTotalParamsObjective{Metric::kTotalParams,
                                          "every distinct parameter; a tied head counts once",
                                          MeasuredBy::kCounting, CountOf};

}  // namespace lts

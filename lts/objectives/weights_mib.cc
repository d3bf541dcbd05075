#include "lts/objectives/objective.h"
#include "lts/objectives/units.h"

namespace lts {
namespace {

double CountOf(const Graph& graph, const Workload& workload, const RuntimeConfig& config) {
  return ToMib(CountWorkload(graph, ShapeOf(workload), config.dtype).weight_bytes);
}

}  // namespace

extern const Objective kWeightsMibObjective;
constexpr Objective kWeightsMibObjective{Metric::kWeightsMib,
                                         "memory of the weights in the runtime's dtype",
                                         MeasuredBy::kCounting, CountOf};

}  // namespace lts

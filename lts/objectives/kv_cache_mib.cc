#include "lts/objectives/objective.h"
#include "lts/objectives/units.h"

namespace lts {
namespace {

double CountOf(const Graph& graph, const Workload& workload, const RuntimeConfig& config) {
  return ToMib(
      CountWorkload(graph, ShapeOf(workload), config.dtype, config.cache_dtype()).kv_cache_bytes);
}

}  // namespace

extern const Objective kKvCacheMibObjective;
constexpr Objective kKvCacheMibObjective{Metric::kKvCacheMib,
                                         "memory of the keys and values of a full workload",
                                         MeasuredBy::kCounting, CountOf};

}  // namespace lts

#include "lts/objectives/objective.h"
#include "lts/objectives/units.h"

namespace lts {
namespace {

double CountOf(const Graph& graph, const Workload& workload, const RuntimeConfig& config) {
  return static_cast<double>(CountWorkload(graph, ShapeOf(workload), config.dtype).total_flops);
}

}  // namespace

extern const Objective kFlopsObjective;
constexpr Objective kFlopsObjective{
    Metric::kFlops, "floating point operations of the whole workload, prefill and decoding",
    MeasuredBy::kCounting, CountOf};

}  // namespace lts

#include "lts/objectives/objective.h"
#include "lts/objectives/units.h"

namespace lts {
namespace {

double CountOf(const Graph& graph, const Workload& /*workload*/, const RuntimeConfig& /*config*/) {
  return ToMib(ArchaiMemoryBytes(graph));
}

}  // namespace

extern const Objective kArchaiMemoryMibObjective;
constexpr Objective kArchaiMemoryMibObjective{
    Metric::kArchaiMemoryMib,
    "Archai's published \"Memory (MB)\": its optimised float32 ONNX file, by formula",
    MeasuredBy::kCounting, CountOf, /*in_every_report=*/false};

}  // namespace lts

#include "lts/objectives/objective.h"

namespace lts {
namespace {

double CountOf(const Graph& graph, const Workload& /*workload*/, const RuntimeConfig& /*config*/) {
  return static_cast<double>(CountParameters(graph).decoder());
}

}  // namespace

extern const Objective kDecoderParamsObjective;
constexpr Objective kDecoderParamsObjective{
    Metric::kDecoderParams,
    "parameters of attention, feed-forward and norms: the proxy for quality (more is better)",
    MeasuredBy::kCounting, CountOf};

}  // namespace lts

#include "lts/objectives/objective.h"

namespace lts {

extern const Objective kLatencyMsObjective;
constexpr Objective kLatencyMsObjective{
    Metric::kLatencyMs, "time of the whole workload: first token, then every further one",
    MeasuredBy::kTiming};

}  // namespace lts

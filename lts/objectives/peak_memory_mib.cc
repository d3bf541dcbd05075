#include "lts/objectives/objective.h"

namespace lts {

extern const Objective kPeakMemoryMibObjective;
constexpr Objective kPeakMemoryMibObjective{
    Metric::kPeakMemoryMib, "most resident memory of a fresh process that loads and runs the model",
    MeasuredBy::kMemoryProbe};

}  // namespace lts

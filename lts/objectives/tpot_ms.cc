#include "lts/objectives/objective.h"

namespace lts {

extern const Objective kTpotMsObjective;
constexpr Objective kTpotMsObjective{Metric::kTpotMs,
                                     "time per output token after the first: mean decode step",
                                     MeasuredBy::kTiming};

}  // namespace lts

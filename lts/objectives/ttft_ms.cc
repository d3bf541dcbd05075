#include "lts/objectives/objective.h"

namespace lts {

extern const Objective kTtftMsObjective;
constexpr Objective kTtftMsObjective{Metric::kTtftMs,
                                     "time to first token: prefill of the prompt to its logits",
                                     MeasuredBy::kTiming};

}  // namespace lts

// Learning rates over the steps of a run.
//
// All begin with a linear warm-up: step i of `warm_up_steps` has (i + 1) / warm_up_steps of the
// peak, so that no step is without effect. Then
//   cosine        half a cosine from the peak to the end's rate (Loshchilov & Hutter 2017,
//                 arXiv:1608.03983, without restarts)
//   inverse_sqrt  peak * sqrt(warm_up_steps / (i + 1)) (Vaswani et al. 2017, arXiv:1706.03762)
//   constant      the peak
#pragma once

#include <cstdint>

#include "lts/base/enum_table.h"

namespace lts {

enum class ScheduleKind { kCosine, kInverseSqrt, kConstant };
inline constexpr EnumTable<ScheduleKind, 3> kScheduleKinds{
    "schedule",
    {{{ScheduleKind::kCosine, "cosine"},
      {ScheduleKind::kInverseSqrt, "inverse_sqrt"},
      {ScheduleKind::kConstant, "constant"}}}};

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::kCosine;
  double peak = 6e-4;                // (0, 100]
  double end = 0;                    // of kCosine; [0, peak]
  std::int64_t warm_up_steps = 150;  // >= 0
  std::int64_t steps = 30000;        // of the whole run; >= 1
};
// Throws kInvalidArgument with got and expected.
void CheckScheduleOptions(const ScheduleOptions& options);

// Of step `step` in [0, options.steps). The last step of kCosine still has more than `end`.
double LearningRate(const ScheduleOptions& options, std::int64_t step);

}  // namespace lts

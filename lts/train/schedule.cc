#include "lts/train/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lts/base/error.h"

namespace lts {

void CheckScheduleOptions(const ScheduleOptions& options) {
  const auto fail = [](std::string_view what, auto got, std::string_view expected) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: got {}, expected {}", what, got, expected));
  };
  if (!(options.peak > 0 && options.peak <= 100)) {
    fail("learning rate", options.peak, "a number in (0, 100]");
  }
  if (!(options.end >= 0 && options.end <= options.peak)) {
    fail("learning rate at the end", options.end, "a number in [0, learning rate]");
  }
  if (options.warm_up_steps < 0) fail("warm-up steps", options.warm_up_steps, "at least 0");
  if (options.steps < 1) fail("steps", options.steps, "at least 1");
}

double LearningRate(const ScheduleOptions& options, std::int64_t step) {
  const std::int64_t warm_up = std::min(options.warm_up_steps, options.steps);
  if (step < warm_up) {
    return options.peak * static_cast<double>(step + 1) / static_cast<double>(warm_up);
  }
  switch (options.kind) {
    case ScheduleKind::kCosine: {
      const double progress =
          static_cast<double>(step - warm_up) / static_cast<double>(options.steps - warm_up);
      return options.end +
             (options.peak - options.end) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
    }
    case ScheduleKind::kInverseSqrt:
      return options.peak * std::sqrt(static_cast<double>(std::max<std::int64_t>(warm_up, 1)) /
                                      static_cast<double>(step + 1));
    case ScheduleKind::kConstant:
      break;
  }
  return options.peak;
}

}  // namespace lts

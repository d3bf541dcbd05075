// Conversions that the counted objectives and the commands share.
#pragma once

#include <cstdint>

#include "lts/arch/count.h"
#include "lts/record/measurement.h"

namespace lts {

inline WorkloadShape ShapeOf(const Workload& workload) {
  return {workload.prompt_tokens, workload.output_tokens, workload.batch};
}
inline double ToMib(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace lts

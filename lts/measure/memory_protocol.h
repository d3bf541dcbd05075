// What the memory probe and its parent say to each other: one JSON document each way, over stdin
// and stdout.
//   request  {"architecture": {...}, "runtime": "cpu", "dtype": "f32", "threads": 2,
//             "prompt_tokens": 192, "output_tokens": 32, "batch": 1}
//            and "kv_dtype": "int8", "library": "/a/path", "provider": "name" where the user named
//            them
//   answer   {"peak_bytes": 1, "load_peak_bytes": 1, "running_peak_bytes": 1, "baseline_bytes": 1,
//             "weights_bytes": 1, "kv_cache_bytes": 1, "workspace_bytes": 1}
//   or       {"error": "out_of_memory", "message": "one line"}
// Either side may be another version of lts or no lts at all: unknown and missing fields are
// errors.
#pragma once

#include <string>
#include <string_view>

#include "lts/arch/architecture.h"
#include "lts/base/error.h"
#include "lts/measure/memory.h"
#include "lts/record/measurement.h"

namespace lts {

struct MemoryProbeRequest {
  Architecture architecture;
  RuntimeConfig config;
  Workload workload;
};

std::string WriteMemoryProbeRequest(const MemoryProbeRequest& request);
// Throws kInvalidArgument or kNotFound naming the field.
MemoryProbeRequest ParseMemoryProbeRequest(std::string_view text);

std::string WriteMemoryProbeAnswer(const MemoryProbeResult& result);
std::string WriteMemoryProbeError(const Error& error);
// Throws the child's own error when the answer holds one; kIo when it is no valid answer.
MemoryProbeResult ParseMemoryProbeAnswer(std::string_view text);

}  // namespace lts

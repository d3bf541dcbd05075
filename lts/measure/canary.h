// The canary: one fixed small model, timed among the candidates to see how fast the machine is just
// now. Its prefill is bound by arithmetic and its decode by memory bandwidth, as a candidate's are,
// so that the two kinds of drift are seen apart. It stays the same for ever: its times are compared
// between processes and days (docs/measuring.md).
#pragma once

#include <memory>
#include <string>

#include "lts/arch/architecture.h"
#include "lts/base/json.h"
#include "lts/measure/subject.h"
#include "lts/record/measurement.h"
#include "lts/runtime/runtime.h"

namespace lts {

// The canary's architecture: small, but with prefill and decode in the proportion of real
// candidates.
Architecture CanaryArchitecture();

// The canary's own workload, whatever that of the candidates is.
Workload CanaryWorkload();

// Builds, loads and prepares the canary. Takes about 100 ms and 150 MiB. Throws what Load and
// NewSession throw.
std::unique_ptr<TimedSubject> MakeCanary(Runtime& runtime);

// The canary's times on this machine at its usual speed: what factors are relative to. Both > 0.
struct CanaryReference {
  double ttft_ms = 0;
  double tpot_ms = 0;
};

// What a stored reference belongs to, besides the environment: architecture, workload and how it
// was run.
std::string CanaryKey(const RuntimeConfig& config);

// {"ttft_ms": 6.1, "tpot_ms": 3.2}
Json ToJson(const CanaryReference& reference);
// Throws kInvalidArgument (name, field, value) unless both are finite and > 0.
CanaryReference ParseCanaryReference(const Json& json, const std::string& name);

}  // namespace lts

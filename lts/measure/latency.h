// Latency as a user sees it, on a machine that is never quiet.
//
// Candidates are timed in rounds; in each round every candidate and the canary run once, in a fresh random order, so
// that slow drift hits all alike. The canary is one fixed small model; the ratio of its time now to its reference time
// is how fast the machine is now, and every sample is divided by that ratio (interpolated in time between the canary
// runs around it). Median, P95 and the 95 % interval of the median are reported; a candidate whose interval is wider
// than asked gets more rounds, up to a limit, and is then marked noisy. docs/measuring.md explains and shows figures.
// Definitions of TTFT and TPOT: efficiency_metrics.md section 1 (alpha(p) + (o - 1) beta).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lts/base/clock.h"
#include "lts/base/rng.h"
#include "lts/record/measurement.h"
#include "lts/runtime/runtime.h"

namespace lts {

// One run of the workload.
struct WorkloadTiming {
  double ttft_ms = 0;  // prefill to logits
  double tpot_ms = 0;  // mean of the decode steps; 0 when output_tokens == 1
};

// Something that can be timed: a loaded model, or a fake in tests.
class TimedSubject {
 public:
  virtual ~TimedSubject() = default;
  virtual WorkloadTiming Run(Clock& clock) = 0;
};

// A session of `model` that runs `workload` from an empty context on each Run, with fixed pseudo-random token ids.
std::unique_ptr<TimedSubject> MakeSubject(std::shared_ptr<LoadedModel> model, const Workload& workload);

struct LatencyOptions {
  int warmup_runs = 1;                  // per subject, not counted
  int min_rounds = 5;
  int max_rounds = 30;
  double max_relative_interval = 0.05;  // (high - low) / median of the total above this: more rounds, then noisy
  std::function<bool()> stop;           // asked between runs; true ends early with what there is (>= 1 round each)
};

struct CanaryReference {
  double ttft_ms = 0;
  double tpot_ms = 0;
};

struct LatencyResult {
  Measurement ttft;
  Measurement tpot;
  Measurement total;
};

struct InterleavedResult {
  std::vector<LatencyResult> results;  // per subject
  CanaryReference reference;           // the one that was used
  double drift_low = 1;                // extremes of the canary's factor over the session: 1.08 = 8 % slower than
  double drift_high = 1;               // the reference
};

// `reference` without a value: this session's median canary times become the reference.
InterleavedResult MeasureInterleaved(std::span<TimedSubject* const> subjects, TimedSubject& canary,
                                     const Workload& workload, const std::optional<CanaryReference>& reference,
                                     const LatencyOptions& options, Rng& rng, Clock& clock);

// The canary's architecture: small, but with prefill and decode in the proportion of real candidates.
Architecture CanaryArchitecture();

}  // namespace lts

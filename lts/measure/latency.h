// Latency as a user sees it, on a machine that is never quiet.
//
// Candidates are timed in rounds; in each round every candidate runs once, in a fresh random order,
// so that slow drift hits all alike. The canary runs at both ends of every round and between
// candidates, so that no sample is more than about half a second of timing away from one. The ratio
// of its time now to its reference time is how fast the machine is now (drift.h), and every sample
// is divided by that ratio: TTFT by that of the canary's TTFT, TPOT by that of its TPOT. Median,
// P95 and the 95 % interval of the median are reported; a candidate whose interval is wider than
// asked gets more rounds, up to a limit, and is then marked noisy. docs/measuring.md explains and
// shows figures. Definitions of TTFT and TPOT: efficiency_metrics.md section 1 (alpha(p) + (o - 1)
// beta).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lts/base/clock.h"
#include "lts/base/rng.h"
#include "lts/measure/canary.h"
#include "lts/measure/subject.h"
#include "lts/record/measurement.h"

namespace lts {

struct LatencyOptions {
  int warmup_runs = 1;  // per subject, not counted; >= 0
  int min_rounds = 5;   // >= 1
  int max_rounds = 30;  // >= min_rounds
  double max_relative_interval =
      0.05;  // (high - low) / median of the total above this: more rounds, then noisy; > 0
  std::function<bool()>
      stop;  // asked between runs; true ends early with what there is (>= 1 round each)
  // Told before each round: its number from 1, and how many candidates take part.
  std::function<void(int round, std::size_t candidates)> on_round;
};

// samples: corrected, in order of time. drift: the median factor that they were divided by. noisy:
// the interval is wider than asked, or `stop` ended the session before min_rounds. Every value is
// finite.
struct LatencyResult {
  Measurement ttft;
  Measurement tpot;   // value 0 and no samples when output_tokens == 1
  Measurement total;  // per sample ttft + (output_tokens - 1) * tpot
};

struct InterleavedResult {
  std::vector<LatencyResult> results;  // per subject
  CanaryReference reference;           // the one that was used
  double drift_low = 1;  // extremes of the canary's factor over the session: 1.08 = 8 % slower than
  double drift_high =
      1;  // the reference (the geometric mean of its TTFT and TPOT factors, smoothed)
};

// Given the median canary times of a session that has ended, says which reference its samples are
// corrected to: the one stored for this machine, or these, when there is none yet. A whole session
// is a better first reference than the process's first moments, in which a shared machine was seen
// to run at half its speed.
using ReferenceRule = std::function<CanaryReference(const CanaryReference& session)>;

// `reference`: called once, after the last round; empty: the session's own. Without subjects only
// the canary runs, min_rounds times at both ends of a round. Throws kInvalidArgument when an option
// or the reference is outside its range, or when the canary's times are not positive. The same rng
// and the same times give the same result.
InterleavedResult MeasureInterleaved(std::span<TimedSubject* const> subjects, TimedSubject& canary,
                                     const Workload& workload, const ReferenceRule& reference,
                                     const LatencyOptions& options, Rng& rng, Clock& clock);

}  // namespace lts

// From a front to one architecture: the best under the user's caps, checked by measuring it again
// beside its rivals.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/base/clock.h"
#include "lts/base/stats.h"
#include "lts/job/search_job.h"
#include "lts/record/measurement.h"

namespace lts {

struct PickOptions {
  std::string folder;  // of a search
  // Caps, as constraints: "latency_ms <= 20". Of metrics that the run measured or that are counted.
  std::vector<std::string> limits;
  // What decides among those that satisfy them. Empty: the run's first quality (IsQuality()), or
  // its first objective; with a baseline the first measured one that is minimised.
  std::string by;
  // Only architectures at least as good as this one in the run's first quality.
  std::optional<Architecture> baseline;
  bool heads = false;    // also the pick with every other number of heads that the space has
  bool measure = true;   // false: answer from what was measured and predicted before
  int alternatives = 4;  // 0..100
  std::uint64_t seed = 1;
  std::string probe_executable;  // measure/memory.h
  std::function<bool()> interrupted;
  std::function<void(const std::string& phase)> on_phase;
};

enum class PickRole { kPick, kAlternative, kBaseline, kHeads };

struct PickRow {
  PickRole role = PickRole::kAlternative;
  Architecture architecture;
  std::vector<Measurement> measurements;  // counted ones included
  bool within_limits = true;
  bool predicted = false;  // never measured; `source` says so in each measurement too
};

struct PickResult {
  // The pick first, where there is one, then alternatives by `by`, baseline and heads. The values
  // of rows are of one interleaved session, heads (with the pick once more) of a second one.
  std::vector<PickRow> rows;
  std::vector<PickRow> heads;  // the pick itself first; empty unless asked for
  bool found = false;
  Metric by = Metric::kDecoderParams;
  Direction direction = Direction::kMinimize;
  // Baseline / pick in `by` where both are measured: 1.8 = 1.8 times faster.
  std::optional<double> speed_up;
  Interval speed_up_interval;
  std::string note;  // why nothing was measured, or why there is no pick
};

// `meter` nullptr: the real one. Measures at most 1 + alternatives + 1 models and the heads.
// Nothing is written: the run stays what it was. Throws kInvalidArgument or kNotFound for limits
// and metrics that the run does not know, kUnsupported when its objectives cannot be modelled, what
// reading the folder throws.
PickResult PickArchitecture(const PickOptions& options, CandidateMeter* meter, Clock& clock);

}  // namespace lts

// What is timed: one run of a workload by a loaded model. Knows nothing of rounds, canaries or
// statistics.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "lts/base/clock.h"
#include "lts/record/measurement.h"
#include "lts/runtime/runtime.h"

namespace lts {

// One run of the workload. Definitions: T = ttft + (output_tokens - 1) * tpot (efficiency_metrics:
// alpha(p) and beta).
struct WorkloadTiming {
  double ttft_ms = 0;    // prefill to logits
  double tpot_ms = 0;    // mean of the decode steps; 0 when output_tokens == 1
  double decode_ms = 0;  // how long the decode steps that were timed took together
};

// Something that can be timed: a loaded model, or a fake in tests.
class TimedSubject {
 public:
  virtual ~TimedSubject() = default;
  virtual WorkloadTiming Run(Clock& clock) = 0;
};

// How a run is timed. The same quantities are estimated, whatever is chosen here.
struct SubjectOptions {
  // Every run begins with decode steps that are not timed, so that the result does not depend on
  // which other model filled the caches before it: for so long, at least one and at most 64. A
  // model that the shared cache can hold needs up to 25 steps until it is there
  // (docs/measuring.md).
  double warm_up_ms = 0;
  // Where all decode steps would take longer than this, about so many are timed as fill it, at
  // least 8, in the middle of the output: a step's time is very nearly a linear function of its
  // context, so their mean is that of all.
  double decode_ms = std::numeric_limits<double>::infinity();
};

// A model in use, all of whose decode steps are timed; and the same for comparing tens of models in
// a minute, where the largest would otherwise take most of it.
inline constexpr SubjectOptions kInUse{.warm_up_ms = 60};
inline constexpr SubjectOptions kInUseSampled{.warm_up_ms = 60, .decode_ms = 120};

// How long a run takes, for plans: of a model that needs `ttft_ms` for the prompt and `tpot_ms` for
// a decode step.
double RunMs(const SubjectOptions& options, const Workload& workload, double ttft_ms,
             double tpot_ms);

// A session of a model that runs a workload from an empty context on each Run, with fixed
// pseudo-random token ids (the same for every model of equal vocabulary). What is timed allocates
// nothing.
class ModelSubject final : public TimedSubject {
 public:
  // Throws kInvalidArgument when a count of the workload is < 1 or its context exceeds the model's
  // max_seq_len, kOutOfMemory when the session does not fit.
  ModelSubject(std::shared_ptr<LoadedModel> model, const Workload& workload,
               const SubjectOptions& options = {});

  WorkloadTiming Run(Clock& clock) override;
  MemoryAccount memory() const { return session_->memory(); }  // the engine's own account
  // Of the last step run: [batch, V].
  std::span<const float> logits() const { return logits_; }

 private:
  double WarmUp(Clock& clock);  // the time of its last step, in ms
  void Decode(std::int64_t step);
  void Extend(std::int64_t tokens);

  std::shared_ptr<LoadedModel> model_;
  Workload workload_;
  SubjectOptions options_;
  std::unique_ptr<Session> session_;
  std::vector<std::int32_t> prompt_;   // [batch, prompt_tokens]
  std::vector<std::int32_t> outputs_;  // [max(output_tokens - 1, 1), batch]
  std::vector<std::int32_t> skipped_;  // [batch, most in a step]: in place of outputs not timed
  std::vector<float> logits_;          // [batch, V]
};

std::unique_ptr<TimedSubject> MakeSubject(std::shared_ptr<LoadedModel> model,
                                          const Workload& workload,
                                          const SubjectOptions& options = {});

}  // namespace lts

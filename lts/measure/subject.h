// What is timed: one run of a workload by a loaded model. Knows nothing of rounds, canaries or
// statistics.
#pragma once

#include <cstdint>
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
  double ttft_ms = 0;  // prefill to logits
  double tpot_ms = 0;  // mean of the decode steps; 0 when output_tokens == 1
};

// Something that can be timed: a loaded model, or a fake in tests.
class TimedSubject {
 public:
  virtual ~TimedSubject() = default;
  virtual WorkloadTiming Run(Clock& clock) = 0;
};

// A session of a model that runs a workload from an empty context on each Run, with fixed
// pseudo-random token ids (the same for every model of equal vocabulary). Every Run begins with one
// decode step that is not timed, so that the result does not depend on which other model filled the
// caches before it. Run allocates nothing.
class ModelSubject final : public TimedSubject {
 public:
  // Throws kInvalidArgument when a count of the workload is < 1 or its context exceeds the model's
  // max_seq_len, kOutOfMemory when the session does not fit.
  ModelSubject(std::shared_ptr<LoadedModel> model, const Workload& workload);

  WorkloadTiming Run(Clock& clock) override;
  MemoryAccount memory() const { return session_->memory(); }  // the engine's own account
  // Of the last step run: [batch, V].
  std::span<const float> logits() const { return logits_; }

 private:
  void Decode(std::int64_t step);

  std::shared_ptr<LoadedModel> model_;
  Workload workload_;
  std::unique_ptr<Session> session_;
  std::vector<std::int32_t> prompt_;   // [batch, prompt_tokens]
  std::vector<std::int32_t> outputs_;  // [max(output_tokens - 1, 1), batch]
  std::vector<float> logits_;          // [batch, V]
};

std::unique_ptr<TimedSubject> MakeSubject(std::shared_ptr<LoadedModel> model,
                                          const Workload& workload);

}  // namespace lts

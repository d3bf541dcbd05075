// A training run on the terminal: a line for each step, evaluation and checkpoint.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

#include "lts/train/train.h"

namespace lts::cli {

struct TrainingProgressOptions {
  std::int64_t steps = 1;        // of the run
  std::int64_t step_tokens = 1;  // of a step
  double step_flops = 0;         // of a step, forward and backward
  double peak_flops_per_s = 0;   // of the machine; 0: unknown, and not said
  double bytes_per_token = 0;    // of the data; 0: bits per byte are not said
  std::int64_t line_every = 1;   // steps; 0: no lines for steps
  bool quiet = false;            // nothing at all
};

class TrainingProgress final : public TrainObserver {
 public:
  // on_best: called with each evaluation that is the best so far.
  TrainingProgress(const TrainingProgressOptions& options, std::ostream& err,
                   std::function<void()> on_best);
  void OnStep(const StepRecord& record) override;
  void OnEvaluation(const EvaluationRecord& record) override;
  void OnCheckpoint(std::int64_t step) override;

  double mean_step_seconds() const { return mean_seconds_; }  // of the latest steps

 private:
  TrainingProgressOptions options_;
  std::ostream& err_;
  std::function<void()> on_best_;
  double mean_seconds_ = 0;
};

// "step 12/976  loss 6.012  lr 1.5e-04  |g| 0.83  341 ms  6,006 tokens/s  23 % of peak  5 min 29 s
// left"
std::string StepLine(const StepRecord& record, const TrainingProgressOptions& options,
                     double seconds_left);

// Bits that a loss of `nats` a token costs for each byte of text; bytes_per_token > 0.
double BitsPerByte(double nats, double bytes_per_token);

}  // namespace lts::cli

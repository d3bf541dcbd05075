// The loop that trains a decoder on a data set: batches, learning rates, evaluation, log and
// checkpoints. Knows no engine (learner.h) and no screen (TrainObserver).
//
// A run is a function of its options, its data and its first weights: every draw follows from the
// seed and the step. A run that was stopped or killed and goes on from its checkpoint ends with the
// bits of one that was not, where its learner gives the same bits for the same calls.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "lts/base/clock.h"
#include "lts/base/json.h"
#include "lts/data/token_dataset.h"
#include "lts/train/checkpoint.h"
#include "lts/train/learner.h"
#include "lts/train/log.h"
#include "lts/train/schedule.h"

namespace lts {

// The defaults are the published recipe's: lr 6e-4, 150 steps of warm-up, 30,000 of 64 x 1,024.
struct TrainOptions {
  ScheduleOptions schedule;      // schedule.steps is the run's length
  std::int64_t batch = 64;       // sequences of a step; >= 1
  std::int64_t micro_batch = 0;  // sequences of one pass, a divisor of batch; 0: MicroBatch()
  std::int64_t sequence_length = 1024;  // tokens, 1..graph.max_seq_len
  std::uint64_t seed = 1;
  std::int64_t evaluate_every = 0;           // steps; always after the last one, too. 0: only then
  std::int64_t evaluation_tokens = 1 << 16;  // of the validation split, at most; >= 1
  std::int64_t checkpoint_every = 0;         // steps; 0: not by steps
  double checkpoint_seconds = 600;           // and when so much time has passed; 0: not by time

  std::int64_t step_tokens() const { return batch * sequence_length; }
};
// Throws kInvalidArgument with got and expected.
void CheckTrainOptions(const TrainOptions& options, const Graph& graph);

// Of a run of about `tokens` tokens: the recipe's batch where there are steps enough, smaller
// batches and less warm-up where there are not. `sequence_length` is at most the graph's.
//   batch: at most 1/1,000 of the tokens, within [2,048, 65,536] tokens; warm-up: at most a tenth.
TrainOptions ScaledRecipe(std::int64_t tokens, std::int64_t max_seq_len);

// The sequences of a pass where none are given: the largest divisor of `batch` with at most 4,096
// tokens. Fewer would starve the products, more only take memory.
std::int64_t MicroBatch(std::int64_t batch, std::int64_t sequence_length);

// What must be the same for a run to go on: written to checkpoints, compared on resuming. Threads
// and dtype's hardware are not in it, so a run may move; its bits then change.
Json DescribeRun(const Architecture& architecture, const LearnerOptions& learner,
                 const TrainOptions& options, const TokenDataset& data);
// Throws kInvalidArgument naming the first member that differs, `folder` being where `was` lies.
void CheckSameRun(const Json& was, const Json& is, const std::string& folder);

class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void OnStep(const StepRecord& record) = 0;
  // When record.best, the learner's weights are the best so far.
  virtual void OnEvaluation(const EvaluationRecord& record) = 0;
  virtual void OnCheckpoint(std::int64_t step) = 0;  // one is on disk
};

struct TrainResult {
  bool finished = false;  // false: stopped, and a checkpoint is on disk
  TrainingState state;
  std::optional<double> validation_loss;  // of the last evaluation of this sitting
};

// Trains `learner` from `start` (steps that are done; the learner must be restored to it) to
// options.schedule.steps, with checkpoints in `folder`. After each step `stop` is asked; true saves
// and returns. The last step saves, too. Throws kInvalidArgument as CheckTrainOptions and
// BatchReader, and when a loss or gradient is not finite: the message names step, batch and last
// checkpoint, and nothing is saved. Throws kIo; earlier checkpoints stay.
TrainResult Train(Learner& learner, const TokenDataset& data, const TrainOptions& options,
                  TrainingState start, const std::string& folder, TrainingLog& log,
                  TrainObserver& observer, Clock& clock, const std::function<bool()>& stop);

// The mean cross-entropy of windows spread evenly over a split, at most `tokens` in all. nullopt:
// the split has fewer than 2 tokens. Splits shorter than a window are read as one.
std::optional<double> Evaluate(Learner& learner, const TokenDataset& data, Split split,
                               std::int64_t sequence_length, std::int64_t tokens);

// A model of the learner's weights.
Model ModelOf(const Learner& learner, const Architecture& architecture);

}  // namespace lts

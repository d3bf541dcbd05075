#include "lts/train/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/train/batches.h"

namespace lts {
namespace {

// Tokens of one pass, see MicroBatch().
constexpr std::int64_t kPassTokens = 4096;

constexpr std::int64_t kLeastStepTokens = 2048;
constexpr std::int64_t kMostStepTokens = 64 * 1024;
constexpr std::int64_t kStepsWorthABatch = 1000;

double Seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }

// Of dropout in one pass.
std::uint64_t PassSeed(std::uint64_t seed, std::int64_t step, std::int64_t first) {
  // Batches draw from Split(epoch) of the same seed: a stream of its own keeps them apart.
  constexpr std::uint64_t kDropoutStream = 0xD509;
  return Rng(seed ^ kDropoutStream)
      .Split(static_cast<std::uint64_t>(step))
      .Split(static_cast<std::uint64_t>(first))
      .Next();
}

class Run {
 public:
  Run(Learner& learner, const TokenDataset& data, const TrainOptions& options, TrainingState state,
      const std::string& folder, TrainingLog& log, TrainObserver& observer, Clock& clock)
      : learner_(learner),
        data_(data),
        options_(options),
        batches_(data, options.sequence_length, options.batch, options.seed),
        folder_(folder),
        log_(log),
        observer_(observer),
        clock_(clock),
        last_save_ns_(clock.NowNs()) {
    result_.state = std::move(state);
    if (result_.state.step > 0) saved_step_ = result_.state.step;
  }

  TrainResult Go(const std::function<bool()>& stop) {
    const std::int64_t steps = options_.schedule.steps;
    while (result_.state.step < steps) {
      Step();
      const std::int64_t done = result_.state.step;
      if (done == steps || Every(options_.evaluate_every)) EvaluateNow();
      const bool stopped = stop();
      if (done == steps || stopped || CheckpointDue()) Save();
      if (stopped && done < steps) return result_;
    }
    result_.finished = true;
    return result_;
  }

 private:
  bool Every(std::int64_t steps) const { return steps > 0 && result_.state.step % steps == 0; }

  bool CheckpointDue() const {
    if (Every(options_.checkpoint_every)) return true;
    return options_.checkpoint_seconds > 0 &&
           Seconds(clock_.NowNs() - last_save_ns_) >= options_.checkpoint_seconds;
  }

  void Step() {
    const std::int64_t start_ns = clock_.NowNs();
    const std::int64_t step = result_.state.step;
    const std::int64_t micro = options_.micro_batch > 0
                                   ? options_.micro_batch
                                   : MicroBatch(options_.batch, options_.sequence_length);
    const double weight = static_cast<double>(micro) / static_cast<double>(options_.batch);
    tokens_.resize(static_cast<std::size_t>(micro * (options_.sequence_length + 1)));
    StepRecord record{.step = step + 1, .learning_rate = LearningRate(options_.schedule, step)};
    for (std::int64_t first = 0; first < options_.batch; first += micro) {
      batches_.Read(step, first, micro, tokens_);
      const double loss =
          learner_.Accumulate(tokens_, micro, weight, PassSeed(options_.seed, step, first));
      if (!std::isfinite(loss)) FailNotFinite("loss", loss, first, micro);
      record.loss += weight * loss;
    }
    record.gradient_norm = learner_.Update(record.learning_rate, step + 1);
    if (!std::isfinite(record.gradient_norm)) {
      FailNotFinite("length of the gradients", record.gradient_norm, 0, options_.batch);
    }
    record.tokens = (step + 1) * options_.step_tokens();
    record.seconds = Seconds(clock_.NowNs() - start_ns);
    result_.state.step = step + 1;
    result_.state.seconds += record.seconds;
    log_.Append(ToJson(record));
    observer_.OnStep(record);
  }

  void EvaluateNow() {
    result_.validation_loss = Evaluate(learner_, data_, Split::kValidation,
                                       options_.sequence_length, options_.evaluation_tokens);
    if (!result_.validation_loss) return;
    EvaluationRecord record{.step = result_.state.step, .loss = *result_.validation_loss};
    if (!std::isfinite(record.loss)) FailNotFinite("validation loss", record.loss, 0, 0);
    record.best = !result_.state.best_loss || record.loss < *result_.state.best_loss;
    if (record.best) {
      result_.state.best_loss = record.loss;
      result_.state.best_step = record.step;
    }
    log_.Append(ToJson(record));
    observer_.OnEvaluation(record);
  }

  void Save() {
    SaveTrainingState(folder_, result_.state, learner_);
    saved_step_ = result_.state.step;
    last_save_ns_ = clock_.NowNs();
    observer_.OnCheckpoint(*saved_step_);
  }

  [[noreturn]] void FailNotFinite(std::string_view what, double value, std::int64_t first,
                                  std::int64_t count) {
    const std::int64_t step = result_.state.step;
    std::string offsets;
    constexpr std::int64_t kMostShown = 4;
    for (std::int64_t i = first; i < first + std::min(count, kMostShown); ++i) {
      offsets += fmt::format("{}{}", i == first ? "" : ", ", batches_.Offset(step, i));
    }
    if (count > kMostShown) offsets += ", ...";
    if (count > 0) {
      offsets = fmt::format(" of the sequences at tokens {} of {}", offsets,
                            data_.manifest()[Split::kTrain].file);
    }
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("step {}: the {}{} is {}; {}; try a lower learning rate", step + 1,
                            what, offsets, value,
                            saved_step_ ? fmt::format("the last checkpoint, of step {}, is in {}",
                                                      *saved_step_, folder_)
                                        : std::string("there is no checkpoint yet")));
  }

  Learner& learner_;
  const TokenDataset& data_;
  const TrainOptions& options_;
  BatchReader batches_;
  const std::string& folder_;
  TrainingLog& log_;
  TrainObserver& observer_;
  Clock& clock_;
  std::int64_t last_save_ns_;
  std::optional<std::int64_t> saved_step_;  // of the checkpoint on disk
  std::vector<std::int32_t> tokens_;        // of a pass
  TrainResult result_;
};

}  // namespace

void CheckTrainOptions(const TrainOptions& options, const Graph& graph) {
  const auto check = [](bool ok, std::string_view what, auto got, const std::string& expected) {
    if (ok) return;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: got {}, expected {}", what, got, expected));
  };
  CheckScheduleOptions(options.schedule);
  check(options.batch >= 1 && options.batch <= 1 << 20, "batch", options.batch,
        "an integer in [1, 1048576]");
  check(options.micro_batch >= 0 &&
            (options.micro_batch == 0 || options.batch % options.micro_batch == 0),
        "micro-batch", options.micro_batch,
        fmt::format("a divisor of the batch of {}", options.batch));
  check(options.sequence_length >= 1 && options.sequence_length <= graph.max_seq_len,
        "sequence length", options.sequence_length,
        fmt::format("an integer in [1, {}], the architecture's longest", graph.max_seq_len));
  check(options.evaluate_every >= 0, "steps between evaluations", options.evaluate_every,
        "at least 0");
  check(options.evaluation_tokens >= 1, "evaluation tokens", options.evaluation_tokens,
        "at least 1");
  check(options.checkpoint_every >= 0, "steps between checkpoints", options.checkpoint_every,
        "at least 0");
  check(options.checkpoint_seconds >= 0, "seconds between checkpoints", options.checkpoint_seconds,
        "at least 0");
}

TrainOptions ScaledRecipe(std::int64_t tokens, std::int64_t max_seq_len) {
  TrainOptions options;
  std::int64_t step_tokens = kLeastStepTokens;
  while (step_tokens < kMostStepTokens && tokens / (2 * step_tokens) >= kStepsWorthABatch) {
    step_tokens *= 2;
  }
  // At least eight sequences, so that a batch is of several documents.
  options.sequence_length = std::min({options.sequence_length, max_seq_len, step_tokens / 8});
  options.batch = std::max<std::int64_t>(1, step_tokens / options.sequence_length);
  options.schedule.steps =
      std::max<std::int64_t>(1, (tokens + options.step_tokens() - 1) / options.step_tokens());
  options.schedule.warm_up_steps =
      std::min(options.schedule.warm_up_steps, options.schedule.steps / 10);
  return options;
}

std::int64_t MicroBatch(std::int64_t batch, std::int64_t sequence_length) {
  std::int64_t best = 1;
  for (std::int64_t divisor = 1; divisor <= batch; ++divisor) {
    if (batch % divisor == 0 && divisor * sequence_length <= kPassTokens) best = divisor;
  }
  return best;
}

Json DescribeRun(const Architecture& architecture, const LearnerOptions& learner,
                 const TrainOptions& options, const TokenDataset& data) {
  const ScheduleOptions& schedule = options.schedule;
  const OptimizerOptions& optimizer = learner.optimizer;
  Json run = Json::MakeObject();
  run["architecture"] = architecture.ToDocument();
  run["data_sha1"] = data.manifest()[Split::kTrain].sha1;
  run["dtype"] = kDTypes.Name(learner.dtype);
  run["steps"] = schedule.steps;
  run["batch"] = options.batch;
  run["micro_batch"] = options.micro_batch > 0 ? options.micro_batch
                                               : MicroBatch(options.batch, options.sequence_length);
  run["sequence_length"] = options.sequence_length;
  run["seed"] = std::to_string(options.seed);  // 64 bits: more than a JSON number holds everywhere
  run["schedule"] = kScheduleKinds.Name(schedule.kind);
  run["learning_rate"] = schedule.peak;
  run["end_learning_rate"] = schedule.end;
  run["warm_up_steps"] = schedule.warm_up_steps;
  run["optimizer"] = kOptimizerKinds.Name(optimizer.kind);
  run["beta1"] = optimizer.beta1;
  run["beta2"] = optimizer.beta2;
  run["epsilon"] = optimizer.epsilon;
  run["weight_decay"] = optimizer.weight_decay;
  run["clip_norm"] = optimizer.clip_norm;
  run["dropout"] = learner.dropout;
  run["attention_dropout"] = learner.attention_dropout;
  return run;
}

void CheckSameRun(const Json& was, const Json& is, const std::string& folder) {
  const auto text = [](const Json* value) {
    return value == nullptr ? std::string("nothing") : WriteJson(*value, JsonStyle::kCompact);
  };
  for (const auto& [key, value] : is.AsObject()) {
    const Json* before = was.Find(key);
    // Read again, whole numbers are integers: compared as text, which is what was stored.
    if (before != nullptr && text(before) == text(&value)) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the run there has {} {}, but {} is asked for; resume it with its "
                            "own options, or train into another folder",
                            folder, key, text(before), text(&value)));
  }
}

TrainResult Train(Learner& learner, const TokenDataset& data, const TrainOptions& options,
                  TrainingState start, const std::string& folder, TrainingLog& log,
                  TrainObserver& observer, Clock& clock, const std::function<bool()>& stop) {
  CheckTrainOptions(options, learner.graph());
  return Run(learner, data, options, std::move(start), folder, log, observer, clock).Go(stop);
}

std::optional<double> Evaluate(Learner& learner, const TokenDataset& data, Split split,
                               std::int64_t sequence_length, std::int64_t tokens) {
  const std::int64_t available = data.tokens(split) - 1;  // that have one before them
  if (available < 1) return std::nullopt;
  const std::int64_t length = std::min(sequence_length, available);
  const std::int64_t all = available / length;
  const std::int64_t windows = std::clamp<std::int64_t>(tokens / length, 1, all);
  const std::int64_t pass = std::clamp<std::int64_t>(kPassTokens / length, 1, windows);
  const auto width = static_cast<std::size_t>(length + 1);
  std::vector<std::int32_t> values;
  double sum = 0;
  for (std::int64_t first = 0; first < windows; first += pass) {
    const std::int64_t count = std::min(pass, windows - first);
    values.resize(static_cast<std::size_t>(count) * width);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t window = (first + i) * all / windows;
      data.Read(split, window * length,
                std::span(values).subspan(static_cast<std::size_t>(i) * width, width));
    }
    sum += static_cast<double>(count) * learner.Loss(values, count);
  }
  return sum / static_cast<double>(windows);
}

Model ModelOf(const Learner& learner, const Architecture& architecture) {
  Model model(architecture);
  for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
    const auto id = static_cast<TensorId>(i);
    learner.Read(LearnerPart::kWeight, id, model.mutable_tensor(id));
  }
  return model;
}

}  // namespace lts

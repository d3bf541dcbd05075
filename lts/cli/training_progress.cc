#include "lts/cli/training_progress.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <ostream>
#include <utility>

#include "lts/cli/terminal.h"

namespace lts::cli {
namespace {

// How much of a new step's time goes into the mean that the time left is told from: about the last
// twenty steps count.
constexpr double kNewShare = 0.05;

}  // namespace

double BitsPerByte(double nats, double bytes_per_token) {
  return nats / std::numbers::ln2 / bytes_per_token;
}

std::string StepLine(const StepRecord& record, const TrainingProgressOptions& options,
                     double seconds_left) {
  const double rate =
      record.seconds > 0 ? static_cast<double>(options.step_tokens) / record.seconds : 0;
  std::string line =
      fmt::format("step {}/{}  loss {:.3f}  lr {:.1e}  |g| {:.2f}  {:.0f} ms  {:.0f} tokens/s",
                  record.step, options.steps, record.loss, record.learning_rate,
                  record.gradient_norm, 1e3 * record.seconds, rate);
  if (options.peak_flops_per_s > 0 && record.seconds > 0) {
    line += fmt::format("  {:.0f} % of peak",
                        100 * options.step_flops / record.seconds / options.peak_flops_per_s);
  }
  if (record.step < options.steps) line += "  " + HumanSeconds(seconds_left) + " left";
  return line;
}

TrainingProgress::TrainingProgress(const TrainingProgressOptions& options, std::ostream& err,
                                   std::function<void()> on_best)
    : options_(options), err_(err), on_best_(std::move(on_best)) {}

void TrainingProgress::OnStep(const StepRecord& record) {
  mean_seconds_ = mean_seconds_ == 0 ? record.seconds
                                     : (1 - kNewShare) * mean_seconds_ + kNewShare * record.seconds;
  if (options_.quiet || options_.line_every == 0) return;
  if (record.step % options_.line_every != 0 && record.step != options_.steps) return;
  const double left = mean_seconds_ * static_cast<double>(options_.steps - record.step);
  err_ << StepLine(record, options_, left) << '\n' << std::flush;
}

void TrainingProgress::OnEvaluation(const EvaluationRecord& record) {
  if (record.best) on_best_();
  if (options_.quiet) return;
  err_ << fmt::format("step {}/{}  validation loss {:.4f}  perplexity {:.2f}", record.step,
                      options_.steps, record.loss, std::exp(record.loss));
  if (options_.bytes_per_token > 0) {
    err_ << fmt::format("  {:.3f} bits/byte", BitsPerByte(record.loss, options_.bytes_per_token));
  }
  err_ << (record.best ? "  best\n" : "\n") << std::flush;
}

void TrainingProgress::OnCheckpoint(std::int64_t step) {
  if (options_.quiet) return;
  err_ << fmt::format("step {}/{}  checkpoint\n", step, options_.steps) << std::flush;
}

}  // namespace lts::cli

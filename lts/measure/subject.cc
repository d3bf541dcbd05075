#include "lts/measure/subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "lts/base/checked.h"
#include "lts/base/error.h"
#include "lts/base/rng.h"

namespace lts {
namespace {

// The same tokens in every process: a different prompt would touch other rows of the embedding.
constexpr std::uint64_t kTokenSeed = 0x746f6b656e73;

constexpr std::int64_t kMaxWarmUpSteps = 64;
constexpr std::int64_t kLeastTimedSteps = 8;
// Of a step that only extends the context: enough to be quick, not so many that they need more
// memory than the prompt's.
constexpr std::int64_t kMaxSkippedAtOnce = 64;

double Milliseconds(std::int64_t from_ns, std::int64_t to_ns) {
  return static_cast<double>(to_ns - from_ns) * 1e-6;
}

void CheckWorkload(const Workload& workload, const Graph& graph) {
  const std::pair<const char*, std::int64_t> counts[] = {{"prompt_tokens", workload.prompt_tokens},
                                                         {"output_tokens", workload.output_tokens},
                                                         {"batch", workload.batch}};
  for (const auto& [name, count] : counts) {
    if (count < 1) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("workload: {}: got {}, expected at least 1", name, count));
    }
  }
  const std::int64_t context = CheckedAdd(workload.prompt_tokens, workload.output_tokens) - 1;
  if (context > graph.max_seq_len) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("workload: {} prompt + {} output tokens need a context of {}, but the "
                    "model's max_seq_len is {}",
                    workload.prompt_tokens, workload.output_tokens, context, graph.max_seq_len));
  }
}

std::vector<std::int32_t> RandomTokens(std::int64_t count, std::int64_t vocab_size, Rng& rng) {
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(count));
  for (std::int32_t& token : tokens) token = static_cast<std::int32_t>(rng.Below(vocab_size));
  return tokens;
}

// How many of `steps` decode steps are timed, each about `step_ms` long.
std::int64_t TimedSteps(const SubjectOptions& options, std::int64_t steps, double step_ms) {
  if (!(static_cast<double>(steps) * step_ms > options.decode_ms)) return steps;
  const std::int64_t timed =
      std::max<std::int64_t>(kLeastTimedSteps, std::llround(options.decode_ms / step_ms));
  return std::min(timed + (steps - timed) % 2, steps);  // as many left out before as behind
}

}  // namespace

double RunMs(const SubjectOptions& options, const Workload& workload, double ttft_ms,
             double tpot_ms) {
  const std::int64_t timed = TimedSteps(options, workload.output_tokens - 1, tpot_ms);
  const double warm_up = std::clamp(options.warm_up_ms, tpot_ms, kMaxWarmUpSteps * tpot_ms);
  return warm_up + ttft_ms + static_cast<double>(timed) * tpot_ms;
}

ModelSubject::ModelSubject(std::shared_ptr<LoadedModel> model, const Workload& workload,
                           const SubjectOptions& options)
    : model_(std::move(model)), workload_(workload), options_(options) {
  CheckWorkload(workload_, model_->graph());
  const std::int64_t vocab_size = model_->graph().vocab_size;
  // At least one step's worth: the untimed step needs tokens when output_tokens == 1, too.
  const std::int64_t steps = std::max<std::int64_t>(workload_.output_tokens - 1, 1);
  const std::int64_t prompt_count = CheckedMul(workload_.batch, workload_.prompt_tokens);
  const std::int64_t output_count = CheckedMul(workload_.batch, steps);
  SessionOptions session;
  session.batch = workload_.batch;
  session.max_tokens = workload_.context_tokens();
  session.max_step_tokens = workload_.prompt_tokens;
  session_ = model_->NewSession(session);  // refuses what does not fit
  logits_.resize(static_cast<std::size_t>(CheckedMul(workload_.batch, vocab_size)));
  Rng rng(kTokenSeed);
  prompt_ = RandomTokens(prompt_count, vocab_size, rng);
  outputs_ = RandomTokens(output_count, vocab_size, rng);
  skipped_ = RandomTokens(
      CheckedMul(workload_.batch, std::min(workload_.prompt_tokens, kMaxSkippedAtOnce)), vocab_size,
      rng);
  session_->Prepare(workload_.prompt_tokens);
  session_->Prepare(1);
}

double ModelSubject::WarmUp(Clock& clock) {
  const std::int64_t begin = clock.NowNs();
  std::int64_t before = begin;
  std::int64_t now = begin;
  std::int64_t done = 0;
  do {
    session_->Rewind(0);
    Decode(0);
    before = std::exchange(now, clock.NowNs());
    ++done;
  } while (done < kMaxWarmUpSteps && Milliseconds(begin, now) < options_.warm_up_ms);
  session_->Rewind(0);
  return Milliseconds(before, now);
}

WorkloadTiming ModelSubject::Run(Clock& clock) {
  const double step_ms = WarmUp(clock);
  const std::int64_t steps = workload_.output_tokens - 1;
  const std::int64_t timed = TimedSteps(options_, steps, step_ms);
  const std::int64_t begin = clock.NowNs();
  session_->Step(prompt_, Logits::kLast, logits_);
  const std::int64_t first_token = clock.NowNs();
  const std::int64_t skipped = (steps - timed) / 2;
  Extend(skipped);
  const std::int64_t first_step = clock.NowNs();
  for (std::int64_t step = 0; step < timed; ++step) Decode(skipped + step);
  WorkloadTiming timing;
  timing.ttft_ms = Milliseconds(begin, first_token);
  if (timed > 0) {
    timing.decode_ms = Milliseconds(first_step, clock.NowNs());
    timing.tpot_ms = timing.decode_ms / static_cast<double>(timed);
  }
  return timing;
}

void ModelSubject::Extend(std::int64_t tokens) {
  const std::int64_t most = std::ssize(skipped_) / workload_.batch;
  while (tokens > 0) {
    const std::int64_t n = std::min(tokens, most);
    session_->Step(std::span(skipped_).first(static_cast<std::size_t>(workload_.batch * n)),
                   Logits::kLast, logits_);
    tokens -= n;
  }
}

void ModelSubject::Decode(std::int64_t step) {
  const auto batch = static_cast<std::size_t>(workload_.batch);
  const std::span<const std::int32_t> all(outputs_);
  session_->Step(all.subspan(static_cast<std::size_t>(step) * batch, batch), Logits::kLast,
                 logits_);
}

std::unique_ptr<TimedSubject> MakeSubject(std::shared_ptr<LoadedModel> model,
                                          const Workload& workload, const SubjectOptions& options) {
  return std::make_unique<ModelSubject>(std::move(model), workload, options);
}

}  // namespace lts

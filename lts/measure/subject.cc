#include "lts/measure/subject.h"

#include <fmt/format.h>

#include <algorithm>
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

SessionOptions OptionsFor(const Workload& workload) {
  SessionOptions options;
  options.batch = workload.batch;
  options.max_tokens = workload.context_tokens();
  options.max_step_tokens = workload.prompt_tokens;
  return options;
}

std::vector<std::int32_t> RandomTokens(std::int64_t count, std::int64_t vocab_size, Rng& rng) {
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(count));
  for (std::int32_t& token : tokens) token = static_cast<std::int32_t>(rng.Below(vocab_size));
  return tokens;
}

}  // namespace

ModelSubject::ModelSubject(std::shared_ptr<LoadedModel> model, const Workload& workload)
    : model_(std::move(model)), workload_(workload) {
  CheckWorkload(workload_, model_->graph());
  const std::int64_t vocab_size = model_->graph().vocab_size;
  // At least one step's worth: the untimed step needs tokens when output_tokens == 1, too.
  const std::int64_t steps = std::max<std::int64_t>(workload_.output_tokens - 1, 1);
  const std::int64_t prompt_count = CheckedMul(workload_.batch, workload_.prompt_tokens);
  const std::int64_t output_count = CheckedMul(workload_.batch, steps);
  session_ = model_->NewSession(OptionsFor(workload_));  // refuses what does not fit
  logits_.resize(static_cast<std::size_t>(CheckedMul(workload_.batch, vocab_size)));
  Rng rng(kTokenSeed);
  prompt_ = RandomTokens(prompt_count, vocab_size, rng);
  outputs_ = RandomTokens(output_count, vocab_size, rng);
  session_->Prepare(workload_.prompt_tokens);
  session_->Prepare(1);
}

WorkloadTiming ModelSubject::Run(Clock& clock) {
  session_->Rewind(0);
  Decode(0);
  session_->Rewind(0);
  const std::int64_t begin = clock.NowNs();
  session_->Step(prompt_, Logits::kLast, logits_);
  const std::int64_t first_token = clock.NowNs();
  const std::int64_t steps = workload_.output_tokens - 1;
  for (std::int64_t step = 0; step < steps; ++step) Decode(step);
  WorkloadTiming timing;
  timing.ttft_ms = Milliseconds(begin, first_token);
  if (steps > 0) {
    timing.tpot_ms = Milliseconds(first_token, clock.NowNs()) / static_cast<double>(steps);
  }
  return timing;
}

void ModelSubject::Decode(std::int64_t step) {
  const auto batch = static_cast<std::size_t>(workload_.batch);
  const std::span<const std::int32_t> all(outputs_);
  session_->Step(all.subspan(static_cast<std::size_t>(step) * batch, batch), Logits::kLast,
                 logits_);
}

std::unique_ptr<TimedSubject> MakeSubject(std::shared_ptr<LoadedModel> model,
                                          const Workload& workload) {
  return std::make_unique<ModelSubject>(std::move(model), workload);
}

}  // namespace lts

#include "lts/arch/step_run.h"

#include <algorithm>

#include "lts/base/checked.h"

namespace lts {
namespace {

// 0 + 1 + ... + (n - 1).
std::int64_t Triangle(std::int64_t n) {
  return n % 2 == 0 ? CheckedMul(n / 2, n - 1) : CheckedMul(n, (n - 1) / 2);
}

}  // namespace

std::int64_t StepRun::Tokens() const { return CheckedMul(batch, steps, new_tokens); }

std::int64_t StepRun::LogitTokens() const { return CheckedMul(batch, steps, logit_tokens); }

// Sum over steps s of min(past_tokens + s * new_tokens, memory_limit).
std::int64_t StepRun::VisiblePast(std::int64_t memory_limit) const {
  std::int64_t growing = 0;  // steps before the limit is reached
  if (past_tokens < memory_limit) {
    growing = std::min(steps, (memory_limit - past_tokens - 1) / new_tokens + 1);
  }
  const std::int64_t seen =
      CheckedAdd(CheckedMul(growing, past_tokens), CheckedMul(Triangle(growing), new_tokens));
  return growing == steps ? seen : CheckedAdd(seen, CheckedMul(steps - growing, memory_limit));
}

std::int64_t StepRun::Pairs(std::int64_t memory_limit) const {
  const std::int64_t within_step = CheckedMul(steps, Triangle(CheckedAdd(new_tokens, 1)));
  const std::int64_t before_step = CheckedMul(new_tokens, VisiblePast(memory_limit));
  return CheckedMul(batch, CheckedAdd(within_step, before_step));
}

std::int64_t StepRun::Positions(std::int64_t memory_limit) const {
  return CheckedAdd(VisiblePast(memory_limit), CheckedMul(steps, new_tokens));
}

}  // namespace lts

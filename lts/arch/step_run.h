// A run of equal steps over a growing context: what FLOPs and bytes are linear in. Private to arch.
#pragma once

#include <cstdint>
#include <limits>

#include "lts/arch/graph.h"

namespace lts {

// `steps` steps, each of which adds `new_tokens` to each of `batch` sequences. Before the first one
// a context holds `past_tokens`. All results are checked: overflow throws kInvalidArgument. O(1).
struct StepRun {
  std::int64_t batch = 1;
  std::int64_t steps = 1;
  std::int64_t new_tokens = 1;
  std::int64_t past_tokens = 0;
  std::int64_t logit_tokens = 1;  // per sequence and step

  std::int64_t Tokens() const;       // new tokens of all steps and sequences
  std::int64_t LogitTokens() const;  // the same of positions with logits
  // (query, key) pairs, causal: a new token sees the earlier ones of its step, itself, and at most
  // `memory_limit` tokens from before its step.
  std::int64_t Pairs(std::int64_t memory_limit) const;
  // Key positions of all steps, for one sequence.
  std::int64_t Positions(std::int64_t memory_limit) const;

 private:
  std::int64_t VisiblePast(std::int64_t memory_limit) const;
};

// How many tokens from before a step this attention sees.
inline std::int64_t MemoryLimit(const AttentionOp& op) {
  return op.positions == PositionScheme::kRelativeXl ? op.memory_tokens
                                                     : std::numeric_limits<std::int64_t>::max();
}

std::int64_t CountFlops(const Graph& graph, const StepRun& run);
// WorkloadCounts::least_prefill_flops (count.h).
std::int64_t CountLeastPrefillFlops(const Graph& graph, std::int64_t batch, std::int64_t tokens);

// Live values and op scratch of one step of the run, the largest over its ops, in bytes of float32.
std::int64_t CountPeakActivationBytes(const Graph& graph, const StepRun& run);

}  // namespace lts

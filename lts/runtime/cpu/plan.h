// What a session executes: the graph's ops in order, residual sums fused into the block whose
// output they add to, and every hidden value in a buffer ("slot") that it shares with values that
// are not alive at the same time.
#pragma once

#include <cstdint>
#include <vector>

#include "lts/arch/graph.h"
#include "lts/base/error.h"

namespace lts::cpu {

inline constexpr std::int32_t kNoSlot = -1;

struct PlanStep {
  const Op* op = nullptr;         // in the graph that the plan was made of
  std::int32_t input = kNoSlot;   // none for EmbedOp
  std::int32_t input2 = kNoSlot;  // AddOp only
  // AttentionOp and FeedForwardOp: added to the block's output; may be the slot of the output.
  std::int32_t residual = kNoSlot;
  std::int32_t output =
      kNoSlot;  // none for HeadOp (the caller's logits). Attention and feed-forward blocks write it
                // after their last read of `input`, which it may share.
  bool last_attention =
      false;  // after its keys and values only positions with wanted logits matter
  // NormOp: products alone read its output, and of every position that a chunk then has. Attention
  // and feed-forward blocks: their input is such an output. An engine may keep it as products want
  // it.
  bool feeds_products = false;
};

struct Plan {
  std::vector<PlanStep> steps;
  std::int32_t slots = 0;
};

// `graph` must outlive the plan and satisfy CpuSupports.
Plan MakePlan(const Graph& graph);

// Everything but relative positions, projected embeddings and vocabularies of several clusters.
Availability CpuSupports(const Graph& graph);

}  // namespace lts::cpu

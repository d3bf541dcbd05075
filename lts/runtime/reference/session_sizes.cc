#include <algorithm>
#include <variant>

#include "lts/base/checked.h"
#include "lts/runtime/reference/interpreter.h"

namespace lts::reference {
namespace {

struct SlotPlan {
  std::vector<std::int64_t> slots;
  std::int64_t count = 0;
};

// Gives each hidden value a slot that is free from the op that writes it to the last op that reads
// it.
SlotPlan AssignSlots(const Graph& graph) {
  std::vector<std::size_t> last_read(static_cast<std::size_t>(graph.n_values), 0);
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    for (const ValueId value : {graph.ops[i].input, graph.ops[i].input2}) {
      if (value != kNoValue) last_read[static_cast<std::size_t>(value)] = i;
    }
  }
  SlotPlan plan{std::vector<std::int64_t>(static_cast<std::size_t>(graph.n_values), 0)};
  std::vector<std::int64_t> free;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    if (!std::holds_alternative<HeadOp>(op.attributes)) {
      if (free.empty()) free.push_back(plan.count++);
      plan.slots[static_cast<std::size_t>(op.output)] = free.back();
      free.pop_back();
    }
    // Freed only after the output has its slot: an op never overwrites what it reads.
    for (const ValueId value : {op.input, op.input2 == op.input ? kNoValue : op.input2}) {
      if (value != kNoValue && last_read[static_cast<std::size_t>(value)] == i) {
        free.push_back(plan.slots[static_cast<std::size_t>(value)]);
      }
    }
  }
  return plan;
}

}  // namespace

SessionSizes ComputeSessionSizes(const Graph& graph, const SessionOptions& options) {
  SlotPlan plan = AssignSlots(graph);
  SessionSizes sizes;
  sizes.slots = std::move(plan.slots);
  sizes.hidden = CheckedMul(plan.count, options.batch, options.max_step_tokens, graph.d_model);
  sizes.keys.resize(static_cast<std::size_t>(graph.n_layer));
  sizes.input_row = graph.d_model;
  sizes.output_row = std::max(graph.d_model, graph.vocab_size);
  sizes.score_row = options.max_tokens;
  sizes.gate_row = graph.d_model;
  for (const Op& op : graph.ops) {
    if (const auto* attention = std::get_if<AttentionOp>(&op.attributes)) {
      const std::int64_t heads = CheckedAdd(attention->n_head, CheckedMul(2, attention->n_kv_head));
      sizes.wide_row = std::max(sizes.wide_row, CheckedMul(heads, attention->d_head));
      sizes.gate_row = std::max(sizes.gate_row, CheckedMul(attention->n_head, attention->d_head));
      sizes.keys[static_cast<std::size_t>(attention->layer)] =
          CheckedMul(options.batch, attention->n_kv_head, options.max_tokens, attention->d_head);
    } else if (const auto* feed_forward = std::get_if<FeedForwardOp>(&op.attributes)) {
      sizes.wide_row = std::max(sizes.wide_row, feed_forward->d_inner);
      sizes.gate_row = std::max(sizes.gate_row, feed_forward->d_inner);
    } else if (const auto* embed = std::get_if<EmbedOp>(&op.attributes)) {
      sizes.input_row = std::max(sizes.input_row, embed->clusters.front().d_embed);
    } else if (const auto* head = std::get_if<HeadOp>(&op.attributes)) {
      sizes.gate_row = std::max(sizes.gate_row, head->clusters.front().d_embed);
    }
  }
  return sizes;
}

std::int64_t SessionSizes::kv_cache_bytes() const {
  std::int64_t floats = 0;
  for (const std::int64_t layer : keys) floats = CheckedAdd(floats, layer);
  return CheckedMul(floats, 2, static_cast<std::int64_t>(sizeof(float)));
}

std::int64_t SessionSizes::workspace_bytes() const {
  std::int64_t doubles = 0;
  for (const std::int64_t row : {input_row, wide_row, gate_row, output_row, score_row}) {
    doubles = CheckedAdd(doubles, row);
  }
  return CheckedAdd(CheckedMul(hidden, static_cast<std::int64_t>(sizeof(float))),
                    CheckedMul(doubles, static_cast<std::int64_t>(sizeof(double))));
}

}  // namespace lts::reference

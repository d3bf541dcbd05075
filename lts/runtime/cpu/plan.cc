#include "lts/runtime/cpu/plan.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>

namespace lts::cpu {
namespace {

template <typename T>
const T* As(const Op& op) {
  return std::get_if<T>(&op.attributes);
}

// A step whose slots are still values.
struct ValueStep {
  const Op* op = nullptr;
  ValueId input = kNoValue;
  ValueId input2 = kNoValue;
  ValueId residual = kNoValue;
  ValueId output = kNoValue;
};

// Drops each AddOp of which one operand is the output of an attention or feed-forward block that
// nothing else reads and whose other operand exists by then: that block adds it while its output is
// still in registers.
std::vector<ValueStep> FuseResiduals(const Graph& graph) {
  const auto values = static_cast<std::size_t>(graph.n_values);
  std::vector<int> readers(values, 0);
  for (const Op& op : graph.ops) {
    for (const ValueId value : {op.input, op.input2}) {
      if (value != kNoValue) ++readers[static_cast<std::size_t>(value)];
    }
  }
  std::vector<ValueStep> steps;
  std::vector<std::size_t> producer(values, 0);  // step that writes a value
  for (const Op& op : graph.ops) {
    if (As<AddOp>(op) != nullptr) {
      ValueId sum = op.input;
      ValueId other = op.input2;
      const auto step_of = [&](ValueId value) { return producer[static_cast<std::size_t>(value)]; };
      if (step_of(sum) < step_of(other)) std::swap(sum, other);
      ValueStep& block = steps[step_of(sum)];
      const bool is_block =
          As<AttentionOp>(*block.op) != nullptr || As<FeedForwardOp>(*block.op) != nullptr;
      if (is_block && block.residual == kNoValue && readers[static_cast<std::size_t>(sum)] == 1 &&
          sum != other) {
        block.residual = other;
        block.output = op.output;
        producer[static_cast<std::size_t>(op.output)] = step_of(sum);
        continue;
      }
    }
    if (op.output != kNoValue) producer[static_cast<std::size_t>(op.output)] = steps.size();
    steps.push_back({&op, op.input, op.input2, kNoValue, op.output});
  }
  return steps;
}

// Sets PlanStep::feeds_products. The last attention's input does not count: it is cut to its last
// positions on the way.
void MarkProductInputs(const std::vector<ValueStep>& steps, Plan& plan) {
  for (std::size_t norm = 0; norm < steps.size(); ++norm) {
    if (As<NormOp>(*steps[norm].op) == nullptr) continue;
    const ValueId value = steps[norm].output;
    std::vector<std::size_t> readers;
    bool products_alone = true;
    for (std::size_t i = norm + 1; i < steps.size(); ++i) {
      const bool reads = steps[i].input == value;
      if (reads) readers.push_back(i);
      const bool is_block =
          As<AttentionOp>(*steps[i].op) != nullptr || As<FeedForwardOp>(*steps[i].op) != nullptr;
      if (steps[i].input2 == value || steps[i].residual == value ||
          (reads && (!is_block || plan.steps[i].last_attention))) {
        products_alone = false;
      }
    }
    // Rows of another width cannot be written over the rows that they are made of.
    if (!products_alone || plan.steps[norm].input == plan.steps[norm].output) continue;
    plan.steps[norm].feeds_products = true;
    for (const std::size_t reader : readers) plan.steps[reader].feeds_products = true;
  }
}

}  // namespace

Plan MakePlan(const Graph& graph) {
  const std::vector<ValueStep> steps = FuseResiduals(graph);
  const auto values = static_cast<std::size_t>(graph.n_values);
  std::vector<std::size_t> last_read(values, 0);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const ValueId value : {steps[i].input, steps[i].input2, steps[i].residual}) {
      if (value != kNoValue) last_read[static_cast<std::size_t>(value)] = i;
    }
  }

  Plan plan;
  std::vector<std::int32_t> slot_of(values, kNoSlot);
  std::vector<std::int32_t> free;
  const auto slot = [&](ValueId value) {
    return value == kNoValue ? kNoSlot : slot_of[static_cast<std::size_t>(value)];
  };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const ValueStep& step = steps[i];
    PlanStep planned{step.op, slot(step.input), slot(step.input2), slot(step.residual)};
    // All that this step reads for the last time is free for what it writes: each op may write
    // where it read (norms and sums element by element, blocks after their first product).
    for (const ValueId value : {step.residual, step.input, step.input2}) {
      const std::int32_t dead = slot(value);
      if (dead != kNoSlot && last_read[static_cast<std::size_t>(value)] == i &&
          std::find(free.begin(), free.end(), dead) == free.end()) {
        free.push_back(dead);
      }
    }
    if (As<HeadOp>(*step.op) == nullptr) {
      if (free.empty()) free.push_back(plan.slots++);
      // A residual that dies here is the best place: its lines are in cache when the sum is stored.
      auto best = std::find(free.begin(), free.end(), planned.residual);
      if (best == free.end()) best = free.end() - 1;
      planned.output = *best;
      free.erase(best);
      slot_of[static_cast<std::size_t>(step.output)] = planned.output;
    }
    plan.steps.push_back(planned);
  }
  for (auto step = plan.steps.rbegin(); step != plan.steps.rend(); ++step) {
    if (As<AttentionOp>(*step->op) != nullptr) {
      step->last_attention = true;
      break;
    }
  }
  MarkProductInputs(steps, plan);
  return plan;
}

Availability CpuSupports(const Graph& graph) {
  const auto no = [](std::string_view what) {
    return Availability{false, "the cpu runtime does not run " + std::string(what)};
  };
  for (const Op& op : graph.ops) {
    if (const auto* embed = As<EmbedOp>(op)) {
      if (embed->clusters.size() != 1)
        return no("adaptive embeddings (several vocabulary clusters)");
      if (embed->clusters.front().projection != kNoTensor) return no("projected embeddings");
    } else if (const auto* head = As<HeadOp>(op)) {
      if (head->clusters.size() != 1) return no("adaptive softmax (several vocabulary clusters)");
      if (head->clusters.front().projection != kNoTensor) return no("projected heads");
    } else if (const auto* attention = As<AttentionOp>(op)) {
      switch (attention->positions) {
        case PositionScheme::kNone:
          break;
        case PositionScheme::kRotaryHalves:
        case PositionScheme::kRotaryInterleaved:
          if (attention->rotary_dims < 2 || attention->rotary_dims % 2 != 0 ||
              attention->rotary_dims > attention->d_head) {
            return no("rotary positions of " + std::to_string(attention->rotary_dims) +
                      " dimensions in heads of " + std::to_string(attention->d_head));
          }
          break;
        case PositionScheme::kRelativeXl:
          return no("relative positions (Transformer-XL)");
      }
    }
  }
  return {};
}

}  // namespace lts::cpu

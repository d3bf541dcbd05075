// Bytes of activations. The rules are those of docs/counting.md.
#include <algorithm>
#include <variant>
#include <vector>

#include "lts/arch/count.h"
#include "lts/arch/step_run.h"
#include "lts/base/checked.h"
#include "lts/base/error.h"

namespace lts {
namespace {

// Floats that an op needs while it runs, besides its input and output.
class ScratchCounter {
 public:
  ScratchCounter(const Graph& graph, const StepRun& run) : graph_(graph), run_(run) {}

  std::int64_t operator()(const EmbedOp& op) const {
    return CheckedMul(run_.Tokens(), WidestProjection(op.clusters));
  }
  std::int64_t operator()(const NormOp& /*op*/) const { return 0; }
  std::int64_t operator()(const AttentionOp& op) const {
    // Queries, keys and values of the new tokens, the heads' outputs, and one row of scores.
    const std::int64_t heads = CheckedAdd(CheckedMul(2, op.n_head), CheckedMul(2, op.n_kv_head));
    const std::int64_t positions = run_.Positions(MemoryLimit(op));
    std::int64_t floats =
        CheckedAdd(CheckedMul(run_.Tokens(), CheckedMul(heads, op.d_head)), positions);
    if (op.positions == PositionScheme::kRelativeXl) {
      // The position encodings and their projection.
      const std::int64_t width = CheckedAdd(graph_.d_model, CheckedMul(op.n_head, op.d_head));
      floats = CheckedAdd(floats, CheckedMul(positions, width));
    }
    return floats;
  }
  std::int64_t operator()(const FeedForwardOp& op) const {
    return CheckedMul(run_.Tokens(), op.d_inner, op.gate_weight == kNoTensor ? 1 : 2);
  }
  std::int64_t operator()(const AddOp& /*op*/) const { return 0; }
  std::int64_t operator()(const HeadOp& op) const {
    const std::int64_t tails = std::ssize(op.clusters) - 1;
    return CheckedMul(run_.LogitTokens(), CheckedAdd(WidestProjection(op.clusters), tails));
  }

 private:
  static std::int64_t WidestProjection(const std::vector<VocabCluster>& clusters) {
    std::int64_t widest = 0;
    for (const VocabCluster& cluster : clusters) {
      if (cluster.projection != kNoTensor) widest = std::max(widest, cluster.d_embed);
    }
    return widest;
  }

  const Graph& graph_;
  const StepRun& run_;
};

bool WritesInPlace(const Op& op) {
  return std::holds_alternative<NormOp>(op.attributes) ||
         std::holds_alternative<AddOp>(op.attributes);
}

}  // namespace

std::int64_t CountPeakActivationBytes(const Graph& graph, const StepRun& run) {
  LTS_CHECK(run.steps == 1);
  const std::int64_t hidden = CheckedMul(run.Tokens(), graph.d_model);
  const std::int64_t logits = CheckedMul(run.LogitTokens(), graph.vocab_size);
  const ScratchCounter scratch(graph, run);

  std::vector<std::size_t> last_use(static_cast<std::size_t>(graph.n_values), 0);
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    for (const ValueId value : {graph.ops[i].input, graph.ops[i].input2}) {
      if (value != kNoValue) last_use[static_cast<std::size_t>(value)] = i;
    }
  }

  std::int64_t live = 0;  // floats of values that a later op, or this one, still reads
  std::int64_t peak = 0;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    const auto dies_here = [&](ValueId value) {
      return value != kNoValue && last_use[static_cast<std::size_t>(value)] == i;
    };
    std::int64_t dying = 0;
    if (dies_here(op.input)) dying = CheckedAdd(dying, hidden);
    if (dies_here(op.input2) && op.input2 != op.input) dying = CheckedAdd(dying, hidden);
    const std::int64_t output = std::holds_alternative<HeadOp>(op.attributes) ? logits : hidden;
    const std::int64_t reused = WritesInPlace(op) ? std::min(dying, output) : 0;
    live = CheckedAdd(live, output);
    const std::int64_t during = CheckedAdd(live - reused, std::visit(scratch, op.attributes));
    peak = std::max(peak, during);
    live -= dying;
    // A value that nothing reads is gone at once.
    if (last_use[static_cast<std::size_t>(op.output)] <= i) live -= output;
  }
  return CheckedMul(peak, std::int64_t{sizeof(float)});
}

}  // namespace lts

#include "lts/arch/count.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <variant>
#include <vector>

#include "lts/arch/step_run.h"
#include "lts/base/checked.h"
#include "lts/base/error.h"

namespace lts {
namespace {

void CheckCount(std::string_view what, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: got {}, expected an integer in [{}, {}]", what, value, low, high));
  }
}

constexpr std::int64_t kMaxBatch = std::int64_t{1} << 32;

// Matrices are stored in the dtype of the weights; norms, biases and positions stay float32.
std::int64_t WeightBytes(const Graph& graph, DType dtype) {
  std::vector<bool> is_bias(graph.tensors.size());
  for (const Op& op : graph.ops) {
    const auto* attention = std::get_if<AttentionOp>(&op.attributes);
    if (attention == nullptr) continue;
    for (const TensorId id : {attention->content_bias, attention->position_bias}) {
      if (id != kNoTensor) is_bias[static_cast<std::size_t>(id)] = true;  // [n_head, d_head]
    }
  }
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    const TensorSpec& tensor = graph.tensors[i];
    const bool is_matrix =
        tensor.shape.size() == 2 && !is_bias[i] && tensor.role != TensorRole::kPositionEmbedding;
    bytes = CheckedAdd(
        bytes, CheckedMul(tensor.count(), is_matrix ? SizeOf(dtype) : SizeOf(DType::kFloat32)));
  }
  return bytes;
}

// Keys and values of the tokens that one sequence keeps at its longest, in float32.
std::int64_t KvCacheBytes(const Graph& graph, const WorkloadShape& workload) {
  const std::int64_t context = workload.prompt_tokens + workload.output_tokens - 1;
  std::int64_t floats = 0;
  for (const Op& op : graph.ops) {
    const auto* attention = std::get_if<AttentionOp>(&op.attributes);
    if (attention == nullptr) continue;
    // A decode step sees the memory and its own token; a prompt is held whole.
    const std::int64_t memory = MemoryLimit(*attention);
    const std::int64_t tokens =
        memory < context - 1 ? std::max(workload.prompt_tokens, memory + 1) : context;
    floats = CheckedAdd(floats, CheckedMul(2, attention->n_kv_head, attention->d_head, tokens));
  }
  return CheckedMul(floats, workload.batch, SizeOf(DType::kFloat32));
}

}  // namespace

ParameterCounts CountParameters(const Graph& graph) {
  ParameterCounts counts;
  const auto add = [](std::int64_t& sum, std::int64_t count) { sum = CheckedAdd(sum, count); };
  for (const TensorSpec& tensor : graph.tensors) {
    const std::int64_t count = tensor.count();
    switch (tensor.role) {
      case TensorRole::kTokenEmbedding:
        add(counts.token_embedding, count);
        break;
      case TensorRole::kPositionEmbedding:
        add(counts.position_embedding, count);
        break;
      case TensorRole::kAttention:
        add(counts.attention, count);
        break;
      case TensorRole::kFeedForward:
        add(counts.feed_forward, count);
        break;
      case TensorRole::kNorm:
        add(counts.norm, count);
        break;
      case TensorRole::kHead:
        add(counts.head, count);
        break;
    }
  }
  return counts;
}

std::int64_t CountStepFlops(const Graph& graph, std::int64_t batch, std::int64_t new_tokens,
                            std::int64_t context_tokens, std::int64_t logit_tokens) {
  CheckCount("batch", batch, 1, kMaxBatch);
  CheckCount("context_tokens", context_tokens, 1, graph.max_seq_len);
  CheckCount("new_tokens", new_tokens, 1, context_tokens);
  CheckCount("logit_tokens", logit_tokens, 0, new_tokens);
  return CountFlops(graph, {.batch = batch,
                            .new_tokens = new_tokens,
                            .past_tokens = context_tokens - new_tokens,
                            .logit_tokens = logit_tokens});
}

WorkloadCounts CountWorkload(const Graph& graph, const WorkloadShape& workload, DType dtype) {
  CheckCount("batch", workload.batch, 1, kMaxBatch);
  CheckCount("prompt_tokens", workload.prompt_tokens, 1, graph.max_seq_len);
  CheckCount("output_tokens", workload.output_tokens, 1, graph.max_seq_len);
  const std::int64_t context = workload.prompt_tokens + workload.output_tokens - 1;
  if (context > graph.max_seq_len) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("prompt_tokens + output_tokens - 1: got {}, expected at most "
                            "max_sequence_length = {}",
                            context, graph.max_seq_len));
  }
  const StepRun prefill{.batch = workload.batch, .new_tokens = workload.prompt_tokens};
  const StepRun last_decode{.batch = workload.batch, .past_tokens = context - 1};
  const StepRun decode{.batch = workload.batch,
                       .steps = workload.output_tokens - 1,
                       .past_tokens = workload.prompt_tokens};
  WorkloadCounts counts;
  counts.prefill_flops = CountFlops(graph, prefill);
  counts.decode_flops = CountFlops(graph, last_decode);
  counts.total_flops = CheckedAdd(counts.prefill_flops, CountFlops(graph, decode));
  counts.weight_bytes = WeightBytes(graph, dtype);
  counts.kv_cache_bytes = KvCacheBytes(graph, workload);
  counts.peak_activation_bytes = CountPeakActivationBytes(graph, prefill);
  if (decode.steps > 0) {
    counts.peak_activation_bytes =
        std::max(counts.peak_activation_bytes, CountPeakActivationBytes(graph, last_decode));
  }
  return counts;
}

}  // namespace lts

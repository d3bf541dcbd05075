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
std::vector<std::int64_t> TensorBytes(const Graph& graph, DType dtype) {
  std::vector<bool> is_bias(graph.tensors.size());
  for (const Op& op : graph.ops) {
    const auto* attention = std::get_if<AttentionOp>(&op.attributes);
    if (attention == nullptr) continue;
    for (const TensorId id : {attention->content_bias, attention->position_bias}) {
      if (id != kNoTensor) is_bias[static_cast<std::size_t>(id)] = true;  // [n_head, d_head]
    }
  }
  std::vector<std::int64_t> bytes;
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    const TensorSpec& tensor = graph.tensors[i];
    const bool is_matrix =
        tensor.shape.size() == 2 && !is_bias[i] && tensor.role != TensorRole::kPositionEmbedding;
    bytes.push_back(
        CheckedMul(tensor.count(), is_matrix ? SizeOf(dtype) : SizeOf(DType::kFloat32)));
  }
  return bytes;
}

std::int64_t Sum(const std::vector<std::int64_t>& values) {
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum = CheckedAdd(sum, value);
  return sum;
}

// Keys and values of `tokens` per layer and sequence, at most what each layer's memory keeps.
std::int64_t CacheBytes(const Graph& graph, const WorkloadShape& workload, std::int64_t context,
                        DType kv_dtype) {
  // An int8 row has a scale of its own.
  const std::int64_t scale = kv_dtype == DType::kInt8 ? SizeOf(DType::kFloat32) : 0;
  std::int64_t bytes = 0;
  for (const Op& op : graph.ops) {
    const auto* attention = std::get_if<AttentionOp>(&op.attributes);
    if (attention == nullptr) continue;
    // A decode step sees the memory and its own token; a prompt is held whole.
    const std::int64_t memory = MemoryLimit(*attention);
    const std::int64_t tokens =
        memory < context - 1 ? std::max(workload.prompt_tokens, memory + 1) : context;
    const std::int64_t row = CheckedAdd(CheckedMul(attention->d_head, SizeOf(kv_dtype)), scale);
    bytes = CheckedAdd(bytes, CheckedMul(2, attention->n_kv_head, row, tokens));
  }
  return CheckedMul(bytes, workload.batch);
}

// Tensors that a decode step reads whole.
std::int64_t StreamedBytes(const Graph& graph, DType dtype) {
  std::vector<std::int64_t> bytes = TensorBytes(graph, dtype);
  std::vector<bool> looked_up(bytes.size());  // of which only rows are read
  for (const Op& op : graph.ops) {
    if (const auto* embed = std::get_if<EmbedOp>(&op.attributes)) {
      for (const VocabCluster& cluster : embed->clusters)
        looked_up[static_cast<std::size_t>(cluster.table)] = true;
      if (embed->positions != kNoTensor)
        looked_up[static_cast<std::size_t>(embed->positions)] = true;
    } else if (const auto* head = std::get_if<HeadOp>(&op.attributes)) {
      for (const VocabCluster& cluster : head->clusters)
        looked_up[static_cast<std::size_t>(cluster.table)] = false;  // the head comes last
    }
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (looked_up[i]) bytes[i] = 0;
  }
  return Sum(bytes);
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

WorkloadCounts CountWorkload(const Graph& graph, const WorkloadShape& workload, DType dtype,
                             DType kv_dtype) {
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
  counts.least_prefill_flops =
      CountLeastPrefillFlops(graph, workload.batch, workload.prompt_tokens);
  counts.decode_flops = CountFlops(graph, last_decode);
  counts.total_flops = CheckedAdd(counts.prefill_flops, CountFlops(graph, decode));
  counts.weight_bytes = Sum(TensorBytes(graph, dtype));
  counts.kv_cache_bytes = CacheBytes(graph, workload, context, kv_dtype);
  if (decode.steps > 0) {
    const std::int64_t mean_context = workload.prompt_tokens + (workload.output_tokens - 1) / 2;
    counts.decode_bytes = CheckedAdd(StreamedBytes(graph, dtype),
                                     CacheBytes(graph, workload, mean_context, kv_dtype));
  }
  counts.peak_activation_bytes = CountPeakActivationBytes(graph, prefill);
  if (decode.steps > 0) {
    counts.peak_activation_bytes =
        std::max(counts.peak_activation_bytes, CountPeakActivationBytes(graph, last_decode));
  }
  return counts;
}

WorkloadCounts CountWorkload(const Graph& graph, const WorkloadShape& workload, DType dtype) {
  return CountWorkload(graph, workload, dtype, CacheDType(dtype));
}

}  // namespace lts

// Counts by formula: parameters, floating point operations and bytes. Interprets the graph; knows
// no backbone. All pure, exact and cheap (O(ops)); overflow throws kInvalidArgument. Formulas and
// conventions: docs/counting.md. Decoder parameters: Javaheripi et al. 2022, arXiv:2203.02094.
#pragma once

#include <cstdint>

#include "lts/arch/graph.h"
#include "lts/base/dtype.h"

namespace lts {

struct ParameterCounts {
  std::int64_t attention = 0;
  std::int64_t feed_forward = 0;
  std::int64_t norm = 0;
  std::int64_t token_embedding = 0;
  std::int64_t position_embedding = 0;
  std::int64_t head = 0;  // parameters that only the head has; 0 when tied
  std::int64_t decoder() const { return attention + feed_forward + norm; }
  std::int64_t embedding() const { return token_embedding + position_embedding; }
  std::int64_t total() const { return decoder() + embedding() + head; }
  bool operator==(const ParameterCounts&) const = default;
};
ParameterCounts CountParameters(const Graph& graph);

// FLOPs of one step that adds `new_tokens` per sequence to a context that then holds
// `context_tokens` (>= new_tokens), for `batch` sequences, with logits of `logit_tokens` (0..
// new_tokens) positions per sequence. 1 multiply-add = 2 FLOPs. Matrix products and attention
// scores (causal: only pairs that are attended to), plus 1 FLOP per element and elementary
// operation of norms, activations, biases and residuals as listed in docs/counting.md. Throws
// kInvalidArgument on arguments outside their ranges.
std::int64_t CountStepFlops(const Graph& graph, std::int64_t batch, std::int64_t new_tokens,
                            std::int64_t context_tokens, std::int64_t logit_tokens);

// A prompt, then output tokens one by one: the prefill gives the first, so the context ends at
// prompt_tokens + output_tokens - 1.
struct WorkloadShape {
  std::int64_t prompt_tokens = 1;
  std::int64_t output_tokens = 1;
  std::int64_t batch = 1;
};
struct WorkloadCounts {
  std::int64_t prefill_flops = 0;   // the prompt, logits of the last position
  // The same without what these logits do not need: of the last attention all positions but the
  // last one give keys and values only, and what follows has one position.
  std::int64_t least_prefill_flops = 0;
  std::int64_t decode_flops = 0;    // one decode step, at the longest context of the workload
  std::int64_t total_flops = 0;     // prefill + every decode step at its own context
  std::int64_t weight_bytes = 0;    // matrices in `dtype`; norms, biases and positions in float32
  std::int64_t kv_cache_bytes = 0;  // keys and values of the longest context, in `kv_dtype`
  // What one decode step at the mean context of the workload must read at least: every tensor that
  // its products and norms use (of a table only the rows of its tokens, where it is not the head's
  // as well), and the cache. 0 without decode steps.
  std::int64_t decode_bytes = 0;
  // Most bytes of live float32 values and op scratch at once, over prefill and decode.
  std::int64_t peak_activation_bytes = 0;
};
// `dtype` is that of the weights, `kv_dtype` of the cache (int8: with a float32 scale for each
// token, head, and keys or values); activations are float32. Throws kInvalidArgument when prompt +
// output - 1 exceeds graph.max_seq_len or a count is < 1.
WorkloadCounts CountWorkload(const Graph& graph, const WorkloadShape& workload, DType dtype,
                             DType kv_dtype);
// With the cache that goes with the weights, CacheDType(dtype).
WorkloadCounts CountWorkload(const Graph& graph, const WorkloadShape& workload, DType dtype);

// What Archai publishes as a model's "Memory (MB)", in bytes: the size of its optimised float32
// ONNX file before training. The exporter that it used merges equal initializers, so all biases of
// one length (zeros) and all gains of one length (ones) are counted once. The two constants, bytes
// of graph per layer and per file, were fitted to the published gallery, whose memories follow to
// the digits given; GPT-2 with fused attention is what they hold for.
std::int64_t ArchaiMemoryBytes(const Graph& graph);

}  // namespace lts

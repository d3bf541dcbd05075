// The coarse ops of a decoder. A backbone describes itself as a short list of these; counting,
// engines, trainer and exporter interpret the list. An op is as large as what an engine wants to
// fuse (a whole attention block, a whole feed-forward block) and says by attributes which variant
// it is, so that GPT-2, OPT, CodeGen, Llama and Transformer-XL are all sequences of the same six
// ops (docs/architecture.md shows each).
//
// Shapes: B batch, T new tokens, C tokens in context (cached + new), V vocabulary. Hidden values
// are [B, T, d]. Linear weights are [in, out] row-major: y = x W + b.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "lts/base/enum_table.h"

namespace lts {

using TensorId = std::int32_t;  // index into Graph::tensors
using ValueId = std::int32_t;   // index of a hidden value; each is written once
inline constexpr TensorId kNoTensor = -1;
inline constexpr ValueId kNoValue = -1;

enum class Activation { kGeluTanh, kGeluErf, kRelu, kReluSquared, kSilu };
inline constexpr EnumTable<Activation, 5> kActivations{"activation",
                                                       {{{Activation::kGeluTanh, "gelu_tanh"},
                                                         {Activation::kGeluErf, "gelu_erf"},
                                                         {Activation::kRelu, "relu"},
                                                         {Activation::kReluSquared, "relu_squared"},
                                                         {Activation::kSilu, "silu"}}}};

enum class NormKind { kLayerNorm, kRmsNorm };

// How attention knows positions. kNone: only through embeddings (GPT-2, OPT). kRotary: RoPE on the
// first rotary_dims of each query and key head (Llama: pairs are halves apart; CodeGen:
// neighbours). kRelativeXl: Transformer-XL's relative scores with content and position biases over
// a memory of earlier hidden states. Its cache holds the keys and values of that memory.
enum class PositionScheme { kNone, kRotaryHalves, kRotaryInterleaved, kRelativeXl };

// A range of the vocabulary that shares one table. Plain embeddings are one cluster; adaptive
// embeddings and softmax (Grave et al. 2017; Baevski & Auli 2019) are several with d_embed_i =
// d_embed / div_val^i.
struct VocabCluster {
  std::int64_t first = 0;           // first token id
  std::int64_t count = 0;           // number of ids
  std::int64_t d_embed = 0;         // width of the table
  TensorId table = kNoTensor;       // [count, d_embed]
  TensorId projection = kNoTensor;  // [d_embed, d_model], none when d_embed = d_model
};

// tokens [B, T] -> [B, T, d_model]: scale * table[token] (projected) + positions[offset + index].
struct EmbedOp {
  std::vector<VocabCluster> clusters;
  float scale = 1.0F;                // Transformer-XL: sqrt(d_model)
  TensorId positions = kNoTensor;    // learned, [max_seq_len + position_offset, d_model]
  std::int64_t position_offset = 0;  // OPT: 2
};

// [B, T, d] -> same. LayerNorm: (x - mean) / sqrt(var + eps) * gain + bias. RMSNorm: x /
// sqrt(mean(x^2) + eps) * gain.
struct NormOp {
  NormKind kind = NormKind::kLayerNorm;
  float epsilon = 1e-5F;
  TensorId gain = kNoTensor;  // [d]
  TensorId bias = kNoTensor;  // [d] or none
};

// The whole self-attention block, projections included: [B, T, d] -> [B, T, d]. Causal. Keys and
// values of all C tokens live in the session's KV cache of this `layer`.
struct AttentionOp {
  std::int64_t layer = 0;
  std::int64_t n_head = 1;
  std::int64_t n_kv_head = 1;
  std::int64_t d_head = 1;
  float scale = 1.0F;  // of the scores: usually 1 / sqrt(d_head)
  PositionScheme positions = PositionScheme::kNone;
  std::int64_t rotary_dims = 0;
  float rotary_base = 10000.0F;
  std::int64_t memory_tokens = 0;  // kRelativeXl: tokens from before the step attended to
  // [d, (n_head + 2 n_kv_head) d_head]: queries, then keys, then values.
  TensorId qkv_weight = kNoTensor;
  TensorId qkv_bias = kNoTensor;         // [(n_head + 2 n_kv_head) d_head] or none
  TensorId out_weight = kNoTensor;       // [n_head d_head, d]
  TensorId out_bias = kNoTensor;         // [d] or none
  TensorId relative_weight = kNoTensor;  // kRelativeXl: [d, n_head d_head] (r_net)
  TensorId content_bias = kNoTensor;     // kRelativeXl: [n_head, d_head] (u, r_w_bias)
  TensorId position_bias = kNoTensor;    // kRelativeXl: [n_head, d_head] (v, r_r_bias)
};

// The whole feed-forward block: down(act(up(x))), or down(act(gate(x)) * up(x)) when gated (SwiGLU:
// kSilu).
struct FeedForwardOp {
  std::int64_t d_inner = 1;
  Activation activation = Activation::kGeluTanh;
  TensorId up_weight = kNoTensor;    // [d, d_inner]
  TensorId up_bias = kNoTensor;      // [d_inner] or none
  TensorId gate_weight = kNoTensor;  // [d, d_inner]; present = gated
  TensorId down_weight = kNoTensor;  // [d_inner, d]
  TensorId down_bias = kNoTensor;    // [d] or none
};

// input + input2: a residual connection.
struct AddOp {};

// [B, T, d] -> logits [B, T or last, V]: x table^T + bias, or (x projection^T) table^T + bias where
// the cluster has a projection. A tied head names the embedding's tensors. With several clusters it
// is the adaptive softmax, and the logits are log-probabilities: `cluster_rows` extend the table of
// the first cluster by a row for each other cluster, whose log-probability is added to those of its
// words.
struct HeadOp {
  std::vector<VocabCluster> clusters;
  TensorId bias = kNoTensor;          // [V] or none
  TensorId cluster_rows = kNoTensor;  // [clusters - 1, d_embed of the head cluster] or none
  TensorId cluster_bias = kNoTensor;
};

struct Op {
  std::variant<EmbedOp, NormOp, AttentionOp, FeedForwardOp, AddOp, HeadOp> attributes;
  ValueId input = kNoValue;   // none for EmbedOp (it reads the tokens)
  ValueId input2 = kNoValue;  // AddOp only
  ValueId output = kNoValue;  // the logits for HeadOp
};

}  // namespace lts

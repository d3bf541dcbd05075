// A Graph as operations of libtorch, which differentiates them. The one place that says what each
// op of arch/op.h is in training.
//
// Attention is causal over the sequence alone: there is no cache. Positions count from 0.
// Internal to this module: the only header here that names torch's types.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "lts/arch/graph.h"
#include "lts/base/error.h"

namespace lts::torch_engine {

// Everything but Transformer-XL's relative attention and vocabularies of several clusters.
Availability DecoderSupports(const Graph& graph);

struct ForwardOptions {
  bool bfloat16 = false;         // products, and the values between them but the residual sums
  double dropout = 0;            // after the embedding and at the end of every block
  double attention_dropout = 0;  // of attention's weights
};

class Decoder {
 public:
  // `graph` must satisfy DecoderSupports() (LTS_CHECK) and outlive this.
  explicit Decoder(const Graph& graph);

  // weights: one tensor for each of graph.tensors, of its shape, all float32 (or, to check
  // derivatives, all float64; what is float32 below is then float64). tokens: int64 [B, T], in
  // [0, V), T <= graph.max_seq_len. Returns float32 logits [B * T, V].
  at::Tensor Logits(std::span<const at::Tensor> weights, const at::Tensor& tokens,
                    const ForwardOptions& options);
  // The mean cross-entropy, in nats: a float32 scalar. targets: int64 [B * T].
  at::Tensor Loss(std::span<const at::Tensor> weights, const at::Tensor& tokens,
                  const at::Tensor& targets, const ForwardOptions& options);

 private:
  struct Step;
  at::Tensor Run(const EmbedOp& op, const Op& node, Step& step);
  at::Tensor Run(const NormOp& op, const Op& node, Step& step);
  at::Tensor Run(const AttentionOp& op, const Op& node, Step& step);
  at::Tensor Run(const FeedForwardOp& op, const Op& node, Step& step);
  at::Tensor Run(const AddOp& op, const Op& node, Step& step);
  at::Tensor Run(const HeadOp& op, const Op& node, Step& step);

  // Cosines and sines [T, 1, dims / 2] of rotary positions.
  using Turns = std::pair<at::Tensor, at::Tensor>;
  const Turns& TurnsOf(std::int64_t dims, float base, std::int64_t n);
  // heads: [B, T, heads, d_head].
  at::Tensor Rotate(const AttentionOp& op, const at::Tensor& heads);
  // [T, T]: 0 where a row may attend, -infinity where not. Of the type of `like`.
  const at::Tensor& CausalMask(std::int64_t n, std::int64_t groups, at::ScalarType type);

  const Graph& graph_;
  std::map<std::tuple<std::int64_t, float, std::int64_t>, Turns> turns_;
  std::map<std::tuple<std::int64_t, std::int64_t, at::ScalarType>, at::Tensor> masks_;
};

}  // namespace lts::torch_engine

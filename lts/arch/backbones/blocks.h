// What backbones have in common: blocks of a layer, declared under the same names and in the same
// order everywhere.
#pragma once

#include <cstdint>
#include <string_view>

#include "lts/arch/architecture.h"
#include "lts/arch/graph_builder.h"
#include "lts/arch/registry.h"

namespace lts::backbones {

inline constexpr float kInitStd = 0.02F;

// Archai's keys, and those of Hugging Face's Transformer-XL.
inline constexpr AdaptiveKeys kAdaptiveKeys{.d_embed = "d_embed",
                                            .div_val = "div_val",
                                            .cutoffs = "cutoffs",
                                            .tied_projections = "tie_projs"};

// The residual stream sums 2 n_layer branches; their last matrices start smaller by
// 1 / sqrt(2 n_layer) (Radford et al. 2019).
float BranchStd(const Architecture& architecture);

// Declares the gain and the bias, then normalises.
ValueId LayerNorm(GraphBuilder& b, const Architecture& architecture, std::string_view gain,
                  std::string_view bias, ValueId x);

// Declares attention.qkv and attention.out of a layer; heads of d_model / n_head, no positions.
AttentionOp DeclareAttention(GraphBuilder& b, const Architecture& architecture, std::int64_t layer,
                             bool biases, float out_std);

struct FeedForwardBlock {
  Activation activation = Activation::kGeluTanh;
  bool biases = true;
  bool gated = false;
  float down_std = kInitStd;
};
// Declares feed_forward.up, .gate and .down of a layer.
FeedForwardOp DeclareFeedForward(GraphBuilder& b, const Architecture& architecture,
                                 std::int64_t layer, const FeedForwardBlock& block);

// Declares the rest of a layer that normalises after its residual sums: attention, add, norm,
// feed-forward (ReLU, biases), add, norm.
ValueId PostNormLayer(GraphBuilder& b, const Architecture& architecture,
                      const AttentionOp& attention, ValueId x);

// Declares the table of all tokens, [V, d_model].
VocabCluster DeclareVocabulary(GraphBuilder& b, const Architecture& architecture,
                               std::string_view name, TensorRole role);

// Declares the tables and projections of the architecture's adaptive vocabulary (LTS_CHECK: it has
// one), without positions. Where clusters share a projection, it is declared once.
EmbedOp DeclareAdaptiveEmbedding(GraphBuilder& b, const Architecture& architecture);
// The adaptive softmax over the same clusters: tables are `embed`'s where the head is tied, and so
// are projections where they are tied too.
HeadOp DeclareAdaptiveHead(GraphBuilder& b, const Architecture& architecture, const EmbedOp& embed);

// GPT-2 and what differs from it by these two alone: embedding with learned positions; per layer
// norm, attention, add, norm, feed-forward, add; norm, tied head. An adaptive vocabulary takes the
// place of both tables where the architecture has one.
Graph BuildPreNorm(const Architecture& architecture, Activation activation,
                   std::int64_t position_offset);

// Throws kInvalidArgument where n_kv_head differs from n_head.
void RefuseGroupedQueries(const ArchitectureFields& fields);
// Throws kInvalidArgument where a head is of odd width: rotary positions turn pairs.
void RequireEvenHeads(const ArchitectureFields& fields);

}  // namespace lts::backbones

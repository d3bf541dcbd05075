#include "lts/arch/backbones/blocks.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "lts/base/error.h"

namespace lts::backbones {

float BranchStd(const Architecture& architecture) {
  return kInitStd / std::sqrt(2.0F * static_cast<float>(architecture.n_layer()));
}

ValueId LayerNorm(GraphBuilder& b, const Architecture& architecture, std::string_view gain,
                  std::string_view bias, ValueId x) {
  NormOp op{.kind = NormKind::kLayerNorm,
            .epsilon = static_cast<float>(architecture.settings().norm_epsilon)};
  op.gain = b.Gain(gain, architecture.d_model());
  op.bias = b.Bias(bias, architecture.d_model(), TensorRole::kNorm);
  return b.Norm(op, x);
}

AttentionOp DeclareAttention(GraphBuilder& b, const Architecture& architecture, std::int64_t layer,
                             bool biases, float out_std) {
  const LayerShape& shape = architecture.layers()[static_cast<std::size_t>(layer)];
  const std::int64_t d = architecture.d_model();
  AttentionOp op{.layer = layer,
                 .n_head = shape.n_head,
                 .n_kv_head = shape.n_kv_head,
                 .d_head = architecture.d_head(layer)};
  op.scale = 1.0F / std::sqrt(static_cast<float>(op.d_head));
  const std::int64_t fused = (shape.n_head + 2 * shape.n_kv_head) * op.d_head;
  constexpr auto kRole = TensorRole::kAttention;
  op.qkv_weight = b.Matrix("attention.qkv.weight", d, fused, kRole, kInitStd);
  if (biases) op.qkv_bias = b.Bias("attention.qkv.bias", fused, kRole);
  op.out_weight = b.Matrix("attention.out.weight", d, d, kRole, out_std);
  if (biases) op.out_bias = b.Bias("attention.out.bias", d, kRole);
  return op;
}

FeedForwardOp DeclareFeedForward(GraphBuilder& b, const Architecture& architecture,
                                 std::int64_t layer, const FeedForwardBlock& block) {
  const std::int64_t d = architecture.d_model();
  constexpr auto kRole = TensorRole::kFeedForward;
  FeedForwardOp op{.d_inner = architecture.layers()[static_cast<std::size_t>(layer)].d_inner,
                   .activation = block.activation};
  op.up_weight = b.Matrix("feed_forward.up.weight", d, op.d_inner, kRole, kInitStd);
  if (block.biases) op.up_bias = b.Bias("feed_forward.up.bias", op.d_inner, kRole);
  if (block.gated) {
    op.gate_weight = b.Matrix("feed_forward.gate.weight", d, op.d_inner, kRole, kInitStd);
  }
  op.down_weight = b.Matrix("feed_forward.down.weight", op.d_inner, d, kRole, block.down_std);
  if (block.biases) op.down_bias = b.Bias("feed_forward.down.bias", d, kRole);
  return op;
}

VocabCluster DeclareVocabulary(GraphBuilder& b, const Architecture& architecture,
                               std::string_view name, TensorRole role) {
  VocabCluster cluster{.count = architecture.vocab_size(), .d_embed = architecture.d_model()};
  cluster.table = b.Matrix(name, cluster.count, cluster.d_embed, role, kInitStd);
  return cluster;
}

Graph BuildPreNorm(const Architecture& architecture, Activation activation,
                   std::int64_t position_offset) {
  const auto layers = architecture.layers().size();
  GraphBuilder b(architecture, 12 * layers + 4, 6 * layers + 3);
  const float branch_std = BranchStd(architecture);
  const VocabCluster vocabulary =
      DeclareVocabulary(b, architecture, "embedding.tokens", TensorRole::kTokenEmbedding);
  EmbedOp embed{.clusters = {vocabulary}, .position_offset = position_offset};
  embed.positions = b.Matrix("embedding.positions", architecture.max_seq_len() + position_offset,
                             architecture.d_model(), TensorRole::kPositionEmbedding, kInitStd);
  ValueId x = b.Embed(std::move(embed));
  for (std::int64_t l = 0; l < architecture.n_layer(); ++l) {
    b.BeginLayer(l);
    const ValueId y = LayerNorm(b, architecture, "attention_norm.gain", "attention_norm.bias", x);
    const AttentionOp attention = DeclareAttention(b, architecture, l, /*biases=*/true, branch_std);
    x = b.Add(x, b.Attention(attention, y));
    const ValueId z =
        LayerNorm(b, architecture, "feed_forward_norm.gain", "feed_forward_norm.bias", x);
    const FeedForwardOp feed_forward =
        DeclareFeedForward(b, architecture, l, {.activation = activation, .down_std = branch_std});
    x = b.Add(x, b.FeedForward(feed_forward, z));
  }
  b.EndLayers();
  const ValueId last = LayerNorm(b, architecture, "final_norm.gain", "final_norm.bias", x);
  return std::move(b).Head({.clusters = {vocabulary}}, last);
}

void RefuseGroupedQueries(const ArchitectureFields& fields) {
  for (std::size_t i = 0; i < fields.layers.size(); ++i) {
    const LayerShape& layer = fields.layers[i];
    if (layer.n_kv_head == layer.n_head) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("n_kv_head[{}]: got {}, expected n_head = {}: {} has no grouped-query "
                            "attention",
                            i, layer.n_kv_head, layer.n_head, fields.backbone));
  }
}

void RequireEvenHeads(const ArchitectureFields& fields) {
  for (std::size_t i = 0; i < fields.layers.size(); ++i) {
    const std::int64_t d_head = fields.d_model / fields.layers[i].n_head;
    if (d_head % 2 == 0) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("n_head[{}]: got {}, expected heads of even width, not {}: {} has "
                            "rotary positions",
                            i, fields.layers[i].n_head, d_head, fields.backbone));
  }
}

}  // namespace lts::backbones

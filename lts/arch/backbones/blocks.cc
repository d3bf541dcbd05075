#include "lts/arch/backbones/blocks.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
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

ValueId PostNormLayer(GraphBuilder& b, const Architecture& architecture,
                      const AttentionOp& attention, ValueId x) {
  const ValueId attended = b.Add(x, b.Attention(attention, x));
  const ValueId y =
      LayerNorm(b, architecture, "attention_norm.gain", "attention_norm.bias", attended);
  const FeedForwardOp feed_forward =
      DeclareFeedForward(b, architecture, attention.layer, {.activation = Activation::kRelu});
  const ValueId fed = b.Add(y, b.FeedForward(feed_forward, y));
  return LayerNorm(b, architecture, "feed_forward_norm.gain", "feed_forward_norm.bias", fed);
}

VocabCluster DeclareVocabulary(GraphBuilder& b, const Architecture& architecture,
                               std::string_view name, TensorRole role) {
  VocabCluster cluster{.count = architecture.vocab_size(), .d_embed = architecture.d_model()};
  cluster.table = b.Matrix(name, cluster.count, cluster.d_embed, role, kInitStd);
  return cluster;
}

// The matrices that bring clusters to d_model start smaller than the tables, as in the code of
// Transformer-XL.
constexpr float kProjectionStd = 0.01F;

EmbedOp DeclareAdaptiveEmbedding(GraphBuilder& b, const Architecture& architecture) {
  LTS_CHECK(architecture.settings().adaptive.has_value());
  const AdaptiveVocabulary& adaptive = *architecture.settings().adaptive;
  const std::int64_t d = architecture.d_model();
  constexpr auto kRole = TensorRole::kTokenEmbedding;
  EmbedOp op{.scale = std::sqrt(static_cast<float>(d))};
  TensorId shared = kNoTensor;
  if (adaptive.div_val == 1 && adaptive.d_embed != d) {
    shared = b.Matrix("embedding.projection", adaptive.d_embed, d, kRole, kProjectionStd);
  }
  VocabCluster cluster{.d_embed = adaptive.d_embed};
  for (std::size_t i = 0; i <= adaptive.cutoffs.size(); ++i) {
    const bool last = i == adaptive.cutoffs.size();
    cluster.count = (last ? architecture.vocab_size() : adaptive.cutoffs[i]) - cluster.first;
    const std::string name = "embedding.clusters." + std::to_string(i);
    cluster.table = b.Matrix(name + ".tokens", cluster.count, cluster.d_embed, kRole, kInitStd);
    cluster.projection = adaptive.div_val == 1 ? shared
                                               : b.Matrix(name + ".projection", cluster.d_embed, d,
                                                          kRole, kProjectionStd);
    op.clusters.push_back(cluster);
    cluster.first += cluster.count;
    cluster.d_embed /= adaptive.div_val;
  }
  return op;
}

HeadOp DeclareAdaptiveHead(GraphBuilder& b, const Architecture& architecture,
                           const EmbedOp& embed) {
  const DecoderSettings& settings = architecture.settings();
  const std::int64_t d = architecture.d_model();
  constexpr auto kRole = TensorRole::kHead;
  HeadOp op{.clusters = embed.clusters};
  for (std::size_t i = 0; i < op.clusters.size(); ++i) {
    VocabCluster& cluster = op.clusters[i];
    const std::string name = "head.clusters." + std::to_string(i);
    if (!settings.tied_head) {
      cluster.table = b.Matrix(name + ".weight", cluster.count, cluster.d_embed, kRole, kInitStd);
    }
    const bool tied = i > 0 && settings.adaptive->tied_projections;
    if (cluster.projection != kNoTensor && !tied) {
      cluster.projection =
          b.Matrix(name + ".projection", cluster.d_embed, d, kRole, kProjectionStd);
    }
  }
  op.bias = b.Bias("head.bias", architecture.vocab_size(), kRole);
  if (const std::int64_t tails = std::ssize(op.clusters) - 1; tails > 0) {
    op.cluster_rows =
        b.Matrix("head.cluster_rows", tails, op.clusters.front().d_embed, kRole, kInitStd);
    op.cluster_bias = b.Bias("head.cluster_bias", tails, kRole);
  }
  return op;
}

Graph BuildPreNorm(const Architecture& architecture, Activation activation,
                   std::int64_t position_offset) {
  const auto layers = architecture.layers().size();
  GraphBuilder b(architecture, 12 * layers + 4, 6 * layers + 3);
  const float branch_std = BranchStd(architecture);
  const bool adaptive = architecture.settings().adaptive.has_value();
  EmbedOp embed;
  if (adaptive) {
    embed = DeclareAdaptiveEmbedding(b, architecture);
  } else {
    embed.clusters = {
        DeclareVocabulary(b, architecture, "embedding.tokens", TensorRole::kTokenEmbedding)};
  }
  embed.position_offset = position_offset;
  embed.positions = b.Matrix("embedding.positions", architecture.max_seq_len() + position_offset,
                             architecture.d_model(), TensorRole::kPositionEmbedding, kInitStd);
  ValueId x = b.Embed(embed);
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
  HeadOp head = adaptive ? DeclareAdaptiveHead(b, architecture, embed)
                         : HeadOp{.clusters = std::move(embed.clusters)};
  return std::move(b).Head(std::move(head), last);
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

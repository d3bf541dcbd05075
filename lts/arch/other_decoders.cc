#include "lts/arch/other_decoders.h"

#include <cmath>
#include <string>
#include <utility>

#include "lts/arch/graph_builder.h"

namespace lts {
namespace {

constexpr float kStd = 0.02F;
constexpr auto kAttentionRole = TensorRole::kAttention;
constexpr auto kFeedForwardRole = TensorRole::kFeedForward;

ValueId LayerNorm(GraphBuilder& b, const std::string& name, std::int64_t d, ValueId x) {
  NormOp op;
  op.gain = b.Gain(name + ".gain", d);
  op.bias = b.Bias(name + ".bias", d, TensorRole::kNorm);
  return b.Norm(op, x);
}

AttentionOp Attention(GraphBuilder& b, std::int64_t layer, std::int64_t d, std::int64_t n_head,
                      std::int64_t n_kv_head, bool biases) {
  AttentionOp op;
  op.layer = layer;
  op.n_head = n_head;
  op.n_kv_head = n_kv_head;
  op.d_head = d / n_head;
  op.scale = 1.0F / std::sqrt(static_cast<float>(op.d_head));
  const std::int64_t fused = (n_head + 2 * n_kv_head) * op.d_head;
  op.qkv_weight = b.Matrix("attention.qkv.weight", d, fused, kAttentionRole, kStd);
  if (biases) op.qkv_bias = b.Bias("attention.qkv.bias", fused, kAttentionRole);
  op.out_weight = b.Matrix("attention.out.weight", d, d, kAttentionRole, kStd);
  if (biases) op.out_bias = b.Bias("attention.out.bias", d, kAttentionRole);
  return op;
}

FeedForwardOp FeedForward(GraphBuilder& b, std::int64_t d, std::int64_t d_inner,
                          Activation activation) {
  FeedForwardOp op;
  op.d_inner = d_inner;
  op.activation = activation;
  op.up_weight = b.Matrix("feed_forward.up.weight", d, d_inner, kFeedForwardRole, kStd);
  op.up_bias = b.Bias("feed_forward.up.bias", d_inner, kFeedForwardRole);
  op.down_weight = b.Matrix("feed_forward.down.weight", d_inner, d, kFeedForwardRole, kStd);
  op.down_bias = b.Bias("feed_forward.down.bias", d, kFeedForwardRole);
  return op;
}

// Only the sizes matter: the backbone named here builds nothing.
Architecture Sizes(std::size_t n_layer, std::int64_t d_model, std::int64_t vocab_size,
                   std::int64_t max_seq_len) {
  return Architecture::Gpt2(static_cast<std::int64_t>(n_layer), d_model, 1, 1, vocab_size,
                            max_seq_len);
}

struct AdaptiveOps {
  EmbedOp embed;
  HeadOp head;
};

AdaptiveOps DeclareAdaptive(GraphBuilder& b, const AdaptiveVocabulary& vocabulary, std::int64_t d) {
  std::vector<std::int64_t> ends;
  for (const std::int64_t cutoff : vocabulary.cutoffs) {
    if (cutoff < vocabulary.size) ends.push_back(cutoff);
  }
  ends.push_back(vocabulary.size);

  AdaptiveOps ops;
  ops.embed.scale = std::sqrt(static_cast<float>(d));
  TensorId shared =
      kNoTensor;  // div_val 1: one projection for all clusters, none when widths agree
  if (vocabulary.div_val == 1 && vocabulary.d_embed != d) {
    shared =
        b.Matrix("embedding.projection", vocabulary.d_embed, d, TensorRole::kTokenEmbedding, kStd);
  }
  std::int64_t first = 0;
  std::int64_t d_embed = vocabulary.d_embed;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const std::string name = "embedding." + std::to_string(i);
    VocabCluster cluster{.first = first, .count = ends[i] - first, .d_embed = d_embed};
    cluster.table = b.Matrix(name, cluster.count, d_embed, TensorRole::kTokenEmbedding, kStd);
    cluster.projection = shared;
    if (vocabulary.div_val > 1) {
      cluster.projection =
          b.Matrix(name + ".projection", d_embed, d, TensorRole::kTokenEmbedding, kStd);
    }
    ops.embed.clusters.push_back(cluster);
    if (cluster.projection != kNoTensor && !vocabulary.tied_projections.at(i)) {
      cluster.projection = b.Matrix("head." + std::to_string(i) + ".projection", d_embed, d,
                                    TensorRole::kHead, kStd);
    }
    ops.head.clusters.push_back(cluster);
    first = ends[i];
    d_embed /= vocabulary.div_val;
  }
  ops.head.bias = b.Bias("head.bias", vocabulary.size, TensorRole::kHead);
  if (const std::int64_t tails = std::ssize(ends) - 1; tails > 0) {
    ops.head.cluster_rows =
        b.Matrix("head.clusters", tails, vocabulary.d_embed, TensorRole::kHead, kStd);
    ops.head.cluster_bias = b.Bias("head.clusters.bias", tails, TensorRole::kHead);
  }
  return ops;
}

}  // namespace

Graph OptGraph(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_embed,
               std::int64_t d_inner, std::int64_t n_head, std::int64_t vocab_size,
               std::int64_t max_seq_len) {
  GraphBuilder b(Sizes(static_cast<std::size_t>(n_layer), d_model, vocab_size, max_seq_len), 0, 0);
  const bool post_norm = d_embed != d_model;
  VocabCluster words{.count = vocab_size, .d_embed = d_embed};
  words.table =
      b.Matrix("embedding.tokens", vocab_size, d_embed, TensorRole::kTokenEmbedding, kStd);
  VocabCluster head = words;
  if (post_norm) {
    words.projection =
        b.Matrix("embedding.projection", d_embed, d_model, TensorRole::kTokenEmbedding, kStd);
    head.projection = b.Matrix("head.projection", d_embed, d_model, TensorRole::kHead, kStd);
  }
  EmbedOp embed{.clusters = {words}, .position_offset = 2};
  embed.positions = b.Matrix("embedding.positions", max_seq_len + 2, d_model,
                             TensorRole::kPositionEmbedding, kStd);
  ValueId x = b.Embed(embed);
  for (std::int64_t l = 0; l < n_layer; ++l) {
    b.BeginLayer(l);
    ValueId y = post_norm ? x : LayerNorm(b, "attention_norm", d_model, x);
    const AttentionOp attention = Attention(b, l, d_model, n_head, n_head, /*biases=*/true);
    x = b.Add(x, b.Attention(attention, y));
    if (post_norm) x = LayerNorm(b, "attention_norm", d_model, x);
    y = post_norm ? x : LayerNorm(b, "feed_forward_norm", d_model, x);
    const FeedForwardOp feed_forward = FeedForward(b, d_model, d_inner, Activation::kRelu);
    x = b.Add(x, b.FeedForward(feed_forward, y));
    if (post_norm) x = LayerNorm(b, "feed_forward_norm", d_model, x);
  }
  b.EndLayers();
  if (!post_norm) x = LayerNorm(b, "final_norm", d_model, x);
  return std::move(b).Head({.clusters = {head}}, x);
}

Graph CodeGenGraph(std::int64_t n_layer, std::int64_t d_model, std::int64_t n_head,
                   std::int64_t rotary_dims, std::int64_t vocab_size, std::int64_t max_seq_len) {
  GraphBuilder b(Sizes(static_cast<std::size_t>(n_layer), d_model, vocab_size, max_seq_len), 0, 0);
  VocabCluster words{.count = vocab_size, .d_embed = d_model};
  words.table =
      b.Matrix("embedding.tokens", vocab_size, d_model, TensorRole::kTokenEmbedding, kStd);
  ValueId x = b.Embed({.clusters = {words}});
  for (std::int64_t l = 0; l < n_layer; ++l) {
    b.BeginLayer(l);
    const ValueId y = LayerNorm(b, "norm", d_model, x);
    AttentionOp attention = Attention(b, l, d_model, n_head, n_head, /*biases=*/false);
    attention.positions = PositionScheme::kRotaryInterleaved;
    attention.rotary_dims = rotary_dims;
    const FeedForwardOp feed_forward = FeedForward(b, d_model, 4 * d_model, Activation::kGeluTanh);
    const ValueId attended = b.Attention(attention, y);
    const ValueId fed = b.FeedForward(feed_forward, y);
    x = b.Add(x, b.Add(attended, fed));
  }
  b.EndLayers();
  x = LayerNorm(b, "final_norm", d_model, x);
  words.table = b.Matrix("head.weight", vocab_size, d_model, TensorRole::kHead, kStd);
  HeadOp head{.clusters = {words}};
  head.bias = b.Bias("head.bias", vocab_size, TensorRole::kHead);
  return std::move(b).Head(head, x);
}

Graph LlamaGraph(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_inner,
                 std::int64_t n_head, std::int64_t n_kv_head, std::int64_t vocab_size,
                 std::int64_t max_seq_len) {
  GraphBuilder b(Sizes(static_cast<std::size_t>(n_layer), d_model, vocab_size, max_seq_len), 0, 0);
  const auto norm = [&](const std::string& name, ValueId x) {
    NormOp op{.kind = NormKind::kRmsNorm};
    op.gain = b.Gain(name, d_model);
    return b.Norm(op, x);
  };
  VocabCluster words{.count = vocab_size, .d_embed = d_model};
  words.table =
      b.Matrix("embedding.tokens", vocab_size, d_model, TensorRole::kTokenEmbedding, kStd);
  ValueId x = b.Embed({.clusters = {words}});
  for (std::int64_t l = 0; l < n_layer; ++l) {
    b.BeginLayer(l);
    ValueId y = norm("attention_norm.gain", x);
    AttentionOp attention = Attention(b, l, d_model, n_head, n_kv_head, /*biases=*/false);
    attention.positions = PositionScheme::kRotaryHalves;
    attention.rotary_dims = attention.d_head;
    x = b.Add(x, b.Attention(attention, y));

    y = norm("feed_forward_norm.gain", x);
    FeedForwardOp feed_forward{.d_inner = d_inner, .activation = Activation::kSilu};
    feed_forward.up_weight =
        b.Matrix("feed_forward.up.weight", d_model, d_inner, kFeedForwardRole, kStd);
    feed_forward.gate_weight =
        b.Matrix("feed_forward.gate.weight", d_model, d_inner, kFeedForwardRole, kStd);
    feed_forward.down_weight =
        b.Matrix("feed_forward.down.weight", d_inner, d_model, kFeedForwardRole, kStd);
    x = b.Add(x, b.FeedForward(feed_forward, y));
  }
  b.EndLayers();
  x = norm("final_norm.gain", x);
  words.table = b.Matrix("head.weight", vocab_size, d_model, TensorRole::kHead, kStd);
  return std::move(b).Head({.clusters = {words}}, x);
}

Graph TransformerXlGraph(std::int64_t d_model, const std::vector<LayerShape>& layers,
                         const AdaptiveVocabulary& vocabulary, std::int64_t memory_tokens) {
  constexpr std::int64_t kAnyLength = 1 << 20;  // relative positions set no limit
  GraphBuilder b(Sizes(layers.size(), d_model, vocabulary.size, kAnyLength), 0, 0);
  const AdaptiveOps adaptive = DeclareAdaptive(b, vocabulary, d_model);
  ValueId x = b.Embed(adaptive.embed);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const std::int64_t n_head = layers[l].n_head;
    const std::int64_t d_head = d_model / n_head;
    b.BeginLayer(static_cast<std::int64_t>(l));
    AttentionOp attention = Attention(b, static_cast<std::int64_t>(l), d_model, n_head, n_head,
                                      /*biases=*/false);
    attention.positions = PositionScheme::kRelativeXl;
    attention.memory_tokens = memory_tokens;
    attention.relative_weight =
        b.Matrix("attention.relative.weight", d_model, d_model, kAttentionRole, kStd);
    attention.content_bias =
        b.Matrix("attention.content_bias", n_head, d_head, kAttentionRole, kStd);
    attention.position_bias =
        b.Matrix("attention.position_bias", n_head, d_head, kAttentionRole, kStd);
    x = LayerNorm(b, "attention_norm", d_model, b.Add(x, b.Attention(attention, x)));
    const FeedForwardOp feed_forward =
        FeedForward(b, d_model, layers[l].d_inner, Activation::kRelu);
    x = LayerNorm(b, "feed_forward_norm", d_model, b.Add(x, b.FeedForward(feed_forward, x)));
  }
  b.EndLayers();
  return std::move(b).Head(adaptive.head, x);
}

Graph AdaptiveGpt2Graph(std::int64_t d_model, const std::vector<LayerShape>& layers,
                        const AdaptiveVocabulary& vocabulary, std::int64_t max_seq_len) {
  GraphBuilder b(Sizes(layers.size(), d_model, vocabulary.size, max_seq_len), 0, 0);
  AdaptiveOps adaptive = DeclareAdaptive(b, vocabulary, d_model);
  adaptive.embed.positions =
      b.Matrix("embedding.positions", max_seq_len, d_model, TensorRole::kPositionEmbedding, kStd);
  ValueId x = b.Embed(adaptive.embed);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    b.BeginLayer(static_cast<std::int64_t>(l));
    ValueId y = LayerNorm(b, "attention_norm", d_model, x);
    const AttentionOp attention = Attention(b, static_cast<std::int64_t>(l), d_model,
                                            layers[l].n_head, layers[l].n_head, /*biases=*/true);
    x = b.Add(x, b.Attention(attention, y));
    y = LayerNorm(b, "feed_forward_norm", d_model, x);
    const FeedForwardOp feed_forward =
        FeedForward(b, d_model, layers[l].d_inner, Activation::kGeluTanh);
    x = b.Add(x, b.FeedForward(feed_forward, y));
  }
  b.EndLayers();
  x = LayerNorm(b, "final_norm", d_model, x);
  return std::move(b).Head(adaptive.head, x);
}

}  // namespace lts

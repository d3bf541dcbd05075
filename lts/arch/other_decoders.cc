#include "lts/arch/other_decoders.h"

#include <cmath>
#include <string>
#include <utility>

#include "lts/arch/backbones/blocks.h"
#include "lts/arch/graph_builder.h"

namespace lts {
namespace {

using backbones::kInitStd;

std::vector<LayerShape> EqualLayers(std::int64_t n_layer, LayerShape shape) {
  return std::vector<LayerShape>(static_cast<std::size_t>(n_layer), shape);
}

// What the ops written by hand take their sizes from: GPT-2's rules, but none of its graph.
Architecture Sizes(std::int64_t d_model, std::vector<LayerShape> layers, std::int64_t vocab_size,
                   std::int64_t max_seq_len) {
  return Architecture({.vocab_size = vocab_size,
                       .max_seq_len = max_seq_len,
                       .d_model = d_model,
                       .layers = std::move(layers)});
}

// Attention and a feed-forward block with ReLU, each normalised after its residual connection.
ValueId PostNormLayer(GraphBuilder& b, const Architecture& sizes, std::int64_t layer,
                      const AttentionOp& attention, ValueId x) {
  const ValueId attended = b.Add(x, b.Attention(attention, x));
  const ValueId y =
      backbones::LayerNorm(b, sizes, "attention_norm.gain", "attention_norm.bias", attended);
  const FeedForwardOp feed_forward =
      backbones::DeclareFeedForward(b, sizes, layer, {.activation = Activation::kRelu});
  const ValueId fed = b.Add(y, b.FeedForward(feed_forward, y));
  return backbones::LayerNorm(b, sizes, "feed_forward_norm.gain", "feed_forward_norm.bias", fed);
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
    shared = b.Matrix("embedding.projection", vocabulary.d_embed, d, TensorRole::kTokenEmbedding,
                      kInitStd);
  }
  std::int64_t first = 0;
  std::int64_t d_embed = vocabulary.d_embed;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const std::string name = "embedding." + std::to_string(i);
    VocabCluster cluster{.first = first, .count = ends[i] - first, .d_embed = d_embed};
    cluster.table = b.Matrix(name, cluster.count, d_embed, TensorRole::kTokenEmbedding, kInitStd);
    cluster.projection = shared;
    if (vocabulary.div_val > 1) {
      cluster.projection =
          b.Matrix(name + ".projection", d_embed, d, TensorRole::kTokenEmbedding, kInitStd);
    }
    ops.embed.clusters.push_back(cluster);
    if (cluster.projection != kNoTensor && !vocabulary.tied_projections.at(i)) {
      cluster.projection = b.Matrix("head." + std::to_string(i) + ".projection", d_embed, d,
                                    TensorRole::kHead, kInitStd);
    }
    ops.head.clusters.push_back(cluster);
    first = ends[i];
    d_embed /= vocabulary.div_val;
  }
  ops.head.bias = b.Bias("head.bias", vocabulary.size, TensorRole::kHead);
  if (const std::int64_t tails = std::ssize(ends) - 1; tails > 0) {
    ops.head.cluster_rows =
        b.Matrix("head.clusters", tails, vocabulary.d_embed, TensorRole::kHead, kInitStd);
    ops.head.cluster_bias = b.Bias("head.clusters.bias", tails, TensorRole::kHead);
  }
  return ops;
}

}  // namespace

Graph OptGraph(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_inner,
               std::int64_t n_head, std::int64_t vocab_size, std::int64_t max_seq_len) {
  return BuildGraph(Architecture({.backbone = "opt",
                                  .vocab_size = vocab_size,
                                  .max_seq_len = max_seq_len,
                                  .d_model = d_model,
                                  .layers = EqualLayers(n_layer, {n_head, n_head, d_inner})}));
}

Graph CodeGenGraph(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_inner,
                   std::int64_t n_head, std::int64_t rotary_dims, std::int64_t vocab_size,
                   std::int64_t max_seq_len) {
  return BuildGraph(
      Architecture({.backbone = "codegen",
                    .vocab_size = vocab_size,
                    .max_seq_len = max_seq_len,
                    .d_model = d_model,
                    .layers = EqualLayers(n_layer, {n_head, n_head, d_inner}),
                    .settings = DecoderSettings{.rotary_dims = rotary_dims, .tied_head = false}}));
}

Graph LlamaGraph(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_inner,
                 std::int64_t n_head, std::int64_t n_kv_head, std::int64_t vocab_size,
                 std::int64_t max_seq_len) {
  return BuildGraph(Architecture({.backbone = "llama",
                                  .vocab_size = vocab_size,
                                  .max_seq_len = max_seq_len,
                                  .d_model = d_model,
                                  .layers = EqualLayers(n_layer, {n_head, n_kv_head, d_inner})}));
}

Graph ProjectedOptGraph(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_embed,
                        std::int64_t d_inner, std::int64_t n_head, std::int64_t vocab_size,
                        std::int64_t max_seq_len) {
  const Architecture sizes =
      Sizes(d_model, EqualLayers(n_layer, {n_head, n_head, d_inner}), vocab_size, max_seq_len);
  GraphBuilder b(sizes, 0, 0);
  VocabCluster words{.count = vocab_size, .d_embed = d_embed};
  words.table =
      b.Matrix("embedding.tokens", vocab_size, d_embed, TensorRole::kTokenEmbedding, kInitStd);
  VocabCluster head = words;
  words.projection =
      b.Matrix("embedding.projection", d_embed, d_model, TensorRole::kTokenEmbedding, kInitStd);
  head.projection = b.Matrix("head.projection", d_embed, d_model, TensorRole::kHead, kInitStd);
  EmbedOp embed{.clusters = {words}, .position_offset = 2};
  embed.positions = b.Matrix("embedding.positions", max_seq_len + 2, d_model,
                             TensorRole::kPositionEmbedding, kInitStd);
  ValueId x = b.Embed(embed);
  for (std::int64_t l = 0; l < n_layer; ++l) {
    b.BeginLayer(l);
    const AttentionOp attention =
        backbones::DeclareAttention(b, sizes, l, /*biases=*/true, kInitStd);
    x = PostNormLayer(b, sizes, l, attention, x);
  }
  b.EndLayers();
  return std::move(b).Head({.clusters = {head}}, x);
}

Graph TransformerXlGraph(std::int64_t d_model, const std::vector<LayerShape>& layers,
                         const AdaptiveVocabulary& vocabulary, std::int64_t memory_tokens) {
  constexpr std::int64_t kAnyLength = 1 << 20;  // relative positions set no limit
  constexpr auto kRole = TensorRole::kAttention;
  const Architecture sizes = Sizes(d_model, layers, vocabulary.size, kAnyLength);
  GraphBuilder b(sizes, 0, 0);
  const AdaptiveOps adaptive = DeclareAdaptive(b, vocabulary, d_model);
  ValueId x = b.Embed(adaptive.embed);
  for (std::int64_t l = 0; l < sizes.n_layer(); ++l) {
    b.BeginLayer(l);
    AttentionOp attention = backbones::DeclareAttention(b, sizes, l, /*biases=*/false, kInitStd);
    attention.positions = PositionScheme::kRelativeXl;
    attention.memory_tokens = memory_tokens;
    attention.relative_weight =
        b.Matrix("attention.relative.weight", d_model, d_model, kRole, kInitStd);
    attention.content_bias =
        b.Matrix("attention.content_bias", attention.n_head, attention.d_head, kRole, kInitStd);
    attention.position_bias =
        b.Matrix("attention.position_bias", attention.n_head, attention.d_head, kRole, kInitStd);
    x = PostNormLayer(b, sizes, l, attention, x);
  }
  b.EndLayers();
  return std::move(b).Head(adaptive.head, x);
}

Graph AdaptiveGpt2Graph(std::int64_t d_model, const std::vector<LayerShape>& layers,
                        const AdaptiveVocabulary& vocabulary, std::int64_t max_seq_len) {
  const Architecture sizes = Sizes(d_model, layers, vocabulary.size, max_seq_len);
  GraphBuilder b(sizes, 0, 0);
  AdaptiveOps adaptive = DeclareAdaptive(b, vocabulary, d_model);
  adaptive.embed.positions = b.Matrix("embedding.positions", max_seq_len, d_model,
                                      TensorRole::kPositionEmbedding, kInitStd);
  ValueId x = b.Embed(adaptive.embed);
  for (std::int64_t l = 0; l < sizes.n_layer(); ++l) {
    b.BeginLayer(l);
    const ValueId y =
        backbones::LayerNorm(b, sizes, "attention_norm.gain", "attention_norm.bias", x);
    const AttentionOp attention =
        backbones::DeclareAttention(b, sizes, l, /*biases=*/true, kInitStd);
    x = b.Add(x, b.Attention(attention, y));
    const ValueId z =
        backbones::LayerNorm(b, sizes, "feed_forward_norm.gain", "feed_forward_norm.bias", x);
    const FeedForwardOp feed_forward = backbones::DeclareFeedForward(b, sizes, l, {});
    x = b.Add(x, b.FeedForward(feed_forward, z));
  }
  b.EndLayers();
  const ValueId last = backbones::LayerNorm(b, sizes, "final_norm.gain", "final_norm.bias", x);
  return std::move(b).Head(adaptive.head, last);
}

}  // namespace lts

#include "lts/arch/other_decoders.h"

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
    x = backbones::PostNormLayer(b, sizes, attention, x);
  }
  b.EndLayers();
  return std::move(b).Head({.clusters = {head}}, x);
}

}  // namespace lts

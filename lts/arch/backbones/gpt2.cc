#include "lts/arch/backbones/gpt2.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "lts/arch/graph_builder.h"
#include "lts/base/error.h"

namespace lts {
namespace {

constexpr float kEpsilon = 1e-5F;
constexpr float kInitStd = 0.02F;

constexpr std::array<std::string_view, 2> kArchTypes{"gpt2", "gpt2-flex"};
constexpr std::array<std::string_view, 2> kModelTypes{"gpt2", "gpt2-flex"};

// Three names of Hugging Face for the same tanh approximation.
constexpr std::array<std::string_view, 3> kGeluTanhNames{R"("gelu_new")", R"("gelu_pytorch_tanh")",
                                                         R"("gelu_fast")"};
constexpr std::array<std::string_view, 1> kEpsilons{"1e-05"};
constexpr std::array<std::string_view, 1> kTrue{"true"};
constexpr std::array<std::string_view, 1> kFalse{"false"};
constexpr std::array<std::string_view, 1> kEmptyObject{"{}"};
constexpr std::array<FixedSetting, 8> kFixedSettings{{{"activation_function", kGeluTanhNames},
                                                      {"layer_norm_epsilon", kEpsilons},
                                                      {"tie_word_embeddings", kTrue},
                                                      {"scale_attn_weights", kTrue},
                                                      {"scale_attn_by_inverse_layer_idx", kFalse},
                                                      {"add_cross_attention", kFalse},
                                                      {"pruned_heads", kEmptyObject},
                                                      // Archai's gpt2-flex: ReLU, squared
                                                      {"primer_square", kFalse}}};

constexpr std::array<std::string_view, 1> kPrefixes{"transformer."};
constexpr std::array<std::string_view, 2> kBuffers{"h.#.attn.bias", "h.#.attn.masked_bias"};
constexpr std::array<StoredWeight, 16> kWeights{
    {{"embedding.tokens", "wte.weight"},
     {"embedding.positions", "wpe.weight"},
     {"layers.#.attention_norm.gain", "h.#.ln_1.weight"},
     {"layers.#.attention_norm.bias", "h.#.ln_1.bias"},
     {"layers.#.attention.qkv.weight", "h.#.attn.c_attn.weight"},
     {"layers.#.attention.qkv.bias", "h.#.attn.c_attn.bias"},
     {"layers.#.attention.out.weight", "h.#.attn.c_proj.weight"},
     {"layers.#.attention.out.bias", "h.#.attn.c_proj.bias"},
     {"layers.#.feed_forward_norm.gain", "h.#.ln_2.weight"},
     {"layers.#.feed_forward_norm.bias", "h.#.ln_2.bias"},
     {"layers.#.feed_forward.up.weight", "h.#.mlp.c_fc.weight"},
     {"layers.#.feed_forward.up.bias", "h.#.mlp.c_fc.bias"},
     {"layers.#.feed_forward.down.weight", "h.#.mlp.c_proj.weight"},
     {"layers.#.feed_forward.down.bias", "h.#.mlp.c_proj.bias"},
     {"final_norm.gain", "ln_f.weight"},
     {"final_norm.bias", "ln_f.bias"}}};

void Check(const ArchitectureFields& fields) {
  for (std::size_t i = 0; i < fields.layers.size(); ++i) {
    const LayerShape& layer = fields.layers[i];
    if (layer.n_kv_head != layer.n_head) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format(
              "n_kv_head[{}]: got {}, expected n_head = {}: gpt2 has no grouped-query attention", i,
              layer.n_kv_head, layer.n_head));
    }
  }
}

Graph Build(const Architecture& architecture) {
  const std::int64_t d = architecture.d_model();
  const std::int64_t n_layer = architecture.n_layer();
  // The residual stream sums 2 n_layer branches; their last matrices start smaller by 1 /
  // sqrt(that).
  const float branch_std = kInitStd / std::sqrt(2.0F * static_cast<float>(n_layer));
  const auto layers = architecture.layers().size();
  GraphBuilder b(architecture, 12 * layers + 4, 6 * layers + 3);
  const auto norm = [&b, d](std::string_view gain, std::string_view bias, ValueId x) {
    return b.Norm({.kind = NormKind::kLayerNorm,
                   .epsilon = kEpsilon,
                   .gain = b.Gain(gain, d),
                   .bias = b.Bias(bias, d, TensorRole::kNorm)},
                  x);
  };

  EmbedOp embed;
  VocabCluster vocabulary{.count = architecture.vocab_size(), .d_embed = d};
  vocabulary.table =
      b.Matrix("embedding.tokens", vocabulary.count, d, TensorRole::kTokenEmbedding, kInitStd);
  embed.clusters = {vocabulary};
  embed.positions = b.Matrix("embedding.positions", architecture.max_seq_len(), d,
                             TensorRole::kPositionEmbedding, kInitStd);
  ValueId x = b.Embed(std::move(embed));

  for (std::int64_t l = 0; l < n_layer; ++l) {
    const LayerShape& shape = architecture.layers()[static_cast<std::size_t>(l)];
    b.BeginLayer(l);

    ValueId y = norm("attention_norm.gain", "attention_norm.bias", x);
    AttentionOp attention;
    attention.layer = l;
    attention.n_head = shape.n_head;
    attention.n_kv_head = shape.n_head;
    attention.d_head = d / shape.n_head;
    attention.scale = 1.0F / std::sqrt(static_cast<float>(attention.d_head));
    attention.qkv_weight =
        b.Matrix("attention.qkv.weight", d, 3 * d, TensorRole::kAttention, kInitStd);
    attention.qkv_bias = b.Bias("attention.qkv.bias", 3 * d, TensorRole::kAttention);
    attention.out_weight =
        b.Matrix("attention.out.weight", d, d, TensorRole::kAttention, branch_std);
    attention.out_bias = b.Bias("attention.out.bias", d, TensorRole::kAttention);
    x = b.Add(x, b.Attention(attention, y));

    y = norm("feed_forward_norm.gain", "feed_forward_norm.bias", x);
    FeedForwardOp feed_forward;
    feed_forward.d_inner = shape.d_inner;
    feed_forward.activation = Activation::kGeluTanh;
    feed_forward.up_weight =
        b.Matrix("feed_forward.up.weight", d, shape.d_inner, TensorRole::kFeedForward, kInitStd);
    feed_forward.up_bias = b.Bias("feed_forward.up.bias", shape.d_inner, TensorRole::kFeedForward);
    feed_forward.down_weight = b.Matrix("feed_forward.down.weight", shape.d_inner, d,
                                        TensorRole::kFeedForward, branch_std);
    feed_forward.down_bias = b.Bias("feed_forward.down.bias", d, TensorRole::kFeedForward);
    x = b.Add(x, b.FeedForward(feed_forward, y));
  }

  b.EndLayers();
  const ValueId last = norm("final_norm.gain", "final_norm.bias", x);
  return std::move(b).Head({.clusters = {vocabulary}}, last);
}

}  // namespace

constexpr Backbone kGpt2Backbone{
    .name = "gpt2",
    .summary =
        "GPT-2: pre-LayerNorm, learned positions, GELU; n_head and d_inner may differ by layer",
    .arch_types = kArchTypes,
    .model_types = kModelTypes,
    .keys = {.n_layer = "n_layer",
             .d_model = "n_embd",
             .n_head = "n_head",
             .n_kv_head = "",
             .d_inner = "n_inner",
             .vocab_size = "vocab_size",
             .max_seq_len = "n_positions",
             .attention_dropout = "attn_pdrop"},
    .fixed_settings = kFixedSettings,
    .config_names = {"gpt2", "GPT2LMHeadModel"},
    .per_layer_config_names = {"gpt2-flex", "GPT2FlexLMHeadModel"},
    .weights = {.prefixes = kPrefixes,
                .weights = kWeights,
                .ignored = kBuffers,
                .tied_head = "lm_head.weight"},
    .check = Check,
    .build = Build,
};

}  // namespace lts

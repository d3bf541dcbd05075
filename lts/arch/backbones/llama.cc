#include "lts/arch/backbones/llama.h"

#include <array>
#include <utility>

#include "lts/arch/backbones/blocks.h"

namespace lts {
namespace {

constexpr std::array<std::string_view, 1> kTypes{"llama"};
constexpr std::array<std::string_view, 1> kSilu{R"("silu")"};
constexpr std::array<std::string_view, 1> kFalse{"false"};
constexpr std::array<std::string_view, 1> kNull{"null"};
constexpr std::array<FixedSetting, 5> kFixedSettings{{{"hidden_act", kSilu},
                                                      {"attention_bias", kFalse},
                                                      {"mlp_bias", kFalse},
                                                      {"rope_scaling", kNull},
                                                      {"rope_parameters", kNull}}};

constexpr auto kTransposed = WeightLayout::kTransposed;
constexpr std::array<std::string_view, 1> kPrefixes{"model."};
constexpr std::array<std::string_view, 1> kBuffers{"layers.#.self_attn.rotary_emb.inv_freq"};
constexpr std::array<StoredWeight, 10> kWeights{
    {{"embedding.tokens", "embed_tokens.weight"},
     {"layers.#.attention_norm.gain", "layers.#.input_layernorm.weight"},
     {"layers.#.attention.qkv.weight", "layers.#.self_attn.q_proj.weight", kTransposed,
      "layers.#.self_attn.k_proj.weight", "layers.#.self_attn.v_proj.weight"},
     {"layers.#.attention.out.weight", "layers.#.self_attn.o_proj.weight", kTransposed},
     {"layers.#.feed_forward_norm.gain", "layers.#.post_attention_layernorm.weight"},
     {"layers.#.feed_forward.up.weight", "layers.#.mlp.up_proj.weight", kTransposed},
     {"layers.#.feed_forward.gate.weight", "layers.#.mlp.gate_proj.weight", kTransposed},
     {"layers.#.feed_forward.down.weight", "layers.#.mlp.down_proj.weight", kTransposed},
     {"final_norm.gain", "norm.weight"},
     {"head.weight", "lm_head.weight"}}};

DecoderSettings DefaultSettings(const ArchitectureFields& /*fields*/) {
  return {.norm_epsilon = 1e-6, .tied_head = false};
}

Graph Build(const Architecture& architecture) {
  const auto layers = architecture.layers().size();
  GraphBuilder b(architecture, 7 * layers + 3, 6 * layers + 3);
  const DecoderSettings& settings = architecture.settings();
  const auto norm = [&](std::string_view gain, ValueId x) {
    return b.Norm({.kind = NormKind::kRmsNorm,
                   .epsilon = static_cast<float>(settings.norm_epsilon),
                   .gain = b.Gain(gain, architecture.d_model())},
                  x);
  };
  VocabCluster tokens = backbones::DeclareVocabulary(b, architecture, "embedding.tokens",
                                                     TensorRole::kTokenEmbedding);
  ValueId x = b.Embed({.clusters = {tokens}});
  for (std::int64_t l = 0; l < architecture.n_layer(); ++l) {
    b.BeginLayer(l);
    const ValueId y = norm("attention_norm.gain", x);
    AttentionOp attention =
        backbones::DeclareAttention(b, architecture, l, /*biases=*/false, backbones::kInitStd);
    attention.positions = PositionScheme::kRotaryHalves;
    attention.rotary_dims = attention.d_head;
    attention.rotary_base = static_cast<float>(settings.rotary_base);
    x = b.Add(x, b.Attention(attention, y));
    const ValueId z = norm("feed_forward_norm.gain", x);
    const FeedForwardOp feed_forward = backbones::DeclareFeedForward(
        b, architecture, l, {.activation = Activation::kSilu, .biases = false, .gated = true});
    x = b.Add(x, b.FeedForward(feed_forward, z));
  }
  b.EndLayers();
  const ValueId last = norm("final_norm.gain", x);
  if (!settings.tied_head) {
    tokens = backbones::DeclareVocabulary(b, architecture, "head.weight", TensorRole::kHead);
  }
  return std::move(b).Head({.clusters = {tokens}}, last);
}

}  // namespace

constexpr Backbone kLlamaBackbone{
    .name = "llama",
    .summary = "Llama: RMSNorm, rotary positions, grouped-query attention, SwiGLU, no biases",
    .arch_types = kTypes,
    .model_types = kTypes,
    .keys = {.n_layer = "num_hidden_layers",
             .d_model = "hidden_size",
             .n_head = "num_attention_heads",
             .n_kv_head = "num_key_value_heads",
             .d_inner = "intermediate_size",
             .vocab_size = "vocab_size",
             .max_seq_len = "max_position_embeddings",
             .attention_dropout = "attention_dropout",
             .default_d_inner_per_d_model = 0,
             .default_vocab_size = 0,
             .default_max_seq_len = 0,
             .d_head = "head_dim",
             .rotary_base = "rope_theta",
             .norm_epsilon = "rms_norm_eps",
             .tied_head = "tie_word_embeddings"},
    .fixed_settings = kFixedSettings,
    .default_settings = DefaultSettings,
    .config_names = {"llama", "LlamaForCausalLM"},
    .weights = {.prefixes = kPrefixes,
                .weights = kWeights,
                .ignored = kBuffers,
                .tied_head = "lm_head.weight"},
    .check = backbones::RequireEvenHeads,
    .build = Build,
};

}  // namespace lts

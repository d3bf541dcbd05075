#include "lts/arch/backbones/gpt2.h"

#include <array>

#include "lts/arch/backbones/blocks.h"

namespace lts {
namespace {

constexpr std::array<std::string_view, 3> kArchTypes{"gpt2", "gpt2-flex", "gpt2_flex"};
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

Graph Build(const Architecture& architecture) {
  return backbones::BuildPreNorm(architecture, Activation::kGeluTanh, /*position_offset=*/0);
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
             .attention_dropout = "attn_pdrop",
             .adaptive = backbones::kAdaptiveKeys},
    .fixed_settings = kFixedSettings,
    .config_names = {"gpt2", "GPT2LMHeadModel"},
    .per_layer_config_names = {"gpt2-flex", "GPT2FlexLMHeadModel"},
    .weights = {.prefixes = kPrefixes,
                .weights = kWeights,
                .ignored = kBuffers,
                .tied_head = "lm_head.weight"},
    .check = backbones::RefuseGroupedQueries,
    .build = Build,
};

}  // namespace lts

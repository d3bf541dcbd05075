#include "lts/arch/backbones/opt.h"

#include <array>

#include "lts/arch/backbones/blocks.h"

namespace lts {
namespace {

constexpr std::int64_t kPositionOffset = 2;  // the first two rows are padding's, never used here

constexpr std::array<std::string_view, 1> kTypes{"opt"};
constexpr std::array<std::string_view, 1> kRelu{R"("relu")"};
constexpr std::array<std::string_view, 1> kTrue{"true"};
constexpr std::array<std::string_view, 1> kFalse{"false"};
constexpr std::array<FixedSetting, 6> kFixedSettings{{{"activation_function", kRelu},
                                                      {"do_layer_norm_before", kTrue},
                                                      {"enable_bias", kTrue},
                                                      {"layer_norm_elementwise_affine", kTrue},
                                                      {"_remove_final_layer_norm", kFalse},
                                                      {"tie_word_embeddings", kTrue}}};

constexpr auto kTransposed = WeightLayout::kTransposed;
constexpr std::array<std::string_view, 2> kPrefixes{"model.decoder.", "decoder."};
constexpr std::array<StoredWeight, 16> kWeights{
    {{"embedding.tokens", "embed_tokens.weight"},
     {"embedding.positions", "embed_positions.weight"},
     {"layers.#.attention_norm.gain", "layers.#.self_attn_layer_norm.weight"},
     {"layers.#.attention_norm.bias", "layers.#.self_attn_layer_norm.bias"},
     {"layers.#.attention.qkv.weight", "layers.#.self_attn.q_proj.weight", kTransposed,
      "layers.#.self_attn.k_proj.weight", "layers.#.self_attn.v_proj.weight"},
     {"layers.#.attention.qkv.bias", "layers.#.self_attn.q_proj.bias", kTransposed,
      "layers.#.self_attn.k_proj.bias", "layers.#.self_attn.v_proj.bias"},
     {"layers.#.attention.out.weight", "layers.#.self_attn.out_proj.weight", kTransposed},
     {"layers.#.attention.out.bias", "layers.#.self_attn.out_proj.bias"},
     {"layers.#.feed_forward_norm.gain", "layers.#.final_layer_norm.weight"},
     {"layers.#.feed_forward_norm.bias", "layers.#.final_layer_norm.bias"},
     {"layers.#.feed_forward.up.weight", "layers.#.fc1.weight", kTransposed},
     {"layers.#.feed_forward.up.bias", "layers.#.fc1.bias"},
     {"layers.#.feed_forward.down.weight", "layers.#.fc2.weight", kTransposed},
     {"layers.#.feed_forward.down.bias", "layers.#.fc2.bias"},
     {"final_norm.gain", "final_layer_norm.weight"},
     {"final_norm.bias", "final_layer_norm.bias"}}};

Graph Build(const Architecture& architecture) {
  return backbones::BuildPreNorm(architecture, Activation::kRelu, kPositionOffset);
}

}  // namespace

constexpr Backbone kOptBackbone{
    .name = "opt",
    .summary = "OPT: GPT-2 with ReLU and positions that start at 2",
    .arch_types = kTypes,
    .model_types = kTypes,
    .keys = {.n_layer = "num_hidden_layers",
             .d_model = "hidden_size",
             .n_head = "num_attention_heads",
             .n_kv_head = "",
             .d_inner = "ffn_dim",
             .vocab_size = "vocab_size",
             .max_seq_len = "max_position_embeddings",
             .attention_dropout = "attention_dropout",
             .default_d_inner_per_d_model = 0,
             .default_vocab_size = 0,
             .default_max_seq_len = 0,
             .d_embed = "word_embed_proj_dim"},
    .fixed_settings = kFixedSettings,
    .config_names = {"opt", "OPTForCausalLM"},
    .weights = {.prefixes = kPrefixes, .weights = kWeights, .tied_head = "lm_head.weight"},
    .check = backbones::RefuseGroupedQueries,
    .build = Build,
};

}  // namespace lts

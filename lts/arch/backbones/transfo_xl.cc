#include "lts/arch/backbones/transfo_xl.h"

#include <array>
#include <utility>

#include "lts/arch/backbones/blocks.h"

namespace lts {
namespace {

// Hugging Face's, which are those of the released model of WikiText-103.
constexpr std::int64_t kMemoryTokens = 1600;
constexpr std::int64_t kDivVal = 4;
constexpr std::array<std::int64_t, 3> kCutoffs{20000, 40000, 200000};

constexpr std::array<std::string_view, 3> kTypes{"transfo-xl", "mem-transformer",
                                                 "mem_transformer"};
constexpr std::array<std::string_view, 2> kModelTypes{"transfo-xl", "mem-transformer"};

constexpr std::array<std::string_view, 1> kTrue{"true"};
constexpr std::array<std::string_view, 1> kFalse{"false"};
constexpr std::array<std::string_view, 1> kZero{"0"};
constexpr std::array<FixedSetting, 7> kFixedSettings{{{"attn_type", kZero},
                                                      {"pre_lnorm", kFalse},
                                                      {"untie_r", kTrue},
                                                      {"adaptive", kTrue},
                                                      {"ext_len", kZero},
                                                      {"primer_conv", kFalse},
                                                      {"primer_square", kFalse}}};
// Training, and how segments are evaluated: which distances count as equal, how much of the memory
// the first tokens of a segment see.
constexpr std::array<std::string_view, 13> kIgnoredSettings{
    "clamp_len",   "same_length", "sample_softmax", "use_cache",     "fp16",    "dtype",
    "init",        "init_range",  "init_std",       "proj_init_std", "dropout", "weight_init_std",
    "eos_token_id"};

DecoderSettings DefaultSettings(const ArchitectureFields& fields) {
  AdaptiveVocabulary adaptive{
      .d_embed = fields.d_model, .div_val = kDivVal, .tied_projections = true};
  std::int64_t width = adaptive.d_embed;
  for (const std::int64_t cutoff : kCutoffs) {
    width /= adaptive.div_val;
    if (cutoff < fields.vocab_size && width >= 1) adaptive.cutoffs.push_back(cutoff);
  }
  if (adaptive.cutoffs.empty()) adaptive.tied_projections = false;  // as Architecture has it
  return {.memory_tokens = kMemoryTokens, .adaptive = std::move(adaptive)};
}

Graph Build(const Architecture& architecture) {
  const auto layers = architecture.layers().size();
  GraphBuilder b(architecture, 13 * layers + 12, 6 * layers + 2);
  constexpr auto kRole = TensorRole::kAttention;
  const std::int64_t d = architecture.d_model();
  const EmbedOp embed = backbones::DeclareAdaptiveEmbedding(b, architecture);
  ValueId x = b.Embed(embed);
  for (std::int64_t l = 0; l < architecture.n_layer(); ++l) {
    b.BeginLayer(l);
    AttentionOp attention =
        backbones::DeclareAttention(b, architecture, l, /*biases=*/false, backbones::kInitStd);
    attention.positions = PositionScheme::kRelativeXl;
    attention.memory_tokens = architecture.settings().memory_tokens;
    const std::int64_t queries = attention.n_head * attention.d_head;
    attention.relative_weight =
        b.Matrix("attention.relative.weight", d, queries, kRole, backbones::kInitStd);
    attention.content_bias = b.Matrix("attention.content_bias", attention.n_head, attention.d_head,
                                      kRole, backbones::kInitStd);
    attention.position_bias = b.Matrix("attention.position_bias", attention.n_head,
                                       attention.d_head, kRole, backbones::kInitStd);
    x = backbones::PostNormLayer(b, architecture, attention, x);
  }
  b.EndLayers();
  HeadOp head = backbones::DeclareAdaptiveHead(b, architecture, embed);
  return std::move(b).Head(std::move(head), x);
}

}  // namespace

constexpr Backbone kTransfoXlBackbone{
    .name = "transfo-xl",
    .summary =
        "Transformer-XL: post-LayerNorm, relative positions over a memory, adaptive "
        "vocabulary; counted, not run",
    .arch_types = kTypes,
    .model_types = kModelTypes,
    .keys = {.n_layer = "n_layer",
             .d_model = "d_model",
             .n_head = "n_head",
             .n_kv_head = "",
             .d_inner = "d_inner",
             .vocab_size = "vocab_size",
             .max_seq_len = "tgt_len",
             .attention_dropout = "dropatt",
             .default_d_inner_per_d_model = 0,
             .default_vocab_size = 0,
             .d_head = "d_head",
             .norm_epsilon = "layer_norm_epsilon",
             .tied_head = "tie_word_embeddings",
             .memory_tokens = "mem_len",
             .adaptive = backbones::kAdaptiveKeys},
    .fixed_settings = kFixedSettings,
    .ignored_settings = kIgnoredSettings,
    .default_settings = DefaultSettings,
    .config_names = {"transfo-xl", "TransfoXLLMHeadModel"},
    .per_layer_config_names = {"mem-transformer", "MemTransformerLMHeadModel"},
    .check = backbones::RefuseGroupedQueries,
    .build = Build,
};

}  // namespace lts

#include "lts/arch/backbones/codegen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "lts/arch/backbones/blocks.h"
#include "lts/base/error.h"

namespace lts {
namespace {

constexpr std::int64_t kHeadBlocks = 4;  // WeightLayout::kTransposedQvk cuts between heads
constexpr std::int64_t kMostRotaryDims = 64;

constexpr std::array<std::string_view, 1> kTypes{"codegen"};
constexpr std::array<std::string_view, 3> kGeluTanhNames{R"("gelu_new")", R"("gelu_pytorch_tanh")",
                                                         R"("gelu_fast")"};
constexpr std::array<std::string_view, 1> kFalse{"false"};
constexpr std::array<FixedSetting, 2> kFixedSettings{
    {{"activation_function", kGeluTanhNames}, {"tie_word_embeddings", kFalse}}};

constexpr auto kTransposed = WeightLayout::kTransposed;
constexpr std::array<std::string_view, 1> kPrefixes{"transformer."};
constexpr std::array<std::string_view, 3> kBuffers{"h.#.attn.causal_mask", "h.#.attn.bias",
                                                   "h.#.attn.masked_bias"};
constexpr std::array<StoredWeight, 13> kWeights{
    {{"embedding.tokens", "wte.weight"},
     {"layers.#.norm.gain", "h.#.ln_1.weight"},
     {"layers.#.norm.bias", "h.#.ln_1.bias"},
     {"layers.#.attention.qkv.weight", "h.#.attn.qkv_proj.weight", WeightLayout::kTransposedQvk},
     {"layers.#.attention.out.weight", "h.#.attn.out_proj.weight", kTransposed},
     {"layers.#.feed_forward.up.weight", "h.#.mlp.fc_in.weight", kTransposed},
     {"layers.#.feed_forward.up.bias", "h.#.mlp.fc_in.bias"},
     {"layers.#.feed_forward.down.weight", "h.#.mlp.fc_out.weight", kTransposed},
     {"layers.#.feed_forward.down.bias", "h.#.mlp.fc_out.bias"},
     {"final_norm.gain", "ln_f.weight"},
     {"final_norm.bias", "ln_f.bias"},
     {"head.weight", "lm_head.weight"},
     {"head.bias", "lm_head.bias"}}};

DecoderSettings DefaultSettings(const ArchitectureFields& fields) {
  std::int64_t rotary_dims = kMostRotaryDims;
  for (const LayerShape& layer : fields.layers) {
    rotary_dims = std::min(rotary_dims, fields.d_model / layer.n_head / 2 * 2);
  }
  return {.rotary_dims = rotary_dims, .tied_head = false};
}

void Check(const ArchitectureFields& fields) {
  backbones::RefuseGroupedQueries(fields);
  backbones::RequireEvenHeads(fields);
  for (std::size_t i = 0; i < fields.layers.size(); ++i) {
    if (fields.layers[i].n_head % kHeadBlocks == 0) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("n_head[{}]: got {}, expected a multiple of {}: codegen's projections "
                            "are cut in {}",
                            i, fields.layers[i].n_head, kHeadBlocks, kHeadBlocks));
  }
}

Graph Build(const Architecture& architecture) {
  const auto layers = architecture.layers().size();
  GraphBuilder b(architecture, 8 * layers + 5, 5 * layers + 3);
  const VocabCluster tokens = backbones::DeclareVocabulary(b, architecture, "embedding.tokens",
                                                           TensorRole::kTokenEmbedding);
  ValueId x = b.Embed({.clusters = {tokens}});
  for (std::int64_t l = 0; l < architecture.n_layer(); ++l) {
    b.BeginLayer(l);
    const ValueId y = backbones::LayerNorm(b, architecture, "norm.gain", "norm.bias", x);
    AttentionOp attention =
        backbones::DeclareAttention(b, architecture, l, /*biases=*/false, backbones::kInitStd);
    attention.positions = PositionScheme::kRotaryInterleaved;
    attention.rotary_dims = architecture.settings().rotary_dims;
    const FeedForwardOp feed_forward = backbones::DeclareFeedForward(b, architecture, l, {});
    const ValueId attended = b.Add(x, b.Attention(attention, y));
    x = b.Add(attended, b.FeedForward(feed_forward, y));  // both blocks read the same norm
  }
  b.EndLayers();
  const ValueId last =
      backbones::LayerNorm(b, architecture, "final_norm.gain", "final_norm.bias", x);
  HeadOp head{.clusters = {
                  backbones::DeclareVocabulary(b, architecture, "head.weight", TensorRole::kHead)}};
  head.bias = b.Bias("head.bias", architecture.vocab_size(), TensorRole::kHead);
  return std::move(b).Head(std::move(head), last);
}

}  // namespace

constexpr Backbone kCodeGenBackbone{
    .name = "codegen",
    .summary = "CodeGen: attention beside feed-forward on one norm, rotary positions, own head",
    .arch_types = kTypes,
    .model_types = kTypes,
    .keys = {.n_layer = "n_layer",
             .d_model = "n_embd",
             .n_head = "n_head",
             .n_kv_head = "",
             .d_inner = "n_inner",
             .vocab_size = "vocab_size",
             .max_seq_len = "n_positions",
             .attention_dropout = "attn_pdrop",
             .default_vocab_size = 0,
             .default_max_seq_len = 0,
             .rotary_dims = "rotary_dim",
             .norm_epsilon = "layer_norm_epsilon"},
    .fixed_settings = kFixedSettings,
    .default_settings = DefaultSettings,
    .config_names = {"codegen", "CodeGenForCausalLM"},
    .weights = {.prefixes = kPrefixes, .weights = kWeights, .ignored = kBuffers},
    .check = Check,
    .build = Build,
};

}  // namespace lts

// The backbones. To add one: backbones/<name>.cc with a Backbone, and one line in registry.cc.
#pragma once

#include <span>
#include <string_view>

#include "lts/arch/graph.h"

namespace lts {

// The keys of an AdaptiveVocabulary. All or none are empty.
struct AdaptiveKeys {
  std::string_view d_embed;
  std::string_view div_val;
  std::string_view cutoffs;
  // A list with a boolean for each cluster; the first one's is false, the others agree.
  std::string_view tied_projections;
};

// The members of a configuration that say this vocabulary, by those keys.
Json::Object AdaptiveMembers(const AdaptiveVocabulary& adaptive, const AdaptiveKeys& keys);

// Where Hugging Face's config.json of a backbone keeps the fields of an Architecture. Empty: it has
// no such key.
struct ConfigKeys {
  std::string_view n_layer;
  std::string_view d_model;
  std::string_view n_head;
  std::string_view n_kv_head;  // absent in the file: n_head
  std::string_view d_inner;    // absent or null in the file: default_d_inner_per_d_model * d_model
  std::string_view vocab_size;
  std::string_view max_seq_len;
  std::string_view attention_dropout;
  std::int64_t default_d_inner_per_d_model = 4;  // 0: the file must say d_inner
  std::int64_t default_vocab_size = 50257;       // 0: the file must say it
  std::int64_t default_max_seq_len = 1024;       // 0: the file must say it
  // Widths that follow from the others here: any other value in the file is kUnsupported.
  std::string_view d_head = {};   // d_model / n_head
  std::string_view d_embed = {};  // d_model
  // Of DecoderSettings. Empty: the backbone has its default alone.
  std::string_view rotary_dims = {};
  std::string_view rotary_base = {};
  std::string_view norm_epsilon = {};
  std::string_view tied_head = {};
  std::string_view memory_tokens = {};
  AdaptiveKeys adaptive = {};  // none: the backbone has no adaptive vocabulary
};

// A setting of config.json that would change the computation: the values that this backbone
// computes, as compact JSON text. Absent means the default, which must be one of them. Any other
// value is kUnsupported. Archai's files may hold these too: what Archai does not know it hands on
// to Hugging Face.
struct FixedSetting {
  std::string_view key;
  std::span<const std::string_view> values;
};

// How a file of Hugging Face lays out one of our tensors.
enum class WeightLayout {
  kAsOurs,      // the same shape: embeddings, biases, gains, and matrices [in, out] (their Conv1D)
  kTransposed,  // [out, in] (their Linear)
  kTransposedQvk  // [out, in] whose rows are cut in 4, each with its queries, values and keys, in
                  // this order (CodeGen, for the TPU cores that it was trained on)
};

// Where a tensor of a graph stands in a file of Hugging Face; '#' in a name is the layer.
struct StoredWeight {
  std::string_view name;    // ours: "layers.#.attention.qkv.weight"
  std::string_view stored;  // theirs, without prefix: "h.#.attn.c_attn.weight"
  WeightLayout layout = WeightLayout::kAsOurs;
  // Where queries, keys and values are three tensors of theirs, `stored` is the queries'.
  std::string_view stored_keys = {};
  std::string_view stored_values = {};
};

// The weights of a backbone in a file of Hugging Face.
struct WeightNames {
  // Of the base model's names in the file of a whole model, which is what we write; the file of a
  // base model has none, or a later one of the list.
  std::span<const std::string_view> prefixes;
  std::span<const StoredWeight> weights;  // every tensor of the graph
  // Buffers that are no weights: causal masks, rotary tables.
  std::span<const std::string_view> ignored;
  // The head where it is tied to the token embedding: absent, or equal to it. Without prefix.
  std::string_view tied_head;
};

// What config.json calls a model.
struct ConfigNames {
  std::string_view model_type;    // "gpt2"
  std::string_view architecture;  // "GPT2LMHeadModel"
};

struct Backbone {
  std::string_view name;                          // "gpt2"
  std::string_view summary;                       // one line for `lts spaces` and docs
  std::span<const std::string_view> arch_types;   // Archai's names; the first one makes our archids
  std::span<const std::string_view> model_types;  // Hugging Face's names
  ConfigKeys keys;
  std::span<const FixedSetting> fixed_settings;  // their first values are what we write
  // Settings that change neither weights nor counts, which Archai's files may hold as well (those
  // of Hugging Face may hold anything).
  std::span<const std::string_view> ignored_settings = {};
  // Of an architecture whose layers are valid; null: DecoderSettings{}.
  DecoderSettings (*default_settings)(const ArchitectureFields& fields);
  ConfigNames config_names;  // of a model whose layers are all equal
  ConfigNames
      per_layer_config_names;  // of any other; its n_head and d_inner are lists; empty: none
  // Of an architecture without adaptive vocabulary. None: the backbone is described and counted
  // only.
  WeightNames weights;
  // Rules beyond Architecture's own (n_kv_head = n_head for GPT-2, say): throws kInvalidArgument,
  // without the name of a file in front.
  void (*check)(const ArchitectureFields& fields);
  Graph (*build)(const Architecture& architecture);

  bool runs() const { return !weights.weights.empty(); }  // on engines, from checkpoints
};

std::span<const Backbone* const> Backbones();
// Throws kNotFound with a suggestion.
const Backbone& FindBackbone(std::string_view name);
// The backbone's own settings for these fields, whose backbone must exist and whose layers must be
// valid; d_embed is given in full.
DecoderSettings DefaultSettingsOf(const ArchitectureFields& fields);

}  // namespace lts

// The shape of a decoder-only transformer: what the search varies and everything else is derived
// from. Describes no weights and no ops (graph.h does that). Immutable; an Architecture that exists
// is valid.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/json.h"

namespace lts {

struct LayerShape {
  std::int64_t n_head = 1;  // query heads; divides d_model
  // Key/value heads; divides n_head (grouped-query attention). GPT-2: = n_head.
  std::int64_t n_kv_head = 1;
  std::int64_t d_inner = 1;  // width of the feed-forward block
  bool operator==(const LayerShape&) const = default;
};

// A vocabulary in clusters of falling frequency, each with a table of its own width and a
// projection to d_model (Grave et al. 2017, arXiv:1609.04309; Baevski & Auli 2019,
// arXiv:1809.10853), as the code of Transformer-XL builds it: embeddings are scaled by
// sqrt(d_model), the head is the adaptive softmax with a bias for every word. Cluster i is d_embed
// / div_val^i wide, rounded down. Where div_val is 1 all clusters share one projection, and need
// none where d_embed is d_model.
struct AdaptiveVocabulary {
  // Of the first cluster. 0: d_model, which Architecture puts in its place.
  std::int64_t d_embed = 0;
  std::int64_t div_val = 1;  // [1, kMaxDModel]; the last cluster must keep a width of 1
  // The first token of each cluster but the first: ascending, in [1, vocab_size). At most
  // kMaxCutoffs.
  std::vector<std::int64_t> cutoffs;
  // Whether the head's projections, but for the first cluster's, are the embedding's. Architecture
  // makes it false where there is none to share.
  bool tied_projections = false;
  bool operator==(const AdaptiveVocabulary&) const = default;
};

// What some backbones leave open beside their shape; the defaults here are GPT-2's, each backbone
// has its own. Where a backbone has one value alone, no other is valid.
struct DecoderSettings {
  std::int64_t rotary_dims = 0;  // of each head, even; 0: none, or the whole head (Llama)
  double rotary_base = 10000.0;  // (1, 1e12]
  double norm_epsilon = 1e-5;    // [1e-30, 1)
  bool tied_head = true;         // the head's table is the token embedding
  // Transformer-XL: tokens from before a step that it attends to, [0, kMaxSeqLen].
  std::int64_t memory_tokens = 0;
  std::optional<AdaptiveVocabulary> adaptive = {};  // absent: one table of all words, d_model wide
  bool operator==(const DecoderSettings&) const = default;
};

// The fields before validation. Defaults are GPT-2's.
struct ArchitectureFields {
  std::string backbone = "gpt2";  // name in the backbone registry (registry.h)
  std::int64_t vocab_size = 50257;
  std::int64_t max_seq_len = 1024;
  std::int64_t d_model = 768;
  std::vector<LayerShape> layers;
  double attention_dropout = 0.0;  // training only; Archai's archid hashes it ("dropatt")
  std::optional<DecoderSettings> settings = {};  // absent: the backbone's
};

// Limits far above any model that runs here and far below overflow: products of four of them fit
// int64 checks.
inline constexpr std::int64_t kMaxVocabSize = 1 << 24;
inline constexpr std::int64_t kMaxSeqLen = 1 << 24;
inline constexpr std::int64_t kMaxDModel = 1 << 20;
inline constexpr std::int64_t kMaxDInner = 1 << 22;
inline constexpr std::int64_t kMaxLayers = 4096;
inline constexpr std::int64_t kMaxCutoffs = 64;  // published vocabularies have 3

class Architecture {
 public:
  // Throws kInvalidArgument naming field, value and expectation: "n_head[2]: got 7, expected a
  // divisor of d_model = 512". Throws kNotFound for an unknown backbone. `name` (a file, say)
  // starts the message when not empty.
  explicit Architecture(ArchitectureFields fields, std::string_view name = "");
  // Plain GPT-2: every layer equal.
  static Architecture Gpt2(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_inner,
                           std::int64_t n_head, std::int64_t vocab_size = 50257,
                           std::int64_t max_seq_len = 1024);

  const std::string& backbone() const { return fields_.backbone; }
  std::int64_t vocab_size() const { return fields_.vocab_size; }
  std::int64_t max_seq_len() const { return fields_.max_seq_len; }
  std::int64_t d_model() const { return fields_.d_model; }
  std::int64_t n_layer() const { return static_cast<std::int64_t>(fields_.layers.size()); }
  const std::vector<LayerShape>& layers() const { return fields_.layers; }
  std::int64_t d_head(std::int64_t layer) const;  // d_model / n_head of that layer
  double attention_dropout() const { return fields_.attention_dropout; }
  const DecoderSettings& settings() const { return *fields_.settings; }
  bool homogeneous() const;  // all layers equal
  const ArchitectureFields& fields() const { return fields_; }

  // The identity used in files and in the store: Archai's archid of ToConfig(), arch_type not
  // hashed. O(n_layer).
  std::string Id() const;
  // ToConfig() behind an arch_type, which ParseArchitecture reads back equal whatever the backbone.
  Json ToDocument() const;
  // "L7 d576 i832 h8": short text for tables. Values that differ by layer are printed as ranges:
  // "i640..1920". " kv2" follows where n_kv_head differs from n_head.
  std::string ShortName() const;

  // Archai's configuration without arch_type: vocab_size, dropatt, max_sequence_length, n_layer,
  // d_model, d_inner, n_head, and (ours, not Archai's) n_kv_head where it differs from n_head. Each
  // of the last three is a list when it differs by layer. Settings that differ from the backbone's
  // follow: rotary_dims, rotary_base, norm_epsilon, tied_head, mem_len, and of an adaptive
  // vocabulary d_embed, div_val, cutoffs, tie_projs (Archai's names). ParseArchitecture reads it
  // back where the backbone is gpt2.
  Json ToConfig() const;

  bool operator==(const Architecture& other) const;

 private:
  ArchitectureFields fields_;
};

// Reads Archai's architecture JSON ({"arch_type": "gpt2", "d_model": ...}) and Hugging Face's
// config.json of a backbone ({"model_type": "gpt2", "n_embd": ...}). arch_type decides for Archai,
// else model_type for Hugging Face, else the name of the width (n_embd but no d_model: Hugging
// Face). Throws kInvalidArgument naming file, field, value and expectation; kNotFound with a
// suggestion for unknown types and keys.
//   Archai:       arch_type may be missing (gpt2), as may vocab_size (50257), max_sequence_length
//                 (1024), dropatt (0) and dropout (ignored: training only). d_inner and n_head are
//                 integers or lists of at least n_layer integers, of which the first n_layer count
//                 (Archai's lists have an entry for each layer that the space allows). n_token and
//                 tgt_len, as the LTS paper's code has it, stand for vocab_size and
//                 max_sequence_length. Any of d_embed (-1: d_model), div_val, cutoffs (those at or
//                 above the vocabulary's size are dropped) and tie_projs makes the vocabulary
//                 adaptive, where the backbone can have one; what is missing of them is the
//                 backbone's. Settings that the backbone fixes may be given as it has them. Other
//                 keys are errors.
//   Hugging Face: n_inner missing or null means 4 n_embd. n_head and n_inner are lists, as above,
//                 where model_type is Archai's gpt2-flex or mem-transformer. An adaptive vocabulary
//                 is read as above of gpt2-flex and Transformer-XL. Other keys are ignored (they
//                 hold training and tokenizer settings), except those that would change the
//                 computation and that the backbone does not implement (activation_function other
//                 than gelu_new, scale_attn_by_inverse_layer_idx, add_cross_attention,
//                 tie_word_embeddings false
//                 ...): kUnsupported.
Architecture ParseArchitecture(const Json& json, std::string_view name);
Architecture ReadArchitecture(const std::string& path);  // ParseArchitecture of a file

// The config.json that ParseArchitecture reads back as an equal architecture and that Hugging Face
// Transformers builds the same model from. Layers that differ make it Archai's gpt2-flex, which
// Transformers knows where Archai's class is registered. Throws kUnsupported where there is no such
// type for the backbone.
Json ToHuggingFaceConfig(const Architecture& architecture);

// Archai's archid of a configuration document: arch_type + "_" + SHA-1 of the JSON with sorted
// keys, Python's separators and float repr, per-layer lists cut to n_layer. Archai's defect
// (1.0.0): saving writes "arch_type" into the live configuration, so that an architecture saved
// once hashes that too, and each has two ids. `json` may or may not hold arch_type (then: gpt2);
// members it lacks are not hashed. Throws kInvalidArgument when it is no object.
struct ArchaiIds {
  // arch_type not hashed: fresh random samples.
  std::string plain;
  // arch_type hashed: anything bred from a saved architecture, and most of the published gallery.
  std::string with_arch_type;
};
ArchaiIds ComputeArchaiIds(const Json& json);

}  // namespace lts

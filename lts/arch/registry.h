// The backbones. To add one: backbones/<name>.cc with a Backbone, and one line in registry.cc.
#pragma once

#include <span>
#include <string_view>

#include "lts/arch/graph.h"

namespace lts {

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
  std::int64_t default_d_inner_per_d_model = 4;
};

// A setting of config.json that would change the computation: the values that this backbone
// computes, as compact JSON text. Absent means the default, which must be one of them. Any other
// value is kUnsupported.
struct FixedSetting {
  std::string_view key;
  std::span<const std::string_view> values;
};

struct Backbone {
  std::string_view name;                          // "gpt2"
  std::string_view summary;                       // one line for `lts spaces` and docs
  std::span<const std::string_view> arch_types;   // Archai's names; the first one makes our archids
  std::span<const std::string_view> model_types;  // Hugging Face's names
  ConfigKeys keys;
  std::span<const FixedSetting> fixed_settings;
  // Rules beyond Architecture's own (n_kv_head = n_head for GPT-2, say): throws kInvalidArgument,
  // without the name of a file in front.
  void (*check)(const ArchitectureFields& fields);
  Graph (*build)(const Architecture& architecture);
};

std::span<const Backbone* const> Backbones();
// Throws kNotFound with a suggestion.
const Backbone& FindBackbone(std::string_view name);

}  // namespace lts

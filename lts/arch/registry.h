// The backbones. To add one: backbones/<name>.cc with a Backbone, and one line in registry.cc.
#pragma once

#include <span>
#include <string_view>

#include "lts/arch/graph.h"

namespace lts {

struct Backbone {
  std::string_view name;     // "gpt2"
  std::string_view summary;  // one line for `lts spaces` and docs
  // Rules beyond Architecture's own (n_kv_head = n_head for GPT-2, say): throws kInvalidArgument.
  void (*check)(const ArchitectureFields& fields);
  Graph (*build)(const Architecture& architecture);
};

std::span<const Backbone* const> Backbones();
// Throws kNotFound with a suggestion.
const Backbone& FindBackbone(std::string_view name);

}  // namespace lts

#include "lts/arch/registry.h"

#include <array>
#include <string>
#include <vector>

#include "lts/arch/backbones/codegen.h"
#include "lts/arch/backbones/gpt2.h"
#include "lts/arch/backbones/llama.h"
#include "lts/arch/backbones/opt.h"
#include "lts/arch/backbones/transfo_xl.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {

std::span<const Backbone* const> Backbones() {
  static constexpr std::array<const Backbone*, 5> kBackbones{
      &kGpt2Backbone, &kOptBackbone, &kCodeGenBackbone, &kLlamaBackbone, &kTransfoXlBackbone,
  };
  return kBackbones;
}

const Backbone& FindBackbone(std::string_view name) {
  std::vector<std::string> known;
  for (const Backbone* backbone : Backbones()) {
    if (backbone->name == name) return *backbone;
    known.emplace_back(backbone->name);
  }
  throw Error(ErrorCode::kNotFound, UnknownName("backbone", name, known));
}

DecoderSettings DefaultSettingsOf(const ArchitectureFields& fields) {
  const auto defaults = FindBackbone(fields.backbone).default_settings;
  return defaults == nullptr ? DecoderSettings{} : defaults(fields);
}

}  // namespace lts

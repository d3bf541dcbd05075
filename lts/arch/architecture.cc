#include "lts/arch/architecture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "lts/arch/registry.h"
#include "lts/base/error.h"

namespace lts {
namespace {

[[noreturn]] void Fail(const std::string& problem) {
  throw Error(ErrorCode::kInvalidArgument, problem);
}

void CheckRange(std::string_view field, std::int64_t value, std::int64_t high) {
  if (value < 1 || value > high) {
    Fail(fmt::format("{}: got {}, expected an integer in [1, {}]", field, value, high));
  }
}

void CheckLayer(const ArchitectureFields& fields, std::size_t i) {
  const LayerShape& layer = fields.layers[i];
  if (layer.n_head < 1 || fields.d_model % layer.n_head != 0) {
    Fail(fmt::format("n_head[{}]: got {}, expected a divisor of d_model = {}", i, layer.n_head,
                     fields.d_model));
  }
  if (layer.n_kv_head < 1 || layer.n_head % layer.n_kv_head != 0) {
    Fail(fmt::format("n_kv_head[{}]: got {}, expected a divisor of n_head = {}", i, layer.n_kv_head,
                     layer.n_head));
  }
  if (layer.d_inner < 1 || layer.d_inner > kMaxDInner) {
    Fail(fmt::format("d_inner[{}]: got {}, expected an integer in [1, {}]", i, layer.d_inner,
                     kMaxDInner));
  }
}

void CheckFields(const ArchitectureFields& fields) {
  const Backbone& backbone = FindBackbone(fields.backbone);
  CheckRange("vocab_size", fields.vocab_size, kMaxVocabSize);
  CheckRange("max_seq_len", fields.max_seq_len, kMaxSeqLen);
  CheckRange("d_model", fields.d_model, kMaxDModel);
  CheckRange("n_layer", static_cast<std::int64_t>(fields.layers.size()), kMaxLayers);
  for (std::size_t i = 0; i < fields.layers.size(); ++i) CheckLayer(fields, i);
  if (!(fields.attention_dropout >= 0 && fields.attention_dropout <= 1)) {
    Fail(fmt::format("attention_dropout: got {}, expected a number in [0, 1]",
                     fields.attention_dropout));
  }
  backbone.check(fields);
}

// Equal decoders get equal fields.
void Complete(AdaptiveVocabulary& adaptive, std::int64_t d_model) {
  if (adaptive.d_embed == 0) adaptive.d_embed = d_model;
  const bool projects = adaptive.div_val > 1 || adaptive.d_embed != d_model;
  if (adaptive.cutoffs.empty() || !projects) adaptive.tied_projections = false;
}

void CheckAdaptive(const AdaptiveVocabulary& adaptive, const ArchitectureFields& fields) {
  CheckRange("d_embed", adaptive.d_embed, kMaxDModel);
  CheckRange("div_val", adaptive.div_val, kMaxDModel);
  if (std::ssize(adaptive.cutoffs) > kMaxCutoffs) {
    Fail(fmt::format("cutoffs: got {} of them, expected at most {}", adaptive.cutoffs.size(),
                     kMaxCutoffs));
  }
  std::int64_t previous = 0;
  std::int64_t width = adaptive.d_embed;
  for (const std::int64_t cutoff : adaptive.cutoffs) {
    if (cutoff <= previous || cutoff >= fields.vocab_size) {
      Fail(
          fmt::format("cutoffs: got {} after {}, expected ascending integers in [1, vocab_size - 1 "
                      "= {}]",
                      cutoff, previous, fields.vocab_size - 1));
    }
    previous = cutoff;
    width /= adaptive.div_val;
  }
  if (width < 1) {
    Fail(fmt::format(
        "div_val: got {}, expected less: with d_embed = {} the last of {} clusters would "
        "have no width",
        adaptive.div_val, adaptive.d_embed, adaptive.cutoffs.size() + 1));
  }
}

void CheckSettings(const ArchitectureFields& fields) {
  const Backbone& backbone = FindBackbone(fields.backbone);
  const DecoderSettings defaults = DefaultSettingsOf(fields);
  const DecoderSettings& settings = *fields.settings;
  const auto check = [&](std::string_view field, std::string_view key, const auto& value,
                         const auto& otherwise, bool in_range, std::string_view expected) {
    if (key.empty() && value != otherwise) {
      Fail(fmt::format("{}: got {}, expected {}: {} has no other", field, value, otherwise,
                       backbone.name));
    }
    if (!in_range) Fail(fmt::format("{}: got {}, expected {}", field, value, expected));
  };
  std::int64_t narrowest = fields.d_model;
  for (const LayerShape& layer : fields.layers) {
    narrowest = std::min(narrowest, fields.d_model / layer.n_head);
  }
  const std::int64_t dims = settings.rotary_dims;
  check("rotary_dims", backbone.keys.rotary_dims, dims, defaults.rotary_dims,
        dims == defaults.rotary_dims || (dims >= 2 && dims % 2 == 0 && dims <= narrowest),
        fmt::format("an even number in [2, {}]", narrowest));
  check("rotary_base", backbone.keys.rotary_base, settings.rotary_base, defaults.rotary_base,
        settings.rotary_base > 1 && settings.rotary_base <= 1e12, "a number in (1, 1e12]");
  // Far from what float32 would round to 0.
  check("norm_epsilon", backbone.keys.norm_epsilon, settings.norm_epsilon, defaults.norm_epsilon,
        settings.norm_epsilon >= 1e-30 && settings.norm_epsilon < 1, "a number in [1e-30, 1)");
  check("tied_head", backbone.keys.tied_head, settings.tied_head, defaults.tied_head, true, "");
  check("memory_tokens", backbone.keys.memory_tokens, settings.memory_tokens,
        defaults.memory_tokens, settings.memory_tokens >= 0 && settings.memory_tokens <= kMaxSeqLen,
        fmt::format("an integer in [0, {}]", kMaxSeqLen));
  if (settings.adaptive && backbone.keys.adaptive.d_embed.empty()) {
    Fail(fmt::format("d_embed, div_val, cutoffs: {} has no adaptive vocabulary", backbone.name));
  }
  if (!settings.adaptive && defaults.adaptive) {
    Fail(fmt::format("d_embed, div_val, cutoffs: got none: {} has always an adaptive vocabulary",
                     backbone.name));
  }
  if (settings.adaptive) CheckAdaptive(*settings.adaptive, fields);
}

// An integer when all layers agree, otherwise a list.
Json PerLayer(const std::vector<LayerShape>& layers, std::int64_t LayerShape::*field) {
  const auto differs = [&](const LayerShape& layer) {
    return layer.*field != layers.front().*field;
  };
  if (std::none_of(layers.begin(), layers.end(), differs)) return layers.front().*field;
  Json::Array values;
  values.reserve(layers.size());
  for (const LayerShape& layer : layers) values.emplace_back(layer.*field);
  return values;
}

std::string Range(const std::vector<LayerShape>& layers, std::int64_t LayerShape::*field) {
  const auto less = [field](const LayerShape& a, const LayerShape& b) {
    return a.*field < b.*field;
  };
  const auto [low, high] = std::minmax_element(layers.begin(), layers.end(), less);
  const std::int64_t from = (*low).*field;
  const std::int64_t to = (*high).*field;
  return from == to ? fmt::format("{}", from) : fmt::format("{}..{}", from, to);
}

}  // namespace

Architecture::Architecture(ArchitectureFields fields, std::string_view name)
    : fields_(std::move(fields)) {
  try {
    CheckFields(fields_);
    if (!fields_.settings) fields_.settings = DefaultSettingsOf(fields_);
    if (fields_.settings->adaptive) Complete(*fields_.settings->adaptive, fields_.d_model);
    CheckSettings(fields_);
  } catch (const Error& error) {
    if (name.empty()) throw;
    throw Error(error.code(), fmt::format("{}: {}", name, error.what()));
  }
  fields_.attention_dropout += 0.0;  // -0.0 would be another id
}

Architecture Architecture::Gpt2(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_inner,
                                std::int64_t n_head, std::int64_t vocab_size,
                                std::int64_t max_seq_len) {
  ArchitectureFields fields;
  fields.vocab_size = vocab_size;
  fields.max_seq_len = max_seq_len;
  fields.d_model = d_model;
  // Out of range stays out of range, without allocating it; the constructor refuses it.
  const std::int64_t count = std::clamp<std::int64_t>(n_layer, 0, kMaxLayers + 1);
  fields.layers.assign(static_cast<std::size_t>(count), LayerShape{n_head, n_head, d_inner});
  return Architecture(std::move(fields));
}

std::int64_t Architecture::d_head(std::int64_t layer) const {
  LTS_CHECK(layer >= 0 && layer < n_layer());
  return d_model() / layers()[static_cast<std::size_t>(layer)].n_head;
}

bool Architecture::homogeneous() const {
  return std::all_of(layers().begin(), layers().end(),
                     [this](const LayerShape& layer) { return layer == layers().front(); });
}

std::string Architecture::Id() const {
  Json config = ToConfig();
  config["arch_type"] = FindBackbone(backbone()).arch_types.front();
  return ComputeArchaiIds(config).plain;
}

std::string Architecture::ShortName() const {
  std::string name =
      fmt::format("L{} d{} i{} h{}", n_layer(), d_model(), Range(layers(), &LayerShape::d_inner),
                  Range(layers(), &LayerShape::n_head));
  if (PerLayer(layers(), &LayerShape::n_kv_head) != PerLayer(layers(), &LayerShape::n_head)) {
    name += " kv" + Range(layers(), &LayerShape::n_kv_head);
  }
  return name;
}

Json Architecture::ToConfig() const {
  Json config = Json::MakeObject();
  config["vocab_size"] = vocab_size();
  config["dropatt"] = attention_dropout();
  config["max_sequence_length"] = max_seq_len();
  config["n_layer"] = n_layer();
  config["d_model"] = d_model();
  config["d_inner"] = PerLayer(layers(), &LayerShape::d_inner);
  config["n_head"] = PerLayer(layers(), &LayerShape::n_head);
  Json n_kv_head = PerLayer(layers(), &LayerShape::n_kv_head);
  if (n_kv_head != config["n_head"]) config["n_kv_head"] = std::move(n_kv_head);
  const DecoderSettings defaults = DefaultSettingsOf(fields_);
  const auto put = [&config](std::string_view key, const auto& value, const auto& otherwise) {
    if (value != otherwise) config[key] = value;
  };
  put("rotary_dims", settings().rotary_dims, defaults.rotary_dims);
  put("rotary_base", settings().rotary_base, defaults.rotary_base);
  put("norm_epsilon", settings().norm_epsilon, defaults.norm_epsilon);
  put("tied_head", settings().tied_head, defaults.tied_head);
  put("mem_len", settings().memory_tokens, defaults.memory_tokens);
  if (settings().adaptive && settings().adaptive != defaults.adaptive) {
    const AdaptiveKeys& keys = FindBackbone(backbone()).keys.adaptive;
    for (const auto& [key, value] : AdaptiveMembers(*settings().adaptive, keys)) {
      config[key] = value;
    }
  }
  return config;
}

Json Architecture::ToDocument() const {
  Json document = Json::MakeObject();
  document["arch_type"] = backbone();
  const Json config = ToConfig();
  for (const auto& [key, value] : config.AsObject()) document[key] = value;
  return document;
}

bool Architecture::operator==(const Architecture& other) const {
  return fields_.backbone == other.fields_.backbone &&
         fields_.vocab_size == other.fields_.vocab_size &&
         fields_.max_seq_len == other.fields_.max_seq_len &&
         fields_.d_model == other.fields_.d_model && fields_.layers == other.fields_.layers &&
         fields_.attention_dropout == other.fields_.attention_dropout &&
         fields_.settings == other.fields_.settings;
}

}  // namespace lts

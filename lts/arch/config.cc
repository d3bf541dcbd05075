// Architecture files of others: Archai's architecture JSON and Hugging Face's config.json.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/registry.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr std::int64_t kGpt2VocabSize = 50257;  // what Archai means when the file does not say
constexpr std::int64_t kGpt2MaxSeqLen = 1024;

// The value that names the backbone (arch_type or model_type) and the backbone that it names.
const Backbone& BackboneByType(std::string_view file, std::string_view key, std::string_view type,
                               std::span<const std::string_view> Backbone::*types) {
  std::vector<std::string> known;
  for (const Backbone* backbone : Backbones()) {
    for (const std::string_view name : backbone->*types) {
      if (name == type) return *backbone;
      known.emplace_back(name);
    }
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("{}: field '{}': {}", file, key, UnknownName(key, type, known)));
}

// One value per layer: an integer counts for all layers, a list needs at least n_layer entries, of
// which the first n_layer count.
std::vector<std::int64_t> PerLayer(ObjectReader& reader, std::string_view key, std::int64_t high,
                                   std::size_t n_layer) {
  const bool is_list = reader.Member(key).is_array();
  std::vector<std::int64_t> values =
      reader.Ints(key, 1, high, static_cast<std::size_t>(kMaxLayers));
  if (!is_list) return std::vector<std::int64_t>(n_layer, values.front());
  if (values.size() < n_layer) {
    reader.Fail(key, fmt::format("expected at least n_layer = {} entries", n_layer));
  }
  values.resize(n_layer);
  return values;
}

void RequireDivisors(const ObjectReader& reader, std::string_view key,
                     const std::vector<std::int64_t>& n_head, std::string_view d_model_key,
                     std::int64_t d_model) {
  for (std::size_t i = 0; i < n_head.size(); ++i) {
    if (d_model % n_head[i] == 0) continue;
    const bool differ =
        std::adjacent_find(n_head.begin(), n_head.end(), std::not_equal_to<>()) != n_head.end();
    reader.Fail(key, fmt::format("expected a divisor of {} = {}{}", d_model_key, d_model,
                                 differ ? fmt::format(", but entry {} is {}", i, n_head[i]) : ""));
  }
}

// [false, true, true]: whether the head's projection of each cluster is the embedding's. Longer
// lists are cut, as Archai does.
bool ReadTiedProjections(ObjectReader& reader, std::string_view key, std::size_t clusters) {
  const Json& json = reader.Member(key);
  if (!json.is_array() || json.AsArray().size() < clusters) {
    reader.Fail(key, fmt::format("expected a list of at least {} booleans", clusters));
  }
  const Json::Array& list = json.AsArray();
  for (const Json& tied : list) {
    if (!tied.is_bool()) reader.Fail(key, "expected a list of booleans");
  }
  const bool rest = clusters > 1 && list[1].AsBool();
  bool agree = !list[0].AsBool();
  for (std::size_t i = 1; i < clusters; ++i) agree &= list[i].AsBool() == rest;
  if (agree) return rest;
  try {
    reader.Fail(key, "expected the first false and the others equal; nothing else is computed");
  } catch (const Error& error) {
    throw Error(ErrorCode::kUnsupported, error.what());
  }
}

// What the file leaves out is the backbone's, or, where that has none, one cluster of d_model.
std::optional<AdaptiveVocabulary> ReadAdaptive(ObjectReader& reader,
                                               const ArchitectureFields& fields,
                                               const AdaptiveKeys& keys,
                                               std::optional<AdaptiveVocabulary> otherwise) {
  bool given = false;
  for (const std::string_view key :
       {keys.d_embed, keys.div_val, keys.cutoffs, keys.tied_projections}) {
    given |= !key.empty() && reader.Has(key);
  }
  if (!given) return otherwise;
  AdaptiveVocabulary adaptive =
      otherwise ? *std::move(otherwise) : AdaptiveVocabulary{.d_embed = fields.d_model};
  adaptive.d_embed = reader.IntOr(keys.d_embed, -1, kMaxDModel, adaptive.d_embed);
  if (adaptive.d_embed == 0) reader.Fail(keys.d_embed, "expected 1 or more, or -1 for d_model");
  if (adaptive.d_embed == -1) adaptive.d_embed = fields.d_model;
  adaptive.div_val = reader.IntOr(keys.div_val, 1, kMaxDModel, adaptive.div_val);
  if (reader.Has(keys.cutoffs)) {
    if (!reader.Member(keys.cutoffs).is_array()) reader.Fail(keys.cutoffs, "expected a list");
    adaptive.cutoffs = reader.Ints(keys.cutoffs, 1, kMaxVocabSize, kMaxCutoffs);
    std::erase_if(adaptive.cutoffs, [&](std::int64_t id) { return id >= fields.vocab_size; });
  }
  if (reader.Has(keys.tied_projections)) {
    adaptive.tied_projections =
        ReadTiedProjections(reader, keys.tied_projections, adaptive.cutoffs.size() + 1);
  }
  return adaptive;
}

// The settings that the backbone leaves open, by their keys, over its defaults.
DecoderSettings ReadSettings(ObjectReader& reader, const ArchitectureFields& fields,
                             const ConfigKeys& keys) {
  DecoderSettings settings = DefaultSettingsOf(fields);
  if (!keys.rotary_dims.empty()) {
    settings.rotary_dims = reader.IntOr(keys.rotary_dims, 0, kMaxDModel, settings.rotary_dims);
  }
  if (!keys.rotary_base.empty()) {
    settings.rotary_base = reader.DoubleOr(keys.rotary_base, 1, 1e12, settings.rotary_base);
  }
  if (!keys.norm_epsilon.empty()) {
    settings.norm_epsilon = reader.DoubleOr(keys.norm_epsilon, 0, 1, settings.norm_epsilon);
  }
  if (!keys.tied_head.empty()) {
    settings.tied_head = reader.BoolOr(keys.tied_head, settings.tied_head);
  }
  if (!keys.memory_tokens.empty()) {
    settings.memory_tokens =
        reader.IntOr(keys.memory_tokens, 0, kMaxSeqLen, settings.memory_tokens);
  }
  settings.adaptive = ReadAdaptive(reader, fields, keys.adaptive, std::move(settings.adaptive));
  return settings;
}

// Our own names for those settings (Architecture::ToConfig), where the backbone leaves them open.
ConfigKeys OurSettingKeys(const ConfigKeys& theirs) {
  const auto ours = [](std::string_view key, std::string_view name) {
    return key.empty() ? std::string_view() : name;
  };
  ConfigKeys keys;
  keys.rotary_dims = ours(theirs.rotary_dims, "rotary_dims");
  keys.rotary_base = ours(theirs.rotary_base, "rotary_base");
  keys.norm_epsilon = ours(theirs.norm_epsilon, "norm_epsilon");
  keys.tied_head = ours(theirs.tied_head, "tied_head");
  keys.memory_tokens = ours(theirs.memory_tokens, "mem_len");
  keys.adaptive = theirs.adaptive;  // Archai's names
  return keys;
}

// The text of a value as FixedSetting spells it.
bool IsOneOf(const Json& value, std::span<const std::string_view> texts) {
  return std::any_of(texts.begin(), texts.end(), [&value](std::string_view text) {
    return ParseJson(text, "registry") == value;
  });
}

void CheckFixedSettings(ObjectReader& reader, std::string_view name, const Backbone& backbone) {
  for (const FixedSetting& setting : backbone.fixed_settings) {
    if (!reader.Has(setting.key)) continue;
    const Json& value = reader.Member(setting.key);
    if (IsOneOf(value, setting.values)) continue;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: field '{}': got {}, but {} is computed with {} only", name,
                            setting.key, Quoted(WriteJson(value, JsonStyle::kCompact)),
                            backbone.name, fmt::join(setting.values, " or ")));
  }
}

Architecture ParseArchai(const Json& json, std::string_view name) {
  ObjectReader reader(json, std::string(name));
  const Backbone& backbone = BackboneByType(name, "arch_type", reader.StringOr("arch_type", "gpt2"),
                                            &Backbone::arch_types);
  ArchitectureFields fields;
  fields.backbone = backbone.name;
  // The code of the LTS paper calls them n_token and tgt_len.
  fields.vocab_size = reader.IntOr(reader.Has("n_token") ? "n_token" : "vocab_size", 1,
                                   kMaxVocabSize, kGpt2VocabSize);
  fields.max_seq_len = reader.IntOr(reader.Has("tgt_len") ? "tgt_len" : "max_sequence_length", 1,
                                    kMaxSeqLen, kGpt2MaxSeqLen);
  fields.d_model = reader.Int("d_model", 1, kMaxDModel);
  fields.attention_dropout = reader.DoubleOr("dropatt", 0, 1, 0);
  reader.DoubleOr("dropout", 0, 1, 0);  // training only
  const auto n_layer = static_cast<std::size_t>(reader.Int("n_layer", 1, kMaxLayers));
  const auto d_inner = PerLayer(reader, "d_inner", kMaxDInner, n_layer);
  const auto n_head = PerLayer(reader, "n_head", kMaxDModel, n_layer);
  const auto n_kv_head =
      reader.Has("n_kv_head") ? PerLayer(reader, "n_kv_head", kMaxDModel, n_layer) : n_head;
  for (std::size_t i = 0; i < n_layer; ++i) {
    fields.layers.push_back({n_head[i], n_kv_head[i], d_inner[i]});
  }
  ConfigKeys keys = OurSettingKeys(backbone.keys);
  if (!keys.tied_head.empty() && reader.Has("tie_weight")) keys.tied_head = "tie_weight";
  fields.settings = ReadSettings(reader, fields, keys);
  CheckFixedSettings(reader, name, backbone);
  for (const std::string_view key : backbone.ignored_settings) reader.Has(key);
  reader.RejectUnknown();
  RequireDivisors(reader, "n_head", n_head, "d_model", fields.d_model);
  return Architecture(std::move(fields), name);
}

// A width of the file that could differ from the others, but not here.
void RequireWidth(ObjectReader& reader, std::string_view key, std::int64_t expected,
                  std::string_view name) {
  if (key.empty() || !reader.Has(key)) return;
  const std::int64_t width = reader.Int(key, 1, kMaxDModel);
  if (width == expected) return;
  try {
    reader.Fail(key, fmt::format("expected {} = {}; no other is computed", name, expected));
  } catch (const Error& error) {
    throw Error(ErrorCode::kUnsupported, error.what());
  }
}

Architecture ParseHuggingFace(const Json& json, std::string_view name, const Backbone& backbone) {
  ObjectReader reader(json, std::string(name));
  const ConfigKeys& keys = backbone.keys;
  CheckFixedSettings(reader, name, backbone);
  ArchitectureFields fields;
  fields.backbone = backbone.name;
  const auto int_or = [&reader](std::string_view key, std::int64_t high, std::int64_t otherwise) {
    return otherwise == 0 ? reader.Int(key, 1, high) : reader.IntOr(key, 1, high, otherwise);
  };
  fields.vocab_size = int_or(keys.vocab_size, kMaxVocabSize, keys.default_vocab_size);
  fields.max_seq_len = int_or(keys.max_seq_len, kMaxSeqLen, keys.default_max_seq_len);
  fields.d_model = reader.Int(keys.d_model, 1, kMaxDModel);
  // Hugging Face's training default is no part of the shape; a file that says nothing gets our 0.
  fields.attention_dropout = reader.DoubleOr(keys.attention_dropout, 0, 1, 0);
  const auto n_layer = static_cast<std::size_t>(reader.Int(keys.n_layer, 1, kMaxLayers));
  // Only the model type that has them may give a list: elsewhere it is somebody's mistake.
  const bool lists =
      !backbone.per_layer_config_names.model_type.empty() &&
      reader.StringOr("model_type", "") == backbone.per_layer_config_names.model_type;
  const auto per_layer = [&](std::string_view key, std::int64_t high) {
    if (lists) return PerLayer(reader, key, high, n_layer);
    return std::vector<std::int64_t>(n_layer, reader.Int(key, 1, high));
  };
  const auto n_head = per_layer(keys.n_head, kMaxDModel);
  RequireDivisors(reader, keys.n_head, n_head, keys.d_model, fields.d_model);
  const auto d_inner =
      reader.Has(keys.d_inner) || keys.default_d_inner_per_d_model == 0
          ? per_layer(keys.d_inner, kMaxDInner)
          : std::vector<std::int64_t>(n_layer, keys.default_d_inner_per_d_model * fields.d_model);
  const auto n_kv_head = !keys.n_kv_head.empty() && reader.Has(keys.n_kv_head)
                             ? per_layer(keys.n_kv_head, kMaxDModel)
                             : n_head;
  for (std::size_t i = 0; i < n_layer; ++i) {
    fields.layers.push_back({n_head[i], n_kv_head[i], d_inner[i]});
  }
  RequireWidth(reader, keys.d_embed, fields.d_model, keys.d_model);
  RequireWidth(reader, keys.d_head, fields.d_model / n_head.front(),
               fmt::format("{} / {}", keys.d_model, keys.n_head));
  ConfigKeys read = keys;
  // Hugging Face's own GPT-2 does not look at them: there they are somebody's mistake.
  if (!lists && !DefaultSettingsOf(fields).adaptive) read.adaptive = {};
  fields.settings = ReadSettings(reader, fields, read);
  return Architecture(std::move(fields), name);
}

// The backbone whose config.json this is; nullptr when it is no file of Hugging Face.
const Backbone* HuggingFaceBackbone(const Json& json, std::string_view name) {
  if (json.Find("arch_type") != nullptr) return nullptr;
  if (const Json* type = json.Find("model_type"); type != nullptr) {
    ObjectReader reader(json, std::string(name));
    return &BackboneByType(name, "model_type", reader.String("model_type"), &Backbone::model_types);
  }
  // Files without model_type are older than every backbone but the first.
  const Backbone* const first = Backbones().front();
  if (json.Find(first->keys.d_model) != nullptr && json.Find("d_model") == nullptr) return first;
  return nullptr;
}

}  // namespace

Json::Object AdaptiveMembers(const AdaptiveVocabulary& adaptive, const AdaptiveKeys& keys) {
  Json::Array tied(adaptive.cutoffs.size() + 1, Json(adaptive.tied_projections));
  tied.front() = false;
  Json::Object members;
  members.emplace_back(keys.d_embed, adaptive.d_embed);
  members.emplace_back(keys.div_val, adaptive.div_val);
  members.emplace_back(keys.cutoffs,
                       Json(Json::Array(adaptive.cutoffs.begin(), adaptive.cutoffs.end())));
  members.emplace_back(keys.tied_projections, Json(std::move(tied)));
  return members;
}

Architecture ParseArchitecture(const Json& json, std::string_view name) {
  if (!json.is_object()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: got {}, expected an object: an architecture of Archai (d_model, "
                            "n_layer, ...) or a "
                            "config.json of Hugging Face",
                            name, json.type_name()));
  }
  const Backbone* backbone = HuggingFaceBackbone(json, name);
  return backbone != nullptr ? ParseHuggingFace(json, name, *backbone) : ParseArchai(json, name);
}

Json ToHuggingFaceConfig(const Architecture& architecture) {
  const Backbone& backbone = FindBackbone(architecture.backbone());
  const ConfigKeys& keys = backbone.keys;
  const DecoderSettings& settings = architecture.settings();
  const bool lists = !architecture.homogeneous();
  const bool extended = settings.adaptive && !DefaultSettingsOf(architecture.fields()).adaptive;
  const ConfigNames& names =
      lists || extended ? backbone.per_layer_config_names : backbone.config_names;
  if (names.model_type.empty()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} {}: Hugging Face has no {} whose layers differ", backbone.name,
                            architecture.ShortName(), backbone.name));
  }
  Json config = Json::MakeObject();
  config["architectures"] = Json(Json::Array{Json(names.architecture)});
  config["model_type"] = names.model_type;
  config["torch_dtype"] = "float32";
  const auto put = [&](std::string_view key, const Json& value) {
    if (!key.empty() && !value.is_null()) config[key] = value;
  };
  put(keys.vocab_size, architecture.vocab_size());
  put(keys.max_seq_len, architecture.max_seq_len());
  put(keys.d_model, architecture.d_model());
  put(keys.n_layer, architecture.n_layer());
  const auto put_layers = [&](std::string_view key, std::int64_t LayerShape::*field) {
    if (!lists) return put(key, architecture.layers().front().*field);
    Json values = Json::MakeArray();
    for (const LayerShape& layer : architecture.layers()) values.Append(layer.*field);
    put(key, values);
  };
  put_layers(keys.n_head, &LayerShape::n_head);
  put_layers(keys.n_kv_head, &LayerShape::n_kv_head);
  put_layers(keys.d_inner, &LayerShape::d_inner);
  if (!lists) put(keys.d_head, architecture.d_head(0));
  put(keys.attention_dropout, architecture.attention_dropout());
  put(keys.rotary_dims, settings.rotary_dims);
  put(keys.rotary_base, settings.rotary_base);
  put(keys.norm_epsilon, settings.norm_epsilon);
  put(keys.tied_head, settings.tied_head);
  put(keys.memory_tokens, settings.memory_tokens);
  if (settings.adaptive) {
    for (const auto& [key, value] : AdaptiveMembers(*settings.adaptive, keys.adaptive)) {
      put(key, value);
    }
  }
  for (const FixedSetting& setting : backbone.fixed_settings) {
    put(setting.key, ParseJson(setting.values.front(), "registry"));
  }
  return config;
}

Architecture ReadArchitecture(const std::string& path) {
  return ParseArchitecture(ReadJsonFile(path), path);
}

}  // namespace lts

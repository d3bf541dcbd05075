// Spaces as files: TOML or JSON. Grammar and example: docs/spaces.md.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/space/dimensions.h"
#include "lts/space/search_space.h"

namespace lts {
namespace {

constexpr JsonLimits kFileLimits{.max_depth = 16, .max_bytes = std::size_t{4} << 20};

std::vector<std::int64_t> ReadRange(ObjectReader& reader, std::int64_t max) {
  const std::int64_t low = reader.Int("min", 1, max);
  const std::int64_t high = reader.Int("max", 1, max);
  const std::int64_t step = reader.IntOr("step", 1, max, 1);
  if (high < low) reader.Fail("max", fmt::format("expected at least min = {}", low));
  const std::int64_t count = (high - low) / step + 1;
  if (count > kMaxDimensionValues) {
    reader.Fail("max", fmt::format("expected at most {} values, but {}..{} in steps of {} are {}",
                                   kMaxDimensionValues, low, high, step, count));
  }
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = low + i * step;
  return values;
}

// Values as a file may list them: in any order and with repetitions.
std::vector<std::int64_t> Sorted(std::vector<std::int64_t> values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

Dimension ReadDimension(ObjectReader& reader, const DimensionInfo& info, std::string_view file) {
  Dimension dimension{.name = std::string(info.name)};
  const Json& json = reader.Member(info.name);
  if (!json.is_object()) {
    dimension.values = Sorted(reader.Ints(info.name, 1, info.max, kMaxDimensionValues));
  } else {
    ObjectReader inner(json, fmt::format("{}: {}", file, info.name));
    if (inner.Has("values")) {
      for (const char* key : {"min", "max", "step"}) {
        if (inner.Has(key))
          inner.Fail(key, "expected either 'values' or 'min' and 'max', not both");
      }
      dimension.values = Sorted(inner.Ints("values", 1, info.max, kMaxDimensionValues));
    } else {
      dimension.values = ReadRange(inner, info.max);
    }
    if (info.may_be_per_layer) {
      dimension.per_layer = inner.BoolOr("per_layer", false);
    } else if (inner.Has("per_layer")) {
      inner.Fail("per_layer", "expected only in d_inner and n_head");
    }
    inner.RejectUnknown();
  }
  if (dimension.values.empty()) reader.Fail(info.name, "expected at least one value");
  return dimension;
}

AdaptiveVocabulary ReadAdaptive(const Json& json, std::string_view file) {
  ObjectReader reader(json, fmt::format("{}: adaptive", file));
  AdaptiveVocabulary adaptive;
  adaptive.d_embed = reader.IntOr("d_embed", 1, kMaxDModel, 0);
  adaptive.div_val = reader.IntOr("div_val", 1, kMaxDModel, adaptive.div_val);
  if (reader.Has("cutoffs")) {
    if (!reader.Member("cutoffs").is_array()) reader.Fail("cutoffs", "expected a list");
    adaptive.cutoffs = reader.Ints("cutoffs", 1, kMaxVocabSize, kMaxCutoffs);
  }
  adaptive.tied_projections = reader.BoolOr("tied_projections", false);
  reader.RejectUnknown();
  return adaptive;
}

Json AdaptiveJson(const AdaptiveVocabulary& adaptive) {
  Json json = Json::MakeObject();
  if (adaptive.d_embed != 0) json["d_embed"] = adaptive.d_embed;
  json["div_val"] = adaptive.div_val;
  json["cutoffs"] = Json(Json::Array(adaptive.cutoffs.begin(), adaptive.cutoffs.end()));
  json["tied_projections"] = adaptive.tied_projections;
  return json;
}

Json DimensionJson(const Dimension& dimension) {
  const std::vector<std::int64_t>& values = dimension.values;
  if (values.size() == 1 && !dimension.per_layer) return values[0];
  Json json = Json::MakeObject();
  const std::int64_t step = values.size() < 3 ? 0 : values[1] - values[0];
  const bool regular =
      step > 0 && std::ranges::adjacent_find(values, [&](std::int64_t a, std::int64_t b) {
                    return b - a != step;
                  }) == values.end();
  if (regular) {
    json["min"] = values.front();
    json["max"] = values.back();
    if (step != 1) json["step"] = step;
  } else {
    json["values"] = Json(Json::Array(values.begin(), values.end()));
  }
  if (dimension.per_layer) json["per_layer"] = true;
  return json;
}

bool IsPath(std::string_view text) {
  return text.find('/') != std::string_view::npos || text.ends_with(".toml") ||
         text.ends_with(".json");
}

}  // namespace

SearchSpace ParseSpace(const Json& json, std::string_view file) {
  const std::string origin(file);
  ObjectReader reader(json, origin);
  SpaceFields fields;
  fields.name = reader.StringOr("name", std::filesystem::path(origin).stem().string());
  fields.summary = reader.StringOr("summary", "");
  fields.backbone = reader.StringOr("backbone", fields.backbone);
  fields.vocab_size = reader.IntOr("vocab_size", 1, kMaxVocabSize, fields.vocab_size);
  fields.max_seq_len = reader.IntOr("max_seq_len", 1, kMaxSeqLen, fields.max_seq_len);
  if (reader.Has("memory_tokens"))
    fields.memory_tokens = reader.Int("memory_tokens", 0, kMaxSeqLen);
  if (reader.Has("adaptive")) fields.adaptive = ReadAdaptive(reader.Member("adaptive"), file);
  for (const DimensionInfo& info : kDimensionInfos) {
    fields.dimensions.push_back(ReadDimension(reader, info, file));
  }
  if (reader.Has("constraints")) {
    const Json& constraints = reader.Member("constraints");
    if (!constraints.is_array()) {
      reader.Fail("constraints", "expected an array of strings such as \"d_inner >= 2 * d_model\"");
    }
    if (std::ssize(constraints.AsArray()) > kMaxConstraints) {
      reader.Fail("constraints", fmt::format("expected at most {}", kMaxConstraints));
    }
    for (const Json& constraint : constraints.AsArray()) {
      if (!constraint.is_string()) reader.Fail("constraints", "expected strings only");
      fields.constraints.push_back(constraint.AsString());
    }
  }
  if (reader.Has("law")) fields.law = ParseLawFile(reader.Member("law"), std::string(file) + ": law");
  reader.RejectUnknown();
  try {
    return SearchSpace(std::move(fields));
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file, error.what()));
  }
}

Json SearchSpace::ToJson() const {
  Json json = Json::MakeObject();
  json["name"] = fields_.name;
  json["summary"] = fields_.summary;
  json["backbone"] = fields_.backbone;
  json["vocab_size"] = fields_.vocab_size;
  json["max_seq_len"] = fields_.max_seq_len;
  if (fields_.memory_tokens) json["memory_tokens"] = *fields_.memory_tokens;
  if (fields_.adaptive) json["adaptive"] = AdaptiveJson(*fields_.adaptive);
  for (const Dimension& dimension : fields_.dimensions)
    json[dimension.name] = DimensionJson(dimension);
  json["constraints"] = Json(Json::Array(fields_.constraints.begin(), fields_.constraints.end()));
  if (fields_.law) json["law"] = lts::ToJson(*fields_.law);
  return json;
}

SearchSpace LoadSpace(std::string_view name_or_path) {
  if (IsPath(name_or_path)) {
    const std::string path(name_or_path);
    return ParseSpace(ReadJsonFile(path, kFileLimits), path);
  }
  std::vector<std::string> names;
  for (const SpaceFields& preset : SpacePresets()) {
    if (preset.name == name_or_path) return SearchSpace(preset);
    names.push_back(preset.name);
  }
  throw Error(ErrorCode::kNotFound, UnknownName("space", name_or_path, names) +
                                        " (a file needs a '/' or ends in .toml or .json)");
}

}  // namespace lts

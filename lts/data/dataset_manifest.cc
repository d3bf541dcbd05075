#include "lts/data/dataset_manifest.h"

#include <fmt/format.h>

#include <limits>
#include <string_view>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/text/tokenizer_data.h"

namespace lts {
namespace {

constexpr std::string_view kFormat = "lts-tokens-1";
constexpr std::int64_t kMaxCount = std::numeric_limits<std::int64_t>::max() / 8;  // * 4 fits
constexpr std::size_t kSha1Digits = 40;

SplitInfo ParseSplit(const Json& json, const std::string& name) {
  ObjectReader reader(json, name);
  SplitInfo split;
  split.file = reader.String("file");
  // A name that leads out of the folder would read whatever file the process may.
  if (split.file.empty() || split.file == "." || split.file == ".." ||
      split.file.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
    reader.Fail("file", "expected the name of a file beside it");
  }
  split.tokens = reader.Int("tokens", 0, kMaxCount);
  split.documents = reader.Int("documents", 0, kMaxCount);
  if (split.documents > split.tokens) {
    reader.Fail("documents", fmt::format("expected at most its {} tokens", split.tokens));
  }
  split.text_bytes = reader.Int("text_bytes", 0, kMaxCount);
  split.sha1 = reader.String("sha1");
  if (split.sha1.size() != kSha1Digits ||
      split.sha1.find_first_not_of("0123456789abcdef") != std::string::npos) {
    reader.Fail("sha1", "expected 40 hex digits");
  }
  return split;
}

}  // namespace

DatasetManifest ParseManifest(const Json& json, const std::string& name) {
  ObjectReader reader(json, name);
  if (const std::string& format = reader.String("format"); format != kFormat) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: field 'format': got '{}', expected '{}'; was it written by "
                            "another version?",
                            Quoted(name, 400), Quoted(format), kFormat));
  }
  DatasetManifest manifest;
  manifest.vocab_size = reader.Int("vocab_size", 1, kMaxVocabularySize);
  manifest.end_of_text =
      static_cast<std::int32_t>(reader.Int("end_of_text", 0, manifest.vocab_size - 1));
  const std::string_view dtype = kTokenTypes.Name(manifest.token_type());
  if (reader.String("dtype") != dtype) {
    reader.Fail("dtype", fmt::format("expected {} for {} token ids", dtype, manifest.vocab_size));
  }
  ObjectReader splits(reader.Member("splits"), name + ": splits");
  for (const auto& [split, split_name] : kSplits.entries) {
    manifest[split] =
        ParseSplit(splits.Member(split_name), fmt::format("{}: splits['{}']", name, split_name));
  }
  if (reader.Has("made_from")) {
    manifest.made_from = reader.Member("made_from");
    if (!manifest.made_from.is_object()) reader.Fail("made_from", "expected an object");
  }
  return manifest;
}

Json ManifestToJson(const DatasetManifest& manifest) {
  Json json = Json::MakeObject();
  json["format"] = kFormat;
  json["vocab_size"] = manifest.vocab_size;
  json["dtype"] = kTokenTypes.Name(manifest.token_type());
  json["end_of_text"] = std::int64_t{manifest.end_of_text};
  Json& splits = json["splits"];
  splits = Json::MakeObject();
  for (const auto& [split, name] : kSplits.entries) {
    const SplitInfo& info = manifest[split];
    Json& member = splits[name];
    member = Json::MakeObject();
    member["file"] = info.file;
    member["tokens"] = info.tokens;
    member["documents"] = info.documents;
    member["text_bytes"] = info.text_bytes;
    member["sha1"] = info.sha1;
  }
  json["made_from"] = manifest.made_from;
  return json;
}

}  // namespace lts

#include "lts/data/corpus_journal.h"

#include <fmt/format.h>

#include <filesystem>
#include <limits>

#include "lts/base/error.h"
#include "lts/base/files.h"

namespace lts {
namespace {

constexpr std::int64_t kMaxCount = std::numeric_limits<std::int64_t>::max() / 8;

std::string PathOf(const std::string& folder) { return folder + "/tokenize.json"; }

CorpusJournal Parse(ObjectReader& reader, const std::string& path) {
  CorpusJournal journal;
  journal.place = {reader.Int("file", 0, kMaxCount), reader.Int("records", 0, kMaxCount)};
  journal.duplicates = reader.Int("duplicates", 0, kMaxCount);
  journal.skipped_files = reader.Int("skipped_files", 0, kMaxCount);
  for (const auto& [split, name] : kSplits.entries) {
    ObjectReader counts(reader.Member(name), path + ": " + std::string(name));
    journal.state[static_cast<std::size_t>(split)] = {counts.Int("tokens", 0, kMaxCount),
                                                      counts.Int("documents", 0, kMaxCount),
                                                      counts.Int("text_bytes", 0, kMaxCount)};
  }
  return journal;
}

}  // namespace

std::string FirstDifference(const Json& a, const Json& b) {
  for (const auto& [key, value] : a.AsObject()) {
    const Json* const other = b.Find(key);
    if (other == nullptr || *other != value) return key;
  }
  for (const auto& [key, value] : b.AsObject()) {
    if (a.Find(key) == nullptr) return key;
  }
  return "";
}

std::optional<CorpusJournal> ReadJournal(const std::string& folder, const Json& made_from,
                                         std::string& reason) {
  const std::string path = PathOf(folder);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  try {
    const Json json = ReadJsonFile(path);
    ObjectReader reader(json, path);
    const Json& theirs = reader.Member("made_from");
    if (!theirs.is_object()) reader.Fail("made_from", "expected an object");
    const std::string difference = FirstDifference(made_from, theirs);
    if (difference.empty()) return Parse(reader, path);
    reason = fmt::format("the unfinished data set there has another '{}'", difference);
  } catch (const Error& error) {
    reason = error.what();
  }
  return std::nullopt;
}

void WriteJournal(const std::string& folder, const CorpusJournal& journal, const Json& made_from) {
  Json json = Json::MakeObject();
  json["made_from"] = made_from;
  json["file"] = journal.place.file;
  json["records"] = journal.place.records;
  json["duplicates"] = journal.duplicates;
  json["skipped_files"] = journal.skipped_files;
  for (const auto& [split, name] : kSplits.entries) {
    const TokenCounts& counts = journal.state[static_cast<std::size_t>(split)];
    json[name] = Json::Object{{"tokens", counts.tokens},
                              {"documents", counts.documents},
                              {"text_bytes", counts.text_bytes}};
  }
  WriteFileAtomic(PathOf(folder), WriteJson(json) + "\n");
}

void RemoveJournal(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::remove(PathOf(folder), ignored);
}

}  // namespace lts

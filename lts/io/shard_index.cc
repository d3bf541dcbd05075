#include "lts/io/shard_index.h"

#include <fmt/format.h>

#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr std::size_t kMaxFileName = 255;  // of Linux's file systems

bool IsFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         Quoted(name, kMaxFileName) == name;
}

}  // namespace

std::map<std::string, std::string> ParseShardIndex(std::string_view text, std::string_view name) {
  const Json json = ParseJson(text, name);
  const Json* const map = json.is_object() ? json.Find("weight_map") : nullptr;
  if (map == nullptr || !map->is_object()) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{}: 'weight_map' is missing or no object", name));
  }
  std::map<std::string, std::string> files;
  for (const auto& [tensor, file] : map->AsObject()) {
    if (!file.is_string() || !IsFileName(file.AsString())) {
      throw Error(ErrorCode::kCorrupt,
                  fmt::format("{}: tensor '{}': got {}, expected the name of a file beside the "
                              "index",
                              name, Quoted(tensor), Quoted(WriteJson(file, JsonStyle::kCompact))));
    }
    files.emplace(tensor, file.AsString());
  }
  return files;
}

}  // namespace lts

#include "lts/text/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/text/byte_level.h"

namespace lts {
namespace {

[[noreturn]] void Fail(const std::string& name, const std::string& problem) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", Quoted(name, 400), problem));
}

// The ids by name. The names live in `vocab`, which ParseVocabulary has checked.
class Names {
 public:
  explicit Names(const Json& vocab) {
    ids_.reserve(vocab.AsObject().size());
    for (const auto& [name, id] : vocab.AsObject()) {
      ids_.emplace(name, static_cast<std::int32_t>(id.AsInt()));
    }
  }
  // `where()` names the merge for the message.
  template <typename Where>
  Merge Find(std::string_view left, std::string_view right, const Where& where) const {
    joined_.assign(left).append(right);
    return {Id(left, where), Id(right, where), Id(joined_, where)};
  }

 private:
  template <typename Where>
  std::int32_t Id(std::string_view name, const Where& where) const {
    const auto found = ids_.find(name);
    if (found == ids_.end()) {
      where(
          fmt::format("got '{}', which is no token of the vocabulary; are the files of the same "
                      "model?",
                      Quoted(name)));
    }
    return found->second;
  }

  std::unordered_map<std::string_view, std::int32_t> ids_;
  mutable std::string joined_;
};

// "left right" in two, around the only space.
template <typename Where>
std::pair<std::string_view, std::string_view> SplitMerge(std::string_view line,
                                                         const Where& where) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
    where(fmt::format("got '{}', expected two tokens with a space between", Quoted(line)));
  }
  return {line.substr(0, space), line.substr(space + 1)};
}

}  // namespace

std::vector<VocabularyToken> ParseVocabulary(const Json& vocab, const std::string& name) {
  if (!vocab.is_object()) {
    Fail(name, fmt::format("got {}, expected an object of tokens and ids", vocab.type_name()));
  }
  std::vector<VocabularyToken> tokens;
  for (const auto& [token_name, id_json] : vocab.AsObject()) {
    if (!id_json.is_int() || id_json.AsInt() < 0 || id_json.AsInt() >= kMaxVocabularySize) {
      Fail(name, fmt::format("token '{}': got {}, expected an id in [0, {})", Quoted(token_name),
                             id_json.is_int() ? std::to_string(id_json.AsInt())
                                              : std::string(id_json.type_name()),
                             kMaxVocabularySize));
    }
    const auto id = static_cast<std::size_t>(id_json.AsInt());
    if (id >= tokens.size()) tokens.resize(id + 1);
    VocabularyToken& token = tokens[id];
    if (token.exists) {
      Fail(name, fmt::format("token '{}': another one has its id {}", Quoted(token_name), id));
    }
    token.exists = true;
    if (std::optional<std::string> bytes = FromByteLevel(token_name)) {
      token.bytes = *std::move(bytes);
    } else {
      token.raw = true;
      token.bytes = token_name;
    }
  }
  return tokens;
}

std::vector<Merge> ParseMergesText(std::string_view text, const std::string& name,
                                   const Json& vocab) {
  const Names names(vocab);
  std::vector<Merge> merges;
  std::int64_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    ++number;
    const auto where = [&](const std::string& problem) {
      Fail(name, fmt::format("line {}: {}", number, problem));
    };
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("#version")) continue;
    const auto [left, right] = SplitMerge(line, where);
    merges.push_back(names.Find(left, right, where));
  }
  return merges;
}

std::vector<Merge> ParseMergesArray(const Json& merges, const std::string& name,
                                    const Json& vocab) {
  if (!merges.is_array()) {
    Fail(name, fmt::format("got {}, expected an array of merges", merges.type_name()));
  }
  const Names names(vocab);
  std::vector<Merge> found;
  found.reserve(merges.AsArray().size());
  for (const Json& merge : merges.AsArray()) {
    const auto where = [&](const std::string& problem) {
      Fail(name, fmt::format("merge {}: {}", found.size(), problem));
    };
    if (merge.is_string()) {
      const auto [left, right] = SplitMerge(merge.AsString(), where);
      found.push_back(names.Find(left, right, where));
      continue;
    }
    if (!merge.is_array() || merge.AsArray().size() != 2 || !merge.AsArray()[0].is_string() ||
        !merge.AsArray()[1].is_string()) {
      where(fmt::format("got {}, expected 'left right' or ['left', 'right']", merge.type_name()));
    }
    found.push_back(
        names.Find(merge.AsArray()[0].AsString(), merge.AsArray()[1].AsString(), where));
  }
  return found;
}

std::optional<std::int32_t> FindInVocabulary(const TokenizerData& data, std::string_view name) {
  const std::optional<std::string> bytes = FromByteLevel(name);
  for (std::size_t id = 0; id < data.tokens.size(); ++id) {
    const VocabularyToken& token = data.tokens[id];
    if (!token.exists || token.raw == bytes.has_value()) continue;
    if (token.bytes == (bytes ? std::string_view(*bytes) : name)) {
      return static_cast<std::int32_t>(id);
    }
  }
  return std::nullopt;
}

AddedToken ReadAddedToken(ObjectReader& reader) {
  AddedToken token;
  token.content = reader.String("content");
  token.special = reader.BoolOr("special", false);
  token.strip_left = reader.BoolOr("lstrip", false);
  token.strip_right = reader.BoolOr("rstrip", false);
  token.normalized = reader.BoolOr("normalized", !token.special);
  if (reader.BoolOr("single_word", false)) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("added token '{}': single_word is true, expected false (tokens that "
                            "match whole words only are not supported)",
                            Quoted(token.content)));
  }
  return token;
}

}  // namespace lts

#include "lts/text/tokenizer_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/suggest.h"
#include "lts/text/vocabulary.h"

namespace lts {
namespace {

constexpr std::string_view kGpt2EndOfText = "<|endoftext|>";
// The members of tokenizer_config.json and special_tokens_map.json that name special tokens.
constexpr std::array<std::string_view, 7> kNamedSpecials = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

constexpr std::int32_t kNoId = -1;

// "300" as number; kNoId for what is no id.
std::int32_t ParseId(std::string_view text) {
  std::int32_t id = kNoId;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && id >= 0 && id < kMaxVocabularySize ? id : kNoId;
}

AddedToken* FindAdded(TokenizerData& data, std::string_view content) {
  for (AddedToken& token : data.added) {
    if (token.content == content) return &token;
  }
  return nullptr;
}

// One more than the largest id that is taken.
std::int32_t NextId(const TokenizerData& data) {
  auto next = static_cast<std::int32_t>(data.tokens.size());
  for (const AddedToken& token : data.added) next = std::max(next, token.id + 1);
  return next;
}

// Makes `token` an added one: with the id that it has already, in the vocabulary or as added token,
// else with its own, or if that is kNoId the next free one. Returns the id.
std::int32_t Add(AddedToken token, TokenizerData& data) {
  if (AddedToken* const known = FindAdded(data, token.content)) {
    known->special = known->special || token.special;
    return known->id;
  }
  const std::optional<std::int32_t> id = FindInVocabulary(data, token.content);
  if (id) token.id = *id;
  if (token.id == kNoId) token.id = NextId(data);
  data.added.push_back(std::move(token));
  return data.added.back().id;
}

// "<s>" or {"content": "<s>", "lstrip": false, ...}.
AddedToken ReadSpecialToken(const Json& json, const std::string& name) {
  if (json.is_string()) return {.content = json.AsString(), .id = kNoId, .special = true};
  ObjectReader reader(json, name);
  AddedToken token = ReadAddedToken(reader);
  token.id = kNoId;
  token.special = true;
  return token;
}

bool IsFile(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

}  // namespace

void ApplyTokenizerConfig(const Json& config, const std::string& name, bool whole,
                          TokenizerData& data) {
  ObjectReader reader(config, name);
  if (reader.Has("added_tokens_decoder")) {
    const Json& tokens = reader.Member("added_tokens_decoder");
    const std::string where = name + ": added_tokens_decoder";
    if (!tokens.is_object()) reader.Fail("added_tokens_decoder", "expected an object");
    for (const auto& [id, fields] : tokens.AsObject()) {
      ObjectReader token_reader(fields, where + "['" + Quoted(id) + "']");
      AddedToken token = ReadAddedToken(token_reader);
      const std::string content = token.content;
      token.id = ParseId(id);
      if (token.id < 0) {
        reader.Fail("added_tokens_decoder",
                    fmt::format("expected ids in [0, {}) as names, got '{}'", kMaxVocabularySize,
                                Quoted(id)));
      }
      const std::int32_t wanted = token.id;
      if (const std::int32_t got = Add(std::move(token), data); got != wanted) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("{}: token '{}': got id {}, expected {}, which it has elsewhere",
                                Quoted(where, 400), Quoted(content), wanted, got));
      }
    }
  }
  for (const std::string_view key : kNamedSpecials) {
    if (!reader.Has(key)) continue;
    AddedToken token = ReadSpecialToken(reader.Member(key), fmt::format("{}: {}", name, key));
    if (token.content.empty()) continue;
    const std::int32_t id = Add(std::move(token), data);
    if (key == "bos_token") data.begin_of_text = id;
    if (key == "eos_token") data.end_of_text = id;
  }
  if (reader.Has("additional_special_tokens")) {
    const Json& tokens = reader.Member("additional_special_tokens");
    if (!tokens.is_array()) reader.Fail("additional_special_tokens", "expected an array");
    for (const Json& token : tokens.AsArray()) {
      AddedToken added = ReadSpecialToken(token, name + ": additional_special_tokens");
      if (!added.content.empty()) Add(std::move(added), data);
    }
  }
  // A tokenizer.json has them in its pre_tokenizer and post_processor.
  if (!whole) return;
  data.add_prefix_space = reader.BoolOr("add_prefix_space", data.add_prefix_space);
  if (reader.BoolOr("add_bos_token", false)) {
    if (!data.begin_of_text) reader.Fail("add_bos_token", "but no bos_token is named");
    data.prefix = {*data.begin_of_text};
  }
}

TokenizerData ReadTokenizerData(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  if (!is_folder && !fs::exists(path, ignored)) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: no such file or folder; expected a folder with tokenizer.json, or "
                            "with vocab.json and merges.txt",
                            Quoted(path, 400)));
  }
  const fs::path folder = is_folder ? fs::path(path) : fs::path(path).parent_path();
  const bool asked_for_vocab = !is_folder && (fs::path(path).filename() == "vocab.json" ||
                                              fs::path(path).filename() == "merges.txt");
  const fs::path tokenizer_json = is_folder ? folder / "tokenizer.json" : fs::path(path);
  const bool whole = asked_for_vocab || (is_folder && !IsFile(tokenizer_json));

  TokenizerData data;
  if (whole) {
    const fs::path vocab = folder / "vocab.json";
    const fs::path merges = folder / "merges.txt";
    for (const fs::path& file : {vocab, merges}) {
      if (IsFile(file)) continue;
      throw Error(ErrorCode::kNotFound,
                  fmt::format("{}: no {} there; expected tokenizer.json, or vocab.json and "
                              "merges.txt",
                              Quoted(folder.empty() ? "." : folder.string(), 400),
                              file.filename().string()));
    }
    data = ParseVocabAndMerges(ReadJsonFile(vocab.string()), vocab.string(),
                               ReadFile(merges.string(), kMaxMergesBytes), merges.string());
  } else {
    data = ParseTokenizerJson(ReadJsonFile(tokenizer_json.string()), tokenizer_json.string());
  }
  bool has_decoder = false;
  if (const fs::path file = folder / "tokenizer_config.json"; IsFile(file)) {
    const Json config = ReadJsonFile(file.string());
    ApplyTokenizerConfig(config, file.string(), whole, data);
    has_decoder = config.Find("added_tokens_decoder") != nullptr;
  }
  // Newer versions of transformers repeat in tokenizer_config.json whatever this file says.
  if (const fs::path file = folder / "special_tokens_map.json"; !has_decoder && IsFile(file)) {
    ApplyTokenizerConfig(ReadJsonFile(file.string()), file.string(), false, data);
  }
  // GPT-2's own default: the one special token that is begin, end and unknown.
  const AddedToken* const known = FindAdded(data, kGpt2EndOfText);
  const bool in_vocabulary = whole && FindInVocabulary(data, kGpt2EndOfText).has_value();
  if (known != nullptr || in_vocabulary) {
    const std::int32_t id =
        Add({.content = std::string(kGpt2EndOfText), .id = kNoId, .special = true}, data);
    if (!data.end_of_text) data.end_of_text = id;
    if (!data.begin_of_text && whole) data.begin_of_text = id;
  }
  return data;
}

Tokenizer ReadTokenizer(const std::string& path) {
  return Tokenizer(ReadTokenizerData(path), path);
}

}  // namespace lts

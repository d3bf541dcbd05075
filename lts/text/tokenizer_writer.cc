#include "lts/text/tokenizer_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/text/byte_level.h"
#include "lts/text/splitter.h"

namespace lts {
namespace {

void Refuse(bool unsaid, std::string_view what) {
  if (!unsaid) return;
  throw Error(ErrorCode::kUnsupported,
              fmt::format("tokenizer: {}, which files of GPT-2's kind cannot say; copy the files "
                          "that it was read from",
                          what));
}

void CheckIsOfGpt2sKind(const TokenizerData& data) {
  Refuse(data.splits != std::vector<std::string>{std::string(kGpt2Expression)},
         "it splits text by another expression than GPT-2's");
  Refuse(data.add_prefix_space, "it puts a space before text");
  Refuse(!data.prefix.empty() || !data.suffix.empty(), "it puts ids around text");
  Refuse(data.ignore_merges, "it ignores merges");
  for (const VocabularyToken& token : data.tokens)
    Refuse(token.raw, "a token has no byte-level name");
  for (const AddedToken& token : data.added) {
    Refuse(token.strip_left || token.strip_right, "an added token strips white space");
  }
}

std::string Name(const TokenizerData& data, std::int32_t id) {
  return ToByteLevel(data.tokens[static_cast<std::size_t>(id)].bytes);
}

Json Vocabulary(const TokenizerData& data) {
  Json::Object vocab;
  for (std::size_t id = 0; id < data.tokens.size(); ++id) {
    if (!data.tokens[id].exists) continue;
    vocab.emplace_back(Name(data, static_cast<std::int32_t>(id)), static_cast<std::int64_t>(id));
  }
  return vocab;
}

// "left right": byte-level names hold no space.
std::vector<std::string> MergeLines(const TokenizerData& data) {
  std::vector<std::string> lines;
  for (const Merge& merge : data.merges) {
    lines.push_back(Name(data, merge.left) + " " + Name(data, merge.right));
  }
  return lines;
}

Json ByteLevelStep(bool trim_offsets) {
  return Json::Object{{"type", "ByteLevel"},
                      {"add_prefix_space", false},
                      {"trim_offsets", trim_offsets},
                      {"use_regex", true}};
}

Json TokenizerConfig(const TokenizerData& data) {
  Json config = Json::Object{{"tokenizer_class", "GPT2Tokenizer"}, {"add_prefix_space", false}};
  const auto add = [&](std::string_view key, const std::optional<std::int32_t>& id) {
    if (!id) return;
    const auto added = std::find_if(data.added.begin(), data.added.end(),
                                    [&](const AddedToken& token) { return token.id == *id; });
    config[key] = added != data.added.end() ? added->content
                                            : data.tokens[static_cast<std::size_t>(*id)].bytes;
  };
  add("bos_token", data.begin_of_text ? data.begin_of_text : data.end_of_text);
  add("eos_token", data.end_of_text);
  add("unk_token", data.end_of_text);
  return config;
}

}  // namespace

Json ToTokenizerJson(const TokenizerData& data) {
  CheckIsOfGpt2sKind(data);
  Json::Array added;
  for (const AddedToken& token : data.added) {
    added.push_back(Json::Object{{"id", std::int64_t{token.id}},
                                 {"content", token.content},
                                 {"single_word", false},
                                 {"lstrip", false},
                                 {"rstrip", false},
                                 {"normalized", token.normalized},
                                 {"special", token.special}});
  }
  Json::Array merges;
  for (std::string& line : MergeLines(data)) merges.emplace_back(std::move(line));
  return Json::Object{{"version", "1.0"},
                      {"truncation", Json()},
                      {"padding", Json()},
                      {"added_tokens", std::move(added)},
                      {"normalizer", Json()},
                      {"pre_tokenizer", ByteLevelStep(true)},
                      {"post_processor", ByteLevelStep(false)},
                      {"decoder", ByteLevelStep(true)},
                      {"model", Json::Object{{"type", "BPE"},
                                             {"dropout", Json()},
                                             {"unk_token", Json()},
                                             {"continuing_subword_prefix", Json()},
                                             {"end_of_word_suffix", Json()},
                                             {"fuse_unk", false},
                                             {"byte_fallback", false},
                                             {"ignore_merges", false},
                                             {"vocab", Vocabulary(data)},
                                             {"merges", std::move(merges)}}}};
}

void WriteTokenizer(const TokenizerData& data, const std::string& folder) {
  const std::string tokenizer = WriteJson(ToTokenizerJson(data)) + "\n";
  std::string merges = "#version: 0.2\n";
  for (const std::string& line : MergeLines(data)) merges += line + "\n";
  WriteFileAtomic(folder + "/vocab.json", WriteJson(Vocabulary(data), JsonStyle::kCompact) + "\n");
  WriteFileAtomic(folder + "/merges.txt", merges);
  WriteFileAtomic(folder + "/tokenizer_config.json", WriteJson(TokenizerConfig(data)) + "\n");
  WriteFileAtomic(folder + "/tokenizer.json", tokenizer);
}

}  // namespace lts

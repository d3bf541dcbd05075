#include "lts/text/tokenizer_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/text/byte_level.h"
#include "lts/text/test_vocabulary.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Failure {
  ErrorCode code = ErrorCode::kCancelled;
  std::string message = "no error";
};

Failure FailureOf(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return {error.code(), error.what()};
  }
  return {};
}

// Bytes 0 to 255, "lo" 256, "low" 257, "<|endoftext|>" 258.
Json Vocab() {
  Json vocab = Json::MakeObject();
  for (int byte = 0; byte < 256; ++byte) {
    vocab[ToByteLevel(std::string(1, static_cast<char>(byte)))] = byte;
  }
  vocab["lo"] = 256;
  vocab["low"] = 257;
  vocab["<|endoftext|>"] = 258;
  return vocab;
}

Json TokenizerFile() {
  Json file = ParseJson(R"({
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "merges": ["l o", ["lo", "w"]]},
    "added_tokens": [{"id": 258, "content": "<|endoftext|>", "special": true}],
    "normalizer": null, "truncation": {"max_length": 1},
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    "post_processor": null, "decoder": {"type": "ByteLevel"}})",
                        "t");
  file["model"]["vocab"] = Vocab();
  return file;
}

Failure FailureWith(const std::function<void(Json&)>& change) {
  Json file = TokenizerFile();
  change(file);
  return FailureOf([&] { Tokenizer(ParseTokenizerJson(file, "t.json"), "t.json"); });
}

TEST(ParseTokenizerJson, ReadsMergesOfBothSpellings) {
  const Tokenizer tokenizer(ParseTokenizerJson(TokenizerFile(), "t.json"));
  EXPECT_THAT(tokenizer.Encode("low lo<|endoftext|>"), ElementsAre(257, ' ', 256, 258));
}

TEST(ParseTokenizerJson, RefusesByNameWhatWouldChangeIds) {
  const auto set = [](std::string_view part, std::string_view key, const char* json) {
    return FailureWith(
        [&](Json& file) { (part.empty() ? file : file[part])[key] = ParseJson(json, "test"); });
  };
  const std::vector<std::pair<Failure, std::string>> failures = {
      {set("model", "type", "\"Unigram\""), "model.type: got Unigram, supported: BPE"},
      {set("model", "dropout", "0.1"), "model.dropout"},
      {set("model", "byte_fallback", "true"), "model.byte_fallback"},
      {set("model", "end_of_word_suffix", "\"</w>\""), "model.end_of_word_suffix: got </w>"},
      {set("", "normalizer", R"({"type": "NFC"})"), "normalizer: got NFC"},
      {set("", "pre_tokenizer", "null"), "pre_tokenizer: got none, supported: ByteLevel"},
      {set("", "pre_tokenizer", R"({"type": "Metaspace"})"), "pre_tokenizer: got Metaspace"},
      {set("", "pre_tokenizer", R"({"type": "Sequence", "pretokenizers": []})"), "no ByteLevel"},
      {set("", "pre_tokenizer", R"({"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"},
        {"type": "Digits", "individual_digits": true}]})"),
       "pretokenizers[1]: got Digits after ByteLevel"},
      {set("", "pre_tokenizer", R"({"type": "Split", "pattern": {"String": " "}})"), "no Regex"},
      {set("", "pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "a"},
        "behavior": "MergedWithNext", "invert": false})"),
       "got MergedWithNext"},
      {set("", "decoder", R"({"type": "WordPiece"})"), "decoder: got WordPiece"},
      {set("", "post_processor", R"({"type": "BertProcessing"})"), "got BertProcessing"},
      {set("", "added_tokens", R"([{"id": 1, "content": "x", "single_word": true}])"),
       "single_word"},
      {set("", "pre_tokenizer", R"({"type": "Sequence", "pretokenizers": [{"type": "Split",
        "pattern": {"Regex": "(?<=a)b"}, "behavior": "Isolated"},
        {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})"),
       "expression '(?<=a)b': at 1"}};
  for (const auto& [failure, part] : failures) {
    EXPECT_EQ(failure.code, ErrorCode::kUnsupported) << part << ": " << failure.message;
    EXPECT_THAT(failure.message, HasSubstr(part));
  }
}

TEST(ParseTokenizerJson, NamesWhatIsBroken) {
  const std::vector<std::pair<std::function<void(Json&)>, std::string>> changes = {
      {[](Json& f) { f["model"]["vocab"]["x"] = -1; }, "token 'x': got -1"},
      {[](Json& f) { f["model"]["vocab"]["lo"] = 257; }, "another one has its id 257"},
      {[](Json& f) { f["model"]["vocab"]["new"] = 1 << 20; }, "got 1048576, expected an id"},
      {[](Json& f) { f["model"]["vocab"] = 3; }, "expected an object"},
      {[](Json& f) { f["model"]["merges"].Append("l o w"); }, "merge 2: got 'l o w'"},
      {[](Json& f) { f["model"]["merges"].Append("l w"); }, "merge 2: got 'lw', which is no token"},
      {[](Json& f) { f["model"]["merges"].Append(7); }, "merge 2: got integer"},
      {[](Json& f) { f["model"]["merges"] = "x"; }, "expected an array of merges"},
      {[](Json& f) { f["model"] = Json(); }, "field 'model'"},
      {[](Json& f) { f["added_tokens"].AsArray()[0]["id"] = -3; }, "added_tokens[0]"},
      {[](Json& f) { f["added_tokens"].AsArray()[0]["content"] = 1; }, "added_tokens[0]"},
      {[](Json& f) {
         f["post_processor"] = ParseJson(
             R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "q"}}]})", "");
       },
       "'q' is not in special_tokens"},
      {[](Json& f) { f = Json(3); }, "expected an object"}};
  for (const auto& [change, part] : changes) {
    const Failure failure = FailureWith(change);
    EXPECT_EQ(failure.code, ErrorCode::kInvalidArgument) << part << ": " << failure.message;
    EXPECT_THAT(failure.message, HasSubstr(part));
    EXPECT_THAT(failure.message, HasSubstr("t.json"));
  }
}

TEST(ParseVocabAndMerges, SkipsTheVersionAndTakesBothLineEnds) {
  const TokenizerData data =
      ParseVocabAndMerges(Vocab(), "vocab.json", "#version: 0.2\r\nl o\r\nlo w", "merges.txt");
  EXPECT_THAT(Tokenizer(data).Encode("low"), ElementsAre(257));
}

TEST(ParseVocabAndMerges, NamesTheLine) {
  const auto message = [](std::string_view merges) {
    return FailureOf([&] { ParseVocabAndMerges(Vocab(), "v", merges, "merges.txt"); }).message;
  };
  EXPECT_THAT(message("#version\nl o\n\nlo w\n"), HasSubstr("merges.txt: line 3: got ''"));
  EXPECT_THAT(message("l o\nlo x\n"), HasSubstr("line 2: got 'lox', which"));
  EXPECT_THAT(message("lo"), HasSubstr("line 1: got 'lo', expected two tokens"));
}

class TokenizerFolder : public ::testing::Test {
 protected:
  TokenizerFolder() {
    folder_ = std::filesystem::temp_directory_path() /
              ("lts_tokenizer_test_" + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  ~TokenizerFolder() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  void WriteGpt2() const {
    Write("vocab.json", WriteJson(Vocab()));
    Write("merges.txt", "#version: 0.2\nl o\nlo w\n");
  }
  Tokenizer Read() const { return ReadTokenizer(folder_.string()); }

  std::filesystem::path folder_;
};

TEST_F(TokenizerFolder, Gpt2sFilesAloneHaveTheEndOfText) {
  WriteGpt2();
  EXPECT_EQ(Read().end_of_text(), 258);
  EXPECT_EQ(Read().begin_of_text(), 258);
  EXPECT_THAT(Read().Encode("lo<|endoftext|>"), ElementsAre(256, 258));
  EXPECT_THAT(ReadTokenizer((folder_ / "vocab.json").string()).Encode("low"), ElementsAre(257));
  EXPECT_THAT(ReadTokenizer((folder_ / "merges.txt").string()).Encode("low"), ElementsAre(257));
}

TEST_F(TokenizerFolder, ConfigurationNamesSpecialTokens) {
  WriteGpt2();
  Write("tokenizer_config.json", R"({"add_bos_token": true, "add_prefix_space": true,
    "bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "low", "pad_token": null,
    "unk_token": "", "additional_special_tokens": ["<x>"], "model_max_length": 1e30})");
  const Tokenizer tokenizer = Read();
  EXPECT_EQ(tokenizer.begin_of_text(), 259);
  EXPECT_EQ(tokenizer.end_of_text(), 257);
  EXPECT_EQ(tokenizer.FindToken("<x>"), 260);
  EXPECT_TRUE(tokenizer.IsSpecial(257));
  EXPECT_THAT(tokenizer.Encode("a"), ElementsAre(259, ' ', 'a'));
}

TEST_F(TokenizerFolder, TheMapOfSpecialTokensCountsWithoutADecoder) {
  WriteGpt2();
  Write("special_tokens_map.json", R"({"eos_token": {"content": "low"}})");
  EXPECT_EQ(Read().end_of_text(), 257);
  Write("tokenizer_config.json", R"({"eos_token": "lo", "added_tokens_decoder":
    {"300": {"content": "<y>", "special": true}}})");
  EXPECT_EQ(Read().end_of_text(), 256);
  EXPECT_EQ(Read().FindToken("<y>"), 300);
}

TEST_F(TokenizerFolder, TokenizerJsonGoesFirst) {
  WriteGpt2();
  Json file = TokenizerFile();
  file["model"]["merges"] = Json::MakeArray();
  Write("tokenizer.json", WriteJson(file));
  EXPECT_THAT(Read().Encode("lo"), ElementsAre('l', 'o'));
  EXPECT_EQ(Read().end_of_text(), 258);
}

TEST_F(TokenizerFolder, SaysWhatIsMissing) {
  EXPECT_THAT(FailureOf([&] { Read(); }).message, HasSubstr("no vocab.json there"));
  Write("vocab.json", "{}");
  const Failure failure = FailureOf([&] { Read(); });
  EXPECT_EQ(failure.code, ErrorCode::kNotFound);
  EXPECT_THAT(failure.message, HasSubstr("no merges.txt there"));
  Write("merges.txt", "");
  EXPECT_THAT(FailureOf([&] { Read(); }).message, HasSubstr("byte 0x00"));
  EXPECT_EQ(FailureOf([&] { ReadTokenizer("/nowhere/at/all"); }).code, ErrorCode::kNotFound);
}

TEST_F(TokenizerFolder, ConfigurationsThatContradictAreRefused) {
  WriteGpt2();
  for (const char* const config :
       {R"({"added_tokens_decoder": {"5": {"content": "low"}}})",
        R"({"added_tokens_decoder": {"x": {"content": "<z>"}}})",
        R"({"added_tokens_decoder": {"99999999": {"content": "<z>"}}})",
        R"({"added_tokens_decoder": []})", R"({"added_tokens_decoder": {"300": 1}})",
        R"({"additional_special_tokens": "x"})", R"({"eos_token": 7})", "[]"}) {
    Write("tokenizer_config.json", config);
    const Failure failure = FailureOf([&] { Read(); });
    EXPECT_EQ(failure.code, ErrorCode::kInvalidArgument) << config << failure.message;
    EXPECT_THAT(failure.message, HasSubstr("tokenizer_config.json"));
  }
}

}  // namespace
}  // namespace lts

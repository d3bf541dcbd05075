#include "lts/text/tokenizer_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/text/test_vocabulary.h"
#include "lts/text/tokenizer_file.h"

namespace lts {
namespace {

TokenizerData Small() {
  TokenizerData data = BytesAndMerges({{" ", "a"}, {" a", "\n"}, {"\xE6", "\x97"}});
  data.added.push_back({.content = "<|end|>", .id = 259, .special = true});
  data.tokens.push_back({"<|end|>", true, false});
  data.end_of_text = 259;
  return data;
}

void ExpectEqual(const TokenizerData& got, const TokenizerData& expected) {
  ASSERT_EQ(got.tokens.size(), expected.tokens.size());
  for (std::size_t id = 0; id < got.tokens.size(); ++id) {
    EXPECT_EQ(got.tokens[id].bytes, expected.tokens[id].bytes) << id;
  }
  ASSERT_EQ(got.merges.size(), expected.merges.size());
  for (std::size_t rank = 0; rank < got.merges.size(); ++rank) {
    EXPECT_EQ(got.merges[rank].left, expected.merges[rank].left) << rank;
    EXPECT_EQ(got.merges[rank].right, expected.merges[rank].right) << rank;
    EXPECT_EQ(got.merges[rank].result, expected.merges[rank].result) << rank;
  }
  EXPECT_EQ(got.splits, expected.splits);
  EXPECT_EQ(got.end_of_text, expected.end_of_text);
  ASSERT_EQ(got.added.size(), 1U);
  EXPECT_EQ(got.added[0].content, "<|end|>");
  EXPECT_TRUE(got.added[0].special);
}

TEST(TokenizerWriter, WhatItWritesReadsBackFromEitherKindOfFiles) {
  std::string folder = (std::filesystem::temp_directory_path() / "lts_writer_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  WriteTokenizer(Small(), folder);
  ExpectEqual(ReadTokenizerData(folder), Small());
  std::filesystem::remove(folder + "/tokenizer.json");
  ExpectEqual(ReadTokenizerData(folder), Small());
  std::filesystem::remove_all(folder);
}

TEST(TokenizerWriter, RefusesWhatItsFilesCannotSay) {
  const auto refuses = [](void (*spoil)(TokenizerData&)) {
    TokenizerData data = Small();
    spoil(data);
    EXPECT_THROW(ToTokenizerJson(data), Error);
  };
  refuses([](TokenizerData& data) { data.splits = {std::string(kQwen2Expression)}; });
  refuses([](TokenizerData& data) { data.add_prefix_space = true; });
  refuses([](TokenizerData& data) { data.suffix = {259}; });
  refuses([](TokenizerData& data) { data.ignore_merges = true; });
  refuses([](TokenizerData& data) { data.tokens[3].raw = true; });
  refuses([](TokenizerData& data) { data.added[0].strip_left = true; });
}

}  // namespace
}  // namespace lts

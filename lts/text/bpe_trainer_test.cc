#include "lts/text/bpe_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/base/rng.h"
#include "lts/text/byte_level.h"
#include "lts/text/tokenizer.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Lines = std::vector<std::string>;

// The merges as lines of merges.txt.
Lines Merges(const TokenizerData& data) {
  Lines lines;
  for (const Merge& merge : data.merges) {
    lines.push_back(ToByteLevel(data.tokens[static_cast<std::size_t>(merge.left)].bytes) + " " +
                    ToByteLevel(data.tokens[static_cast<std::size_t>(merge.right)].bytes));
  }
  return lines;
}

WordCounts Count(std::initializer_list<std::pair<std::string, std::int64_t>> words) {
  WordCounts counts;
  for (const auto& [word, count] : words) counts.Add(word, count);
  return counts;
}

// The pairs of neighbours counted anew for each merge.
Lines SlowMerges(const WordCounts& counts, std::int64_t merges) {
  TokenizerData data = TrainBpe({}, {.vocab_size = 257});
  std::map<std::string, std::int32_t> ids;
  for (std::size_t i = 0; i < data.tokens.size(); ++i) {
    ids[data.tokens[i].bytes] = static_cast<std::int32_t>(i);
  }
  std::vector<std::vector<std::int32_t>> words;
  for (std::size_t w = 0; w < counts.size(); ++w) {
    words.emplace_back();
    for (const char byte : counts.word(w)) words.back().push_back(ids[std::string(1, byte)]);
  }
  for (std::int64_t m = 0; m < merges; ++m) {
    std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> pairs;
    for (std::size_t w = 0; w < words.size(); ++w) {
      for (std::size_t i = 0; i + 1 < words[w].size(); ++i) {
        pairs[{words[w][i], words[w][i + 1]}] += counts.count(w);
      }
    }
    const auto best = std::max_element(
        pairs.begin(), pairs.end(),
        [](const auto& a, const auto& b) { return a.second < b.second; });  // the first of equals
    if (best == pairs.end() || best->second < 2) break;
    const auto [left, right] = best->first;
    const std::string bytes = data.tokens[static_cast<std::size_t>(left)].bytes +
                              data.tokens[static_cast<std::size_t>(right)].bytes;
    if (!ids.contains(bytes)) {
      ids[bytes] = static_cast<std::int32_t>(data.tokens.size());
      data.tokens.push_back({bytes, true, false});
    }
    data.merges.push_back({left, right, ids[bytes]});
    for (std::vector<std::int32_t>& word : words) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        if (word[i] != left || word[i + 1] != right) continue;
        word[i] = ids[bytes];
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
  }
  return Merges(data);
}

TEST(WordCounts, CountsPiecesWithTheirSpaces) {
  WordCounts counts;
  counts.AddText("the cat, the  cat's the");
  EXPECT_EQ(counts.Count("the"), 1);
  EXPECT_EQ(counts.Count(" the"), 2);
  EXPECT_EQ(counts.Count(" cat"), 2);
  EXPECT_EQ(counts.Count("'s"), 1);
  EXPECT_EQ(counts.Count("dog"), 0);
  EXPECT_EQ(counts.total(), 8);
  EXPECT_EQ(counts.size(), 6U);
}

TEST(WordCounts, JoinAsOneTableWouldHaveCounted) {
  Rng rng(3);
  WordCounts all;
  WordCounts parts[2];
  for (int i = 0; i < 20000; ++i) {
    const std::string word = std::to_string(rng.Below(5000));
    all.Add(word, 1);
    parts[rng.Below(2)].Add(word, 1);
  }
  parts[0].Add(parts[1]);
  EXPECT_EQ(parts[0].size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(parts[0].Count(all.word(i)), all.count(i)) << all.word(i);
  }
}

TEST(WordCounts, DropsRareWordsAndLeavesOutEndlessOnes) {
  WordCounts counts;
  counts.AddText("a a a bb " + std::string(5000, 'x'));
  EXPECT_EQ(counts.size(), 3U);  // "a", " a", " bb"
  counts.DropRarerThan(2);
  EXPECT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts.Count(" a"), 2);
  EXPECT_EQ(counts.Count(" bb"), 0);
  counts.AddText(" bb");
  EXPECT_EQ(counts.Count(" bb"), 1);
}

TEST(TrainBpe, MergesTheMostFrequentPairsFirst) {
  const TokenizerData data = TrainBpe(Count({{"low", 5}, {"lower", 2}}), {.vocab_size = 400});
  EXPECT_THAT(Merges(data), ElementsAre("l o", "lo w", "e r", "low er"));
  EXPECT_EQ(data.tokens.size(), 257U + 4);
  EXPECT_EQ(data.end_of_text, 0);
  EXPECT_EQ(data.tokens[0].bytes, "<|endoftext|>");
  EXPECT_EQ(data.tokens[1].bytes, "!");
  EXPECT_EQ(data.tokens[260].bytes, "lower");
}

TEST(TrainBpe, OfEqualPairsTakesTheFirst) {
  EXPECT_THAT(Merges(TrainBpe(Count({{"bc", 3}, {"ad", 3}, {"ab", 3}}), {.vocab_size = 300})),
              ElementsAre("a b", "a d", "b c"));
}

TEST(TrainBpe, EndsWhereTheVocabularyIsFullOrPairsAreRare) {
  const WordCounts words = Count({{"low", 5}, {"lower", 2}});
  EXPECT_EQ(TrainBpe(words, {.vocab_size = 259}).tokens.size(), 259U);
  EXPECT_THAT(Merges(TrainBpe(words, {.vocab_size = 300, .min_frequency = 3})),
              ElementsAre("l o", "lo w"));
  EXPECT_THAT(Merges(TrainBpe({}, {.vocab_size = 300})), ElementsAre());
}

// aaaaa = aa aa a, where "aa a" comes as often as "aa aa" and is of the lower id.
TEST(TrainBpe, MergesRunsFromTheLeft) {
  EXPECT_THAT(Merges(TrainBpe(Count({{"aaaaa", 2}}), {.vocab_size = 300})),
              ElementsAre("a a", "aa a", "aa aaa"));
}

TEST(TrainBpe, RefusesSizesThatCannotBe) {
  for (const std::int64_t size : {std::int64_t{256}, std::int64_t{-1}, kMaxVocabularySize + 1}) {
    try {
      TrainBpe({}, {.vocab_size = size});
      ADD_FAILURE() << size;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("expected 257"));
    }
  }
  EXPECT_THROW(TrainBpe({}, {.min_frequency = 0}), Error);
}

// Few letters make pairs overlap. Where two pairs have one result, counts of the first go on from
// where they were (bpe_trainer.cc): such trials say nothing here.
TEST(TrainBpe, EqualsCountingAnewForEachMerge) {
  Rng rng(5);
  for (int trial = 0; trial < 60; ++trial) {
    WordCounts words;
    for (std::int64_t n = rng.Between(1, 60); n > 0; --n) {
      std::string word;
      for (std::int64_t c = rng.Between(1, 12); c > 0; --c) {
        word += static_cast<char>('a' + rng.Below(6));
      }
      words.Add(word, rng.Between(1, 9));
    }
    const std::int64_t merges = 8;
    const TokenizerData data = TrainBpe(words, {.vocab_size = 257 + merges});
    if (std::ssize(data.merges) + 257 != std::ssize(data.tokens)) continue;
    ASSERT_EQ(Merges(data), SlowMerges(words, merges)) << trial;
  }
}

TEST(TrainBpe, DependsOnNoOrderOfWords) {
  const std::string text =
      ReadFile(std::string(LTS_SOURCE_DIR) + "/tests/goldens/bpe_training/corpus.txt");
  WordCounts forwards;
  forwards.AddText(text);
  WordCounts backwards;
  for (std::size_t i = forwards.size(); i-- > 0;) {
    backwards.Add(forwards.word(i), forwards.count(i));
  }
  const Lines merges = Merges(TrainBpe(forwards, {.vocab_size = 2000}));
  EXPECT_GT(merges.size(), 500U);
  EXPECT_EQ(merges, Merges(TrainBpe(backwards, {.vocab_size = 2000})));
}

// merges.txt of BpeTrainer (tools/compare_bpe_training.py --goldens), of words with overlapping
// pairs, runs and many ties.
TEST(TrainBpe, EqualsHuggingFace) {
  const std::string folder = std::string(LTS_SOURCE_DIR) + "/tests/goldens/bpe_training";
  WordCounts words;
  words.AddText(ReadFile(folder + "/corpus.txt"));
  const TokenizerData data = TrainBpe(words, {.vocab_size = 1500});
  const std::string expected = ReadFile(folder + "/merges.txt");
  std::string merges;
  for (const std::string& line : Merges(data)) merges += line + "\n";
  EXPECT_EQ(merges, expected);
  EXPECT_EQ(data.tokens.size(), 257 + data.merges.size());
}

TEST(TrainBpe, MakesATokenizerThatLosesNothing) {
  WordCounts words;
  words.AddText("the cat sat on the mat, the cat that the bat sat on");
  const Tokenizer tokenizer(TrainBpe(words, {.vocab_size = 280}));
  const std::string text = "the cat \xFF 日本\n\n that";
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(text)), text);
  EXPECT_EQ(tokenizer.Encode(" the").size(), 1U);
  EXPECT_EQ(tokenizer.end_of_text(), 0);
}

}  // namespace
}  // namespace lts

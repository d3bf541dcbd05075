#include "lts/text/splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/text/expression.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Pieces = std::vector<std::string_view>;

Pieces Split(SplitRule rule, std::string_view text) {
  Pieces pieces;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = PieceEnd(rule, text, at);
    EXPECT_GT(end, at);
    EXPECT_LE(end, text.size());
    pieces.push_back(text.substr(at, end - at));
    at = end;
  }
  return pieces;
}

Pieces Match(std::string_view expression, std::string_view text) {
  Pieces pieces;
  Expression(expression).Split(text, pieces);
  return pieces;
}

TEST(Gpt2Rule, CutsWordsWithTheSpaceBefore) {
  EXPECT_THAT(Split(SplitRule::kGpt2, "Hello world's 1st  try.\n"),
              ElementsAre("Hello", " world", "'s", " 1", "st", " ", " try", ".", "\n"));
}

TEST(Gpt2Rule, LeavesTheLastOfTheSpacesToTheWord) {
  EXPECT_THAT(Split(SplitRule::kGpt2, "a   b"), ElementsAre("a", "  ", " b"));
  EXPECT_THAT(Split(SplitRule::kGpt2, "a   "), ElementsAre("a", "   "));
  EXPECT_THAT(Split(SplitRule::kGpt2, "\n\nb"), ElementsAre("\n", "\n", "b"));
  EXPECT_THAT(Split(SplitRule::kGpt2, "\u3000\u3000b"), ElementsAre("\u3000", "\u3000", "b"));
}

TEST(Gpt2Rule, KnowsContractionsInSmallLettersOnly) {
  EXPECT_THAT(Split(SplitRule::kGpt2, "we've WE'VE"), ElementsAre("we", "'ve", " WE", "'", "VE"));
  EXPECT_THAT(Split(SplitRule::kGpt2, "!'s '"), ElementsAre("!'", "s", " '"));
}

TEST(Llama3Rule, TakesOneSignAlongAndThreeDigits) {
  EXPECT_THAT(Split(SplitRule::kLlama3, "(word) 12345 WE'VE!\n\n x"),
              ElementsAre("(word", ")", " ", "123", "45", " WE", "'VE", "!\n\n", " x"));
  EXPECT_THAT(Split(SplitRule::kLlama3, "a \n \n  b"), ElementsAre("a", " \n \n", " ", " b"));
}

TEST(Qwen2Rule, TakesDigitsOneByOne) {
  EXPECT_THAT(Split(SplitRule::kQwen2, "a12 3"), ElementsAre("a", "1", "2", " ", "3"));
}

TEST(SplitRules, KeepBrokenBytesWithSigns) {
  EXPECT_THAT(Split(SplitRule::kGpt2, "a\xFF\x80!b"), ElementsAre("a", "\xFF\x80!", "b"));
  EXPECT_THAT(Split(SplitRule::kGpt2, "a \xE6\x97"), ElementsAre("a", " \xE6\x97"));
}

TEST(SplitRules, EqualTheirExpressionsOnAnyText) {
  const std::vector<std::string> parts = {
      " ",    " ",    "\n",     "\r",     "\t",     "'",      "s",      "LL",     "ve",
      "re",   "D",    "\u017f", "a",      "é",      "日",     "1",      "½",      "٣",
      "!",    ".",    "😀",      "\u00a0", "\u2003", "\u0085", "\u200d", "\u0301", "\xFF",
      "\xE6", "\x97", "\xF0",   "\xC5",   "\xBF",   "\u1c89", "\uFFFD", "\x1C",   "\u180e"};
  const std::vector<std::pair<SplitRule, std::string_view>> rules = {
      {SplitRule::kGpt2, kGpt2Expression},
      {SplitRule::kLlama3, kLlama3Expression},
      {SplitRule::kQwen2, kQwen2Expression},
      {SplitRule::kNumber, kNumberExpression}};
  Rng rng(1);
  for (const auto& [rule, expression] : rules) {
    EXPECT_EQ(FindSplitRule(expression), rule);
    for (int i = 0; i < 3000; ++i) {
      std::string text;
      for (std::int64_t n = rng.Between(1, 20); n > 0; --n) text += rng.Choice<std::string>(parts);
      ASSERT_EQ(Split(rule, text), Match(expression, text)) << text;
    }
  }
}

TEST(SplitRules, AreFoundByTheirExactExpression) {
  EXPECT_FALSE(FindSplitRule(R"(\p{L}+)").has_value());
  EXPECT_FALSE(FindSplitRule("").has_value());
}

TEST(Expression, TriesAlternativesInOrderAndKeepsWhatLiesBetween) {
  EXPECT_THAT(Match("ab|abc", "xabcabc"), ElementsAre("x", "ab", "c", "ab", "c"));
  EXPECT_THAT(Match("x(?:ab|c)?d", "xd xcd xabd xab"),
              ElementsAre("xd", " ", "xcd", " ", "xabd", " xab"));
  EXPECT_THAT(Match("(?i:st)o?", "STo so"), ElementsAre("STo", " so"));
}

TEST(Expression, RepeatsGreedilyAndGivesBack) {
  EXPECT_THAT(Match("a{2,3}", "aaaaa a"), ElementsAre("aaa", "aa", " a"));
  EXPECT_THAT(Match("a*ab", "aaab"), ElementsAre("aaab"));
  EXPECT_THAT(Match("a*+ab|b", "aaab"), ElementsAre("aaa", "b"));
  EXPECT_THAT(Match("a{2}", "aaa"), ElementsAre("aa", "a"));
  EXPECT_THAT(Match("a*", "baa"), ElementsAre("b", "aa"));
}

TEST(Expression, KnowsClasses) {
  EXPECT_THAT(Match(R"([^\s\p{L}]+)", "a1! b"), ElementsAre("a", "1!", " b"));
  EXPECT_THAT(Match(R"(\P{L}|[b-d日])", "ab1日"), ElementsAre("a", "b", "1", "日"));
  EXPECT_THAT(Match(R"([\p{Lu}\p{M}]\S)", "aBcDe"), ElementsAre("a", "Bc", "De"));
  EXPECT_THAT(Match(R"(.\.)", "a.\n."), ElementsAre("a.", "\n."));
  EXPECT_THAT(Match(R"(x(?!y))", "xyxz"), ElementsAre("xy", "x", "z"));
}

TEST(Expression, RefusesWhatItDoesNotMatchAndSaysWhere) {
  for (const char* const text :
       {"",        "(?<=a)b", "a+?",     "a**",         "^a",     "a$",           "(a",
        "a)",      "[a",      "[^",      R"(\b)",       R"(\1)",  R"(\p{Greek})", R"(\p{L)",
        "(?:ab)+", "a{3,2}",  "a{9999}", "[a-z&&[b]]",  "[z-a]",  "*a",           "(?:",
        "a|*",     "\\",      "\xFF",    "[[:alpha:]]", "(?!(a))"}) {
    try {
      const Expression expression{text};
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_THAT(error.what(), HasSubstr("expression")) << text;
    }
  }
  try {
    const Expression expression{R"(ab(?<=c))"};
    ADD_FAILURE() << "look-behind was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("at 3"));
  }
}

TEST(Expression, BoundsItsSizeAndItsDepth) {
  EXPECT_THROW(Expression(std::string(5000, 'a')), Error);
  EXPECT_THROW(Expression(std::string(100, '(') + "a" + std::string(100, ')')), Error);
  EXPECT_THAT(Match(std::string(10, '(') + "a" + std::string(10, ')'), "ba"),
              ElementsAre("b", "a"));
}

// Without a memory of what failed, six repeats in a row try 200^6 / 6! ways here.
TEST(Expression, TriesNoPlaceOfARunTwice) {
  const std::string spaces(200, ' ');
  EXPECT_THAT(Match(R"(\s*\s*\s*\s*\s*\s*x)", spaces + "y"), ElementsAre(spaces + "y"));
  EXPECT_THAT(Match(R"(\s*\s*\s*\s*\s*\s*x)", spaces + "x y"), ElementsAre(spaces + "x", " y"));
  // What failed from one place is tried again from the next.
  EXPECT_THAT(Match("a*a*a{100}b", std::string(300, 'a') + "ca" + std::string(99, 'a') + "b"),
              ElementsAre(std::string(300, 'a') + "c", std::string(100, 'a') + "b"));
}

TEST(Expression, TakesLongRunsInOneGo) {
  const std::string spaces(1 << 20, ' ');
  EXPECT_EQ(Match(kGpt2Expression, spaces).size(), 1U);
  EXPECT_EQ(Match(kLlama3Expression, spaces + "a").size(), 2U);
}

}  // namespace
}  // namespace lts

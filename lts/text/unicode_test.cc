#include "lts/text/unicode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "lts/base/json.h"
#include "lts/base/sha1.h"

namespace lts {
namespace {

// Every code point, held against Oniguruma as Hugging Face's tokenizers have it
// (tools/make_tokenizer_goldens.py). tiktoken's regex agrees with it on all of them.
TEST(ClassOf, EqualsTheExpressionEnginesOnEveryCodePoint) {
  const Json golden =
      ReadJsonFile(std::string(LTS_SOURCE_DIR) + "/tests/goldens/tokenizer/classes.json");
  std::string letters;
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
    letters += "LNSO"[static_cast<int>(ClassOf(c))];
  }
  const auto count = [&](char c) { return std::count(letters.begin(), letters.end(), c); };
  EXPECT_EQ(count('L'), golden.Find("letters")->AsInt());
  EXPECT_EQ(count('N'), golden.Find("numbers")->AsInt());
  EXPECT_EQ(count('S'), golden.Find("spaces")->AsInt());
  EXPECT_EQ(Sha1Hex(letters), golden.Find("sha1")->AsString());
}

TEST(ClassOf, KnowsTheDisputedSpaces) {
  for (const std::uint32_t c : {0x09U, 0x0BU, 0x20U, 0x85U, 0xA0U, 0x2028U, 0x3000U}) {
    EXPECT_EQ(ClassOf(c), CharClass::kSpace) << std::hex << c;
  }
  for (const std::uint32_t c : {0x1CU, 0x1FU, 0x180EU, 0x200BU, 0xFEFFU, 0x110000U, 0xFFFFFFFFU}) {
    EXPECT_EQ(ClassOf(c), CharClass::kOther) << std::hex << c;
  }
}

TEST(CategoryOf, KnowsWhatCameAfterUnicode15) {
  EXPECT_EQ(CategoryOf(0x1C89), Category::kLu);
  EXPECT_EQ(CategoryOf(0x1C8A), Category::kLl);
  EXPECT_EQ(CategoryOf(0x1C8B), Category::kCn);
  EXPECT_EQ(CategoryOf(0x2EE5D), Category::kLo);
  EXPECT_EQ(CategoryOf(0x2EE5E), Category::kCn);
  EXPECT_EQ(CategoryOf(0x110000), Category::kCn);
}

TEST(CharacterAt, TakesBrokenBytesOneByOne) {
  // A lone continuation, an overlong slash, a surrogate, beyond the last, a cut-off character.
  for (const std::string_view broken :
       {"\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE6\x97"}) {
    for (std::size_t at = 0; at < broken.size(); ++at) {
      const Character character = CharacterAt(broken, at);
      EXPECT_EQ(character.bytes, 1U);
      EXPECT_EQ(character.char_class, CharClass::kOther);
      EXPECT_EQ(character.code_point, kReplacementCharacter);
    }
  }
  EXPECT_EQ(CharacterAt("x\xE6\x97\xA5", 1).bytes, 3U);
  EXPECT_EQ(CharacterAt("x\xE6\x97\xA5", 1).char_class, CharClass::kLetter);
}

TEST(SkipClass, StopsAtTheFirstOtherClassOrTheEnd) {
  EXPECT_EQ(SkipClass("abc1", 0, CharClass::kLetter), 3U);
  EXPECT_EQ(SkipClass("aé日!", 0, CharClass::kLetter), 6U);
  EXPECT_EQ(SkipClass("aé日", 1, CharClass::kLetter), 6U);
  EXPECT_EQ(SkipClass("1", 0, CharClass::kLetter), 0U);
  EXPECT_EQ(SkipClass("!\xFF\x80?", 0, CharClass::kOther), 4U);
}

TEST(WholeCharacters, HoldsBackOnlyWhatMayStillBecomeACharacter) {
  EXPECT_EQ(WholeCharacters(""), 0U);
  EXPECT_EQ(WholeCharacters("abc"), 3U);
  EXPECT_EQ(WholeCharacters("a\xE6\x97\xA5"), 4U);
  EXPECT_EQ(WholeCharacters("a\xE6\x97"), 1U);
  EXPECT_EQ(WholeCharacters("a\xE6"), 1U);
  EXPECT_EQ(WholeCharacters("a\xF0\x9F\x98"), 1U);
  // No character begins with these, whatever follows.
  for (const std::string_view broken : {"a\x80", "a\x97\x97\x97\x97", "a\xC0", "a\xFF", "a\xE0\x9F",
                                        "a\xED\xA0", "a\xF0\x8F\xBF", "a\xF4\x90", "a\xF5"}) {
    EXPECT_EQ(WholeCharacters(broken), broken.size());
  }
}

}  // namespace
}  // namespace lts

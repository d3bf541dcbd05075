#include "lts/base/utf8.h"

#include <gtest/gtest.h>

namespace lts {
namespace {

void ExpectCode(std::string_view text, std::uint32_t value) {
  const CodePoint code = DecodeUtf8(text, 0);
  EXPECT_EQ(code.bytes, text.size());
  EXPECT_EQ(code.value, value);
}

TEST(Utf8Test, DecodesTheFirstAndLastOfEachLength) {
  ExpectCode(std::string_view("\0", 1), 0);
  ExpectCode("\x7F", 0x7F);
  ExpectCode("\xC2\x80", 0x80);
  ExpectCode("\xDF\xBF", 0x7FF);
  ExpectCode("\xE0\xA0\x80", 0x800);
  ExpectCode("\xED\x9F\xBF", 0xD7FF);
  ExpectCode("\xEE\x80\x80", 0xE000);
  ExpectCode("\xEF\xBF\xBF", 0xFFFF);
  ExpectCode("\xF0\x90\x80\x80", 0x10000);
  ExpectCode("\xF4\x8F\xBF\xBF", 0x10FFFF);
}

TEST(Utf8Test, DecodesWithinAText) {
  EXPECT_EQ(DecodeUtf8("a\xC3\xA9z", 1).value, 0xE9u);
  EXPECT_EQ(DecodeUtf8("a\xC3\xA9z", 3).value, std::uint32_t{'z'});
}

TEST(Utf8Test, RefusesWhatIsNoUtf8) {
  for (const std::string_view text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE2\x82",
        "\xF0\x9F\x98", "\xC3z", "\xE2\x82z"}) {
    EXPECT_EQ(DecodeUtf8(text, 0).bytes, 0u) << text.size();
  }
}

}  // namespace
}  // namespace lts

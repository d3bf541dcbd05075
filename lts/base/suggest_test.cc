#include "lts/base/suggest.h"

#include <gtest/gtest.h>

#include "lts/base/dtype.h"
#include "lts/base/error.h"

namespace lts {
namespace {

const std::vector<std::string> kKnown = {"latency_ms", "ttft_ms", "tpot_ms", "flops"};

TEST(EditDistanceTest, CountsEdits) {
  EXPECT_EQ(EditDistance("", ""), 0);
  EXPECT_EQ(EditDistance("abc", ""), 3);
  EXPECT_EQ(EditDistance("", "abc"), 3);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
  EXPECT_EQ(EditDistance("flops", "flosp"), 1);  // neighbours swapped
  EXPECT_EQ(EditDistance("ca", "abc"), 3);  // optimal string alignment; 2 with unrestricted swaps
  EXPECT_EQ(EditDistance("FLOPS", "flops"), 0);
}

TEST(EditDistanceTest, ComparesTheFirst128Bytes) {
  EXPECT_EQ(EditDistance(std::string(1000, 'a'), std::string(2000, 'a')), 0);
  EXPECT_EQ(EditDistance(std::string(1000, 'a'), ""), 128);
}

TEST(UnknownNameTest, SuggestsACloseName) {
  EXPECT_EQ(UnknownName("objective", "latncy_ms", kKnown),
            "unknown objective 'latncy_ms'; did you mean 'latency_ms'?");
  EXPECT_EQ(UnknownName("objective", "Flops", kKnown),
            "unknown objective 'Flops'; did you mean 'flops'?");
  EXPECT_EQ(UnknownName("objective", "latency", kKnown),  // 3 edits of 7 bytes: too far
            "unknown objective 'latency'; known: latency_ms, ttft_ms, tpot_ms, flops");
}

TEST(UnknownNameTest, ListsTheKnownNamesWhenNoneIsClose) {
  EXPECT_EQ(UnknownName("objective", "speed", kKnown),
            "unknown objective 'speed'; known: latency_ms, ttft_ms, tpot_ms, flops");
  EXPECT_EQ(UnknownName("key", "x", {"a", "b"}), "unknown key 'x'; known: a, b");
  EXPECT_EQ(UnknownName("key", "", {"a", "b"}), "unknown key ''; known: a, b");
  EXPECT_EQ(UnknownName("key", "x", {}), "unknown key 'x'");
}

TEST(UnknownNameTest, StaysOneShortLine) {
  const std::string message = UnknownName("key", "a\nb\x1b[31m" + std::string(500, 'x'), {"known"});
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_LT(message.size(), 120u);
}

TEST(QuotedTest, EscapesControlCharactersAndBytesThatAreNoUtf8) {
  EXPECT_EQ(Quoted("plain é 😀 'text'"), "plain é 😀 'text'");
  EXPECT_EQ(Quoted("a\n\t\r\x01\x7f"), "a\\n\\t\\r\\x01\\x7f");
  EXPECT_EQ(Quoted("\xC2\x9B[31m"), "\\x9b[31m");    // the 8-bit form of ESC [
  EXPECT_EQ(Quoted("a\xE2\x80\xA8z"), "a\\u2028z");  // line separator
  EXPECT_EQ(Quoted("\xFF\xC3"), "\\xff\\xc3");
  EXPECT_EQ(Quoted(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(QuotedTest, ShortensBetweenCharacters) {
  EXPECT_EQ(Quoted("abcdef", 6), "abcdef");
  EXPECT_EQ(Quoted("abcdefg", 6), "abcdef...");
  EXPECT_EQ(Quoted("abcdeé", 6), "abcde...");
}

TEST(EnumTableTest, NamesAndParsesEveryValue) {
  for (const auto& entry : kDTypes.entries) {
    EXPECT_EQ(kDTypes.Name(entry.value), entry.name);
    EXPECT_EQ(kDTypes.Parse(entry.name), entry.value);
  }
  EXPECT_EQ(kDTypes.Find("f16"), std::nullopt);
  EXPECT_EQ(kDTypes.Names(), (std::vector<std::string>{"f32", "bf16", "int8"}));
}

TEST(EnumTableTest, SuggestsTheNearestName) {
  try {
    kDTypes.Parse("f23");
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNotFound);
    EXPECT_STREQ(e.what(), "unknown dtype 'f23'; did you mean 'f32'?");
  }
}

}  // namespace
}  // namespace lts

#include "lts/base/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lts {
namespace {

TEST(Hash64, TellsLengthsSeedsAndSingleBitsApart) {
  std::set<std::uint64_t> hashes;
  std::size_t inputs = 0;
  const auto add = [&](const std::string& bytes, std::uint64_t seed = 0) {
    hashes.insert(Hash64(bytes, seed));
    ++inputs;
  };
  for (std::size_t length = 0; length < 64; ++length) {
    add(std::string(length, '\0'));
    add(std::string(length, '\0'), 1);
    for (std::size_t bit = 0; bit < 8 * length; ++bit) {
      std::string bytes(length, '\0');
      bytes[bit / 8] = static_cast<char>(1 << bit % 8);
      add(bytes);
    }
  }
  EXPECT_EQ(hashes.size(), inputs);
}

// Fractions of hashes are used as uniform numbers.
TEST(Hash64, SpreadsShortTextsEvenly) {
  int low = 0;
  int even = 0;
  constexpr int kTexts = 10000;
  for (int i = 0; i < kTexts; ++i) {
    const std::uint64_t hash = Hash64(std::to_string(i));
    low += hash < (std::uint64_t{1} << 63) / 5 ? 1 : 0;  // a tenth
    even += hash % 2 == 0 ? 1 : 0;
  }
  EXPECT_NEAR(low, kTexts / 10, 120);  // four standard deviations of 30
  EXPECT_NEAR(even, kTexts / 2, 200);
}

TEST(Hash64, NeverChanges) {
  EXPECT_EQ(Hash64(""), 0x7F646C5FD895C2BFU);
  EXPECT_EQ(Hash64("abc"), 0x49A777CA0AC22189U);
  EXPECT_EQ(Hash64("the quick brown fox"), 0xC62EE89E79F1F761U);
  EXPECT_EQ(Hash64("abc", 7), 0xA4A3938ABFA73D52U);
}

}  // namespace
}  // namespace lts

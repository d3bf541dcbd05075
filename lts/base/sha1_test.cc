#include "lts/base/sha1.h"

#include <gtest/gtest.h>

namespace lts {
namespace {

TEST(Sha1Test, EqualsPublishedDigests) {  // FIPS 180-2 appendix A and RFC 3174 section 7.3
  EXPECT_EQ(Sha1Hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(Sha1Hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(Sha1Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(Sha1Hex(std::string(1'000'000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Sha1Test, TakesBytesOfAnyValue) {
  EXPECT_NE(Sha1Hex(std::string_view("a\0b", 3)), Sha1Hex("a"));
}

}  // namespace
}  // namespace lts

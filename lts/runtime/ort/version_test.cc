#include "lts/runtime/ort/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lts::ort {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(VersionNumbers, EndAtWhatIsNoNumber) {
  EXPECT_THAT(VersionNumbers("1.31.1"), ElementsAre(1, 31, 1));
  EXPECT_THAT(VersionNumbers("1.20.0-rc.2"), ElementsAre(1, 20, 0));
  EXPECT_THAT(VersionNumbers("1."), ElementsAre(1));
  EXPECT_THAT(VersionNumbers("1..2"), ElementsAre(1));
  EXPECT_THAT(VersionNumbers("1.99999999999.3"), ElementsAre(1));
  for (const char* text : {"", ".", "v1.2", "abi"}) EXPECT_THAT(VersionNumbers(text), IsEmpty());
}

TEST(VersionNumbers, CompareAsVersionsDo) {
  EXPECT_LT(VersionNumbers("1.9"), VersionNumbers("1.20"));
  EXPECT_LT(VersionNumbers("1.20"), VersionNumbers("1.20.1"));
  EXPECT_LT(VersionNumbers(""), VersionNumbers("0"));
}

TEST(HasSoundFusedAttention, From120On) {
  for (const char* sound : {"1.20", "1.20.0", "1.31.1", "2.0"}) {
    EXPECT_TRUE(HasSoundFusedAttention(sound)) << sound;
  }
  for (const char* unsound : {"1.19.2", "1.9", "1", "0.20", "", "unknown"}) {
    EXPECT_FALSE(HasSoundFusedAttention(unsound)) << unsound;
  }
}

}  // namespace
}  // namespace lts::ort

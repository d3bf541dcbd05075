#include "lts/train/engine_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/data/data_test_support.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

class EngineLibraryTest : public DataFolder {};

TEST_F(EngineLibraryTest, SaysWhereItLookedAndHowToGetOne) {
  const std::string message =
      MessageOf(ErrorCode::kUnsupported, [&] { OpenEngineLibrary(Path("none.so")); });
  EXPECT_THAT(message, HasSubstr(Path("none.so")));
  EXPECT_THAT(message, HasSubstr("libtorch-dev"));
}

TEST_F(EngineLibraryTest, RefusesWhatIsNoLibrary) {
  const std::string path = Write("engine.so", "no library");
  EXPECT_THAT(MessageOf(ErrorCode::kUnsupported, [&] { OpenEngineLibrary(path); }),
              HasSubstr("cannot be loaded"));
}

TEST_F(EngineLibraryTest, LooksBesideTheProgramUnlessNamed) {
  const auto candidates = EngineLibraryCandidates("");
  ASSERT_EQ(candidates.size(), 1U);
  EXPECT_THAT(candidates[0], ::testing::EndsWith("/lib/lts/" + std::string(kEngineLibrary)));
  EXPECT_THAT(EngineLibraryCandidates("x.so"), ::testing::ElementsAre("x.so"));
}

}  // namespace
}  // namespace lts

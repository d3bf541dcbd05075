#include "lts/runtime/cpu/kernels/targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "lts/base/error.h"
#include "lts/runtime/cpu/kernels/amx.h"

namespace lts {
namespace {

TEST(Targets, ALimitLeavesItselfAndLeavesOutWhatIsBetter) {
  const std::vector<std::int64_t> best_first = hwy::SupportedAndGeneratedTargets();
  ASSERT_FALSE(best_first.empty());
  for (std::size_t limit = 0; limit < best_first.size(); ++limit) {
    SCOPED_TRACE(hwy::TargetName(best_first[limit]));
    const std::int64_t beyond = TargetsBeyond(hwy::TargetName(best_first[limit]));
    for (std::size_t i = 0; i < best_first.size(); ++i) {
      EXPECT_EQ((best_first[i] & beyond) != 0, i < limit) << hwy::TargetName(best_first[i]);
    }
  }
}

TEST(Targets, RejectsAnUnknownLimitAndNamesTheKnownOnes) {
  for (const char* isa : {"", "VERY_LONG_VECTORS", "SVE", "SSSE3", "Unknown"}) {
    try {
      TargetsBeyond(isa);
      FAIL() << "'" << isa << "' limits something";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), testing::StartsWith("LTS_MAX_ISA: unknown instruction set"));
    }
  }
  try {
    TargetsBeyond("VERY_LONG_VECTORS");
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(hwy::TargetName(HWY_STATIC_TARGET)));
  }
}

// Of use in the runs that set the variable (CMakeLists.txt); without it there is no limit.
TEST(Targets, KernelsKeepToTheLimitOfTheEnvironment) {
  ApplyMaxIsa();
  const char* limit = std::getenv("LTS_MAX_ISA");
  EXPECT_EQ(MaxIsaIsSet(), limit != nullptr && *limit != '\0');
  if (!MaxIsaIsSet()) return;
  EXPECT_FALSE(AmxAvailable());
  const std::int64_t beyond = TargetsBeyond(limit);
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    EXPECT_EQ(target & beyond, 0) << hwy::TargetName(target);
  }
  EXPECT_STREQ(KernelTarget(), hwy::TargetName(hwy::SupportedAndGeneratedTargets().front()));
}

}  // namespace
}  // namespace lts

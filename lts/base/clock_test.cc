#include "lts/base/clock.h"

#include <gtest/gtest.h>

namespace lts {
namespace {

TEST(ClockTest, SystemClockNeverGoesBack) {
  SystemClock clock;
  std::int64_t last = clock.NowNs();
  for (int i = 0; i < 10'000; ++i) {
    const std::int64_t now = clock.NowNs();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(ClockTest, FakeClockMovesWhenTold) {
  FakeClock clock;
  EXPECT_EQ(clock.NowNs(), clock.NowNs());
  const std::int64_t before = clock.NowNs();
  clock.Advance(250);
  EXPECT_EQ(clock.NowNs(), before + 250);
}

}  // namespace
}  // namespace lts

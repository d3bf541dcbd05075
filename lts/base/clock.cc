#include "lts/base/clock.h"

#include <ctime>

namespace lts {

std::int64_t SystemClock::NowNs() {
#ifdef CLOCK_MONOTONIC_RAW
  constexpr clockid_t kClock = CLOCK_MONOTONIC_RAW;
#else
  constexpr clockid_t kClock = CLOCK_MONOTONIC;
#endif
  timespec now{};
  clock_gettime(kClock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace lts

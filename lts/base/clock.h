// Time as a dependency, so that no test sleeps and measuring can be tested against a fake.
#pragma once

#include <cstdint>

namespace lts {

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic nanoseconds from an arbitrary origin.
  virtual std::int64_t NowNs() = 0;
};

// CLOCK_MONOTONIC_RAW where there is one (no NTP slewing), about 20-50 ns a call. Thread-safe.
class SystemClock final : public Clock {
 public:
  std::int64_t NowNs() override;
};

// Stands still until told otherwise. For tests.
class FakeClock final : public Clock {
 public:
  std::int64_t NowNs() override { return now_ns_; }
  void Advance(std::int64_t ns) { now_ns_ += ns; }

 private:
  std::int64_t now_ns_ = 0;
};

}  // namespace lts

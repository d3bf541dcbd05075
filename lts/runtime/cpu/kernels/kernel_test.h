// Runs a kernel's tests on every instruction set that was compiled in and that this machine has.
#pragma once

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cstdint>
#include <string>
#include <vector>

#include "lts/base/rng.h"

namespace lts {

// The parameter is a Highway target; while a test runs, dynamic dispatch chooses it.
class KernelTest : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { UseTargets(GetParam()); }
  void TearDown() override { UseTargets(0); }

 private:
  static void UseTargets(std::int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

inline std::string TargetTestName(const ::testing::TestParamInfo<std::int64_t>& info) {
  return hwy::TargetName(info.param);
}

// Afterwards write TEST_P(suite, ...).
#define LTS_KERNEL_TEST(suite)        \
  class suite : public KernelTest {}; \
  INSTANTIATE_TEST_SUITE_P(           \
      Targets, suite, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()), TargetTestName)

// `size` random values in [-1, 1) that begin `misalignment` floats after an allocation's start and
// end with it, so that AddressSanitizer sees a read or write past either end.
class Values {
 public:
  Values(std::int64_t size, Rng& rng, std::int64_t misalignment = 0)
      : storage_(static_cast<std::size_t>(size + misalignment)), misalignment_(misalignment) {
    for (float& value : storage_) value = static_cast<float>(2 * rng.Uniform() - 1);
  }
  float* data() { return storage_.data() + misalignment_; }
  const float* data() const { return storage_.data() + misalignment_; }
  float& operator[](std::int64_t i) { return data()[i]; }
  float operator[](std::int64_t i) const { return data()[i]; }

 private:
  std::vector<float> storage_;
  std::int64_t misalignment_;
};

// What one rounding may add to a value of magnitude 1.
inline constexpr double kRoundoff = 0x1p-24;

}  // namespace lts

#include "lts/measure/roofline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "lts/arch/architecture.h"
#include "lts/base/error.h"

namespace lts {
namespace {

Ceilings Made() {
  Ceilings ceilings;
  ceilings.flops_per_s = {1e12, 5e12, 1e13};
  ceilings.read = {{1 << 20, 100e9}, {1 << 24, 20e9}};
  return ceilings;
}

TEST(Roofline, ReadRateLiesBetweenTheMeasuredWorkingSets) {
  const Ceilings ceilings = Made();
  EXPECT_EQ(ceilings.ReadRate(1), 100e9);
  EXPECT_EQ(ceilings.ReadRate(1 << 20), 100e9);
  EXPECT_DOUBLE_EQ(ceilings.ReadRate(1 << 22), 60e9);  // half-way in the logarithm
  EXPECT_EQ(ceilings.ReadRate(1 << 24), 20e9);
  EXPECT_EQ(ceilings.ReadRate(std::int64_t{1} << 40), 20e9);
}

TEST(Roofline, BoundsAreFlopsByTheirRateAndBytesByTheirs) {
  const Ceilings ceilings = Made();
  WorkloadCounts counts;
  counts.least_prefill_flops = 2'000'000'000;
  counts.decode_bytes = 1 << 24;
  EXPECT_DOUBLE_EQ(BoundOf(counts, DType::kFloat32, ceilings).ttft_ms, 2.0);
  EXPECT_DOUBLE_EQ(BoundOf(counts, DType::kBFloat16, ceilings).ttft_ms, 0.4);
  EXPECT_DOUBLE_EQ(BoundOf(counts, DType::kInt8, ceilings).ttft_ms, 0.2);
  EXPECT_DOUBLE_EQ(BoundOf(counts, DType::kFloat32, ceilings).tpot_ms, 1e3 * (1 << 24) / 20e9);
  counts.decode_bytes = 0;
  EXPECT_EQ(BoundOf(counts, DType::kFloat32, ceilings).tpot_ms, 0);
}

// A machine whose multiply-adds take 1 ms per 1e9 and whose every read takes 1 ms per MiB.
TEST(Roofline, RatesAreWorkByTime) {
  FakeClock clock;
  const CeilingProbes probes{
      [&](DType dtype, double flops) {
        clock.Advance(static_cast<std::int64_t>(flops / (dtype == DType::kInt8 ? 2e3 : 1e3)));
        return flops;
      },
      [&](const float* values, std::int64_t count) {
        EXPECT_EQ(values[0] + values[count - 1], 2.0F);
        clock.Advance(count * 4 * 1'000'000 / (1 << 20));
      }};
  const Ceilings ceilings = MeasureCeilings(
      {.threads = 1, .tries = 2, .products = false, .read_mib = {2, 1}}, probes, clock);
  EXPECT_NEAR(ceilings.flops(DType::kFloat32), 1e12, 1);
  EXPECT_NEAR(ceilings.flops(DType::kInt8), 2e12, 1);
  ASSERT_EQ(ceilings.read.size(), 2U);
  EXPECT_EQ(ceilings.read[0].bytes, 1 << 20);
  EXPECT_NEAR(ceilings.read[0].bytes_per_s, 1e3 * (1 << 20), 1);
  EXPECT_EQ(ceilings.read[1].bytes, 2 << 20);
}

TEST(Roofline, EveryThreadDoesItsWork) {
  FakeClock clock;
  std::atomic<int> calls{0};
  const CeilingProbes probes{[&](DType, double flops) {
                               ++calls;
                               return flops;
                             },
                             [](const float*, std::int64_t) {}};
  // A clock that stands still does not keep it looking for a long enough try for ever.
  const Ceilings ceilings = MeasureCeilings(
      {.threads = 2, .tries = 1, .products = false, .read_mib = {1}}, probes, clock);
  EXPECT_EQ(ceilings.threads, 2);
  EXPECT_GT(calls.load(), 6);
}

TEST(Roofline, TheKernelsOfThisMachineHaveRates) {
  SystemClock clock;
  const Ceilings ceilings = MeasureCeilings(
      {.threads = 2, .tries = 1, .seconds_per_try = 1e-4, .read_mib = {1}}, KernelProbes(), clock);
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kInt8}) {
    EXPECT_GT(ceilings.flops(dtype), 0);
    EXPECT_TRUE(std::isfinite(ceilings.flops(dtype)));
    EXPECT_GT(ceilings.product(dtype), 0);
  }
  EXPECT_GT(ceilings.read.front().bytes_per_s, 0);
}

TEST(Roofline, RefusesOptionsOutsideTheirRanges) {
  SystemClock clock;
  EXPECT_THROW(MeasureCeilings({.threads = 0}, KernelProbes(), clock), Error);
  EXPECT_THROW(MeasureCeilings({.tries = 0}, KernelProbes(), clock), Error);
  EXPECT_THROW(MeasureCeilings({.seconds_per_try = 0}, KernelProbes(), clock), Error);
  EXPECT_THROW(MeasureCeilings({.read_mib = {}}, KernelProbes(), clock), Error);
}

}  // namespace
}  // namespace lts

#include "lts/profile/grid_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/base/error.h"
#include "lts/profile/request_fit.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

double PromptMs(double p) { return 2 + 0.05 * p + (p > 100 ? 10 : 0); }
double StepMs(double context) { return 1 + 0.001 * context; }

// Takes the time that formulas say, on a machine that is `slowness` times as slow.
class FakeGeneration final : public Generation {
 public:
  FakeGeneration(FakeClock& clock, const double& slowness) : clock_(clock), slowness_(slowness) {}
  void Prefill(std::int64_t tokens) override {
    context_ = tokens;
    longest_ = std::max(longest_, context_);
    Advance(PromptMs(static_cast<double>(tokens)));
  }
  void Decode() override {
    ++context_;
    longest_ = std::max(longest_, context_);
    Advance(StepMs(static_cast<double>(context_)));
  }
  std::int64_t longest() const { return longest_; }

 private:
  void Advance(double ms) { clock_.Advance(std::llround(ms * slowness_ * 1e6)); }
  FakeClock& clock_;
  const double& slowness_;
  std::int64_t context_ = 0;
  std::int64_t longest_ = 0;
};

class FakeCanary final : public TimedSubject {
 public:
  explicit FakeCanary(const double& slowness) : slowness_(slowness) {}
  WorkloadTiming Run(Clock& clock) override {
    auto& fake = dynamic_cast<FakeClock&>(clock);
    fake.Advance(std::llround(11e6 * slowness_));
    return {6 * slowness_, 1 * slowness_, 5 * slowness_};
  }

 private:
  const double& slowness_;
};

struct Bench {
  double slowness = 1;
  FakeClock clock;
  FakeGeneration generation{clock, slowness};
  FakeCanary canary{slowness};
  Rng rng{1};
  GridOptions options;
  Bench() {
    options.warmup = 1;
    options.repeat = 3;
  }
  MeasuredGrid Measure(std::int64_t max_seq_len = 4096) {
    return MeasureGrid(generation, max_seq_len, canary, options, rng, clock);
  }
};

double Expected(std::int64_t p, std::int64_t o) {
  double ms = PromptMs(static_cast<double>(p));
  for (std::int64_t i = 1; i < o; ++i) ms += StepMs(static_cast<double>(p + i));
  return ms * 1e-3;
}

TEST(MeasureGrid, TimesEveryPointOfTheGrid) {
  Bench bench;
  bench.options.prompt_sizes = {1, 64, 200};
  bench.options.output_sizes = {1, 4, 9};
  const CostProfile profile = bench.Measure().profile;
  ASSERT_EQ(profile.points.size(), 9U);
  for (const GridPoint& point : profile.points) {
    EXPECT_NEAR(point.seconds, Expected(point.prompt_tokens, point.output_tokens), 1e-8);
    EXPECT_EQ(point.runs, 3);
  }
}

TEST(MeasureGrid, CorrectsToTheSpeedOfTheReference) {
  Bench bench;
  bench.slowness = 1.7;
  bench.options.prompt_sizes = {64};
  bench.options.output_sizes = {1, 9};
  bench.options.reference = [](const CanaryReference&) { return CanaryReference{6, 1}; };
  const CostProfile profile = bench.Measure().profile;
  EXPECT_NEAR(profile.points[1].seconds, Expected(64, 9), 1e-4);
}

TEST(MeasureGrid, TellsThePowerOverItsTime) {
  Bench bench;
  bench.options.prompt_sizes = {64};
  bench.options.output_sizes = {1, 9};
  bench.options.joules = [&] { return 25e-9 * static_cast<double>(bench.clock.NowNs()); };
  EXPECT_NEAR(bench.Measure().profile.watts.value(), 25, 1e-6);
  bench.options.joules = nullptr;
  EXPECT_FALSE(bench.Measure().profile.watts.has_value());
}

TEST(MeasureGrid, LeavesOutWhatDoesNotFit) {
  Bench bench;
  bench.options.prompt_sizes = {60, 100, 128, 500};
  bench.options.output_sizes = {1, 20, 40};
  const CostProfile profile = bench.Measure(128).profile;
  EXPECT_EQ(profile.points.size(), 3U + 2U + 1U);
  EXPECT_LE(bench.generation.longest(), 128);
  EXPECT_THAT(profile.notes, ::testing::Contains(HasSubstr("context of 128")));
  bench.options.prompt_sizes = {500};
  EXPECT_THROW(bench.Measure(128), Error);
  bench.options.prompt_sizes = {2, 1};
  EXPECT_THROW(bench.Measure(128), Error);
}

TEST(MeasureGrid, AdaptivelyTakesFewSizesAndFindsTheStep) {
  Bench bench;
  bench.options.repeat = 50;
  bench.options.adaptive = true;
  const MeasuredGrid grid = bench.Measure();
  EXPECT_LT(grid.profile.PromptSizes().size(), PublishedPromptSizes().size() * 3 / 4);
  EXPECT_LT(grid.seconds, bench.options.budget_s);
  const TokenCost cost = FitRequests(grid.profile);
  for (const std::int64_t p : {24, 130, 200, 300, 1000, 1800}) {
    for (const std::int64_t o : {3, 20, 60}) {
      EXPECT_NEAR(RequestSeconds(cost, p, o) / Expected(p, o), 1, 0.05) << p << " " << o;
    }
  }
}

TEST(MeasureGrid, AdaptivelyKeepsToItsBudget) {
  Bench bench;
  bench.options.adaptive = true;
  bench.options.budget_s = 10;
  bench.options.tolerance = 1e-9;
  EXPECT_LT(bench.Measure().seconds, 11);
}

}  // namespace
}  // namespace lts

#include "lts/profile/request_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/base/error.h"
#include "lts/profile/profile_test_support.h"

namespace lts {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::int64_t> kPrompts = {1, 16, 64, 128, 256, 512, 1024};
const std::vector<std::int64_t> kOutputs = {1, 2, 4, 8, 16, 32, 64};

void ExpectNeverFalls(const TokenCost& cost) {
  double before = 0;
  for (std::int64_t p = 1; p < 3 * cost.alpha.back().prompt_tokens; p += p < 300 ? 1 : 7) {
    const double now = PromptSeconds(cost, p);
    ASSERT_GE(now, before * (1 - 1e-12)) << cost.name << " at p = " << p;
    before = now;
  }
}

TEST(FitRequests, FindsCostsOfExactTimes) {
  Rng rng(1);
  const CostProfile profile = MadeUpProfile(
      kPrompts, kOutputs,
      [](double p, double o) { return 0.02 + 1e-4 * p + (o - 1) * (0.01 + 1e-6 * (p + o / 2)); }, 0,
      0, rng);
  const TokenCost cost = FitRequests(profile);
  EXPECT_NEAR(cost.gamma, 1e-6, 1e-10);
  EXPECT_NEAR(cost.beta - cost.gamma * cost.reference_context, 0.01, 1e-7);
  EXPECT_NEAR(PromptSeconds(cost, 256), 0.02 + 1e-4 * 256, 1e-7);
  EXPECT_NEAR(PromptSeconds(cost, 700), 0.02 + 1e-4 * 700, 1e-6);
  EXPECT_NEAR(PromptSeconds(cost, 4096), 0.02 + 1e-4 * 4096, 1e-5);
  EXPECT_NEAR(RequestSeconds(cost, 100, 1000), 0.03 + 999 * (0.01 + 1e-6 * 600), 1e-4);
  EXPECT_LT(cost.goodness.mape, 1e-7);
  EXPECT_THAT(cost.warnings, IsEmpty());
}

TEST(FitRequests, AlphaNeverFallsAndIsNotNegative) {
  Rng rng(2);
  // A prompt of 128 that is faster than one of 64, as noise and kernels have it.
  const CostProfile profile = MadeUpProfile(
      kPrompts, kOutputs,
      [](double p, double o) { return (p == 128 ? 0.02 : 0.03 + 1e-5 * p) + (o - 1) * 0.01; }, 0.02,
      1e-3, rng);
  const TokenCost cost = FitRequests(profile);
  ExpectNeverFalls(cost);
  EXPECT_GT(cost.alpha.front().interval.high, cost.alpha.front().seconds);
}

TEST(FitRequests, OutliersHardlyMoveIt) {
  Rng rng(3);
  CostProfile profile = MadeUpProfile(
      kPrompts, kOutputs, [](double p, double o) { return 0.05 + 1e-4 * p + (o - 1) * 0.02; },
      0.005, 0, rng);
  profile.points[20].seconds *= 1.5;
  profile.points[33].seconds *= 1.8;
  const TokenCost cost = FitRequests(profile);
  EXPECT_NEAR(cost.beta, 0.02, 0.02 * 0.004);
  EXPECT_THAT(cost.warnings, ::testing::Contains(HasSubstr("p = 256")));
}

TEST(FitRequests, WarnsWhereTheModelDoesNotHold) {
  Rng rng(4);
  const CostProfile profile = MadeUpProfile(
      kPrompts, kOutputs,
      [](double p, double o) { return 0.05 + 1e-4 * p + 1e-3 * std::pow(o, 1.7); }, 0.001, 0, rng);
  const TokenCost cost = FitRequests(profile);
  EXPECT_THAT(cost.warnings, ::testing::Contains(HasSubstr("does not hold")));
  EXPECT_GT(cost.scatter, 0.02);
}

TEST(FitRequests, WeighsPointsByTheirNoise) {
  Rng rng(5);
  CostProfile profile = MadeUpProfile(
      kPrompts, kOutputs, [](double p, double o) { return 0.05 + 1e-4 * p + (o - 1) * 0.02; }, 0, 0,
      rng);
  for (GridPoint& point : profile.points) {
    point.deviation_s = 1e-4 * point.seconds;
    if (point.output_tokens == 64) {  // off, and known to be
      point.seconds *= 1.05;
      point.deviation_s = 0.5 * point.seconds;
    }
  }
  EXPECT_NEAR(FitRequests(profile).beta, 0.02, 0.02 * 0.002);
}

TEST(FitRequests, RefusesTimesThatCannotTellPromptAndTokenApart) {
  CostProfile profile;
  profile.name = profile.source = "one.csv";
  profile.points = {{1, 1, 0.1, 0, 1, {}}, {2, 8, 0.2, 0, 1, {}}};
  try {
    FitRequests(profile);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("one.csv: no prompt size has times of two output sizes"));
  }
}

// Times from a fitted model with fresh noise of their means: how often the interval holds the
// model's beta.
double Coverage(const CostProfile& profile, int repeats, Rng& rng) {
  const TokenCost truth = FitRequests(profile);
  int covered = 0;
  for (int i = 0; i < repeats; ++i) {
    CostProfile again = profile;
    for (GridPoint& point : again.points) {
      const double noise = point.deviation_s / std::sqrt(static_cast<double>(point.runs));
      const double seconds =
          RequestSeconds(truth, point.prompt_tokens, point.output_tokens) + noise * rng.Normal();
      point.seconds =
          std::max(std::round(seconds / profile.resolution_s), 1.0) * profile.resolution_s;
    }
    const Interval interval = FitRequests(again).beta_interval;
    covered += interval.low <= truth.beta && truth.beta <= interval.high ? 1 : 0;
  }
  return static_cast<double>(covered) / repeats;
}

TEST(PublishedLogs, OurFitKeepsItsPromises) {
  if (!HasEfficiencyData()) GTEST_SKIP() << kNoEfficiencyData;
  const struct {
    const char* device;
    double mape, left_out;
  } targets[] = {{"a100", 0.0035, 0.045}, {"v100", 0.024, 0.055}};
  for (const auto& target : targets) {
    double mape = 0;
    double left_out = 0;
    const std::vector<std::string> models = PublishedModels(target.device);
    for (const std::string& model : models) {
      const CostProfile profile = PublishedProfile(target.device, model);
      const TokenCost cost = FitRequests(profile);
      ExpectNeverFalls(cost);
      mape += cost.goodness.mape / static_cast<double>(models.size());
      left_out += *LeaveOneSizeOutError(profile) / static_cast<double>(models.size());
    }
    RecordProperty(std::string(target.device) + "_mape", std::to_string(mape));
    RecordProperty(std::string(target.device) + "_left_out", std::to_string(left_out));
    EXPECT_LE(mape, target.mape) << target.device;
    EXPECT_LE(left_out, target.left_out) << target.device;
  }
}

TEST(PublishedLogs, IntervalsOfBetaCoverWhatTheyShould) {
  if (!HasEfficiencyData()) GTEST_SKIP() << kNoEfficiencyData;
  Rng rng(6);
  for (const std::string device : {"a100", "v100"}) {
    double coverage = 0;
    const std::vector<std::string> models = PublishedModels(device);
    for (const std::string& model : models) {
      coverage +=
          Coverage(PublishedProfile(device, model), 40, rng) / static_cast<double>(models.size());
    }
    RecordProperty(device + "_coverage", std::to_string(coverage));
    EXPECT_GE(coverage, 0.90) << device;
    EXPECT_LE(coverage, 0.99) << device;
  }
}

}  // namespace
}  // namespace lts

#include "lts/profile/roofline_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/base/error.h"
#include "lts/profile/profile_test_support.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

Deployment Small(std::int64_t n_layer = 4, std::int64_t ranks = 1) {
  return {Architecture::Gpt2(n_layer, 1024, 4096, 16, 50304, 2048), ranks, 1};
}

TEST(RooflineModel, EveryPartCostsWhatItShould) {
  DeviceConstants device = DeviceByName("a100");
  const double four = StepSeconds(device, Small(4), 1, false);
  const double eight = StepSeconds(device, Small(8), 1, false);
  // Small layers are bound by their launch.
  EXPECT_NEAR(eight - four, 4 * device.launch_s, 1e-3 * four);
  EXPECT_GT(StepSeconds(device, Small(), 1, true), four);
  EXPECT_GT(StepSeconds(device, Small(4, 2), 1, false), four);  // ranks synchronise
  // Long prompts are bound by arithmetic: twice the rate saves time, a slower launch costs none.
  const Deployment wide = {Architecture::Gpt2(4, 8192, 32768, 64, 50304, 2048), 1, 1};
  const double prompt = StepSeconds(device, wide, 2048, true);
  device.launch_s *= 1.1;
  EXPECT_NEAR(StepSeconds(device, wide, 2048, true), prompt, 0.01 * prompt);
  device.flops_per_s *= 2;
  EXPECT_LT(StepSeconds(device, wide, 2048, true), 0.7 * prompt);
}

TEST(RooflineModel, ReadsEveryWeightOfADecodeStep) {
  DeviceConstants device = DeviceByName("a100");
  device.launch_s = device.step_s = 1e-12;
  device.flops_per_s = 1e20;
  const double bytes = 4 * 12.0 * 1024 * 1024 * 2 + 50304.0 * 1024 * 2;
  EXPECT_NEAR(StepSeconds(device, Small(), 1, false), bytes / device.bytes_per_s,
              0.01 * bytes / device.bytes_per_s);
}

TEST(RooflineModel, TakesTokensTogether) {
  const DeviceConstants device = DeviceByName("a100");
  const double one = PredictedSeconds(device, Small(), 100, 1);
  EXPECT_NEAR(PredictedSeconds(device, Small(), 100, 11) - one,
              10 * StepSeconds(device, Small(), 1, false), 1e-12);
  EXPECT_EQ(PredictedSeconds(device, Small(), 100, 0), one);
  const std::vector<std::int64_t> sizes = {1, 100, 2048};
  const TokenCost cost = PredictTokenCost(device, Small(), sizes, "small");
  EXPECT_DOUBLE_EQ(RequestSeconds(cost, 100, 11), PredictedSeconds(device, Small(), 100, 11));
}

CostProfile ProfileOf(const DeviceConstants& device, std::int64_t n_layer, std::int64_t d_model) {
  Rng rng(static_cast<std::uint64_t>(n_layer));
  const Deployment deployment = {Architecture::Gpt2(n_layer, d_model, 4 * d_model, 16, 50304, 2048),
                                 1, 1};
  CostProfile profile = MadeUpProfile(
      {1, 64, 256, 512, 1024, 1920}, {1, 8, 64},
      [&](double p, double o) {
        return PredictedSeconds(device, deployment, static_cast<std::int64_t>(p),
                                static_cast<std::int64_t>(o));
      },
      0, 0, rng);
  profile.deployment = deployment;
  return profile;
}

TEST(RooflineModel, FitFindsTheConstantsBehindTimes) {
  DeviceConstants truth = DeviceByName("a100");
  truth.launch_s *= 1.5;
  truth.flops_per_s *= 0.7;
  truth.step_s *= 2;
  const CostProfile a = ProfileOf(truth, 8, 1024);
  const CostProfile b = ProfileOf(truth, 32, 2048);
  const CostProfile c = ProfileOf(truth, 24, 4096);
  const CostProfile* const profiles[] = {&a, &b, &c};
  const DeviceConstants fitted = FitDevice(profiles, DeviceByName("a100"));
  EXPECT_NEAR(fitted.launch_s, truth.launch_s, 0.02 * truth.launch_s);
  EXPECT_LT(ErrorOf(fitted, a).mape, 0.01);
  EXPECT_LT(ErrorOf(fitted, ProfileOf(truth, 48, 3072)).mape, 0.02);
  // Nothing here ran on several ranks.
  EXPECT_NEAR(fitted.link_bytes_per_s, DeviceByName("a100").link_bytes_per_s, 1);
}

TEST(RooflineModel, RefusesWhatItCannotUse) {
  CostProfile profile = ProfileOf(DeviceByName("a100"), 2, 1024);
  profile.deployment.reset();
  const CostProfile* const profiles[] = {&profile};
  EXPECT_THROW(FitDevice(profiles, DeviceByName("a100")), Error);
  EXPECT_THROW(FitDevice({}, DeviceByName("a100")), Error);
  EXPECT_THROW(DeviceByName("a10"), Error);
}

TEST(DeviceJson, IsReadBackEqual) {
  const Json json = ToJson(DeviceByName("v100"));
  EXPECT_EQ(ToJson(ParseDevice(json, "v100.json")), json);
  Json bad = json;
  bad["flops_per_s"] = 0.0;
  try {
    ParseDevice(bad, "v100.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("v100.json: field 'flops_per_s'"));
  }
}

TEST(PublishedLogs, ArchitecturesAlonePredictTheirTimes) {
  if (!HasEfficiencyData()) GTEST_SKIP() << kNoEfficiencyData;
  std::vector<CostProfile> profiles;
  std::vector<const CostProfile*> pointers;
  for (const std::string& model : PublishedModels("a100")) {
    profiles.push_back(PublishedProfile("a100", model));
  }
  for (const CostProfile& profile : profiles) pointers.push_back(&profile);
  const DeviceConstants all = FitDevice(pointers, DeviceByName("a100"));
  double in_sample = 0;
  double left_out = 0;
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    std::vector<const CostProfile*> others = pointers;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    const DeviceConstants rest = FitDevice(others, DeviceByName("a100"));
    in_sample += ErrorOf(all, profiles[i]).mape / static_cast<double>(profiles.size());
    left_out += ErrorOf(rest, profiles[i]).mape / static_cast<double>(profiles.size());
  }
  for (const CostProfile& profile : profiles) {
    EXPECT_LE(ErrorOf(FittedDeviceByName("a100"), profile).mape, 0.045) << profile.name;
  }
  RecordProperty("in_sample", std::to_string(in_sample));
  RecordProperty("left_out", std::to_string(left_out));
  EXPECT_LE(in_sample, 0.04);
  EXPECT_LE(left_out, 0.05);
}

}  // namespace
}  // namespace lts

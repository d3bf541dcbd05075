#include "lts/profile/published_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/base/error.h"
#include "lts/profile/profile_json.h"
#include "lts/profile/profile_test_support.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

// Alpha 10 ms at p = 1 and 8 ms at p = 2, beta 2 ms.
CostProfile SmallProfile() {
  CostProfile profile;
  profile.name = profile.source = "small";
  for (const std::int64_t p : {1, 2}) {
    for (const std::int64_t o : {1, 2, 3}) {
      profile.points.push_back({p, o, (p == 1 ? 0.010 : 0.008) + 0.002 * (o - 1), 0, 50, {}});
    }
  }
  SortAndCheck(profile);
  return profile;
}

TEST(PublishedFit, InterceptClampsToTheSmallestPrompt) {
  const TokenCost cost = FitIntercept(SmallProfile());
  EXPECT_EQ(cost.beta, 0.002);
  ASSERT_EQ(cost.alpha.size(), 2U);
  EXPECT_EQ(cost.alpha[0].seconds, 0.010);
  EXPECT_EQ(cost.alpha[1].seconds, 0.010);
  EXPECT_EQ(cost.overhead, 0);
}

TEST(PublishedFit, OverheadOfARemoteServiceMakesTheShortestPromptAToken) {
  CostProfile profile = SmallProfile();
  profile.remote = true;
  const TokenCost cost = FitIntercept(profile);
  EXPECT_EQ(cost.overhead, 0.008);
  EXPECT_EQ(cost.alpha[0].seconds, cost.beta);
  EXPECT_NEAR(RequestSeconds(cost, 1, 3), 0.014, 1e-12);
}

TEST(PublishedFit, O1TakesTheMeasuredTimesUnclamped) {
  const TokenCost cost = FitO1(SmallProfile());
  EXPECT_EQ(cost.alpha[1].seconds, 0.008);
  EXPECT_EQ(cost.beta, 0.002);
  EXPECT_NEAR(cost.goodness.r2, 1, 1e-12);
  EXPECT_NEAR(cost.goodness.mape, 0, 1e-12);
}

TEST(PublishedFit, PredictsInProportionToTheNextLargerPrompt) {
  TokenCost cost = FitO1(SmallProfile());
  cost.alpha = {{16, 0.1, {}}, {32, 0.12, {}}};
  EXPECT_DOUBLE_EQ(PromptSeconds(cost, 16), 0.1);
  EXPECT_DOUBLE_EQ(PromptSeconds(cost, 17), 0.12 * 17 / 32);
  EXPECT_DOUBLE_EQ(PromptSeconds(cost, 8), 0.05);
  EXPECT_DOUBLE_EQ(PromptSeconds(cost, 64), 0.24);
  EXPECT_DOUBLE_EQ(RequestSeconds(cost, 16, 0), 0.1);
  EXPECT_THROW(RequestSeconds(cost, 0, 1), Error);
}

TEST(PublishedFit, SaysWhatAProfileLacks) {
  CostProfile profile = SmallProfile();
  std::erase_if(profile.points,
                [](const GridPoint& p) { return p.prompt_tokens == 2 && p.output_tokens < 3; });
  const auto message = [&](TokenCost (*fit)(const CostProfile&)) {
    try {
      fit(profile);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message(FitIntercept), HasSubstr("small: method intercept: one time at p = 2"));
  EXPECT_THAT(message(FitO1), HasSubstr("small: method o1: no time at p = 2, o = 1"));
  profile.points.resize(1);
  EXPECT_THAT(message(FitO1), HasSubstr("every time is of 1 output tokens"));
}

// Every value of a file in the original's schema that a log here leads to, exactly.
void ExpectTables(const std::string& device, const std::string& file, std::size_t models) {
  const Json expected = ReadJsonFile(EfficiencyData("expected/" + file));
  EXPECT_EQ(expected.AsObject().size(), models);
  std::vector<TokenCost> costs;
  for (const std::string& model : PublishedModels(device)) {
    costs.push_back(FitIntercept(PublishedProfile(device, model)));
  }
  const Json ours = ToHelmJson(costs);
  for (const auto& [name, table] : expected.AsObject()) {
    ASSERT_NE(ours.Find(name), nullptr) << name;
    EXPECT_EQ(WriteJson(*ours.Find(name)), WriteJson(table)) << name;
  }
}

TEST(PublishedLogs, InterceptGivesEveryPublishedTable) {
  if (!HasEfficiencyData()) GTEST_SKIP() << kNoEfficiencyData;
  ExpectTables("a100", "inference_idealized_runtimes.json", 12);
  ExpectTables("a100", "inference_idealized_runtimes_history.json", 1);
  ExpectTables("v100", "inference_idealized_runtimes_v100.json", 15);
}

double Round(double value, double places) { return std::nearbyint(value * places) / places; }

TEST(PublishedLogs, O1GivesEveryPrintedFit) {
  if (!HasEfficiencyData()) GTEST_SKIP() << kNoEfficiencyData;
  const Json expected = ReadJsonFile(EfficiencyData("expected/fit_o1_stdout.json"));
  std::size_t fits = 0;
  for (const std::string device : {"a100", "v100"}) {
    for (const auto& [model, fit] : expected.Find(device)->AsObject()) {
      const std::string log = EfficiencyData("logs/" + device + "/" + model + ".log");
      if (!std::filesystem::exists(log)) continue;  // printed of logs that are not here
      const TokenCost cost = FitO1(PublishedProfile(device, model));
      EXPECT_EQ(cost.beta, fit.Find("runtime_per_output_token")->AsDouble()) << model;
      Json table = Json::MakeObject();
      for (const PromptCost& prompt : cost.alpha) {
        table[std::to_string(prompt.prompt_tokens)] = prompt.seconds;
      }
      EXPECT_EQ(WriteJson(table), WriteJson(*fit.Find("runtime_for_prompt_tokens"))) << model;
      EXPECT_EQ(Round(cost.goodness.r2, 1e3), fit.Find("r2")->AsDouble()) << model;
      EXPECT_EQ(Round(cost.goodness.mse, 1e4), fit.Find("mse")->AsDouble()) << model;
      EXPECT_EQ(Round(cost.goodness.max_squared_error, 1e4),
                fit.Find("max_squared_error")->AsDouble())
          << model;
      ++fits;
    }
  }
  EXPECT_GE(fits, 15U);
}

TEST(PublishedLogs, GivePrintedLinearityAndProfilingHours) {
  if (!HasEfficiencyData()) GTEST_SKIP() << kNoEfficiencyData;
  const Json linearity = ReadJsonFile(EfficiencyData("expected/prompt_linearity_last10.json"));
  for (const auto& [model, printed] : linearity.Find("a100")->AsObject()) {
    EXPECT_EQ(Round(PromptLinearity(PublishedProfile("a100", model)), 1e3),
              printed.Find("r2_last10")->AsDouble())
        << model;
  }
  const Json hours = ReadJsonFile(EfficiencyData("expected/profiling_hours.json"));
  for (const std::string device : {"a100", "v100"}) {
    for (const auto& [model, printed] : hours.Find(device)->AsObject()) {
      if (device == "v100" && model == "yalm") continue;  // printed of another log
      EXPECT_NEAR(PublishedProfilingHours(PublishedProfile(device, model)), printed.AsDouble(),
                  0.005 + 1e-9)
          << device << " " << model;
    }
  }
}

TEST(HelmJson, IsReadBackEqual) {
  CostProfile profile = SmallProfile();
  profile.remote = true;
  const TokenCost cost = FitIntercept(profile);
  const Json json = ToHelmJson(std::span(&cost, 1), true);
  const std::vector<TokenCost> read = ParseHelmJson(json, "costs.json");
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(WriteJson(ToHelmJson(read, true)), WriteJson(json));
  EXPECT_EQ(RequestSeconds(read[0], 2, 5), RequestSeconds(cost, 2, 5));
}

TEST(HelmJson, RefusesWhatIsNoTable) {
  const auto message = [](const std::string& text) {
    try {
      ParseHelmJson(ParseJson(text, "c.json"), "c.json");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message("[]"), HasSubstr("c.json: expected an object"));
  EXPECT_THAT(message(R"({"m": {}})"), HasSubstr("c.json: m: field 'runtime_per_output_token'"));
  EXPECT_THAT(message(R"({"m": {"runtime_per_output_token": 1, "runtime_for_prompt_tokens": {}}})"),
              HasSubstr("one time or more"));
  EXPECT_THAT(
      message(R"({"m": {"runtime_per_output_token": 1, "runtime_for_prompt_tokens": {"x": 1}}})"),
      HasSubstr("'x'"));
}

}  // namespace
}  // namespace lts

#include "lts/profile/request_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/arch/count.h"
#include "lts/arch/graph.h"
#include "lts/base/error.h"
#include "lts/profile/profile_test_support.h"
#include "lts/profile/scenario_table.h"
#include "lts/profile/token_cost.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename F>
std::string MessageOf(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(RequestMetrics, FollowFromTimeAndArchitecture) {
  const Deployment deployment = {Architecture::Gpt2(3, 64, 256, 2, 1000, 128), 4, 3};
  const DevicePrice price = {"a100", 3.6, 100};
  const RequestMetrics metrics = MetricsOf(deployment, 10, 5, 2.0, price);
  EXPECT_EQ(metrics.devices, 12);
  EXPECT_NEAR(metrics.cents, 2.0 * 12 * 3.6 / 36, 1e-12);
  EXPECT_NEAR(*metrics.joules, 2400, 1e-9);
  EXPECT_EQ(metrics.published_flops, 24.0 * 64 * 64 * 3 * 14);
  // The head alone, which the published formula leaves out, is more than all else of this model.
  EXPECT_GT(metrics.flops, metrics.published_flops);
  const ParameterCounts parameters = CountParameters(BuildGraph(deployment.architecture));
  EXPECT_GT(metrics.weight_bytes, 2.0 * static_cast<double>(parameters.decoder()));
  EXPECT_FALSE(MetricsOf(deployment, 10, 5, 2.0, {"x", 1, std::nullopt}).joules.has_value());
  EXPECT_THROW(MetricsOf(deployment, 128, 5, 2.0, price), Error);
}

TEST(PriceTable, IsReadAndChecked) {
  const PriceTable prices = ParsePrices(ParseToml("[devices.h100]\ndollars_per_hour = 8\n"
                                                  "[hosted.x]\ndollars_per_1k_prompt_tokens = 1\n"
                                                  "dollars_per_1k_output_tokens = 2\n",
                                                  "p.toml"),
                                        "p.toml");
  EXPECT_EQ(prices.Device("h100").dollars_per_hour, 8);
  EXPECT_FALSE(prices.Device("h100").watts.has_value());
  EXPECT_EQ(prices.Hosted("x").dollars_per_1k_output_tokens, 2);
  EXPECT_THAT(MessageOf([&] { prices.Device("h10"); }), HasSubstr("did you mean 'h100'"));
  const auto message = [](const std::string& text) {
    return MessageOf([&] { ParsePrices(ParseToml(text, "p.toml"), "p.toml"); });
  };
  EXPECT_THAT(message(""), HasSubstr("p.toml: no prices"));
  EXPECT_THAT(message("[devices.x]\ndollars_per_hour = -1\n"), HasSubstr("p.toml: devices.x"));
  EXPECT_THAT(message("[devices.x]\ndollars_per_hour = 1\nwatt = 3\n"), HasSubstr("'watts'"));
  EXPECT_EQ(DefaultPrices().Device("v100").dollars_per_hour, 3.06);
}

TEST(CapabilityFront, KeepsTiesAndDropsWhatIsBeaten) {
  const std::vector<Capability> points = {
      {"s", "a", 0.5, 1}, {"s", "b", 0.4, 2}, {"s", "c", 0.5, 3}, {"s", "d", 0.9, 4}};
  EXPECT_THAT(CapabilityFront(points), ElementsAre(0, 2, 3));
}

TEST(EfficiencyRanks, AreOverScenarios) {
  const std::vector<Capability> points = {{"s", "a", 0.5, 1},
                                          {"s", "b", 0.9, 1},
                                          {"t", "a", 0.5, 1},
                                          {"t", "b", 0.9, 3},
                                          {"u", "b", 0.1, 1}};
  const std::vector<EfficiencyRank> ranks = EfficiencyRanks(points);
  ASSERT_EQ(ranks.size(), 2U);
  EXPECT_EQ(ranks[0].model, "b");
  EXPECT_NEAR(ranks[0].mean, 1.0 / 3, 1e-12);
  EXPECT_EQ(ranks[0].high, 1);
  EXPECT_EQ(ranks[1].mean, 0.5);
  EXPECT_EQ(ranks[1].deviation, 0.5);
}

TEST(ScenarioTable, ReadsModelsTasksAndBlanks) {
  const std::vector<ScenarioResult> results = ParseScenarioTable(
      "scenario,inference_runtime,num_tokens_in_prompt,num_output_tokens,exact_match\n"
      "\"mmlu:subject=x,model=a_b\",0.5,100.5,1,0.75\nboolq:model=a_b,0.25,,,\n",
      "s.csv");
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].scenario, "mmlu:subject=x");
  EXPECT_EQ(results[0].model, "a_b");
  EXPECT_EQ(results[0].prompt_tokens, 100.5);
  EXPECT_EQ(results[1].scenario, "boolq");
  EXPECT_FALSE(results[1].accuracy.has_value());
  EXPECT_THAT(
      MessageOf([] { ParseScenarioTable("scenario,inference_runtime\na:model=b,-1\n", "s.csv"); }),
      HasSubstr("s.csv: line 2: column 'inference_runtime'"));
}

TEST(PublishedLogs, CalibrationCostsWhatWasPrinted) {
  if (!HasEfficiencyData()) GTEST_SKIP() << kNoEfficiencyData;
  const Json expected = ReadJsonFile(EfficiencyData("expected/cost_analysis.json"));
  const CostProfile davinci = PublishedProfile("a100", "openai_davinci");
  const Json& prices = *expected.Find("api_price_usd_per_1k");
  const Json& printed = *expected.Find("derivable_from_log");
  const HostedPrice hosted = {"davinci", prices.Find("input")->AsDouble(),
                              prices.Find("output")->AsDouble()};
  EXPECT_NEAR(HostedDollars(davinci, expected.Find("num_api_trials")->AsInt(), hosted),
              printed.Find("denoised_calibration_usd")->AsDouble(), 0.005);
  EXPECT_NEAR(DeviceDollars(davinci, expected.Find("num_local_trials")->AsInt(),
                            expected.Find("hardware_usd_per_hour")->AsDouble()),
              printed.Find("idealized_calibration_usd")->AsDouble(), 0.005);
}

// The published column was made with method o1 and, then, without proportion between sizes.
TEST(PublishedTables, IdealizedColumnFollowsFromTheLogs) {
  if (!HasEfficiencyData()) GTEST_SKIP() << kNoEfficiencyData;
  const std::string file = EfficiencyData("csv/inference_runtimes_07-11.csv");
  int checked = 0;
  for (const ScenarioResult& row : ParseScenarioTable(ReadFile(file), file)) {
    const std::string log = row.model == "ai21_j1-large"   ? "ai21_j1_large"
                            : row.model == "ai21_j1-jumbo" ? "ai21_j1_jumbo"
                                                           : "";
    if (log.empty() || !row.idealized_s) continue;
    const TokenCost cost = FitTokenCost(PublishedProfile("a100", log), FitMethod::kO1);
    const auto size = std::ranges::lower_bound(
        cost.alpha, static_cast<std::int64_t>(*row.prompt_tokens), {}, &PromptCost::prompt_tokens);
    ASSERT_NE(size, cost.alpha.end());
    EXPECT_NEAR(size->seconds + (*row.output_tokens - 1) * cost.beta, *row.idealized_s, 1e-9);
    ++checked;
  }
  EXPECT_EQ(checked, 56);
}

}  // namespace
}  // namespace lts

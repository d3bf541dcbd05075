#include "lts/report/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/report/sample_report.h"

namespace lts {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ComparisonJson, HoldsRunsBudgetsAndPairs) {
  const Comparison comparison = SampleComparison();
  const Json json = ParseJson(WriteJson(ComparisonJson(comparison)), "comparison");
  EXPECT_EQ(json.Find("format")->AsString(), "lts-comparison");
  EXPECT_EQ(json.Find("version")->AsInt(), 1);
  EXPECT_EQ(json.Find("summary")->AsString(), ComparisonSummary(comparison));
  EXPECT_EQ(json.Find("objectives")->AsArray()[1].Find("reference")->AsDouble(), 300);
  const Json::Array& runs = json.Find("runs")->AsArray();
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[2].Find("name")->AsString(), comparison.runs[2].name);
  EXPECT_EQ(runs[0].Find("front")->AsArray().size(), comparison.runs[0].front.size());
  EXPECT_EQ(runs[0].Find("growth")->AsArray().size(), comparison.runs[0].growth.size());
  const Json& budget = json.Find("by_evaluations")->AsArray()[2];
  EXPECT_EQ(budget.Find("evaluations")->AsInt(), 140);
  EXPECT_TRUE(budget.Find("hypervolume")->AsArray()[0].is_null());
  EXPECT_EQ(budget.Find("winner")->AsString(), "runs/random");
  EXPECT_TRUE(json.Find("by_time")->AsArray()[0].Find("winner")->is_null());
  const Json& pair = json.Find("pairs")->AsArray()[0];
  EXPECT_EQ(pair.Find("of")->AsString(), "runs/nsga2");
  EXPECT_EQ(pair.Find("rank_correlation")->Find("decoder_params"), nullptr);
  EXPECT_EQ(pair.Find("rank_correlation")->Find("latency_ms")->AsDouble(), 0.97);
}

TEST(ComparisonSummary, NamesTheLargestHypervolumeFirst) {
  Comparison comparison = SampleComparison();
  comparison.runs[1].hypervolume = 0.99;
  EXPECT_THAT(ComparisonSummary(comparison),
              HasSubstr("runs/random has the largest hypervolume, 0.990 against"));
  for (ComparedRun& run : comparison.runs) run.hypervolume.reset();
  EXPECT_THAT(ComparisonSummary(comparison), HasSubstr("The front of all 3 runs together has"));
}

TEST(ComparisonHtml, IsOneFileThatNamesCannotBreakOutOf) {
  const std::string html = ComparisonHtml(SampleComparison());
  EXPECT_THAT(html, HasSubstr("Content-Security-Policy"));
  EXPECT_THAT(html, Not(HasSubstr("@LTS_")));
  EXPECT_THAT(html, Not(HasSubstr("<script>document.title")));
  EXPECT_THAT(html, Not(HasSubstr("https://cdn")));
}

}  // namespace
}  // namespace lts

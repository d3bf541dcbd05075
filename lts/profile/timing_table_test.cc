#include "lts/profile/timing_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/base/error.h"
#include "lts/profile/import.h"
#include "lts/profile/profile_test_support.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename F>
std::string MessageOf(F f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "no error";
}

TEST(TimingCsv, GathersTrialsOfEachPoint) {
  const std::vector<CostProfile> profiles = ParseTimingCsv(
      "trial,prompt_tokens,output_tokens,seconds\na,16,2,0.3\nb,16,2,0.1\nc,16,2,0.2\nd,1,1,0.05\n",
      "api/fast.csv");
  ASSERT_EQ(profiles.size(), 1U);
  EXPECT_EQ(profiles[0].name, "fast");
  EXPECT_TRUE(profiles[0].remote);
  ASSERT_EQ(profiles[0].points.size(), 2U);
  const GridPoint& point = profiles[0].points[1];
  EXPECT_EQ(point.seconds, 0.2);
  EXPECT_NEAR(point.deviation_s, 0.1, 1e-12);
  EXPECT_EQ(point.runs, 3);
  EXPECT_THAT(point.samples, ElementsAre(0.1, 0.2, 0.3));
  EXPECT_EQ(WithFastestRuns(profiles[0]).points[1].seconds, 0.1);
  EXPECT_THAT(profiles[0].notes, IsEmpty());
}

TEST(TimingCsv, KeepsModelsApartAndLeavesOutEarlyEnds) {
  const std::vector<CostProfile> profiles = ParseTimingCsv(
      "model,prompt_tokens,output_tokens,seconds,requested_output_tokens\nx,1,1,0.1,1\ny,1,1,0.2,"
      "1\n"
      "x,1,3,0.1,4\n",
      "t.csv");
  ASSERT_EQ(profiles.size(), 2U);
  EXPECT_EQ(profiles[0].name, "x");
  EXPECT_EQ(profiles[0].points.size(), 1U);
  EXPECT_THAT(profiles[0].notes, ElementsAre(HasSubstr("1 requests gave other than")));
  EXPECT_THAT(profiles[1].notes, IsEmpty());
}

TEST(TimingCsv, NamesTheLineOfWhatIsWrong) {
  const auto message = [](const std::string& rows) {
    return MessageOf(
        [&] { ParseTimingCsv("prompt_tokens,output_tokens,seconds\n" + rows, "t.csv"); });
  };
  EXPECT_THAT(message("1,1,0.1\n1,2\n"), HasSubstr("t.csv: line 3: 2 fields"));
  EXPECT_THAT(message("1,1,slow\n"), HasSubstr("t.csv: line 2: column 'seconds': got 'slow'"));
  EXPECT_THAT(message("1.5,1,0.1\n"), HasSubstr("line 2: column 'prompt_tokens': got '1.5'"));
  EXPECT_THAT(message("0,1,0.1\n"), HasSubstr("line 2: prompt_tokens: got 0"));
  EXPECT_THAT(message("1,1,-1\n"), HasSubstr("line 2: seconds: got -1"));
  EXPECT_THAT(message("1,1,nan\n"), HasSubstr("line 2: seconds: got nan"));
  EXPECT_THAT(message(""), HasSubstr("t.csv: holds no times"));
  EXPECT_THAT(MessageOf([] { ParseTimingCsv("a,b\n1,2\n", "t.csv"); }),
              HasSubstr("t.csv: line 1: no column 'prompt_tokens'"));
}

TEST(TimingLines, ReadTheSameAsCsv) {
  const std::vector<CostProfile> lines = ParseTimingLines(
      R"({"prompt_tokens": 16, "output_tokens": 2, "seconds": 0.3, "trial": "a"}

{"prompt_tokens": 16, "output_tokens": 2, "seconds": 0.1, "trial": 2}
)",
      "m.jsonl");
  const std::vector<CostProfile> csv =
      ParseTimingCsv("prompt_tokens,output_tokens,seconds\n16,2,0.3\n16,2,0.1\n", "m.csv");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].points, csv[0].points);
  EXPECT_EQ(lines[0].name, "m");
}

TEST(TimingLines, NameTheLineOfWhatIsWrong) {
  const auto message = [](const std::string& text) {
    return MessageOf([&] { ParseTimingLines(text, "t.jsonl"); });
  };
  const std::string good = R"({"prompt_tokens": 1, "output_tokens": 1, "seconds": 0.1})";
  EXPECT_THAT(message(good + "\n{\"prompt"), HasSubstr("t.jsonl: line 2: "));
  EXPECT_THAT(message(good + "\n[]"), HasSubstr("t.jsonl: line 2"));
  EXPECT_THAT(message(R"({"prompt_tokens": 1, "output_tokens": 1})"), HasSubstr("'seconds'"));
  EXPECT_THAT(message("\n\n"), HasSubstr("t.jsonl: holds no times"));
}

TEST(ProfileImport, TellsFormatsApart) {
  EXPECT_EQ(FormatOf("", "a.log"), ProfileFormat::kMegatronLog);
  EXPECT_EQ(FormatOf("\n {\"a\": 1}", "stdin"), ProfileFormat::kTimingLines);
  EXPECT_EQ(FormatOf("prompt_tokens,seconds\n", "stdin"), ProfileFormat::kTimingCsv);
  EXPECT_EQ(FormatOf("using world size: 8, data\n", "stdin"), ProfileFormat::kMegatronLog);
}

TEST(PublishedTables, AreReadAndDenoised) {
  if (!HasEfficiencyData()) GTEST_SKIP() << kNoEfficiencyData;
  const std::string file = EfficiencyData("csv/inference_runtimes_07-11.csv");
  const std::vector<CostProfile> profiles = ParseProfiles(ReadFile(file), file);
  EXPECT_EQ(profiles.size(), 3U);
  const auto large = std::ranges::find(profiles, "ai21_j1-large", &CostProfile::name);
  ASSERT_NE(large, profiles.end());
  EXPECT_DOUBLE_EQ(large->Find(512, 2)->samples.front(), 0.5986398697);
  const std::string tasks =
      EfficiencyData("csv/inference_runtimes_and_accuracies_all_scenarios.csv");
  EXPECT_THAT(MessageOf([&] { ParseProfiles(ReadFile(tasks), tasks); }),
              HasSubstr("not a grid to fit"));
}

}  // namespace
}  // namespace lts

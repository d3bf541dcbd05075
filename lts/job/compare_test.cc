#include "lts/job/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/base/error.h"
#include "lts/job/job_test_support.h"

namespace lts::job_test {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

// A report of made-up numbers: each row {n_layer, decoder_params, latency_ms} evaluated one a
// second.
struct Row {
  std::int64_t n_layer;
  double params;
  double latency;
  bool feasible = true;
};
NamedReport Report(std::string name, const std::vector<Row>& rows) {
  ReportData data;
  data.objectives = {{"decoder_params", "Decoder parameters", "1", Direction::kMaximize},
                     {"latency_ms", "Latency", "ms", Direction::kMinimize}};
  for (const Row& row : rows) {
    ReportMember member{Architecture::Gpt2(row.n_layer, 64, 128, 4), {}, {row.params, row.latency}};
    member.at_s = static_cast<double>(data.evaluated.size()) + 1;
    member.feasible = row.feasible;
    data.evaluated.push_back(std::move(member));
  }
  for (ReportMember& member : data.evaluated) {
    member.on_front =
        member.feasible && std::ranges::none_of(data.evaluated, [&](const auto& other) {
          return other.feasible && other.objectives != member.objectives &&
                 other.objectives[0] >= member.objectives[0] &&
                 other.objectives[1] <= member.objectives[1];
        });
  }
  data.elapsed_s = static_cast<double>(rows.size());
  return {std::move(name), std::move(data)};
}

std::string MessageOf(const std::vector<NamedReport>& reports) {
  try {
    (void)CompareReports(reports);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "no error";
}

TEST(CompareReports, SpansOneBoxAndCountsTheUnion) {
  const Comparison c =
      CompareReports(std::vector<NamedReport>{Report("a", {{1, 10, 10}, {2, 20, 30}, {3, 15, 25}}),
                                              Report("b", {{1, 10, 12}, {2, 20, 20}, {4, 5, 40}})});
  // Fronts: a {10, 10}, {15, 25}, {20, 30}; b {10, 12}, {20, 20}. Union: {10, 10} and {20, 20}.
  EXPECT_EQ(c.union_front, 2);
  EXPECT_THAT(c.ideal, ElementsAre(20, 10));
  EXPECT_THAT(c.reference, ElementsAre(DoubleEq(9), DoubleEq(32)));  // 11 x 22
  ASSERT_EQ(c.runs.size(), 2U);
  EXPECT_EQ(c.runs[0].front.size(), 3U);
  EXPECT_EQ(c.runs[0].on_union_front, 1);
  EXPECT_EQ(c.runs[1].on_union_front, 1);
  EXPECT_TRUE(c.runs[0].front[0].on_union_front);
  // a: 1 * 22 + 5 * 7 + 5 * 2; b: 1 * 20 + 10 * 12.
  EXPECT_THAT(c.runs[0].hypervolume, Optional(DoubleEq(67.0 / 242)));
  EXPECT_THAT(c.runs[1].hypervolume, Optional(DoubleEq(140.0 / 242)));
  EXPECT_THAT(ComparisonSummary(c), HasSubstr("b has the largest hypervolume, 0.579"));
  EXPECT_THAT(c.notes, IsEmpty());
}

TEST(CompareReports, FollowsTheGrowthOfEachRun) {
  const Comparison c = CompareReports(std::vector<NamedReport>{
      Report("a", {{1, 10, 10}, {2, 9.5, 11}, {3, 20, 30}}), Report("b", {{1, 10, 10}})});
  ASSERT_EQ(c.runs[0].growth.size(), 2U);  // the second evaluation adds nothing
  EXPECT_EQ(c.runs[0].growth[0].evaluations, 1);
  EXPECT_EQ(c.runs[0].growth[1].evaluations, 3);
  EXPECT_EQ(c.runs[0].growth[1].at_s, 3);
  EXPECT_GT(c.runs[0].growth[1].hypervolume, c.runs[0].growth[0].hypervolume);
  EXPECT_EQ(c.runs[0].growth[0].hypervolume, c.runs[1].growth[0].hypervolume);
}

TEST(CompareReports, NamesTheWinnerAtEachBudget) {
  std::vector<Row> early;  // the best first, then nothing new
  std::vector<Row> late;   // the best last, and better
  for (int i = 0; i < 20; ++i) {
    early.push_back({i + 1, i == 0 ? 90. : 10, 10});
    late.push_back({i + 1, i == 19 ? 100. : 20, 10});
  }
  late.push_back({30, 1, 10});
  const Comparison c =
      CompareReports(std::vector<NamedReport>{Report("early", early), Report("late", late)});
  ASSERT_EQ(c.by_evaluations.size(), 2U);
  EXPECT_EQ(c.by_evaluations[0].budget, 10);
  EXPECT_THAT(c.by_evaluations[0].winner, Optional(0U));
  EXPECT_EQ(c.by_evaluations[1].budget, 20);
  EXPECT_THAT(c.by_evaluations[1].winner, Optional(1U));
  std::vector<double> seconds;
  for (const ComparedBudget& budget : c.by_time) seconds.push_back(budget.budget);
  EXPECT_THAT(seconds, ElementsAre(1, 2, 5, 10, 20));
  EXPECT_THAT(c.by_time[3].winner, Optional(0U));
  EXPECT_THAT(c.by_time[4].winner, Optional(1U));
}

TEST(CompareReports, ARunThatEndedEarlierHasNoValueAndNobodyWinsAlone) {
  std::vector<Row> rows;
  for (int i = 0; i < 12; ++i) rows.push_back({i + 1, 10. + i, 10. + i});
  const Comparison c = CompareReports(std::vector<NamedReport>{
      Report("long", rows), Report("short", {rows.begin(), rows.begin() + 4})});
  ASSERT_EQ(c.by_evaluations.size(), 2U);
  EXPECT_EQ(c.by_evaluations[0].budget, 4);  // where both still are
  EXPECT_EQ(c.by_evaluations[0].winner, std::nullopt) << "they are equal until then";
  EXPECT_EQ(c.by_evaluations[1].budget, 10);
  EXPECT_EQ(c.by_evaluations[1].hypervolume[1], std::nullopt);
  EXPECT_EQ(c.by_evaluations[1].winner, std::nullopt);
}

TEST(CompareReports, SaysWhatBecameOfEachFrontElsewhere) {
  // n_layer is the architecture: 1 is on both fronts, 2 is on a's and evaluated by b, 3 a's alone.
  const Comparison c = CompareReports(
      std::vector<NamedReport>{Report("a", {{1, 10, 10}, {2, 20, 20}, {3, 30, 30}, {5, 1, 50}}),
                               Report("b", {{1, 10, 20}, {2, 20, 90}, {4, 25, 60}, {5, 1, 95}})});
  ASSERT_EQ(c.pairs.size(), 2U);
  const ComparedPair& a_in_b = c.pairs[0];
  EXPECT_EQ(a_in_b.of, 0U);
  EXPECT_EQ(a_in_b.in, 1U);
  EXPECT_EQ(a_in_b.kept, 1);
  EXPECT_EQ(a_in_b.lost, 1);
  EXPECT_EQ(a_in_b.not_evaluated, 1);
  EXPECT_EQ(a_in_b.shared, 3);
  EXPECT_EQ(a_in_b.rank_correlation[0], std::nullopt) << "parameters are counted";
  EXPECT_THAT(a_in_b.rank_correlation[1], Optional(DoubleEq(1)));
  EXPECT_EQ(c.pairs[1].kept, 1);
  EXPECT_EQ(c.pairs[1].not_evaluated, 1);
}

TEST(CompareReports, ANearTieOfTheOthersFrontIsKept) {
  std::vector<NamedReport> reports = {Report("a", {{1, 10, 10}}),
                                      Report("b", {{1, 10, 11}, {2, 10, 10.9}})};
  EXPECT_EQ(CompareReports(reports).pairs[0].lost, 1);
  reports[1].report.evaluated[0].near_tie = true;
  EXPECT_EQ(CompareReports(reports).pairs[0].kept, 1);
}

TEST(CompareReports, TakesObjectivesInAnyOrder) {
  NamedReport turned = Report("b", {{1, 10, 12}, {2, 20, 20}});
  std::swap(turned.report.objectives[0], turned.report.objectives[1]);
  for (ReportMember& member : turned.report.evaluated) {
    std::swap(member.objectives[0], member.objectives[1]);
  }
  const NamedReport a = Report("a", {{1, 10, 10}, {2, 20, 30}});
  const Comparison same =
      CompareReports(std::vector<NamedReport>{a, Report("b", {{1, 10, 12}, {2, 20, 20}})});
  const Comparison c = CompareReports(std::vector<NamedReport>{a, turned});
  EXPECT_EQ(c.runs[1].hypervolume, same.runs[1].hypervolume);
  EXPECT_THAT(c.runs[1].front[0].objectives, ElementsAre(10, 12));
}

TEST(CompareReports, CopesWithEmptyFailedAndInfeasibleRuns) {
  NamedReport failed = Report("failed", {{1, 10, 10}, {2, 20, 20}});
  for (ReportMember& member : failed.report.evaluated) {
    member.objectives.clear();
    member.feasible = member.on_front = false;
  }
  const Comparison c = CompareReports(std::vector<NamedReport>{
      Report("empty", {}), failed, Report("infeasible", {{1, 10, 10, false}}),
      Report("one", {{1, 10, 10}})});
  EXPECT_EQ(c.union_front, 1);
  EXPECT_EQ(c.runs[0].hypervolume, std::nullopt);
  EXPECT_THAT(c.runs[1].hypervolume, Optional(0.0));
  EXPECT_THAT(c.runs[2].hypervolume, Optional(0.0));
  EXPECT_GT(*c.runs[3].hypervolume, 0);
  const Comparison nothing =
      CompareReports(std::vector<NamedReport>{Report("a", {}), Report("b", {})});
  EXPECT_EQ(nothing.union_front, 0);
  EXPECT_THAT(nothing.ideal, IsEmpty());
  EXPECT_FALSE(ComparisonSummary(nothing).empty());
  EXPECT_FALSE(ComparisonHtml(nothing).empty());
}

TEST(CompareReports, HasNoHypervolumeOfFourObjectives) {
  std::vector<NamedReport> reports = {Report("a", {{1, 10, 10}}), Report("b", {{1, 10, 10}})};
  for (NamedReport& report : reports) {
    for (const char* name : {"ttft_ms", "peak_memory_mib"}) {
      report.report.objectives.push_back({name, name, "", Direction::kMinimize});
      report.report.evaluated[0].objectives.push_back(1);
    }
  }
  const Comparison c = CompareReports(reports);
  EXPECT_EQ(c.runs[0].hypervolume, std::nullopt);
  EXPECT_THAT(c.by_evaluations, IsEmpty());
  EXPECT_EQ(c.union_front, 1);
  EXPECT_EQ(c.runs[0].on_union_front, 1);
}

TEST(CompareReports, RefusesWhatCannotBeCompared) {
  const NamedReport a = Report("a", {{1, 10, 10}});
  EXPECT_THAT(MessageOf({a}), HasSubstr("got 1 runs, expected 2 to 8"));
  EXPECT_THAT(MessageOf({a, a}), HasSubstr("'a' is given twice"));
  NamedReport other = Report("b", {{1, 10, 10}});
  other.report.objectives[1].name = "ttft_ms";
  EXPECT_THAT(MessageOf({a, other}),
              HasSubstr("b: its objectives are max:decoder_params, min:ttft_ms, but those of a are "
                        "max:decoder_params, min:latency_ms"));
  other = Report("b", {{1, 10, 10}});
  other.report.objectives[1].direction = Direction::kMaximize;
  EXPECT_THAT(MessageOf({a, other}), HasSubstr("max:latency_ms"));
  other = Report("b", {{1, 10, 10}});
  other.report.objectives.pop_back();
  EXPECT_THAT(MessageOf({a, other}), HasSubstr("its objectives are max:decoder_params, but"));
}

TEST(CompareReports, NotesOtherMachinesAndWorkloads) {
  NamedReport other = Report("b", {{1, 10, 10}});
  other.report.environment.cpu_model = "Xeon";
  other.report.workload.prompt_tokens = 64;
  const Comparison c = CompareReports(std::vector<NamedReport>{Report("a", {{1, 10, 10}}), other});
  ASSERT_EQ(c.notes.size(), 2U);
  EXPECT_EQ(c.notes[0], "the machines differ: a: unknown machine; b: Xeon");
  EXPECT_THAT(c.notes[1], HasSubstr("b: cpu f32, 1 thread; 64 + 32 tokens, batch 1"));
}

TEST_F(SearchJobTest, CompareFoldersReadsTheLastRunOfEach) {
  SearchJobOptions options = Options();
  std::vector<std::string> folders;
  for (const char* algorithm : {"nsga2", "local-search", "random"}) {
    options.algorithm = algorithm;
    options.out = folder_ / algorithm;
    folders.push_back(options.out);
    Run(options);
  }
  const Comparison c = CompareFolders(folders);
  ASSERT_EQ(c.runs.size(), 3U);
  EXPECT_EQ(c.runs[0].algorithm, "nsga2");
  EXPECT_EQ(c.runs[0].evaluated, 30);
  EXPECT_EQ(c.runs[0].name, folders[0]);
  for (const ComparedRun& run : c.runs) {
    EXPECT_GT(*run.hypervolume, 0);
    EXPECT_LE(*run.hypervolume, 1);
  }
  // The meter is a function: whatever two runs both measured, they rank alike.
  for (const ComparedPair& pair : c.pairs) {
    if (pair.shared >= 3) {
      EXPECT_THAT(pair.rank_correlation[1], Optional(DoubleEq(1)));
    }
  }
  EXPECT_THROW((void)CompareFolders(std::vector<std::string>{folders[0], folder_ / "none"}), Error);
}

}  // namespace
}  // namespace lts::job_test

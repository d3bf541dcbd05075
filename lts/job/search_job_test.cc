// What a search delivers, with a fake meter and a fake clock.
#include "lts/job/search_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lts/base/error.h"
#include "lts/job/front_tracker.h"
#include "lts/job/job_test_support.h"
#include "lts/job/run_report.h"
#include "lts/objectives/objective.h"
#include "lts/quality/lts_law.h"
#include "lts/store/store.h"

namespace lts {
namespace {

using namespace job_test;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Recorder final : public SearchJobObserver {
 public:
  void OnProgress(const SearchProgress& progress) override { seen.push_back(progress); }
  std::vector<SearchProgress> seen;
};

TEST_F(SearchJobTest, EvaluatesAsManyAsTheBudgetSays) {
  const SearchJobResult result = Run(Options());
  EXPECT_EQ(result.report.evaluated.size(), 30U);
  EXPECT_EQ(result.stopped, "evaluations");
  EXPECT_EQ(meter_.measured.size(), 30U);
}

TEST_F(SearchJobTest, WritesStoreAndReport) {
  Run(Options());
  for (const char* name : {"lts.db", "front.json", "front.csv", "evaluated.csv", "run.json",
                           "front.svg", "report.html", "architectures"}) {
    EXPECT_TRUE(std::filesystem::exists(Out(name))) << name;
  }
  EXPECT_THAT(Store(Out("lts.db")).IntegrityCheck(), IsEmpty());
}

TEST_F(SearchJobTest, TheFrontIsNotDominatedAndDominatesTheRest) {
  const ReportData report = Run(Options()).report;
  std::vector<Point> points;
  for (const ReportMember& member : report.evaluated) {
    ASSERT_EQ(member.objectives.size(), 3U);
    points.push_back({member.objectives[0], member.objectives[1], member.objectives[2]});
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool dominated = std::any_of(points.begin(), points.end(),
                                       [&](const Point& p) { return Dominates(p, points[i]); });
    EXPECT_EQ(report.evaluated[i].on_front, !dominated);
  }
}

// The meter's intervals are 1 % wide to either side; parameters are exact.
TEST_F(SearchJobTest, NearTiesAreDominatedButByNobodyBeyondTheIntervals) {
  SearchJobOptions options = Options();
  options.objectives = {"decoder_params", "latency_ms"};
  options.budget_evaluations = 120;
  const ReportData report = Run(options).report;
  const auto beats = [](const ReportMember& a, const ReportMember& b) {
    return a.objectives[0] >= b.objectives[0] &&
           Find(a, Metric::kLatencyMs)->high < Find(b, Metric::kLatencyMs)->low;
  };
  std::int64_t near_ties = 0;
  for (const ReportMember& member : report.evaluated) {
    const bool beaten = std::ranges::any_of(
        report.evaluated, [&](const ReportMember& other) { return beats(other, member); });
    EXPECT_EQ(member.near_tie, !member.on_front && !beaten);
    EXPECT_FALSE(member.on_front && beaten);
    near_ties += member.near_tie ? 1 : 0;
  }
  EXPECT_GT(near_ties, 0);
  EXPECT_EQ(report.run.Find("near_ties")->AsInt(), near_ties);
  const ReportData loaded = LoadReport(options.out);
  for (std::size_t i = 0; i < report.evaluated.size(); ++i) {
    EXPECT_EQ(loaded.evaluated[i].near_tie, report.evaluated[i].near_tie);
  }
}

TEST(ObjectiveIntervals, HoldTheValueAndAreSingleValuesWhereExact) {
  const std::vector<ObjectiveSpec> specs = {
      {"latency_ms"}, {"decoder_params"}, {"ttft_ms"}, {"lts_law"}};
  Measurement latency;
  latency.metric = Metric::kLatencyMs;
  latency.low = 9;
  latency.high = 11;
  Measurement law;
  law.metric = Metric::kLtsLaw;
  law.low = 2;
  law.high = 3;
  const std::vector<double> objectives = {12, 1e6, 3, 2.5};
  EXPECT_THAT(ObjectiveIntervals(objectives, specs, std::vector<Measurement>{latency, law}),
              testing::ElementsAre(Interval{9, 12}, Interval{1e6, 1e6}, Interval{3, 3},
                                   Interval{2.5, 2.5}));
  EXPECT_THAT(ObjectiveIntervals({}, specs, std::vector<Measurement>{latency}), IsEmpty());
}

TEST_F(SearchJobTest, MembersOutsideTheFitOfALawAreFlagged) {
  SearchJobOptions options = Options();
  options.objectives = {"lts_law", "latency_ms"};
  std::int64_t flagged = 0;
  for (const ReportMember& member : Run(options).report.evaluated) {
    const std::string outside = OutsideFit(FrozenLtsLaw(), LtsLawInputsOf(member.architecture));
    EXPECT_EQ(member.outside_fit, outside);
    flagged += outside.empty() ? 0 : 1;
  }
  EXPECT_GT(flagged, 0) << "the space of these tests has decoders of one layer";
  options.objectives = {"decoder_params", "latency_ms"};
  options.out = folder_ / "counted";
  for (const ReportMember& member : Run(options).report.evaluated) {
    EXPECT_EQ(member.outside_fit, "");
  }
}

// Counted, but in no report that nobody asked for it in.
TEST_F(SearchJobTest, ObjectivesMayBeWhatReportsLeaveOut) {
  SearchJobOptions options = Options();
  options.objectives = {"lts_law", "onnx_file_mib"};
  const ReportData report = Run(options).report;
  ASSERT_FALSE(report.evaluated.empty());
  for (const ReportMember& member : report.evaluated) {
    const Measurement* law = Find(member, Metric::kLtsLaw);
    ASSERT_NE(law, nullptr);
    EXPECT_EQ(law->source, "law");
    EXPECT_EQ(member.objectives[0], law->value);
    EXPECT_LT(law->low, law->value);
    EXPECT_EQ(member.objectives[1], Find(member, Metric::kOnnxFileMib)->value);
  }
}

TEST_F(SearchJobTest, EveryMemberHasAllMetricsKnown) {
  SearchJobOptions options = Options();
  options.objectives = {"decoder_params", "latency_ms"};
  const ReportData report = Run(options).report;
  for (const ReportMember& member : report.evaluated) {
    for (const MetricInfo& info : Metrics()) {
      const Measurement* m = Find(member, info.metric);
      const bool reported = info.measured ? info.metric == Metric::kLatencyMs
                                          : FindObjective(info.name).in_every_report;
      if (!reported) {
        EXPECT_EQ(m, nullptr) << info.name;
        continue;
      }
      ASSERT_NE(m, nullptr) << info.name;
      EXPECT_EQ(m->source, info.measured ? "fake" : "count");
    }
    EXPECT_EQ(member.objectives[1], FakeMeter::Value(member.architecture, Metric::kLatencyMs));
  }
}

TEST_F(SearchJobTest, SavesCountedMetricsToo) {
  const ReportData report = Run(Options()).report;
  Store store(Out("lts.db"));
  const MeasurementKey key{report.environment.key(), report.config, report.workload};
  const auto found = store.FindMeasurements(report.evaluated[0].architecture.Id(), key);
  EXPECT_EQ(found.size(), 7U);  // five counted, two measured
}

TEST_F(SearchJobTest, TheSameSeedGivesTheSameSearch) {
  const ReportData first = Run(Options()).report;
  SearchJobOptions again = Options();
  again.out = folder_ / "again";
  const ReportData second = Run(again).report;
  EXPECT_EQ(EvaluatedIds(first), EvaluatedIds(second));
  again.out = folder_ / "other";
  again.seed = 2;
  EXPECT_NE(EvaluatedIds(first), EvaluatedIds(Run(again).report));
}

TEST_F(SearchJobTest, RunsEveryAlgorithm) {
  for (const SearchAlgorithm* algorithm : SearchAlgorithms()) {
    SearchJobOptions options = Options();
    options.algorithm = algorithm->name;
    options.out = folder_ / std::string(algorithm->name);
    EXPECT_EQ(Run(options).report.evaluated.size(), 30U) << algorithm->name;
  }
}

TEST_F(SearchJobTest, TheLoadedReportEqualsTheReportOfTheRun) {
  const ReportData live = Run(Options()).report;
  const ReportData loaded = LoadReport(folder_ / "out");
  EXPECT_EQ(WriteJson(FrontJson(loaded)), WriteJson(FrontJson(live)));
  EXPECT_EQ(EvaluatedCsv(loaded), EvaluatedCsv(live));
  EXPECT_EQ(WriteJson(loaded.run), WriteJson(live.run));
  EXPECT_EQ(loaded.title, live.title);
}

TEST_F(SearchJobTest, IterationsAreThoseOfTheAlgorithm) {
  SearchJobOptions options = Options();
  options.algorithm = "random";
  options.parameters["samples_per_iteration"] = 10;
  const ReportData report = Run(options).report;
  EXPECT_EQ(report.evaluated.front().iteration, 0);
  EXPECT_EQ(report.evaluated.back().iteration, 2);
}

TEST_F(SearchJobTest, ObjectivesCanBeTurned) {
  SearchJobOptions options = Options();
  options.objectives = {"max:decoder_params", "max:latency_ms"};
  const ReportData report = Run(options).report;
  EXPECT_EQ(report.objectives[1].direction, Direction::kMaximize);
  double slowest = 0;
  for (const ReportMember& member : report.evaluated) {
    slowest = std::max(slowest, member.objectives[1]);
  }
  for (const ReportMember& member : report.evaluated) {
    if (member.objectives[1] == slowest) {
      EXPECT_TRUE(member.on_front);
    }
  }
}

TEST_F(SearchJobTest, CountedObjectivesAloneNeedNoMeter) {
  SearchJobOptions options = Options();
  options.objectives = {"decoder_params", "flops"};
  const ReportData report = Run(options).report;
  EXPECT_EQ(report.evaluated.size(), 30U);
  EXPECT_EQ(meter_.calls, 0);
}

TEST_F(SearchJobTest, ASecondRunReusesMeasurements) {
  const ReportData first = Run(Options()).report;
  meter_.measured.clear();
  Recorder recorder;
  const ReportData second = RunSearchJob(Options(), &recorder, &meter_, clock_).report;
  EXPECT_TRUE(meter_.measured.empty());
  EXPECT_EQ(FrontIds(second), FrontIds(first));
  EXPECT_EQ(recorder.seen.back().reused, 30);
  EXPECT_EQ(second.run.Find("run")->AsInt(), 2);
  EXPECT_EQ(second.run.Find("reused")->AsInt(), 30);
}

TEST_F(SearchJobTest, OnlyWhatIsMissingIsMeasured) {
  SearchJobOptions options = Options();
  options.objectives = {"decoder_params", "latency_ms"};
  options.algorithm = "random";
  Run(options);
  struct Asked final : FakeMeter {
    using FakeMeter::FakeMeter;
    void Measure(
        std::span<const Architecture> architectures, std::span<const Metric> metrics,
        const std::function<bool()>& stop,
        const std::function<void(std::size_t, std::vector<Measurement>)>& finished) override {
      for (const Metric metric : metrics) asked.insert(metric);
      FakeMeter::Measure(architectures, metrics, stop, finished);
    }
    std::set<Metric> asked;
  } meter(clock_);
  options.objectives.emplace_back("peak_memory_mib");
  RunSearchJob(options, nullptr, &meter, clock_);
  EXPECT_EQ(meter.asked, std::set<Metric>{Metric::kPeakMemoryMib});
}

TEST_F(SearchJobTest, NothingIsReusedForAnotherWorkload) {
  Run(Options());
  meter_.measured.clear();
  SearchJobOptions options = Options();
  options.workload.output_tokens += 1;
  Run(options);
  EXPECT_EQ(meter_.measured.size(), 30U);
}

TEST_F(SearchJobTest, CheapConstraintsHoldBeforeAnythingIsMeasured) {
  SearchJobOptions options = Options();
  options.constraints = {"d_inner >= 2 * d_model"};
  Run(options);
  for (const Architecture& architecture : meter_.measured) {
    EXPECT_GE(architecture.layers()[0].d_inner, 2 * architecture.d_model());
  }
}

TEST_F(SearchJobTest, MeasuredConstraintsKeepCandidatesOffTheFront) {
  const ReportData all = Run(Options()).report;
  std::vector<double> latencies;
  for (const ReportMember& member : all.evaluated) latencies.push_back(member.objectives[1]);
  std::nth_element(latencies.begin(), latencies.begin() + 15, latencies.end());
  SearchJobOptions options = Options();
  options.out = folder_ / "limited";
  options.constraints = {"latency_ms < " + std::to_string(latencies[15])};
  const ReportData report = Run(options).report;
  int infeasible = 0;
  for (const ReportMember& member : report.evaluated) {
    EXPECT_EQ(member.feasible, member.objectives[1] < std::stod(std::to_string(latencies[15])));
    infeasible += member.feasible ? 0 : 1;
    if (member.on_front) {
      EXPECT_TRUE(member.feasible);
    }
  }
  EXPECT_GT(infeasible, 0);
  EXPECT_EQ(report.run.Find("infeasible")->AsInt(), infeasible);
}

TEST_F(SearchJobTest, AMeasuredConstraintMayNameDimensionsAndCounts) {
  SearchJobOptions options = Options();
  options.objectives = {"decoder_params", "latency_ms"};
  // ttft is measured for the constraint alone.
  options.constraints = {"ttft_ms * d_model < decoder_params / 10 + n_layer"};
  const ReportData report = Run(options).report;
  for (const ReportMember& member : report.evaluated) {
    const Architecture& a = member.architecture;
    EXPECT_EQ(member.feasible,
              Find(member, Metric::kTtftMs)->value * static_cast<double>(a.d_model()) <
                  member.objectives[0] / 10 + static_cast<double>(a.n_layer()));
  }
}

TEST_F(SearchJobTest, ACandidateThatCannotRunIsInfeasibleNotFatal) {
  meter_.fails = [](const Architecture& architecture) { return architecture.n_layer() > 3; };
  const ReportData report = Run(Options()).report;
  int failed = 0;
  for (const ReportMember& member : report.evaluated) {
    const bool expected = member.architecture.n_layer() > 3;
    EXPECT_EQ(member.objectives.empty(), expected);
    EXPECT_EQ(member.feasible, !expected);
    failed += expected ? 1 : 0;
    if (expected) {
      EXPECT_FALSE(member.on_front);
      EXPECT_NE(Find(member, Metric::kDecoderParams), nullptr);
    }
  }
  EXPECT_GT(failed, 0);
  EXPECT_EQ(report.run.Find("failed")->AsInt(), failed);
  EXPECT_EQ(FrontIds(LoadReport(folder_ / "out")), FrontIds(report));
}

TEST_F(SearchJobTest, EndsAtTheTimeBudget) {
  SearchJobOptions options = Options();
  options.budget_evaluations = 0;
  options.budget_s = 12.5;
  const SearchJobResult result = Run(options);
  EXPECT_EQ(result.stopped, "budget");
  EXPECT_EQ(result.report.evaluated.size(), 13U);  // a second each; asked before each
  EXPECT_EQ(result.report.elapsed_s, 13);
  EXPECT_EQ(result.report.evaluated[4].at_s, 5);
}

TEST_F(SearchJobTest, AnInterruptKeepsWhatThereIs) {
  SearchJobOptions options = Options();
  options.interrupted = [&] { return meter_.measured.size() >= 7; };
  const SearchJobResult result = Run(options);
  EXPECT_EQ(result.stopped, "interrupted");
  EXPECT_EQ(result.report.evaluated.size(), 7U);
  EXPECT_EQ(Store(Out("lts.db")).LastRun()->status, "interrupted");
  EXPECT_TRUE(std::filesystem::exists(Out("report.html")));
}

TEST_F(SearchJobTest, EvaluationsKeepTheOrderOfCandidatesWhateverTheMetersOrder) {
  const std::vector<std::string> expected = EvaluatedIds(Run(Options()).report);
  SearchJobOptions options = Options();
  options.out = folder_ / "backwards";
  meter_.backwards = true;
  meter_.one_by_one = true;
  EXPECT_EQ(EvaluatedIds(Run(options).report), expected);
}

TEST_F(SearchJobTest, MeasurementsBeyondACutOffAreSavedForLater) {
  SearchJobOptions options = Options();
  options.algorithm = "random";
  options.budget_evaluations = 0;
  options.budget_s = 4.5;
  meter_.backwards = true;  // the first candidate of the batch never gets its turn
  EXPECT_TRUE(Run(options).report.evaluated.empty());
  const std::vector<Architecture> measured = meter_.measured;
  EXPECT_EQ(measured.size(), 5U);
  meter_.measured.clear();
  options.budget_s = 100;
  options.budget_evaluations = 10;
  Run(options);
  for (const Architecture& architecture : measured) {
    EXPECT_EQ(std::count(meter_.measured.begin(), meter_.measured.end(), architecture), 0);
  }
}

TEST_F(SearchJobTest, WritesTheReportWhileItRuns) {
  std::size_t seen_at = 0;
  std::int64_t evaluated = 0;
  meter_.before_answer = [&](std::size_t count) {
    if (seen_at != 0 || !std::filesystem::exists(Out("front.json"))) return;
    seen_at = count;
    evaluated = ReadJsonFile(Out("front.json")).Find("evaluated")->AsInt();
    EXPECT_EQ(ReadJsonFile(Out("run.json")).Find("status")->AsString(), "running");
    EXPECT_EQ(LoadReport(folder_ / "out").evaluated.size(), count - 1);
  };
  Run(Options());
  EXPECT_EQ(seen_at, 6U);  // five seconds after the start, at one second each
  EXPECT_EQ(evaluated, 5);
  EXPECT_EQ(ReadJsonFile(Out("run.json")).Find("status")->AsString(), "finished");
}

TEST_F(SearchJobTest, TellsTheObserverHowFarItIs) {
  Recorder recorder;
  SearchJobOptions options = Options();
  options.budget_s = 1000;
  const ReportData report = RunSearchJob(options, &recorder, &meter_, clock_).report;
  ASSERT_FALSE(recorder.seen.empty());
  for (std::size_t i = 1; i < recorder.seen.size(); ++i) {
    EXPECT_GE(recorder.seen[i].evaluated, recorder.seen[i - 1].evaluated);
    EXPECT_GE(recorder.seen[i].elapsed_s, recorder.seen[i - 1].elapsed_s);
    EXPECT_FALSE(recorder.seen[i].phase.empty());
  }
  const SearchProgress& last = recorder.seen.back();
  EXPECT_EQ(last.evaluated, 30);
  EXPECT_EQ(last.front, std::ssize(FrontIds(report)));
  EXPECT_EQ(last.reused, 0);
  EXPECT_EQ(last.budget_s, 1000);
  EXPECT_EQ(last.budget_evaluations, 30);
  EXPECT_EQ(last.drift, 1.02);
}

TEST_F(SearchJobTest, AMeterThatFailsEndsTheRunAndKeepsWhatWasSaved) {
  meter_.before_answer = [](std::size_t count) {
    if (count == 6) throw Error(ErrorCode::kIo, "the probe cannot be started");
  };
  try {
    Run(Options());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the probe cannot be started"));
  }
  Store store(Out("lts.db"));
  EXPECT_EQ(store.LastRun()->status, "failed");
  EXPECT_THAT(store.LastRun()->stopped, HasSubstr("cannot be started"));
  EXPECT_EQ(store.RunEvaluations(1).size(), 5U);
  meter_.before_answer = nullptr;
  SearchJobOptions options = Options();
  options.resume = true;
  EXPECT_EQ(Run(options).report.evaluated.size(), 30U);
}

TEST(FrontTracker, HasTheSizeOfTheFrontAtEveryStep) {
  Rng rng(3);
  FrontTracker tracker;
  std::vector<Point> points;
  for (int i = 0; i < 300; ++i) {
    // A coarse grid: ties and equal points abound.
    points.push_back({static_cast<double>(rng.Below(12)), static_cast<double>(rng.Below(12)),
                      static_cast<double>(rng.Below(12))});
    tracker.Add(points.back());
    ASSERT_EQ(tracker.size(), std::ssize(ParetoFront(points)));
  }
  tracker.Add({std::numeric_limits<double>::quiet_NaN(), -1, -1});
  EXPECT_EQ(tracker.size(), std::ssize(ParetoFront(points)));
}

}  // namespace
}  // namespace lts

#include "lts/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "lts/base/error.h"
#include "lts/store/store_test_data.h"

namespace lts {
namespace {

using namespace store_test;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        store_test::ScratchFolder(::testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path() const { return folder_ / "lts.db"; }

  std::filesystem::path folder_;
};

void ExpectEqual(const Measurement& a, const Measurement& b) {
  EXPECT_EQ(a.metric, b.metric);
  EXPECT_EQ(a.value, b.value);
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_EQ(a.p95, b.p95);
  EXPECT_EQ(a.samples, b.samples);
  EXPECT_EQ(a.drift, b.drift);
  EXPECT_EQ(a.noisy, b.noisy);
  EXPECT_EQ(a.source, b.source);
}

TEST_F(StoreTest, IsEmptyWhenNew) {
  Store store(Path());
  EXPECT_FALSE(store.LastRun().has_value());
  EXPECT_FALSE(store.FindRun(1).has_value());
  EXPECT_FALSE(store.FindRun(0).has_value());
  EXPECT_FALSE(store.FindArchitecture(SomeArchitecture().Id()).has_value());
  EXPECT_THAT(store.FindMeasurements(SomeArchitecture().Id(), SomeKey()), IsEmpty());
  EXPECT_THAT(store.RunEvaluations(1), IsEmpty());
  EXPECT_THAT(store.IntegrityCheck(), IsEmpty());
}

TEST_F(StoreTest, KeepsEveryFieldOfAMeasurement) {
  const std::vector<Measurement> saved = {SomeMeasurement(Metric::kLatencyMs, 0.1),
                                          SomeMeasurement(Metric::kPeakMemoryMib, 1e-300)};
  Store(Path()).SaveEvaluation(SomeArchitecture(), SomeKey(), SomeEnvironment(), saved);
  Store store(Path());
  const std::vector<Measurement> found = store.FindMeasurements(SomeArchitecture().Id(), SomeKey());
  ASSERT_EQ(found.size(), 2U);
  ExpectEqual(found[0], saved[0]);
  ExpectEqual(found[1], saved[1]);
}

TEST_F(StoreTest, ReturnsMeasurementsInTheOrderOfTheMetrics) {
  Store store(Path());
  store.SaveEvaluation(
      SomeArchitecture(), SomeKey(), SomeEnvironment(),
      {SomeMeasurement(Metric::kWeightsMib), SomeMeasurement(Metric::kDecoderParams)});
  store.SaveEvaluation(SomeArchitecture(), SomeKey(), SomeEnvironment(),
                       {SomeMeasurement(Metric::kTtftMs)});
  const auto found = store.FindMeasurements(SomeArchitecture().Id(), SomeKey());
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].metric, Metric::kDecoderParams);
  EXPECT_EQ(found[1].metric, Metric::kTtftMs);
  EXPECT_EQ(found[2].metric, Metric::kWeightsMib);
}

TEST_F(StoreTest, ReplacesAMeasurementOfTheSameMetricAndKey) {
  Store store(Path());
  for (const double value : {1.0, 2.0}) {
    store.SaveEvaluation(SomeArchitecture(), SomeKey(), SomeEnvironment(),
                         {SomeMeasurement(Metric::kTpotMs, value)});
  }
  const auto found = store.FindMeasurements(SomeArchitecture().Id(), SomeKey());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].value, 2.0);
}

TEST_F(StoreTest, KeepsMeasurementsOfOtherKeysApart) {
  Store store(Path());
  store.SaveEvaluation(SomeArchitecture(), SomeKey(), SomeEnvironment(), {SomeMeasurement()});
  std::vector<MeasurementKey> others(9, SomeKey());
  others[0].environment_key = "another machine";
  others[1].config.runtime = "reference";
  others[2].config.dtype = DType::kInt8;
  others[3].config.threads = 2;
  others[4].workload.prompt_tokens += 1;
  others[5].workload.output_tokens += 1;
  others[6].workload.batch += 1;
  others[7].environment_key = "";
  others[8].config.kv_dtype = DType::kInt8;
  for (const MeasurementKey& other : others) {
    EXPECT_THAT(store.FindMeasurements(SomeArchitecture().Id(), other), IsEmpty());
  }
  EXPECT_THAT(store.FindMeasurements(SomeArchitecture(1).Id(), SomeKey()), IsEmpty());
}

TEST_F(StoreTest, ACacheThatGoesWithTheWeightsIsTheSameAskedForOrNot) {
  Store store(Path());
  MeasurementKey key = SomeKey();
  key.config.dtype = DType::kInt8;
  store.SaveEvaluation(SomeArchitecture(), key, SomeEnvironment(), {SomeMeasurement()});
  key.config.kv_dtype = DType::kBFloat16;
  EXPECT_EQ(store.FindMeasurements(SomeArchitecture().Id(), key).size(), 1U);
}

TEST_F(StoreTest, RefusesNumbersThatAreNotFiniteAndSavesNothing) {
  Store store(Path());
  Measurement bad = SomeMeasurement();
  bad.high = std::numeric_limits<double>::infinity();
  EXPECT_THROW(store.SaveEvaluation(SomeArchitecture(), SomeKey(), SomeEnvironment(),
                                    {SomeMeasurement(Metric::kTtftMs), bad}),
               Error);
  bad = SomeMeasurement();
  bad.samples.push_back(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW(store.SaveEvaluation(SomeArchitecture(), SomeKey(), SomeEnvironment(), {bad}),
               Error);
  EXPECT_FALSE(store.FindArchitecture(SomeArchitecture().Id()).has_value());
}

TEST_F(StoreTest, KeepsArchitecturesPlainAndHeterogeneous) {
  Store store(Path());
  ArchitectureFields fields = SomeArchitecture().fields();
  fields.layers = {{2, 2, 100}, {4, 4, 200}, {8, 8, 50}};
  const Architecture mixed(fields);
  for (const Architecture& architecture : {SomeArchitecture(), mixed}) {
    store.SaveEvaluation(architecture, SomeKey(), SomeEnvironment(), {});
    const auto found = store.FindArchitecture(architecture.Id());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(*found, architecture);
  }
}

TEST_F(StoreTest, KeepsEveryFieldOfARun) {
  RunRecord saved = SomeRun();
  saved.finished_utc = "2026-01-02T03:05:05Z";
  saved.stopped = "budget";
  saved.elapsed_s = 60.25;
  saved.environment.load_1min = 0.7;
  saved.id = Store(Path()).CreateRun(saved);
  EXPECT_GT(saved.id, 0);
  Store store(Path());
  const auto found = store.FindRun(saved.id);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->id, saved.id);
  EXPECT_EQ(found->started_utc, saved.started_utc);
  EXPECT_EQ(found->finished_utc, saved.finished_utc);
  EXPECT_EQ(found->command_line, saved.command_line);
  EXPECT_EQ(found->options, saved.options);
  EXPECT_EQ(found->environment, saved.environment);
  EXPECT_EQ(found->status, saved.status);
  EXPECT_EQ(found->stopped, saved.stopped);
  EXPECT_EQ(found->elapsed_s, saved.elapsed_s);
}

TEST_F(StoreTest, TheLastRunIsTheNewest) {
  Store store(Path());
  store.CreateRun(SomeRun());
  const std::int64_t second = store.CreateRun(SomeRun());
  EXPECT_EQ(store.LastRun()->id, second);
}

TEST_F(StoreTest, UpdatesARun) {
  Store store(Path());
  const std::int64_t id = store.CreateRun(SomeRun());
  const std::int64_t other = store.CreateRun(SomeRun());
  store.UpdateRun(id, "finished", 12.5, "budget", "2026-01-02T03:04:17Z");
  EXPECT_EQ(store.FindRun(id)->status, "finished");
  EXPECT_EQ(store.FindRun(id)->elapsed_s, 12.5);
  EXPECT_EQ(store.FindRun(id)->stopped, "budget");
  EXPECT_EQ(store.FindRun(id)->finished_utc, "2026-01-02T03:04:17Z");
  EXPECT_EQ(store.FindRun(other)->status, "running");
}

TEST_F(StoreTest, AResumedRunKeepsItsTimeAndTakesTheNewOptions) {
  Store store(Path());
  RunRecord run = SomeRun();
  run.id = store.CreateRun(run);
  store.UpdateRun(run.id, "finished", 12.5, "budget", "2026-01-02T03:04:17Z");
  run.command_line = "lts search --resume";
  run.options["budget_s"] = 90;
  store.ResumeRun(run);
  const auto found = store.FindRun(run.id);
  EXPECT_EQ(found->status, "running");
  EXPECT_EQ(found->stopped, "");
  EXPECT_EQ(found->finished_utc, "");
  EXPECT_EQ(found->elapsed_s, 12.5);
  EXPECT_EQ(found->command_line, run.command_line);
  EXPECT_EQ(found->options, run.options);
  run.id += 1;
  EXPECT_THROW(store.ResumeRun(run), Error);
}

TEST_F(StoreTest, RefusesAnUnknownRunOrStatus) {
  Store store(Path());
  const std::int64_t id = store.CreateRun(SomeRun());
  EXPECT_THROW(store.UpdateRun(id + 1, "finished", 1), Error);
  EXPECT_THROW(store.UpdateRun(id, "finnished", 1), Error);
  RunRecord run = SomeRun();
  run.status = "?";
  EXPECT_THROW(store.CreateRun(run), Error);
}

TEST_F(StoreTest, AppendsEvaluationsToARunInOrder) {
  Store store(Path());
  const std::int64_t id = store.CreateRun(SomeRun());
  const std::int64_t other = store.CreateRun(SomeRun());
  std::vector<RunEvaluation> saved;
  for (std::int64_t i = 0; i < 3; ++i) {
    saved.push_back(SomeEvaluation(i));
    saved.back().feasible = i != 1;
    saved.back().reused = i == 2;
    if (i == 1) saved.back().objectives.clear();
    store.SaveEvaluation(SomeArchitecture(i), SomeKey(), SomeEnvironment(), {SomeMeasurement()}, id,
                         &saved.back());
  }
  EXPECT_EQ(store.RunEvaluations(id), saved);
  EXPECT_THAT(store.RunEvaluations(other), IsEmpty());
}

TEST_F(StoreTest, AnEvaluationRaisesTheElapsedTimeOfItsRun) {
  Store store(Path());
  const std::int64_t id = store.CreateRun(SomeRun());
  RunEvaluation evaluation = SomeEvaluation(0);
  evaluation.at_s = 7.5;
  store.SaveEvaluation(SomeArchitecture(), SomeKey(), SomeEnvironment(), {}, id, &evaluation);
  EXPECT_EQ(store.FindRun(id)->elapsed_s, 7.5);
  evaluation.index = 1;
  evaluation.at_s = 3;
  store.SaveEvaluation(SomeArchitecture(), SomeKey(), SomeEnvironment(), {}, id, &evaluation);
  EXPECT_EQ(store.FindRun(id)->elapsed_s, 7.5);
}

TEST_F(StoreTest, RefusesASecondEvaluationOfTheSameIndexAndSavesNothingOfIt) {
  Store store(Path());
  const std::int64_t id = store.CreateRun(SomeRun());
  RunEvaluation evaluation = SomeEvaluation(0);
  store.SaveEvaluation(SomeArchitecture(0), SomeKey(), SomeEnvironment(), {}, id, &evaluation);
  evaluation.architecture_id = SomeArchitecture(1).Id();
  try {
    store.SaveEvaluation(SomeArchitecture(1), SomeKey(), SomeEnvironment(), {SomeMeasurement()}, id,
                         &evaluation);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr(Path()));
    EXPECT_THAT(error.what(), HasSubstr("another process"));
  }
  EXPECT_FALSE(store.FindArchitecture(SomeArchitecture(1).Id()).has_value());
  EXPECT_THAT(store.FindMeasurements(SomeArchitecture(1).Id(), SomeKey()), IsEmpty());
}

TEST_F(StoreTest, RefusesAnEvaluationOfAnUnknownRun) {
  Store store(Path());
  const RunEvaluation evaluation = SomeEvaluation(0);
  EXPECT_THROW(
      store.SaveEvaluation(SomeArchitecture(0), SomeKey(), SomeEnvironment(), {}, 5, &evaluation),
      Error);
}

TEST_F(StoreTest, TheFirstCanaryReferenceWins) {
  Json first = Json::MakeObject();
  first["ttft_ms"] = 1.5;
  Json second = Json::MakeObject();
  second["ttft_ms"] = 2.5;
  EXPECT_EQ(Store(Path()).CanaryReference("machine", "canary", first), first);
  Store store(Path());
  EXPECT_EQ(store.CanaryReference("machine", "canary", second), first);
  EXPECT_EQ(store.CanaryReference("machine", "another", second), second);
  EXPECT_EQ(store.CanaryReference("another", "canary", second), second);
}

TEST_F(StoreTest, ReadsTextThatLooksLikeSqlAsText) {
  Store store(Path());
  RunRecord run = SomeRun();
  run.command_line = "'); DROP TABLE runs; --\n\x01";
  const std::int64_t id = store.CreateRun(run);
  EXPECT_EQ(store.FindRun(id)->command_line, run.command_line);
}

TEST_F(StoreTest, CanBeMoved) {
  Store a(Path());
  Store b(std::move(a));
  b.CreateRun(SomeRun());
  Store c(folder_ / "other.db");
  c = std::move(b);
  EXPECT_TRUE(c.LastRun().has_value());
}

TEST_F(StoreTest, AReaderSeesWhatAnotherConnectionHasSaved) {
  Store writer(Path());
  Store reader(Path());
  writer.SaveEvaluation(SomeArchitecture(), SomeKey(), SomeEnvironment(), {SomeMeasurement()});
  EXPECT_EQ(reader.FindMeasurements(SomeArchitecture().Id(), SomeKey()).size(), 1U);
}

}  // namespace
}  // namespace lts

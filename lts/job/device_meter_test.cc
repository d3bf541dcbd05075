// The real meter on the cpu runtime with models of a few kilobytes. Times are never asserted,
// only what is answered and when.
#include "lts/job/device_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "lts/base/clock.h"
#include "lts/job/job_test_support.h"
#include "lts/objectives/objective.h"
#include "lts/runtime/registry/registry.h"

namespace lts {
namespace {

using namespace job_test;  // NOLINT(google-build-using-namespace)
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class DeviceMeterTest : public ::testing::Test {
 protected:
  DeviceMeterTest() {
    DeviceMeterOptions options;
    options.config.runtime = "cpu";
    options.workload = {.prompt_tokens = 4, .output_tokens = 3, .batch = 1};
    options.reference = [this](const CanaryReference& mine) {
      ++references_;
      EXPECT_GT(mine.ttft_ms, 0);
      EXPECT_GT(mine.tpot_ms, 0);
      return mine;
    };
    options.on_phase = [this](const std::string& phase) { phases_.push_back(phase); };
    meter_.emplace(CreateRuntime("cpu", {}), std::move(options), clock_);
  }

  void Measure(
      const std::vector<Architecture>& architectures, const std::vector<Metric>& metrics,
      const std::function<bool()>& stop = [] { return false; }) {
    meter_->Measure(architectures, metrics, stop,
                    [&](std::size_t index, std::vector<Measurement> measurements) {
                      if (measurements.empty()) failed_.insert(index);
                      for (Measurement& m : measurements) {
                        answers_[index][m.metric] = std::move(m);
                      }
                    });
  }
  static std::vector<Architecture> Three() {
    return {Architecture::Gpt2(1, 32, 32, 2, 100, 16), Architecture::Gpt2(2, 32, 64, 2, 100, 16),
            Architecture::Gpt2(3, 64, 64, 4, 100, 16)};
  }

  SystemClock clock_;
  std::optional<DeviceMeter> meter_;
  std::map<std::size_t, std::map<Metric, Measurement>> answers_;
  std::set<std::size_t> failed_;
  std::vector<std::string> phases_;
  int references_ = 0;
};

TEST_F(DeviceMeterTest, TimingAnswersAllThreeTimes) {
  Measure(Three(), {Metric::kLatencyMs});
  ASSERT_EQ(answers_.size(), 3U);
  for (const auto& answer : answers_) {
    for (const Metric metric : {Metric::kLatencyMs, Metric::kTtftMs, Metric::kTpotMs}) {
      const auto found = answer.second.find(metric);
      ASSERT_NE(found, answer.second.end());
      EXPECT_GT(found->second.value, 0);
      EXPECT_LE(found->second.low, found->second.value);
      EXPECT_GE(found->second.high, found->second.value);
      EXPECT_GE(found->second.samples.size(), 3U);
      EXPECT_FALSE(found->second.source.empty());
    }
    EXPECT_EQ(answer.second.count(Metric::kPeakMemoryMib), 0U);
  }
  EXPECT_THAT(failed_, IsEmpty());
  EXPECT_THAT(phases_, Contains("calibrating"));
  EXPECT_THAT(phases_, Contains("timing 3 candidates, round 1"));
}

TEST_F(DeviceMeterTest, CalibratesOnce) {
  Measure(Three(), {Metric::kTtftMs});
  Measure({Architecture::Gpt2(1, 32, 96, 2, 100, 16)}, {Metric::kTtftMs});
  EXPECT_EQ(references_, 1);
}

TEST_F(DeviceMeterTest, MemoryIsProbedWithoutTiming) {
  Measure({Architecture::Gpt2(2, 128, 512, 2, 1000, 16)}, {Metric::kPeakMemoryMib});
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].size(), 1U);
  EXPECT_GT(answers_[0][Metric::kPeakMemoryMib].value, 0);
  EXPECT_EQ(references_, 0);
  EXPECT_THAT(phases_, Contains(HasSubstr("memory of L2 d128")));
}

TEST_F(DeviceMeterTest, AModelBeyondTheMemoryOfTheMachineFailsAlone) {
  // 4096 layers of width 65536 are some 800 TiB.
  const Architecture huge = Architecture::Gpt2(4096, 65536, 262144, 2, 100, 16);
  Measure({Three()[0], huge, Three()[1]}, {Metric::kLatencyMs, Metric::kPeakMemoryMib});
  EXPECT_THAT(failed_, UnorderedElementsAre(1U));
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(answers_[0].size(), 4U);
  EXPECT_EQ(answers_[2].size(), 4U);
}

TEST_F(DeviceMeterTest, NothingIsMeasuredAfterTheBudget) {
  Measure(Three(), {Metric::kLatencyMs, Metric::kPeakMemoryMib}, [] { return true; });
  EXPECT_THAT(answers_, IsEmpty());
  EXPECT_THAT(failed_, IsEmpty());
  EXPECT_EQ(references_, 0);
}

TEST_F(DeviceMeterTest, ASessionCutOffInItsFirstRoundIsNotFinal) {
  bool ended = false;
  meter_.emplace(
      CreateRuntime("cpu", {}),
      DeviceMeterOptions{.config = {.runtime = "cpu"},
                         .workload = {.prompt_tokens = 4, .output_tokens = 3, .batch = 1},
                         .reference = [](const CanaryReference& mine) { return mine; },
                         .on_phase =
                             [&](const std::string& phase) {
                               ended = ended || phase.find("round 2") != std::string::npos;
                             }},
      clock_);
  Measure(Three(), {Metric::kLatencyMs}, [&] { return ended; });
  EXPECT_THAT(answers_, IsEmpty());
  EXPECT_THAT(failed_, IsEmpty());
}

TEST_F(DeviceMeterTest, ASearchWithTheRealMeterEndsWithAFront) {
  const std::filesystem::path folder = store_test::ScratchFolder("real_meter");
  std::ofstream(folder / "space.json")
      << R"({"name": "tiny", "vocab_size": 100, "max_seq_len": 16, "n_layer": [1, 2],
             "d_model": [32, 64], "d_inner": [32, 64], "n_head": [2]})";
  SearchJobOptions options;
  options.space = folder / "space.json";
  options.config.runtime = "cpu";
  options.workload = {.prompt_tokens = 4, .output_tokens = 3, .batch = 1};
  options.budget_evaluations = 3;
  options.algorithm = "random";
  options.out = folder / "out";
  const SearchJobResult result = RunSearchJob(options, nullptr, nullptr, clock_);
  EXPECT_EQ(result.report.evaluated.size(), 3U);
  EXPECT_FALSE(FrontIds(result.report).empty());
  for (const ReportMember& member : result.report.evaluated) {
    const auto reported =
        std::count_if(Objectives().begin(), Objectives().end(),
                      [](const Objective* objective) { return objective->in_every_report; });
    EXPECT_EQ(std::ssize(member.measurements), reported + 1);  // and the law that was searched by
  }
  EXPECT_TRUE(std::filesystem::exists(folder / "out" / "report.html"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace lts

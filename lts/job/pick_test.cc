#include "lts/job/pick.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lts/base/error.h"
#include "lts/job/job_test_support.h"
#include "lts/job/made_up_meter.h"

namespace lts {
namespace {

using namespace job_test;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PickTest : public SearchJobTest {
 protected:
  void SetUp() override {
    SearchJobTest::SetUp();
    SearchJobOptions options = Options();
    options.algorithm = "exact";
    options.workload = device_.workload;
    options.budget_evaluations = 30;
    MadeUpMeter meter(device_, clock_);
    RunSearchJob(options, nullptr, &meter, clock_);
    pick_.folder = folder_ / "out";
  }

  PickResult Pick() {
    measured_.emplace(device_, clock_);
    return PickArchitecture(pick_, &*measured_, clock_);
  }
  static double Value(const PickRow& row, Metric metric) {
    const auto found = std::ranges::find(row.measurements, metric, &Measurement::metric);
    EXPECT_NE(found, row.measurements.end());
    return found->value;
  }
  // The best loss of the whole space under a cap, by the device's true latencies.
  double BestLoss(double max_latency) const {
    const SearchSpace space = LoadSpace((folder_ / "space.json").string());
    double best = HUGE_VAL;
    for (const Genome& genome : space.Enumerate(device_.workload)) {
      const Architecture a = space.Decode(genome);
      if (device_.Measured(a, Metric::kLatencyMs).value <= max_latency) {
        best = std::min(best, LawValue(FindLaw("lts_law"), a));
      }
    }
    return best;
  }

  MadeUpDevice device_;
  PickOptions pick_;
  std::optional<MadeUpMeter> measured_;
};

TEST_F(PickTest, TheBestOfTheSpaceUnderACap) {
  for (const double cap : {0.5, 0.8, 1.2}) {
    pick_.limits = {"latency_ms <= " + std::to_string(cap)};
    const PickResult result = Pick();
    ASSERT_TRUE(result.found) << cap;
    EXPECT_EQ(result.rows[0].role, PickRole::kPick);
    EXPECT_LE(Value(result.rows[0], Metric::kLatencyMs), cap);
    EXPECT_LE(Value(result.rows[0], Metric::kLtsLaw), BestLoss(cap) + 0.02) << cap;
    EXPECT_FALSE(result.rows[0].predicted);
  }
}

TEST_F(PickTest, AlternativesAreNextBest) {
  pick_.limits = {"latency_ms <= 0.9"};
  pick_.alternatives = 3;
  const PickResult result = Pick();
  ASSERT_EQ(result.rows.size(), 4U);
  EXPECT_EQ(measured_->measured.size(), 4U);
  for (std::size_t i = 1; i < result.rows.size(); ++i) {
    EXPECT_EQ(result.rows[i].role, PickRole::kAlternative);
    EXPECT_GE(Value(result.rows[i], Metric::kLtsLaw), Value(result.rows[i - 1], Metric::kLtsLaw));
  }
}

TEST_F(PickTest, AsGoodAsTheBaselineAndFaster) {
  // Deep and narrow: slow for its size.
  pick_.baseline = Architecture::Gpt2(6, 48, 32, 4, 100, 64);
  const PickResult result = Pick();
  ASSERT_TRUE(result.found);
  EXPECT_EQ(result.by, Metric::kLatencyMs);
  EXPECT_EQ(result.rows.back().role, PickRole::kBaseline);
  EXPECT_LE(Value(result.rows[0], Metric::kLtsLaw), Value(result.rows.back(), Metric::kLtsLaw));
  ASSERT_TRUE(result.speed_up.has_value());
  EXPECT_GT(*result.speed_up, 1.2);
  EXPECT_DOUBLE_EQ(*result.speed_up, Value(result.rows.back(), Metric::kLatencyMs) /
                                         Value(result.rows[0], Metric::kLatencyMs));
  EXPECT_LE(result.speed_up_interval.low, *result.speed_up);
  EXPECT_GE(result.speed_up_interval.high, *result.speed_up);
}

TEST_F(PickTest, HeadsCostTimeAndNoParameters) {
  pick_.limits = {"latency_ms <= 0.9"};
  pick_.heads = true;
  const PickResult result = Pick();
  ASSERT_EQ(result.heads.size(), 2U);  // the space has 2 and 4
  EXPECT_EQ(result.heads[0].architecture, result.rows[0].architecture);
  EXPECT_EQ(result.heads[1].role, PickRole::kHeads);
  EXPECT_EQ(Value(result.heads[0], Metric::kDecoderParams),
            Value(result.heads[1], Metric::kDecoderParams));
  EXPECT_NE(Value(result.heads[0], Metric::kTtftMs), Value(result.heads[1], Metric::kTtftMs));
}

TEST_F(PickTest, WithoutMeasuringItAnswersFromTheRun) {
  pick_.limits = {"latency_ms <= 0.9"};
  pick_.measure = false;
  const PickResult result = Pick();
  EXPECT_TRUE(result.found);
  EXPECT_THAT(measured_->measured, IsEmpty());
}

TEST_F(PickTest, NothingFits) {
  pick_.limits = {"latency_ms <= 1e-6"};
  const PickResult result = Pick();
  EXPECT_FALSE(result.found);
  EXPECT_THAT(result.note, HasSubstr("no architecture"));
}

TEST_F(PickTest, UnknownNames) {
  pick_.limits = {"latency_s <= 1"};
  EXPECT_THROW(Pick(), Error);
  pick_.limits = {};
  pick_.by = "latency";
  EXPECT_THROW(Pick(), Error);
}

}  // namespace
}  // namespace lts

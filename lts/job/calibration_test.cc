#include "lts/job/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "lts/base/error.h"
#include "lts/cost/synthetic_device.h"
#include "lts/job/job_test_support.h"

namespace lts {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Answers from known coefficients, with 1 % of noise that depends on the architecture alone; takes
// the time that a device would.
class SyntheticMeter final : public CandidateMeter {
 public:
  SyntheticMeter(const CostContext& context, FakeClock& clock)
      : features_(context), clock_(clock) {}

  void Measure(
      std::span<const Architecture> architectures, std::span<const Metric> metrics,
      const std::function<bool()>& stop,
      const std::function<void(std::size_t index, std::vector<Measurement>)>& finished) override {
    for (std::size_t i = 0; i < architectures.size(); ++i) {
      if (stop()) return;
      const Architecture& a = architectures[i];
      ++measured;
      if (metrics[0] == Metric::kPeakMemoryMib) {
        clock_.Advance(300'000'000);
        finished(i, {cost_test::Measured(metrics[0], Value(metrics[0], a), 0)});
        continue;
      }
      const Measurement ttft =
          cost_test::Measured(Metric::kTtftMs, Value(Metric::kTtftMs, a), 0.01);
      const Measurement tpot =
          cost_test::Measured(Metric::kTpotMs, Value(Metric::kTpotMs, a), 0.01);
      const double total = ttft.value + 31 * tpot.value;
      clock_.Advance(static_cast<std::int64_t>(total * 5e6));
      if (fails && fails(a)) {
        finished(i, {});
        continue;
      }
      finished(i, {ttft, tpot, cost_test::Measured(Metric::kLatencyMs, total, 0.01)});
    }
  }

  std::function<bool(const Architecture&)> fails;
  int measured = 0;

 private:
  double Value(Metric metric, const Architecture& a) const {
    const double noise = metric == Metric::kPeakMemoryMib ? 0 : 0.02;
    return cost_test::DeviceOf(metric, 1.5).Cost(features_, metric, a) *
           (1 + noise * (job_test::FakeMeter::Unit(a, metric) - 0.5));
  }
  CostFeatures features_;
  FakeClock& clock_;
};

class CalibrationTest : public job_test::SearchJobTest {
 protected:
  CalibrationOptions Options() const {
    CalibrationOptions options;
    options.budget_s = 0;
    options.budget_evaluations = 20;
    options.config.runtime = "reference";
    options.store = folder_ / "new" / "lts.db";
    return options;
  }
  CalibrationResult Run(const CalibrationOptions& options) {
    return RunCalibration(
        options, [](const CalibrationProgress&) {}, &synthetic_, clock_);
  }
  std::string ErrorOf(const CalibrationOptions& options) {
    try {
      Run(options);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  SyntheticMeter synthetic_{CostContext{}, clock_};
};

TEST_F(CalibrationTest, PredictsWhatItHasNotSeen) {
  CalibrationOptions options = Options();
  options.validate = 100;
  const CalibrationResult result = Run(options);
  EXPECT_EQ(result.measured, 20);
  EXPECT_EQ(result.reused, 0);
  ASSERT_EQ(result.validations.size(), 3U);
  for (const Validation& v : result.validations) {
    EXPECT_EQ(v.architectures, 100);
    EXPECT_GE(v.within_5, 0.95) << Info(v.metric).name;
    EXPECT_GE(v.within_10, v.within_5);
    EXPECT_GE(v.coverage, 0.9) << Info(v.metric).name;
    EXPECT_NEAR(v.median_half_width, 0.01, 1e-9);
    EXPECT_LT(v.median_error, v.p95_error);
    EXPECT_GE(v.within_5_of_interval, v.within_5);
  }
  EXPECT_TRUE(result.calibration.model.Has(Metric::kPeakMemoryMib));
  EXPECT_EQ(result.calibration.space, "archai-gpt2");
}

TEST_F(CalibrationTest, TheBudgetOfTimeHolds) {
  CalibrationOptions options = Options();
  options.budget_evaluations = 0;
  options.budget_s = 20;
  const CalibrationResult result = Run(options);
  EXPECT_GT(result.measured, 8);
  EXPECT_GT(result.elapsed_s, 15);
  EXPECT_LT(result.elapsed_s, 22);
}

TEST_F(CalibrationTest, ARepetitionMeasuresNothingAgainAndGoesOn) {
  const CalibrationResult first = Run(Options());
  const int before = synthetic_.measured;
  const CalibrationResult again = Run(Options());
  EXPECT_EQ(synthetic_.measured, before);
  EXPECT_EQ(again.measured, 0);
  EXPECT_EQ(again.reused, 20);
  EXPECT_EQ(again.calibration.model.ToJson(), first.calibration.model.ToJson());
  CalibrationOptions longer = Options();
  longer.budget_evaluations = 25;
  const CalibrationResult more = Run(longer);
  EXPECT_EQ(more.reused, 20);
  EXPECT_EQ(more.measured, 5);
}

TEST_F(CalibrationTest, AnInterruptedOneLosesNothing) {
  CalibrationOptions options = Options();
  options.interrupted = [this] { return synthetic_.measured >= 14; };
  const CalibrationResult first = Run(options);
  EXPECT_TRUE(first.interrupted);
  EXPECT_GE(first.measured, 3);
  EXPECT_LT(first.measured, 20);
  options.interrupted = nullptr;
  const CalibrationResult second = Run(options);
  EXPECT_EQ(second.reused, first.measured);
  EXPECT_EQ(second.reused + second.measured, 20);
}

TEST_F(CalibrationTest, InterruptedBeforeThreeItIsCancelled) {
  CalibrationOptions options = Options();
  options.interrupted = [this] { return synthetic_.measured >= 1; };
  try {
    Run(options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
}

TEST_F(CalibrationTest, WhatCannotBeMeasuredIsNotTriedAgain) {
  synthetic_.fails = [](const Architecture& a) { return a.d_model() > 600; };
  const CalibrationResult result = Run(Options());
  EXPECT_EQ(result.measured, 20);
  EXPECT_LT(synthetic_.measured, 150);
}

TEST_F(CalibrationTest, SaysWhatIsWrongBeforeWriting) {
  CalibrationOptions options = Options();
  options.rounds = 2;
  EXPECT_THAT(ErrorOf(options), HasSubstr("repeat: got 2"));
  options = Options();
  options.budget_evaluations = 0;
  EXPECT_THAT(ErrorOf(options), HasSubstr("budget: got none"));
  options = Options();
  options.space = "archai-gpt3";
  EXPECT_THAT(ErrorOf(options), HasSubstr("archai-gpt2"));
  options = Options();
  options.validate = -1;
  EXPECT_THAT(ErrorOf(options), HasSubstr("validate: got -1"));
  options = Options();
  options.workload.prompt_tokens = 2000;
  EXPECT_THAT(ErrorOf(options), HasSubstr("1024"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new"));
}

TEST_F(CalibrationTest, TooLittleTimeIsAnError) {
  CalibrationOptions options = Options();
  options.budget_evaluations = 2;
  EXPECT_THAT(ErrorOf(options), HasSubstr("2 architectures were measured"));
}

TEST(ValidateTest, CountsSharesAndLeavesOutWhatLacks) {
  const CostContext context;
  const CostFeatures features(context);
  Rng rng(3);
  std::vector<Observation> observations;
  for (int i = 0; i < 12; ++i) {
    Observation o{cost_test::RandomArchitecture(rng, false), {}};
    const Metric metric = Metric::kTtftMs;
    o.measurements.push_back(cost_test::Measured(
        metric, cost_test::DeviceOf(metric).Cost(features, metric, o.architecture), 0.01));
    observations.push_back(std::move(o));
  }
  const CostModel model(context, observations);
  // Four new ones, of which one is measured 7 % and one 50 % slower than the model says.
  std::vector<Observation> fresh;
  for (const double factor : {1.0, 1.0, 1.07, 1.5}) {
    const Architecture a = cost_test::RandomArchitecture(rng, false);
    fresh.push_back(
        {a,
         {cost_test::Measured(Metric::kTtftMs, factor * model.Predict(Metric::kTtftMs, a).value,
                              0.03)}});
  }
  const std::vector<Validation> validations = Validate(model, fresh);
  ASSERT_EQ(validations.size(), 1U);
  EXPECT_EQ(validations[0].architectures, 4);
  EXPECT_EQ(validations[0].within_5, 0.5);
  EXPECT_EQ(validations[0].within_10, 0.75);
  EXPECT_EQ(validations[0].within_5_of_interval, 0.75);
  EXPECT_THAT(Validate(model, {}), IsEmpty());
}

}  // namespace
}  // namespace lts

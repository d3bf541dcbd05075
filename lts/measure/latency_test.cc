#include "lts/measure/latency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr Workload kWorkload{.prompt_tokens = 16, .output_tokens = 11, .batch = 1};
constexpr CanaryReference kCanaryTimes{6, 3};
constexpr int kCanary = -1;

// A machine whose speed is a function of time: everything on it takes that much longer.
struct FakeMachine {
  FakeClock clock;
  std::function<double(double at_s)> prefill = [](double) { return 1.0; };
  std::function<double(double at_s)> decode = [](double) { return 1.0; };
  struct Event {
    int who;
    double begin_s;
    double end_s;
  };
  std::vector<Event> log;

  double NowS() { return static_cast<double>(clock.NowNs()) * 1e-9; }
};

class FakeSubject : public TimedSubject {
 public:
  FakeSubject(FakeMachine& machine, int who, WorkloadTiming timing, std::int64_t output_tokens)
      : machine_(machine), who_(who), timing_(timing), output_tokens_(output_tokens) {}

  WorkloadTiming Run(Clock& clock) override {
    const double begin = machine_.NowS();
    const double noise = noise_ ? noise_(runs_++) : 1;
    WorkloadTiming timing;
    timing.ttft_ms = timing_.ttft_ms * machine_.prefill(begin) * noise;
    Advance(timing.ttft_ms);
    if (output_tokens_ > 1) {
      timing.tpot_ms = timing_.tpot_ms * machine_.decode(machine_.NowS()) * noise;
      timing.decode_ms = timing.tpot_ms * static_cast<double>(output_tokens_ - 1);
      Advance(timing.decode_ms);
    }
    EXPECT_EQ(&clock, &machine_.clock);
    machine_.log.push_back({who_, begin, machine_.NowS()});
    return timing;
  }
  void set_noise(std::function<double(int run)> noise) { noise_ = std::move(noise); }

 private:
  void Advance(double ms) { machine_.clock.Advance(static_cast<std::int64_t>(ms * 1e6)); }

  FakeMachine& machine_;
  int who_;
  WorkloadTiming timing_;
  std::int64_t output_tokens_;
  std::function<double(int run)> noise_;
  int runs_ = 0;
};

// Three candidates: 110, 220 and 330 ms.
struct Session {
  explicit Session(std::int64_t output_tokens = kWorkload.output_tokens)
      : canary(machine, kCanary, {kCanaryTimes.ttft_ms, kCanaryTimes.tpot_ms}, 4) {
    workload.output_tokens = output_tokens;
    for (int i = 0; i < 3; ++i) {
      fakes.push_back(std::make_unique<FakeSubject>(
          machine, i, WorkloadTiming{10.0 * (i + 1), 10.0 * (i + 1)}, output_tokens));
      subjects.push_back(fakes.back().get());
    }
  }
  InterleavedResult Measure(std::uint64_t seed = 1) {
    Rng rng(seed);
    const ReferenceRule rule = [this](const CanaryReference& session) {
      return reference.value_or(session);
    };
    return MeasureInterleaved(subjects, canary, workload, rule, options, rng, machine.clock);
  }
  std::vector<int> Order() const {
    std::vector<int> order;
    for (const auto& event : machine.log) order.push_back(event.who);
    return order;
  }

  FakeMachine machine;
  FakeSubject canary;
  std::vector<std::unique_ptr<FakeSubject>> fakes;
  std::vector<TimedSubject*> subjects;
  Workload workload = kWorkload;
  std::optional<CanaryReference> reference = kCanaryTimes;
  LatencyOptions options;
};

void ExpectFinite(const InterleavedResult& result) {
  for (const LatencyResult& latency : result.results) {
    for (const Measurement* m : {&latency.ttft, &latency.tpot, &latency.total}) {
      for (const double x : {m->value, m->low, m->high, m->p95, m->drift}) {
        EXPECT_TRUE(std::isfinite(x));
      }
      for (const double x : m->samples) EXPECT_TRUE(std::isfinite(x));
    }
  }
  EXPECT_TRUE(std::isfinite(result.drift_low) && std::isfinite(result.drift_high));
}

TEST(MeasureInterleaved, GivesExactTimesOnAQuietMachine) {
  Session session;
  const InterleavedResult result = session.Measure();
  ASSERT_EQ(result.results.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    const LatencyResult& latency = result.results[static_cast<std::size_t>(i)];
    EXPECT_NEAR(latency.ttft.value, 10 * (i + 1), 1e-6);
    EXPECT_NEAR(latency.tpot.value, 10 * (i + 1), 1e-6);
    EXPECT_NEAR(latency.total.value, 110 * (i + 1), 1e-5);
    EXPECT_NEAR(latency.total.p95, 110 * (i + 1), 1e-5);
    EXPECT_NEAR(latency.total.drift, 1, 1e-6);
    EXPECT_FALSE(latency.total.noisy);
    EXPECT_EQ(latency.total.samples.size(), 5U);
    EXPECT_EQ(latency.ttft.metric, Metric::kTtftMs);
    EXPECT_EQ(latency.tpot.metric, Metric::kTpotMs);
    EXPECT_EQ(latency.total.metric, Metric::kLatencyMs);
    EXPECT_EQ(latency.total.source, "timing, canary-corrected");
  }
  ExpectFinite(result);
}

TEST(MeasureInterleaved, CorrectsALinearDrift) {
  Session session;
  session.options.min_rounds = 20;
  session.machine.prefill = session.machine.decode = [](double at) { return 1 + 0.03 * at; };
  const InterleavedResult result = session.Measure();
  EXPECT_GT(result.drift_high, 1.3);  // there was something to correct
  for (int i = 0; i < 3; ++i) {
    const LatencyResult& latency = result.results[static_cast<std::size_t>(i)];
    EXPECT_NEAR(latency.total.value / (110 * (i + 1)), 1, 0.01);
    EXPECT_LT(latency.total.high / latency.total.low, 1.02);
    EXPECT_GT(latency.total.drift, 1.1);
  }
}

TEST(MeasureInterleaved, CorrectsAStepDrift) {
  Session session;
  session.options.min_rounds = 21;
  session.machine.prefill = session.machine.decode = [](double at) { return at < 6 ? 1 : 1.4; };
  const InterleavedResult result = session.Measure();
  for (int i = 0; i < 3; ++i) {
    const LatencyResult& latency = result.results[static_cast<std::size_t>(i)];
    EXPECT_NEAR(latency.total.value / (110 * (i + 1)), 1, 0.005);
    EXPECT_FALSE(latency.total.noisy);
  }
  EXPECT_NEAR(result.drift_low, 1, 0.01);
  EXPECT_NEAR(result.drift_high, 1.4, 0.01);
}

TEST(MeasureInterleaved, CorrectsPrefillAndDecodeBySeparateFactors) {
  Session session;
  session.machine.prefill = [](double) { return 1.3; };
  session.machine.decode = [](double) { return 0.9; };
  const InterleavedResult result = session.Measure();
  const LatencyResult& latency = result.results[1];
  EXPECT_NEAR(latency.ttft.value, 20, 1e-5);
  EXPECT_NEAR(latency.tpot.value, 20, 1e-5);
  EXPECT_NEAR(latency.ttft.drift, 1.3, 1e-6);
  EXPECT_NEAR(latency.tpot.drift, 0.9, 1e-6);
  EXPECT_NEAR(latency.total.drift, (20 * 1.3 + 200 * 0.9) / 220, 1e-6);
}

TEST(MeasureInterleaved, TakesTheSessionsCanaryAsReferenceWhenThereIsNone) {
  Session session;
  session.reference.reset();
  session.machine.prefill = session.machine.decode = [](double) { return 1.25; };
  const InterleavedResult result = session.Measure();
  EXPECT_NEAR(result.reference.ttft_ms, kCanaryTimes.ttft_ms * 1.25, 1e-6);
  EXPECT_NEAR(result.reference.tpot_ms, kCanaryTimes.tpot_ms * 1.25, 1e-6);
  EXPECT_NEAR(result.results[0].total.value, 110 * 1.25, 1e-4);  // nothing known to correct
  EXPECT_NEAR(result.results[0].total.drift, 1, 1e-6);
}

TEST(MeasureInterleaved, TotalOfEachSampleIsTtftPlusItsDecodeSteps) {
  Session session;
  session.fakes[0]->set_noise([](int run) { return 1 + 0.003 * (run % 5); });
  const LatencyResult latency = session.Measure().results[0];
  ASSERT_EQ(latency.total.samples.size(), latency.ttft.samples.size());
  for (std::size_t i = 0; i < latency.total.samples.size(); ++i) {
    EXPECT_DOUBLE_EQ(latency.total.samples[i],
                     latency.ttft.samples[i] + 10 * latency.tpot.samples[i]);
  }
}

TEST(MeasureInterleaved, RunsEveryCandidateOncePerRoundInChangingOrder) {
  Session session;
  session.options.min_rounds = 12;
  session.options.warmup_runs = 0;
  session.Measure();
  std::vector<int> order = session.Order();
  std::erase(order, kCanary);
  ASSERT_EQ(order.size(), 36U);
  std::set<std::vector<int>> orders;
  for (std::size_t round = 0; round < 12; ++round) {
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(3 * round);
    orders.insert(std::vector<int>(begin, begin + 3));
    std::vector<int> sorted(begin, begin + 3);
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(sorted, (std::vector<int>{0, 1, 2}));
  }
  EXPECT_GE(orders.size(), 3U);
}

TEST(MeasureInterleaved, RunsTheCanaryAtBothEndsOfEveryRoundAndBetweenLongCandidates) {
  Session session;
  session.options.warmup_runs = 0;
  session.Measure();
  const auto& log = session.machine.log;
  EXPECT_EQ(log.front().who, kCanary);
  EXPECT_EQ(log.back().who, kCanary);
  double last_canary_s = log.front().end_s;
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (log[i].who == kCanary) {
      last_canary_s = log[i].end_s;
    } else {
      EXPECT_LT(log[i].begin_s - last_canary_s, 0.5);
    }
    // A candidate of 330 ms always has the canary right after it.
    if (log[i].who == 2) {
      EXPECT_EQ(log[i + 1].who, kCanary);
    }
  }
}

TEST(MeasureInterleaved, CanaryTakesASmallShareOfTheTime) {
  Session session;
  session.options.min_rounds = 20;
  session.Measure();
  double canary_s = 0;
  double all_s = 0;
  for (const auto& event : session.machine.log) {
    (event.who == kCanary ? canary_s : all_s) += event.end_s - event.begin_s;
  }
  EXPECT_LT(canary_s, 0.15 * all_s);
}

TEST(MeasureInterleaved, IsTheSameForTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    Session session;
    session.fakes[1]->set_noise([](int i) { return 1 + 0.02 * std::sin(i); });
    session.machine.prefill = [](double at) { return 1 + 0.01 * at; };
    const InterleavedResult result = session.Measure(seed);
    return std::pair(session.Order(), result.results[1].total.samples);
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7).first, run(8).first);
}

TEST(MeasureInterleaved, GivesMoreRoundsToWideCandidatesOnly) {
  Session session;
  session.options.max_rounds = 30;
  // Two outliers among the first five samples; then quiet.
  session.fakes[2]->set_noise([](int run) { return run == 2 || run == 4 ? 1.5 : 1; });
  const InterleavedResult result = session.Measure();
  EXPECT_EQ(result.results[0].total.samples.size(), 5U);
  EXPECT_EQ(result.results[1].total.samples.size(), 5U);
  EXPECT_GT(result.results[2].total.samples.size(), 5U);
  EXPECT_LT(result.results[2].total.samples.size(), 30U);
  EXPECT_FALSE(result.results[2].total.noisy);
}

TEST(MeasureInterleaved, MarksACandidateThatStaysWideAsNoisy) {
  Session session;
  session.options.max_rounds = 12;
  session.fakes[0]->set_noise([](int run) { return run % 2 == 0 ? 1 : 1.4; });
  const InterleavedResult result = session.Measure();
  EXPECT_TRUE(result.results[0].total.noisy);
  EXPECT_EQ(result.results[0].total.samples.size(), 12U);
  EXPECT_FALSE(result.results[1].total.noisy);
  EXPECT_GT(result.results[0].total.high, result.results[0].total.low * 1.2);
}

TEST(MeasureInterleaved, IgnoresSpikesOfTheCanary) {
  Session session;
  session.options.min_rounds = 10;
  session.canary.set_noise([](int run) { return run % 5 == 0 ? 4 : 1; });
  const InterleavedResult result = session.Measure();
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(result.results[static_cast<std::size_t>(i)].total.value, 110 * (i + 1), 1e-3);
  }
}

TEST(MeasureInterleaved, StopEndsAfterTheFirstRoundAndMarksWhatItHas) {
  Session session;
  session.options.stop = [] { return true; };
  const InterleavedResult result = session.Measure();
  for (const LatencyResult& latency : result.results) {
    EXPECT_EQ(latency.total.samples.size(), 1U);
    EXPECT_TRUE(latency.total.noisy);
    EXPECT_EQ(latency.total.low, latency.total.high);
  }
  ExpectFinite(result);
}

TEST(MeasureInterleaved, StopIsAskedBetweenRuns) {
  Session session;
  session.options.warmup_runs = 0;
  int asked = 0;
  session.options.stop = [&] { return ++asked == 2; };  // before the second run of round 2
  const InterleavedResult result = session.Measure();
  std::size_t samples = 0;
  for (const LatencyResult& latency : result.results) samples += latency.total.samples.size();
  EXPECT_EQ(samples, 4U);
  EXPECT_EQ(session.machine.log.back().who, kCanary);  // the last sample still has one after it
}

TEST(MeasureInterleaved, OneOutputTokenHasNoTpot) {
  Session session(1);
  const InterleavedResult result = session.Measure();
  for (int i = 0; i < 3; ++i) {
    const LatencyResult& latency = result.results[static_cast<std::size_t>(i)];
    EXPECT_EQ(latency.tpot.value, 0);
    EXPECT_TRUE(latency.tpot.samples.empty());
    EXPECT_FALSE(latency.tpot.noisy);
    EXPECT_NEAR(latency.total.value, 10 * (i + 1), 1e-5);
  }
  ExpectFinite(result);
}

TEST(MeasureInterleaved, StaysFiniteWhenACandidateTakesNoTime) {
  Session session;
  FakeSubject nothing(session.machine, 9, {0, 0}, kWorkload.output_tokens);
  session.subjects.push_back(&nothing);
  const InterleavedResult result = session.Measure();
  EXPECT_EQ(result.results[3].total.value, 0);
  ExpectFinite(result);
}

TEST(MeasureInterleaved, WithoutCandidatesMeasuresTheCanaryAlone) {
  Session session;
  session.subjects.clear();
  session.reference.reset();
  session.options.min_rounds = 7;
  const InterleavedResult result = session.Measure();
  EXPECT_TRUE(result.results.empty());
  EXPECT_NEAR(result.reference.ttft_ms, kCanaryTimes.ttft_ms, 1e-6);
  EXPECT_NEAR(result.reference.tpot_ms, kCanaryTimes.tpot_ms, 1e-6);
  EXPECT_GE(session.machine.log.size(), 14U);
}

TEST(MeasureInterleaved, TellsEachRound) {
  Session session;
  session.options.max_rounds = 8;
  session.fakes[0]->set_noise([](int run) { return run % 2 == 0 ? 1 : 1.4; });
  std::vector<std::size_t> candidates;
  session.options.on_round = [&](int round, std::size_t count) {
    EXPECT_EQ(round, static_cast<int>(candidates.size()) + 1);
    candidates.push_back(count);
  };
  session.Measure();
  EXPECT_EQ(candidates, (std::vector<std::size_t>{3, 3, 3, 3, 3, 1, 1, 1}));
}

TEST(MeasureInterleaved, RejectsOptionsOutsideTheirRanges) {
  const auto code = [](void (*change)(Session&)) {
    Session session;
    change(session);
    try {
      session.Measure();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kCorrupt;  // not thrown by this function
  };
  EXPECT_EQ(code([](Session& s) { s.options.min_rounds = 0; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](Session& s) { s.options.max_rounds = 4; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](Session& s) { s.options.warmup_runs = -1; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](Session& s) { s.options.max_relative_interval = std::nan(""); }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](Session& s) {
              s.reference = CanaryReference{0, 1};
            }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](Session& s) {
              s.reference = CanaryReference{1, INFINITY};
            }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](Session& s) { s.canary.set_noise([](int) { return 0; }); }),
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace lts

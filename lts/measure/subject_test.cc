#include "lts/measure/subject.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <string>

#include "lts/base/allocation_count.h"
#include "lts/base/error.h"

namespace lts {
namespace {

struct Step {
  std::size_t tokens;
  std::int64_t length_before;
  bool operator==(const Step&) const = default;
};

// What a fake session was asked to do. Fixed room: recording must not allocate either.
struct Calls {
  FakeClock clock;
  SessionOptions options;
  std::vector<std::int64_t> prepared;
  std::array<Step, 128> steps{};
  std::size_t step_count = 0;
  std::vector<std::int32_t> tokens = std::vector<std::int32_t>(4096);
  std::size_t token_count = 0;
};

class FakeSession : public Session {
 public:
  explicit FakeSession(Calls& calls) : calls_(calls) {}
  void Step(std::span<const std::int32_t> tokens, Logits which, std::span<float> logits) override {
    EXPECT_EQ(which, Logits::kLast);
    EXPECT_EQ(static_cast<std::int64_t>(logits.size()), calls_.options.batch * 100);
    for (const std::int32_t token : tokens) calls_.tokens.at(calls_.token_count++) = token;
    calls_.steps.at(calls_.step_count++) = {tokens.size(), length_};
    const auto n = static_cast<std::int64_t>(tokens.size()) / calls_.options.batch;
    length_ += n;
    calls_.clock.Advance(n * 1'000'000);  // 1 ms a token
  }
  void Prepare(std::int64_t n) override { calls_.prepared.push_back(n); }
  std::int64_t length() const override { return length_; }
  void Rewind(std::int64_t length) override { length_ = length; }
  MemoryAccount memory() const override { return {1, 2, 3}; }

 private:
  Calls& calls_;
  std::int64_t length_ = 0;
};

class FakeModel : public LoadedModel {
 public:
  explicit FakeModel(Calls& calls) : calls_(calls) {
    graph_.vocab_size = 100;
    graph_.max_seq_len = 64;
  }
  std::unique_ptr<Session> NewSession(const SessionOptions& options) override {
    calls_.options = options;
    return std::make_unique<FakeSession>(calls_);
  }
  const Graph& graph() const override { return graph_; }

 private:
  Calls& calls_;
  Graph graph_;
};

constexpr Workload kWorkload{.prompt_tokens = 8, .output_tokens = 4, .batch = 2};

TEST(ModelSubject, MakesASessionThatFitsTheWorkload) {
  Calls calls;
  ModelSubject subject(std::make_shared<FakeModel>(calls), kWorkload);
  EXPECT_EQ(calls.options.batch, 2);
  EXPECT_EQ(calls.options.max_tokens, 11);  // the last output token is never fed back
  EXPECT_EQ(calls.options.max_step_tokens, 8);
  EXPECT_FALSE(calls.options.all_logits);
  EXPECT_EQ(calls.prepared, (std::vector<std::int64_t>{8, 1}));
  EXPECT_EQ(subject.memory().total(), 6);
}

TEST(ModelSubject, RunsAnUntimedStepThenThePromptThenTheDecodeSteps) {
  Calls calls;
  ModelSubject subject(std::make_shared<FakeModel>(calls), kWorkload);
  const WorkloadTiming timing = subject.Run(calls.clock);
  ASSERT_EQ(calls.step_count, 5U);
  const std::vector<Step> expected = {{2, 0}, {16, 0}, {2, 8}, {2, 9}, {2, 10}};
  EXPECT_EQ(std::vector<Step>(calls.steps.begin(), calls.steps.begin() + 5), expected);
  EXPECT_DOUBLE_EQ(timing.ttft_ms, 8);
  EXPECT_DOUBLE_EQ(timing.tpot_ms, 1);
}

TEST(ModelSubject, EveryRunStartsFromAnEmptyContext) {
  Calls calls;
  ModelSubject subject(std::make_shared<FakeModel>(calls), kWorkload);
  subject.Run(calls.clock);
  subject.Run(calls.clock);
  ASSERT_EQ(calls.step_count, 10U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(calls.steps[i], calls.steps[i + 5]);
}

// 1 ms a token and a batch of two: 3 ms are reached by the second step.
TEST(ModelSubject, WarmsUpForTheTimeAskedForOrSixtyFourSteps) {
  const auto warm_up_steps = [](double ms) {
    Calls calls;
    ModelSubject subject(std::make_shared<FakeModel>(calls), kWorkload, {.warm_up_ms = ms});
    const WorkloadTiming timing = subject.Run(calls.clock);
    EXPECT_DOUBLE_EQ(timing.ttft_ms, 8);
    EXPECT_DOUBLE_EQ(timing.tpot_ms, 1);
    for (std::size_t i = 0; i + 4 < calls.step_count; ++i) {
      EXPECT_EQ(calls.steps.at(i), (Step{2, 0}));
    }
    return calls.step_count - 4;  // the prompt and three decode steps
  };
  EXPECT_EQ(warm_up_steps(0), 1U);
  EXPECT_EQ(warm_up_steps(1), 1U);
  EXPECT_EQ(warm_up_steps(1.5), 2U);
  EXPECT_EQ(warm_up_steps(20), 20U);
  EXPECT_EQ(warm_up_steps(1e9), 64U);
}

TEST(ModelSubject, TimesTheMiddleOfTheOutputWhereAllOfItWouldTakeTooLong) {
  constexpr Workload kLong{.prompt_tokens = 4, .output_tokens = 40, .batch = 2};
  const auto run = [&](double decode_ms) {
    Calls calls;
    ModelSubject subject(std::make_shared<FakeModel>(calls), kLong, {.decode_ms = decode_ms});
    const WorkloadTiming timing = subject.Run(calls.clock);
    EXPECT_DOUBLE_EQ(timing.ttft_ms, 4);
    EXPECT_DOUBLE_EQ(timing.tpot_ms, 1);
    EXPECT_EQ(calls.options.max_tokens, 43);
    return std::pair(std::vector<Step>(calls.steps.begin(),
                                       calls.steps.begin() + static_cast<int>(calls.step_count)),
                     timing.decode_ms);
  };
  // 13 of 39 steps, 13 before them and 13 behind: the context grows by 4, 4, 4 and 1.
  const auto [steps, decode_ms] = run(13);
  EXPECT_DOUBLE_EQ(decode_ms, 13);
  ASSERT_EQ(steps.size(), 2U + 4U + 13U);
  EXPECT_EQ(std::vector<Step>(steps.begin(), steps.begin() + 7),
            (std::vector<Step>{{2, 0}, {8, 0}, {8, 4}, {8, 8}, {8, 12}, {2, 16}, {2, 17}}));
  EXPECT_EQ(steps.back(), (Step{2, 29}));
  // An odd number is left over by an even one: one more is timed, never fewer than eight.
  EXPECT_DOUBLE_EQ(run(14).second, 15);
  EXPECT_DOUBLE_EQ(run(0.5).second, 9);
  EXPECT_DOUBLE_EQ(run(39).second, 39);
  EXPECT_DOUBLE_EQ(run(1000).second, 39);
}

TEST(RunMs, IsWhatARunTakes) {
  constexpr Workload kLong{.prompt_tokens = 4, .output_tokens = 40, .batch = 2};
  for (const SubjectOptions& options :
       {SubjectOptions{}, SubjectOptions{.warm_up_ms = 10}, SubjectOptions{10, 13}}) {
    Calls calls;
    ModelSubject subject(std::make_shared<FakeModel>(calls), kLong, options);
    const std::int64_t begin = calls.clock.NowNs();
    subject.Run(calls.clock);
    const double skipped_ms = options.decode_ms < 39 ? 13 : 0;
    EXPECT_DOUBLE_EQ(RunMs(options, kLong, 4, 1),
                     static_cast<double>(calls.clock.NowNs() - begin) * 1e-6 - skipped_ms);
  }
}

TEST(ModelSubject, OneOutputTokenHasNoDecodeStep) {
  Calls calls;
  Workload workload = kWorkload;
  workload.output_tokens = 1;
  ModelSubject subject(std::make_shared<FakeModel>(calls), workload);
  const WorkloadTiming timing = subject.Run(calls.clock);
  EXPECT_EQ(calls.step_count, 2U);
  EXPECT_EQ(timing.tpot_ms, 0);
}

TEST(ModelSubject, FeedsTheSameValidTokensToEveryModel) {
  Calls first;
  Calls second;
  ModelSubject(std::make_shared<FakeModel>(first), kWorkload).Run(first.clock);
  ModelSubject(std::make_shared<FakeModel>(second), kWorkload).Run(second.clock);
  EXPECT_EQ(first.tokens, second.tokens);
  std::set<std::int32_t> different;
  for (std::size_t i = 0; i < first.token_count; ++i) {
    EXPECT_GE(first.tokens[i], 0);
    EXPECT_LT(first.tokens[i], 100);
    different.insert(first.tokens[i]);
  }
  EXPECT_GT(different.size(), 10U);
}

TEST(ModelSubject, RunAllocatesNothing) {
  if (!CanCountAllocations()) GTEST_SKIP() << "a sanitizer has taken malloc";
  Calls calls;
  ModelSubject subject(std::make_shared<FakeModel>(calls), kWorkload);
  const std::int64_t before = AllocationCount();
  subject.Run(calls.clock);
  EXPECT_EQ(AllocationCount(), before);
}

TEST(ModelSubject, RejectsAWorkloadThatTheModelCannotRun) {
  const auto message = [](Workload workload) -> std::string {
    Calls calls;
    try {
      MakeSubject(std::make_shared<FakeModel>(calls), workload);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({0, 1, 1}), "workload: prompt_tokens: got 0, expected at least 1");
  EXPECT_EQ(message({1, 0, 1}), "workload: output_tokens: got 0, expected at least 1");
  EXPECT_EQ(message({1, 1, -2}), "workload: batch: got -2, expected at least 1");
  EXPECT_EQ(message({60, 6, 1}),
            "workload: 60 prompt + 6 output tokens need a context of 65, but the model's "
            "max_seq_len is 64");
  EXPECT_EQ(message({60, 5, 1}), "accepted");
  EXPECT_NE(message({INT64_MAX, INT64_MAX, 1}).find("overflow"), std::string::npos);
}

}  // namespace
}  // namespace lts

#include "lts/runtime/runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace lts {
namespace {

using ::testing::HasSubstr;

Graph SmallGraph() {
  Graph graph;
  graph.d_model = 8;
  graph.vocab_size = 11;
  graph.max_seq_len = 16;
  return graph;
}

template <typename F>
std::string MessageOf(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "no error";
}

TEST(CheckRuntimeOptions, AcceptsTheRangeOfThreads) {
  CheckRuntimeOptions({.threads = 1});
  CheckRuntimeOptions({.threads = 1024});
}

TEST(CheckRuntimeOptions, RejectsThreadsOutsideTheirRange) {
  EXPECT_EQ(MessageOf([] { CheckRuntimeOptions({.threads = 0}); }),
            "threads: got 0, expected 1 to 1024");
  EXPECT_THAT(MessageOf([] { CheckRuntimeOptions({.threads = 1025}); }), HasSubstr("got 1025"));
}

TEST(CheckSessionOptions, AcceptsTheLimitsThemselves) {
  const Graph graph = SmallGraph();
  CheckSessionOptions({}, graph);
  CheckSessionOptions({.batch = 4, .max_tokens = 16, .max_step_tokens = 16}, graph);
}

TEST(CheckSessionOptions, NamesTheOptionThatIsOutsideItsRange) {
  const Graph graph = SmallGraph();
  const auto message = [&](const SessionOptions& options) {
    return MessageOf([&] { CheckSessionOptions(options, graph); });
  };
  EXPECT_EQ(message({.batch = 0}), "batch: got 0, expected at least 1");
  EXPECT_EQ(message({.max_tokens = 17}), "max_tokens: got 17, expected 1 to max_seq_len = 16");
  EXPECT_EQ(message({.max_tokens = 0}), "max_tokens: got 0, expected 1 to max_seq_len = 16");
  EXPECT_EQ(message({.max_tokens = 4, .max_step_tokens = 5}),
            "max_step_tokens: got 5, expected 1 to max_tokens = 4");
  EXPECT_EQ(message({.max_tokens = 4, .max_step_tokens = 0}),
            "max_step_tokens: got 0, expected 1 to max_tokens = 4");
}

TEST(CheckSessionOptions, RejectsABatchWhoseSizesOverflow) {
  const SessionOptions options{.batch = std::numeric_limits<std::int64_t>::max() / 2,
                               .max_tokens = 16};
  EXPECT_THAT(MessageOf([&] { CheckSessionOptions(options, SmallGraph()); }),
              HasSubstr("overflow"));
}

class CheckStepTest : public ::testing::Test {
 protected:
  std::int64_t Check(std::int64_t length, std::vector<std::int32_t> tokens, Logits which,
                     std::size_t logits) {
    return CheckStep(options_, graph_, length, tokens, which, logits);
  }
  std::string Message(std::int64_t length, const std::vector<std::int32_t>& tokens, Logits which,
                      std::size_t logits) {
    return MessageOf([&] { Check(length, tokens, which, logits); });
  }
  Graph graph_ = SmallGraph();
  SessionOptions options_{.batch = 2, .max_tokens = 5, .max_step_tokens = 3, .all_logits = true};
};

TEST_F(CheckStepTest, ReturnsTheTokensPerSequence) {
  EXPECT_EQ(Check(0, {0, 1, 2, 3}, Logits::kLast, 2 * 11), 2);
  EXPECT_EQ(Check(2, {0, 1, 2, 3, 4, 10}, Logits::kAll, 6 * 11), 3);
}

TEST_F(CheckStepTest, RejectsTokensThatDoNotFillEverySequence) {
  EXPECT_EQ(Message(0, {0, 1, 2}, Logits::kLast, 22),
            "step: got 3 tokens, expected a positive multiple of batch = 2");
  EXPECT_EQ(Message(0, {}, Logits::kLast, 22),
            "step: got 0 tokens, expected a positive multiple of batch = 2");
}

TEST_F(CheckStepTest, RejectsAStepLongerThanPromised) {
  EXPECT_EQ(Message(0, std::vector<std::int32_t>(8, 1), Logits::kLast, 22),
            "step: got 4 tokens per sequence, expected at most max_step_tokens = 3");
}

TEST_F(CheckStepTest, RejectsAContextThatWouldOverflow) {
  EXPECT_EQ(
      Message(4, {0, 1, 2, 3}, Logits::kLast, 22),
      "step: got 2 tokens per sequence after 4 in context, expected at most max_tokens = 5 in "
      "all");
}

TEST_F(CheckStepTest, RejectsTokensOutsideTheVocabulary) {
  EXPECT_EQ(Message(0, {0, 1, 11, 3}, Logits::kLast, 22),
            "step: token 0 of sequence 1: got id 11, expected 0 to 10");
  EXPECT_EQ(Message(0, {0, -1, 2, 3}, Logits::kLast, 22),
            "step: token 1 of sequence 0: got id -1, expected 0 to 10");
}

TEST_F(CheckStepTest, RejectsLogitsOfTheWrongSize) {
  EXPECT_EQ(Message(0, {0, 1, 2, 3}, Logits::kLast, 44),
            "step: got room for 44 logits, expected 2 positions x vocab_size = 22");
  EXPECT_THAT(Message(0, {0, 1, 2, 3}, Logits::kAll, 22), HasSubstr("expected 4 positions"));
}

TEST_F(CheckStepTest, RejectsAllLogitsThatWereNotAskedForAtTheStart) {
  options_.all_logits = false;
  EXPECT_THAT(Message(0, {0, 1, 2, 3}, Logits::kAll, 44), HasSubstr("all_logits"));
}

TEST(CheckRewind, AcceptsTheContextAlone) {
  CheckRewind(0, 0);
  CheckRewind(3, 3);
  EXPECT_EQ(MessageOf([] { CheckRewind(4, 3); }), "rewind: got length 4, expected 0 to 3");
  EXPECT_EQ(MessageOf([] { CheckRewind(-1, 3); }), "rewind: got length -1, expected 0 to 3");
}

TEST(CheckMemory, RefusesWhatNoMachineHas) {
  CheckMemory(1 << 20, "session");
  try {
    CheckMemory(std::int64_t{1} << 60, "session");
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_THAT(error.what(), HasSubstr("session: needs 1099511627776 MiB"));
  }
}

}  // namespace
}  // namespace lts

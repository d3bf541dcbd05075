// Every runtime keeps the contract of runtime.h: what a session remembers, forgets, refuses and
// allocates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "lts/base/allocation_count.h"
#include "lts/runtime/registry/runtimes_under_test.h"
#include "tests/logits.h"

namespace lts {
namespace {

constexpr std::int64_t kVocabSize = 37;
constexpr std::int64_t kBatch = 2;
constexpr std::int64_t kMaxTokens = 40;

ModelRecipe Recipe() {
  return SharpRecipe(Architecture({.vocab_size = kVocabSize,
                                   .max_seq_len = 130,
                                   .d_model = 36,
                                   .layers = {{3, 3, 50}, {4, 4, 77}}}),
                     5);
}

ModelRecipe RotaryAndGatedRecipe() {
  return SharpRecipe(Architecture({.backbone = "llama",
                                   .vocab_size = kVocabSize,
                                   .max_seq_len = 130,
                                   .d_model = 36,
                                   .layers = {{6, 3, 50}, {2, 1, 77}}}),
                     5);
}

class SessionTest : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    if (IsSkipped()) return;
    loaded_ = LoadInto(GetParam(), 2, Recipe());
    tokens_ = RandomTokens(graph(), kBatch, kMaxTokens, 6);
  }

  const Graph& graph() const { return loaded_.model->graph(); }
  std::unique_ptr<Session> NewSession(bool all_logits = false) const {
    return loaded_.model->NewSession({.batch = kBatch,
                                      .max_tokens = kMaxTokens,
                                      .max_step_tokens = 20,
                                      .all_logits = all_logits});
  }
  std::vector<float> Feed(Session& session, std::int64_t begin, std::int64_t count) const {
    return LastLogits(session, graph(), tokens_, begin, count);
  }

  Loaded loaded_;
  Tokens tokens_;
};

TEST_P(SessionTest, NamesItself) { EXPECT_EQ(loaded_.runtime->name(), GetParam().entry->name); }

TEST_P(SessionTest, SupportsTheModelItRuns) {
  const Availability can = loaded_.runtime->Supports(graph());
  EXPECT_TRUE(can.ok) << can.reason;
}

TEST_P(SessionTest, SaysWhyItDoesNotSupportAGraph) {
  Graph graph = this->graph();
  for (Op& node : graph.ops) {
    if (auto* op = std::get_if<AttentionOp>(&node.attributes)) {
      op->positions = PositionScheme::kRelativeXl;  // without its tensors: no runtime can
    }
  }
  EXPECT_FALSE(loaded_.runtime->Supports(graph).ok);
  EXPECT_FALSE(loaded_.runtime->Supports(graph).reason.empty());
}

TEST_P(SessionTest, CountsItsContext) {
  const auto session = NewSession();
  EXPECT_EQ(session->length(), 0);
  Feed(*session, 0, 5);
  EXPECT_EQ(session->length(), 5);
  Feed(*session, 5, 1);
  EXPECT_EQ(session->length(), 6);
  session->Rewind(2);
  EXPECT_EQ(session->length(), 2);
}

TEST_P(SessionTest, FillsTheContextToItsEnd) {
  const auto session = NewSession();
  Feed(*session, 0, 20);
  Feed(*session, 20, 19);
  Feed(*session, 39, 1);
  EXPECT_EQ(session->length(), kMaxTokens);
  EXPECT_THROW(Feed(*session, 0, 1), Error);
}

TEST_P(SessionTest, RewindingAndSteppingAgainGivesEqualBits) {
  const auto session = NewSession();
  Feed(*session, 0, 9);
  const std::vector<float> prefill = Feed(*session, 9, 7);
  const std::vector<float> decode = Feed(*session, 16, 1);
  Feed(*session, 17, 20);
  session->Rewind(9);
  EXPECT_EQ(Feed(*session, 9, 7), prefill);
  EXPECT_EQ(Feed(*session, 16, 1), decode);
}

TEST_P(SessionTest, ForgetsEverythingAfterTheRewoundLength) {
  const auto session = NewSession();
  Feed(*session, 0, 20);
  session->Rewind(0);
  const std::vector<float> again = Feed(*session, 20, 11);
  EXPECT_EQ(again, Feed(*NewSession(), 20, 11));
  session->Rewind(4);
  const auto fresh = NewSession();
  Feed(*fresh, 20, 4);
  // The 4 kept tokens came in a step of another length: near, not equal.
  const std::vector<float> expected = Feed(*fresh, 0, 3);
  EXPECT_LE(MaxRowError(Feed(*session, 0, 3), expected, kVocabSize), ToleranceOf(GetParam()));
}

TEST_P(SessionTest, RefusesToRewindOutsideItsContext) {
  const auto session = NewSession();
  Feed(*session, 0, 5);
  EXPECT_THROW(session->Rewind(6), Error);
  EXPECT_THROW(session->Rewind(-1), Error);
  EXPECT_EQ(session->length(), 5);
}

TEST_P(SessionTest, AFailedStepLeavesTheContextAsItWas) {
  const auto session = NewSession();
  const auto undisturbed = NewSession();
  Feed(*session, 0, 7);
  Feed(*undisturbed, 0, 7);
  std::vector<float> logits(kBatch * kVocabSize);
  const auto fails = [&](const std::vector<std::int32_t>& tokens, Logits which, std::size_t room) {
    std::vector<float> out(room, -7.0F);
    try {
      session->Step(tokens, which, out);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
    }
    EXPECT_THAT(out, ::testing::Each(-7.0F));
    EXPECT_EQ(session->length(), 7);
  };
  fails({1, 2, 3, kVocabSize}, Logits::kLast, logits.size());  // no such token
  fails({1, -1}, Logits::kLast, logits.size());                // no such token
  fails({1, 2, 3}, Logits::kLast, logits.size());              // not a multiple of batch
  fails({}, Logits::kLast, logits.size());                     // nothing
  fails({1, 2}, Logits::kLast, logits.size() - 1);             // no room for the logits
  fails({1, 2, 3, 4}, Logits::kAll, 2 * logits.size());        // all_logits not asked for
  fails(std::vector<std::int32_t>(42, 1), Logits::kLast, logits.size());  // 21 > max_step_tokens
  EXPECT_EQ(Feed(*session, 7, 13), Feed(*undisturbed, 7, 13));
  EXPECT_EQ(Feed(*session, 20, 14), Feed(*undisturbed, 20, 14));
  EXPECT_THROW(session->Step(tokens_.Slice(0, 7), Logits::kLast, logits),
               Error);  // 41 > max_tokens
  EXPECT_EQ(session->length(), 34);
  EXPECT_EQ(Feed(*session, 34, 6), Feed(*undisturbed, 34, 6));
}

TEST_P(SessionTest, ChecksItsOptions) {
  for (const SessionOptions& options :
       {SessionOptions{.batch = 0}, SessionOptions{.max_tokens = 131},
        SessionOptions{.max_tokens = 0}, SessionOptions{.max_tokens = 3, .max_step_tokens = 4}}) {
    EXPECT_THROW(loaded_.model->NewSession(options), Error);
  }
}

TEST_P(SessionTest, RefusesABatchThatCannotFitInMemory) {
  try {
    loaded_.model->NewSession({.batch = std::int64_t{1} << 40, .max_tokens = 64});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
  }
}

TEST_P(SessionTest, SessionsOfOneModelDoNotDisturbOneAnother) {
  const auto alone = NewSession();
  std::vector<std::vector<float>> expected;
  for (std::int64_t i = 0; i < 4; ++i) expected.push_back(Feed(*alone, 5 * i, 5));
  const auto first = NewSession();
  const auto second = NewSession();
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(Feed(*first, 5 * i, 5), expected[static_cast<std::size_t>(i)]);
    Feed(*second, 20 - 3 * i, 3);
  }
}

TEST_P(SessionTest, SequencesOfABatchDoNotDisturbOneAnother) {
  const std::vector<float> together = Feed(*NewSession(), 0, 20);
  for (std::int64_t b = 0; b < kBatch; ++b) {
    const auto session =
        loaded_.model->NewSession({.batch = 1, .max_tokens = 20, .max_step_tokens = 20});
    const auto first = tokens_.ids.begin() + b * kMaxTokens;
    const Tokens one{1, {first, first + 20}};
    const std::vector<float> expected(together.begin() + b * kVocabSize,
                                      together.begin() + (b + 1) * kVocabSize);
    EXPECT_LE(MaxRowError(LastLogits(*session, graph(), one, 0, 20), expected, kVocabSize),
              ToleranceOf(GetParam()));
  }
}

// Two runtimes share nothing, so each may have a thread of its own.
TEST_P(SessionTest, TwoRuntimesMayRunAtTheSameTime) {
  const std::vector<float> expected = Feed(*NewSession(), 0, 20);
  std::vector<std::vector<float>> results(2);
  std::vector<std::thread> threads;
  for (std::vector<float>& result : results) {
    threads.emplace_back([&] {
      const Loaded own = LoadInto(GetParam(), 2, Recipe());
      const auto session =
          own.model->NewSession({.batch = kBatch, .max_tokens = kMaxTokens, .max_step_tokens = 20});
      result = LastLogits(*session, own.model->graph(), tokens_, 0, 20);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(results[0], expected);
  EXPECT_EQ(results[1], expected);
}

TEST_P(SessionTest, AccountsForWeightsAndCache) {
  std::int64_t weights = 0;
  for (const TensorSpec& tensor : graph().tensors) {
    weights += tensor.count() * SizeOf(GetParam().dtype);
  }
  const MemoryAccount memory = NewSession()->memory();
  EXPECT_GE(memory.weights, weights);
  EXPECT_GE(memory.kv_cache, 2 * graph().n_layer * kBatch * kMaxTokens * graph().d_model);
  EXPECT_GT(memory.workspace, 0);
  const auto longer =
      loaded_.model->NewSession({.batch = kBatch, .max_tokens = 130, .max_step_tokens = 20});
  EXPECT_GT(longer->memory().kv_cache, memory.kv_cache);
  EXPECT_EQ(longer->memory().weights, memory.weights);
}

TEST_P(SessionTest, ARepeatedStepAllocatesNothing) {
  if (!CanCountAllocations()) GTEST_SKIP() << "a sanitizer has taken malloc";
  if (GetParam().entry->allocates_in_step) GTEST_SKIP() << "this runtime does not promise it";
  const std::vector<std::int32_t> prompt = tokens_.Slice(0, 20);
  const std::vector<std::int32_t> token = tokens_.Slice(20, 1);
  std::vector<float> last(kBatch * kVocabSize);
  std::vector<float> all(20 * last.size());
  for (const ModelRecipe& recipe : {Recipe(), RotaryAndGatedRecipe()}) {
    SCOPED_TRACE(recipe.architecture.backbone());
    loaded_ = LoadInto(GetParam(), 2, recipe);
    const auto session = NewSession(/*all_logits=*/true);
    session->Prepare(20);
    session->Step(token, Logits::kLast, last);
    session->Rewind(0);
    for (int repeat = 0; repeat < 2; ++repeat) {
      const std::int64_t before = AllocationCount();
      session->Step(prompt, Logits::kLast, last);  // the first of its length: prepared
      for (int i = 0; i < 20; ++i) session->Step(token, Logits::kLast, last);
      session->Rewind(0);
      session->Step(prompt, Logits::kAll, all);
      session->Rewind(0);
      EXPECT_EQ(AllocationCount() - before, 0);
    }
  }
}

TEST(AllocationCount, SeesEveryKindOfAllocation) {
  if (!CanCountAllocations()) GTEST_SKIP() << "a sanitizer has taken malloc";
  struct alignas(128) Aligned {
    char bytes[128];
  };
  const std::int64_t start = AllocationCount();
  // Through volatile pointers: the compiler may otherwise leave out a pair of new and delete.
  int* volatile plain = new int(1);
  delete plain;
  EXPECT_EQ(AllocationCount(), start + 1);
  Aligned* volatile aligned = new Aligned;
  delete aligned;
  EXPECT_EQ(AllocationCount(), start + 2);
}

LTS_FOR_EVERY_RUNTIME(SessionTest);

}  // namespace
}  // namespace lts

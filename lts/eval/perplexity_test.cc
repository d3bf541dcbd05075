#include "lts/eval/perplexity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr std::int64_t kVocabSize = 5;

// Says of each next token what its context's length alone decides: token 2 gets logit
// log(1 + length), or `logit` if there is one, all others 0. Records the steps.
class CountingSession final : public Session {
 public:
  CountingSession(std::vector<std::int64_t>* lengths, std::optional<float> logit)
      : lengths_(lengths), logit_(logit) {}
  void Step(std::span<const std::int32_t> tokens, Logits which, std::span<float> logits) override {
    EXPECT_EQ(which, Logits::kAll);
    EXPECT_EQ(logits.size(), tokens.size() * kVocabSize);
    std::fill(logits.begin(), logits.end(), 0.0F);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      ++length_;
      logits[i * kVocabSize + 2] = logit_.value_or(std::log(1.0F + static_cast<float>(length_)));
    }
    lengths_->push_back(length_);
  }
  void Prepare(std::int64_t) override {}
  std::int64_t length() const override { return length_; }
  void Rewind(std::int64_t length) override { length_ = length; }
  MemoryAccount memory() const override { return {}; }

 private:
  std::vector<std::int64_t>* lengths_;
  std::optional<float> logit_;
  std::int64_t length_ = 0;
};

class CountingModel final : public LoadedModel {
 public:
  CountingModel() {
    graph_.vocab_size = kVocabSize;
    graph_.max_seq_len = 100;
  }
  std::unique_ptr<Session> NewSession(const SessionOptions& options) override {
    EXPECT_TRUE(options.all_logits);
    return std::make_unique<CountingSession>(&lengths, logit);
  }
  const Graph& graph() const override { return graph_; }
  std::vector<std::int64_t> lengths;
  std::optional<float> logit;

 private:
  Graph graph_;
};

// Of a token 2 after `length` tokens.
double Nats(std::int64_t length) {
  const double odds = 1 + static_cast<double>(length);
  return std::log((odds + kVocabSize - 1) / odds);
}

TEST(Perplexity, IsTheMeanLikelihoodOfAllButTheFirstToken) {
  CountingModel model;
  const std::vector<std::int32_t> tokens(10, 2);
  const PerplexityResult result = MeasurePerplexity(model, tokens);
  double expected = 0;
  for (std::int64_t length = 1; length < 10; ++length) expected += Nats(length);
  EXPECT_EQ(result.tokens, 9);
  EXPECT_NEAR(result.negative_log_likelihood, expected, 1e-6);
  EXPECT_NEAR(result.perplexity(), std::exp(expected / 9), 1e-6);
}

TEST(Perplexity, WindowsOverlapAndEachTokenCountsOnce) {
  CountingModel model;
  const std::vector<std::int32_t> tokens(11, 2);
  const PerplexityResult result = MeasurePerplexity(model, tokens, {.window = 4, .stride = 2});
  // Window 0: tokens 1, 2, 3 after 1, 2, 3. Each later one: two new tokens, after 2 and 3.
  double expected = Nats(1) + Nats(2) + Nats(3);
  for (int window = 1; window <= 3; ++window) expected += Nats(2) + Nats(3);
  expected += Nats(2);  // the last token
  EXPECT_EQ(result.tokens, 10);
  EXPECT_NEAR(result.negative_log_likelihood, expected, 1e-6);
  EXPECT_LE(*std::max_element(model.lengths.begin(), model.lengths.end()), 3);
}

TEST(Perplexity, LongWindowsAreFedInSteps) {
  CountingModel model;
  const std::vector<std::int32_t> tokens(90, 2);
  EXPECT_EQ(MeasurePerplexity(model, tokens).tokens, 89);
  EXPECT_EQ(model.lengths, (std::vector<std::int64_t>{32, 64, 89}));
}

TEST(Perplexity, RefusesLogitsWithoutAFiniteLikelihood) {
  for (const float logit :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    CountingModel model;
    model.logit = logit;
    const std::vector<std::int32_t> tokens(10, 2);
    EXPECT_THROW(MeasurePerplexity(model, tokens), Error) << logit;
  }
}

TEST(Perplexity, RefusesWhatHasNone) {
  CountingModel model;
  const std::vector<std::int32_t> tokens(10, 2);
  EXPECT_THROW(MeasurePerplexity(model, std::span(tokens).first(1)), Error);
  // The last token is predicted and never fed: no engine would refuse it.
  for (const std::int32_t id : {-1, static_cast<std::int32_t>(kVocabSize)}) {
    std::vector<std::int32_t> outside = tokens;
    outside.back() = id;
    EXPECT_THROW(MeasurePerplexity(model, outside), Error) << id;
  }
  EXPECT_THROW(MeasurePerplexity(model, tokens, {.window = 101}), Error);
  EXPECT_THROW(MeasurePerplexity(model, tokens, {.window = 1}), Error);
  EXPECT_THROW(MeasurePerplexity(model, tokens, {.window = 4, .stride = 5}), Error);
  try {
    MeasurePerplexity(model, tokens, {.stop = [] { return true; }});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
}

}  // namespace
}  // namespace lts

#include "lts/generate/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lts/base/error.h"
#include "lts/generate/stop_filter.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kVocabSize = 257;
constexpr std::int32_t kEnd = 256;

// The 256 bytes, and <end>.
Tokenizer ByteTokenizer() {
  TokenizerData data;
  for (int byte = 0; byte < 256; ++byte) {
    data.tokens.push_back({std::string(1, static_cast<char>(byte)), true, false});
  }
  data.added = {{.content = "<end>", .id = kEnd, .special = true}};
  data.end_of_text = kEnd;
  return Tokenizer(data);
}

// A model that knows one text by heart: whatever it is told first, it goes on with `script`, one
// byte a token, and then with <end> for ever. A step takes 100 ns of the clock, and 10 ns a token.
class ScriptedSession final : public Session {
 public:
  ScriptedSession(std::string script, std::int64_t max_tokens, std::int64_t prompt,
                  FakeClock& clock)
      : script_(std::move(script)), max_tokens_(max_tokens), prompt_(prompt), clock_(clock) {}

  void Step(std::span<const std::int32_t> tokens, Logits which, std::span<float> logits) override {
    EXPECT_EQ(which, Logits::kLast);
    EXPECT_EQ(std::ssize(logits), kVocabSize);
    EXPECT_LE(length_ + std::ssize(tokens), max_tokens_);
    steps.push_back(static_cast<int>(tokens.size()));
    length_ += std::ssize(tokens);
    clock_.Advance(100 + 10 * std::ssize(tokens));
    std::fill(logits.begin(), logits.end(), 0.0F);
    const auto at = static_cast<std::size_t>(std::max<std::int64_t>(length_ - prompt_, 0));
    const std::size_t next =
        at < script_.size() ? static_cast<std::uint8_t>(script_[at]) : std::size_t{kEnd};
    logits[next] = 50;
  }
  void Prepare(std::int64_t) override {}
  std::int64_t length() const override { return length_; }
  void Rewind(std::int64_t length) override { length_ = length; }
  MemoryAccount memory() const override { return {}; }

  std::vector<int> steps;

 private:
  std::string script_;
  std::int64_t max_tokens_;
  std::int64_t prompt_;
  FakeClock& clock_;
  std::int64_t length_ = 0;
};

struct Generation {
  std::string script = "hello world";
  std::vector<std::int32_t> prompt = {'a', 'b', 'c', 'd', 'e'};
  std::int64_t max_tokens = 64;
  std::int64_t max_step_tokens = 2;
  GenerateOptions options = {.sampling = {.temperature = 0}, .end_of_text = kEnd};
  int cancel_after = 1000;

  std::vector<std::string> pieces = {};
  std::vector<int> steps = {};
  std::int64_t length = 0;

  GenerateResult operator()() {
    const Tokenizer tokenizer = ByteTokenizer();
    FakeClock clock;
    ScriptedSession session(script, max_tokens, std::ssize(prompt), clock);
    Rng rng(1);
    const GenerateResult result =
        Generate(session, {max_tokens, max_step_tokens, kVocabSize}, tokenizer, prompt, options,
                 rng, clock, [&](std::string_view piece) {
                   pieces.emplace_back(piece);
                   return std::ssize(pieces) < cancel_after;
                 });
    steps = session.steps;
    length = session.length();
    std::string all;
    for (const std::string& piece : pieces) all += piece;
    EXPECT_EQ(all, result.text);
    return result;
  }
};

TEST(Generate, GoesOnToTheEndOfText) {
  Generation run;
  const GenerateResult result = run();
  EXPECT_EQ(result.text, "hello world");
  EXPECT_EQ(result.reason, FinishReason::kEndOfText);
  EXPECT_EQ(result.prompt_tokens, 5);
  EXPECT_EQ(result.new_tokens(), 11);
  EXPECT_EQ(run.pieces.size(), 11U);
}

TEST(Generate, FeedsThePromptInSteps) {
  Generation run{.script = "xyz"};
  run();
  EXPECT_THAT(run.steps, ElementsAre(2, 2, 1, 1, 1, 1));
}

TEST(Generate, TimesTheFirstTokenAndTheOthers) {
  Generation run{.script = "xyz"};
  const GenerateResult result = run();
  EXPECT_DOUBLE_EQ(result.ttft_seconds, 350e-9);  // steps of 2, 2 and 1 tokens
  EXPECT_DOUBLE_EQ(result.decode_seconds, 330e-9);
  EXPECT_EQ(result.decode_steps, 3);  // y, z and the end
  EXPECT_DOUBLE_EQ(result.decode_tokens_per_second(), 3 / 330e-9);
}

TEST(Generate, StopsAtTheNumberOfTokens) {
  Generation run;
  run.options.max_new_tokens = 4;
  const GenerateResult result = run();
  EXPECT_EQ(result.text, "hell");
  EXPECT_EQ(result.reason, FinishReason::kMaxTokens);
  EXPECT_EQ(run.length, 5 + 3);  // the last token is not fed
  Generation none;
  none.options.max_new_tokens = 0;
  EXPECT_EQ(none().new_tokens(), 0);
  EXPECT_THAT(none.steps, IsEmpty());
}

TEST(Generate, StopsWhenTheContextIsFull) {
  Generation run{.max_tokens = 8};
  const GenerateResult result = run();
  // Three more positions, and the token after the last of them.
  EXPECT_EQ(result.text, "hell");
  EXPECT_EQ(result.reason, FinishReason::kContextFull);
  Generation full{.max_tokens = 5};
  EXPECT_EQ(full().text, "h");
}

TEST(Generate, RefusesAPromptThatDoesNotFit) {
  Generation run{.max_tokens = 4};
  try {
    run();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_STREQ(error.what(), "prompt: got 5 tokens after 0, but the context holds 4; shorten it");
  }
  Generation empty{.prompt = {}};
  EXPECT_THROW(empty(), Error);
  Generation negative;
  negative.options.max_new_tokens = -1;
  EXPECT_THROW(negative(), Error);
}

TEST(Generate, StopTextsSpanTokensAndAreNotGivenOut) {
  Generation run;
  run.options.stop = {"wor", "zzz"};
  const GenerateResult result = run();
  EXPECT_EQ(result.text, "hello ");
  EXPECT_EQ(result.reason, FinishReason::kStop);
  EXPECT_EQ(result.new_tokens(), 9);
}

TEST(Generate, GivesOutWhatWasHeldBackForAStopThatNeverCame) {
  Generation run;
  run.options.stop = {"world!"};
  const GenerateResult result = run();
  EXPECT_EQ(result.text, "hello world");
  EXPECT_EQ(result.reason, FinishReason::kEndOfText);
  EXPECT_EQ(run.pieces.back(), "world");
}

TEST(Generate, GivesOutWholeCharactersOnly) {
  Generation run{.script = "a日\xE6\x97"};
  run();
  EXPECT_THAT(run.pieces, ElementsAre("a", "日", "\xE6\x97"));
}

TEST(Generate, EndsWhenTheCallerSaysSo) {
  Generation run{.cancel_after = 3};
  const GenerateResult result = run();
  EXPECT_EQ(result.text, "hel");
  EXPECT_EQ(result.reason, FinishReason::kCancelled);
}

TEST(Generate, GoesOnInASessionThatHoldsTokensAlready) {
  const Tokenizer tokenizer = ByteTokenizer();
  FakeClock clock;
  ScriptedSession session("hello", 64, 3, clock);
  Rng rng(1);
  const std::vector<std::int32_t> prompt = {'x', 'y', 'z'};
  GenerateOptions options{.sampling = {.temperature = 0}, .max_new_tokens = 2};
  const SessionLimits limits{64, 8, kVocabSize};
  const GenerateResult first = Generate(session, limits, tokenizer, prompt, options, rng, clock);
  EXPECT_EQ(first.text, "he");
  const std::vector<std::int32_t> rest = {first.tokens.back()};
  EXPECT_EQ(Generate(session, limits, tokenizer, rest, options, rng, clock).text, "ll");
}

std::vector<std::string> Filtered(std::vector<std::string> stops,
                                  const std::vector<std::string>& pieces) {
  StopFilter filter(std::move(stops));
  std::vector<std::string> out;
  for (const std::string& piece : pieces) out.push_back(filter.Add(piece));
  out.push_back(filter.Finish());
  return out;
}

TEST(StopFilter, HoldsBackOnlyWhatMayBecomeAStop) {
  EXPECT_THAT(Filtered({"END"}, {"aE", "N", "x", "EN", "D", "y"}),
              ElementsAre("a", "", "ENx", "", "", "", ""));
  EXPECT_THAT(Filtered({"aab"}, {"a", "a", "a", "b"}), ElementsAre("", "", "a", "", ""));
  EXPECT_THAT(Filtered({}, {"a", "b"}), ElementsAre("a", "b", ""));
}

TEST(StopFilter, TheStopThatBeginsFirstCounts) {
  EXPECT_THAT(Filtered({"cd", "bcde"}, {"abcd", "e"}), ElementsAre("a", "", ""));
  EXPECT_THAT(Filtered({"cd", "bcde"}, {"abcd", "x"}), ElementsAre("a", "b", ""));
  EXPECT_THAT(Filtered({"cd", "bcde"}, {"abcd"}), ElementsAre("a", "b"));
}

TEST(StopFilter, RefusesAnEmptyStop) { EXPECT_THROW(StopFilter({""}), Error); }

}  // namespace
}  // namespace lts

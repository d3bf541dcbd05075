#include "lts/generate/generator.h"

#include <fmt/format.h>

#include <algorithm>

#include "lts/base/error.h"
#include "lts/generate/stop_filter.h"
#include "lts/text/stream_decoder.h"

namespace lts {
namespace {

constexpr double kNsPerSecond = 1e9;

void CheckGenerate(const Session& session, const SessionLimits& limits,
                   std::span<const std::int32_t> prompt, const GenerateOptions& options) {
  LTS_CHECK(limits.max_tokens >= 1 && limits.max_step_tokens >= 1 && limits.vocab_size >= 1);
  if (options.max_new_tokens < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("max_new_tokens: got {}, expected 0 or more", options.max_new_tokens));
  }
  if (prompt.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "prompt: got no tokens, expected at least one; begin with the end-of-text token "
                "for text from nothing");
  }
  const auto tokens = static_cast<std::int64_t>(prompt.size());
  if (tokens > limits.max_tokens - session.length()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("prompt: got {} tokens after {}, but the context holds {}; shorten it",
                            tokens, session.length(), limits.max_tokens));
  }
}

// The text side of a generation: tokens in, text out to the caller.
class TextOutput {
 public:
  TextOutput(const Tokenizer& tokenizer, const GenerateOptions& options, const OnText& on_text)
      : decoder_(tokenizer, {.skip_special_tokens = true}),
        filter_(options.stop),
        on_text_(on_text) {}

  void Add(std::int32_t token) { Give(filter_.Add(decoder_.Add(token))); }
  void Finish() {
    Give(filter_.Add(decoder_.Finish()));
    Give(filter_.Finish());
  }
  bool stopped() const { return filter_.stopped(); }
  bool cancelled() const { return cancelled_; }
  std::string TakeText() { return std::move(text_); }

 private:
  void Give(const std::string& piece) {
    if (piece.empty() || cancelled_) return;
    text_ += piece;
    if (on_text_ && !on_text_(piece)) cancelled_ = true;
  }

  StreamDecoder decoder_;
  StopFilter filter_;
  const OnText& on_text_;
  std::string text_;
  bool cancelled_ = false;
};

}  // namespace

double GenerateResult::decode_tokens_per_second() const {
  return decode_seconds > 0 ? static_cast<double>(decode_steps) / decode_seconds : 0;
}

GenerateResult Generate(Session& session, const SessionLimits& limits, const Tokenizer& tokenizer,
                        std::span<const std::int32_t> prompt, const GenerateOptions& options,
                        Rng& rng, Clock& clock, const OnText& on_text) {
  CheckGenerate(session, limits, prompt, options);
  Sampler sampler(options.sampling, limits.vocab_size);
  TextOutput output(tokenizer, options, on_text);
  std::vector<float> logits(static_cast<std::size_t>(limits.vocab_size));
  std::vector<std::int32_t> context(prompt.begin(), prompt.end());
  GenerateResult result;
  result.prompt_tokens = static_cast<std::int64_t>(prompt.size());
  if (options.max_new_tokens == 0) return result;

  const std::int64_t start = clock.NowNs();
  const auto step = static_cast<std::size_t>(limits.max_step_tokens);
  for (std::size_t at = 0; at < prompt.size(); at += step) {
    session.Step(prompt.subspan(at, std::min(step, prompt.size() - at)), Logits::kLast, logits);
  }
  std::int64_t first = start;
  std::int64_t last = start;
  for (;;) {
    const std::int32_t token = sampler.Sample(logits, context, rng);
    last = clock.NowNs();
    if (result.tokens.empty()) first = last;
    if (options.end_of_text == token) {
      result.reason = FinishReason::kEndOfText;
      break;
    }
    context.push_back(token);
    result.tokens.push_back(token);
    output.Add(token);
    if (output.stopped()) {
      result.reason = FinishReason::kStop;
      break;
    }
    if (output.cancelled()) {
      result.reason = FinishReason::kCancelled;
      break;
    }
    if (result.new_tokens() >= options.max_new_tokens) {
      result.reason = FinishReason::kMaxTokens;
      break;
    }
    if (session.length() >= limits.max_tokens) {
      result.reason = FinishReason::kContextFull;
      break;
    }
    session.Step({&token, 1}, Logits::kLast, logits);
    ++result.decode_steps;
  }
  output.Finish();
  if (output.stopped()) result.reason = FinishReason::kStop;
  if (output.cancelled()) result.reason = FinishReason::kCancelled;
  result.text = output.TakeText();
  result.ttft_seconds = static_cast<double>(first - start) / kNsPerSecond;
  result.decode_seconds = static_cast<double>(last - first) / kNsPerSecond;
  return result;
}

}  // namespace lts

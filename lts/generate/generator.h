// Text from a prompt: prefill, then one token after another until something says stop.
//
//   const std::vector<std::int32_t> prompt = tokenizer.Encode("Once upon a time");
//   GenerateOptions options{.sampling = {.temperature = 0.8}, .end_of_text =
//   tokenizer.end_of_text()}; Generate(session, {1024, 64, graph.vocab_size}, tokenizer, prompt,
//   options, rng, clock,
//            [](std::string_view piece) { std::cout << piece; return true; });
//
// Knows no files and prints nothing; what a model is read from, and where text goes to, is the
// caller's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/clock.h"
#include "lts/base/enum_table.h"
#include "lts/base/rng.h"
#include "lts/generate/sampler.h"
#include "lts/runtime/runtime.h"
#include "lts/text/tokenizer.h"

namespace lts {

enum class FinishReason { kMaxTokens, kEndOfText, kStop, kContextFull, kCancelled };
inline constexpr EnumTable<FinishReason, 5> kFinishReasons{
    "finish reason",
    {{{FinishReason::kMaxTokens, "max tokens"},
      {FinishReason::kEndOfText, "end of text"},
      {FinishReason::kStop, "stop"},
      {FinishReason::kContextFull, "context full"},
      {FinishReason::kCancelled, "cancelled"}}}};

struct GenerateOptions {
  SamplerOptions sampling;
  std::int64_t max_new_tokens = 128;  // >= 0
  // Text that ends the generation, wherever it begins and however many tokens it is; it is no part
  // of the result. Not empty.
  std::vector<std::string> stop;
  // Ends the generation and is no part of the result. nullopt: none.
  std::optional<std::int32_t> end_of_text;
};

struct GenerateResult {
  std::vector<std::int32_t> tokens;  // the new ones, that of a stop included, end_of_text not
  std::string text;                  // of them, up to a stop
  FinishReason reason = FinishReason::kMaxTokens;
  std::int64_t prompt_tokens = 0;
  std::int64_t new_tokens() const { return static_cast<std::int64_t>(tokens.size()); }
  // From the start to the first token (time to first token), and from there to the last.
  double ttft_seconds = 0;
  double decode_seconds = 0;
  std::int64_t decode_steps = 0;  // each fed one token; the last may have brought end_of_text
  // 0 without a step.
  double decode_tokens_per_second() const;
};

// A finished piece of text: whole characters only, but for broken UTF-8. False stops (kCancelled).
using OnText = std::function<bool(std::string_view)>;

// What a Session was made with, as far as it matters here.
struct SessionLimits {
  std::int64_t max_tokens = 0;       // SessionOptions::max_tokens
  std::int64_t max_step_tokens = 1;  // SessionOptions::max_step_tokens
  std::int64_t vocab_size = 0;       // V: of the graph, at least the tokenizer's
};

// `session` is of batch 1 and empty or holds what the prompt goes on from. The prompt is fed in
// steps of at most limits.max_step_tokens. All pieces that `on_text` gets are together result.text;
// what may be the beginning of a stop text is held back until it is known. Throws kInvalidArgument
// for an empty prompt, one that leaves no room ("prompt: got 70 tokens after 0, but the context
// holds 64"), options outside their ranges, and as Session::Step and Sampler::Sample. The context
// keeps what was fed: all but the last new token.
GenerateResult Generate(Session& session, const SessionLimits& limits, const Tokenizer& tokenizer,
                        std::span<const std::int32_t> prompt, const GenerateOptions& options,
                        Rng& rng, Clock& clock, const OnText& on_text = {});

}  // namespace lts

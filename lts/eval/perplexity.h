// Perplexity of a text: e to the mean negative log-likelihood of its tokens, each given those
// before it. Source: Jelinek et al. 1977; the windows are those of Hugging Face's "Perplexity of
// fixed-length models".
//
// A text longer than the context is read in windows that overlap: each begins `stride` tokens after
// the one before, and only tokens that were not scored before are scored, so that all but the first
// window's have at least window - stride tokens of context. The first token of the text is not
// scored. Knows no tokenizer: perplexities of different vocabularies do not compare.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "lts/runtime/runtime.h"

namespace lts {

struct PerplexityOptions {
  std::int64_t window = 0;     // tokens; 0: the model's max_seq_len, at most 1024
  std::int64_t stride = 0;     // 1..window; 0: half the window
  std::function<bool()> stop;  // asked between steps; true ends with kCancelled
};

struct PerplexityResult {
  double negative_log_likelihood = 0;  // sum over the scored tokens, in nats
  std::int64_t tokens = 0;             // scored
  double perplexity() const;
};

// tokens: at least 2, in [0, V). Sums are in double, so the result varies with the engine alone.
// Throws kInvalidArgument on fewer tokens, tokens and options outside their ranges, and logits that
// give a token no finite likelihood; as LoadedModel::NewSession and Session::Step; kCancelled.
PerplexityResult MeasurePerplexity(LoadedModel& model, std::span<const std::int32_t> tokens,
                                   const PerplexityOptions& options = {});

}  // namespace lts

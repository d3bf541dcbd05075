#include "lts/eval/perplexity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr std::int64_t kLongestWindow = 1024;
// Rows of logits at once: 6 MiB with GPT-2's vocabulary.
constexpr std::int64_t kStepTokens = 32;

// -log softmax(logits)[target].
double NegativeLogLikelihood(std::span<const float> logits, std::int32_t target) {
  float max = logits[0];
  for (const float logit : logits) max = std::max(max, logit);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - max);
  return std::log(sum) + static_cast<double>(max) -
         static_cast<double>(logits[static_cast<std::size_t>(target)]);
}

}  // namespace

double PerplexityResult::perplexity() const {
  return tokens == 0 ? 0 : std::exp(negative_log_likelihood / static_cast<double>(tokens));
}

PerplexityResult MeasurePerplexity(LoadedModel& model, std::span<const std::int32_t> tokens,
                                   const PerplexityOptions& options) {
  const Graph& graph = model.graph();
  const auto count = static_cast<std::int64_t>(tokens.size());
  const std::int64_t window =
      options.window == 0 ? std::min(graph.max_seq_len, kLongestWindow) : options.window;
  const std::int64_t stride =
      options.stride == 0 ? std::max<std::int64_t>(1, window / 2) : options.stride;
  if (count < 2) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("perplexity: got {} tokens, expected at least 2", count));
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= 0 && tokens[i] < graph.vocab_size) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("perplexity: token {}: got id {}, expected 0 to {}; is the tokenizer "
                            "the model's?",
                            i, tokens[i], graph.vocab_size - 1));
  }
  if (window < 2 || window > graph.max_seq_len || stride < 1 || stride > window) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("perplexity: got windows of {} tokens every {}, expected 2 to {} tokens "
                    "and a stride from 1 to the window",
                    window, stride, graph.max_seq_len));
  }
  const auto session = model.NewSession(
      {.max_tokens = window, .max_step_tokens = std::min(kStepTokens, window), .all_logits = true});
  std::vector<float> logits(
      static_cast<std::size_t>(std::min(kStepTokens, window) * graph.vocab_size));
  PerplexityResult result;
  std::int64_t scored = 1;  // tokens before this one are done; the first never is
  for (std::int64_t begin = 0; scored < count; begin += stride) {
    const std::int64_t end = std::min(begin + window, count);
    session->Rewind(0);
    // The window's last token is only predicted.
    for (std::int64_t first = begin; first < end - 1; first += kStepTokens) {
      if (options.stop && options.stop()) throw Error(ErrorCode::kCancelled, "interrupted");
      const std::int64_t n = std::min(kStepTokens, end - 1 - first);
      const std::span<float> rows =
          std::span(logits).first(static_cast<std::size_t>(n * graph.vocab_size));
      session->Step(tokens.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n)),
                    Logits::kAll, rows);
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t target = first + i + 1;
        if (target < scored) continue;
        const double nats =
            NegativeLogLikelihood(rows.subspan(static_cast<std::size_t>(i * graph.vocab_size),
                                               static_cast<std::size_t>(graph.vocab_size)),
                                  tokens[static_cast<std::size_t>(target)]);
        if (!std::isfinite(nats)) {
          throw Error(ErrorCode::kInvalidArgument,
                      fmt::format("perplexity: token {} has no finite likelihood; are the weights "
                                  "sound?",
                                  target));
        }
        result.negative_log_likelihood += nats;
        ++result.tokens;
      }
    }
    scored = std::max(scored, end);
  }
  return result;
}

}  // namespace lts

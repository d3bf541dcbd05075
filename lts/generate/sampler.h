// Choosing the next token from logits. The processors run in the order of Hugging Face's
// transformers (4.57): repetition penalty, temperature, top-k, top-p; then one draw.
//
//   Sampler sampler({.temperature = 0.8, .top_p = 0.95}, vocab_size);
//   const std::int32_t next = sampler.Sample(logits, context, rng);
//
// The same logits, context, options and generator give the same token on any machine: what is
// summed is summed in order of id or of probability, in double.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lts/base/rng.h"

namespace lts {

struct SamplerOptions {
  // Divides the logits. 0: greedy, the most probable token (of equals the lowest id), no draw.
  double temperature = 1;
  // Only the k most probable tokens, and those as probable as the k-th; 0: all.
  std::int64_t top_k = 0;
  // Only the most probable tokens that together reach this probability (Holtzman et al. 2020,
  // arXiv:1904.09751), the one that reaches it included; 1: all. (0, 1].
  double top_p = 1;
  // Logits of tokens that are in the context are divided by it where positive and multiplied where
  // negative (Keskar et al. 2019, arXiv:1909.05858); 1: none. > 0.
  double repetition_penalty = 1;
};

// Throws kInvalidArgument "top_p: got 1.5, expected more than 0 and at most 1".
void CheckSamplerOptions(const SamplerOptions& options);

struct TokenProbability {
  std::int32_t id = 0;
  double probability = 0;
};

class Sampler {
 public:
  // Throws as CheckSamplerOptions. vocab_size >= 1 (LTS_CHECK).
  Sampler(const SamplerOptions& options, std::int64_t vocab_size);

  // logits: [V]; context: the tokens so far, prompt and new ones, which the repetition penalty is
  // for (ids outside [0, V) are passed over). Draws once from `rng` unless greedy. Throws
  // kInvalidArgument when a logit is NaN, +infinity, or all are -infinity, naming the token.
  // Expected O(V + |context|): of the vocabulary top-p sorts only the logits within
  // 1/32 of where the sum is reached. One thread at a time.
  std::int32_t Sample(std::span<const float> logits, std::span<const std::int32_t> context,
                      Rng& rng);

  // The tokens that Sample would draw from and their probabilities (which sum to 1), the most
  // probable first, of equals the lowest id first; greedy: one. O(V log V).
  std::vector<TokenProbability> Distribution(std::span<const float> logits,
                                             std::span<const std::int32_t> context);

 private:
  struct Candidate {
    float logit;
    std::int32_t id;
    double weight;  // exp(logit - largest)
  };
  // Fills candidates_ with what top-k and top-p leave, in whatever order is deterministic. Returns
  // the sum of their weights.
  double Keep(std::span<const float> logits, std::span<const std::int32_t> context);
  void KeepTopK();
  double KeepTopP();

  // Logits from the largest down to 32 less, 32 buckets a unit; the last takes all that is below, a
  // share of exp(-32).
  static constexpr std::size_t kBuckets = 1024;
  static constexpr float kBucketsPerUnit = 32;

  SamplerOptions options_;
  std::vector<float> logits_;          // [V] after penalty and temperature
  std::vector<bool> seen_;             // [V]
  std::vector<Candidate> candidates_;  // at most V
  std::array<double, kBuckets> bucket_weights_{};
};

}  // namespace lts

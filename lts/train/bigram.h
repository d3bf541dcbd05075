// A bigram model: how well the token before predicts the next. The baseline that a decoder must
// beat to have learnt anything of what lies further back.
//
// Absolute discounting (Ney, Essen & Kneser 1994) down to unigrams with one added to every count:
//   P(w | u) = max(c(u, w) - 0.75, 0) / c(u) + 0.75 n(u) / c(u) * P(w)
//   P(w) = (c(w) + 1) / (N + V)            n(u): different tokens seen after u; c(u) = 0: P(w | u)
//   = P(w)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lts/data/token_dataset.h"

namespace lts {

class BigramModel {
 public:
  // Of the first `tokens` (>= 1) of the training split, in [0, vocab_size). O(tokens log tokens),
  // 16 bytes a token.
  BigramModel(const TokenDataset& data, std::int64_t tokens);
  BigramModel(std::span<const std::int32_t> tokens, std::int64_t vocab_size);

  double Probability(std::int32_t before, std::int32_t token) const;
  // The mean of -log Probability over the first `tokens` of a split that have one before them, in
  // nats; nullopt where there are none.
  std::optional<double> Loss(const TokenDataset& data, Split split, std::int64_t tokens) const;

 private:
  void Count(std::span<const std::int32_t> tokens);

  std::int64_t vocab_size_;
  std::int64_t total_ = 0;              // N
  std::vector<std::int64_t> unigrams_;  // [V]: c(w)
  std::vector<std::int64_t> contexts_;  // [V]: c(u), as the first of a pair
  std::vector<std::int64_t> begins_;    // [V + 1]: where the pairs of u begin; n(u) is their number
  std::vector<std::int32_t> seconds_;   // of the pairs, ascending for each u
  std::vector<std::int64_t> counts_;    // c(u, w)
};

}  // namespace lts

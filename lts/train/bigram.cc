#include "lts/train/bigram.h"

#include <algorithm>
#include <cmath>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr double kDiscount = 0.75;
constexpr std::int64_t kChunk = 1 << 16;  // tokens read at a time

}  // namespace

BigramModel::BigramModel(const TokenDataset& data, std::int64_t tokens)
    : vocab_size_(data.vocab_size()) {
  std::vector<std::int32_t> all(
      static_cast<std::size_t>(std::min(tokens, data.tokens(Split::kTrain))));
  data.Read(Split::kTrain, 0, all);
  Count(all);
}

BigramModel::BigramModel(std::span<const std::int32_t> tokens, std::int64_t vocab_size)
    : vocab_size_(vocab_size) {
  Count(tokens);
}

void BigramModel::Count(std::span<const std::int32_t> tokens) {
  const auto size = static_cast<std::size_t>(vocab_size_);
  unigrams_.assign(size, 0);
  contexts_.assign(size, 0);
  begins_.assign(size + 1, 0);
  total_ = std::ssize(tokens);
  for (const std::int32_t token : tokens) {
    LTS_CHECK(token >= 0 && token < vocab_size_);
    ++unigrams_[static_cast<std::size_t>(token)];
  }
  std::vector<std::int64_t> pairs;
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    pairs.push_back(tokens[i - 1] * vocab_size_ + tokens[i]);
    ++contexts_[static_cast<std::size_t>(tokens[i - 1])];
  }
  std::sort(pairs.begin(), pairs.end());
  for (std::size_t i = 0; i < pairs.size();) {
    const std::size_t first = i;
    while (i < pairs.size() && pairs[i] == pairs[first]) ++i;
    ++begins_[static_cast<std::size_t>(pairs[first] / vocab_size_) + 1];
    seconds_.push_back(static_cast<std::int32_t>(pairs[first] % vocab_size_));
    counts_.push_back(static_cast<std::int64_t>(i - first));
  }
  for (std::size_t u = 0; u < size; ++u) begins_[u + 1] += begins_[u];
}

double BigramModel::Probability(std::int32_t before, std::int32_t token) const {
  LTS_CHECK(before >= 0 && before < vocab_size_ && token >= 0 && token < vocab_size_);
  const auto u = static_cast<std::size_t>(before);
  const double unigram = static_cast<double>(unigrams_[static_cast<std::size_t>(token)] + 1) /
                         static_cast<double>(total_ + vocab_size_);
  if (contexts_[u] == 0) return unigram;
  const auto context = static_cast<double>(contexts_[u]);
  const auto begin = seconds_.begin() + begins_[u];
  const auto end = seconds_.begin() + begins_[u + 1];
  const auto found = std::lower_bound(begin, end, token);
  double seen = 0;
  if (found != end && *found == token) {
    seen = static_cast<double>(counts_[static_cast<std::size_t>(found - seconds_.begin())]) -
           kDiscount;
  }
  return (seen + kDiscount * static_cast<double>(end - begin) * unigram) / context;
}

std::optional<double> BigramModel::Loss(const TokenDataset& data, Split split,
                                        std::int64_t tokens) const {
  const std::int64_t count = std::min(tokens, data.tokens(split) - 1);
  if (count < 1) return std::nullopt;
  std::vector<std::int32_t> chunk;
  double sum = 0;
  for (std::int64_t first = 0; first < count; first += kChunk) {
    chunk.resize(static_cast<std::size_t>(std::min(kChunk, count - first) + 1));
    data.Read(split, first, chunk);
    for (std::size_t i = 1; i < chunk.size(); ++i)
      sum -= std::log(Probability(chunk[i - 1], chunk[i]));
  }
  return sum / static_cast<double>(count);
}

}  // namespace lts

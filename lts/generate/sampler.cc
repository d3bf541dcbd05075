#include "lts/generate/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lts/base/error.h"

namespace lts {
namespace {

void Check(bool good, const char* name, double got, const char* expected) {
  if (good) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: got {}, expected {}", name, got, expected));
}

}  // namespace

void CheckSamplerOptions(const SamplerOptions& options) {
  Check(options.temperature >= 0 && options.temperature <= 1e6, "temperature", options.temperature,
        "0 (greedy) to 1e6");
  Check(options.top_k >= 0, "top_k", static_cast<double>(options.top_k), "0 (all) or more");
  Check(options.top_p > 0 && options.top_p <= 1, "top_p", options.top_p,
        "more than 0 and at most 1");
  Check(options.repetition_penalty > 0 && options.repetition_penalty <= 1e6, "repetition_penalty",
        options.repetition_penalty, "more than 0 and at most 1e6");
}

Sampler::Sampler(const SamplerOptions& options, std::int64_t vocab_size) : options_(options) {
  CheckSamplerOptions(options);
  LTS_CHECK(vocab_size >= 1);
  const auto size = static_cast<std::size_t>(vocab_size);
  logits_.resize(size);
  seen_.resize(size);
  candidates_.reserve(size);
}

double Sampler::Keep(std::span<const float> logits, std::span<const std::int32_t> context) {
  LTS_CHECK(logits.size() == logits_.size());
  std::copy(logits.begin(), logits.end(), logits_.begin());
  if (options_.repetition_penalty != 1) {
    // float32 as in transformers, and once for each token, however often it was seen.
    const auto penalty = static_cast<float>(options_.repetition_penalty);
    const auto is_seen = [&](std::int32_t id) {
      return id >= 0 && static_cast<std::size_t>(id) < seen_.size();
    };
    for (const std::int32_t id : context) {
      if (!is_seen(id) || seen_[static_cast<std::size_t>(id)]) continue;
      seen_[static_cast<std::size_t>(id)] = true;
      float& logit = logits_[static_cast<std::size_t>(id)];
      logit = logit < 0 ? logit * penalty : logit / penalty;
    }
    for (const std::int32_t id : context) {
      if (is_seen(id)) seen_[static_cast<std::size_t>(id)] = false;
    }
  }
  std::size_t best = 0;
  bool bad = false;
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    bad = bad || !(logits_[i] < std::numeric_limits<float>::infinity());
    if (logits_[i] > logits_[best]) best = i;
  }
  if (bad || logits_[best] == -std::numeric_limits<float>::infinity()) {
    for (std::size_t i = 0; i < logits_.size(); ++i) {
      if (logits_[i] < std::numeric_limits<float>::infinity() && bad) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("logits: got {} for token {}, expected {}; are the weights damaged?",
                              logits_[i], i, bad ? "a finite number" : "a finite one among them"));
    }
  }
  candidates_.clear();
  if (options_.temperature == 0) {
    candidates_.push_back({logits_[best], static_cast<std::int32_t>(best), 1});
    return 1;
  }
  const auto temperature = static_cast<float>(options_.temperature);
  const float largest = logits_[best] / temperature;
  // A temperature near 0 takes the largest beyond float32: all that is left is greedy.
  if (!std::isfinite(largest)) {
    candidates_.push_back({logits_[best], static_cast<std::int32_t>(best), 1});
    return 1;
  }
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    const float logit = logits_[i] / temperature;
    candidates_.push_back({logit, static_cast<std::int32_t>(i), 0});
  }
  KeepTopK();
  double total = 0;
  for (Candidate& candidate : candidates_) {
    candidate.weight = std::exp(static_cast<double>(candidate.logit) - largest);
    total += candidate.weight;
  }
  return options_.top_p < 1 ? KeepTopP() : total;
}

void Sampler::KeepTopK() {
  const auto k = static_cast<std::size_t>(options_.top_k);
  if (k == 0 || k >= candidates_.size()) return;
  std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(k - 1),
                   candidates_.end(),
                   [](const Candidate& a, const Candidate& b) { return a.logit > b.logit; });
  const float least = candidates_[k - 1].logit;
  // The order that nth_element leaves is the library's own: back to the order of ids.
  std::erase_if(candidates_, [&](const Candidate& c) { return c.logit < least; });
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
}

double Sampler::KeepTopP() {
  // A histogram of the logits below the largest finds the narrow range in which the sum reaches p:
  // all above it stay, all below it go, and only what lies in it must be sorted.
  double total = 0;
  float largest = -std::numeric_limits<float>::infinity();
  for (const Candidate& candidate : candidates_) largest = std::max(largest, candidate.logit);
  const auto bucket_of = [&](const Candidate& candidate) {
    const float place = (largest - candidate.logit) * kBucketsPerUnit;
    return place < static_cast<float>(kBuckets - 1) ? static_cast<std::size_t>(place)
                                                    : kBuckets - 1;
  };
  bucket_weights_.fill(0);
  for (const Candidate& candidate : candidates_) {
    bucket_weights_[bucket_of(candidate)] += candidate.weight;
    total += candidate.weight;
  }
  const double wanted = options_.top_p * total;
  double sum = 0;
  std::size_t bucket = 0;
  while (bucket + 1 < kBuckets && sum + bucket_weights_[bucket] < wanted) {
    sum += bucket_weights_[bucket++];
  }
  std::erase_if(candidates_, [&](const Candidate& c) { return bucket_of(c) > bucket; });
  const auto edge =
      std::stable_partition(candidates_.begin(), candidates_.end(),
                            [&](const Candidate& c) { return bucket_of(c) < bucket; });
  std::sort(edge, candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  });
  auto end = edge;
  while (end != candidates_.end() && (sum < wanted || end == candidates_.begin())) {
    sum += end++->weight;
  }
  candidates_.erase(end, candidates_.end());
  return sum;
}

std::int32_t Sampler::Sample(std::span<const float> logits, std::span<const std::int32_t> context,
                             Rng& rng) {
  const double total = Keep(logits, context);
  if (options_.temperature == 0) return candidates_.front().id;
  double left = rng.Uniform() * total;
  for (const Candidate& candidate : candidates_) {
    left -= candidate.weight;
    if (left < 0) return candidate.id;
  }
  // Rounding has left a rest: the last one that can be drawn at all.
  const auto last = std::find_if(candidates_.rbegin(), candidates_.rend(),
                                 [](const Candidate& c) { return c.weight > 0; });
  return last->id;
}

std::vector<TokenProbability> Sampler::Distribution(std::span<const float> logits,
                                                    std::span<const std::int32_t> context) {
  const double total = Keep(logits, context);
  std::vector<TokenProbability> tokens;
  for (const Candidate& candidate : candidates_) {
    if (candidate.weight > 0) tokens.push_back({candidate.id, candidate.weight / total});
  }
  std::sort(tokens.begin(), tokens.end(), [](const TokenProbability& a, const TokenProbability& b) {
    return a.probability != b.probability ? a.probability > b.probability : a.id < b.id;
  });
  return tokens;
}

}  // namespace lts

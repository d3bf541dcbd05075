// What the tests of attention over every kind of cache share: one head's tokens, and attention over
// them in float64. A test derives its head from this and adds the cache.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "lts/runtime/cpu/kernels/attention.h"
#include "lts/runtime/cpu/kernels/kernel_test.h"

namespace lts {

// Queries in [-query_size, query_size), keys and values in [-1, 1) of every token of one head.
struct HeadTokens {
  HeadTokens(std::int64_t token_count, std::int64_t head_width, std::uint64_t seed,
             float query_size = 1.0F)
      : tokens(token_count),
        d_head(head_width),
        stride(3 * head_width + 1),
        rng(seed),
        qkv(tokens * stride, rng, 1) {
    for (std::int64_t i = 0; i < tokens; ++i) {
      for (std::int64_t j = 0; j < d_head; ++j) qkv[i * stride + j] *= query_size;
    }
  }

  float& Key(std::int64_t token, std::int64_t i) { return qkv[token * stride + d_head + i]; }
  float Key(std::int64_t token, std::int64_t i) const { return qkv[token * stride + d_head + i]; }
  float& Value(std::int64_t token, std::int64_t i) { return qkv[token * stride + 2 * d_head + i]; }
  float Value(std::int64_t token, std::int64_t i) const {
    return qkv[token * stride + 2 * d_head + i];
  }

  // Calls store(keys, values, n, first) for all tokens: n of them from token `first` on, `stride`
  // floats apart. The pieces are odd and even and cross blocks.
  template <typename Store>
  void StoreInPieces(Store store) const {
    for (std::int64_t first = 0, n = 0; first < tokens; first += n) {
      n = std::min<std::int64_t>(tokens - first, 1 + first * 2 / 3);
      const float* row = qkv.data() + first * stride;
      store(row + d_head, row + 2 * d_head, n, first);
    }
  }

  // The queries of `rows` tokens from `first` on, each at its own position, over a cache.
  //   out: [rows, d_head]
  template <typename Element>
  CacheAttendTask<Element> TaskOver(const Element* keys, const Element* values, std::int64_t first,
                                    std::int64_t rows, Values& out) const {
    return {.q = qkv.data() + first * stride,
            .q_stride = stride,
            .rows = rows,
            .first_position = first,
            .position_step = 1,
            .keys = keys,
            .values = values,
            .d_head = d_head,
            .scale = 1.0F / std::sqrt(static_cast<float>(d_head)),
            .out = out.data(),
            .out_stride = d_head};
  }

  // Attention of the query of token `query` over keys [0, position] in float64.
  std::vector<double> Exactly(std::int64_t query, std::int64_t position) const {
    std::vector<double> weights;
    for (std::int64_t t = 0; t <= position; ++t) {
      double score = 0;
      for (std::int64_t j = 0; j < d_head; ++j) {
        score += static_cast<double>(qkv[query * stride + j]) * static_cast<double>(Key(t, j));
      }
      weights.push_back(score / std::sqrt(static_cast<double>(d_head)));
    }
    const double max = *std::max_element(weights.begin(), weights.end());
    double sum = 0;
    for (double& weight : weights) sum += weight = std::exp(weight - max);
    std::vector<double> out(static_cast<std::size_t>(d_head), 0.0);
    for (std::int64_t t = 0; t <= position; ++t) {
      for (std::int64_t j = 0; j < d_head; ++j) {
        out[static_cast<std::size_t>(j)] +=
            weights[static_cast<std::size_t>(t)] / sum * static_cast<double>(Value(t, j));
      }
    }
    return out;
  }

  // The largest distance between out[0 .. d_head) and Exactly(query, position); NaN is infinitely
  // far away.
  double Distance(const float* out, std::int64_t query, std::int64_t position) const {
    const std::vector<double> expected = Exactly(query, position);
    double largest = 0;
    for (std::int64_t j = 0; j < d_head; ++j) {
      const double error =
          std::abs(static_cast<double>(out[j]) - expected[static_cast<std::size_t>(j)]);
      largest =
          std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(largest, error);
    }
    return largest;
  }

  std::int64_t tokens;
  std::int64_t d_head;
  std::int64_t stride;
  Rng rng;
  Values qkv;  // [tokens, stride]: query, key, value, and one float that belongs to nobody
};

// How far float32 arithmetic may be from Exactly(). Weights sum to 1 and values are below 1: an
// error of e in every score moves a result by at most 2 e. A score of d_head products of values
// below `query_size` is off by (d_head + 3) roundings of its magnitude at most; sums over t keys
// round t times.
inline double Float32Tolerance(const HeadTokens& head, std::int64_t position,
                               double query_size = 1.0) {
  const double score = query_size * std::sqrt(static_cast<double>(head.d_head));
  return kRoundoff *
         (2 * static_cast<double>(head.d_head + 8) * score + static_cast<double>(position) + 16);
}

}  // namespace lts

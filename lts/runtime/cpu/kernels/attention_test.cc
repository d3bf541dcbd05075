#include "lts/runtime/cpu/kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "lts/base/aligned_buffer.h"
#include "lts/runtime/cpu/kernels/kernel_test.h"

namespace lts {
namespace {

// One head: queries, keys and values of every token, and the cache after all of them.
struct Head {
  Head(std::int64_t token_count, std::int64_t head_width, std::uint64_t seed, float size = 1.0F)
      : tokens(token_count),
        d_head(head_width),
        stride(3 * head_width + 1),
        rng(seed),
        qkv(tokens * stride, rng, 1),
        keys(KeyCacheSize(tokens, d_head)),
        values(ValueCacheSize(tokens, d_head)),
        scratch(AttendScratchSize(d_head)) {
    for (std::int64_t i = 0; i < tokens; ++i) {
      for (std::int64_t j = 0; j < d_head; ++j) qkv[i * stride + j] *= size;
    }
    // Keys that were never written must not be seen.
    std::fill(keys.span().begin(), keys.span().end(), std::numeric_limits<float>::quiet_NaN());
    // In pieces, across blocks.
    for (std::int64_t first = 0, n = 0; first < tokens; first += n) {
      n = std::min<std::int64_t>(tokens - first, 1 + first * 2 / 3);
      const float* row = qkv.data() + first * stride;
      StoreKeysValues(row + d_head, row + 2 * d_head, stride, n, d_head, first, keys.data(),
                      values.data());
    }
  }

  AttendTask Task(std::int64_t first, std::int64_t rows, Values& out) {
    return {.q = qkv.data() + first * stride,
            .q_stride = stride,
            .rows = rows,
            .first_position = first,
            .position_step = 1,
            .keys = keys.data(),
            .values = values.data(),
            .d_head = d_head,
            .scale = 1.0F / std::sqrt(static_cast<float>(d_head)),
            .out = out.data(),
            .out_stride = d_head};
  }

  // Attention of the query of token `query` over keys [0, position] in float64.
  std::vector<double> Exactly(std::int64_t query, std::int64_t position) const {
    std::vector<double> weights(static_cast<std::size_t>(position + 1));
    double max = -std::numeric_limits<double>::infinity();
    for (std::int64_t t = 0; t <= position; ++t) {
      double score = 0;
      for (std::int64_t j = 0; j < d_head; ++j) {
        score += static_cast<double>(qkv[query * stride + j]) *
                 static_cast<double>(qkv[t * stride + d_head + j]);
      }
      score /= std::sqrt(static_cast<double>(d_head));
      weights[static_cast<std::size_t>(t)] = score;
      max = std::max(max, score);
    }
    double sum = 0;
    for (double& weight : weights) sum += weight = std::exp(weight - max);
    std::vector<double> out(static_cast<std::size_t>(d_head), 0.0);
    for (std::int64_t t = 0; t <= position; ++t) {
      for (std::int64_t j = 0; j < d_head; ++j) {
        out[static_cast<std::size_t>(j)] += weights[static_cast<std::size_t>(t)] / sum *
                                            static_cast<double>(qkv[t * stride + 2 * d_head + j]);
      }
    }
    return out;
  }

  std::int64_t tokens;
  std::int64_t d_head;
  std::int64_t stride;
  Rng rng;
  Values qkv;  // [tokens, stride]: query, key, value, and one float that belongs to nobody
  AlignedBuffer<float> keys;
  AlignedBuffer<float> values;
  AlignedBuffer<float> scratch;
};

// Weights sum to 1 and values are below 1: an error of e in every score moves a result by at most 2
// e. A score of d_head products of values below `size` is off by (d_head + 3) roundings of its
// magnitude at most; sums over t keys round t times.
double Tolerance(const Head& head, std::int64_t position, double size = 1.0) {
  const double score = size * std::sqrt(static_cast<double>(head.d_head));
  return kRoundoff *
         (2 * static_cast<double>(head.d_head + 8) * score + static_cast<double>(position) + 16);
}

LTS_KERNEL_TEST(AttentionTest);

TEST_P(AttentionTest, StoresKeysInTransposedBlocksAndValuesInRows) {
  Head head(70, 5, 1);
  for (std::int64_t t = 0; t < 70; ++t) {
    for (std::int64_t j = 0; j < 5; ++j) {
      EXPECT_EQ(head.keys[t / 64 * 64 * 5 + j * 64 + t % 64], head.qkv[t * head.stride + 5 + j]);
    }
    for (std::int64_t j = 0; j < 16; ++j) {
      EXPECT_EQ(head.values[t * 16 + j], j < 5 ? head.qkv[t * head.stride + 10 + j] : 0.0F);
    }
  }
}

TEST_P(AttentionTest, EqualsFloat64ForEveryWidthAndLength) {
  for (const std::int64_t d_head : {1, 3, 15, 16, 17, 33, 64, 65, 131, 300}) {
    for (const std::int64_t tokens : {1, 2, 24, 63, 65, 255, 257, 530}) {
      if (tokens > 300 && d_head > 64) continue;  // the oracle is slow
      Head head(tokens, d_head, static_cast<std::uint64_t>(d_head * 1000 + tokens));
      for (std::int64_t first = 0; first<tokens; first += tokens> 100 ? 97 : kQueryBlock) {
        const std::int64_t rows = std::min(kQueryBlock, tokens - first);
        Values out(rows * d_head, head.rng, 1);
        Attend(head.Task(first, rows, out), head.scratch.data());
        for (std::int64_t r = 0; r < rows; ++r) {
          const std::vector<double> expected = head.Exactly(first + r, first + r);
          for (std::int64_t j = 0; j < d_head; ++j) {
            ASSERT_NEAR(out[r * d_head + j], expected[static_cast<std::size_t>(j)],
                        Tolerance(head, first + r))
                << d_head << " " << tokens << " row " << first + r;
          }
        }
      }
    }
  }
}

TEST_P(AttentionTest, StaysFiniteWithScoresFarApart) {
  constexpr float kSize = 3000.0F;
  Head head(300, 16, 7, kSize);
  Values out(kQueryBlock * 16, head.rng);
  Attend(head.Task(276, kQueryBlock, out), head.scratch.data());
  for (std::int64_t r = 0; r < kQueryBlock; ++r) {
    const std::vector<double> expected = head.Exactly(276 + r, 276 + r);
    for (std::int64_t j = 0; j < 16; ++j) {
      ASSERT_NEAR(out[r * 16 + j], expected[static_cast<std::size_t>(j)],
                  Tolerance(head, 299, kSize));
    }
  }
}

TEST_P(AttentionTest, GivesTheSameBitsForAQueryAloneAndInABlock) {
  Head head(600, 40, 8);
  for (const std::int64_t first : {0, 250, 576}) {
    Values block(kQueryBlock * 40, head.rng);
    Attend(head.Task(first, kQueryBlock, block), head.scratch.data());
    for (std::int64_t r = 0; r < kQueryBlock; ++r) {
      Values alone(40, head.rng);
      Attend(head.Task(first + r, 1, alone), head.scratch.data());
      EXPECT_EQ(std::memcmp(alone.data(), block.data() + r * 40, 40 * sizeof(float)), 0)
          << first + r;
    }
  }
}

TEST_P(AttentionTest, ServesHeadsThatShareKeysAtOneToken) {
  Head head(100, 24, 9);
  // The queries of tokens 0..9 stand for ten heads at token 77.
  Values out(10 * 24, head.rng);
  AttendTask task = head.Task(0, 10, out);
  task.first_position = 77;
  task.position_step = 0;
  Attend(task, head.scratch.data());
  for (std::int64_t r = 0; r < 10; ++r) {
    const std::vector<double> expected = head.Exactly(r, 77);
    for (std::int64_t j = 0; j < 24; ++j) {
      ASSERT_NEAR(out[r * 24 + j], expected[static_cast<std::size_t>(j)], Tolerance(head, 77));
    }
  }
}

}  // namespace
}  // namespace lts

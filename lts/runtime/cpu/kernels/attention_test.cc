#include "lts/runtime/cpu/kernels/attention.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "lts/base/aligned_buffer.h"
#include "lts/runtime/cpu/kernels/attention_test_support.h"

namespace lts {
namespace {

// One head and its cache after all tokens.
struct Head : HeadTokens {
  Head(std::int64_t token_count, std::int64_t head_width, std::uint64_t seed,
       float query_size = 1.0F)
      : HeadTokens(token_count, head_width, seed, query_size),
        keys(KeyCacheSize(tokens, d_head)),
        values(ValueCacheSize(tokens, d_head)),
        scratch(AttendScratchSize(d_head)) {
    // Keys that were never written must not be seen.
    std::fill(keys.span().begin(), keys.span().end(), std::numeric_limits<float>::quiet_NaN());
    StoreInPieces([&](const float* k, const float* v, std::int64_t n, std::int64_t first) {
      StoreKeysValues(k, v, stride, n, d_head, first, keys.data(), values.data());
    });
  }

  AttendTask Task(std::int64_t first, std::int64_t rows, Values& out) const {
    return TaskOver(keys.data(), values.data(), first, rows, out);
  }

  AlignedBuffer<float> keys;
  AlignedBuffer<float> values;
  AlignedBuffer<float> scratch;
};

LTS_KERNEL_TEST(AttentionTest);

TEST_P(AttentionTest, StoresKeysInTransposedBlocksAndValuesInRows) {
  Head head(70, 5, 1);
  for (std::int64_t t = 0; t < 70; ++t) {
    for (std::int64_t j = 0; j < 5; ++j) {
      EXPECT_EQ(head.keys[t / 64 * 64 * 5 + j * 64 + t % 64], head.Key(t, j));
    }
    for (std::int64_t j = 0; j < 16; ++j) {
      EXPECT_EQ(head.values[t * 16 + j], j < 5 ? head.Value(t, j) : 0.0F);
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
          ASSERT_LE(head.Distance(out.data() + r * d_head, first + r, first + r),
                    Float32Tolerance(head, first + r))
              << d_head << " " << tokens << " row " << first + r;
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
    ASSERT_LE(head.Distance(out.data() + r * 16, 276 + r, 276 + r),
              Float32Tolerance(head, 299, kSize));
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
    ASSERT_LE(head.Distance(out.data() + r * 24, r, 77), Float32Tolerance(head, 77));
  }
}

}  // namespace
}  // namespace lts

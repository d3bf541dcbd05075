#include "lts/runtime/cpu/kernels/attention_int8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "lts/base/aligned_buffer.h"
#include "lts/runtime/cpu/kernels/amx.h"
#include "lts/runtime/cpu/kernels/attention_test_support.h"

namespace lts {
namespace {

// One head and its cache after all tokens. Unless told otherwise keys and values are int8 times a
// scale from the start, so that storing them is exact but for the rounding of the scale.
struct Head : HeadTokens {
  Head(std::int64_t token_count, std::int64_t head_width, std::uint64_t seed,
       float query_size = 1.0F, bool rounded = true)
      : HeadTokens(token_count, head_width, seed, query_size),
        keys(KeyCacheQuads(tokens, d_head)),
        values(ValueCacheQuads(tokens, d_head)),
        scratch(AttendInt8ScratchBytes(d_head)) {
    for (std::int64_t t = 0; rounded && t < tokens; ++t) {
      Round(&Key(t, 0));
      Round(&Value(t, 0));
    }
    // What was never written must not be seen.
    std::fill(keys.span().begin(), keys.span().end(), 0xFFFFFFFFU);
    std::fill(values.span().begin(), values.span().end(), 0xFFFFFFFFU);
    Store();
  }

  void Store() {
    StoreInPieces([&](const float* k, const float* v, std::int64_t n, std::int64_t first) {
      StoreKeysValuesInt8(k, v, stride, n, d_head, first, keys.data(), values.data());
    });
  }

  // A row to the nearest of 255 values.
  void Round(float* row) const {
    const float step =
        std::abs(*std::max_element(row, row + d_head,
                                   [](float a, float b) { return std::abs(a) < std::abs(b); })) /
        127;
    for (std::int64_t j = 0; j < d_head; ++j) row[j] = step * std::nearbyint(row[j] / step);
  }

  AttendInt8Task Task(std::int64_t first, std::int64_t rows, Values& out) const {
    return TaskOver(keys.data(), values.data(), first, rows, out);
  }
  // Queries [first, first + rows): [rows, d_head].
  Values Attended(std::int64_t first, std::int64_t rows) {
    Values out(rows * d_head, rng);
    AttendInt8(Task(first, rows, out), scratch.data());
    return out;
  }

  float Scale(std::int64_t token, bool of_value) const {
    const std::int64_t word = token / 64 * KeyBlockQuads(d_head) +
                              (KeyQuadRows(d_head) + (of_value ? 1 : 0)) * 64 + token % 64;
    float scale;
    std::memcpy(&scale, &keys[word], sizeof(scale));
    return scale;
  }
  static int Byte(std::uint32_t word, std::int64_t i) {
    return static_cast<int>(word >> (8 * i) & 0xFF) - 128;
  }
  float StoredKey(std::int64_t token, std::int64_t j) const {
    const std::int64_t word = token / 64 * KeyBlockQuads(d_head) + j / 4 * 64 + token % 64;
    return static_cast<float>(Byte(keys[word], j % 4)) * Scale(token, false);
  }
  float StoredValue(std::int64_t token, std::int64_t j) const {
    const std::uint32_t word = values[token / 4 * ValueStride(d_head) + j];
    return static_cast<float>(Byte(word, token % 4)) * Scale(token, true);
  }

  AlignedBuffer<std::uint32_t> keys;
  AlignedBuffer<std::uint32_t> values;
  AlignedBuffer<std::byte> scratch;
};

// A step is 1 / 32512, what queries and weights are rounded to. A score, a sum of d_head products
// of a rounding error (within half a step) and a key over sqrt(d_head), moves by 0.17 steps
// typically, six times that at most, and a result by twice that; by 2 steps with the rounding of
// weights that are at least a quarter of the greatest, and by twice 4e-5 with that of Exp2.
double Tolerance(const HeadTokens& head, std::int64_t position, double query_size = 1.0) {
  return (2 * 6 * 0.17 * query_size + 2) / 32512 + 2 * 4e-5 +
         Float32Tolerance(head, position, query_size);
}

LTS_KERNEL_TEST(AttentionInt8Test);

TEST_P(AttentionInt8Test, StoresTheNearestOf255ValuesWithAScalePerToken) {
  for (const std::int64_t d_head : {1, 5, 16, 70}) {
    for (const std::int64_t tokens : {1, 7, 70, 150}) {
      const Head head(tokens, d_head, static_cast<std::uint64_t>(tokens + d_head), 1.0F, false);
      for (std::int64_t t = 0; t < tokens; ++t) {
        float key = 0;
        float value = 0;
        for (std::int64_t j = 0; j < d_head; ++j) {
          key = std::max(key, std::abs(head.Key(t, j)));
          value = std::max(value, std::abs(head.Value(t, j)));
        }
        ASSERT_EQ(head.Scale(t, false), key / 127);
        ASSERT_EQ(head.Scale(t, true), value / 127);
        for (std::int64_t j = 0; j < d_head; ++j) {
          ASSERT_NEAR(head.StoredKey(t, j), head.Key(t, j), key / 127 * 0.5001F) << t << ' ' << j;
          ASSERT_NEAR(head.StoredValue(t, j), head.Value(t, j), value / 127 * 0.5001F);
        }
      }
    }
  }
}

TEST_P(AttentionInt8Test, EqualsFloat64ForEveryWidthAndLength) {
  for (const bool amx : {true, false}) {
    SetAmxForTest(amx);
    for (const std::int64_t d_head : {1, 3, 15, 16, 17, 33, 64, 65, 131, 300}) {
      for (const std::int64_t tokens : {1, 2, 24, 63, 65, 127, 129, 530}) {
        if (tokens > 300 && d_head > 64) continue;  // the oracle is slow
        Head head(tokens, d_head, static_cast<std::uint64_t>(d_head * 1000 + tokens));
        for (std::int64_t first = 0; first<tokens; first += tokens> 100 ? 97 : kQueryBlockInt8) {
          const std::int64_t rows = std::min(kQueryBlockInt8, tokens - first);
          Values out(rows * d_head, head.rng, 1);
          AttendInt8(head.Task(first, rows, out), head.scratch.data());
          for (std::int64_t r = 0; r < rows; ++r) {
            ASSERT_LE(head.Distance(out.data() + r * d_head, first + r, first + r),
                      Tolerance(head, first + r))
                << d_head << " " << tokens << " row " << first + r << " amx " << amx;
          }
        }
      }
    }
  }
  SetAmxForTest(true);
}

TEST_P(AttentionInt8Test, GivesTheSameBitsAloneInABlockOnTilesAndInVectors) {
  for (const std::int64_t d_head : {5, 40, 72, 129}) {
    Head head(600, d_head, 8);
    for (const std::int64_t first : {0, 119, 250, 584}) {
      SetAmxForTest(true);
      const Values block = head.Attended(first, kQueryBlockInt8);
      for (const bool amx : {true, false}) {
        SetAmxForTest(amx);
        for (const std::int64_t rows : {1, 3, 4, 9, 16}) {
          for (std::int64_t row = 0; row + rows <= kQueryBlockInt8; row += rows) {
            const Values part = head.Attended(first + row, rows);
            ASSERT_EQ(std::memcmp(part.data(), block.data() + row * d_head,
                                  static_cast<std::size_t>(rows * d_head) * 4),
                      0)
                << d_head << ' ' << first << ' ' << row << ' ' << rows << " amx " << amx;
          }
        }
      }
    }
  }
  SetAmxForTest(true);
}

TEST_P(AttentionInt8Test, ServesHeadsThatShareKeysAtOneToken) {
  Head head(100, 24, 9);
  for (const std::int64_t heads : {2, 10}) {
    // The queries of the first tokens stand for the heads at token 77.
    Values out(heads * 24, head.rng);
    AttendInt8Task task = head.Task(0, heads, out);
    task.first_position = 77;
    task.position_step = 0;
    AttendInt8(task, head.scratch.data());
    for (std::int64_t r = 0; r < heads; ++r) {
      ASSERT_LE(head.Distance(out.data() + r * 24, r, 77), Tolerance(head, 77));
    }
  }
}

TEST_P(AttentionInt8Test, StaysFiniteWithScoresFarApart) {
  constexpr float kSize = 300.0F;
  Head head(300, 16, 10, kSize);
  const Values out = head.Attended(284, kQueryBlockInt8);
  for (std::int64_t r = 0; r < kQueryBlockInt8; ++r) {
    ASSERT_LE(head.Distance(out.data() + r * 16, 284 + r, 284 + r), Tolerance(head, 299, kSize));
  }
}

// Every token has scales of its own.
TEST_P(AttentionInt8Test, ATokenOfGreatMagnitudeTakesNothingFromTheOthers) {
  Head head(200, 32, 11);
  for (std::int64_t j = 0; j < 32; ++j) {
    head.Key(150, j) *= 1e-4F;
    head.Value(150, j) *= 1000.0F;
  }
  head.Store();
  const Values before = head.Attended(100, kQueryBlockInt8);
  for (std::int64_t r = 0; r < kQueryBlockInt8; ++r) {
    ASSERT_LE(head.Distance(before.data() + r * 32, 100 + r, 100 + r), Tolerance(head, 115));
  }
  const Values after = head.Attended(180, kQueryBlockInt8);
  for (std::int64_t r = 0; r < kQueryBlockInt8; ++r) {
    ASSERT_LE(head.Distance(after.data() + r * 32, 180 + r, 180 + r), 1000 * Tolerance(head, 195));
  }
}

TEST_P(AttentionInt8Test, KeysAndValuesOfZerosAreZeros) {
  Head head(90, 12, 12);
  for (std::int64_t t = 0; t < 90; ++t) {
    for (std::int64_t j = 0; j < 12; ++j) head.Key(t, j) = head.Value(t, j) = 0;
  }
  head.Store();
  const Values out = head.Attended(70, kQueryBlockInt8);
  for (std::int64_t i = 0; i < kQueryBlockInt8 * 12; ++i) EXPECT_EQ(out[i], 0.0F);
}

TEST_P(AttentionInt8Test, WhatIsNotFiniteIsSeenFromThereOnAndGoneWhenOverwritten) {
  constexpr std::int64_t kToken = 133;
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const std::int64_t place : {1, 2}) {  // a key, a value
      Head head(140, 50, 13);
      const Values clean = head.Attended(124, kQueryBlockInt8);
      float& spoilt = head.qkv[kToken * head.stride + place * 50 + 7];
      const float good = spoilt;
      spoilt = bad;
      head.Store();
      const Values out = head.Attended(124, kQueryBlockInt8);
      for (std::int64_t i = 0; i < kQueryBlockInt8 * 50; ++i) {
        if (124 + i / 50 < kToken) {
          ASSERT_EQ(out[i], clean[i]) << i;
        } else {
          ASSERT_TRUE(std::isnan(out[i])) << i;
        }
      }
      spoilt = good;
      head.Store();
      const Values again = head.Attended(124, kQueryBlockInt8);
      EXPECT_EQ(std::memcmp(again.data(), clean.data(), kQueryBlockInt8 * 50 * 4), 0);
    }
    Head head(30, 50, 14);
    head.qkv[29 * head.stride + 3] = bad;  // a query
    EXPECT_TRUE(std::isnan(head.Attended(29, 1)[0]));
  }
}

}  // namespace
}  // namespace lts

#include "lts/runtime/cpu/kernels/attention_bf16.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "lts/base/aligned_buffer.h"
#include "lts/runtime/cpu/kernels/amx.h"
#include "lts/runtime/cpu/kernels/attention_test_support.h"

namespace lts {
namespace {

// The nearest value of 8 significant bits, ties to even.
float BFloat16(float value) {
  int exponent = 0;
  const float mantissa = std::frexp(value, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(mantissa, 8)), exponent - 8);
}

// One head and its cache after all tokens. Keys and values are bfloat16 from the start, so that
// storing them is exact.
struct Head : HeadTokens {
  Head(std::int64_t token_count, std::int64_t head_width, std::uint64_t seed)
      : HeadTokens(token_count, head_width, seed),
        keys(KeyCacheWords(tokens, d_head)),
        values(ValueCacheWords(tokens, d_head)),
        scratch(AttendBFloat16ScratchBytes(d_head)) {
    for (std::int64_t t = 0; t < tokens; ++t) {
      for (std::int64_t j = 0; j < d_head; ++j) {
        Key(t, j) = BFloat16(Key(t, j));
        Value(t, j) = BFloat16(Value(t, j));
      }
    }
    StoreInPieces([&](const float* k, const float* v, std::int64_t n, std::int64_t first) {
      StoreKeysValuesBFloat16(k, v, stride, n, d_head, first, keys.data(), values.data());
    });
  }

  AttendBFloat16Task Task(std::int64_t first, std::int64_t rows, Values& out) const {
    return TaskOver(keys.data(), values.data(), first, rows, out);
  }

  AlignedBuffer<std::uint32_t> keys;
  AlignedBuffer<std::uint32_t> values;
  AlignedBuffer<std::byte> scratch;
};

// On tiles queries and weights are rounded to 8 bits: a score, a sum of d_head products of size 1 /
// 3 over sqrt(d_head), moves by 2^-9 / 3 typically, six times that at most; a result by twice that
// and by the rounding of its weights, 2^-9. In vectors only float32 rounds.
double Tolerance(const Head& head, std::int64_t position, bool on_tiles) {
  return on_tiles ? (2 * 6.0 / 3 + 1) * 0x1p-9 : Float32Tolerance(head, position);
}

LTS_KERNEL_TEST(AttentionBFloat16Test);

TEST_P(AttentionBFloat16Test, StoresWordsThatRunAlongTheSums) {
  const Head head(70, 5, 1);
  const auto half = [](std::uint32_t word, std::int64_t which) {
    const std::uint32_t bits = which == 0 ? word << 16 : word & 0xFFFF0000U;
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  };
  for (std::int64_t t = 0; t < 70; ++t) {
    for (std::int64_t j = 0; j < 32; ++j) {
      EXPECT_EQ(half(head.keys[t / 64 * 64 * 16 + j / 2 * 64 + t % 64], j % 2),
                j < 5 ? head.Key(t, j) : 0.0F);
    }
    for (std::int64_t j = 0; j < 16; ++j) {
      EXPECT_EQ(half(head.values[t / 2 * 16 + j], t % 2), j < 5 ? head.Value(t, j) : 0.0F);
    }
  }
}

TEST_P(AttentionBFloat16Test, EqualsFloat64ForEveryWidthAndLength) {
  for (const bool amx : {true, false}) {
    SetAmxForTest(amx);
    for (const std::int64_t d_head : {1, 3, 15, 16, 17, 33, 64, 65, 131, 300}) {
      for (const std::int64_t tokens : {1, 2, 24, 63, 65, 127, 129, 530}) {
        if (tokens > 300 && d_head > 64) continue;  // the oracle is slow
        Head head(tokens, d_head, static_cast<std::uint64_t>(d_head * 1000 + tokens));
        for (std::int64_t first = 0;
             first<tokens; first += tokens> 100 ? 97 : kQueryBlockBFloat16) {
          const std::int64_t rows = std::min(kQueryBlockBFloat16, tokens - first);
          Values out(rows * d_head, head.rng, 1);
          AttendBFloat16(head.Task(first, rows, out), head.scratch.data());
          for (std::int64_t r = 0; r < rows; ++r) {
            ASSERT_LE(head.Distance(out.data() + r * d_head, first + r, first + r),
                      Tolerance(head, first + r, amx && AmxAvailable()))
                << d_head << " " << tokens << " row " << first + r << " amx " << amx;
          }
        }
      }
    }
  }
  SetAmxForTest(true);
}

TEST_P(AttentionBFloat16Test, AQueryDoesNotDependOnTheOthersOfItsBlock) {
  Head head(600, 40, 8);
  for (const std::int64_t first : {0, 250, 568}) {
    Values block(kQueryBlockBFloat16 * 40, head.rng);
    AttendBFloat16(head.Task(first, kQueryBlockBFloat16, block), head.scratch.data());
    for (const std::int64_t rows : {4, 17}) {
      Values part(rows * 40, head.rng);
      AttendBFloat16(head.Task(first, rows, part), head.scratch.data());
      EXPECT_EQ(std::memcmp(part.data(), block.data(), static_cast<std::size_t>(rows) * 40 * 4), 0)
          << first << ' ' << rows;
    }
  }
}

TEST_P(AttentionBFloat16Test, ServesHeadsThatShareKeysAtOneToken) {
  Head head(100, 24, 9);
  for (const std::int64_t heads : {2, 10}) {
    // The queries of the first tokens stand for the heads at token 77.
    Values out(heads * 24, head.rng);
    AttendBFloat16Task task = head.Task(0, heads, out);
    task.first_position = 77;
    task.position_step = 0;
    AttendBFloat16(task, head.scratch.data());
    for (std::int64_t r = 0; r < heads; ++r) {
      ASSERT_LE(head.Distance(out.data() + r * 24, r, 77), Tolerance(head, 77, AmxAvailable()));
    }
  }
}

}  // namespace
}  // namespace lts

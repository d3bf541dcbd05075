#include "lts/runtime/cpu/kernels/rotary.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "lts/runtime/cpu/kernels/kernel_test.h"

namespace lts {
namespace {

constexpr double kBase = 10000.0;
// Of pairs: below, at and above one and several vectors of 1 to 16 lanes, most of them odd.
constexpr std::int64_t kPairs[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65};
constexpr PositionScheme kSchemes[] = {PositionScheme::kRotaryHalves,
                                       PositionScheme::kRotaryInterleaved};

std::vector<float> Table(std::int64_t positions, std::int64_t dims, int threads = 2) {
  ThreadPool pool(threads);
  std::vector<float> table(static_cast<std::size_t>(positions * dims));
  FillRotaryTable(positions, dims, kBase, table.data(), pool);
  return table;
}

double Angle(std::int64_t position, std::int64_t pair, std::int64_t dims) {
  return static_cast<double>(position) *
         std::pow(kBase, -2.0 * static_cast<double>(pair) / static_cast<double>(dims));
}

LTS_KERNEL_TEST(RotaryTest);

TEST_P(RotaryTest, TurnsPairsLikeFloat64AndLeavesTheRest) {
  constexpr std::int64_t kPositions = 2100;
  constexpr std::int64_t kRows = 5;
  Rng rng(1);
  for (const PositionScheme scheme : kSchemes) {
    for (const std::int64_t pairs : kPairs) {
      const std::int64_t dims = 2 * pairs;
      const std::vector<float> table = Table(kPositions, dims);
      for (const std::int64_t rest : {0, 3}) {    // values of the head that have no position
        for (const std::int64_t step : {0, 1}) {  // heads of one token; tokens of one head
          const std::int64_t stride = dims + rest;
          const std::int64_t first = step == 0 ? kPositions - 1 : kPositions - kRows;
          const std::int64_t misalignment = pairs % 5;
          const Values before(kRows * stride, rng, misalignment);
          Values x = before;
          RotateHeads({table.data(), dims}, scheme, {x.data(), stride, kRows, first, step});
          for (std::int64_t r = 0; r < kRows; ++r) {
            for (std::int64_t i = 0; i < pairs; ++i) {
              const bool halves = scheme == PositionScheme::kRotaryHalves;
              const std::int64_t at_a = r * stride + (halves ? i : 2 * i);
              const std::int64_t at_b = halves ? at_a + pairs : at_a + 1;
              const double a = before[at_a];
              const double b = before[at_b];
              const double angle = Angle(first + r * step, i, dims);
              // A product rounds its cosine or sine, itself and the sum.
              const double tolerance = 3 * kRoundoff * (std::abs(a) + std::abs(b));
              ASSERT_NEAR(x[at_a], a * std::cos(angle) - b * std::sin(angle), tolerance)
                  << pairs << " pairs, row " << r << ", pair " << i;
              ASSERT_NEAR(x[at_b], b * std::cos(angle) + a * std::sin(angle), tolerance)
                  << pairs << " pairs, row " << r << ", pair " << i;
            }
            for (std::int64_t i = dims; i < stride; ++i) {
              ASSERT_EQ(x[r * stride + i], before[r * stride + i]) << "past the rotary dimensions";
            }
          }
        }
      }
    }
  }
}

TEST_P(RotaryTest, PositionZeroChangesNothing) {
  Rng rng(2);
  for (const PositionScheme scheme : kSchemes) {
    const std::vector<float> table = Table(1, 34);
    const Values before(34, rng, 1);
    Values x = before;
    RotateHeads({table.data(), 34}, scheme, {x.data(), 34, 1, 0, 1});
    for (std::int64_t i = 0; i < 34; ++i) EXPECT_EQ(x[i], before[i]);
  }
}

TEST_P(RotaryTest, ARowHasTheSameBitsAloneAndAmongOthers) {
  constexpr std::int64_t kRows = 7;
  constexpr std::int64_t kDims = 42;
  Rng rng(3);
  const std::vector<float> table = Table(20, kDims);
  for (const PositionScheme scheme : kSchemes) {
    const Values before(kRows * kDims, rng, 2);
    Values together = before;
    Values alone = before;
    RotateHeads({table.data(), kDims}, scheme, {together.data(), kDims, kRows, 11, 1});
    for (std::int64_t r = 0; r < kRows; ++r) {
      RotateHeads({table.data(), kDims}, scheme, {alone.data() + r * kDims, kDims, 1, 11 + r, 0});
    }
    EXPECT_EQ(std::memcmp(together.data(), alone.data(), kRows * kDims * sizeof(float)), 0);
  }
}

TEST(RotaryTable, HoldsRoundedCosinesAndSinesOfEveryPosition) {
  constexpr std::int64_t kPositions = 100003;  // angles of 10^5 would have lost 2 digits in float32
  constexpr std::int64_t kDims = 6;
  const std::vector<float> table = Table(kPositions, kDims);
  for (std::int64_t position = 0; position < kPositions; position += 9091) {
    for (std::int64_t i = 0; i < kDims / 2; ++i) {
      const double angle = Angle(position, i, kDims);
      const auto at = static_cast<std::size_t>(position * kDims + i);
      EXPECT_NEAR(table[at], std::cos(angle), kRoundoff);
      EXPECT_NEAR(table[at + kDims / 2], std::sin(angle), kRoundoff);
    }
  }
}

TEST(RotaryTable, IsTheSameOnAnyNumberOfThreads) {
  EXPECT_EQ(Table(333, 10, 3), Table(333, 10, 1));
}

}  // namespace
}  // namespace lts

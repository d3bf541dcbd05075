#include "lts/base/parallel_fill.h"

#include <gtest/gtest.h>

#include <vector>

namespace lts {
namespace {

TEST(ParallelFill, GivesTheSameNumbersOnAnyNumberOfThreads) {
  constexpr std::uint64_t kFirst = 17;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{300'001}}) {
    std::vector<float> expected(size);
    FillNormalLike(expected, 0.02F, 3, 4, kFirst);
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      std::vector<float> actual(size);
      FillNormalLike(actual, 0.02F, 3, 4, kFirst, pool);
      EXPECT_EQ(actual, expected) << size << " values, " << threads << " threads";
    }
  }
}

TEST(ParallelFill, UsesAtLeastOneThreadAndNoMoreThanPay) {
  EXPECT_GE(FillThreads(), 1);
  EXPECT_LE(FillThreads(), 16);
  EXPECT_LE(FillThreads(), UsableCores());
}

}  // namespace
}  // namespace lts

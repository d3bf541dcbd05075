#include "lts/base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "lts/base/error.h"

namespace lts {
namespace {

class ThreadPoolTest : public ::testing::TestWithParam<int> {};

TEST_P(ThreadPoolTest, CallsEveryWorkerOncePerRun) {
  ThreadPool pool(GetParam());
  ASSERT_EQ(pool.threads(), GetParam());
  std::vector<int> calls(
      static_cast<std::size_t>(GetParam()));  // no atomics: each worker has its own
  constexpr int kRuns = 100;
  for (int run = 0; run < kRuns; ++run) {
    pool.Run([&](int worker) { ++calls[static_cast<std::size_t>(worker)]; });
  }
  for (const int count : calls) EXPECT_EQ(count, kRuns);
}

TEST_P(ThreadPoolTest, RunSeesWhatTheLastRunWrote) {
  ThreadPool pool(GetParam());
  const auto threads = static_cast<std::size_t>(GetParam());
  std::vector<std::int64_t> values(threads, 1);
  std::vector<std::int64_t> sums(threads);
  for (int run = 0; run < 20; ++run) {
    pool.Run([&](int worker) {  // every worker reads what all the others wrote
      sums[static_cast<std::size_t>(worker)] = 0;
      for (const std::int64_t value : values) sums[static_cast<std::size_t>(worker)] += value;
    });
    pool.Run([&](int worker) {
      values[static_cast<std::size_t>(worker)] = sums[static_cast<std::size_t>(worker)] % 1000 + 1;
    });
  }
  for (const std::int64_t value : values) EXPECT_EQ(value, values[0]);
}

TEST_P(ThreadPoolTest, RethrowsAnExceptionOfAnyWorkerAndStaysUsable) {
  ThreadPool pool(GetParam());
  for (int thrower = 0; thrower < GetParam(); ++thrower) {
    std::atomic<int> ended{0};
    try {
      pool.Run([&](int worker) {
        if (worker == thrower) throw Error(ErrorCode::kIo, "worker " + std::to_string(worker));
        ++ended;
      });
      FAIL() << "expected an Error";
    } catch (const Error& e) {
      EXPECT_EQ(e.what(), "worker " + std::to_string(thrower));
    }
    EXPECT_EQ(ended, GetParam() - 1);
  }
  std::atomic<int> calls{0};
  pool.Run([&](int) { ++calls; });
  EXPECT_EQ(calls, GetParam());
}

TEST_P(ThreadPoolTest, RethrowsOneOfManyExceptions) {
  ThreadPool pool(GetParam());
  for (int run = 0; run < 20; ++run) {
    EXPECT_THROW(pool.Run([](int) { throw std::runtime_error("all"); }), std::runtime_error);
  }
}

TEST_P(ThreadPoolTest, WakesWorkersThatSleep) {
  ThreadPool pool(GetParam(), 0);  // they sleep at once
  std::atomic<int> calls{0};
  for (int run = 0; run < 50; ++run) pool.Run([&](int) { ++calls; });
  EXPECT_EQ(calls, 50 * GetParam());
}

TEST_P(ThreadPoolTest, EndsWithoutHavingRun) { const ThreadPool pool(GetParam()); }

TEST_P(ThreadPoolTest, ParallelForCoversEveryIndexOnce) {
  ThreadPool pool(GetParam());
  for (const std::int64_t count : {0, 1, 2, 7, 64, 100, 1001}) {
    for (const std::int64_t grain : {1, 3, 16, 5000}) {
      std::vector<int> hits(static_cast<std::size_t>(count));
      pool.ParallelFor(count, grain, [&](std::int64_t begin, std::int64_t end, int worker) {
        EXPECT_LT(begin, end);
        EXPECT_EQ(begin % grain, 0);
        EXPECT_TRUE(end % grain == 0 || end == count);
        EXPECT_LT(worker, pool.threads());
        for (std::int64_t i = begin; i < end; ++i) ++hits[static_cast<std::size_t>(i)];
      });
      EXPECT_EQ(std::count(hits.begin(), hits.end(), 1), count) << count << " " << grain;
    }
  }
}

TEST_P(ThreadPoolTest, ParallelForSplitsAlike) {
  ThreadPool pool(GetParam());
  const auto split = [&] {
    std::vector<std::int64_t> end_of(1000);  // by begin: each range has its own element
    pool.ParallelFor(1000, 8, [&](std::int64_t begin, std::int64_t end, int) {
      end_of[static_cast<std::size_t>(begin)] = end;
    });
    return end_of;
  };
  const auto first = split();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(split(), first);
}

TEST_P(ThreadPoolTest, AWorkerHasOneCallAtATime) {
  ThreadPool pool(GetParam());
  std::vector<int> inside(static_cast<std::size_t>(GetParam()));  // no atomics, for TSan to see
  for (int run = 0; run < 50; ++run) {
    pool.ParallelFor(64, 1, [&](std::int64_t, std::int64_t, int worker) {
      EXPECT_EQ(++inside[static_cast<std::size_t>(worker)], 1);
      --inside[static_cast<std::size_t>(worker)];
    });
  }
}

// A thread that is stuck in a range, as one without a core is, keeps nobody from the rest of its
// share: were it not so, this test would not end.
TEST(ThreadPoolStealingTest, OthersTakeTheShareOfAThreadThatIsStuck) {
  ThreadPool pool(2);
  for (int run = 0; run < 20; ++run) {
    std::atomic<int> ended{0};
    pool.ParallelFor(4, 1, [&](std::int64_t, std::int64_t, int worker) {
      while (worker == 1 && ended.load() < 3) std::this_thread::yield();
      ++ended;
    });
    EXPECT_EQ(ended, 4);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, ::testing::Values(1, 2, 3, 8));

TEST(ThreadPoolLimitsTest, RefusesAbsurdCounts) {
  for (const int threads : {0, -1, 1025, INT32_MAX}) {
    try {
      const ThreadPool pool(threads);
      FAIL() << "expected an Error";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
      EXPECT_EQ(e.what(), "threads: got " + std::to_string(threads) + ", expected 1 to 1024");
    }
  }
}

TEST(ThreadPoolLimitsTest, TwoPoolsWorkSideBySide) {
  ThreadPool a(2);
  ThreadPool b(3);
  std::atomic<int> calls{0};
  a.Run([&](int worker) {
    if (worker == 0) b.Run([&](int) { ++calls; });
    ++calls;
  });
  EXPECT_EQ(calls, 5);
}

TEST(UsableCoresTest, IsAtLeastOne) {
  EXPECT_GE(UsableCores(), 1);
  EXPECT_LE(UsableCores(), static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
}

}  // namespace
}  // namespace lts

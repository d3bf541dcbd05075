#include "lts/data/ordered_pipeline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "lts/base/error.h"

namespace lts {
namespace {

struct Number {
  int value = 0;
  int result = 0;
};

// Items of very different work, so that later ones are through before earlier ones.
void Work(Number& item) {
  volatile int spin = item.value % 7 == 0 ? 20000 : 10;
  while (spin > 0) spin = spin - 1;
  item.result = item.value * item.value;
}

class OrderedPipeline : public ::testing::TestWithParam<int> {
 protected:
  ThreadPool pool_{GetParam(), 0};
  std::vector<int> results_;

  void Run(int count, int fail_produce = -1, int fail_transform = -1, int fail_consume = -1) {
    int next = 0;
    RunInOrder<Number>(
        pool_,
        [&](Number& item) {
          if (next == fail_produce) throw Error(ErrorCode::kIo, "produce");
          if (next == count) return false;
          item.value = next++;
          return true;
        },
        [&](Number& item) {
          Work(item);
          if (fail_transform >= 0 && item.value >= fail_transform) {
            throw Error(ErrorCode::kIo, "transform " + std::to_string(item.value));
          }
        },
        [&](Number& item) {
          if (item.value == fail_consume) throw Error(ErrorCode::kIo, "consume");
          results_.push_back(item.result);
        });
  }
  std::string MessageOfRun(int count, int produce, int transform, int consume) {
    try {
      Run(count, produce, transform, consume);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

TEST_P(OrderedPipeline, ConsumesEveryItemInOrder) {
  Run(500);
  ASSERT_EQ(results_.size(), 500U);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(results_[static_cast<std::size_t>(i)], i * i);
  Run(0);
  EXPECT_EQ(results_.size(), 500U);
}

TEST_P(OrderedPipeline, ConsumesWhatCameBeforeAnErrorAndNothingElse) {
  EXPECT_EQ(MessageOfRun(100, 37, -1, -1), "produce");
  EXPECT_EQ(results_.size(), 37U);
  results_.clear();
  EXPECT_EQ(MessageOfRun(100, -1, 41, -1), "transform 41");
  EXPECT_EQ(results_.size(), 41U);
  results_.clear();
  EXPECT_EQ(MessageOfRun(100, -1, -1, 12), "consume");
  EXPECT_EQ(results_.size(), 12U);
}

TEST_P(OrderedPipeline, HoldsFewItemsAtATime) {
  std::atomic<int> held{0};
  std::atomic<int> most{0};
  int next = 0;
  RunInOrder<Number>(
      pool_,
      [&](Number& item) {
        item.value = next++;
        const int now = ++held;
        int before = most;
        while (now > before && !most.compare_exchange_weak(before, now)) {
        }
        return next <= 300;
      },
      [](Number& item) { Work(item); }, [&](Number&) { --held; });
  EXPECT_LE(most, 2 * GetParam());
}

INSTANTIATE_TEST_SUITE_P(Threads, OrderedPipeline, ::testing::Values(1, 2, 5));

}  // namespace
}  // namespace lts

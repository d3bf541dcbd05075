#include "lts/runtime/ort/weights.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <utility>
#include <vector>

#include "lts/base/error.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LTS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LTS_SANITIZED
#endif

namespace lts::ort {
namespace {

Graph GraphOf(std::int64_t n_layer, std::int64_t d_model) {
  return BuildGraph(Architecture::Gpt2(n_layer, d_model, 3 * d_model + 1, 2, 101, 64));
}

std::int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  statm >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

void ExpectDisjoint(const Weights& weights) {
  std::vector<std::pair<const float*, const float*>> ranges;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < weights.tensors.size(); ++i) {
    const std::int64_t count = weights.graph.tensors[i].count();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(weights.tensors[i]) % 64, 0);
    ranges.emplace_back(weights.tensors[i], weights.tensors[i] + count);
    bytes += count * std::int64_t{sizeof(float)};
  }
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    EXPECT_LE(ranges[i - 1].second, ranges[i].first);
  }
  EXPECT_EQ(weights.bytes, bytes);
}

TEST(OwnWeights, AreTheModels) {
  Model model = RandomModel(Architecture::Gpt2(2, 8, 20, 2, 11, 16), 3, true);
  const std::int64_t bytes = model.weight_bytes();
  std::vector<const float*> expected;
  for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
    expected.push_back(model.tensor(static_cast<TensorId>(i)).data());
  }
  const Weights weights = OwnWeights(std::move(model));
  EXPECT_EQ(weights.tensors, expected);  // moved, not copied
  EXPECT_EQ(weights.bytes, bytes);
  EXPECT_TRUE(weights.viewed);
}

TEST(SharedWeights, AreDisjointWithinAModelAndSharedBetweenModels) {
  SharedWeights shared;
  const Weights large = shared.For(GraphOf(3, 40), 1);
  const Weights small = shared.For(GraphOf(1, 16), 1);
  ExpectDisjoint(large);
  ExpectDisjoint(small);
  EXPECT_EQ(large.storage, small.storage);
  EXPECT_EQ(large.tensors[0], small.tensors[0]);
}

TEST(SharedWeights, LookLikeFreshMatrices) {
  SharedWeights shared;
  const Weights weights = shared.For(GraphOf(2, 64), 1);
  double squares = 0;
  const std::int64_t count = weights.graph.tensors[0].count();
  for (std::int64_t i = 0; i < count; ++i) {
    ASSERT_TRUE(std::isfinite(weights.tensors[0][i]));
    squares += double{weights.tensors[0][i]} * double{weights.tensors[0][i]};
  }
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(count)), 0.02, 0.002);
}

TEST(SharedWeights, GrowWithoutChangingOrDroppingWhatModelsHold) {
  SharedWeights shared;
  const Weights before = shared.For(GraphOf(1, 16), 5);
  const std::int64_t count = before.bytes / std::int64_t{sizeof(float)};
  const std::vector<float> copy(before.tensors[0], before.tensors[0] + count);
  const Weights after = shared.For(GraphOf(4, 64), 5);
  ExpectDisjoint(after);
  EXPECT_NE(before.storage, after.storage);
  EXPECT_TRUE(std::equal(copy.begin(), copy.end(), before.tensors[0]));
  EXPECT_TRUE(std::equal(copy.begin(), copy.end(), after.tensors[0]));
  // What was grown equals what would have been drawn at once.
  const Weights at_once = SharedWeights().For(GraphOf(4, 64), 5);
  const std::int64_t all = after.bytes / std::int64_t{sizeof(float)};
  EXPECT_TRUE(std::equal(after.tensors[0], after.tensors[0] + all, at_once.tensors[0]));
}

TEST(SharedWeights, FollowTheSeed) {
  SharedWeights shared;
  const float first = *shared.For(GraphOf(1, 16), 1).tensors[0];
  EXPECT_NE(*shared.For(GraphOf(1, 16), 2).tensors[0], first);
  EXPECT_EQ(*shared.For(GraphOf(1, 16), 1).tensors[0], first);
}

TEST(SharedWeights, RefuseWhatNoMachineHas) {
  Graph graph = GraphOf(1, 16);
  graph.tensors[0].shape = {1 << 24, 1 << 24};
  try {
    SharedWeights().For(graph, 1);
    FAIL() << "a petabyte";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
  }
}

TEST(HollowWeights, DifferInContentsAndTakeNextToNoMemory) {
  const Graph graph = GraphOf(6, 1024);  // 250 MB
  const std::int64_t before = ResidentBytes();
  const Weights weights = HollowWeights(graph, 1);
  double sum = 0;
  std::set<float> firsts;
  for (std::size_t i = 0; i < weights.tensors.size(); ++i) {
    firsts.insert(*weights.tensors[i]);
    for (std::int64_t k = 1; k < graph.tensors[i].count(); ++k) sum += weights.tensors[i][k];
  }
  EXPECT_EQ(sum, 0);
  EXPECT_EQ(firsts.size(), weights.tensors.size());
#ifdef LTS_SANITIZED
  static_cast<void>(before);  // a sanitizer's notes on what was read are resident
#else
  EXPECT_LT(ResidentBytes() - before, 8 << 20);
#endif
  EXPECT_GT(weights.bytes, 200 << 20);
  EXPECT_FALSE(weights.viewed);
  ExpectDisjoint(weights);
}

}  // namespace
}  // namespace lts::ort

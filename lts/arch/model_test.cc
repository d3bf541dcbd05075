#include "lts/arch/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "lts/arch/count.h"
#include "lts/base/error.h"

namespace lts {
namespace {

Architecture Small() {
  ArchitectureFields fields;
  fields.vocab_size = 999;  // rows that leave padding behind them
  fields.max_seq_len = 17;
  fields.d_model = 36;
  fields.layers = {{2, 2, 50}, {6, 6, 71}, {3, 3, 5}};
  return Architecture(fields);
}

double Std(std::span<const float> values) {
  double sum = 0;
  double squares = 0;
  for (const float value : values) {
    sum += value;
    squares += double{value} * value;
  }
  const auto n = static_cast<double>(values.size());
  return std::sqrt(squares / n - (sum / n) * (sum / n));
}

std::vector<float> AllWeights(const Model& model) {
  std::vector<float> all;
  for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
    const auto tensor = model.tensor(static_cast<TensorId>(i));
    all.insert(all.end(), tensor.begin(), tensor.end());
  }
  return all;
}

TEST(Model, HoldsEveryTensorAlignedAndApart) {
  const Model model(Small());
  const float* end = nullptr;
  std::int64_t parameters = 0;
  for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
    const auto tensor = model.tensor(static_cast<TensorId>(i));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % 64, 0);
    EXPECT_EQ(std::ssize(tensor), model.graph().tensors[i].count());
    EXPECT_GE(tensor.data(), end);
    end = tensor.data() + tensor.size();
    parameters += std::ssize(tensor);
  }
  EXPECT_EQ(parameters, CountParameters(model.graph()).total());
  EXPECT_GE(model.weight_bytes(), 4 * parameters);
  EXPECT_LT(model.weight_bytes(), 4 * parameters + 64 * std::ssize(model.graph().tensors));
}

TEST(Model, StartsWithZeros) { EXPECT_THAT(AllWeights(Model(Small())), testing::Each(0.0F)); }

TEST(Model, KeepsItsTensorsWhenMoved) {
  Model model(Small());
  model.mutable_tensor(3)[0] = 7.0F;
  const float* data = model.tensor(3).data();
  const Model moved = std::move(model);
  EXPECT_EQ(moved.tensor(3).data(), data);
  EXPECT_EQ(moved.tensor(3)[0], 7.0F);
}

TEST(Model, RefusesMoreMemoryThanThereIs) {
  // 4096 layers of width 2^20: more bytes than any machine has, and no overflow.
  const Architecture huge = Architecture::Gpt2(4096, kMaxDModel, kMaxDInner, 1);
  try {
    const Model model(huge);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_THAT(error.what(), testing::HasSubstr("L4096 d1048576"));
    EXPECT_THAT(error.what(), testing::HasSubstr("MiB"));
  }
}

// Storage outside of a model, as the mapping of a checkpoint's file is.
struct Storage {
  std::vector<std::vector<float>> values;
  std::vector<std::span<float>> views;
};
std::shared_ptr<Storage> StorageOf(const Graph& graph) {
  auto storage = std::make_shared<Storage>();
  for (const TensorSpec& tensor : graph.tensors) {
    storage->values.emplace_back(static_cast<std::size_t>(tensor.count()),
                                 static_cast<float>(storage->values.size()));
  }
  for (std::vector<float>& values : storage->values) storage->views.emplace_back(values);
  return storage;
}

TEST(Model, ReadsWeightsWhereTheyLieAndKeepsThemAlive) {
  auto storage = StorageOf(BuildGraph(Small()));
  const std::weak_ptr<Storage> watched = storage;
  {
    const float* const third = storage->views[3].data();
    const auto views = storage->views;
    const Model model(Small(), views, std::move(storage));
    EXPECT_EQ(model.tensor(3).data(), third);
    EXPECT_THAT(AllWeights(model), testing::Contains(3.0F));
    EXPECT_EQ(model.weight_bytes(), 4 * CountParameters(model.graph()).total());
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

TEST(ModelDeathTest, RefusesViewsThatDoNotFitTheGraph) {
  const auto storage = StorageOf(BuildGraph(Small()));
  auto views = storage->views;
  views.pop_back();
  EXPECT_DEATH(Model(Small(), views, storage), "tensors_.size");
  views = storage->views;
  views[2] = views[2].first(1);
  EXPECT_DEATH(Model(Small(), views, storage), "count");
  views = storage->views;
  views[3] = views[2];  // a gain and a bias of one size
  ASSERT_EQ(views[3].size(), storage->views[3].size());
  EXPECT_DEATH(Model(Small(), views, storage), "before.data");
}

TEST(RandomModel, DrawsEachTensorAsItsInitSays) {
  const Model model = RandomModel(Architecture::Gpt2(2, 64, 128, 4, 500, 32), 7);
  for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
    const TensorSpec& spec = model.graph().tensors[i];
    const auto tensor = model.tensor(static_cast<TensorId>(i));
    switch (spec.init.kind) {
      case TensorInit::Kind::kNormal:
        EXPECT_NEAR(Std(tensor), spec.init.std, 0.05 * spec.init.std) << spec.name;
        break;
      case TensorInit::Kind::kZero:
        EXPECT_THAT(tensor, testing::Each(0.0F)) << spec.name;
        break;
      case TensorInit::Kind::kOne:
        EXPECT_THAT(tensor, testing::Each(1.0F)) << spec.name;
        break;
    }
  }
}

TEST(RandomModel, RepeatsForTheSameSeedAndDiffersForAnother) {
  const std::vector<float> first = AllWeights(RandomModel(Small(), 7));
  EXPECT_EQ(first, AllWeights(RandomModel(Small(), 7)));
  EXPECT_NE(first, AllWeights(RandomModel(Small(), 8)));
}

TEST(RandomModel, DrawsEachTensorFromItsOwnStream) {
  const Model model = RandomModel(Architecture::Gpt2(2, 64, 128, 4, 500, 32), 7);
  std::vector<float> firsts;
  for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
    if (model.graph().tensors[i].init.kind != TensorInit::Kind::kNormal) continue;
    const TensorInit init = model.graph().tensors[i].init;
    firsts.push_back(model.tensor(static_cast<TensorId>(i))[0] / init.std);
  }
  std::sort(firsts.begin(), firsts.end());
  for (std::size_t i = 1; i < firsts.size(); ++i) EXPECT_GT(firsts[i] - firsts[i - 1], 1e-6F);
}

TEST(RandomModel, DrawsBiasesAndGainsTooWhenEverythingIsRandom) {
  const Model model = RandomModel(Architecture::Gpt2(1, 512, 512, 4, 500, 32), 7, true);
  for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
    const TensorSpec& spec = model.graph().tensors[i];
    if (spec.init.kind == TensorInit::Kind::kNormal) continue;
    const auto tensor = model.tensor(static_cast<TensorId>(i));
    double mean = 0;
    for (const float value : tensor) mean += value / static_cast<double>(tensor.size());
    EXPECT_NEAR(mean, spec.init.kind == TensorInit::Kind::kOne ? 1.0 : 0.0, 0.02) << spec.name;
    EXPECT_NEAR(Std(tensor), 0.1, 0.015) << spec.name;
  }
}

}  // namespace
}  // namespace lts

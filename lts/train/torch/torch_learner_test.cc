#include "lts/train/torch/torch_learner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "lts/arch/model.h"
#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/rng.h"
#include "tests/goldens/golden.h"

namespace lts::torch_engine {
namespace {

struct TrainingGolden {
  Golden decoder;
  Json json;
  std::vector<std::vector<float>> gradients;  // by tensor
  std::vector<std::vector<std::int32_t>> batches;
  std::int64_t batch = 0;
};

std::string TrainingFolder() { return GoldenFolder() + "/training"; }

std::vector<std::string> TrainingGoldenNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(TrainingFolder())) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TrainingGolden ReadTrainingGolden(const std::string& name) {
  TrainingGolden golden;
  golden.json = ReadJsonFile(TrainingFolder() + "/" + name + ".json");
  golden.decoder = ReadGoldenDecoder(golden.json);
  for (const Json& step : golden.json.Find("tokens")->AsArray()) {
    std::vector<std::int32_t>& tokens = golden.batches.emplace_back();
    golden.batch = std::ssize(step.AsArray());
    for (const Json& sequence : step.AsArray()) {
      for (const Json& token : sequence.AsArray()) {
        tokens.push_back(static_cast<std::int32_t>(token.AsInt()));
      }
    }
  }
  const std::string bytes = ReadFile(TrainingFolder() + "/" + name + ".bin");
  std::size_t offset = 0;
  for (const TensorSpec& tensor : BuildGraph(golden.decoder.ToArchitecture()).tensors) {
    std::vector<float>& values =
        golden.gradients.emplace_back(static_cast<std::size_t>(tensor.count()));
    LTS_CHECK(bytes.size() - offset >= values.size() * sizeof(float));
    std::memcpy(values.data(), bytes.data() + offset, values.size() * sizeof(float));
    offset += values.size() * sizeof(float);
  }
  LTS_CHECK(offset == bytes.size());
  return golden;
}

Model GoldenModel(const Golden& golden) {
  Model model = RandomModel(golden.ToArchitecture(), golden.seed, /*everything_random=*/true);
  const auto tensor = [&](TensorId id) { return model.mutable_tensor(id); };
  ScaleMatrices(model.graph(), golden.weight_scale, tensor);
  EXPECT_EQ(WeightsSha1(model.graph(), tensor), golden.weights_sha1);
  return model;
}

std::vector<float> Get(const Learner& learner, LearnerPart part, TensorId id) {
  const TensorSpec& spec = learner.graph().tensors[static_cast<std::size_t>(id)];
  std::vector<float> values(static_cast<std::size_t>(spec.count()));
  learner.Read(part, id, values);
  return values;
}

std::vector<std::vector<float>> GetAll(const Learner& learner, LearnerPart part) {
  std::vector<std::vector<float>> all;
  for (std::size_t i = 0; i < learner.graph().tensors.size(); ++i) {
    all.push_back(Get(learner, part, static_cast<TensorId>(i)));
  }
  return all;
}

class TrainingGoldenTest : public ::testing::TestWithParam<std::string> {
 protected:
  TrainingGoldenTest() : golden_(ReadTrainingGolden(GetParam())) {}
  TrainingGolden golden_;
};

TEST_P(TrainingGoldenTest, GradientsEqualPyTorch) {
  const auto learner = TorchEngine().NewLearner(GoldenModel(golden_.decoder), {});
  const double loss = learner->Accumulate(golden_.batches[0], golden_.batch, 1.0, 0);
  EXPECT_NEAR(loss, golden_.json.Find("gradient_loss")->AsDouble(), 1e-5);
  for (std::size_t i = 0; i < golden_.gradients.size(); ++i) {
    const std::vector<float>& expected = golden_.gradients[i];
    const std::vector<float> actual =
        Get(*learner, LearnerPart::kGradient, static_cast<TensorId>(i));
    // A tensor is one row: its largest gradient is what an error counts against.
    float difference = 0;
    float largest = 0;
    for (std::size_t j = 0; j < expected.size(); ++j) {
      difference = std::max(difference, std::abs(actual[j] - expected[j]));
      largest = std::max(largest, std::abs(expected[j]));
    }
    // The bias of keys alone has none: softmax does not see what all scores share.
    EXPECT_LE(difference, 1e-4F * largest + 1e-7F) << learner->graph().tensors[i].name;
  }
}

TEST_P(TrainingGoldenTest, TenStepsGiveTheLossesOfPyTorch) {
  for (const auto& [name, run] : golden_.json.Find("optimizers")->AsObject()) {
    LearnerOptions options;
    options.optimizer.kind = kOptimizerKinds.Parse(name);
    const auto learner = TorchEngine().NewLearner(GoldenModel(golden_.decoder), options);
    const Json::Array& losses = run.Find("losses")->AsArray();
    ASSERT_EQ(losses.size(), golden_.batches.size());
    for (std::size_t i = 0; i < losses.size(); ++i) {
      const double loss = learner->Accumulate(golden_.batches[i], golden_.batch, 1.0, 0);
      EXPECT_NEAR(loss, losses[i].AsDouble(), 1e-4) << name << ", step " << i;
      learner->Update(run.Find("learning_rate")->AsDouble(), static_cast<std::int64_t>(i) + 1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, TrainingGoldenTest, ::testing::ValuesIn(TrainingGoldenNames()),
                         [](const auto& test) { return test.param; });

// A small model and tokens with something to learn: each follows from the one before.
struct Case {
  Architecture architecture = Architecture::Gpt2(2, 32, 64, 4, 23, 16);
  std::int64_t batch = 4;
  std::vector<std::int32_t> Tokens(std::uint64_t seed) const {
    Rng rng(seed);
    std::vector<std::int32_t> tokens;
    for (std::int64_t b = 0; b < batch; ++b) {
      std::int64_t token = rng.Below(architecture.vocab_size());
      for (std::int64_t i = 0; i <= architecture.max_seq_len(); ++i) {
        tokens.push_back(static_cast<std::int32_t>(token));
        token = (token * 5 + 3) % architecture.vocab_size();
      }
    }
    return tokens;
  }
  std::unique_ptr<Learner> NewLearner(const LearnerOptions& options = {}) const {
    return TorchEngine().NewLearner(RandomModel(architecture, 1), options);
  }
};

TEST(TorchLearnerTest, BothDTypesLearnWhatFollowsWhat) {
  const Case c;
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    const auto learner = c.NewLearner({.dtype = dtype});
    EXPECT_NEAR(learner->Loss(c.Tokens(0), c.batch), std::log(23.0), 0.1);
    for (int step = 1; step <= 120; ++step) {
      learner->Accumulate(c.Tokens(static_cast<std::uint64_t>(step)), c.batch, 1.0, 0);
      learner->Update(5e-3, step);
    }
    EXPECT_LT(learner->Loss(c.Tokens(0), c.batch), 0.2) << kDTypes.Name(dtype);
  }
}

TEST(TorchLearnerTest, BFloat16GradientsPointWhereFloat32GradientsDo) {
  const Case c;
  const auto single = c.NewLearner();
  const auto half = c.NewLearner({.dtype = DType::kBFloat16});
  const double expected = single->Accumulate(c.Tokens(1), c.batch, 1.0, 0);
  EXPECT_NEAR(half->Accumulate(c.Tokens(1), c.batch, 1.0, 0), expected, 0.02);
  double both = 0;
  double a = 0;
  double b = 0;
  for (std::size_t i = 0; i < single->graph().tensors.size(); ++i) {
    const auto x = Get(*single, LearnerPart::kGradient, static_cast<TensorId>(i));
    const auto y = Get(*half, LearnerPart::kGradient, static_cast<TensorId>(i));
    for (std::size_t j = 0; j < x.size(); ++j) {
      both += static_cast<double>(x[j]) * static_cast<double>(y[j]);
      a += static_cast<double>(x[j]) * static_cast<double>(x[j]);
      b += static_cast<double>(y[j]) * static_cast<double>(y[j]);
    }
  }
  EXPECT_GT(both / std::sqrt(a * b), 0.995);
}

TEST(TorchLearnerTest, MicroBatchesSumToTheBatch) {
  const Case c;
  const std::vector<std::int32_t> tokens = c.Tokens(3);
  const auto whole = c.NewLearner();
  const double loss = whole->Accumulate(tokens, c.batch, 1.0, 0);
  const auto parts = c.NewLearner();
  double sum = 0;
  const std::size_t half = tokens.size() / 2;
  for (const std::size_t begin : {std::size_t{0}, half}) {
    sum += parts->Accumulate(std::span(tokens).subspan(begin, half), c.batch / 2, 0.5, 0);
  }
  EXPECT_NEAR(sum / 2, loss, 1e-6);
  for (std::size_t i = 0; i < whole->graph().tensors.size(); ++i) {
    const auto x = Get(*whole, LearnerPart::kGradient, static_cast<TensorId>(i));
    const auto y = Get(*parts, LearnerPart::kGradient, static_cast<TensorId>(i));
    for (std::size_t j = 0; j < x.size(); ++j) ASSERT_NEAR(x[j], y[j], 1e-6);
  }
}

TEST(TorchLearnerTest, TheSameCallsGiveTheSameBits) {
  const Case c;
  const LearnerOptions options{.threads = 2, .dropout = 0.1, .attention_dropout = 0.1};
  const auto run = [&] {
    const auto learner = c.NewLearner(options);
    for (int step = 1; step <= 3; ++step) {
      learner->Accumulate(c.Tokens(7), c.batch, 1.0, static_cast<std::uint64_t>(step));
      learner->Update(1e-2, step);
    }
    return GetAll(*learner, LearnerPart::kWeight);
  };
  EXPECT_EQ(run(), run());
}

TEST(TorchLearnerTest, DropoutDependsOnItsSeedAndNotOnEvaluation) {
  const Case c;
  const auto tokens = c.Tokens(5);
  const auto learner = c.NewLearner({.dropout = 0.3, .attention_dropout = 0.2});
  const double plain = c.NewLearner()->Loss(tokens, c.batch);
  EXPECT_EQ(learner->Loss(tokens, c.batch), plain);
  const double first = learner->Accumulate(tokens, c.batch, 1.0, 11);
  EXPECT_NE(first, plain);
  EXPECT_EQ(learner->Accumulate(tokens, c.batch, 1.0, 11), first);
  EXPECT_NE(learner->Accumulate(tokens, c.batch, 1.0, 12), first);
}

TEST(TorchLearnerTest, WhatIsReadCanBeWrittenToAnotherWhichThenDoesTheSame) {
  const Case c;
  const auto one = c.NewLearner();
  for (int step = 1; step <= 2; ++step) {
    one->Accumulate(c.Tokens(7), c.batch, 1.0, 0);
    one->Update(1e-2, step);
  }
  const auto other = c.NewLearner();
  for (const auto part :
       {LearnerPart::kWeight, LearnerPart::kFirstMoment, LearnerPart::kSecondMoment}) {
    for (std::size_t i = 0; i < one->graph().tensors.size(); ++i) {
      const auto id = static_cast<TensorId>(i);
      other->Write(part, id, Get(*one, part, id));
    }
  }
  for (Learner* learner : {one.get(), other.get()}) {
    learner->Accumulate(c.Tokens(8), c.batch, 1.0, 0);
    learner->Update(1e-2, 3);
  }
  EXPECT_EQ(GetAll(*one, LearnerPart::kWeight), GetAll(*other, LearnerPart::kWeight));
}

TEST(TorchLearnerTest, AGradientThatIsNotFiniteChangesNothing) {
  const Case c;
  const auto learner = c.NewLearner();
  std::vector<float> values = Get(*learner, LearnerPart::kWeight, 0);
  values[0] = std::numeric_limits<float>::infinity();
  learner->Write(LearnerPart::kWeight, 0, values);
  const auto before = Get(*learner, LearnerPart::kWeight, 1);
  learner->Accumulate(c.Tokens(1), c.batch, 1.0, 0);
  EXPECT_FALSE(std::isfinite(learner->Update(1e-2, 1)));
  EXPECT_EQ(Get(*learner, LearnerPart::kWeight, 1), before);
}

TEST(TorchLearnerTest, RejectsBatchesThatDoNotFit) {
  const Case c;
  const auto learner = c.NewLearner();
  const auto accumulate = [&](std::vector<std::int32_t> tokens, std::int64_t batch) {
    learner->Accumulate(tokens, batch, 1.0, 0);
  };
  EXPECT_THROW(accumulate({}, 1), Error);
  EXPECT_THROW(accumulate({1}, 1), Error);        // nothing to predict
  EXPECT_THROW(accumulate({1, 2, 3}, 2), Error);  // unequal
  EXPECT_THROW(accumulate({1, 23}, 1), Error);    // no such token
  EXPECT_THROW(accumulate({-1, 2}, 1), Error);
  EXPECT_THROW(accumulate(std::vector<std::int32_t>(18, 1), 1), Error);  // beyond the context
  EXPECT_NO_THROW(accumulate(std::vector<std::int32_t>(17, 1), 1));
}

TEST(TorchLearnerTest, RefusesInt8) {
  const Case c;
  EXPECT_THROW(c.NewLearner({.dtype = DType::kInt8}), Error);
}

}  // namespace
}  // namespace lts::torch_engine

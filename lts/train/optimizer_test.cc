#include "lts/train/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/rng.h"

namespace lts {
namespace {

struct Tensor {
  explicit Tensor(std::size_t count, std::uint64_t seed = 1)
      : weights(count), gradients(count), first(count), second(count) {
    FillNormalLike(weights, 0.5F, seed, 0);
    FillNormalLike(gradients, 0.3F, seed, 1);
  }
  UpdateRange Range(std::size_t begin, std::size_t count) {
    return {std::span(weights).subspan(begin, count), std::span(gradients).subspan(begin, count),
            std::span(first).subspan(begin, count), std::span(second).subspan(begin, count)};
  }
  UpdateRange All() { return Range(0, weights.size()); }

  std::vector<float> weights, gradients, first, second;
};

// The papers' formulas, in double and one value at a time.
struct Exact {
  double w, m = 0, v = 0;
  double Direction(const OptimizerOptions& o, double g, int t) {
    m = o.beta1 * m + (1 - o.beta1) * g;
    v = o.beta2 * v + (1 - o.beta2) * g * g;
    return m / (1 - std::pow(o.beta1, t)) / (std::sqrt(v / (1 - std::pow(o.beta2, t))) + o.epsilon);
  }
};

TEST(OptimizerTest, AdamWFollowsThePaper) {
  const OptimizerOptions options;
  Tensor tensor(37);
  std::vector<Exact> exact;
  for (const float w : tensor.weights) exact.push_back({w});
  for (int t = 1; t <= 10; ++t) {
    FillNormalLike(tensor.gradients, 0.3F, 7, static_cast<std::uint64_t>(t));
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const double direction = exact[i].Direction(options, 0.5 * tensor.gradients[i], t);
      exact[i].w -= 0.01 * options.weight_decay * exact[i].w + 0.01 * direction;
    }
    UpdateAdamW(options, {.learning_rate = 0.01, .step = t, .gradient_scale = 0.5}, tensor.All());
  }
  for (std::size_t i = 0; i < exact.size(); ++i) {
    EXPECT_NEAR(tensor.weights[i], exact[i].w, 1e-6) << i;
  }
}

TEST(OptimizerTest, LambScalesItsStepByTheLengthOfTheWeights) {
  const OptimizerOptions options{.kind = OptimizerKind::kLamb};
  Tensor tensor(53);
  std::vector<Exact> exact;
  for (const float w : tensor.weights) exact.push_back({w});
  for (int t = 1; t <= 10; ++t) {
    FillNormalLike(tensor.gradients, 0.3F, 7, static_cast<std::uint64_t>(t));
    double length = 0;
    double direction_length = 0;
    std::vector<double> directions;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      directions.push_back(exact[i].Direction(options, tensor.gradients[i], t) +
                           options.weight_decay * exact[i].w);
      direction_length += directions[i] * directions[i];
      length += exact[i].w * exact[i].w;
    }
    for (std::size_t i = 0; i < exact.size(); ++i) {
      exact[i].w -= 0.01 * std::sqrt(length / direction_length) * directions[i];
    }
    const UpdateStep step{.learning_rate = 0.01, .step = t};
    UpdateLambWeights(options, step, UpdateLambMoments(options, step, tensor.All()), tensor.All());
  }
  for (std::size_t i = 0; i < exact.size(); ++i) {
    EXPECT_NEAR(tensor.weights[i], exact[i].w, 1e-6) << i;
  }
}

TEST(OptimizerTest, LambTrustsNoTensorBeyondALengthOfTen) {
  const OptimizerOptions options{.kind = OptimizerKind::kLamb, .weight_decay = 0};
  Tensor tensor(4);
  tensor.weights = {100, 100, 100, 100};
  tensor.gradients = {1, 1, 1, 1};
  const UpdateStep step{.learning_rate = 0.1, .step = 1};
  UpdateLambWeights(options, step, UpdateLambMoments(options, step, tensor.All()), tensor.All());
  // The direction is (1, 1, 1, 1), of length 2, made 0.1 * 10 long.
  EXPECT_NEAR(tensor.weights[0], 99.5, 1e-4);
}

TEST(OptimizerTest, LambMovesATensorOfZeros) {
  const OptimizerOptions options{.kind = OptimizerKind::kLamb};
  Tensor tensor(4);
  tensor.weights = {0, 0, 0, 0};
  tensor.gradients = {1, 1, -1, 1};
  const UpdateStep step{.learning_rate = 0.1, .step = 1};
  UpdateLambWeights(options, step, UpdateLambMoments(options, step, tensor.All()), tensor.All());
  EXPECT_NEAR(tensor.weights[0], -0.1, 1e-5);
  EXPECT_NEAR(tensor.weights[2], 0.1, 1e-5);
}

TEST(OptimizerTest, OnlyWhatDecaysShrinksWithoutGradients) {
  for (const bool decays : {false, true}) {
    Tensor tensor(8);
    tensor.gradients.assign(8, 0.0F);
    const std::vector<float> before = tensor.weights;
    UpdateAdamW({}, {.learning_rate = 0.5, .decays = decays}, tensor.All());
    for (std::size_t i = 0; i < 8; ++i) {
      EXPECT_FLOAT_EQ(tensor.weights[i], before[i] * (decays ? 0.95F : 1.0F));
    }
  }
}

TEST(OptimizerTest, RangesGiveTheBitsOfTheWhole) {
  Tensor whole(1001);
  Tensor cut(1001);
  const UpdateStep step{.learning_rate = 0.01, .step = 3, .gradient_scale = 0.7};
  UpdateAdamW({}, step, whole.All());
  UpdateAdamW({}, step, cut.Range(0, 333));
  UpdateAdamW({}, step, cut.Range(333, 668));
  EXPECT_EQ(cut.weights, whole.weights);
  EXPECT_EQ(cut.first, whole.first);
  EXPECT_EQ(cut.second, whole.second);
}

TEST(OptimizerTest, SumsSquaresOfEveryLength) {
  for (const std::size_t count : {0, 1, 15, 16, 17, 100}) {
    const std::vector<float> values(count, -3.0F);
    EXPECT_EQ(SumOfSquares(values), 9.0 * static_cast<double>(count));
  }
  const std::vector<float> bad{1.0F, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_TRUE(std::isnan(SumOfSquares(bad)));
}

TEST(OptimizerTest, ClipsOnlyLongGradients) {
  EXPECT_EQ(ClipScale(0.5, 1.0), 1.0);
  EXPECT_EQ(ClipScale(4.0, 1.0), 0.25);
  EXPECT_EQ(ClipScale(4.0, 0), 1.0);  // never
  EXPECT_TRUE(std::isnan(ClipScale(std::numeric_limits<double>::quiet_NaN(), 1.0)));
}

TEST(OptimizerTest, RejectsOptionsOutsideTheirRanges) {
  EXPECT_NO_THROW(CheckOptimizerOptions({}));
  EXPECT_THROW(CheckOptimizerOptions({.beta1 = 1}), Error);
  EXPECT_THROW(CheckOptimizerOptions({.beta2 = -0.1}), Error);
  EXPECT_THROW(CheckOptimizerOptions({.epsilon = 0}), Error);
  EXPECT_THROW(CheckOptimizerOptions({.weight_decay = 2}), Error);
  EXPECT_THROW(CheckOptimizerOptions({.clip_norm = std::nan("")}), Error);
}

}  // namespace
}  // namespace lts

#include "lts/runtime/reference/ops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

namespace lts::reference {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::FloatNear;

TEST(Linear, MultipliesByARowMajorMatrixAndAddsTheBias) {
  const std::vector<double> x{2, 3};
  const std::vector<float> weight{1, 2, 3, 10, 20, 30};
  const std::vector<float> bias{0.5F, 0, -1};
  std::vector<double> y{99, 99, 99};  // what was there before must not matter
  Linear(x, weight, bias, y);
  EXPECT_THAT(y, ElementsAre(32.5, 64, 95));
  Linear(x, weight, {}, y);
  EXPECT_THAT(y, ElementsAre(32, 64, 96));
}

TEST(Linear, SumsInFloat64) {
  // 2^30 + 2^-20 - 2^30 is lost in float32.
  const std::vector<double> x{1, 1, 1};
  const std::vector<float> weight{0x1p30F, 0x1p-20F, -0x1p30F};
  std::vector<double> y(1);
  Linear(x, weight, {}, y);
  EXPECT_EQ(y[0], 0x1p-20);
}

TEST(LinearTransposed, DotsWithEveryRow) {
  const std::vector<double> x{2, 3};
  const std::vector<float> weight{1, 10, 2, 20, 3, 30};
  std::vector<double> y(3);
  LinearTransposed(x, weight, y);
  EXPECT_THAT(y, ElementsAre(32, 64, 96));
}

TEST(Norm, LayerNormCentresAndScales) {
  const std::vector<float> x{1, 2, 3, 6};  // mean 3, variance 3.5
  const std::vector<float> gain{1, 1, 2, 1};
  const std::vector<float> bias{0, 0, 0, 10};
  std::vector<float> y(4);
  Norm(NormKind::kLayerNorm, 0.5F, x, gain, bias, y);
  EXPECT_THAT(y, ElementsAre(-1, -0.5F, 0, 11.5F));
}

TEST(Norm, RmsNormDoesNotCentre) {
  const std::vector<float> x{1, 5, 1, 3};  // mean square 9
  const std::vector<float> gain{1, 2, 1, 1};
  std::vector<float> y(4);
  Norm(NormKind::kRmsNorm, 0, x, gain, {}, y);
  EXPECT_THAT(y, ElementsAre(FloatNear(1 / 3.0F, 1e-7F), FloatNear(10 / 3.0F, 1e-6F),
                             FloatNear(1 / 3.0F, 1e-7F), FloatNear(1, 1e-7F)));
}

TEST(Norm, AConstantRowGivesTheBias) {
  const std::vector<float> x{7, 7, 7};
  const std::vector<float> gain{2, 2, 2};
  const std::vector<float> bias{1, 2, 3};
  std::vector<float> y(3);
  Norm(NormKind::kLayerNorm, 1e-5F, x, gain, bias, y);
  EXPECT_THAT(y, ElementsAre(1, 2, 3));
}

// Values of PyTorch 2 in float64: torch.nn.functional.{gelu,relu,silu}.
TEST(Activate, EqualsPublishedValues) {
  EXPECT_THAT(Activate(Activation::kGeluTanh, 1.0), DoubleNear(0.8411919906082768, 1e-15));
  EXPECT_THAT(Activate(Activation::kGeluTanh, -0.5), DoubleNear(-0.15428599017485606, 1e-15));
  EXPECT_THAT(Activate(Activation::kGeluErf, 1.0), DoubleNear(0.841344746068543, 1e-15));
  EXPECT_THAT(Activate(Activation::kGeluErf, -0.5), DoubleNear(-0.15426876936299344, 1e-15));
  EXPECT_THAT(Activate(Activation::kSilu, 1.0), DoubleNear(0.7310585786300049, 1e-15));
  EXPECT_EQ(Activate(Activation::kRelu, -2.0), 0.0);
  EXPECT_EQ(Activate(Activation::kRelu, 3.0), 3.0);
  EXPECT_EQ(Activate(Activation::kReluSquared, -2.0), 0.0);
  EXPECT_EQ(Activate(Activation::kReluSquared, 3.0), 9.0);
}

TEST(Activate, StaysFiniteFarFromZero) {
  for (const auto& entry : kActivations.entries) {
    EXPECT_NEAR(Activate(entry.value, -1e4), 0.0, 1e-12) << entry.name;
    EXPECT_TRUE(std::isfinite(Activate(entry.value, 1e4))) << entry.name;
  }
}

TEST(Rotate, TurnsPairsByTheirFrequencies) {
  // base 16, 4 dimensions: pair 0 turns by 1 a position, pair 1 by 16^(-2/4) = 1/4. Position 2.
  const double c0 = std::cos(2.0);
  const double s0 = std::sin(2.0);
  const double c1 = std::cos(0.5);
  const double s1 = std::sin(0.5);
  std::vector<double> halves{1, 0, 0, 1, 5};
  Rotate(PositionScheme::kRotaryHalves, 2, 4, 16.0, halves);
  EXPECT_THAT(halves, ElementsAre(DoubleEq(c0), DoubleEq(-s1), DoubleEq(s0), DoubleEq(c1), 5));
  std::vector<double> neighbours{1, 0, 0, 1, 5};
  Rotate(PositionScheme::kRotaryInterleaved, 2, 4, 16.0, neighbours);
  EXPECT_THAT(neighbours, ElementsAre(DoubleEq(c0), DoubleEq(s0), DoubleEq(-s1), DoubleEq(c1), 5));
}

TEST(Rotate, LeavesHeadsWithoutRotaryPositions) {
  std::vector<double> head{1, 2, 3, 4};
  Rotate(PositionScheme::kNone, 7, 4, 10000.0, head);
  EXPECT_THAT(head, ElementsAre(1, 2, 3, 4));
}

TEST(Attend, WeighsValuesBySoftmax) {
  const double log3 = std::log(3.0);
  const std::vector<double> query{2, 0};
  const std::vector<float> keys{0, 9, static_cast<float>(log3), -9};
  const std::vector<float> values{1, 2, 5, 10};
  std::array<double, 2> scores{};
  std::vector<double> y(2);
  Attend(query, keys, values, 0.5, scores, y);  // scores 0 and ln 3: weights 1/4 and 3/4
  EXPECT_THAT(y, ElementsAre(DoubleNear(4, 1e-6), DoubleNear(8, 1e-6)));
}

TEST(Attend, SurvivesScoresThatWouldOverflowTheExponential) {
  const std::vector<double> query{1};
  const std::vector<float> keys{1e4F, -1e4F};
  const std::vector<float> values{3, 4};
  std::array<double, 2> scores{};
  std::vector<double> y(1);
  Attend(query, keys, values, 1.0, scores, y);
  EXPECT_EQ(y[0], 3);
}

}  // namespace
}  // namespace lts::reference

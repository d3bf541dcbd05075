#include "lts/train/bigram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "lts/base/rng.h"
#include "lts/data/data_test_support.h"
#include "lts/data/token_writer.h"

namespace lts {
namespace {

TEST(BigramModelTest, FollowsItsFormula) {
  const std::vector<std::int32_t> tokens{0, 1, 0, 1, 0, 2};
  const BigramModel model(tokens, 4);
  // After 0 came 1, 1 and 2; c(0) = 3, n(0) = 2, P(1) = 3 / 10.
  EXPECT_DOUBLE_EQ(model.Probability(0, 1), (2 - 0.75) / 3 + 0.75 * 2 / 3 * 0.3);
  EXPECT_DOUBLE_EQ(model.Probability(0, 3), 0.75 * 2 / 3 * 0.1);  // never seen at all
  EXPECT_DOUBLE_EQ(model.Probability(2, 1), 0.3);                 // nothing came after 2
}

TEST(BigramModelTest, ProbabilitiesSumToOne) {
  Rng rng(3);
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < 500; ++i) tokens.push_back(static_cast<std::int32_t>(rng.Below(30)));
  const BigramModel model(tokens, 37);
  for (std::int32_t before = 0; before < 37; ++before) {
    double sum = 0;
    for (std::int32_t token = 0; token < 37; ++token) sum += model.Probability(before, token);
    EXPECT_NEAR(sum, 1.0, 1e-12) << before;
  }
}

class BigramLossTest : public DataFolder {};

TEST_F(BigramLossTest, IsTheMeanOverTheSplit) {
  TokenWriter writer(Path("data"), 4, 3);
  writer.Append(Split::kTrain, std::vector<std::int32_t>{0, 1, 0, 1, 0}, 5);  // and a 3
  writer.Append(Split::kValidation, std::vector<std::int32_t>{0, 1}, 2);
  writer.Finish(Json::MakeObject());
  const TokenDataset data = TokenDataset::Open(Path("data"));
  const BigramModel model(data, 1000);
  const double expected =
      -(std::log(model.Probability(0, 1)) + std::log(model.Probability(1, 3))) / 2;
  EXPECT_NEAR(*model.Loss(data, Split::kValidation, 1000), expected, 1e-12);
  EXPECT_NEAR(*model.Loss(data, Split::kValidation, 1), -std::log(model.Probability(0, 1)), 1e-12);
  EXPECT_FALSE(model.Loss(data, Split::kTest, 1000).has_value());
}

}  // namespace
}  // namespace lts

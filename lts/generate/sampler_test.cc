#include "lts/generate/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/json.h"

namespace lts {
namespace {

using ::testing::HasSubstr;
using Logits = std::vector<float>;

const float kLn2 = std::log(2.0F);
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<TokenProbability> Distribution(const SamplerOptions& options, const Logits& logits,
                                           const std::vector<std::int32_t>& context = {}) {
  return Sampler(options, std::ssize(logits)).Distribution(logits, context);
}

std::vector<std::int32_t> Ids(const std::vector<TokenProbability>& tokens) {
  std::vector<std::int32_t> ids;
  for (const TokenProbability& token : tokens) ids.push_back(token.id);
  return ids;
}

// Probabilities 1/2, 1/4, 1/8, 1/8.
const Logits kHalves = {2 * kLn2, 3 * kLn2, kLn2, kLn2};
using ::testing::ElementsAre;

TEST(Sampler, DistributionIsTheSoftmax) {
  const auto tokens = Distribution({}, kHalves);
  EXPECT_THAT(Ids(tokens), ElementsAre(1, 0, 2, 3));
  EXPECT_NEAR(tokens[0].probability, 0.5, 1e-6);
  EXPECT_NEAR(tokens[1].probability, 0.25, 1e-6);
  EXPECT_NEAR(tokens[3].probability, 0.125, 1e-6);
}

TEST(Sampler, TemperatureSharpensAndZeroIsGreedy) {
  // 1/4, 1/16, 1/64, 1/64 of 22/64.
  EXPECT_NEAR(Distribution({.temperature = 0.5}, kHalves)[0].probability, 16.0 / 22, 1e-6);
  EXPECT_THAT(Ids(Distribution({.temperature = 0}, kHalves)), ElementsAre(1));
  EXPECT_THAT(Ids(Distribution({.temperature = 0}, {1, 3, 3, 2})), ElementsAre(1));
  // Beyond float32 all that is left is the largest.
  EXPECT_THAT(Ids(Distribution({.temperature = 1e-42}, {10, 30, 20})), ElementsAre(1));
}

TEST(Sampler, TopKKeepsTiesOfTheLast) {
  EXPECT_THAT(Ids(Distribution({.top_k = 2}, kHalves)), ElementsAre(1, 0));
  EXPECT_THAT(Ids(Distribution({.top_k = 3}, kHalves)), ElementsAre(1, 0, 2, 3));
  EXPECT_THAT(Ids(Distribution({.top_k = 100}, kHalves)), ElementsAre(1, 0, 2, 3));
  EXPECT_NEAR(Distribution({.top_k = 2}, kHalves)[0].probability, 2.0 / 3, 1e-6);
}

TEST(Sampler, TopPKeepsTheOneThatReachesItAndOfEqualsTheLowestId) {
  EXPECT_THAT(Ids(Distribution({.top_p = 0.4}, kHalves)), ElementsAre(1));
  EXPECT_THAT(Ids(Distribution({.top_p = 0.6}, kHalves)), ElementsAre(1, 0));
  EXPECT_THAT(Ids(Distribution({.top_p = 0.8}, kHalves)), ElementsAre(1, 0, 2));
  EXPECT_THAT(Ids(Distribution({.top_p = 0.9}, kHalves)), ElementsAre(1, 0, 2, 3));
  EXPECT_THAT(Ids(Distribution({.top_p = 1e-9}, kHalves)), ElementsAre(1));
}

TEST(Sampler, RepetitionPenaltyCountsATokenOnce) {
  const Logits logits = {2, -1, 0.5, 1};
  const SamplerOptions options{.temperature = 1, .repetition_penalty = 2};
  const auto tokens = Distribution(options, logits, {0, 0, 1, -7, 99});
  // 2 / 2, -1 * 2, 0.5, 1: of the two that are equal the lowest id first.
  EXPECT_THAT(Ids(tokens), ElementsAre(0, 3, 2, 1));
  const double total = std::exp(1) + std::exp(-2) + std::exp(0.5) + std::exp(1);
  EXPECT_NEAR(tokens[3].probability, std::exp(-2) / total, 1e-6);
}

TEST(Sampler, TokensOfMinusInfinityAreNeverDrawn) {
  Rng rng(1);
  Sampler sampler({.top_k = 3, .top_p = 0.99}, 3);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(sampler.Sample(Logits{-kInfinity, 0, -kInfinity}, {}, rng), 1);
  }
}

TEST(Sampler, DrawsInProportion) {
  Rng rng(3);
  Sampler sampler({}, 4);
  std::map<std::int32_t, int> counts;
  constexpr int kDraws = 40000;
  for (int i = 0; i < kDraws; ++i) ++counts[sampler.Sample(kHalves, {}, rng)];
  // Five standard deviations of a binomial of 40,000 draws: below 500.
  EXPECT_NEAR(counts[1], kDraws / 2, 500);
  EXPECT_NEAR(counts[0], kDraws / 4, 500);
  EXPECT_NEAR(counts[3], kDraws / 8, 500);
}

TEST(Sampler, TheSameSeedDrawsTheSame) {
  Logits logits(1000);
  Rng source(5);
  for (float& logit : logits) logit = static_cast<float>(3 * source.Normal());
  const auto draws = [&](std::uint64_t seed) {
    Rng rng(seed);
    Sampler sampler({.temperature = 0.9, .top_k = 200, .top_p = 0.95}, 1000);
    std::vector<std::int32_t> ids;
    for (int i = 0; i < 100; ++i) ids.push_back(sampler.Sample(logits, ids, rng));
    return ids;
  };
  EXPECT_EQ(draws(1), draws(1));
  EXPECT_NE(draws(1), draws(2));
}

// Hugging Face's logits processors (tools/make_sampler_goldens.py).
TEST(Sampler, EqualsTransformers) {
  const Json goldens =
      ReadJsonFile(std::string(LTS_SOURCE_DIR) + "/tests/goldens/generate/sampler.json");
  ASSERT_GE(goldens.AsArray().size(), 20U);
  for (const Json& golden : goldens.AsArray()) {
    Logits logits;
    for (const Json& logit : golden.Find("logits")->AsArray()) {
      logits.push_back(static_cast<float>(logit.AsDouble()));
    }
    std::vector<std::int32_t> context;
    for (const Json& id : golden.Find("context")->AsArray()) {
      context.push_back(static_cast<std::int32_t>(id.AsInt()));
    }
    const SamplerOptions options{
        .temperature = golden.Find("temperature")->AsDouble(),
        .top_k = golden.Find("top_k")->AsInt(),
        .top_p = golden.Find("top_p")->AsDouble(),
        .repetition_penalty = golden.Find("repetition_penalty")->AsDouble()};
    const auto tokens = Distribution(options, logits, context);
    const Json::Object& expected = golden.Find("probabilities")->AsObject();
    EXPECT_EQ(tokens.size(), expected.size()) << WriteJson(golden, JsonStyle::kCompact);
    for (const TokenProbability& token : tokens) {
      const Json* const probability = golden.Find("probabilities")->Find(std::to_string(token.id));
      ASSERT_NE(probability, nullptr) << token.id;
      EXPECT_NEAR(token.probability, probability->AsDouble(), 2e-6);
    }
  }
}

TEST(Sampler, RefusesOptionsOutsideTheirRanges) {
  const double nan = std::nan("");
  for (const SamplerOptions& options :
       {SamplerOptions{.temperature = -1}, SamplerOptions{.temperature = nan},
        SamplerOptions{.top_k = -1}, SamplerOptions{.top_p = 0}, SamplerOptions{.top_p = 1.1},
        SamplerOptions{.top_p = nan}, SamplerOptions{.repetition_penalty = 0}}) {
    EXPECT_THROW(Sampler(options, 4), Error);
  }
  try {
    CheckSamplerOptions({.top_p = 1.5});
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "top_p: got 1.5, expected more than 0 and at most 1");
  }
}

TEST(Sampler, RefusesLogitsThatAreNone) {
  Rng rng(1);
  Sampler sampler({}, 3);
  const auto message = [&](const Logits& logits) -> std::string {
    try {
      sampler.Sample(logits, {}, rng);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({0, std::nanf(""), 1}), HasSubstr("got nan for token 1"));
  EXPECT_THAT(message({0, 1, kInfinity}), HasSubstr("got inf for token 2"));
  EXPECT_THAT(message({-kInfinity, -kInfinity, -kInfinity}), HasSubstr("got -inf for token 0"));
  EXPECT_EQ(message({0, 1, 2}), "no error");
}

}  // namespace
}  // namespace lts

#include "lts/cost/design.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lts/base/stats.h"
#include "lts/cost/synthetic_device.h"

namespace lts {
namespace {

using namespace cost_test;  // NOLINT(google-build-using-namespace)

constexpr auto kEqualSeconds = [](const Architecture&) { return 1.0; };

std::vector<std::string> Ids(std::span<const Architecture> architectures) {
  std::vector<std::string> ids;
  for (const Architecture& a : architectures) ids.push_back(a.Id());
  return ids;
}

// The 95th percentile of a model's error after measuring `chosen` on a device that its prior does
// not describe.
double ErrorAfter(std::span<const Architecture> chosen, const CostContext& context) {
  SyntheticDevice device = DeviceOf(Metric::kTtftMs, 1, 1.6);
  device.last_position_only = true;
  const CostFeatures features(context);
  Rng rng(1);
  std::vector<Observation> observations;
  for (const Architecture& a : chosen) {
    observations.push_back(
        {a, {Noisy(Metric::kTtftMs, device.Cost(features, Metric::kTtftMs, a), 0.02, rng)}});
  }
  const CostModel model(context, observations);
  std::vector<double> errors;
  for (int i = 0; i < 300; ++i) {
    const Architecture a = RandomArchitecture(rng, false);
    const double truth = device.Cost(features, Metric::kTtftMs, a);
    errors.push_back(std::abs(model.Predict(Metric::kTtftMs, a).value / truth - 1));
  }
  return Quantile(errors, 0.95);
}

TEST(DesignTest, SameArgumentsSameAnswer) {
  const SearchSpace space = LoadSpace("archai-gpt2");
  const CostContext context;
  const std::vector<Architecture> first =
      Design(space, context, {.seed = 3, .pool = 200}).Next({}, 6, kEqualSeconds);
  EXPECT_EQ(first.size(), 6U);
  EXPECT_EQ(Ids(first),
            Ids(Design(space, context, {.seed = 3, .pool = 200}).Next({}, 6, kEqualSeconds)));
  EXPECT_NE(Ids(first),
            Ids(Design(space, context, {.seed = 4, .pool = 200}).Next({}, 6, kEqualSeconds)));
}

TEST(DesignTest, GoesOnWhereItStopped) {
  const SearchSpace space = LoadSpace("archai-gpt2");
  const Design design(space, CostContext{}, {.pool = 200});
  const std::vector<Architecture> all = design.Next({}, 8, kEqualSeconds);
  const std::vector<Architecture> known(all.begin(), all.begin() + 5);
  const std::vector<Architecture> rest = design.Next(known, 3, kEqualSeconds);
  EXPECT_EQ(Ids(rest), Ids(std::span(all).subspan(5)));
}

TEST(DesignTest, NeverTheSameTwice) {
  SpaceFields fields = LoadSpace("archai-gpt2").fields();
  fields.dimensions = {
      {"n_layer", {2, 4}}, {"d_model", {256}}, {"d_inner", {512, 1024}}, {"n_head", {4, 8}}};
  const Design design(SearchSpace(fields), CostContext{}, {});
  EXPECT_EQ(design.pool().size(), 8U);  // all there is
  const std::vector<Architecture> all = design.Next({}, 100, kEqualSeconds);
  const std::vector<std::string> ids = Ids(all);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 8U);
  EXPECT_TRUE(design.Next(all, 5, kEqualSeconds).empty());
}

TEST(DesignTest, PrefersWhatIsCheapWhereTimeCounts) {
  const SearchSpace space = LoadSpace("archai-gpt2");
  const CostContext context;
  const Design design(space, context, {.pool = 300});
  const auto seconds = [&](const Architecture& a) { return 0.1 + PriorLatencyMs(context, a); };
  const auto total = [&](std::span<const Architecture> chosen) {
    double sum = 0;
    for (const Architecture& a : chosen) sum += seconds(a);
    return sum;
  };
  EXPECT_LT(total(design.Next({}, 12, seconds)), 0.7 * total(design.Next({}, 12, kEqualSeconds)));
}

TEST(DesignTest, TeachesMoreThanChance) {
  const SearchSpace space = LoadSpace("archai-gpt2");
  const CostContext context;
  double chosen = 0;
  double random = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Design design(space, context, {.seed = seed, .pool = 300});
    chosen += ErrorAfter(design.Next({}, 12, kEqualSeconds), context);
    random += ErrorAfter(design.pool().first(12), context);  // the pool is drawn at random
  }
  EXPECT_LT(chosen, 0.9 * random);
}

TEST(DesignTest, HeterogeneousSpaces) {
  CostContext context;
  const Design design(LoadSpace("lts-gpt2"), context, {.pool = 100});
  EXPECT_EQ(design.Next({}, 10, kEqualSeconds).size(), 10U);
}

}  // namespace
}  // namespace lts

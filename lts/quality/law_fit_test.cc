#include "lts/quality/law_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "lts/base/error.h"
#include "lts/base/stats.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

LtsLawInputs RandomShape(Rng& rng) {
  const double width = 64 * static_cast<double>(rng.Between(1, 8));
  return {static_cast<double>(rng.Between(2, 16)),
          width,
          128 * static_cast<double>(rng.Between(2, 16)),
          1 + 2 * rng.Uniform(),
          {{1, width}}};
}

// Models that obey a law but for `noise` in ln perplexity.
LawFitSet Obeying(const LtsLawVector& law, std::int64_t models, double noise, std::uint64_t seed) {
  Rng rng(seed);
  LawFitSet set{"set " + std::to_string(seed), "set " + std::to_string(seed), {}, {}};
  for (std::int64_t i = 0; i < models; ++i) {
    set.inputs.push_back(RandomShape(rng));
    set.log_perplexity.push_back(2.5 + 0.8 * LtsLawValue(law, set.inputs.back()) +
                                 noise * rng.Normal());
  }
  return set;
}

double TauOf(const LtsLawVector& law, const LawFitSet& set) {
  std::vector<double> values;
  for (const LtsLawInputs& input : set.inputs) values.push_back(LtsLawValue(law, input));
  return KendallTauB(values, set.log_perplexity);
}

TEST(FitLtsLaw, FindsTheLawThatTheModelsObey) {
  LtsLawVector law = PhysicalPrior().mean;
  law[0] += 0.5;
  law[1] -= 0.4;
  const std::vector<LawFitSet> sets{Obeying(law, 100, 1e-4, 1), Obeying(law, 100, 1e-4, 2)};
  const LtsLawFit fit = FitLtsLaw(sets);
  EXPECT_GT(TauOf(fit.log_parameters, Obeying(law, 200, 0, 3)), 0.99);
  EXPECT_LT(fit.residual, 0.01);
  EXPECT_EQ(fit.models, 200);
  EXPECT_GE(fit.depth.low, 2);
  EXPECT_LE(fit.depth.high, 16);
}

TEST(FitLtsLaw, IsDeterministic) {
  const std::vector<LawFitSet> sets{Obeying(PhysicalPrior().mean, 40, 0.02, 1),
                                    Obeying(PhysicalPrior().mean, 40, 0.02, 2)};
  EXPECT_EQ(FitLtsLaw(sets).log_parameters, FitLtsLaw(sets).log_parameters);
  EXPECT_EQ(FitLtsLaw(sets).covariance, FitLtsLaw(sets).covariance);
}

TEST(RefitLtsLaw, KeepsAPriorThatIsRight) {
  const LawFitSet set = Obeying(FrozenLtsLaw().log_parameters, 20, 0.01, 4);
  const LtsLawRefit refit = RefitLtsLaw(FrozenLtsLaw(), set);
  EXPECT_TRUE(refit.kept_prior);
  EXPECT_EQ(refit.fit.log_parameters, FrozenLtsLaw().log_parameters);
  EXPECT_NEAR(refit.fit.scale, 0.8, 0.1);
  EXPECT_NEAR(refit.fit.offset, 2.5, 0.3);
}

TEST(RefitLtsLaw, LeavesAPriorThatIsWrong) {
  LtsLawVector law = FrozenLtsLaw().log_parameters;
  law[1] += 1.2;  // width matters more
  const LawFitSet set = Obeying(law, 40, 0.002, 5);
  LtsLawFit prior = FrozenLtsLaw();
  for (std::size_t i = 0; i < kLtsLawSize; ++i) prior.covariance[i * kLtsLawSize + i] += 0.25;
  const LtsLawRefit refit = RefitLtsLaw(prior, set);
  EXPECT_FALSE(refit.kept_prior);
  EXPECT_LT(refit.refit_error, refit.prior_error);
  const LawFitSet fresh = Obeying(law, 200, 0, 6);
  EXPECT_GT(TauOf(refit.fit.log_parameters, fresh), TauOf(prior.log_parameters, fresh));
}

TEST(RefitLtsLaw, RefusesTooFewModels) {
  const auto message = [](const LawFitSet& set) {
    try {
      RefitLtsLaw(FrozenLtsLaw(), set);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(message(Obeying(PhysicalPrior().mean, 7, 0, 1)), HasSubstr("at least 8"));
  LawFitSet same = Obeying(PhysicalPrior().mean, 1, 0, 1);
  same.inputs.resize(10, same.inputs[0]);
  same.log_perplexity.resize(10, 3);
  EXPECT_THAT(message(same), HasSubstr("only 1 different shapes"));
}

TEST(MostInformative, PrefersWhatIsUnlikeAllOthersAndNeverTheSameTwice) {
  Rng rng(9);
  std::vector<LtsLawInputs> candidates(30, RandomShape(rng));
  candidates[17].width = 4096;
  candidates[17].embeddings = {{1, 4096}};
  const std::vector<std::size_t> chosen = MostInformative(FrozenLtsLaw(), candidates, 5);
  ASSERT_EQ(chosen.size(), 5U);
  EXPECT_EQ(chosen[0], 17U);
  EXPECT_EQ(std::set<std::size_t>(chosen.begin(), chosen.end()).size(), 5U);
  EXPECT_EQ(MostInformative(FrozenLtsLaw(), candidates, 100).size(), 30U);
  EXPECT_TRUE(MostInformative(FrozenLtsLaw(), {}, 5).empty());
}

TEST(SiblingGroup, PutsFrontiersOfOneBackboneAndCorpusTogether) {
  EXPECT_EQ(SiblingGroup("pareto_GPT2_lm1b_arm"), SiblingGroup("pareto_GPT2_lm1b_corei7"));
  EXPECT_NE(SiblingGroup("pareto_GPT2_lm1b_arm"), SiblingGroup("pareto_TransXL_lm1b_arm"));
  EXPECT_EQ(SiblingGroup("random_TransXL_wt103"), "random_TransXL_wt103");
}

}  // namespace
}  // namespace lts

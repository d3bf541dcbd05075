// lts_law on sets that it was not fitted on: what docs/quality.md claims of it. Every set is scored
// by constants fitted without it and without its sibling frontier.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "lts/arch/published_data.h"
#include "lts/base/rng.h"
#include "lts/base/stats.h"
#include "lts/quality/law_fit.h"
#include "lts/quality/ranking_set.h"

namespace lts {
namespace {

constexpr const char* kSets[] = {
    "random_GPT2_wt103",       "random_TransXL_wt103", "random_TransXL_wt103_homogeneous",
    "pareto_GPT2_lm1b_corei7", "pareto_GPT2_lm1b_arm", "pareto_TransXL_lm1b_corei7",
    "pareto_TransXL_lm1b_arm"};
constexpr std::size_t kRandomSets = 3;  // the first ones

struct Set {
  TrainedModels models;
  RankingSet ranking;
  LawFitSet fit;
};

class LeaveOut : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kSets) {
      const std::string path = PublishedData("lts_benchmark/" + std::string(name) + ".csv");
      if (!std::filesystem::exists(path)) {
        GTEST_SKIP() << "no " << path << ": the LTS benchmark is not here";
      }
      Set set{ReadTrainedModels(path), {}, {}};
      set.ranking = RankingSetOf(set.models, path);
      set.fit = LawFitSetOf(set.models);
      set.fit.group = SiblingGroup(name);
      sets_.push_back(std::move(set));
    }
  }
  // Constants fitted without the group of a set.
  LtsLawFit FitWithout(const Set& set) const {
    std::vector<LawFitSet> all;
    for (const Set& each : sets_) all.push_back(each.fit);
    return FitLtsLawWithout(all, set.fit.group);
  }

  std::vector<Set> sets_;
};

std::vector<double> Values(const LtsLawFit& fit, const LawFitSet& set) {
  std::vector<double> values;
  for (const LtsLawInputs& input : set.inputs) {
    values.push_back(LtsLawValue(fit.log_parameters, input));
  }
  return values;
}

std::vector<double> Scores(std::string_view law, const Set& set) {
  std::vector<double> scores;
  for (const TrainedModel& model : set.models.models) {
    scores.push_back(LawValue(FindLaw(law), model.architecture));
  }
  return scores;
}

TEST_F(LeaveOut, RanksBetterThanSizeAndThanGemstones) {
  double iso_rho = 0;
  double regret = 0;
  std::printf("%-34s %6s %6s %6s | tau of decoder_params, gemstones | regret %%\n", "set", "rho",
              "tau", "iso");
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    const Set& set = sets_[i];
    const std::vector<double> values = Values(FitWithout(set), set.fit);
    const std::vector<double>& truth = set.ranking.truth;
    const double tau = KendallTauB(values, truth);
    const double params_tau = KendallTauB(Scores("decoder_params", set), truth);
    const double gemstones_tau = KendallTauB(Scores("gemstones", set), truth);
    EXPECT_GT(tau, params_tau) << set.models.name;
    EXPECT_GT(tau, gemstones_tau) << set.models.name;
    const double iso = IsoParameterRho(set.ranking.size, values, truth).value();
    std::printf("%-34s %.4f %.4f %.4f | %.4f %.4f |", set.models.name.c_str(),
                Spearman(values, truth), tau, iso, params_tau, gemstones_tau);
    for (std::size_t cost = 0; cost < 3; ++cost) {
      const double lost = SelectionRegret(set.ranking.costs[cost].values, values, truth);
      std::printf(" %.2f", lost);
      if (i < kRandomSets) regret += lost / (3 * kRandomSets);
    }
    std::printf("\n");
    if (i < kRandomSets) iso_rho += iso / kRandomSets;
  }
  std::printf("mean over the random sets: iso-parameter rho %.4f, regret %.2f %%\n", iso_rho,
              regret);
  EXPECT_GE(iso_rho, 0.75);
  EXPECT_LE(regret, 1.5);
}

TEST_F(LeaveOut, FrozenConstantsAreThoseOfTheBenchmark) {
  std::vector<LawFitSet> all;
  for (const Set& set : sets_) all.push_back(set.fit);
  const LtsLawFit fit = FitLtsLaw(all);
  const LtsLawFit& frozen = FrozenLtsLaw();
  for (std::size_t i = 0; i < kLtsLawSize; ++i) {
    EXPECT_NEAR(frozen.log_parameters[i], fit.log_parameters[i], 0.00051) << kLtsLawParameters[i];
  }
  for (std::size_t i = 0; i < frozen.covariance.size(); ++i) {
    EXPECT_NEAR(frozen.covariance[i], fit.covariance[i], 0.000051) << i;
  }
  EXPECT_NEAR(frozen.residual, fit.residual, 0.000051);
  EXPECT_EQ(frozen.models, fit.models);
  EXPECT_EQ(frozen.depth, fit.depth);
  EXPECT_EQ(frozen.width, fit.width);
  EXPECT_EQ(frozen.d_inner, fit.d_inner);
  EXPECT_NEAR(frozen.heads.low, fit.heads.low, 1e-9);
  EXPECT_NEAR(frozen.heads.high, fit.heads.high, 1e-9);
}

TEST_F(LeaveOut, IntervalsHoldWhatTheyPromise) {
  // ln perplexity, put on the law's scale by each set's own line, lies inside 95 % intervals; pairs
  // that are called decided are.
  for (const Set& set : sets_) {
    const LtsLawFit fit = FitWithout(set);
    const std::vector<double> values = Values(fit, set.fit);
    const std::vector<double>& log_perplexity = set.fit.log_perplexity;
    const Line line = FitLine(values, log_perplexity);
    std::size_t inside = 0;
    std::size_t ties = 0;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double truth = (log_perplexity[i] - line.offset) / line.slope;
      const Prediction prediction = PredictLtsLaw(fit, set.fit.inputs[i]);
      inside += prediction.low <= truth && truth <= prediction.high;
      for (std::size_t j = 0; j < i; ++j) {
        const LawComparison pair = CompareByLtsLaw(fit, set.fit.inputs[i], set.fit.inputs[j]);
        ties += pair.tie;
        wrong += !pair.tie && (pair.difference < 0) != (log_perplexity[i] < log_perplexity[j]);
      }
    }
    const auto models = static_cast<double>(values.size());
    const double pairs = models * (models - 1) / 2;
    const double decided = pairs - static_cast<double>(ties);
    std::printf(
        "%-34s %.1f %% inside their intervals; %.0f %% of pairs tied, %.2f %% of others wrong\n",
        set.models.name.c_str(), 100 * static_cast<double>(inside) / models,
        100 * static_cast<double>(ties) / pairs, 100 * static_cast<double>(wrong) / decided);
    EXPECT_GE(static_cast<double>(inside), 0.95 * models) << set.models.name;
    EXPECT_LE(static_cast<double>(wrong), 0.025 * decided) << set.models.name;
    EXPECT_LE(static_cast<double>(ties), 0.5 * pairs) << set.models.name;
  }
}

TEST_F(LeaveOut, ARefitToTwentyModelsImprovesOrKeepsTheRanking) {
  constexpr int kDraws = 10;
  constexpr std::size_t kModels = 20;
  Rng rng(20);
  for (const Set& set : sets_) {
    const LtsLawFit prior = FitWithout(set);
    int kept = 0;
    int not_worse = 0;
    double gain = 0;
    for (int draw = 0; draw < kDraws; ++draw) {
      std::vector<std::size_t> order(set.fit.inputs.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      rng.Shuffle(std::span(order));
      LawFitSet few{set.fit.name, set.fit.group, {}, {}};
      LawFitSet rest = few;
      for (std::size_t i = 0; i < order.size(); ++i) {
        LawFitSet& part = i < kModels ? few : rest;
        part.inputs.push_back(set.fit.inputs[order[i]]);
        part.log_perplexity.push_back(set.fit.log_perplexity[order[i]]);
      }
      const LtsLawRefit refit = RefitLtsLaw(prior, few);
      kept += refit.kept_prior;
      const double change = KendallTauB(Values(refit.fit, rest), rest.log_perplexity) -
                            KendallTauB(Values(prior, rest), rest.log_perplexity);
      not_worse += change >= 0;
      gain += change / kDraws;
    }
    std::printf("%-34s not worse in %d of %d draws, tau %+.4f; the prior kept in %d\n",
                set.models.name.c_str(), not_worse, kDraws, gain, kept);
    EXPECT_GE(not_worse, 9) << set.models.name;
  }
}

}  // namespace
}  // namespace lts

// The tables that others published for the LTS benchmark, to the digits that they gave.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <utility>
#include <vector>

#include "lts/arch/published_data.h"
#include "lts/quality/law.h"
#include "lts/quality/law_fit.h"
#include "lts/quality/ranking.h"
#include "lts/quality/ranking_set.h"
#include "lts/quality/trained_models.h"

namespace lts {
namespace {

std::string PathOf(const std::string& set) {
  return PublishedData("lts_benchmark/" + set + ".csv");
}

class PublishedRankings : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(PathOf("random_GPT2_wt103"))) {
      GTEST_SKIP() << "no " << PathOf("random_GPT2_wt103") << ": the LTS benchmark is not here";
    }
  }
  static TrainedModels Read(const std::string& set) { return ReadTrainedModels(PathOf(set)); }
};

std::vector<double> Scores(std::string_view law, const TrainedModels& models) {
  std::vector<double> scores;
  for (const TrainedModel& model : models.models) {
    scores.push_back(LawValue(FindLaw(law), model.architecture));
  }
  return scores;
}

double Rounded(double value, int digits) {
  const double scale = std::pow(10, digits);
  return std::round(value * scale) / scale;
}

TEST_F(PublishedRankings, DecoderAndTotalParameters) {
  struct Row {
    const char* set;
    std::size_t models;
    double rho, tau, within, total_rho;
    int rho_digits;
  };
  constexpr Row kRows[] = {{"random_GPT2_wt103", 200, .9670, .8468, .16, .737, 4},
                           {"random_TransXL_wt103", 200, .9736, .8613, .17, .261, 4},
                           {"random_TransXL_wt103_homogeneous", 98, .9499, .8165, .16, .332, 4},
                           {"pareto_GPT2_lm1b_arm", 45, .9947, .947, .55, .979, 3},
                           {"pareto_GPT2_lm1b_corei7", 38, .9941, .952, .54, .977, 3},
                           {"pareto_TransXL_lm1b_arm", 39, .9916, .937, .37, .989, 3},
                           {"pareto_TransXL_lm1b_corei7", 35, .9933, .944, .33, .990, 3}};
  for (const Row& row : kRows) {
    const TrainedModels models = Read(row.set);
    const RankingSet data = RankingSetOf(models, row.set);
    ASSERT_EQ(models.models.size(), row.models) << row.set;
    const std::vector<double> scores = Scores("decoder_params", models);
    EXPECT_DOUBLE_EQ(Rounded(Spearman(scores, data.truth), 4), row.rho) << row.set;
    EXPECT_DOUBLE_EQ(Rounded(KendallTauB(scores, data.truth), row.rho_digits), row.tau) << row.set;
    EXPECT_DOUBLE_EQ(Rounded(PairAgreement(data.size, scores, data.truth).value(), 2), row.within)
        << row.set;
    EXPECT_DOUBLE_EQ(Rounded(Spearman(Scores("total_params", models), data.truth), 3),
                     row.total_rho)
        << row.set;
  }
}

// The table of the laws takes for N what attention and feed-forward hold, not the norms; so its
// first law is attn_ffn_params. On the homogeneous set the two differ.
TEST_F(PublishedRankings, LawsWithTheirPublishedCoefficients) {
  struct Row {
    const char* set;
    const char* law;
    double iso_rho, rho, tau;
  };
  constexpr Row kRows[] = {
      {"random_GPT2_wt103", "attn_ffn_params", .470, .9670, .847},
      {"random_GPT2_wt103", "gemstones", .576, .9719, .859},
      {"random_GPT2_wt103", "conditional", .552, .9704, .855},
      {"random_TransXL_wt103", "attn_ffn_params", .461, .9736, .861},
      {"random_TransXL_wt103", "gemstones", .471, .9740, .863},
      {"random_TransXL_wt103", "conditional", .464, .9737, .862},
      {"random_TransXL_wt103_homogeneous", "attn_ffn_params", .330, .9493, .816},
      {"random_TransXL_wt103_homogeneous", "gemstones", .570, .9667, .846},
      {"random_TransXL_wt103_homogeneous", "conditional", .523, .9610, .835}};
  for (const Row& row : kRows) {
    const TrainedModels models = Read(row.set);
    const RankingSet data = RankingSetOf(models, row.set);
    const std::vector<double> scores = Scores(row.law, models);
    EXPECT_DOUBLE_EQ(Rounded(IsoParameterRho(data.size, scores, data.truth).value(), 3),
                     row.iso_rho)
        << row.set << " " << row.law;
    EXPECT_DOUBLE_EQ(Rounded(Spearman(scores, data.truth), 4), row.rho)
        << row.set << " " << row.law;
    EXPECT_DOUBLE_EQ(Rounded(KendallTauB(scores, data.truth), 3), row.tau)
        << row.set << " " << row.law;
  }
}

// What Law::loss_scale says of itself.
TEST_F(PublishedRankings, LossesRiseWithTheLawsAsTheySay) {
  int losses = 0;
  for (const Law* law : Laws()) {
    if (law->loss_scale == 0) continue;
    ++losses;
    std::vector<double> slopes;
    for (const char* set :
         {"random_GPT2_wt103", "random_TransXL_wt103", "random_TransXL_wt103_homogeneous",
          "pareto_GPT2_lm1b_arm", "pareto_GPT2_lm1b_corei7", "pareto_TransXL_lm1b_arm",
          "pareto_TransXL_lm1b_corei7"}) {
      const TrainedModels models = Read(set);
      std::vector<double> log_perplexity;
      for (const TrainedModel& model : models.models)
        log_perplexity.push_back(std::log(model.perplexity));
      slopes.push_back(FitLine(Scores(law->name, models), log_perplexity).slope);
    }
    EXPECT_NEAR(law->loss_scale, Median(slopes), 0.0005) << law->name;
  }
  EXPECT_EQ(losses, 4);
}

TEST_F(PublishedRankings, SpectralCapacity) {
  const TrainedModels models = Read("random_GPT2_wt103");
  const RankingSet data = RankingSetOf(models, "random_GPT2_wt103");
  const std::vector<double> scores = Scores("nsc", models);
  EXPECT_DOUBLE_EQ(Rounded(Spearman(scores, data.truth), 4), .9681);
  EXPECT_DOUBLE_EQ(Rounded(KendallTauB(scores, data.truth), 4), .8488);
}

TEST_F(PublishedRankings, SelectionRegretOfDecoderParameters) {
  struct Row {
    const char* set;
    double params, flops, total;
  };
  // 9.0 is printed for 8.95, which is 8.947 here.
  constexpr Row kRows[] = {{"random_GPT2_wt103", 9.3, 8.9, 4.9},
                           {"random_TransXL_wt103", 4.1, 4.9, 4.7},
                           {"random_TransXL_wt103_homogeneous", 10.4, 10.9, .4}};
  for (const Row& row : kRows) {
    const TrainedModels models = Read(row.set);
    const RankingSet data = RankingSetOf(models, row.set);
    const std::vector<double> scores = Scores("decoder_params", models);
    const double expected[] = {row.params, row.flops, row.total};
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_DOUBLE_EQ(Rounded(SelectionRegret(data.costs[i].values, scores, data.truth), 1),
                       expected[i])
          << row.set << " " << data.costs[i].name;
    }
  }
}

TEST_F(PublishedRankings, DecoderParametersBySize) {
  struct Row {
    const char* set;
    std::vector<std::pair<std::size_t, double>> rho;  // of a group of kSizeGroups
  };
  const Row rows[] = {{"random_GPT2_wt103", {{0, .87}, {1, .70}, {2, .46}, {4, .13}}},
                      {"random_TransXL_wt103", {{0, .95}, {1, .59}, {2, .60}, {3, .08}}},
                      {"random_TransXL_wt103_homogeneous", {{0, .91}, {1, .67}}}};
  for (const Row& row : rows) {
    const TrainedModels models = Read(row.set);
    const RankingSet data = RankingSetOf(models, row.set);
    const auto groups = RhoBySize(data.size, Scores("decoder_params", models), data.truth);
    for (const auto& [group, rho] : row.rho) {
      ASSERT_TRUE(groups[group].has_value()) << row.set << " " << group;
      EXPECT_DOUBLE_EQ(Rounded(*groups[group], 2), rho) << row.set << " " << group;
    }
  }
}

TEST_F(PublishedRankings, CommonRatioOfTheBestTenth) {
  struct Row {
    const char* set;
    double ratio;
  };
  constexpr Row kRows[] = {{"random_GPT2_wt103", .70},
                           {"random_TransXL_wt103", .60},
                           {"random_TransXL_wt103_homogeneous", .78}};
  for (const Row& row : kRows) {
    const TrainedModels models = Read(row.set);
    const RankingSet data = RankingSetOf(models, row.set);
    EXPECT_DOUBLE_EQ(Rounded(CommonRatio(Scores("decoder_params", models), data.truth, 0.1), 2),
                     row.ratio)
        << row.set;
  }
}

}  // namespace
}  // namespace lts

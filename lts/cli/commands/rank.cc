// lts rank: how well laws rank models that were really trained.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <ostream>

#include "lts/base/files.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/quality/law_file.h"
#include "lts/quality/ranking.h"
#include "lts/quality/ranking_set.h"
#include "lts/quality/trained_models.h"
#include "lts/report/scatter.h"

namespace lts::cli {
namespace {

constexpr std::int64_t kMostResamples = 100'000;
constexpr double kFractions[] = {0.1, 0.2, 0.5};
constexpr int kPlotColumns = 3;

struct Options {
  std::vector<std::string> files;
  std::vector<std::string> laws;
  std::int64_t resamples = 200;
  std::uint64_t seed = 1;
  std::string plot;
};

std::string WithInterval(const RankingScore& score, int digits) {
  if (score.interval.low == score.interval.high) return fmt::format("{:.{}f}", score.value, digits);
  return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", score.value, digits, score.interval.low,
                     std::min(digits, 2), score.interval.high, std::min(digits, 2));
}

void AppendScore(std::vector<Cell>& row, const std::optional<RankingScore>& score,
                 const std::string& text) {
  row.push_back({score ? Json(score->value) : Json(), score ? text : "-"});
  row.push_back({score ? Json(score->interval.low) : Json(), ""});
  row.push_back({score ? Json(score->interval.high) : Json(), ""});
}

void AddScoreColumns(std::vector<Table::Column>& columns, const std::string& name,
                     const std::string& heading) {
  columns.push_back({name, heading});
  columns.push_back({name + "_low", ""});
  columns.push_back({name + "_high", ""});
}

// Of a group of kSizeGroups: "rho_below_5M", "rho_5M_10M" ... "rho_from_40M".
std::string SizeGroupName(std::size_t group) {
  const auto millions = [](double size) { return fmt::format("{:.0f}M", size / 1e6); };
  if (group == 0) return "rho_below_" + millions(kSizeGroups.front());
  if (group == kSizeGroups.size()) return "rho_from_" + millions(kSizeGroups.back());
  return "rho_" + millions(kSizeGroups[group - 1]) + "_" + millions(kSizeGroups[group]);
}

constexpr std::string_view kCosts[] = {kDecoderParamsCost, kFlopsCost, kTotalParamsCost,
                                       kLatencyCost};
constexpr const char* kCostHeadings[] = {"regret % params", "FLOPs", "total", "latency"};

Table MakeTable() {
  std::vector<Table::Column> columns{
      {"set", "set", false}, {"law", "law", false}, {"models", "models"}};
  AddScoreColumns(columns, "spearman", "rho");
  AddScoreColumns(columns, "kendall", "tau");
  AddScoreColumns(columns, "iso_rho", "iso-parameter rho");
  AddScoreColumns(columns, "pair_agreement", "within 10 %");
  for (const double fraction : kFractions) {
    const std::string percent = fmt::format("{:.0f}", 100 * fraction);
    AddScoreColumns(columns, "common_" + percent, fraction == 0.1 ? "top " + percent + " %" : "");
  }
  for (std::size_t i = 0; i < std::size(kCosts); ++i) {
    AddScoreColumns(columns, "regret_" + std::string(kCosts[i]), kCostHeadings[i]);
  }
  for (std::size_t group = 0; group < kSizeGroupCount; ++group) {
    columns.push_back({SizeGroupName(group), ""});
  }
  return Table(std::move(columns));
}

std::vector<Cell> Row(const std::string& set, const std::string& law, std::int64_t models,
                      const Ranking& ranking, const RankingSet& data,
                      std::span<const double> prediction) {
  std::vector<Cell> row{{set, ""}, {law, ""}, {models, ""}};
  AppendScore(row, ranking.spearman, fmt::format("{:.4f}", ranking.spearman.value));
  AppendScore(row, ranking.kendall, WithInterval(ranking.kendall, 4));
  AppendScore(row, ranking.iso_rho, ranking.iso_rho ? WithInterval(*ranking.iso_rho, 3) : "");
  AppendScore(row, ranking.pair_agreement,
              ranking.pair_agreement ? fmt::format("{:.2f}", ranking.pair_agreement->value) : "");
  for (const RankingScore& score : ranking.common_ratio) {
    AppendScore(row, score, fmt::format("{:.2f}", score.value));
  }
  for (const std::string_view cost : kCosts) {
    std::optional<RankingScore> regret;
    for (std::size_t i = 0; i < data.costs.size(); ++i) {
      if (data.costs[i].name == cost) regret = ranking.regret[i];
    }
    AppendScore(row, regret, regret ? fmt::format("{:.2f}", regret->value) : "");
  }
  for (const auto& rho : RhoBySize(data.size, prediction, data.truth)) {
    row.push_back({rho ? Json(*rho) : Json(), ""});
  }
  return row;
}

ScatterPanel Panel(const TrainedModels& models, const std::string& law,
                   const std::vector<double>& prediction, const Ranking& ranking) {
  ScatterPanel panel{
      law,
      fmt::format(
          "{}: tau {:.3f}{}", models.name, ranking.kendall.value,
          ranking.iso_rho ? fmt::format(", iso-parameter rho {:.3f}", ranking.iso_rho->value) : ""),
      "predicted, lower is better",
      "perplexity",
      {}};
  for (std::size_t i = 0; i < models.models.size(); ++i) {
    const TrainedModel& model = models.models[i];
    panel.points.push_back({prediction[i], model.perplexity,
                            fmt::format("{}: {}, perplexity {:.4g}", model.id,
                                        model.architecture.ShortName(), model.perplexity)});
  }
  return panel;
}

void RunRank(const Options& options, Context& context) {
  if (options.resamples < 0 || options.resamples > kMostResamples) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--bootstrap: got {}, expected a number in [0, {}]", options.resamples,
                            kMostResamples));
  }
  std::vector<NamedLaw> laws;
  for (const std::string& name : options.laws) laws.push_back(LoadLaw(name));
  if (laws.empty()) {
    for (const Law* law : Laws()) laws.push_back(LoadLaw(std::string(law->name)));
  }
  Table table = MakeTable();
  std::vector<ScatterPanel> panels;
  for (const std::string& file : options.files) {
    const TrainedModels models = ReadTrainedModels(file);
    const RankingSet data = RankingSetOf(models, file);
    if (models.without_perplexity > 0 && !context.quiet) {
      context.err << fmt::format("{}: {} row{} without a perplexity left out\n", file,
                                 models.without_perplexity,
                                 models.without_perplexity == 1 ? "" : "s");
    }
    for (const NamedLaw& law : laws) {
      std::vector<double> prediction;
      for (const TrainedModel& model : models.models) {
        prediction.push_back(law.predict(model.architecture).value);
      }
      const Ranking ranking =
          Rank(data, prediction, kFractions, options.resamples, Rng(options.seed));
      table.AddRow(
          Row(models.name, law.name, std::ssize(models.models), ranking, data, prediction));
      if (!options.plot.empty()) panels.push_back(Panel(models, law.name, prediction, ranking));
    }
  }
  if (!options.plot.empty()) WriteFileAtomic(options.plot, ScatterSvg(panels, kPlotColumns));
  table.Print(context.format, context.terminal, context.out);
}

}  // namespace

void AddRank(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("rank", "How well laws of quality rank models that were really trained");
  auto options = std::make_shared<Options>();
  command
      ->add_option("TABLE", options->files,
                   "CSV files: columns config (a file or JSON) and perplexity, or those of the LTS "
                   "benchmark")
      ->required();
  std::vector<std::string> names;
  for (const Law* law : Laws()) names.emplace_back(law->name);
  command
      ->add_option("--law", options->laws,
                   "Laws to judge: " + Joined(names) +
                       " or a law.json of `lts fit-law`; without "
                       "any: all of them")
      ->allow_extra_args(false);
  command
      ->add_option("--bootstrap", options->resamples,
                   "Resamples for the 95 % intervals; 0: no intervals")
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Of the resamples")->capture_default_str();
  command->add_option("--output,-o", options->plot, "Also draw truth against prediction: FILE.svg");
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->footer(
      "rho, tau: Spearman's and Kendall's correlation with perplexity over all models. "
      "iso-parameter rho: the mean rho\n"
      "inside ten groups of similar decoder parameters, which is what tells laws apart. within 10 "
      "%: agreement on pairs\n"
      "of that similar a size. regret: how much worse than the best, in perplexity, is the model "
      "that the law picks\n"
      "under a cap on decoder parameters, FLOPs, total parameters, latency. docs/quality.md "
      "defines all. Example:\n"
      "  lts rank trained.csv --law decoder_params --law lts_law -o rank.svg");
  command->callback([options, &context] { RunRank(*options, context); });
}

}  // namespace lts::cli

// lts fit-law: refits lts_law to trained models, and its frozen constants to the benchmark; shows
// what the law is worth on sets that it was not fitted on.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <ostream>
#include <span>

#include "lts/base/files.h"
#include "lts/base/stats.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/quality/law.h"
#include "lts/quality/law_file.h"
#include "lts/quality/law_fit.h"
#include "lts/quality/ranking_set.h"
#include "lts/quality/trained_models.h"
#include "lts/space/search_space.h"

namespace lts::cli {
namespace {

constexpr std::int64_t kCandidates = 2000;  // that proposals are chosen from
constexpr std::int64_t kMostProposals = 1000;
constexpr std::size_t kFewestInSet = 3;
// What lts_law is held against where sets are left out.
constexpr std::string_view kRivals[] = {"decoder_params", "gemstones"};

struct Options {
  std::string table;
  std::string output;
  std::string name;
  std::string prior;
  std::string space;
  std::int64_t propose = 8;
  std::uint64_t seed = 1;
  std::string benchmark;
  bool print_constants = false;
  bool leave_out = false;
};

struct BenchmarkSet {
  TrainedModels models;
  LawFitSet fit;
};

LtsLawFit PriorOf(const Options& options) {
  if (options.prior.empty()) return FrozenLtsLaw();
  return ParseLawFile(ReadJsonFile(options.prior), options.prior).fit;
}

// The tables of the benchmark, by name.
std::vector<BenchmarkSet> BenchmarkSets(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".csv") files.push_back(entry.path().string());
  }
  if (error || files.empty()) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("--benchmark {}: {}; expected the folder of the LTS benchmark's CSV files",
                    folder, error ? error.message() : "no .csv files"));
  }
  std::ranges::sort(files);
  std::vector<BenchmarkSet> sets;
  for (const std::string& file : files) {
    TrainedModels models = ReadTrainedModels(file);
    if (models.models.size() < kFewestInSet) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {} trained models, expected at least {} to fit a law to", file,
                              models.models.size(), kFewestInSet));
    }
    LawFitSet fit = LawFitSetOf(models);
    fit.group = SiblingGroup(fit.name);
    sets.push_back({std::move(models), std::move(fit)});
  }
  return sets;
}

std::vector<LawFitSet> FitSets(const std::vector<BenchmarkSet>& sets) {
  std::vector<LawFitSet> fit;
  for (const BenchmarkSet& set : sets) fit.push_back(set.fit);
  return fit;
}

void PrintNumbers(std::span<const double> values, int digits, std::ostream& out) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    out << fmt::format("{:.{}f}{}", values[i], digits,
                       i + 1 == values.size()       ? "\n"
                       : (i + 1) % kLtsLawSize == 0 ? ",\n"
                                                    : ", ");
  }
}

// As laws/lts_law.cc has them: rounded, so that the last digits of another compiler's arithmetic do
// not matter.
void PrintConstants(const LtsLawFit& fit, std::ostream& out) {
  out << "log_parameters:\n";
  PrintNumbers(fit.log_parameters, 3, out);
  out << "covariance:\n";
  PrintNumbers(fit.covariance, 4, out);
  out << fmt::format("residual: {:.4f}\nmodels: {}\n", fit.residual, fit.models);
  const auto range = [&](std::string_view name, const LtsLawFit::Range& r) {
    out << fmt::format("{}: {:.2f}, {:.2f}\n", name, r.low, r.high);
  };
  range("n_layer", fit.depth);
  range("d_model", fit.width);
  range("d_inner", fit.d_inner);
  range("n_head", fit.heads);
}

// How a law ranks a set, as `lts rank` has it, without intervals.
struct LeaveOutScore {
  double rho = 0;
  double tau = 0;
  double iso_rho = 0;
  std::array<double, 3> regret{};  // by decoder parameters, FLOPs, total parameters
};

LeaveOutScore ScoreOf(const RankingSet& set, std::span<const double> values) {
  LeaveOutScore score{Spearman(values, set.truth),
                      KendallTauB(values, set.truth),
                      IsoParameterRho(set.size, values, set.truth).value_or(0),
                      {}};
  for (std::size_t i = 0; i < score.regret.size(); ++i) {
    score.regret[i] = SelectionRegret(set.costs[i].values, values, set.truth);
  }
  return score;
}

LeaveOutScore MeanOf(std::span<const LeaveOutScore> scores) {
  LeaveOutScore mean;
  const auto n = static_cast<double>(scores.size());
  for (const LeaveOutScore& score : scores) {
    mean.rho += score.rho / n;
    mean.tau += score.tau / n;
    mean.iso_rho += score.iso_rho / n;
    for (std::size_t i = 0; i < mean.regret.size(); ++i) mean.regret[i] += score.regret[i] / n;
  }
  return mean;
}

// Every set scored by constants fitted without it and its siblings, beside laws without constants
// of this benchmark; then the means over the sets of random architectures, which tell laws apart.
void PrintLeaveOut(const std::vector<BenchmarkSet>& sets, Context& context) {
  const std::vector<LawFitSet> fit_sets = FitSets(sets);
  Table table({{"set", "set left out", false},
               {"law", "law", false},
               {"models", "models"},
               {"spearman", "rho"},
               {"kendall", "tau"},
               {"iso_rho", "iso-parameter rho"},
               {"regret_decoder_params", "regret % params"},
               {"regret_flops", "FLOPs"},
               {"regret_total_params", "total"}});
  const auto add = [&](const std::string& set, std::string_view law, std::int64_t models,
                       const LeaveOutScore& score) {
    const auto cell = [](double value, int digits) {
      return Cell{value, fmt::format("{:.{}f}", value, digits)};
    };
    std::vector<Cell> row{{set, ""},          {std::string(law), ""}, {models, ""},
                          cell(score.rho, 4), cell(score.tau, 4),     cell(score.iso_rho, 3)};
    for (const double regret : score.regret) row.push_back(cell(regret, 2));
    table.AddRow(std::move(row));
  };
  std::map<std::string_view, std::vector<LeaveOutScore>> random;  // by law
  std::int64_t random_models = 0;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const TrainedModels& models = sets[i].models;
    const RankingSet ranking = RankingSetOf(models, models.name);
    const bool is_random = models.name.starts_with("random_");
    if (is_random) random_models += std::ssize(models.models);
    const auto score = [&](std::string_view law, const std::vector<double>& values) {
      const LeaveOutScore result = ScoreOf(ranking, values);
      add(models.name, law, std::ssize(models.models), result);
      if (is_random) random[law].push_back(result);
    };
    for (const std::string_view rival : kRivals) {
      std::vector<double> values;
      for (const TrainedModel& model : models.models) {
        values.push_back(LawValue(FindLaw(rival), model.architecture));
      }
      score(rival, values);
    }
    const LtsLawFit fit = FitLtsLawWithout(fit_sets, sets[i].fit.group);
    std::vector<double> values;
    for (const LtsLawInputs& inputs : sets[i].fit.inputs) {
      values.push_back(LtsLawValue(fit.log_parameters, inputs));
    }
    score("lts_law", values);
  }
  for (const auto& [law, scores] : random) {
    add("mean over random sets", law, random_models, MeanOf(scores));
  }
  table.Print(context.format, context.terminal, context.out);
}

void Propose(const Options& options, const LtsLawFit& fit, Context& context) {
  const SearchSpace space = LoadSpace(options.space);
  Rng rng(options.seed);
  std::vector<Architecture> candidates;
  std::vector<LtsLawInputs> inputs;
  for (std::int64_t i = 0; i < kCandidates; ++i) {
    const std::optional<Genome> genome = space.Sample(rng, Workload{});
    if (!genome) break;
    candidates.push_back(space.Decode(*genome));
    inputs.push_back(LtsLawInputsOf(candidates.back()));
  }
  if (candidates.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--space {}: no architecture found that satisfies its constraints",
                            options.space));
  }
  Table table({{"id", "", false},
               {"architecture", "train next", false},
               {"config", "", false},
               {"value", "predicted"},
               {"low", "low"},
               {"high", "high"}});
  for (const std::size_t index : MostInformative(fit, inputs, options.propose)) {
    const Prediction prediction = PredictLtsLaw(fit, inputs[index]);
    const auto cell = [](double value) { return Cell{value, fmt::format("{:.3f}", value)}; };
    table.AddRow({{candidates[index].Id(), ""},
                  {candidates[index].ShortName(), ""},
                  {WriteJson(candidates[index].ToDocument(), JsonStyle::kCompact), ""},
                  cell(prediction.value),
                  cell(prediction.low),
                  cell(prediction.high)});
  }
  table.Print(context.format, context.terminal, context.out);
}

void RunRefit(const Options& options, Context& context) {
  const LawFitSet set = LawFitSetOf(ReadTrainedModels(options.table));
  const LtsLawRefit refit = RefitLtsLaw(PriorOf(options), set);
  const LawFile law{options.name.empty() ? set.name : options.name, refit.kept_prior, refit.fit};
  if (!options.output.empty()) {
    WriteFileAtomic(options.output, WriteJson(ToJson(law)) + "\n");
  }
  if (!context.quiet) {
    context.err << (refit.kept_prior
                        ? fmt::format("kept the prior: held-out models are off by {:.2f} % with it "
                                      "and by {:.2f} % refitted, in an order no clearer than "
                                      "chance makes it\n",
                                      100 * refit.prior_error, 100 * refit.refit_error)
                        : fmt::format("refitted to {} models: held-out ones are off by {:.2f} %, "
                                      "with the prior by {:.2f} %\n",
                                      set.inputs.size(), 100 * refit.refit_error,
                                      100 * refit.prior_error));
  }
  if (!options.space.empty()) {
    Propose(options, refit.fit, context);
    return;
  }
  if (options.output.empty()) context.out << WriteJson(ToJson(law)) << '\n';
}

void Run(const Options& options, Context& context) {
  if (options.propose < 1 || options.propose > kMostProposals) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--propose: got {}, expected a number in [1, {}]", options.propose,
                            kMostProposals));
  }
  const bool of_benchmark = options.print_constants || options.leave_out;
  if (of_benchmark == options.benchmark.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "--benchmark goes with --print-constants, --leave-out or both, and they with it");
  }
  if (of_benchmark == !options.table.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "expected either a TABLE to refit to or --benchmark DIR with --print-constants or "
                "--leave-out");
  }
  if (!of_benchmark) {
    RunRefit(options, context);
    return;
  }
  const std::vector<BenchmarkSet> sets = BenchmarkSets(options.benchmark);
  if (options.print_constants) PrintConstants(FitLtsLaw(FitSets(sets)), context.out);
  if (!options.leave_out) return;
  const auto in_first_group = [&](const BenchmarkSet& set) {
    return set.fit.group == sets.front().fit.group;
  };
  if (std::ranges::all_of(sets, in_first_group)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--benchmark {}: only siblings of one set; --leave-out needs another",
                            options.benchmark));
  }
  PrintLeaveOut(sets, context);
}

}  // namespace

void AddFitLaw(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "fit-law", "Refits lts_law to models that you trained, and says which to train next");
  auto options = std::make_shared<Options>();
  command->add_option("TABLE", options->table,
                      "CSV of at least 8 trained models: columns config (a file or JSON) and "
                      "perplexity, or those of the LTS benchmark");
  command->add_option("--output,-o", options->output,
                      "The law.json to write, for --law; without it: to stdout");
  command->add_option("--name", options->name,
                      "What tables call the law; default: the table's name");
  command->add_option("--prior", options->prior,
                      "A law.json to start from; default: the constants of lts_law");
  command->add_option("--space", options->space,
                      "Propose architectures of this space (preset or file) to train next");
  command->add_option("--propose", options->propose, "How many")->capture_default_str();
  command->add_option("--seed", options->seed, "Of the candidates that are looked at")
      ->capture_default_str();
  command->add_option("--benchmark", options->benchmark,
                      "With --print-constants or --leave-out: the folder of the LTS benchmark");
  command->add_flag("--print-constants", options->print_constants,
                    "Fit the frozen constants of lts_law again and print them");
  command->add_flag("--leave-out", options->leave_out,
                    "Rank each set of the benchmark by constants fitted without it and its "
                    "siblings");
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->footer(
      "The prior is kept unless the refit predicts and orders held-out models better by more than "
      "chance would. Example:\n"
      "  lts fit-law trained.csv -o law.json --space lts-gpt2 && lts rank trained.csv --law "
      "law.json");
  command->callback([options, &context] { Run(*options, context); });
}

}  // namespace lts::cli

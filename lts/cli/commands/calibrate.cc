// lts calibrate: a device's costs from a few dozen measurements.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <ostream>

#include "fmt/format.h"
#include "lts/base/clock.h"
#include "lts/base/error.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/cli/progress.h"
#include "lts/job/calibration.h"
#include "lts/job/run_report.h"
#include "lts/space/search_space.h"

namespace lts::cli {
namespace {

struct Options {
  RunOptions run;
  CalibrationOptions job;
  std::string budget = "60s";
  std::string out = "lts-search";
  std::string store;
  std::string file = "calibration.json";
  std::int64_t repeat = 3;
  bool no_memory = false;
};

std::string Percent(double share) { return fmt::format("{:.1f} %", 100 * share); }
Cell PercentCell(double share) { return {share, Percent(share)}; }

// A coefficient as what people compare devices by.
struct Rate {
  double value = 0;
  const char* unit = "";
};
Rate RateOf(Metric metric, const CostModel::Term& term) {
  if (metric == Metric::kPeakMemoryMib) {
    const double bytes = term.per_unit * 1024 * 1024;
    if (term.unit == "bytes") return {bytes, "bytes/byte"};
    return {bytes / 1024, term.unit == "ops" ? "KiB/op" : "KiB"};
  }
  // Milliseconds per unit; 1 multiply-add = 2 FLOPs.
  if (term.unit == "multiply-adds") return {2e-6 / term.per_unit, "GFLOP/s"};
  if (term.unit == "bytes") return {1e-6 / term.per_unit, "GB/s"};
  if (term.unit == "scores" || term.unit == "elements") {
    return {1e6 * term.per_unit, term.unit == "scores" ? "ns/score" : "ns/element"};
  }
  return {1e3 * term.per_unit, term.unit == "ops" ? "us/op" : "us"};
}

void PrintTerms(const CostModel& model, const Context& context, std::ostream& out) {
  Table table({{"metric", "metric", false},
               {"part", "part", false},
               {"share", "share"},
               {"per_unit", ""},
               {"counted", "", false},
               {"rate", "rate"},
               {"rate_unit", "", false}});
  for (const Metric metric : {Metric::kTtftMs, Metric::kTpotMs, Metric::kPeakMemoryMib}) {
    if (!model.Has(metric)) continue;
    for (const CostModel::Term& term : model.Terms(metric)) {
      if (term.per_unit == 0) continue;
      const Rate rate = RateOf(metric, term);
      table.AddRow({{Info(metric).name, ""},
                    {term.feature, ""},
                    PercentCell(term.share),
                    {term.per_unit, ""},
                    {term.unit, ""},
                    {rate.value, fmt::format("{} {}", HumanNumber(rate.value), rate.unit)},
                    {rate.unit, ""}});
    }
  }
  table.Print(OutputFormat::kTable, context.terminal, out);
}

constexpr std::array<Metric, 4> kPredicted{Metric::kTtftMs, Metric::kTpotMs, Metric::kLatencyMs,
                                           Metric::kPeakMemoryMib};

// One row for each metric: left out in turn, then (where there is one) the validation.
Table QualityTable(const CalibrationResult& result) {
  const CostModel& model = result.calibration.model;
  std::vector<Table::Column> columns = {{"metric", "metric", false},
                                        {"observations", "measured"},
                                        {"median_error", "median error"},
                                        {"p95_error", "95 % below"},
                                        {"coverage", "in interval"}};
  if (!result.validations.empty()) {
    columns.insert(columns.end(), {{"validated", "unseen"},
                                   {"validated_median_error", "median error"},
                                   {"validated_p95_error", "95 % below"},
                                   {"within_5", "within 5 %"},
                                   {"within_10", "within 10 %"},
                                   {"validated_coverage", "in interval"},
                                   {"median_half_width", "their own +-"},
                                   {"within_5_of_interval", "5 % of that"}});
  }
  Table table(columns);
  for (const Metric metric : kPredicted) {
    if (!model.Has(metric)) continue;
    const CostModel::Quality quality = model.CrossValidate(metric);
    std::vector<Cell> row = {{Info(metric).name, ""},
                             {quality.observations, ""},
                             PercentCell(quality.median_error),
                             PercentCell(quality.p95_error),
                             PercentCell(quality.coverage)};
    if (!result.validations.empty()) {
      const auto found = std::find_if(result.validations.begin(), result.validations.end(),
                                      [&](const Validation& v) { return v.metric == metric; });
      if (found == result.validations.end()) {
        row.insert(row.end(), 8, Cell{Json(), "-"});
      } else {
        const Validation& v = *found;
        row.push_back({v.architectures, ""});
        for (const double share : {v.median_error, v.p95_error, v.within_5, v.within_10, v.coverage,
                                   v.median_half_width, v.within_5_of_interval}) {
          row.push_back(PercentCell(share));
        }
      }
    }
    table.AddRow(std::move(row));
  }
  return table;
}

std::string ProgressText(const CalibrationProgress& p) {
  if (p.to_validate > 0) {
    return fmt::format("validating: {} of {} | {}", p.validated, p.to_validate, p.phase);
  }
  std::string text;
  if (p.budget_s > 0) {
    text = fmt::format("{} left | ", HumanSeconds(std::max(0.0, p.budget_s - p.elapsed_s)));
  }
  text += fmt::format("{} measured", p.measured);
  if (p.reused > 0) text += fmt::format(" ({} reused)", p.reused);
  return text + " | " + p.phase;
}

void RunCalibrate(Options& options, Context& context) {
  CalibrationOptions& job = options.job;
  const Budget budget = ParseBudget(options.budget);
  job.budget_s = budget.seconds;
  job.budget_evaluations = budget.evaluations;
  job.config = options.run.Config();
  job.workload = options.run.AsWorkload();
  job.store = options.store.empty() ? StorePath(options.out) : options.store;
  job.memory = !options.no_memory;
  job.rounds = static_cast<int>(std::clamp<std::int64_t>(options.repeat, 0, 1 << 20));
  job.probe_executable = context.executable;
  InstallSignalHandlers();
  job.interrupted = [] { return g_interrupted != 0; };

  SystemClock clock;
  ProgressLine progress(context.terminal, context.quiet, context.err, clock);
  const CalibrationResult result = RunCalibration(
      job, [&](const CalibrationProgress& p) { progress.Show(ProgressText(p)); }, nullptr, clock);
  progress.Clear();
  WriteCalibration(result.calibration, options.file);

  if (context.format == OutputFormat::kTable) {
    PrintTerms(result.calibration.model, context, context.out);
    context.out << '\n';
  }
  QualityTable(result).Print(context.format, context.terminal, context.out);
  if (!context.quiet) {
    std::ostream& to = context.format == OutputFormat::kTable ? context.out : context.err;
    to << fmt::format(
        "\n{} architectures measured in {}, {} reused; predict with: lts predict "
        "ARCH... --calibration {}\n",
        result.measured, HumanSeconds(result.elapsed_s), result.reused, options.file);
  }
  if (result.interrupted) {
    context.err << "lts calibrate: interrupted; the same command goes on from what was measured\n";
    context.exit_code = 1;
  }
}

}  // namespace

void AddCalibrate(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "calibrate", "Measures a few dozen architectures and predicts all others of a space");
  auto options = std::make_shared<Options>();
  CalibrationOptions& job = options->job;
  command
      ->add_option("--space", job.space, "What to choose from: a preset or a file (`lts spaces`)")
      ->capture_default_str();
  AddRuntimeOptions(*command, options->run);
  AddWorkloadOptions(*command, options->run);
  command
      ->add_option("--budget", options->budget,
                   "When to stop measuring: a time (60s, 5min) or a number of architectures (40)")
      ->capture_default_str();
  command
      ->add_option("--repeat", options->repeat,
                   "Timed rounds of each architecture, at least 3; a third more where it is noisy")
      ->capture_default_str();
  command
      ->add_option(
          "--validate", job.validate,
          "Afterwards measure so many random architectures that the model has not seen, in "
          "three times the rounds, and tell how near the predictions are")
      ->capture_default_str();
  command->add_flag("--no-memory", options->no_memory, "Do not probe peak memory");
  command->add_option("--seed", job.seed, "Same seed and measurements: same choice")
      ->capture_default_str();
  command
      ->add_option(
          "--out", options->out,
          "Folder of the store (lts.db): what it has is reused, what is measured goes there")
      ->capture_default_str();
  command->add_option("--store", options->store, "The store itself, instead of --out")
      ->type_name("FILE");
  command
      ->add_option(
          "-o,--output", options->file,
          "Where the calibration goes: everything that `lts predict` needs, on any machine")
      ->capture_default_str()
      ->type_name("FILE");
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->footer(
      "Examples:\n"
      "  lts calibrate                                    one minute, default space, all cores\n"
      "  lts calibrate --validate 200                     and how good it is on 200 others\n"
      "  lts calibrate --dtype int8 --threads 1 -o phone.json\n\n"
      "Errors are relative to the measurement; \"in interval\" counts those inside their 95 % "
      "interval. \"their own\n+-\" is half the width of the validation measurements' own "
      "intervals: "
      "no prediction can be nearer than that.\nMethod: docs/cost.md.");
  command->callback([options, &context] { RunCalibrate(*options, context); });
}

}  // namespace lts::cli

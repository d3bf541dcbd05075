// lts search: the main job.
#include "lts/search/search.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "fmt/format.h"
#include "lts/base/clock.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/front_table.h"
#include "lts/cli/options.h"
#include "lts/cli/progress.h"
#include "lts/job/search_job.h"
#include "lts/objectives/objective.h"
#include "lts/space/search_space.h"

namespace lts::cli {
namespace {

struct Options {
  RunOptions run;
  SearchJobOptions job;
  std::string budget = "60s";
  std::vector<std::string> parameters;
};

std::vector<std::string> SpaceNames() {
  std::vector<std::string> names;
  for (const SpaceFields& preset : SpacePresets()) names.push_back(preset.name);
  return names;
}

std::vector<std::string> AlgorithmNames() {
  std::vector<std::string> names;
  for (const SearchAlgorithm* algorithm : SearchAlgorithms()) names.emplace_back(algorithm->name);
  return names;
}

std::vector<std::string> ObjectiveNames() {
  std::vector<std::string> names;
  for (const Objective* objective : Objectives()) {
    names.emplace_back(Info(objective->metric).name);
  }
  return names;
}

// "population=50" -> {"population": 50}; the value is JSON, or a string when it is none.
Json ParseParameters(const std::vector<std::string>& settings) {
  Json parameters = Json::MakeObject();
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--set: got '{}', expected NAME=VALUE", Quoted(setting)));
    }
    const std::string value = setting.substr(equals + 1);
    Json parsed(value);
    try {
      parsed = ParseJson(value, "--set");
    } catch (const Error&) {
      parsed = Json(value);  // a bare word
    }
    parameters[setting.substr(0, equals)] = std::move(parsed);
  }
  return parameters;
}

void RunSearch(Options& options, Context& context) {
  SearchJobOptions& job = options.job;
  const Budget budget = ParseBudget(options.budget);
  job.budget_s = budget.seconds;
  job.budget_evaluations = budget.evaluations;
  job.config = options.run.Config();
  job.workload = options.run.AsWorkload();
  job.parameters = ParseParameters(options.parameters);
  job.command_line = context.command_line;
  job.probe_executable = context.executable;
  InstallSignalHandlers();
  job.interrupted = [] { return g_interrupted != 0; };

  SystemClock clock;
  ProgressLine progress(context.terminal, context.quiet, context.err, clock);
  const SearchJobResult result = RunSearchJob(job, &progress, nullptr, clock);
  progress.Clear();

  PrintFront(result.report, context);
  std::int64_t front = 0;
  for (const ReportMember& member : result.report.evaluated) front += member.on_front ? 1 : 0;
  const std::string certificate = CertificateSentence(result.report);
  if (!context.quiet) {
    // People read this after the table; programs that take csv or json from `out` must not see it
    // there.
    std::ostream& to = context.format == OutputFormat::kTable ? context.out : context.err;
    to << fmt::format("\n{} architectures evaluated in {}, {} on the front (stopped: {})\n",
                      result.report.evaluated.size(), HumanSeconds(result.report.elapsed_s), front,
                      result.stopped)
       << NearTieLine(result.report) << OutsideFitLine(result.report)
       << (certificate.empty() ? "" : certificate + "\n") << ReportLine(job.out) << '\n';
    if (g_interrupted != 0) {
      context.err << fmt::format("interrupted; continue with: lts search --resume --out {} ...\n",
                                 job.out);
    }
  }
  if (g_interrupted != 0) {
    context.exit_code = 1;
  } else if (front == 0) {
    context.err
        << "lts search: the budget ended before any architecture was measured; give it more "
           "with --budget and continue with --resume\n";
    context.exit_code = 1;
  }
}

}  // namespace

void AddSearch(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("search", "Finds the Pareto front of a space of decoders on this machine");
  auto options = std::make_shared<Options>();
  SearchJobOptions& job = options->job;
  command
      ->add_option(
          "--space", job.space,
          "What to search: " + Joined(SpaceNames()) + ", or a TOML/JSON file (`lts spaces`)")
      ->capture_default_str();
  AddRuntimeOptions(*command, options->run);
  AddWorkloadOptions(*command, options->run);
  command
      ->add_option_function<std::vector<std::string>>(
          "--objective",
          [options](const std::vector<std::string>& names) { options->job.objectives = names; },
          "What to optimise; repeat for several; min:NAME or max:NAME to turn its direction. Of: " +
              Joined(ObjectiveNames()))
      ->default_str(Joined(job.objectives))
      ->type_name("NAME");
  command
      ->add_option("--law", job.law,
                   "Own constants of lts_law: a law.json that `lts fit-law` wrote from models that "
                   "you trained")
      ->type_name("FILE");
  command
      ->add_option(
          "--constraint", job.constraints,
          "What a candidate must satisfy, e.g. 'd_inner >= 2 * d_model', '1e6 <= decoder_params <= "
          "1e8' or 'latency_ms < 50'; repeat for several")
      ->type_name("EXPR");
  command->add_option("--algorithm", job.algorithm, "How to search: " + Joined(AlgorithmNames()))
      ->capture_default_str();
  command
      ->add_option("--set", options->parameters,
                   "A parameter of the algorithm, e.g. --set population=50; repeat for several")
      ->type_name("NAME=VALUE");
  command
      ->add_option("--budget", options->budget,
                   "When to stop: search time (60s, 5min, 1h) or a number of evaluations (200)")
      ->capture_default_str();
  command->add_option("--seed", job.seed, "Same seed and measurements: same search")
      ->capture_default_str();
  command->add_option("--out", job.out, "Folder of the store (lts.db) and the report")
      ->capture_default_str();
  command->add_flag("--resume", job.resume,
                    "Continue the last search in --out, also after it was killed; --budget may be "
                    "larger than before");
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->footer(
      "Examples:\n"
      "  lts search                                        one minute, default space, all cores\n"
      "  lts search --threads 1 --prompt 64 --output-tokens 16 --budget 10min\n"
      "  lts search --objective decoder_params --objective tpot_ms --constraint 'ttft_ms < 100'\n"
      "  lts search --space lts-gpt2 --algorithm lts-evolution --budget 500 --out lts-paper\n"
      "  lts search --resume --budget 5min                 go on with the search in lts-search\n"
      "Measured: each candidate runs the workload several times, interleaved with the others and "
      "with a fixed\n"
      "canary model that corrects for the machine's drift; peak memory in a fresh process. "
      "docs/measuring.md.");
  command->callback([options, &context] { RunSearch(*options, context); });
}

}  // namespace lts::cli

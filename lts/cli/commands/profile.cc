// lts profile: what a prompt and a token cost, from times of others or from our own.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <ostream>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/suggest.h"
#include "lts/cli/architecture_input.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/cli/profile_compare.h"
#include "lts/cli/profile_measure.h"
#include "lts/cli/profile_output.h"
#include "lts/profile/import.h"
#include "lts/profile/pictures.h"
#include "lts/profile/profile_json.h"
#include "lts/profile/roofline_model.h"

namespace lts::cli {
namespace {

struct Options {
  ProfileMeasureOptions measure;
  std::string prompt_tokens;  // "": the published grid
  std::string output_tokens;
  bool predict = false;
  std::string device = "a100";
  std::int64_t ranks = 1;
  std::string save_device;
  std::vector<std::string> costs;
  std::vector<std::string> imports;
  std::vector<std::string> layer_multipliers;  // "mt_nlg=3"
  std::int64_t log_runs = 50;
  std::string method = "ours";
  std::string format = "table";
  std::string requests;
  bool metrics = false;
  std::string prices;  // "": ours
  std::string priced_as = "a100";
  std::string scenarios;
  std::string plot;
  bool check = false;
};

// NAME=N, of which NAME is a log's file name without folder and suffix.
std::int64_t LayerMultiplierOf(const std::string& file, const std::vector<std::string>& given) {
  const std::string stem = std::filesystem::path(file).stem().string();
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    std::int64_t value = 0;
    const char* const end = text.data() + text.size();
    const char* const begin = text.data() + std::min(equals + 1, text.size());
    const auto [stop, error] = std::from_chars(begin, end, value);
    if (equals == std::string::npos || error != std::errc() || stop != end || value < 1) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--layer-multiplier: got '{}', expected NAME=N as in mt_nlg=3",
                              Quoted(text)));
    }
    if (text.substr(0, equals) == stem) return value;
  }
  return 1;
}

// Every name that is multiplied is one of a file: a misspelt one would change nothing silently.
void CheckLayerMultipliers(const Options& options) {
  for (const std::string& text : options.layer_multipliers) {
    const std::string name = text.substr(0, text.find('='));
    const bool known = std::ranges::any_of(options.imports, [&](const std::string& file) {
      return std::filesystem::path(file).stem().string() == name;
    });
    if (!known) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--layer-multiplier: no imported log is called '{}'", Quoted(name)));
    }
  }
}

std::vector<CostProfile> Import(const Options& options) {
  CheckLayerMultipliers(options);
  std::vector<CostProfile> profiles;
  for (const std::string& file : options.imports) {
    const std::string text = ReadFile(file, kMaxLogBytes);
    const MegatronLogOptions log = {
        .layer_multiplier = LayerMultiplierOf(file, options.layer_multipliers),
        .runs = options.log_runs};
    for (CostProfile& profile : ParseProfiles(text, file, log)) {
      profiles.push_back(std::move(profile));
    }
  }
  return profiles;
}

// A name of ours, or a file.
DeviceConstants ReadDevice(const std::string& name, bool to_fit) {
  if (name.ends_with(".json")) return ParseDevice(ReadJsonFile(name), name);
  return to_fit ? DeviceByName(name) : FittedDeviceByName(name);
}

// A table where a format has one.
OutputFormat TableFormat(ProfileOutput format, const char* option) {
  switch (format) {
    case ProfileOutput::kTable:
      return OutputFormat::kTable;
    case ProfileOutput::kCsv:
      return OutputFormat::kCsv;
    case ProfileOutput::kJson:
      return OutputFormat::kJson;
    case ProfileOutput::kHelm:
      break;
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("--format: helm is of fitted costs, and has no {}", option));
}

// How well constants predict the profiles that they are fitted to, and those that they are not.
void PrintDeviceFit(std::span<const CostProfile* const> profiles, const DeviceConstants& start,
                    const DeviceConstants& fitted, bool check, ProfileOutput format,
                    Context& context) {
  std::vector<Table::Column> columns = {{"name", "model", false},
                                        {"device", "device", false},
                                        {"mape", "mean error"},
                                        {"max_ape", "largest"}};
  if (check) {
    columns.push_back({"left_out_mape", "model left out"});
    columns.push_back({"left_out_max_ape", "largest"});
  }
  Table table(columns);
  const auto percent = [](double share) {
    return Cell{share, fmt::format("{:.2f} %", 100 * share)};
  };
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    const PredictionError error = ErrorOf(fitted, *profiles[i]);
    std::vector<Cell> row = {{profiles[i]->name, Fit(profiles[i]->name, 32)},
                             {fitted.name, ""},
                             percent(error.mape),
                             percent(error.max_ape)};
    if (check && profiles.size() > 1) {
      std::vector<const CostProfile*> others(profiles.begin(), profiles.end());
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      const PredictionError left_out = ErrorOf(FitDevice(others, start), *profiles[i]);
      row.push_back(percent(left_out.mape));
      row.push_back(percent(left_out.max_ape));
    } else if (check) {
      row.insert(row.end(), {{Json(), "-"}, {Json(), "-"}});
    }
    table.AddRow(std::move(row));
  }
  table.Print(TableFormat(format, "errors of a device"), context.terminal, context.out);
}

// What was asked for of fitted or predicted costs.
void Report(const Options& options, std::span<const FittedProfile> fitted,
            std::span<const Request> requests, ProfileOutput format, Context& context) {
  const PriceTable prices = options.prices.empty()
                                ? DefaultPrices()
                                : ParsePrices(ReadJsonFile(options.prices), options.prices);
  PrintNotes(fitted, context);
  std::vector<ScatterPanel> panels;
  for (const FittedProfile& one : fitted) {
    if (options.plot.empty() || one.profile.points.empty()) continue;
    for (ScatterPanel& panel : ProfilePanels(one.profile, one.cost)) {
      panels.push_back(std::move(panel));
    }
  }
  if (!options.scenarios.empty()) {
    const std::vector<ScenarioResult> results =
        ParseScenarioTable(ReadFile(options.scenarios, kMaxLogBytes), options.scenarios);
    const std::vector<Capability> comparable =
        PrintScenarios(fitted, results, prices.Device(options.priced_as),
                       TableFormat(format, "scenarios"), context);
    for (ScatterPanel& panel : CapabilityPanels(comparable)) panels.push_back(std::move(panel));
  } else if (options.metrics) {
    if (requests.empty()) {
      throw Error(ErrorCode::kInvalidArgument, "--metrics: of which requests? expected --request");
    }
    PrintMetrics(fitted, requests, prices.Device(options.priced_as), TableFormat(format, "metrics"),
                 context);
  } else {
    PrintProfiles(fitted, requests, options.check, format, context);
  }
  if (!options.plot.empty()) {
    constexpr int kPanelsInARow = 4;
    WriteFileAtomic(options.plot, ScatterSvg(panels, kPanelsInARow, "Costs of requests"));
  }
}

// Costs of architectures by a device's constants, which imported profiles may give.
void RunPredict(const Options& options, std::span<const Request> requests, ProfileOutput format,
                Context& context) {
  if (options.ranks < 1 || options.ranks > 4096) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--ranks: got {}, expected 1 to 4096", options.ranks));
  }
  const std::vector<CostProfile> profiles = Import(options);
  std::vector<const CostProfile*> pointers;
  for (const CostProfile& profile : profiles) pointers.push_back(&profile);
  const DeviceConstants start = ReadDevice(options.device, !profiles.empty());
  const DeviceConstants device = profiles.empty() ? start : FitDevice(pointers, start);
  if (!options.save_device.empty()) {
    WriteFileAtomic(options.save_device, WriteJson(ToJson(device)) + "\n");
  }
  if (options.measure.files.empty()) {
    if (profiles.empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "--predict: expected ARCH to predict, or --import FILE to fit a device to");
    }
    PrintDeviceFit(pointers, start, device, options.check, format, context);
    return;
  }
  std::vector<FittedProfile> predicted;
  for (const std::string& file : options.measure.files) {
    const NamedArchitecture model = ReadNamedArchitecture(file, context);
    std::vector<std::int64_t> sizes = options.measure.grid.prompt_sizes;
    std::erase_if(sizes, [&](std::int64_t size) {
      return size > model.architecture.max_seq_len() && size > 1;
    });
    if (sizes.empty()) sizes.push_back(1);
    CostProfile profile;
    profile.name = model.name;
    profile.source =
        fmt::format("{} predicted for {} devices '{}'", model.name, options.ranks, device.name);
    TokenCost cost =
        PredictTokenCost(device, {model.architecture, options.ranks, 1}, sizes, model.name);
    predicted.push_back({std::move(profile), std::move(cost)});
  }
  Report(options, predicted, requests, format, context);
}

void RunProfile(Options options, Context& context) {
  const FitMethod method = kFitMethods.Parse(options.method);
  const ProfileOutput format = kProfileOutputs.Parse(options.format);
  std::vector<Request> requests;
  if (!options.requests.empty()) requests = ParseRequests(options.requests, "--request");
  GridOptions& grid = options.measure.grid;
  if (!options.prompt_tokens.empty()) {
    grid.prompt_sizes = ParseTokenList(options.prompt_tokens, "--prompt-tokens", 1);
  }
  if (!options.output_tokens.empty()) {
    grid.output_sizes = ParseTokenList(options.output_tokens, "--output-tokens", 1);
  }
  if (options.predict) {
    RunPredict(options, requests, format, context);
    return;
  }
  if (options.imports.empty() && options.measure.files.empty() && options.costs.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "nothing to profile; expected ARCH to measure here, --import FILE or --costs FILE");
  }
  std::vector<CostProfile> profiles = Import(options);
  if (!options.measure.files.empty()) {
    for (CostProfile& profile : MeasureProfiles(options.measure, context)) {
      profiles.push_back(std::move(profile));
    }
  }
  std::vector<FittedProfile> fitted;
  for (CostProfile& profile : profiles) {
    TokenCost cost = FitTokenCost(profile, method);
    fitted.push_back({std::move(profile), std::move(cost)});
  }
  for (const std::string& file : options.costs) {
    for (TokenCost& cost : ParseHelmJson(ReadJsonFile(file), file)) {
      CostProfile profile;
      profile.name = cost.name;
      profile.source = file;
      fitted.push_back({std::move(profile), std::move(cost)});
    }
  }
  Report(options, fitted, requests, format, context);
}

}  // namespace

void AddProfile(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "profile", "What a prompt and an output token cost, and what requests then take");
  auto options = std::make_shared<Options>();
  ProfileMeasureOptions& measure = options->measure;
  command->add_option("ARCH", measure.files,
                      "Architecture files or folders of checkpoints, timed here (or, with "
                      "--predict, not at all)");
  AddRuntimeOptions(*command, measure.run);
  command
      ->add_option("--prompt-tokens", options->prompt_tokens,
                   "Prompt sizes to time; else the published 28, 1 to 2048")
      ->type_name("LIST");
  command
      ->add_option("--output-tokens", options->output_tokens,
                   "Output sizes to time; else the published 10, 1 to 64")
      ->type_name("LIST");
  command->add_option("--warmup", measure.grid.warmup, "Runs of each prompt size before the timed")
      ->capture_default_str();
  command->add_option("--repeat", measure.grid.repeat, "Timed runs of each prompt size")
      ->capture_default_str();
  command->add_flag("--adaptive", measure.grid.adaptive,
                    "Time a few prompt sizes, and more only where these predict them badly");
  command
      ->add_option("--budget", measure.grid.budget_s,
                   "Seconds that --adaptive may take for each model")
      ->capture_default_str();
  command->add_option("--store", measure.store, "Save the times to this SQLite file")
      ->type_name("FILE");
  command->add_flag("--predict", options->predict,
                    "Predict ARCH on a device from shapes alone, by constants that --import fits");
  command
      ->add_option("--device", options->device,
                   "Whose constants: a100, v100, or a FILE.json that --save-device wrote")
      ->capture_default_str();
  command->add_option("--ranks", options->ranks, "Devices that share each layer of a prediction")
      ->capture_default_str();
  command->add_option("--save-device", options->save_device, "Write the fitted constants here")
      ->type_name("FILE");
  command
      ->add_option("--import", options->imports,
                   "Times taken elsewhere: logs of Megatron-LM, CSV or JSON lines")
      ->type_name("FILE");
  command
      ->add_option("--costs", options->costs,
                   "Costs that were fitted elsewhere, in the published schema (--format helm)")
      ->type_name("FILE");
  command
      ->add_option("--layer-multiplier", options->layer_multipliers,
                   "The log NAME.log is of a model with 1/N of the layers: NAME=N")
      ->type_name("NAME=N");
  command->add_option("--log-runs", options->log_runs, "Runs behind each time of a log")
      ->capture_default_str();
  command
      ->add_option("--method", options->method,
                   "How costs are fitted: " + Joined(kFitMethods.Names()) +
                       "; the last two as published, digit by digit")
      ->capture_default_str();
  command
      ->add_option("--request", options->requests,
                   "What requests of PROMPT:OUTPUT tokens take, e.g. 512:64,1:256")
      ->type_name("LIST");
  command->add_flag("--metrics", options->metrics,
                    "Dollars, energy, FLOPs and memory of each --request");
  command
      ->add_option("--prices", options->prices,
                   "Prices and watts of devices, a TOML file as docs/profiling.md has it")
      ->type_name("FILE");
  command->add_option("--price-as", options->priced_as, "Which device of the prices it is")
      ->capture_default_str();
  command
      ->add_option("--scenarios", options->scenarios,
                   "Accuracies and mean tokens of tasks, a CSV: compare models by them")
      ->type_name("FILE");
  command->add_option("--plot", options->plot, "Write pictures of the fits to this SVG file")
      ->type_name("FILE");
  command->add_flag(
      "--check", options->check,
      "Leave out each prompt size (with --predict: each model) in turn and say how well "
      "the others predict it");
  command
      ->add_option("--format", options->format,
                   "table, csv, json (intervals, all prompt sizes) or helm (the published schema)")
      ->capture_default_str();
  AddQuietOption(*command, context);
  command->footer(
      "A request of p prompt and o output tokens takes alpha(p) + (o - 1) * beta. ours: weighted "
      "by "
      "noise, robust, alpha\nnever falls with p, and a term for the context; [..] are 95 % "
      "intervals. docs/profiling.md has the formats of\nfiles, e.g. CSV with the columns "
      "prompt_tokens, output_tokens and seconds. Models are timed alone, batch 1, interleaved with "
      "the "
      "canary of `lts\nmeasure`; one generation gives the times of all its output sizes.\n\n"
      "  lts profile model.json --adaptive --request 100:20\n"
      "  lts profile --import openai_davinci.log\n"
      "  lts profile --import mt_nlg.log --layer-multiplier mt_nlg=3 --method intercept --format "
      "helm\n"
      "  lts profile --import api.csv --request 512:64\n"
      "  lts profile --predict model.json --device a100 --ranks 2");
  command->callback([options, &context] { RunProfile(*options, context); });
}

}  // namespace lts::cli

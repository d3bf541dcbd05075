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
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/cli/profile_output.h"
#include "lts/profile/import.h"

namespace lts::cli {
namespace {

struct Options {
  std::vector<std::string> imports;
  std::vector<std::string> layer_multipliers;  // "mt_nlg=3"
  std::int64_t log_runs = 50;
  std::string method = "ours";
  std::string format = "table";
  std::string requests;
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

void RunProfile(const Options& options, Context& context) {
  const FitMethod method = kFitMethods.Parse(options.method);
  const ProfileOutput format = kProfileOutputs.Parse(options.format);
  std::vector<Request> requests;
  if (!options.requests.empty()) requests = ParseRequests(options.requests, "--request");
  if (options.imports.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "nothing to profile; expected --import FILE");
  }
  std::vector<FittedProfile> fitted;
  for (CostProfile& profile : Import(options)) {
    TokenCost cost = FitTokenCost(profile, method);
    fitted.push_back({std::move(profile), std::move(cost)});
  }
  PrintProfiles(fitted, requests, options.check, format, context);
}

}  // namespace

void AddProfile(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "profile", "What a prompt and an output token cost, and what requests then take");
  auto options = std::make_shared<Options>();
  command
      ->add_option("--import", options->imports,
                   "Times taken elsewhere: logs of Megatron-LM, CSV or JSON lines")
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
  command->add_flag("--check", options->check,
                    "Leave out each prompt size in turn and say how well the others predict it");
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
      "prompt_tokens, output_tokens and seconds.\n\n"
      "  lts profile --import openai_davinci.log\n"
      "  lts profile --import mt_nlg.log --layer-multiplier mt_nlg=3 --method intercept --format "
      "helm\n"
      "  lts profile --import api.csv --request 512:64");
  command->callback([options, &context] { RunProfile(*options, context); });
}

}  // namespace lts::cli

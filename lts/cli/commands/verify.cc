// lts verify: checks a published front and its certificate.
#include "lts/job/verify.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "lts/base/json.h"
#include "lts/cli/commands/commands.h"

namespace lts::cli {
namespace {

struct Options {
  std::string folder;
  VerifyOptions verify;
};

void PrintTable(const VerifyResult& result, Context& context) {
  for (const VerifyCheck& check : result.checks) {
    context.out << fmt::format("{:<6} {:<12} {}\n", check.failures.empty() ? "ok" : "FAILED",
                               check.name, check.what);
    for (const std::string& failure : check.failures) context.out << "         " << failure << '\n';
  }
}

void PrintJson(const VerifyResult& result, Context& context) {
  Json checks = Json::MakeArray();
  for (const VerifyCheck& check : result.checks) {
    Json entry = Json::MakeObject();
    entry["name"] = check.name;
    entry["what"] = check.what;
    entry["ok"] = check.failures.empty();
    Json failures = Json::MakeArray();
    for (const std::string& failure : check.failures) failures.Append(failure);
    entry["failures"] = std::move(failures);
    checks.Append(std::move(entry));
  }
  Json json = Json::MakeObject();
  json["ok"] = result.ok();
  json["checks"] = std::move(checks);
  context.out << WriteJson(json, JsonStyle::kPretty) << '\n';
}

void RunVerify(const Options& options, Context& context) {
  const VerifyResult result = VerifyRun(options.folder, options.verify);
  if (context.format == OutputFormat::kJson) {
    PrintJson(result, context);
  } else {
    PrintTable(result, context);
  }
  if (!result.ok()) context.exit_code = 1;
}

}  // namespace

void AddVerify(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "verify", "Checks the front of a search and its certificate, without the solver");
  auto options = std::make_shared<Options>();
  command->add_option("DIR", options->folder, "The --out folder of a search")->required();
  command
      ->add_option("--samples", options->verify.samples,
                   "Architectures to draw where the space is too large to go through")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100'000'000}))
      ->capture_default_str();
  command->add_option("--seed", options->verify.seed, "Of the draws")->capture_default_str();
  AddFormatOption(*command, context);
  command->footer(
      "Reads DIR/front.json and DIR/lts.db. Exit code 1 when a check fails: a member that "
      "something "
      "dominates,\n"
      "one that is missing, a value that was not measured, an architecture that may be better than "
      "certified.");
  command->callback([options, &context] { RunVerify(*options, context); });
}

}  // namespace lts::cli

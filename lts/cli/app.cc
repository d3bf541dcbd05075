#include "lts/cli/app.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <istream>
#include <iterator>
#include <memory>
#include <new>
#include <ostream>

#include "fmt/format.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/base/version.h"
#include "lts/cli/commands/commands.h"

namespace lts::cli {

volatile std::sig_atomic_t g_interrupted = 0;

namespace {

constexpr int kFailed = 1;
constexpr int kBadInput = 2;

constexpr std::string_view kDescription =
    "lts finds the best decoder-only transformers for this machine without training any: it "
    "measures\n"
    "latency and memory here, takes the number of decoder parameters as the proxy of quality, and\n"
    "reports the Pareto front.\n\n"
    "Start with:\n"
    "  lts search                     60 seconds; the report is lts-search/report.html\n"
    "  lts search --help              every option, with examples\n"
    "  lts count model.json           parameters, FLOPs and bytes of an architecture";

void OnSignal(int) {
  if (g_interrupted != 0) _exit(128 + SIGINT);  // asked twice: now
  g_interrupted = 1;
}

// The subcommand that the arguments reached, for "lts search: ..." in messages.
std::string CommandName(const CLI::App& app) {
  for (const CLI::App* command : app.get_subcommands()) return "lts " + command->get_name();
  return "lts";
}

const CLI::App* Reached(const CLI::App& app) {
  for (const CLI::App* command : app.get_subcommands()) return command;
  return &app;
}

// One line for a usage error, with the nearest option or command where the user seems to have
// misspelt one.
std::string UsageMessage(const CLI::App& app, const CLI::ParseError& error,
                         const std::vector<std::string>& args) {
  const CLI::App* command = Reached(app);
  std::vector<std::string> known;
  for (const CLI::Option* option : command->get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  std::vector<std::string> commands;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_group().empty()) commands.push_back(sub->get_name());
  }
  if (command == &app && args.size() > 1 && args[1].rfind('-', 0) != 0) {
    return UnknownName("command", args[1], commands);
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    for (const std::string& extra : command->remaining()) {
      if (extra.rfind("--", 0) == 0) {
        return UnknownName("option", extra.substr(0, extra.find('=')), known);
      }
    }
    for (const std::string& extra : command->remaining()) {
      return fmt::format("unexpected argument '{}'", Quoted(extra));
    }
  }
  return Quoted(error.what(), 300);
}

}  // namespace

void InstallSignalHandlers() {
  struct sigaction action {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

std::string ReadInput(Context& context) {
  return {std::istreambuf_iterator<char>(context.in), std::istreambuf_iterator<char>()};
}

void AddFormatOption(CLI::App& command, Context& context) {
  command
      .add_option_function<std::string>(
          "--format",
          [&context](const std::string& name) { context.format = kOutputFormats.Parse(name); },
          "How results are printed: table (for people), csv or json (exact values)")
      ->default_str("table")
      ->type_name("table|csv|json");
}

void AddQuietOption(CLI::App& command, Context& context) {
  command.add_flag("--quiet,-q", context.quiet,
                   "No progress and no hints; results and errors only");
}

int Run(const std::vector<std::string>& args, Context& context) {
  CLI::App app{std::string(kDescription), "lts"};
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", std::string("lts ") + kVersion);
  app.get_formatter()->column_width(34);
  AddSearch(app, context);
  AddCount(app, context);
  AddMeasure(app, context);
  AddCalibrate(app, context);
  AddPredict(app, context);
  AddProfile(app, context);
  AddBench(app, context);
  AddExport(app, context);
  AddGenerate(app, context);
  AddPick(app, context);
  AddRank(app, context);
  AddFitLaw(app, context);
  AddReport(app, context);
  AddVerify(app, context);
  AddCompare(app, context);
  AddSpaces(app, context);
  AddRuntimes(app, context);
  AddRoofline(app, context);
  AddTokenize(app, context);
  AddTrain(app, context);
  AddCompletion(app, context);
  AddMemoryProbe(app, context);

  std::vector<std::string> reversed(args.rbegin(), args.rend() - (args.empty() ? 0 : 1));
  try {
    app.parse(reversed);
    if (app.get_subcommands().empty()) {
      context.out << app.help();
      return args.size() > 1 ? kBadInput : 0;
    }
    context.out.flush();
    if (!context.out) {
      context.err << CommandName(app) << ": cannot write the output\n";
      return kFailed;
    }
    return context.exit_code;
  } catch (const CLI::CallForHelp&) {
    context.out << Reached(app)->help(app.get_subcommands().empty() ? "" : "lts");
    return 0;
  } catch (const CLI::CallForVersion&) {
    context.out << "lts " << kVersion << '\n';
    return 0;
  } catch (const CLI::ParseError& error) {
    const std::string command = CommandName(app);
    context.err << command << ": " << UsageMessage(app, error, args) << " (see `" << command
                << " --help`)\n";
    return kBadInput;
  } catch (const Error& error) {
    context.err << CommandName(app) << ": " << error.what() << '\n';
    return error.code() == ErrorCode::kCancelled ? kFailed : kBadInput;
  } catch (const std::bad_alloc&) {
    context.err << CommandName(app) << ": out of memory\n";
    return kFailed;
  } catch (const std::exception& error) {
    context.err << CommandName(app) << ": " << Quoted(error.what(), 300) << '\n';
    return kFailed;
  }
}

}  // namespace lts::cli

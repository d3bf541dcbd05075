// lts report: writes the files of a search again from its store.
#include "lts/report/report.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "lts/cli/commands/commands.h"
#include "lts/cli/front_table.h"
#include "lts/job/search_job.h"

namespace lts::cli {
namespace {

struct Options {
  std::string folder;
};

void RunReport(const Options& options, Context& context) {
  const ReportData data = LoadReport(options.folder);
  WriteReport(data, options.folder);
  PrintFront(data, context);
  if (!context.quiet && context.format == OutputFormat::kTable) {
    context.out << '\n'
                << NearTieLine(data) << OutsideFitLine(data) << ReportLine(options.folder) << '\n';
  }
}

}  // namespace

void AddReport(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "report", "Prints the front of a search and writes its report again, also while it runs");
  auto options = std::make_shared<Options>();
  command->add_option("DIR", options->folder, "The --out folder of a search")->required();
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->callback([options, &context] { RunReport(*options, context); });
}

}  // namespace lts::cli

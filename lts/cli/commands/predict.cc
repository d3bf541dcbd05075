// lts predict: what architectures would cost on a device that was calibrated.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "fmt/format.h"
#include "lts/cli/architecture_input.h"
#include "lts/cli/commands/commands.h"
#include "lts/cost/calibration_file.h"

namespace lts::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string calibration = "calibration.json";
};

constexpr std::array<Metric, 4> kPredicted{Metric::kTtftMs, Metric::kTpotMs, Metric::kLatencyMs,
                                           Metric::kPeakMemoryMib};

void RunPredict(const Options& options, Context& context) {
  const Calibration calibration = ReadCalibration(options.calibration);
  const CostModel& model = calibration.model;
  std::vector<Table::Column> columns = {{"file", "file", false}, {"shape", "shape", false}};
  for (const Metric metric : kPredicted) {
    if (!model.Has(metric)) continue;
    const std::string name(Info(metric).name);
    columns.push_back({name, name + " [95 %]"});
    columns.push_back({name + "_low", ""});
    columns.push_back({name + "_high", ""});
  }
  columns.push_back({"archid", "", false});
  Table table(columns);
  for (const std::string& file : options.files) {
    const NamedArchitecture named = ReadNamedArchitecture(file, context);
    CheckOfContext(named.architecture, model.context(), named.name);
    std::vector<Cell> row = {{named.name, Fit(named.name, 32)},
                             {named.architecture.ShortName(), ""}};
    for (const Metric metric : kPredicted) {
      if (!model.Has(metric)) continue;
      const Estimate e = model.Predict(metric, named.architecture);
      row.push_back({e.value, fmt::format("{} [{}, {}]", HumanNumber(e.value), HumanNumber(e.low),
                                          HumanNumber(e.high))});
      row.push_back({e.low, ""});
      row.push_back({e.high, ""});
    }
    row.push_back({named.architecture.Id(), ""});
    table.AddRow(std::move(row));
  }
  table.Print(context.format, context.terminal, context.out);
  if (!context.quiet) {
    const CostContext& c = model.context();
    context.err << fmt::format(
        "predicted for: {}, runtime {}, {}, KV cache {}, {} threads, prompt {}, output {}, batch "
        "{}\n",
        calibration.environment.cpu_model, c.config.runtime, kDTypes.Name(c.config.dtype),
        kDTypes.Name(c.config.cache_dtype()), c.config.threads, c.workload.prompt_tokens,
        c.workload.output_tokens, c.workload.batch);
  }
}

}  // namespace

void AddPredict(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "predict", "Latency and peak memory of architectures on a calibrated device, not measured");
  auto options = std::make_shared<Options>();
  command
      ->add_option("ARCH", options->files,
                   "Architecture files (as for `lts count`), or - for stdin")
      ->required();
  command
      ->add_option("--calibration", options->calibration,
                   "What `lts calibrate` wrote, here or on another machine")
      ->capture_default_str()
      ->type_name("FILE");
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->footer(
      "In brackets: where a new measurement lies with a probability of 95 %. Runtime, dtype, "
      "threads "
      "and workload are\nthe calibration's, as are backbone, vocabulary and context, which the "
      "architectures must share.");
  command->callback([options, &context] { RunPredict(*options, context); });
}

}  // namespace lts::cli

// lts pick: one architecture of a search, under the user's caps.
#include "lts/job/pick.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "lts/base/enum_table.h"
#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/suggest.h"
#include "lts/cli/architecture_input.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/front_table.h"

namespace lts::cli {
namespace {

constexpr EnumTable<PickRole, 4> kRoles{"role",
                                        {{{PickRole::kPick, "pick"},
                                          {PickRole::kAlternative, "alternative"},
                                          {PickRole::kBaseline, "baseline"},
                                          {PickRole::kHeads, "heads"}}}};

struct Options {
  PickOptions pick;
  std::vector<std::string> at_most;
  std::vector<std::string> at_least;
  std::string baseline;
  std::string out;
  bool no_measure = false;
};

// "latency_ms=20" -> "latency_ms <= 20"
std::string LimitOf(const std::string& setting, std::string_view option,
                    std::string_view relation) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == setting.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: got '{}', expected METRIC=NUMBER, e.g. latency_ms=20", option,
                            Quoted(setting)));
  }
  return fmt::format("{} {} {}", setting.substr(0, equals), relation, setting.substr(equals + 1));
}

void PrintRows(const std::vector<PickRow>& rows, Metric by, Context& context) {
  std::vector<const MetricInfo*> metrics = {&Info(by)};
  for (const MetricInfo& info : Metrics()) {
    const bool known = std::ranges::any_of(rows, [&](const PickRow& row) {
      return std::ranges::any_of(row.measurements,
                                 [&](const Measurement& m) { return m.metric == info.metric; });
    });
    if (known && info.metric != by) metrics.push_back(&info);
  }
  std::vector<Table::Column> columns = {{"role", "role", false}, {"shape", "shape", false}};
  for (const MetricInfo* info : metrics) {
    const std::string name(info->name);
    const bool shown =
        info->measured || info->metric == by || info->metric == Metric::kDecoderParams;
    columns.push_back({name, shown ? name : ""});
    columns.push_back({name + "_low", ""});
    columns.push_back({name + "_high", ""});
  }
  columns.insert(columns.end(), {{"predicted", ""}, {"within_limits", ""}, {"note", "", false}});
  Table table(columns);
  for (const PickRow& row : rows) {
    std::vector<Cell> cells = {{kRoles.Name(row.role), ""}, {row.architecture.ShortName(), ""}};
    const Evaluation evaluation{row.architecture.Id(), row.measurements};
    for (const MetricInfo* info : metrics) {
      const Measurement* m = evaluation.Find(info->metric);
      cells.push_back(m == nullptr ? Cell{Json(), "-"} : Cell{m->value, Human(*m)});
      cells.push_back(m == nullptr ? Cell{} : Cell{m->low, ""});
      cells.push_back(m == nullptr ? Cell{} : Cell{m->high, ""});
    }
    std::string note = row.predicted ? "predicted" : "";
    if (!row.within_limits) note += note.empty() ? "over the limit" : ", over the limit";
    cells.insert(cells.end(), {{row.predicted, ""}, {row.within_limits, ""}, {note, ""}});
    table.AddRow(std::move(cells));
  }
  table.Print(context.format, context.terminal, context.out);
}

void RunPick(Options& options, Context& context) {
  PickOptions& pick = options.pick;
  for (const std::string& cap : options.at_most) pick.limits.push_back(LimitOf(cap, "--max", "<="));
  for (const std::string& cap : options.at_least)
    pick.limits.push_back(LimitOf(cap, "--min", ">="));
  if (!options.baseline.empty())
    pick.baseline = ReadNamedArchitecture(options.baseline, context).architecture;
  pick.measure = !options.no_measure;
  pick.probe_executable = context.executable;
  InstallSignalHandlers();
  pick.interrupted = [] { return g_interrupted != 0; };

  SystemClock clock;
  const PickResult result = PickArchitecture(pick, nullptr, clock);
  if (!result.rows.empty()) PrintRows(result.rows, result.by, context);
  const bool prose = context.format == OutputFormat::kTable;
  if (prose && result.heads.size() > 1) {
    context.out << "\nthe pick with other numbers of heads, which cost no parameters:\n";
    PrintRows(result.heads, result.by, context);
  }
  if (!result.note.empty()) context.err << "lts pick: " << result.note << '\n';
  if (!result.found) {
    context.exit_code = 1;
    return;
  }
  const Architecture& chosen = result.rows.front().architecture;
  const std::string file = options.out.empty() ? pick.folder + "/pick.json" : options.out;
  WriteFileAtomic(file, WriteJson(chosen.ToDocument(), JsonStyle::kPretty) + "\n");
  if (!prose || context.quiet) return;
  context.out << '\n';
  if (result.speed_up) {
    context.out << fmt::format("{}: {:.2f} times better than the baseline ({:.2f} to {:.2f})\n",
                               Info(result.by).name, *result.speed_up, result.speed_up_interval.low,
                               result.speed_up_interval.high);
  }
  context.out << fmt::format("{} written to {}\nnext: lts measure {}; lts export {}\n",
                             chosen.ShortName(), file, file, file);
}

}  // namespace

void AddPick(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "pick", "The best architecture of a search under your caps, measured again");
  auto options = std::make_shared<Options>();
  command->add_option("DIR", options->pick.folder, "The --out folder of a search")->required();
  command
      ->add_option("--max", options->at_most,
                   "A cap, e.g. latency_ms=20 or peak_memory_mib=200; repeat for several")
      ->type_name("METRIC=NUMBER");
  command
      ->add_option("--min", options->at_least,
                   "The least that is wanted, e.g. decoder_params=2e7; repeat for several")
      ->type_name("METRIC=NUMBER");
  command
      ->add_option(
          "--by", options->pick.by,
          "What decides; by default the quality that was searched for, with --baseline "
          "the first cost that it minimised")
      ->type_name("METRIC");
  command
      ->add_option(
          "--baseline", options->baseline,
          "An architecture (file, checkpoint folder): pick something at least as good that "
          "costs less, and say by how much")
      ->type_name("ARCH");
  command->add_flag("--heads", options->pick.heads,
                    "Also measure the pick with every other number of heads of the space");
  command->add_option("--alternatives", options->pick.alternatives, "How many next best to show")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  command->add_flag("--no-measure", options->no_measure,
                    "Answer from what the search measured and predicts");
  command->add_option("-o,--out", options->out, "Where to write the pick; DIR/pick.json by default")
      ->type_name("FILE");
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->footer(
      "Examples:\n"
      "  lts pick lts-search --max latency_ms=20 --max peak_memory_mib=200\n"
      "  lts pick lts-search --baseline gpt2.json --heads\n"
      "Candidates are what the search measured and what its cost model expects on the front of the "
      "capped space;\n"
      "the best of them, the baseline and the variants run interleaved now, and the pick is the "
      "best "
      "that stays\n"
      "within the caps. Exit code 1 when nothing does.");
  command->callback([options, &context] { RunPick(*options, context); });
}

}  // namespace lts::cli

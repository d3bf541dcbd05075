// lts compare: several searches, or one on several machines, held against each other.
#include "lts/job/compare.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "fmt/format.h"
#include "lts/base/files.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/table.h"

namespace lts::cli {
namespace {

struct Options {
  std::vector<std::string> folders;
  std::string page;
};

Cell Volume(const std::optional<double>& volume) {
  if (!volume) return {Json(), "-"};
  return {*volume, fmt::format("{:.3f}", *volume)};
}

void PrintRuns(const Comparison& comparison, Context& context) {
  Table table({{"run", "run", false},
               {"algorithm", "algorithm", false},
               {"evaluated", "evaluated"},
               {"elapsed_s", "time"},
               {"front", "front"},
               {"hypervolume", "hypervolume"},
               {"on_union_front", "of the union's front"},
               {"machine", "machine", false}});
  for (const ComparedRun& run : comparison.runs) {
    const auto front = static_cast<std::int64_t>(run.front.size());
    const double share = comparison.union_front == 0
                             ? 0
                             : 100. * static_cast<double>(run.on_union_front) /
                                   static_cast<double>(comparison.union_front);
    table.AddRow({{run.name, ""},
                  {run.algorithm, ""},
                  {run.evaluated, ""},
                  {run.elapsed_s, HumanSeconds(run.elapsed_s)},
                  {front, ""},
                  Volume(run.hypervolume),
                  {run.on_union_front, fmt::format("{} of {} ({:.0f}%)", run.on_union_front,
                                                   comparison.union_front, share)},
                  {run.machine, Fit(run.machine, 40)}});
  }
  table.Print(OutputFormat::kTable, context.terminal, context.out);
}

void PrintBudgets(const Comparison& comparison, const std::vector<ComparedBudget>& budgets,
                  bool seconds, Context& context) {
  if (budgets.empty()) return;
  std::vector<Table::Column> columns = {{"budget", seconds ? "search time" : "evaluations"}};
  for (const ComparedRun& run : comparison.runs) columns.push_back({run.name, run.name});
  columns.push_back({"winner", "winner", false});
  Table table(columns);
  for (const ComparedBudget& budget : budgets) {
    std::vector<Cell> row = {{budget.budget, seconds ? HumanSeconds(budget.budget)
                                                     : fmt::format("{:.0f}", budget.budget)}};
    for (const std::optional<double>& volume : budget.hypervolume) row.push_back(Volume(volume));
    row.push_back({budget.winner ? comparison.runs[*budget.winner].name : "-", ""});
    table.AddRow(std::move(row));
  }
  context.out << fmt::format("\nHypervolume by {}\n", seconds ? "search time" : "evaluations");
  table.Print(OutputFormat::kTable, context.terminal, context.out);
}

void PrintPairs(const Comparison& comparison, Context& context) {
  std::vector<Table::Column> columns = {{"of", "front of", false},
                                        {"in", "in", false},
                                        {"kept", "kept"},
                                        {"lost", "lost"},
                                        {"not_evaluated", "not evaluated"},
                                        {"shared", "evaluated by both"}};
  std::vector<std::size_t> measured;
  for (std::size_t k = 0; k < comparison.objectives.size(); ++k) {
    const std::string& name = comparison.objectives[k].name;
    if (!MetricByName(name).measured) continue;
    measured.push_back(k);
    columns.push_back({name, "rank corr. " + name});
  }
  Table table(columns);
  for (const ComparedPair& pair : comparison.pairs) {
    std::vector<Cell> row = {{comparison.runs[pair.of].name, ""},
                             {comparison.runs[pair.in].name, ""},
                             {pair.kept, ""},
                             {pair.lost, ""},
                             {pair.not_evaluated, ""},
                             {pair.shared, ""}};
    for (const std::size_t k : measured) row.push_back(Volume(pair.rank_correlation[k]));
    table.AddRow(std::move(row));
  }
  context.out << "\nWhat each run's front is in the others\n";
  table.Print(OutputFormat::kTable, context.terminal, context.out);
}

// One number a line, so that one file holds tables of different shapes.
void PrintCsv(const Comparison& comparison, Context& context) {
  Table table(
      {{"table", ""}, {"run", ""}, {"other", ""}, {"budget", ""}, {"name", ""}, {"value", ""}});
  const auto add = [&](const char* name, const std::string& run, Json other, Json budget,
                       const std::string& what, Json value) {
    table.AddRow({{name, ""},
                  {run, ""},
                  {std::move(other), ""},
                  {std::move(budget), ""},
                  {what, ""},
                  {std::move(value), ""}});
  };
  const auto optional = [](const std::optional<double>& value) {
    return value ? Json(*value) : Json();
  };
  for (const ComparedRun& run : comparison.runs) {
    add("run", run.name, {}, {}, "algorithm", run.algorithm);
    add("run", run.name, {}, {}, "machine", run.machine);
    add("run", run.name, {}, {}, "evaluated", run.evaluated);
    add("run", run.name, {}, {}, "elapsed_s", run.elapsed_s);
    add("run", run.name, {}, {}, "front", static_cast<std::int64_t>(run.front.size()));
    add("run", run.name, {}, {}, "hypervolume", optional(run.hypervolume));
    add("run", run.name, {}, {}, "on_union_front", run.on_union_front);
  }
  const auto add_budgets = [&](const char* name, const std::vector<ComparedBudget>& budgets) {
    for (const ComparedBudget& budget : budgets) {
      for (std::size_t i = 0; i < budget.hypervolume.size(); ++i) {
        add(name, comparison.runs[i].name, {}, budget.budget, "hypervolume",
            optional(budget.hypervolume[i]));
      }
    }
  };
  add_budgets("evaluations", comparison.by_evaluations);
  add_budgets("seconds", comparison.by_time);
  for (const ComparedPair& pair : comparison.pairs) {
    const std::string& of = comparison.runs[pair.of].name;
    const std::string& in = comparison.runs[pair.in].name;
    add("pair", of, in, {}, "kept", pair.kept);
    add("pair", of, in, {}, "lost", pair.lost);
    add("pair", of, in, {}, "not_evaluated", pair.not_evaluated);
    add("pair", of, in, {}, "shared", pair.shared);
    for (std::size_t k = 0; k < pair.rank_correlation.size(); ++k) {
      if (!pair.rank_correlation[k]) continue;
      add("pair", of, in, {}, "rank_correlation:" + comparison.objectives[k].name,
          *pair.rank_correlation[k]);
    }
  }
  table.Print(OutputFormat::kCsv, context.terminal, context.out);
}

void RunCompare(const Options& options, Context& context) {
  const Comparison comparison = CompareFolders(options.folders);
  if (!options.page.empty()) WriteFileAtomic(options.page, ComparisonHtml(comparison));
  switch (context.format) {
    case OutputFormat::kCsv:
      PrintCsv(comparison, context);
      return;
    case OutputFormat::kJson:
      context.out << WriteJson(ComparisonJson(comparison)) << '\n';
      return;
    case OutputFormat::kTable:
      break;
  }
  PrintRuns(comparison, context);
  PrintBudgets(comparison, comparison.by_evaluations, false, context);
  PrintBudgets(comparison, comparison.by_time, true, context);
  PrintPairs(comparison, context);
  if (context.quiet) return;
  context.out << '\n' << ComparisonSummary(comparison) << '\n';
  for (const std::string& note : comparison.notes) context.out << "note: " << note << '\n';
  if (!options.page.empty()) {
    const auto page = std::filesystem::absolute(std::filesystem::path(options.page));
    context.out << fmt::format("page: {} (open it in a browser)\n",
                               page.lexically_normal().string());
  }
}

}  // namespace

void AddCompare(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "compare", "Holds searches, or one search on several machines, against each other");
  auto options = std::make_shared<Options>();
  command->add_option("DIR", options->folders, "The --out folders of 2 to 8 searches")->required();
  command->add_option("--output,-o", options->page, "Also write a page that overlays them")
      ->type_name("FILE.html");
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->footer(
      "Examples:\n"
      "  lts search --algorithm nsga2 --budget 200 --out a\n"
      "  lts search --algorithm random --budget 200 --out b\n"
      "  lts compare a b -o a-b.html\n"
      "Hypervolume: the share of the box between the best and the worst value on any of the fronts "
      "(and a tenth\n"
      "more) that a run's front dominates; for up to three objectives. Kept, lost: members of one "
      "run's front that\n"
      "are on the other's too or tie with it, or that it evaluated and dominates. Rank "
      "correlation: "
      "Spearman's.");
  command->callback([options, &context] { RunCompare(*options, context); });
}

}  // namespace lts::cli

#include "lts/job/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/stats.h"
#include "lts/base/suggest.h"
#include "lts/job/front_tracker.h"
#include "lts/job/search_job.h"
#include "lts/search/reference_box.h"

namespace lts {
namespace {

constexpr std::size_t kMinRuns = 2;
constexpr std::size_t kMaxVolumeObjectives = 3;  // of Hypervolume()
constexpr std::size_t kMaxBudgets = 8;
constexpr std::size_t kMinRanked = 3;  // two always agree or always disagree

// One run with its members' objectives in the order of the comparison.
struct Run {
  const NamedReport* source = nullptr;
  std::vector<std::size_t> order;  // objective k of the comparison is the report's order[k]
  // Of each member, minimised; empty when it joins no front.
  std::vector<Point> points;
  std::vector<double> growth;  // hypervolume after each evaluation; empty without volumes
  const std::vector<ReportMember>& evaluated() const { return source->report.evaluated; }
};

std::string Described(const std::vector<ReportObjective>& objectives) {
  std::string text;
  for (const ReportObjective& objective : objectives) {
    text +=
        fmt::format("{}{}:{}", text.empty() ? "" : ", ",
                    objective.direction == Direction::kMaximize ? "max" : "min", objective.name);
  }
  return text;
}

void CheckNames(std::span<const std::string> names) {
  if (names.size() < kMinRuns || names.size() > kMaxComparedRuns) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("compare: got {} runs, expected {} to {}",
                                                         names.size(), kMinRuns, kMaxComparedRuns));
  }
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("compare: '{}' is given twice", Quoted(name)));
    }
  }
}

// Throws unless both have the same objectives.
std::vector<std::size_t> OrderOf(const NamedReport& run, const NamedReport& first) {
  std::vector<std::size_t> order;
  const std::vector<ReportObjective>& mine = run.report.objectives;
  for (const ReportObjective& wanted : first.report.objectives) {
    const auto found = std::ranges::find_if(mine, [&](const ReportObjective& objective) {
      return objective.name == wanted.name && objective.direction == wanted.direction;
    });
    if (found != mine.end()) order.push_back(static_cast<std::size_t>(found - mine.begin()));
  }
  if (order.size() != mine.size() || mine.size() != first.report.objectives.size()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: its objectives are {}, but those of {} are {}; only searches for "
                    "the same objectives can be compared",
                    run.name, Described(mine), first.name, Described(first.report.objectives)));
  }
  return order;
}

std::vector<double> Reordered(const std::vector<double>& objectives,
                              const std::vector<std::size_t>& order) {
  std::vector<double> result;
  for (const std::size_t i : order) result.push_back(objectives[i]);
  return result;
}

Run Prepare(const NamedReport& source, const NamedReport& first) {
  Run run{.source = &source, .order = OrderOf(source, first)};
  for (const ReportMember& member : run.evaluated()) {
    Point& point = run.points.emplace_back();
    if (!member.feasible || member.objectives.size() != run.order.size()) continue;
    point = Reordered(member.objectives, run.order);
    for (std::size_t k = 0; k < point.size(); ++k) {
      if (first.report.objectives[k].direction == Direction::kMaximize) point[k] = -point[k];
    }
  }
  return run;
}

std::vector<Point> FrontPoints(const Run& run) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < run.points.size(); ++i) {
    if (run.evaluated()[i].on_front && !run.points[i].empty()) points.push_back(run.points[i]);
  }
  return points;
}

// The hypervolume after each evaluation.
std::vector<double> Growth(const Run& run, const ReferenceBox& box) {
  std::vector<double> growth;
  FrontTracker front;
  double volume = 0;
  for (const Point& point : run.points) {
    if (!point.empty() && front.Add(point)) volume = HypervolumeShare(front.points(), box);
    growth.push_back(volume);
  }
  return growth;
}

// What one number of evaluations or seconds brought each run; none where it ended before.
ComparedBudget AtBudget(const std::vector<Run>& runs, double budget,
                        const std::function<std::optional<std::int64_t>(const Run&)>& count) {
  ComparedBudget result{.budget = budget};
  for (const Run& run : runs) {
    const std::optional<std::int64_t> evaluations = count(run);
    std::optional<double>& volume = result.hypervolume.emplace_back();
    if (!evaluations) continue;
    volume = *evaluations == 0 ? 0 : run.growth[static_cast<std::size_t>(*evaluations - 1)];
  }
  const auto best = std::ranges::max_element(result.hypervolume);  // none is less than any
  const auto reached = std::ranges::count_if(
      result.hypervolume, [](const std::optional<double>& volume) { return volume.has_value(); });
  if (reached >= 2 && std::ranges::count(result.hypervolume, *best) == 1) {
    result.winner = static_cast<std::size_t>(best - result.hypervolume.begin());
  }
  return result;
}

// The last few of `steps` up to `most`, and `common`, where all runs are still there.
std::vector<double> Budgets(std::span<const double> steps, double common, double most) {
  std::vector<double> budgets;
  for (const double step : steps) {
    if (step <= most) budgets.push_back(step);
  }
  const bool close = std::ranges::any_of(budgets, [&](double step) {
    return step <= common && step >= 0.9 * common;  // says the same
  });
  if (common > 0 && !close) budgets.push_back(common);
  std::ranges::sort(budgets);
  if (budgets.size() > kMaxBudgets) {
    // What is dropped is early: there searches differ by their first draws.
    budgets.erase(budgets.begin(), budgets.end() - static_cast<std::ptrdiff_t>(kMaxBudgets));
  }
  return budgets;
}

void FillBudgets(const std::vector<Run>& runs, Comparison& comparison) {
  constexpr double kEvaluations[] = {10,   20,    50,    100,   200,    500,    1000,  2000,
                                     5000, 10000, 20000, 50000, 100000, 200000, 500000};
  constexpr double kSeconds[] = {1,   2,    5,    10,   20,   30,    60,    120,  300,
                                 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400};
  double least_count = 0, most_count = 0, least_s = 0, most_s = 0;
  for (const Run& run : runs) {
    const auto count = static_cast<double>(run.points.size());
    const double seconds = run.source->report.elapsed_s;
    const bool first = &run == &runs.front();
    least_count = first ? count : std::min(least_count, count);
    least_s = first ? seconds : std::min(least_s, seconds);
    most_count = std::max(most_count, count);
    most_s = std::max(most_s, seconds);
  }
  for (const double budget : Budgets(kEvaluations, least_count, most_count)) {
    comparison.by_evaluations.push_back(
        AtBudget(runs, budget, [&](const Run& run) -> std::optional<std::int64_t> {
          const auto evaluations = static_cast<std::int64_t>(budget);
          if (evaluations > std::ssize(run.points)) return std::nullopt;
          return evaluations;
        }));
  }
  for (const double budget : Budgets(kSeconds, least_s, most_s)) {
    comparison.by_time.push_back(
        AtBudget(runs, budget, [&](const Run& run) -> std::optional<std::int64_t> {
          if (run.source->report.elapsed_s < budget) return std::nullopt;
          return std::ranges::count_if(
              run.evaluated(), [&](const ReportMember& member) { return member.at_s <= budget; });
        }));
  }
}

ComparedPair Pair(const std::vector<Run>& runs, std::size_t of, std::size_t in,
                  const std::vector<ReportObjective>& objectives) {
  ComparedPair pair{.of = of, .in = in};
  std::map<std::string, const ReportMember*> others;
  for (const ReportMember& member : runs[in].evaluated()) {
    others.emplace(member.architecture.Id(), &member);
  }
  std::vector<std::vector<double>> mine(objectives.size());
  std::vector<std::vector<double>> theirs(objectives.size());
  for (const ReportMember& member : runs[of].evaluated()) {
    const auto found = others.find(member.architecture.Id());
    if (member.on_front) {
      ++(found == others.end()                                ? pair.not_evaluated
         : found->second->on_front || found->second->near_tie ? pair.kept
                                                              : pair.lost);
    }
    if (found == others.end() || member.objectives.size() != objectives.size() ||
        found->second->objectives.size() != objectives.size()) {
      continue;
    }
    ++pair.shared;
    for (std::size_t k = 0; k < objectives.size(); ++k) {
      mine[k].push_back(member.objectives[runs[of].order[k]]);
      theirs[k].push_back(found->second->objectives[runs[in].order[k]]);
    }
  }
  for (std::size_t k = 0; k < objectives.size(); ++k) {
    std::optional<double>& correlation = pair.rank_correlation.emplace_back();
    if (mine[k].size() < kMinRanked || !MetricByName(objectives[k].name).measured) continue;
    correlation = Spearman(mine[k], theirs[k]);
  }
  return pair;
}

std::string TextOf(const Json* json) {
  if (json == nullptr) return "";
  if (json->is_string()) return json->AsString();
  const Json* name = json->is_object() ? json->Find("name") : nullptr;
  return name != nullptr && name->is_string() ? name->AsString() : "";
}

// An option of the run, as run.json has it.
std::string OptionOf(const ReportData& report, std::string_view name) {
  const Json* options = report.run.is_object() ? report.run.Find("options") : nullptr;
  return options != nullptr && options->is_object() ? TextOf(options->Find(name)) : "";
}

std::string Machine(const ReportData& report) {
  return report.environment.cpu_model.empty() ? "unknown machine" : report.environment.cpu_model;
}

std::string Setting(const ReportData& report) {
  return fmt::format("{} {}, {} {}; {} + {} tokens, batch {}", report.config.runtime,
                     kDTypes.Name(report.config.dtype), report.config.threads,
                     report.config.threads == 1 ? "thread" : "threads",
                     report.workload.prompt_tokens, report.workload.output_tokens,
                     report.workload.batch);
}

// "the machines differ: a: X; b: Y"
void NoteDifference(std::span<const NamedReport> runs, std::string_view what,
                    const std::function<std::string(const ReportData&)>& describe,
                    std::vector<std::string>& notes) {
  std::set<std::string> different;
  std::string text;
  for (const NamedReport& run : runs) {
    const std::string value = describe(run.report);
    different.insert(value);
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", run.name, value);
  }
  if (different.size() > 1) notes.push_back(fmt::format("the {} differ: {}", what, text));
}

ComparedRun Describe(const Run& run, const std::set<Point>& union_front) {
  const ReportData& report = run.source->report;
  ComparedRun described;
  described.name = run.source->name;
  described.machine = Machine(report);
  described.algorithm = OptionOf(report, "algorithm");
  described.setting = Setting(report);
  described.evaluated = std::ssize(report.evaluated);
  described.elapsed_s = report.elapsed_s;
  for (std::size_t i = 0; i < run.points.size(); ++i) {
    const ReportMember& member = report.evaluated[i];
    if (!member.on_front || run.points[i].empty()) continue;
    const bool in_union = union_front.contains(run.points[i]);
    described.on_union_front += in_union ? 1 : 0;
    described.front.push_back({member.architecture.Id(), member.architecture.ShortName(),
                               Reordered(member.objectives, run.order), in_union});
  }
  if (!run.growth.empty()) described.hypervolume = run.growth.back();
  for (std::size_t i = 0; i < run.growth.size(); ++i) {
    const bool grew = i == 0 || run.growth[i] > run.growth[i - 1];
    if (!grew && i + 1 < run.growth.size()) continue;
    described.growth.push_back(
        {static_cast<std::int64_t>(i) + 1, report.evaluated[i].at_s, run.growth[i]});
  }
  return described;
}

}  // namespace

Comparison CompareReports(std::span<const NamedReport> reports) {
  std::vector<std::string> names;
  for (const NamedReport& report : reports) names.push_back(report.name);
  CheckNames(names);
  std::vector<Run> runs;
  std::vector<std::vector<Point>> fronts;
  std::vector<Point> all;
  for (const NamedReport& report : reports) {
    runs.push_back(Prepare(report, reports.front()));
    fronts.push_back(FrontPoints(runs.back()));
    all.insert(all.end(), fronts.back().begin(), fronts.back().end());
  }

  Comparison comparison;
  comparison.objectives = reports.front().report.objectives;
  std::set<Point> union_front;
  for (const std::int64_t i : ParetoFront(all))
    union_front.insert(all[static_cast<std::size_t>(i)]);
  comparison.union_front = std::ssize(union_front);
  const ReferenceBox box = BoxOfUnion(fronts);
  for (std::size_t k = 0; k < box.ideal.size(); ++k) {
    const double sign = comparison.objectives[k].direction == Direction::kMaximize ? -1 : 1;
    comparison.ideal.push_back(sign * box.ideal[k]);
    comparison.reference.push_back(sign * box.reference[k]);
  }
  const bool volumes =
      !comparison.objectives.empty() && comparison.objectives.size() <= kMaxVolumeObjectives;
  for (Run& run : runs) {
    if (volumes) run.growth = Growth(run, box);
    comparison.runs.push_back(Describe(run, union_front));
  }
  if (volumes) FillBudgets(runs, comparison);
  for (std::size_t of = 0; of < runs.size(); ++of) {
    for (std::size_t in = 0; in < runs.size(); ++in) {
      if (of != in) comparison.pairs.push_back(Pair(runs, of, in, comparison.objectives));
    }
  }
  NoteDifference(reports, "machines", Machine, comparison.notes);
  NoteDifference(reports, "runtimes or workloads", Setting, comparison.notes);
  NoteDifference(
      reports, "spaces", [](const ReportData& report) { return OptionOf(report, "space"); },
      comparison.notes);
  return comparison;
}

Comparison CompareFolders(std::span<const std::string> folders) {
  CheckNames(folders);
  std::vector<NamedReport> reports;
  for (const std::string& folder : folders) reports.push_back({folder, LoadReport(folder)});
  return CompareReports(reports);
}

}  // namespace lts

#include "lts/cli/front_table.h"

#include <algorithm>
#include <filesystem>

#include "fmt/format.h"
#include "lts/record/metric.h"

namespace lts::cli {

std::string Human(const Measurement& measurement) {
  const bool count = Info(measurement.metric).unit == "1";
  std::string text = count ? HumanCount(measurement.value) : HumanNumber(measurement.value);
  if (measurement.high > measurement.low) {
    text += fmt::format(" ±{:.1f}%", 50 * (measurement.high - measurement.low) / measurement.value);
  }
  return measurement.noisy ? text + " ~" : text;
}

void PrintFront(const ReportData& data, Context& context) {
  std::vector<const ReportMember*> front;
  for (const ReportMember& member : data.evaluated) {
    if (member.on_front || member.near_tie) front.push_back(&member);
  }
  const bool descending =
      !data.objectives.empty() && data.objectives.front().direction == Direction::kMaximize;
  std::stable_sort(front.begin(), front.end(), [&](const ReportMember* a, const ReportMember* b) {
    return descending ? a->objectives.front() > b->objectives.front()
                      : a->objectives.front() < b->objectives.front();
  });

  // The objectives first, in their order; the other metrics are for csv and json.
  std::vector<const MetricInfo*> metrics;
  for (const ReportObjective& objective : data.objectives) {
    metrics.push_back(&MetricByName(objective.name));
  }
  const std::size_t shown = metrics.size();
  for (const MetricInfo& info : Metrics()) {
    if (std::find(metrics.begin(), metrics.end(), &info) == metrics.end()) metrics.push_back(&info);
  }
  std::vector<Table::Column> columns = {{"shape", "shape", false}};
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const std::string name(metrics[i]->name);
    columns.push_back({name, i < shown ? name : ""});
    if (metrics[i]->measured) {
      columns.push_back({name + "_low", ""});
      columns.push_back({name + "_high", ""});
    }
  }
  columns.push_back({"near_tie", ""});
  columns.push_back({"archid", "archid", false});
  Table table(columns);
  for (const ReportMember* member : front) {
    const std::string id = member->architecture.Id();
    const std::string shape = member->architecture.ShortName();
    std::vector<Cell> row = {{shape, member->near_tie ? shape + " ≈" : ""}};
    Evaluation evaluation{id, member->measurements};
    for (const MetricInfo* info : metrics) {
      const Measurement* m = evaluation.Find(info->metric);
      row.push_back(m == nullptr ? Cell{Json(), "-"} : Cell{m->value, Human(*m)});
      if (info->measured) {
        row.push_back(m == nullptr ? Cell{} : Cell{m->low, ""});
        row.push_back(m == nullptr ? Cell{} : Cell{m->high, ""});
      }
    }
    row.push_back({member->near_tie, ""});
    row.push_back({id, Fit(id, 13)});
    table.AddRow(std::move(row));
  }
  table.Print(context.format, context.terminal, context.out);
}

std::string NearTieLine(const ReportData& data) {
  const auto ties = std::ranges::count_if(
      data.evaluated, [](const ReportMember& member) { return member.near_tie; });
  if (ties == 0) return "";
  return fmt::format("≈ {}: dominated, but within the intervals of what dominates {}\n",
                     ties == 1 ? "1 near-tie" : fmt::format("{} near-ties", ties),
                     ties == 1 ? "it" : "them");
}

std::string OutsideFitLine(const ReportData& data) {
  const auto outside = [](const ReportMember& member) {
    return member.on_front && !member.outside_fit.empty();
  };
  const auto first = std::ranges::find_if(data.evaluated, outside);
  if (first == data.evaluated.end()) return "";
  return fmt::format(
      "{} of the front outside what the law was fitted on, where its order is a guess: {}: {}\n",
      std::ranges::count_if(data.evaluated, outside), first->architecture.ShortName(),
      first->outside_fit);
}

std::string ReportLine(const std::string& folder) {
  const auto page = std::filesystem::absolute(std::filesystem::path(folder) / "report.html");
  return fmt::format("report: {} (open it in a browser)", page.lexically_normal().string());
}

}  // namespace lts::cli

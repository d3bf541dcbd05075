#include "lts/report/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lts/report/format.h"
#include "lts/report/members.h"
#include "lts/report/page_template.h"

namespace lts {
namespace {

Json Optional(const std::optional<double>& value) {
  return value ? NumberJson(RoundToDigits(*value, kMeasuredDigits)) : Json();
}

Json Numbers(const std::vector<double>& values) {
  Json json = Json::MakeArray();
  for (const double value : values) json.Append(NumberJson(value));
  return json;
}

Json RunJson(const ComparedRun& run) {
  Json front = Json::MakeArray();
  for (const ComparedRun::Member& member : run.front) {
    front.Append(Json(Json::Object{{"id", member.id},
                                   {"name", member.name},
                                   {"objectives", Numbers(member.objectives)},
                                   {"on_union_front", member.on_union_front}}));
  }
  Json growth = Json::MakeArray();
  for (const ComparedRun::Step& step : run.growth) {
    growth.Append(Json(Json::Object{{"evaluations", step.evaluations},
                                    {"at_s", NumberJson(std::round(step.at_s * 1e3) / 1e3)},
                                    {"hypervolume", Optional(step.hypervolume)}}));
  }
  return Json(Json::Object{{"name", run.name},
                           {"machine", run.machine},
                           {"algorithm", run.algorithm},
                           {"setting", run.setting},
                           {"evaluated", run.evaluated},
                           {"elapsed_s", NumberJson(std::round(run.elapsed_s * 1e3) / 1e3)},
                           {"on_union_front", run.on_union_front},
                           {"hypervolume", Optional(run.hypervolume)},
                           {"front", std::move(front)},
                           {"growth", std::move(growth)}});
}

Json BudgetsJson(const Comparison& comparison, const std::vector<ComparedBudget>& budgets,
                 std::string_view name) {
  Json json = Json::MakeArray();
  for (const ComparedBudget& budget : budgets) {
    Json volumes = Json::MakeArray();
    for (const std::optional<double>& volume : budget.hypervolume) volumes.Append(Optional(volume));
    Json entry = Json::MakeObject();
    entry[name] = NumberJson(budget.budget);
    entry["hypervolume"] = std::move(volumes);
    entry["winner"] = budget.winner ? Json(comparison.runs[*budget.winner].name) : Json();
    json.Append(std::move(entry));
  }
  return json;
}

}  // namespace

std::string ComparisonSummary(const Comparison& comparison) {
  std::vector<const ComparedRun*> order;
  for (const ComparedRun& run : comparison.runs) {
    if (run.hypervolume) order.push_back(&run);
  }
  if (order.size() < 2) {
    return fmt::format("The front of all {} runs together has {} decoders.", comparison.runs.size(),
                       comparison.union_front);
  }
  std::ranges::stable_sort(order, [](const ComparedRun* a, const ComparedRun* b) {
    return *a->hypervolume > *b->hypervolume;
  });
  std::string others;
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (i > 1) others += i + 1 == order.size() ? " and " : ", ";
    others += fmt::format("{:.3f} of {}", *order[i]->hypervolume, order[i]->name);
  }
  return fmt::format(
      "{} has the largest hypervolume, {:.3f} against {}, and {} of the {} decoders on the front "
      "of "
      "all runs together.",
      order[0]->name, *order[0]->hypervolume, others, order[0]->on_union_front,
      comparison.union_front);
}

Json ComparisonJson(const Comparison& comparison) {
  Json json = Json::MakeObject();
  json["format"] = "lts-comparison";
  json["version"] = 1;
  json["summary"] = ComparisonSummary(comparison);
  Json objectives = Json::MakeArray();
  for (std::size_t i = 0; i < comparison.objectives.size(); ++i) {
    const ReportObjective& objective = comparison.objectives[i];
    const bool known = i < comparison.ideal.size();
    objectives.Append(
        Json(Json::Object{{"name", objective.name},
                          {"title", objective.title},
                          {"unit", objective.unit},
                          {"direction", DirectionName(objective.direction)},
                          {"quality", objective.quality},
                          {"ideal", known ? NumberJson(comparison.ideal[i]) : Json()},
                          {"reference", known ? NumberJson(comparison.reference[i]) : Json()}}));
  }
  json["objectives"] = std::move(objectives);
  json["union_front"] = comparison.union_front;
  Json runs = Json::MakeArray();
  for (const ComparedRun& run : comparison.runs) runs.Append(RunJson(run));
  json["runs"] = std::move(runs);
  json["by_evaluations"] = BudgetsJson(comparison, comparison.by_evaluations, "evaluations");
  json["by_time"] = BudgetsJson(comparison, comparison.by_time, "seconds");
  Json pairs = Json::MakeArray();
  for (const ComparedPair& pair : comparison.pairs) {
    Json correlations = Json::MakeObject();
    for (std::size_t i = 0; i < pair.rank_correlation.size(); ++i) {
      if (pair.rank_correlation[i]) {
        correlations[comparison.objectives[i].name] = Optional(pair.rank_correlation[i]);
      }
    }
    pairs.Append(Json(Json::Object{{"of", comparison.runs[pair.of].name},
                                   {"in", comparison.runs[pair.in].name},
                                   {"kept", pair.kept},
                                   {"lost", pair.lost},
                                   {"not_evaluated", pair.not_evaluated},
                                   {"shared", pair.shared},
                                   {"rank_correlation", std::move(correlations)}}));
  }
  json["pairs"] = std::move(pairs);
  Json notes = Json::MakeArray();
  for (const std::string& note : comparison.notes) notes.Append(note);
  json["notes"] = std::move(notes);
  return CleanJson(json);
}

std::string ComparisonHtml(const Comparison& comparison) {
  return FillPage(ComparisonPageTemplate(),
                  fmt::format("Comparison of {} runs", comparison.runs.size()),
                  ComparisonSummary(comparison), ComparisonJson(comparison));
}

}  // namespace lts

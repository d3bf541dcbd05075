#include "lts/job/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "lts/base/error.h"
#include "lts/objectives/objective.h"
#include "lts/quality/lts_law.h"
#include "lts/search/near_ties.h"
#include "lts/search/pareto.h"

namespace lts {
namespace {

constexpr std::int64_t kMaxInt = std::numeric_limits<std::int64_t>::max();

inline constexpr EnumTable<Direction, 2> kDirections{
    "direction", {{{Direction::kMinimize, "minimize"}, {Direction::kMaximize, "maximize"}}}};

ReportObjective ToReportObjective(const ObjectiveSpec& spec) {
  const MetricInfo& info = MetricByName(spec.name);
  return {spec.name, std::string(info.title), std::string(info.unit), spec.direction,
          IsQuality(info, spec.direction)};
}

UncertainPoint MinimizedUncertain(const ReportMember& member,
                                  std::span<const ObjectiveSpec> specs) {
  UncertainPoint point{MinimizedPoint(member.objectives, specs), {}, {}};
  const std::vector<Interval> intervals =
      ObjectiveIntervals(member.objectives, specs, member.measurements);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const bool negated = specs[i].direction == Direction::kMaximize;
    point.low.push_back(negated ? -intervals[i].high : intervals[i].low);
    point.high.push_back(negated ? -intervals[i].low : intervals[i].high);
  }
  return point;
}

// Empty where no objective is lts_law, whose range alone is known.
std::string OutsideFitOf(const Architecture& architecture, const RunSettings& settings) {
  const bool by_lts_law = std::ranges::any_of(settings.objectives, [](const ObjectiveSpec& spec) {
    return spec.name == Info(Metric::kLtsLaw).name;
  });
  if (!by_lts_law) return "";
  const LtsLawFit* own = settings.own_law();
  return OutsideFit(own != nullptr ? *own : FrozenLtsLaw(), LtsLawInputsOf(architecture));
}

void MarkFront(std::span<const ObjectiveSpec> specs, std::vector<ReportMember>& members) {
  std::vector<Point> points;
  std::vector<UncertainPoint> uncertain;
  std::vector<std::size_t> index;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!members[i].feasible || members[i].objectives.size() != specs.size()) continue;
    uncertain.push_back(MinimizedUncertain(members[i], specs));
    points.push_back(uncertain.back().value);
    index.push_back(i);
  }
  for (const std::int64_t i : ParetoFront(points)) {
    members[index[static_cast<std::size_t>(i)]].on_front = true;
  }
  for (const std::int64_t i : NearTies(uncertain)) {
    members[index[static_cast<std::size_t>(i)]].near_tie = true;
  }
}

// run.json
Json RunJson(const RunRecord& run, std::span<const RunMember> members, std::int64_t front,
             std::int64_t near_ties) {
  std::int64_t reused = 0, infeasible = 0, failed = 0, iterations = 0;
  for (const RunMember& member : members) {
    reused += member.evaluation.reused ? 1 : 0;
    infeasible += member.evaluation.feasible ? 0 : 1;
    failed += member.evaluation.objectives.empty() ? 1 : 0;
    iterations = std::max(iterations, member.evaluation.iteration + 1);
  }
  Json json = Json::MakeObject();
  json["run"] = run.id;
  json["command_line"] = run.command_line;
  json["status"] = run.status;
  json["stopped"] = run.stopped;
  json["started_utc"] = run.started_utc;
  json["finished_utc"] = run.finished_utc;
  json["search_time_s"] = run.elapsed_s;
  json["evaluated"] = std::ssize(members);
  json["reused"] = reused;          // answered by measurements of earlier runs
  json["infeasible"] = infeasible;  // violate a measured constraint, or failed
  json["failed"] = failed;          // could not be measured: too large for memory
  json["front"] = front;
  json["near_ties"] = near_ties;  // dominated, but by nobody beyond the intervals
  json["iterations"] = iterations;
  json["options"] = run.options;
  json["environment_key"] = run.environment.key();
  json["environment"] = run.environment.ToJson();
  return json;
}

}  // namespace

Json RunSettings::ToJson() const {
  Json json = Json::MakeObject();
  json["space"] = space;
  Json specs = Json::MakeArray();
  for (const ObjectiveSpec& spec : objectives) {
    Json objective = Json::MakeObject();
    objective["name"] = spec.name;
    objective["direction"] = kDirections.Name(spec.direction);
    specs.Append(std::move(objective));
  }
  json["objectives"] = std::move(specs);
  json["runtime"] = config.runtime;
  json["dtype"] = kDTypes.Name(config.dtype);
  // Only a cache that was asked for, so that runs from before there was a choice can be resumed.
  if (config.cache_dtype() != CacheDType(config.dtype))
    json["kv_dtype"] = kDTypes.Name(config.cache_dtype());
  json["threads"] = config.threads;
  json["prompt"] = workload.prompt_tokens;
  json["output_tokens"] = workload.output_tokens;
  json["batch"] = workload.batch;
  return json;
}

RunSettings RunSettings::FromJson(const Json& json, const std::string& name) {
  RunSettings settings;
  ObjectReader reader(json, name);
  settings.space = reader.Member("space");
  if (const Json* law = settings.space.is_object() ? settings.space.Find("law") : nullptr)
    settings.law = ParseLawFile(*law, name + ": space: law");
  for (const Json& element : reader.Member("objectives").AsArray()) {
    ObjectReader objective(element, name + ": objectives");
    settings.objectives.push_back({std::string(MetricByName(objective.String("name")).name),
                                   kDirections.Parse(objective.String("direction"))});
  }
  if (settings.objectives.empty()) reader.Fail("objectives", "expected at least one");
  settings.config.runtime = reader.String("runtime");
  settings.config.dtype = kDTypes.Parse(reader.String("dtype"));
  if (reader.Has("kv_dtype")) settings.config.kv_dtype = kDTypes.Parse(reader.String("kv_dtype"));
  settings.config.threads =
      static_cast<int>(reader.Int("threads", 1, std::numeric_limits<int>::max()));
  settings.workload.prompt_tokens = reader.Int("prompt", 1, kMaxInt);
  settings.workload.output_tokens = reader.Int("output_tokens", 1, kMaxInt);
  settings.workload.batch = reader.Int("batch", 1, kMaxInt);
  return settings;
}

std::vector<Measurement> WithCounts(std::vector<Measurement> measurements,
                                    const Architecture& architecture, const RunSettings& settings) {
  const auto known = [&](Metric metric) {
    return std::any_of(measurements.begin(), measurements.end(),
                       [&](const Measurement& m) { return m.metric == metric; });
  };
  const auto asked_for = [&](Metric metric) {
    return std::ranges::find(settings.objectives, Info(metric).name, &ObjectiveSpec::name) !=
           settings.objectives.end();
  };
  for (const Objective* objective : Objectives()) {
    if (objective->by == MeasuredBy::kCounting && !known(objective->metric) &&
        (objective->in_every_report || asked_for(objective->metric))) {
      measurements.push_back(
          Count(*objective, architecture, settings.workload, settings.config, settings.own_law()));
    }
  }
  std::sort(measurements.begin(), measurements.end(),
            [](const Measurement& a, const Measurement& b) { return a.metric < b.metric; });
  return measurements;
}

Point MinimizedPoint(std::span<const double> objectives, std::span<const ObjectiveSpec> specs) {
  LTS_CHECK(objectives.size() == specs.size());
  Point point(objectives.begin(), objectives.end());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].direction == Direction::kMaximize) point[i] = -point[i];
  }
  return point;
}

std::vector<Interval> ObjectiveIntervals(std::span<const double> objectives,
                                         std::span<const ObjectiveSpec> specs,
                                         std::span<const Measurement> measurements) {
  std::vector<Interval> intervals;
  for (std::size_t i = 0; i < objectives.size(); ++i) {
    Interval& interval = intervals.emplace_back(Interval{objectives[i], objectives[i]});
    for (const Measurement& m : measurements) {
      if (Info(m.metric).name != specs[i].name || Info(m.metric).by_law) continue;
      interval = {std::min(m.low, objectives[i]), std::max(m.high, objectives[i])};
    }
  }
  return intervals;
}

ReportData MakeReport(const RunRecord& run, const RunSettings& settings,
                      std::span<const RunMember> members) {
  ReportData data;
  const Json* space_name = settings.space.is_object() ? settings.space.Find("name") : nullptr;
  data.title = fmt::format(
      "Pareto front of {} on {}",
      space_name != nullptr && space_name->is_string() ? space_name->AsString() : "a search space",
      run.environment.cpu_model.empty() ? "this machine" : run.environment.cpu_model);
  for (const ObjectiveSpec& spec : settings.objectives) {
    data.objectives.push_back(ToReportObjective(spec));
  }
  data.evaluated.reserve(members.size());
  for (const RunMember& member : members) {
    data.evaluated.push_back({member.architecture, member.measurements,
                              member.evaluation.objectives, member.evaluation.iteration,
                              member.evaluation.at_s, member.evaluation.feasible});
  }
  MarkFront(settings.objectives, data.evaluated);
  for (ReportMember& member : data.evaluated) {
    member.outside_fit = OutsideFitOf(member.architecture, settings);
  }
  data.environment = run.environment;
  data.config = settings.config;
  data.workload = settings.workload;
  data.command_line = run.command_line;
  data.finished_utc = run.finished_utc;
  data.elapsed_s = run.elapsed_s;
  const std::int64_t front =
      std::count_if(data.evaluated.begin(), data.evaluated.end(),
                    [](const ReportMember& member) { return member.on_front; });
  const std::int64_t near_ties =
      std::count_if(data.evaluated.begin(), data.evaluated.end(),
                    [](const ReportMember& member) { return member.near_tie; });
  data.run = RunJson(run, members, front, near_ties);
  return data;
}

void AddOutcome(const ExactOutcome& outcome, const SearchSpace& space, ReportData& report) {
  report.certificate = outcome.certificate.ToJson();
  for (const ExactOutcome::Expected& member : outcome.expected)
    report.expected.push_back({space.Decode(member.genome), member.objectives});
}

std::string StorePath(const std::string& folder) { return folder + "/lts.db"; }

}  // namespace lts

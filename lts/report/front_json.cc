#include <cmath>

#include "lts/base/dtype.h"
#include "lts/report/format.h"
#include "lts/report/members.h"
#include "lts/report/report.h"

namespace lts {
namespace {

Json MeasurementJson(const Measurement& measurement) {
  const MetricInfo& info = Info(measurement.metric);
  Json json = Json::MakeObject();
  json["metric"] = info.name;
  json["unit"] = info.unit;
  json["value"] = NumberJson(measurement.value);
  json["source"] = measurement.source;
  if (!info.measured) return json;
  json["low"] = NumberJson(measurement.low);
  json["high"] = NumberJson(measurement.high);
  json["p95"] = NumberJson(measurement.p95);
  json["noisy"] = measurement.noisy;
  json["drift"] = NumberJson(measurement.drift);
  Json samples = Json::MakeArray();
  for (const double sample : measurement.samples) samples.Append(NumberJson(sample));
  json["samples"] = std::move(samples);
  return json;
}

Json MemberJson(const ReportData& data, const ReportMember& member) {
  Json json = Json::MakeObject();
  json["id"] = member.architecture.Id();
  json["name"] = member.architecture.ShortName();
  json["architecture"] = ArchitectureJson(member.architecture);
  Json objectives = Json::MakeObject();
  for (std::size_t i = 0; i < data.objectives.size(); ++i) {
    objectives[data.objectives[i].name] = NumberJson(ObjectiveValue(member, i).value_or(NAN));
  }
  json["objectives"] = std::move(objectives);
  Json measurements = Json::MakeArray();
  for (const Measurement& measurement : member.measurements) {
    measurements.Append(MeasurementJson(measurement));
  }
  json["measurements"] = std::move(measurements);
  json["near_tie"] = member.near_tie;
  if (!member.outside_fit.empty()) json["outside_fit"] = member.outside_fit;
  json["iteration"] = member.iteration;
  json["at_s"] = NumberJson(std::round(member.at_s * 1e3) / 1e3);
  return json;
}

}  // namespace

Json FrontJson(const ReportData& data) {
  Json json = Json::MakeObject();
  json["format"] = "lts-front";
  json["version"] = 2;
  json["title"] = data.title;
  json["summary"] = SummarySentence(data);
  json["command_line"] = data.command_line;
  json["finished_utc"] = data.finished_utc.empty() ? Json() : Json(data.finished_utc);
  json["elapsed_s"] = NumberJson(std::round(data.elapsed_s * 1e3) / 1e3);
  json["evaluated"] = static_cast<std::int64_t>(data.evaluated.size());

  Json workload = Json::MakeObject();
  workload["prompt_tokens"] = data.workload.prompt_tokens;
  workload["output_tokens"] = data.workload.output_tokens;
  workload["batch"] = data.workload.batch;
  json["workload"] = std::move(workload);

  Json config = Json::MakeObject();
  config["runtime"] = data.config.runtime;
  config["dtype"] = kDTypes.Name(data.config.dtype);
  config["kv_dtype"] = kDTypes.Name(data.config.cache_dtype());
  config["threads"] = data.config.threads;
  json["config"] = std::move(config);
  json["environment"] = data.environment.ToJson();

  Json objectives = Json::MakeArray();
  for (const ReportObjective& objective : data.objectives) {
    Json entry = Json::MakeObject();
    entry["name"] = objective.name;
    entry["title"] = objective.title;
    entry["unit"] = objective.unit;
    entry["direction"] = DirectionName(objective.direction);
    objectives.Append(std::move(entry));
  }
  json["objectives"] = std::move(objectives);

  Json front = Json::MakeArray();
  for (const std::size_t index : FrontAndNearTies(data)) {
    front.Append(MemberJson(data, data.evaluated[index]));
  }
  json["front"] = std::move(front);
  if (!data.certificate.is_null()) json["certificate"] = data.certificate;
  return CleanJson(json);
}

}  // namespace lts

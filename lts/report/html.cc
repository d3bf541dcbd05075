// report.html: the page's template with this run's data. The data travel as JSON inside a script
// element that is not run; page/model.js documents nothing of its own: the members below are its
// schema (docs/report.md).
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "lts/base/dtype.h"
#include "lts/report/format.h"
#include "lts/report/members.h"
#include "lts/report/page_template.h"
#include "lts/report/report.h"

namespace lts {
namespace {

// 2,000 members stay within a few megabytes.
Json Short(double value) { return NumberJson(RoundToDigits(value, kMeasuredDigits)); }

Json PerLayer(const std::vector<LayerShape>& layers, std::int64_t LayerShape::*field) {
  Json all = Json::MakeArray();
  bool equal = true;
  for (const LayerShape& layer : layers) {
    all.Append(layer.*field);
    equal = equal && layer.*field == layers.front().*field;
  }
  return equal ? Json(layers.front().*field) : all;
}

class PageData {
 public:
  explicit PageData(const ReportData& data) : data_(data), columns_(Columns(data)) {}

  Json Build() {
    Json json = Json::MakeObject();
    json["title"] = data_.title;
    json["command_line"] = data_.command_line;
    json["finished_utc"] = data_.finished_utc;
    json["elapsed_s"] = Short(data_.elapsed_s);
    json["workload"] = Json(Json::Object{{"prompt_tokens", data_.workload.prompt_tokens},
                                         {"output_tokens", data_.workload.output_tokens},
                                         {"batch", data_.workload.batch}});
    json["config"] = Json(Json::Object{{"runtime", data_.config.runtime},
                                       {"dtype", kDTypes.Name(data_.config.dtype)},
                                       {"kv_dtype", kDTypes.Name(data_.config.cache_dtype())},
                                       {"threads", data_.config.threads}});
    json["environment"] = data_.environment.ToJson();
    json["run"] = data_.run;
    Json objectives = Json::MakeArray();
    for (const ReportObjective& objective : data_.objectives) {
      objectives.Append(Json(Json::Object{
          {"name", objective.name}, {"maximize", objective.direction == Direction::kMaximize}}));
    }
    json["objectives"] = std::move(objectives);
    Json columns = Json::MakeArray();
    for (const ReportColumn& column : columns_) {
      const bool maximize =
          column.objective && data_.objectives[*column.objective].direction == Direction::kMaximize;
      const bool quality = column.objective && data_.objectives[*column.objective].quality;
      columns.Append(Json(Json::Object{{"name", column.name},
                                       {"title", column.title},
                                       {"unit", column.unit},
                                       {"measured", column.measured},
                                       {"maximize", maximize},
                                       {"quality", quality}}));
    }
    json["columns"] = std::move(columns);
    Json members = Json::MakeArray();
    for (const ReportMember& member : data_.evaluated) members.Append(MemberJson(member));
    json["members"] = std::move(members);
    json["sources"] = Json(sources_);
    if (!data_.certificate.is_null()) json["certificate"] = data_.certificate;
    Json expected = Json::MakeArray();
    for (const ExpectedMember& member : data_.expected) {
      Json values = Json::MakeArray();
      for (const double value : member.objectives) values.Append(Short(value));
      expected.Append(
          Json(Json::Object{{"name", member.architecture.ShortName()},
                            {"config", WriteJson(ArchitectureJson(member.architecture)) + "\n"},
                            {"objectives", std::move(values)}}));
    }
    json["expected"] = std::move(expected);
    return CleanJson(json);
  }

 private:
  // An exact value is a number; a measured one {v, lo, hi, p95, noisy, drift, src, x: samples
  // (front only)}.
  Json ValueJson(const ReportMember& member, const ReportColumn& column) {
    const std::optional<ReportValue> value = ValueIn(member, column);
    if (!value) return {};
    const Measurement* measurement = value->measurement;
    if (measurement == nullptr) return NumberJson(value->value);
    Json json(Json::Object{{"v", Short(value->value)},
                           {"lo", Short(measurement->low)},
                           {"hi", Short(measurement->high)},
                           {"p95", Short(measurement->p95)},
                           {"n", static_cast<std::int64_t>(measurement->samples.size())},
                           {"drift", Short(measurement->drift)},
                           {"src", SourceIndex(measurement->source)}});
    if (measurement->noisy) json["noisy"] = true;
    if ((member.on_front || member.near_tie) && !measurement->samples.empty()) {
      Json samples = Json::MakeArray();
      for (const double sample : measurement->samples)
        samples.Append(NumberJson(RoundToDigits(sample, 4)));
      json["x"] = std::move(samples);
    }
    return json;
  }

  Json MemberJson(const ReportMember& member) {
    const Architecture& architecture = member.architecture;
    Json values = Json::MakeArray();
    for (const ReportColumn& column : columns_) values.Append(ValueJson(member, column));
    // The configuration travels as text: a reader who copies it gets the bytes of
    // architectures/<id>.json.
    return Json(Json::Object{{"id", architecture.Id()},
                             {"name", architecture.ShortName()},
                             {"backbone", architecture.backbone()},
                             {"n_layer", architecture.n_layer()},
                             {"d_model", architecture.d_model()},
                             {"d_inner", PerLayer(architecture.layers(), &LayerShape::d_inner)},
                             {"n_head", PerLayer(architecture.layers(), &LayerShape::n_head)},
                             {"n_kv_head", PerLayer(architecture.layers(), &LayerShape::n_kv_head)},
                             {"config", WriteJson(ArchitectureJson(architecture)) + "\n"},
                             {"iteration", member.iteration},
                             {"at_s", Short(member.at_s)},
                             {"feasible", member.feasible},
                             {"on_front", member.on_front},
                             {"near_tie", member.near_tie},
                             {"outside_fit", member.outside_fit},
                             {"values", std::move(values)}});
  }

  std::int64_t SourceIndex(const std::string& source) {
    const auto [it, added] =
        source_index_.emplace(source, static_cast<std::int64_t>(sources_.size()));
    if (added) sources_.emplace_back(source);
    return it->second;
  }

  const ReportData& data_;
  std::vector<ReportColumn> columns_;
  Json::Array sources_;
  std::map<std::string, std::int64_t> source_index_;
};

}  // namespace

std::string ReportHtml(const ReportData& data) {
  return FillPage(PageTemplate(), data.title, SummarySentence(data), PageData(data).Build());
}

std::string FillPage(std::string_view page, std::string_view title, std::string_view summary,
                     const Json& data) {
  const std::map<std::string_view, std::string> fields = {{"@LTS_TITLE@", EscapeMarkup(title)},
                                                          {"@LTS_SUMMARY@", EscapeMarkup(summary)},
                                                          {"@LTS_DATA@", ScriptJson(data)}};
  // One pass from left to right: what is filled in is never searched for marks.
  std::string html;
  std::size_t at = 0;
  for (;;) {
    const std::size_t mark = page.find("@LTS_", at);
    if (mark == std::string_view::npos) break;
    html += page.substr(at, mark - at);
    const std::size_t end = page.find('@', mark + 1);
    const std::string_view name = page.substr(mark, end - mark + 1);
    html += fields.at(name);
    at = mark + name.size();
  }
  html += page.substr(at);
  return html;
}

}  // namespace lts

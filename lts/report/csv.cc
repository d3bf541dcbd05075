#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "lts/report/format.h"
#include "lts/report/members.h"
#include "lts/report/report.h"

namespace lts {
namespace {

// One number where all layers agree, else one per layer with spaces between: "832" or "640 1920
// 640".
std::string PerLayer(const Architecture& architecture, std::int64_t LayerShape::*field) {
  std::string all;
  bool equal = true;
  const std::vector<LayerShape>& layers = architecture.layers();
  for (const LayerShape& layer : layers) {
    if (!all.empty()) all += ' ';
    all += std::to_string(layer.*field);
    equal = equal && layer.*field == layers.front().*field;
  }
  return equal ? std::to_string(layers.front().*field) : all;
}

std::string MeasuredNumber(double value) {
  return PlainNumber(RoundToDigits(value, kMeasuredDigits));
}

void AppendField(std::string& line, std::string_view text) {
  if (!line.empty()) line += ',';
  line += CsvField(CleanText(text));
}

std::string HeaderLine(const std::vector<ReportColumn>& columns) {
  std::string line;
  for (const char* name :
       {"id", "name", "backbone", "vocab_size", "max_seq_len", "n_layer", "d_model", "d_inner",
        "n_head", "n_kv_head", "iteration", "at_s", "feasible", "on_front", "near_tie"}) {
    AppendField(line, name);
  }
  for (const ReportColumn& column : columns) {
    AppendField(line, column.name);
    if (!column.measured) continue;
    for (const char* part : {"low", "high", "p95", "noisy"}) {
      AppendField(line, fmt::format("{}_{}", column.name, part));
    }
  }
  return line + '\n';
}

std::string MemberLine(const ReportMember& member, const std::vector<ReportColumn>& columns) {
  const Architecture& architecture = member.architecture;
  std::string line;
  AppendField(line, architecture.Id());
  AppendField(line, architecture.ShortName());
  AppendField(line, architecture.backbone());
  AppendField(line, std::to_string(architecture.vocab_size()));
  AppendField(line, std::to_string(architecture.max_seq_len()));
  AppendField(line, std::to_string(architecture.n_layer()));
  AppendField(line, std::to_string(architecture.d_model()));
  AppendField(line, PerLayer(architecture, &LayerShape::d_inner));
  AppendField(line, PerLayer(architecture, &LayerShape::n_head));
  AppendField(line, PerLayer(architecture, &LayerShape::n_kv_head));
  AppendField(line, std::to_string(member.iteration));
  AppendField(line, fmt::format("{:.3f}", member.at_s));
  AppendField(line, member.feasible ? "1" : "0");
  AppendField(line, member.on_front ? "1" : "0");
  AppendField(line, member.near_tie ? "1" : "0");
  for (const ReportColumn& column : columns) {
    const std::optional<ReportValue> value = ValueIn(member, column);
    if (!column.measured) {
      AppendField(line, value ? PlainNumber(value->value) : "");
      continue;
    }
    const Measurement* measurement = value ? value->measurement : nullptr;
    AppendField(line, value ? MeasuredNumber(value->value) : "");
    AppendField(line, measurement != nullptr ? MeasuredNumber(measurement->low) : "");
    AppendField(line, measurement != nullptr ? MeasuredNumber(measurement->high) : "");
    AppendField(line, measurement != nullptr ? MeasuredNumber(measurement->p95) : "");
    AppendField(line, measurement == nullptr ? "" : measurement->noisy ? "1" : "0");
  }
  return line + '\n';
}

std::string Table(const ReportData& data, const std::vector<std::size_t>& order) {
  const std::vector<ReportColumn> columns = Columns(data);
  std::string text = HeaderLine(columns);
  for (const std::size_t index : order) text += MemberLine(data.evaluated[index], columns);
  return text;
}

}  // namespace

std::string FrontCsv(const ReportData& data) { return Table(data, FrontAndNearTies(data)); }

std::string EvaluatedCsv(const ReportData& data) {
  std::vector<std::size_t> order(data.evaluated.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  return Table(data, order);
}

}  // namespace lts

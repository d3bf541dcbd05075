// Questions that every format asks of ReportData: who is on the front, in which order, which
// numbers there are. Private to lts/report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lts/report/report.h"

namespace lts {

// Indices into data.evaluated of the members on the front: best of the first objective first, ties
// by the next objective, then by order of evaluation.
std::vector<std::size_t> FrontOrder(const ReportData& data);
// The same of the front and the near-ties together.
std::vector<std::size_t> FrontAndNearTies(const ReportData& data);

// The objective's value, or nothing where the member failed or the value is not finite.
std::optional<double> ObjectiveValue(const ReportMember& member, std::size_t objective);

// The measurement of the metric named `name`, or nullptr.
const Measurement* FindMeasurement(const ReportMember& member, std::string_view name);

// A number that at least one member has.
struct ReportColumn {
  std::string name;                      // "latency_ms"
  std::string title;                     // "Latency"
  std::string unit;                      // "ms", or empty for counts
  bool measured = false;                 // has interval, P95 and a noise mark
  std::optional<std::size_t> objective;  // its index where it is an objective
};
// Objectives first, in their order, then every other metric that some member has, in the order of
// Metrics().
std::vector<ReportColumn> Columns(const ReportData& data);

// What a member says in a column.
struct ReportValue {
  double value = 0;
  const Measurement* measurement = nullptr;  // nullptr: only the value is known
};
std::optional<ReportValue> ValueIn(const ReportMember& member, const ReportColumn& column);

std::string_view DirectionName(Direction direction);  // "minimize" or "maximize"

// Architecture::ToConfig() with arch_type: what ParseArchitecture, and Archai, read.
Json ArchitectureJson(const Architecture& architecture);

// One sentence or two: "18 Pareto-optimal decoders among 214 evaluated on <cpu>, from ... to ...".
std::string SummarySentence(const ReportData& data);

}  // namespace lts

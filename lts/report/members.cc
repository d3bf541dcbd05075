#include "lts/report/members.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "lts/report/format.h"

namespace lts {
namespace {

const MetricInfo* FindMetric(std::string_view name) {
  for (const MetricInfo& info : Metrics()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::string Lower(std::string title) {
  // "Latency" inside a sentence; "TTFT" stays.
  if (title.size() > 1 && std::islower(static_cast<unsigned char>(title[1])) != 0) {
    title[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(title[0])));
  }
  return title;
}

// "16.0 M decoder parameters, 84.0 ms latency and 174 MiB peak memory"
std::string ObjectivesInWords(const ReportData& data, const ReportMember& member) {
  std::string words;
  for (std::size_t i = 0; i < data.objectives.size(); ++i) {
    const ReportObjective& objective = data.objectives[i];
    if (i > 0) words += i + 1 == data.objectives.size() ? " and " : ", ";
    words += HumanNumber(ObjectiveValue(member, i).value_or(NAN), objective.unit);
    words += " " + Lower(objective.title);
  }
  return words;
}

std::string Counted(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// The members that `chosen` holds for, best of the first objective first.
template <typename Predicate>
std::vector<std::size_t> Ordered(const ReportData& data, Predicate chosen) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < data.evaluated.size(); ++i) {
    if (chosen(data.evaluated[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    for (std::size_t k = 0; k < data.objectives.size(); ++k) {
      const std::optional<double> x = ObjectiveValue(data.evaluated[a], k);
      const std::optional<double> y = ObjectiveValue(data.evaluated[b], k);
      if (x.has_value() != y.has_value()) return x.has_value();
      if (!x || *x == *y) continue;
      return data.objectives[k].direction == Direction::kMaximize ? *x > *y : *x < *y;
    }
    return false;
  });
  return order;
}

}  // namespace

std::vector<std::size_t> FrontOrder(const ReportData& data) {
  return Ordered(data, [](const ReportMember& member) { return member.on_front; });
}

std::vector<std::size_t> FrontAndNearTies(const ReportData& data) {
  return Ordered(data,
                 [](const ReportMember& member) { return member.on_front || member.near_tie; });
}

std::optional<double> ObjectiveValue(const ReportMember& member, std::size_t objective) {
  if (objective >= member.objectives.size() || !std::isfinite(member.objectives[objective])) {
    return std::nullopt;
  }
  return member.objectives[objective];
}

const Measurement* FindMeasurement(const ReportMember& member, std::string_view name) {
  for (const Measurement& measurement : member.measurements) {
    if (Info(measurement.metric).name == name) return &measurement;
  }
  return nullptr;
}

std::vector<ReportColumn> Columns(const ReportData& data) {
  std::vector<ReportColumn> columns;
  const auto unit_of = [](std::string_view unit) { return unit == "1" ? "" : std::string(unit); };
  for (std::size_t i = 0; i < data.objectives.size(); ++i) {
    const ReportObjective& objective = data.objectives[i];
    const MetricInfo* info = FindMetric(objective.name);
    columns.push_back({CleanText(objective.name), CleanText(objective.title),
                       CleanText(unit_of(objective.unit)), info != nullptr && info->measured, i});
  }
  for (const MetricInfo& info : Metrics()) {
    const bool is_objective =
        std::any_of(data.objectives.begin(), data.objectives.end(),
                    [&](const ReportObjective& objective) { return objective.name == info.name; });
    const bool known = std::any_of(
        data.evaluated.begin(), data.evaluated.end(),
        [&](const ReportMember& member) { return FindMeasurement(member, info.name) != nullptr; });
    if (!is_objective && known) {
      columns.push_back({std::string(info.name), std::string(info.title), unit_of(info.unit),
                         info.measured, std::nullopt});
    }
  }
  return columns;
}

std::optional<ReportValue> ValueIn(const ReportMember& member, const ReportColumn& column) {
  const Measurement* measurement = FindMeasurement(member, column.name);
  std::optional<double> value;
  if (column.objective) value = ObjectiveValue(member, *column.objective);
  if (!value && measurement != nullptr && std::isfinite(measurement->value)) {
    value = measurement->value;
  }
  if (!value) return std::nullopt;
  return ReportValue{*value, column.measured ? measurement : nullptr};
}

std::string_view DirectionName(Direction direction) {
  return direction == Direction::kMaximize ? "maximize" : "minimize";
}

Json ArchitectureJson(const Architecture& architecture) { return architecture.ToDocument(); }

namespace {

std::string FrontSentence(const ReportData& data) {
  const std::string machine =
      data.environment.cpu_model.empty() ? "this machine" : data.environment.cpu_model;
  const std::size_t evaluated = data.evaluated.size();
  const std::vector<std::size_t> front = FrontOrder(data);
  if (evaluated == 0) return fmt::format("No decoder has been evaluated yet on {}.", machine);
  if (front.empty()) {
    return fmt::format(
        "{} evaluated on {}, and none satisfies the constraints: the front is empty.",
        Counted(evaluated, "decoder", "decoders"), machine);
  }
  const ReportMember* first = &data.evaluated[front.front()];
  const ReportMember* last = &data.evaluated[front.back()];
  const std::size_t ties = FrontAndNearTies(data).size() - front.size();
  const std::string and_ties =
      ties == 0 ? "" : fmt::format(" and {}", Counted(ties, "near-tie", "near-ties"));
  if (front.size() == 1) {
    return fmt::format("1 Pareto-optimal decoder{} among {} evaluated on {}: {} with {}.", and_ties,
                       evaluated, machine, first->architecture.ShortName(),
                       ObjectivesInWords(data, *first));
  }
  if (!data.objectives.empty() && data.objectives[0].quality) {
    std::swap(first, last);  // small to large reads best
  }
  return fmt::format("{} Pareto-optimal decoders{} among {} evaluated on {}: from {} to {}.",
                     front.size(), and_ties, evaluated, machine, ObjectivesInWords(data, *first),
                     ObjectivesInWords(data, *last));
}

}  // namespace

std::string SummarySentence(const ReportData& data) {
  const std::string certificate = CertificateSentence(data);
  return FrontSentence(data) + (certificate.empty() ? "" : " ") + certificate;
}

std::string CertificateSentence(const ReportData& data) {
  if (!data.certificate.is_object()) return "";
  const auto number = [&](std::string_view name) -> std::optional<double> {
    const Json* value = data.certificate.Find(name);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return value->AsDouble();
  };
  const std::optional<double> reached = number("reached");
  const std::optional<double> tolerance = number("tolerance");
  if (!reached || !tolerance) return "Not certified: too little was measured for a model.";
  const std::optional<double> points = number("space_points");
  const std::string space = points ? fmt::format("{:.0f}", *points)
                                   : fmt::format("10^{:.0f}", number("space_log10").value_or(0));
  return fmt::format(
      "{}: none of the {} architectures of the space is expected to beat the measured ones by more "
      "than {:.1f} % in everything at once{}.",
      *reached <= *tolerance ? "Certified" : "Not certified yet", space, 100 * *reached,
      *reached <= *tolerance ? "" : fmt::format(" ({:.1f} % asked)", 100 * *tolerance));
}

}  // namespace lts

#include "lts/profile/scenario_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>

#include "lts/base/csv.h"
#include "lts/base/error.h"
#include "lts/profile/timing_table.h"

namespace lts {
namespace {

std::optional<double> Cell(const CsvTable::Row& row, std::optional<std::size_t> column,
                           std::string_view name, double low, double high,
                           const std::string& where) {
  if (!column || row.cells[*column].empty()) return std::nullopt;
  const std::string& text = row.cells[*column];
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() ||
      !(value >= low && value <= high)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: column '{}': got '{}', expected a number in [{}, {}] or nothing",
                            where, name, text.substr(0, 40), low, high));
  }
  return value;
}

}  // namespace

std::vector<ScenarioResult> ParseScenarioTable(std::string_view text, const std::string& file) {
  const CsvTable table = ParseCsv(text, file);
  const auto column = [&](std::string_view name) -> std::optional<std::size_t> {
    const auto found = std::ranges::find(table.header, name);
    if (found == table.header.end()) return std::nullopt;
    return static_cast<std::size_t>(found - table.header.begin());
  };
  const std::optional<std::size_t> scenario = column("scenario");
  const std::optional<std::size_t> raw = column("inference_runtime");
  if (!scenario || !raw) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: line 1: no column '{}'; expected scenario and inference_runtime",
                            file, scenario ? "inference_runtime" : "scenario"));
  }
  constexpr double kMaxSeconds = 1e6;
  constexpr double kMaxTokens = 1e9;
  const char* const prompt_name =
      column("num_tokens_in_prompt") ? "num_tokens_in_prompt" : "num_prompt_tokens";
  std::vector<ScenarioResult> results;
  for (const CsvTable::Row& row : table.rows) {
    const std::string where = fmt::format("{}: line {}", file, row.line);
    const auto cell = [&](const char* name, double high) {
      return Cell(row, column(name), name, 0, high, where);
    };
    const ScenarioName name = ParseScenarioName(row.cells[*scenario], where);
    ScenarioResult result;
    result.scenario = name.task;
    std::string separator = ":";
    for (const auto& [key, value] : name.arguments) {
      if (key == "model") continue;
      result.scenario += separator + key + "=" + value;
      separator = ",";
    }
    if (const std::string* model = name.Find("model")) result.model = *model;
    result.raw_s = cell("inference_runtime", kMaxSeconds);
    result.idealized_s = cell("inference_idealized_runtime", kMaxSeconds);
    result.prompt_tokens = cell(prompt_name, kMaxTokens);
    result.output_tokens = cell("num_output_tokens", kMaxTokens);
    result.accuracy = cell("exact_match", 1);
    results.push_back(std::move(result));
  }
  return results;
}

std::vector<std::size_t> CapabilityFront(std::span<const Capability> points) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return std::pair(points[a].cost, points[a].accuracy) <
           std::pair(points[b].cost, points[b].accuracy);
  });
  std::vector<std::size_t> front;
  for (const std::size_t i : order) {
    const bool beaten = std::ranges::any_of(
        front, [&](std::size_t j) { return points[j].accuracy > points[i].accuracy; });
    if (!beaten) front.push_back(i);
  }
  return front;
}

std::vector<EfficiencyRank> EfficiencyRanks(std::span<const Capability> points) {
  std::map<std::string, std::vector<std::size_t>> scenarios;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!(points[i].cost > 0)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {}: cost {}, expected more than 0", points[i].scenario,
                              points[i].model, points[i].cost));
    }
    scenarios[points[i].scenario].push_back(i);
  }
  std::map<std::string, std::vector<double>> ranks;
  for (auto& [name, members] : scenarios) {
    std::ranges::stable_sort(members, std::greater{},
                             [&](std::size_t i) { return points[i].accuracy / points[i].cost; });
    for (std::size_t rank = 0; rank < members.size(); ++rank) {
      ranks[points[members[rank]].model].push_back(static_cast<double>(rank));
    }
  }
  std::vector<EfficiencyRank> result;
  for (const auto& [model, of_model] : ranks) {
    EfficiencyRank rank{model, std::ranges::min(of_model), 0, std::ranges::max(of_model), 0};
    const auto n = static_cast<double>(of_model.size());
    for (const double r : of_model) rank.mean += r / n;
    for (const double r : of_model) rank.deviation += (r - rank.mean) * (r - rank.mean) / n;
    rank.deviation = std::sqrt(rank.deviation);
    result.push_back(rank);
  }
  std::ranges::stable_sort(
      result, {}, [](const EfficiencyRank& rank) { return std::pair(rank.mean, rank.deviation); });
  return result;
}

}  // namespace lts

#include "lts/cli/profile_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>

#include "lts/base/error.h"
#include "lts/cli/table.h"
#include "lts/profile/profile_json.h"
#include "lts/profile/request_metrics.h"

namespace lts::cli {
namespace {

constexpr double kMib = 1024.0 * 1024.0;

Cell Number(double value) { return {value, HumanNumber(value)}; }
Cell OptionalNumber(const std::optional<double>& value) {
  return value ? Number(*value) : Cell{Json(), "-"};
}

// Models are written with '/', '_' or '-' between the same words.
std::string Normalized(std::string name) {
  for (char& c : name) {
    if (c == '/' || c == '-') c = '_';
  }
  return name;
}

const FittedProfile* FindProfile(std::span<const FittedProfile> profiles,
                                 const std::string& model) {
  const std::string wanted = Normalized(model);
  for (const FittedProfile& fitted : profiles) {
    if (Normalized(fitted.profile.name) == wanted) return &fitted;
    for (const std::string& name : HelmNames(fitted.profile.name)) {
      if (Normalized(name) == wanted) return &fitted;
    }
  }
  return nullptr;
}

void PrintRanks(std::span<const Capability> points, Context& context) {
  Table table({{"model", "model", false},
               {"mean", "mean rank"},
               {"low", "best"},
               {"high", "worst"},
               {"deviation", "deviation"}});
  for (const EfficiencyRank& rank : EfficiencyRanks(points)) {
    table.AddRow({{rank.model, Fit(rank.model, 32)},
                  {rank.mean, fmt::format("{:.2f}", rank.mean)},
                  {rank.low, fmt::format("{:.0f}", rank.low)},
                  {rank.high, fmt::format("{:.0f}", rank.high)},
                  {rank.deviation, fmt::format("{:.2f}", rank.deviation)}});
  }
  context.out << "\nrank by accuracy per second, over scenarios (0 is best)\n";
  table.Print(OutputFormat::kTable, context.terminal, context.out);
}

}  // namespace

void PrintMetrics(std::span<const FittedProfile> profiles, std::span<const Request> requests,
                  const DevicePrice& price, OutputFormat format, Context& context) {
  Table table({{"name", "model", false},
               {"prompt_tokens", "prompt"},
               {"output_tokens", "output"},
               {"devices", "devices"},
               {"seconds", "seconds"},
               {"cents", "cents"},
               {"joules", "J"},
               {"flops", "FLOPs"},
               {"published_flops", "published"},
               {"weights_mib", "weights MiB"},
               {"cache_mib", "cache MiB"}});
  for (const FittedProfile& fitted : profiles) {
    if (!fitted.profile.deployment) {
      if (!context.quiet) {
        context.err << fmt::format("{}: its architecture is not known: no metrics\n",
                                   fitted.profile.name);
      }
      continue;
    }
    DevicePrice of_device = price;
    if (fitted.profile.watts) of_device.watts = fitted.profile.watts;  // measured, not rated
    for (const Request& request : requests) {
      const double seconds =
          RequestSeconds(fitted.cost, request.prompt_tokens, request.output_tokens);
      const RequestMetrics metrics = MetricsOf(*fitted.profile.deployment, request.prompt_tokens,
                                               request.output_tokens, seconds, of_device);
      table.AddRow({{fitted.profile.name, Fit(fitted.profile.name, 32)},
                    {request.prompt_tokens, ""},
                    {request.output_tokens, ""},
                    {metrics.devices, ""},
                    Number(metrics.seconds),
                    Number(metrics.cents),
                    OptionalNumber(metrics.joules),
                    {metrics.flops, fmt::format("{:.3g}", metrics.flops)},
                    {metrics.published_flops, fmt::format("{:.3g}", metrics.published_flops)},
                    Number(metrics.weight_bytes / kMib),
                    Number(metrics.cache_bytes / kMib)});
    }
  }
  table.Print(format, context.terminal, context.out);
}

std::vector<Capability> PrintScenarios(std::span<const FittedProfile> profiles,
                                       std::span<const ScenarioResult> results,
                                       const DevicePrice& price, OutputFormat format,
                                       Context& context) {
  struct Row {
    const ScenarioResult* result;
    const FittedProfile* fitted;
    double seconds;
  };
  std::vector<Row> rows;
  std::vector<Capability> comparable;
  for (const ScenarioResult& result : results) {
    const FittedProfile* fitted = FindProfile(profiles, result.model);
    if (fitted == nullptr || !result.prompt_tokens || !result.output_tokens) continue;
    // Costs are almost linear, so that of the mean tokens is the mean cost.
    const double seconds =
        RequestSeconds(fitted->cost, std::max<std::int64_t>(std::llround(*result.prompt_tokens), 1),
                       std::llround(*result.output_tokens));
    rows.push_back({&result, fitted, seconds});
    if (result.accuracy) {
      comparable.push_back({result.scenario, result.model, *result.accuracy, seconds});
    }
  }
  if (rows.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "--scenarios: no row is of a model that has a profile here");
  }
  std::map<std::pair<std::string, std::string>, bool> on_front;
  std::map<std::string, std::vector<Capability>> by_scenario;
  for (const Capability& point : comparable) by_scenario[point.scenario].push_back(point);
  for (const auto& [scenario, points] : by_scenario) {
    for (const std::size_t i : CapabilityFront(points))
      on_front[{scenario, points[i].model}] = true;
  }
  Table table({{"scenario", "scenario", false},
               {"model", "model", false},
               {"accuracy", "accuracy"},
               {"raw_s", "raw s"},
               {"estimated_s", "estimated s"},
               {"cents", "cents"},
               {"on_front", "front"}});
  std::int64_t slower = 0;
  std::int64_t with_raw = 0;
  for (const Row& row : rows) {
    const bool front = on_front.contains({row.result->scenario, row.result->model});
    std::optional<double> cents;
    if (row.fitted->profile.deployment) {
      cents = row.seconds * static_cast<double>(row.fitted->profile.deployment->devices()) *
              price.dollars_per_hour / 36;
    }
    if (row.result->raw_s) {
      ++with_raw;
      slower += row.seconds > *row.result->raw_s ? 1 : 0;
    }
    table.AddRow({{row.result->scenario, Fit(row.result->scenario, 48)},
                  {row.result->model, Fit(row.result->model, 24)},
                  OptionalNumber(row.result->accuracy),
                  OptionalNumber(row.result->raw_s),
                  Number(row.seconds),
                  OptionalNumber(cents),
                  {front, front ? "yes" : "-"}});
  }
  table.Print(format, context.terminal, context.out);
  if (format == OutputFormat::kTable && !comparable.empty()) PrintRanks(comparable, context);
  if (!context.quiet && with_raw > 0) {
    context.err << fmt::format("{} of {} requests are estimated slower than they really were\n",
                               slower, with_raw);
  }
  return comparable;
}

}  // namespace lts::cli

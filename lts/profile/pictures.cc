#include "lts/profile/pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace lts {
namespace {

constexpr std::size_t kLinedSizes = 4;

std::vector<std::int64_t> SpreadSizes(const std::vector<std::int64_t>& sizes) {
  if (sizes.size() <= kLinedSizes) return sizes;
  std::vector<std::int64_t> spread;
  for (std::size_t i = 0; i < kLinedSizes; ++i) {
    spread.push_back(sizes[i * (sizes.size() - 1) / (kLinedSizes - 1)]);
  }
  return spread;
}

std::string LabelOf(const GridPoint& point) {
  return fmt::format("{}: {:.4g} s", PointName(point.prompt_tokens, point.output_tokens),
                     point.seconds);
}

ScatterPanel OutputPanel(const CostProfile& profile, const TokenCost& cost) {
  ScatterPanel panel{profile.name, "", "output tokens", "time (ms)", {}};
  const std::vector<std::int64_t> sizes = SpreadSizes(profile.PromptSizes());
  std::string names;
  for (const std::int64_t size : sizes) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", size);
    std::vector<ScatterPoint> line;
    for (const GridPoint& point : profile.points) {
      if (point.prompt_tokens != size) continue;
      const auto o = static_cast<double>(point.output_tokens);
      panel.points.push_back({o, point.seconds * 1e3, LabelOf(point)});
      line.push_back({o, RequestSeconds(cost, size, point.output_tokens) * 1e3, ""});
    }
    panel.lines.push_back(std::move(line));
  }
  panel.subtitle = fmt::format("prompts of {} tokens; lines: fitted", names);
  return panel;
}

ScatterPanel PromptPanel(const CostProfile& profile, const TokenCost& cost) {
  ScatterPanel panel{
      profile.name, "first output token; line: fitted", "prompt tokens", "time (ms)", {}};
  std::vector<ScatterPoint> line;
  for (const PromptCost& prompt : cost.alpha) {
    const auto p = static_cast<double>(prompt.prompt_tokens);
    line.push_back({p, (prompt.seconds + cost.overhead) * 1e3, ""});
    if (const GridPoint* point = profile.Find(prompt.prompt_tokens, 1)) {
      panel.points.push_back({p, point->seconds * 1e3, LabelOf(*point)});
    }
  }
  panel.lines.push_back(std::move(line));
  return panel;
}

ScatterPanel EstimatePanel(const CostProfile& profile, const TokenCost& cost) {
  ScatterPanel panel{profile.name,
                     fmt::format("mean error {:.2f} %, largest {:.1f} %", 100 * cost.goodness.mape,
                                 100 * cost.goodness.max_ape),
                     "measured (ms)",
                     "estimated (ms)",
                     {}};
  double low = profile.points.front().seconds;
  double high = low;
  for (const GridPoint& point : profile.points) {
    const double estimate = RequestSeconds(cost, point.prompt_tokens, point.output_tokens);
    panel.points.push_back({point.seconds * 1e3, estimate * 1e3, LabelOf(point)});
    low = std::min(low, point.seconds);
    high = std::max(high, point.seconds);
  }
  panel.lines = {{{low * 1e3, low * 1e3, ""}, {high * 1e3, high * 1e3, ""}}};
  return panel;
}

ScatterPanel VariationPanel(const CostProfile& profile) {
  ScatterPanel panel{
      profile.name, "standard deviation of runs by their mean", "time (ms)", "variation (%)", {}};
  for (const GridPoint& point : profile.points) {
    if (point.runs < 2) continue;
    panel.points.push_back(
        {point.seconds * 1e3, 100 * point.deviation_s / point.seconds, LabelOf(point)});
  }
  return panel;
}

}  // namespace

std::vector<ScatterPanel> ProfilePanels(const CostProfile& profile, const TokenCost& cost) {
  return {OutputPanel(profile, cost), PromptPanel(profile, cost), EstimatePanel(profile, cost),
          VariationPanel(profile)};
}

std::vector<ScatterPanel> CapabilityPanels(std::span<const Capability> points) {
  std::map<std::string, std::vector<Capability>> scenarios;
  for (const Capability& point : points) scenarios[point.scenario].push_back(point);
  std::vector<ScatterPanel> panels;
  for (const auto& [name, members] : scenarios) {
    ScatterPanel panel{name, "line: no cheaper model is more accurate", "time (s)", "accuracy", {}};
    for (const Capability& point : members) {
      panel.points.push_back({point.cost, point.accuracy, point.model});
    }
    std::vector<ScatterPoint> front;
    for (const std::size_t i : CapabilityFront(members)) {
      front.push_back({members[i].cost, members[i].accuracy, ""});
    }
    panel.lines.push_back(std::move(front));
    panels.push_back(std::move(panel));
  }
  return panels;
}

}  // namespace lts

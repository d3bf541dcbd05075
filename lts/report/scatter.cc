#include "lts/report/scatter.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "lts/base/error.h"
#include "lts/report/axis.h"
#include "lts/report/format.h"

namespace lts {
namespace {

constexpr double kPanelWidth = 340;
constexpr double kPanelHeight = 280;
constexpr double kLeft = 58;
constexpr double kRight = 326;
constexpr double kTop = 50;
constexpr double kBottom = 234;

constexpr std::string_view kStyle = R"css(
    .card { fill: #ffffff; } .ink { fill: #1a1f26; } .muted { fill: #57606c; }
    .grid { stroke: #e9ecf0; } .dot { fill: #2456d6; fill-opacity: .55; }
    .line { fill: none; stroke: #c2571a; stroke-width: 1.2; stroke-dasharray: 3 2; }
    text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
    @media (prefers-color-scheme: dark) {
      .card { fill: #161b22; } .ink { fill: #e8ecf1; } .muted { fill: #a3adb9; }
      .grid { stroke: #232a33; } .dot { fill: #7ba6ff; } .line { stroke: #f0a36b; }
    }
)css";

std::string Text(double x, double y, std::string_view css_class, int size, std::string_view anchor,
                 std::string_view text, std::string_view more = "") {
  return fmt::format(
      "  <text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{}\" "
      "text-anchor=\"{}\"{}>{}</text>\n",
      css_class, x, y, size, anchor, more, EscapeMarkup(text));
}

std::string Line(double x1, double y1, double x2, double y2) {
  return fmt::format(
      "  <line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", x1, y1,
      x2, y2);
}

std::string Panel(const ScatterPanel& panel) {
  std::vector<double> xs;
  std::vector<double> ys;
  for (const ScatterPoint& point : panel.points) {
    xs.push_back(point.x);
    ys.push_back(point.y);
  }
  for (const std::vector<ScatterPoint>& line : panel.lines) {
    for (const ScatterPoint& point : line) {
      xs.push_back(point.x);
      ys.push_back(point.y);
    }
  }
  const ChartAxis x_axis = MakeChartAxis(xs, 4);
  const ChartAxis y_axis = MakeChartAxis(ys, 4);
  const auto left = [&](double x) { return kLeft + x_axis.Position(x) * (kRight - kLeft); };
  const auto top = [&](double y) { return kBottom - y_axis.Position(y) * (kBottom - kTop); };
  std::string svg = Text(kLeft, 22, "ink", 15, "start", panel.title, " font-weight=\"650\"") +
                    Text(kLeft, 40, "muted", 11, "start", panel.subtitle);
  for (const double tick : x_axis.ticks) {
    svg += Line(left(tick), kTop, left(tick), kBottom);
    svg += Text(left(tick), kBottom + 16, "muted", 11, "middle", TickLabel(tick, "1"));
  }
  for (const double tick : y_axis.ticks) {
    svg += Line(kLeft, top(tick), kRight, top(tick));
    svg += Text(kLeft - 6, top(tick) + 4, "muted", 11, "end", TickLabel(tick, "1"));
  }
  svg += Text((kLeft + kRight) / 2, kBottom + 34, "muted", 12, "middle", panel.x_title);
  svg += Text(14, (kTop + kBottom) / 2, "muted", 12, "middle", panel.y_title,
              fmt::format(" transform=\"rotate(-90 14 {:.1f})\"", (kTop + kBottom) / 2));
  for (const std::vector<ScatterPoint>& line : panel.lines) {
    std::string corners;
    for (const ScatterPoint& point : line) {
      corners +=
          fmt::format("{}{:.1f},{:.1f}", corners.empty() ? "" : " ", left(point.x), top(point.y));
    }
    svg += fmt::format("  <polyline class=\"line\" points=\"{}\"/>\n", corners);
  }
  for (const ScatterPoint& point : panel.points) {
    svg += fmt::format(
        "  <circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" "
        "r=\"2.5\"><title>{}</title></circle>\n",
        left(point.x), top(point.y), EscapeMarkup(point.label));
  }
  return svg;
}

}  // namespace

std::string ScatterSvg(const std::vector<ScatterPanel>& panels, int columns,
                       const std::string& title) {
  LTS_CHECK(columns >= 1);
  const auto across = static_cast<std::size_t>(columns);
  const std::size_t rows = std::max<std::size_t>(1, (panels.size() + across - 1) / across);
  const double width =
      kPanelWidth * static_cast<double>(std::min(across, std::max<std::size_t>(1, panels.size())));
  const double height = kPanelHeight * static_cast<double>(rows);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" role=\"img\">\n  <title>{3}</title>\n  "
      "<style>{2}  </style>\n  <rect class=\"card\" width=\"{0:.0f}\" height=\"{1:.0f}\"/>\n",
      width, height, kStyle, EscapeMarkup(title));
  for (std::size_t i = 0; i < panels.size(); ++i) {
    svg += fmt::format("  <g transform=\"translate({:.0f} {:.0f})\">\n{}  </g>\n",
                       kPanelWidth * static_cast<double>(i % across),
                       kPanelHeight * static_cast<double>(i / across), Panel(panels[i]));
  }
  return svg + "</svg>\n";
}

}  // namespace lts

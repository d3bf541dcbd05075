// front.svg: the front in the first two objectives, as a picture that stands alone (README, chat,
// slides). It brings its own card and both colour schemes, so it can lie on any page. Text uses the
// reader's own sans-serif font.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lts/report/axis.h"
#include "lts/report/format.h"
#include "lts/report/members.h"
#include "lts/report/report.h"

namespace lts {
namespace {

constexpr double kWidth = 960;
constexpr double kHeight = 600;
constexpr double kLeft = 92;
constexpr double kRight = 928;
constexpr double kTop = 108;
constexpr double kBottom = 500;
constexpr double kCharWidth = 6.6;  // of the labels' 12 px text, on the wide side
constexpr std::size_t kMaxLabels = 6;

constexpr std::string_view kStyle = R"css(
    .card { fill: #ffffff; stroke: #d9dee4; }
    .ink { fill: #1a1f26; } .muted { fill: #57606c; }
    .grid { stroke: #e9ecf0; } .frame { stroke: #aeb6c0; }
    .dot { fill: #8d97a4; fill-opacity: .5; } .cross { stroke: #8d97a4; stroke-opacity: .6; fill: none; }
    .area { fill: #2456d6; fill-opacity: .06; } .step { stroke: #2456d6; fill: none; }
    .bar { stroke: #2456d6; stroke-opacity: .55; fill: none; } .noisy { stroke-dasharray: 2 2; }
    .front { fill: #2456d6; stroke: #ffffff; } .tie { fill: #ffffff; stroke: #2456d6; }
    text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
    @media (prefers-color-scheme: dark) {
      .card { fill: #161b22; stroke: #2e3641; }
      .ink { fill: #e8ecf1; } .muted { fill: #a3adb9; }
      .grid { stroke: #232a33; } .frame { stroke: #4a5563; }
      .dot { fill: #8d97a4; } .area { fill: #7ba6ff; fill-opacity: .08; } .step { stroke: #7ba6ff; }
      .bar { stroke: #7ba6ff; } .front { fill: #7ba6ff; stroke: #161b22; }
      .tie { fill: #161b22; stroke: #7ba6ff; }
    }
)css";

struct Box {
  double left, top, right, bottom;
  bool Overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

// One drawn member.
struct Dot {
  const ReportMember* member;
  double x, y;       // objective values
  double left, top;  // picture coordinates
};

std::string Text(double x, double y, std::string_view css_class, int size, std::string_view anchor,
                 std::string_view text, std::string_view more = "") {
  return fmt::format(
      R"(  <text class="{}" x="{:.1f}" y="{:.1f}" font-size="{}" text-anchor="{}"{}>{}</text>)"
      "\n",
      css_class, x, y, size, anchor, more, EscapeMarkup(text));
}

std::string Line(double x1, double y1, double x2, double y2, std::string_view css_class) {
  return fmt::format(R"(  <line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>)"
                     "\n",
                     css_class, x1, y1, x2, y2);
}

// As many characters as fit `pixels` of text of that size, cut with an ellipsis. Counts code
// points.
std::string Fit(std::string_view text, double pixels, int size) {
  const std::string clean = CleanText(text);
  const double limit = pixels / (0.56 * size);
  double characters = 0;
  for (std::size_t at = 0; at < clean.size(); ++at) {
    if ((static_cast<unsigned char>(clean[at]) & 0xC0U) == 0x80U) continue;
    if (++characters > limit) return clean.substr(0, at) + "…";
  }
  return clean;
}

class FrontPicture {
 public:
  explicit FrontPicture(const ReportData& data) : data_(data), columns_(Columns(data)) {
    // Of two objectives the quality is y, the cost x.
    if (data.objectives.size() >= 2) {
      x_ = 0;
      y_ = 1;
      if (data.objectives[0].quality && !data.objectives[1].quality) {
        std::swap(x_, y_);
      }
    }
  }

  std::string Draw() {
    Collect();
    std::string svg = fmt::format(
        R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:.0f} {1:.0f}" width="{0:.0f}" height="{1:.0f}" role="img" aria-labelledby="title summary">)"
        "\n  <title id=\"title\">{2}</title>\n  <desc id=\"summary\">{3}</desc>\n  <style>{4}  "
        "</style>\n",
        kWidth, kHeight, EscapeMarkup(data_.title), EscapeMarkup(SummarySentence(data_)), kStyle);
    svg += fmt::format(R"(  <rect class="card" x="0.5" y="0.5" width="{}" height="{}" rx="12"/>)"
                       "\n",
                       kWidth - 1, kHeight - 1);
    svg += Text(32, 46, "ink", 22, "start", Fit(data_.title, kWidth - 64, 26),
                R"( font-weight="650")");  // bold text is wider: fitted as if it were 26 px
    svg += Text(32, 72, "muted", 14, "start", Fit(Subtitle(), kWidth - 64, 14));
    svg += DrawAxes();
    svg += DrawMembers();
    svg += DrawLegend();
    return svg + "</svg>\n";
  }

 private:
  static bool Shown(const ReportMember& member) { return member.on_front || member.near_tie; }
  bool HasY() const { return data_.objectives.size() >= 2; }

  std::string Subtitle() const {
    const std::vector<std::size_t> front = FrontOrder(data_);
    const Workload& workload = data_.workload;
    return fmt::format(
        "{} on the front of {} evaluated · {} + {} tokens, batch {} · {} {} kv-{}, {} {} · 95 % "
        "intervals",
        front.size(), data_.evaluated.size(), workload.prompt_tokens, workload.output_tokens,
        workload.batch, data_.config.runtime, kDTypes.Name(data_.config.dtype),
        kDTypes.Name(data_.config.cache_dtype()), data_.config.threads,
        data_.config.threads == 1 ? "thread" : "threads");
  }

  // With one objective the picture shows it over the order of evaluation.
  std::optional<double> XOf(std::size_t index) const {
    if (!HasY()) return static_cast<double>(index + 1);
    return ObjectiveValue(data_.evaluated[index], x_);
  }
  const Measurement* Interval(const ReportMember& member, std::size_t objective) const {
    const std::optional<ReportValue> value = ValueIn(member, columns_[objective]);
    return value ? value->measurement : nullptr;
  }

  void Collect() {
    std::vector<double> xs;
    std::vector<double> ys;
    if (data_.objectives.empty()) return;
    for (std::size_t i = 0; i < data_.evaluated.size(); ++i) {
      const ReportMember& member = data_.evaluated[i];
      const std::optional<double> x = XOf(i);
      const std::optional<double> y = ObjectiveValue(member, y_);
      if (!x || !y) continue;
      dots_.push_back({&member, *x, *y, 0, 0});
      xs.push_back(*x);
      ys.push_back(*y);
      if (!Shown(member)) continue;
      AddInterval(member, y_, ys);
      if (HasY()) AddInterval(member, x_, xs);
    }
    x_axis_ = MakeChartAxis(xs, 8);
    y_axis_ = MakeChartAxis(ys, 6);
    for (Dot& dot : dots_) {
      dot.left = Left(dot.x);
      dot.top = Top(dot.y);
    }
  }
  void AddInterval(const ReportMember& member, std::size_t objective,
                   std::vector<double>& values) const {
    const Measurement* measurement = Interval(member, objective);
    if (measurement == nullptr) return;
    for (const double value : {measurement->low, measurement->high}) {
      if (std::isfinite(value)) values.push_back(value);
    }
  }

  double Left(double x) const {
    return std::clamp(kLeft + x_axis_.Position(x) * (kRight - kLeft), kLeft, kRight);
  }
  double Top(double y) const {
    return std::clamp(kBottom - y_axis_.Position(y) * (kBottom - kTop), kTop, kBottom);
  }

  std::string AxisTitle(std::size_t objective) const {
    const ReportObjective& o = data_.objectives[objective];
    const std::string unit = AxisUnit(columns_[objective].unit);
    return fmt::format("{}{}, {} is better", o.title, unit,
                       o.direction == Direction::kMaximize ? "more" : "less");
  }

  std::string DrawAxes() const {
    std::string svg;
    if (data_.objectives.empty() || dots_.empty()) {
      return Text(kWidth / 2, (kTop + kBottom) / 2, "muted", 16, "middle",
                  "No decoder has been evaluated yet.");
    }
    const std::string_view x_unit = HasY() ? std::string_view(columns_[x_].unit) : "";
    for (const double tick : x_axis_.ticks) {
      svg += Line(Left(tick), kTop, Left(tick), kBottom, "grid");
      svg += Text(Left(tick), kBottom + 22, "muted", 13, "middle", TickLabel(tick, x_unit));
    }
    for (const double tick : y_axis_.ticks) {
      svg += Line(kLeft, Top(tick), kRight, Top(tick), "grid");
      svg +=
          Text(kLeft - 10, Top(tick) + 4.5, "muted", 13, "end", TickLabel(tick, columns_[y_].unit));
    }
    svg += Line(kLeft, kBottom, kRight, kBottom, "frame");
    svg += Line(kLeft, kTop, kLeft, kBottom, "frame");
    svg += Text((kLeft + kRight) / 2, kBottom + 50, "ink", 14, "middle",
                HasY() ? AxisTitle(x_) : "Order of evaluation");
    svg += Text(26, (kTop + kBottom) / 2, "ink", 14, "middle", AxisTitle(y_),
                fmt::format(" transform=\"rotate(-90 26 {:.1f})\"", (kTop + kBottom) / 2));
    return svg;
  }

  // The members that are best in these two objectives alone, from the best x to the best y.
  std::vector<const Dot*> Staircase() const {
    std::vector<const Dot*> order;
    for (const Dot& dot : dots_) {
      if (dot.member->feasible) order.push_back(&dot);
    }
    const bool x_up = HasY() && data_.objectives[x_].direction == Direction::kMaximize;
    const bool y_up = data_.objectives[y_].direction == Direction::kMaximize;
    const auto y_better = [&](const Dot& a, const Dot& b) { return y_up ? a.y > b.y : a.y < b.y; };
    std::stable_sort(order.begin(), order.end(), [&](const Dot* a, const Dot* b) {
      if (a->x != b->x) return x_up ? a->x > b->x : a->x < b->x;
      return y_better(*a, *b);
    });
    std::vector<const Dot*> stairs;
    for (const Dot* dot : order) {
      if (stairs.empty() || y_better(*dot, *stairs.back())) stairs.push_back(dot);
    }
    return stairs;
  }

  std::string DrawMembers() const {
    std::string svg;
    for (const Dot& dot : dots_) {
      if (Shown(*dot.member)) continue;
      if (dot.member->feasible) {
        svg += fmt::format(R"(  <circle class="dot" cx="{:.1f}" cy="{:.1f}" r="2.6"/>)"
                           "\n",
                           dot.left, dot.top);
      } else {
        svg += fmt::format(R"(  <path class="cross" d="M{:.1f} {:.1f}l5 5m0-5l-5 5"/>)"
                           "\n",
                           dot.left - 2.5, dot.top - 2.5);
      }
    }
    const std::vector<const Dot*> stairs = Staircase();
    svg += DrawStaircase(stairs);
    for (const Dot& dot : dots_) {
      if (!Shown(*dot.member)) continue;
      svg += DrawInterval(dot, y_, false);
      if (HasY()) svg += DrawInterval(dot, x_, true);
    }
    svg += DrawMarks("tie", &ReportMember::near_tie);
    svg += DrawMarks("front", &ReportMember::on_front);
    return svg + DrawLabels(stairs);
  }

  std::string DrawMarks(std::string_view css_class, bool ReportMember::*marked) const {
    std::string svg;
    for (const Dot& dot : dots_) {
      if (!(dot.member->*marked)) continue;
      svg += fmt::format(
          R"(  <circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4.6" stroke-width="1.2"><title>{}</title></circle>)"
          "\n",
          css_class, dot.left, dot.top, EscapeMarkup(dot.member->architecture.ShortName()));
    }
    return svg;
  }

  std::string DrawStaircase(const std::vector<const Dot*>& stairs) const {
    if (stairs.empty()) return "";
    const bool x_up = HasY() && data_.objectives[x_].direction == Direction::kMaximize;
    const bool y_up = data_.objectives[y_].direction == Direction::kMaximize;
    const double x_end = x_up ? kLeft : kRight;  // where x is worst
    const double y_end = y_up ? kBottom : kTop;
    std::string path =
        fmt::format("M{:.1f} {:.1f}V{:.1f}", stairs.front()->left, y_end, stairs.front()->top);
    for (const Dot* dot : stairs) path += fmt::format("H{:.1f}V{:.1f}", dot->left, dot->top);
    path += fmt::format("H{:.1f}", x_end);
    return fmt::format(
        "  <path class=\"area\" d=\"{0}V{1:.1f}Z\"/>\n  <path class=\"step\" stroke-width=\"1.8\" "
        "d=\"{0}\"/>\n",
        path, y_end);
  }

  std::string DrawInterval(const Dot& dot, std::size_t objective, bool horizontal) const {
    const Measurement* measurement = Interval(*dot.member, objective);
    if (measurement == nullptr || !std::isfinite(measurement->low) ||
        !std::isfinite(measurement->high) || measurement->low == measurement->high) {
      return "";
    }
    const std::string_view css_class = measurement->noisy ? "bar noisy" : "bar";
    if (horizontal) {
      const double a = Left(measurement->low);
      const double b = Left(measurement->high);
      return fmt::format(
          R"(  <path class="{0}" stroke-width="1.4" d="M{1:.1f} {3:.1f}H{2:.1f}M{1:.1f} {4:.1f}v6M{2:.1f} {4:.1f}v6"/>)"
          "\n",
          css_class, a, b, dot.top, dot.top - 3);
    }
    const double a = Top(measurement->low);
    const double b = Top(measurement->high);
    return fmt::format(
        R"(  <path class="{0}" stroke-width="1.4" d="M{3:.1f} {1:.1f}V{2:.1f}M{4:.1f} {1:.1f}h6M{4:.1f} {2:.1f}h6"/>)"
        "\n",
        css_class, a, b, dot.left, dot.left - 3);
  }

  // Names a few members of the staircase, spread along it, where the text covers neither points nor
  // other text.
  std::string DrawLabels(const std::vector<const Dot*>& stairs) const {
    std::vector<Box> taken;
    for (const Dot& dot : dots_) {
      const double r = Shown(*dot.member) ? 5 : 2;
      taken.push_back({dot.left - r, dot.top - r, dot.left + r, dot.top + r});
    }
    for (std::size_t i = 0; i + 1 < stairs.size(); ++i) {  // the line: across, then up or down
      const Dot& from = *stairs[i];
      const Dot& to = *stairs[i + 1];
      taken.push_back(
          {std::min(from.left, to.left), from.top - 1, std::max(from.left, to.left), from.top + 1});
      taken.push_back(
          {to.left - 1, std::min(from.top, to.top), to.left + 1, std::max(from.top, to.top)});
    }
    std::string svg;
    for (const Dot* dot : Spread(stairs)) {
      const std::string text = dot->member->architecture.ShortName();
      const double width = static_cast<double>(text.size()) * kCharWidth;
      struct Place {
        double x, y;
        std::string_view anchor;
      };
      // Outside the dominated area first: that side of the staircase is empty.
      const bool y_up = data_.objectives[y_].direction == Direction::kMaximize;
      const double outside = y_up ? -10 : 19;
      const double inside = y_up ? 19 : -10;
      for (const Place& place :
           {Place{-9, outside, "end"}, Place{-12, 4, "end"}, Place{9, outside, "start"},
            Place{12, inside, "start"}, Place{-9, inside, "end"}}) {
        const double x = dot->left + place.x;
        const double y = dot->top + place.y;
        const double left = place.anchor == "end" ? x - width : x;
        const Box box{left - 2, y - 12, left + width + 2, y + 4};
        const bool inside_frame = box.left > kLeft + 2 && box.right < kRight &&
                                  box.top > kTop - 6 && box.bottom < kBottom - 2;
        const bool free = std::none_of(taken.begin(), taken.end(),
                                       [&](const Box& other) { return box.Overlaps(other); });
        if (!inside_frame || !free) continue;
        svg += Text(x, y, "ink", 12, place.anchor, text);
        taken.push_back(box);
        break;
      }
    }
    return svg;
  }

  // First and last, and others at least a sixth of the picture apart.
  static std::vector<const Dot*> Spread(const std::vector<const Dot*>& stairs) {
    std::vector<const Dot*> chosen;
    if (stairs.empty()) return chosen;
    const auto far = [](const Dot& a, const Dot& b, double distance) {
      return std::hypot(a.left - b.left, a.top - b.top) >= distance;
    };
    const double distance = (kRight - kLeft) / static_cast<double>(kMaxLabels);
    chosen.push_back(stairs.front());
    for (const Dot* dot : stairs) {
      if (far(*dot, *chosen.back(), distance) && far(*dot, *stairs.back(), distance)) {
        chosen.push_back(dot);
      }
    }
    if (stairs.size() > 1) chosen.push_back(stairs.back());
    return chosen;
  }

  std::string DrawLegend() const {
    if (dots_.empty()) return "";
    const double y = kHeight - 22;
    std::string svg =
        fmt::format(R"(  <circle class="front" cx="38" cy="{:.1f}" r="4.6" stroke-width="1.2"/>)"
                    "\n",
                    y - 4);
    svg += Text(50, y, "muted", 13, "start", "on the front (all objectives)");
    svg += fmt::format(R"(  <path class="step" stroke-width="1.8" d="M246 {:.1f}h22"/>)"
                       "\n",
                       y - 4);
    svg += Text(276, y, "muted", 13, "start", "best in the two drawn");
    svg += fmt::format(R"(  <circle class="dot" cx="432" cy="{:.1f}" r="2.6"/>)"
                       "\n",
                       y - 4);
    svg += Text(442, y, "muted", 13, "start", "evaluated");
    const bool ties =
        std::ranges::any_of(dots_, [](const Dot& dot) { return dot.member->near_tie; });
    if (ties) {
      svg +=
          fmt::format(R"(  <circle class="tie" cx="526" cy="{:.1f}" r="4.6" stroke-width="1.2"/>)"
                      "\n",
                      y - 4);
      svg += Text(538, y, "muted", 13, "start", "near-tie");
    }
    const std::string machine = data_.environment.cpu_model;
    svg += Text(kRight, y, "muted", 13, "end", Fit(machine, ties ? 310 : 400, 13));
    return svg;
  }

  const ReportData& data_;
  std::vector<ReportColumn> columns_;  // the first ones are the objectives
  std::size_t x_ = 0;
  std::size_t y_ = 0;
  ChartAxis x_axis_;
  ChartAxis y_axis_;
  std::vector<Dot> dots_;
};

}  // namespace

std::string FrontSvg(const ReportData& data) { return FrontPicture(data).Draw(); }

}  // namespace lts

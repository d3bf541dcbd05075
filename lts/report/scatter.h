// Small pictures of points, and lines through them, side by side, as one SVG that stands alone.
#pragma once

#include <string>
#include <vector>

namespace lts {

struct ScatterPoint {
  double x = 0;       // finite
  double y = 0;       // finite
  std::string label;  // shown where the pointer rests
};
struct ScatterPanel {
  std::string title;     // "gemstones"
  std::string subtitle;  // "random_GPT2_wt103: tau 0.859, iso rho 0.576"
  std::string x_title;   // of the axes
  std::string y_title;
  std::vector<ScatterPoint> points;
  // Drawn below the points, each through its points in order; labels are not shown.
  std::vector<std::vector<ScatterPoint>> lines = {};
};

// `columns` panels a row, at least 1. `title`: what the picture shows, for readers who do not see
// it. An SVG of some 100 bytes a point.
std::string ScatterSvg(const std::vector<ScatterPanel>& panels, int columns,
                       const std::string& title = "Truth against prediction");

}  // namespace lts

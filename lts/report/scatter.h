// Small pictures of truth against prediction side by side, as one SVG that stands alone.
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
};

// `columns` panels a row, at least 1. An SVG of some 100 bytes a point.
std::string ScatterSvg(const std::vector<ScatterPanel>& panels, int columns);

}  // namespace lts

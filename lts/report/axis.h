// One axis of a static chart: linear or logarithmic range and its ticks. Private to lts/report. The
// page has the same rules in page/axis.js.
#pragma once

#include <span>
#include <vector>

namespace lts {

// Values that span this factor or more are drawn on a logarithmic axis: from an order of magnitude
// on, a linear one crowds the small values into a corner.
inline constexpr double kLogRatio = 10;

struct ChartAxis {
  bool log = false;
  double low = 0;             // at position 0; low < high; > 0 when log
  double high = 1;            // at position 1
  std::vector<double> ticks;  // ascending, within [low, high], 2 or more where the range allows

  double Position(
      double value) const;  // not clamped; a value <= 0 on a logarithmic axis stands at -1
};

// Covers all `values` (finite; may be empty) with a small margin; about `tick_count` ticks on round
// numbers.
ChartAxis MakeChartAxis(std::span<const double> values, int tick_count);

}  // namespace lts

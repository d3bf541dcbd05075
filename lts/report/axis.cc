#include "lts/report/axis.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace lts {
namespace {

constexpr double kMargin = 0.06;  // of the range, on both sides: points stay clear of the frame

// The nearest to range / count, by ratio, of 1, 2 and 5 times a power of ten.
double NiceStep(double range, int count) {
  const double rough = range / std::max(1, count);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double ratio = rough / power;  // 1 .. 10
  return power * (ratio < std::sqrt(2)    ? 1
                  : ratio < std::sqrt(10) ? 2
                  : ratio < std::sqrt(50) ? 5
                                          : 10);
}

std::vector<double> LinearTicks(double low, double high, int count) {
  const double step = NiceStep(high - low, count);
  std::vector<double> ticks;
  const double first = std::ceil(low / step - 1e-9);
  for (int i = 0; i < 4 * count; ++i) {
    const double tick = (first + i) * step;
    if (tick > high + step * 1e-9) break;
    ticks.push_back(tick == 0 ? 0 : tick);
  }
  return ticks;
}

// Powers of ten; with 5 and then 2 between them while there is room; every second, third ... power
// when crowded.
std::vector<double> LogTicks(double low, double high, int count) {
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  const auto collect = [&](const std::vector<double>& factors, int stride) {
    std::vector<double> ticks;
    for (int power = first; power <= last; ++power) {
      if (power % stride != 0) continue;
      for (const double factor : factors) {
        const double tick = factor * std::pow(10, power);
        if (tick >= low && tick <= high) ticks.push_back(tick);
      }
    }
    return ticks;
  };
  const std::array<std::vector<double>, 2> choices = {{{1, 2, 5}, {1, 3}}};
  for (const std::vector<double>& factors : choices) {
    std::vector<double> ticks = collect(factors, 1);
    if (static_cast<int>(ticks.size()) <= count + 2) return ticks;
  }
  for (int stride = 1;; ++stride) {
    std::vector<double> ticks = collect({1}, stride);
    if (static_cast<int>(ticks.size()) <= count + 2) return ticks;
  }
}

}  // namespace

double ChartAxis::Position(double value) const {
  if (!log) return (value - low) / (high - low);
  if (value <= 0) return -1;
  return std::log(value / low) / std::log(high / low);
}

ChartAxis MakeChartAxis(std::span<const double> values, int tick_count) {
  ChartAxis axis;
  if (!values.empty()) {
    axis.low = *std::min_element(values.begin(), values.end());
    axis.high = *std::max_element(values.begin(), values.end());
  }
  axis.log = axis.low > 0 && axis.high / axis.low >= kLogRatio;
  if (axis.log) {
    const double factor = std::pow(axis.high / axis.low, kMargin);
    axis.low /= factor;
    axis.high *= factor;
    axis.ticks = LogTicks(axis.low, axis.high, tick_count);
    return axis;
  }
  double margin = (axis.high - axis.low) * kMargin;
  // One value alone: a range of a tenth of its size, so that its digits can be told apart.
  if (margin <= std::fabs(axis.high) * 1e-9) margin = std::max(std::fabs(axis.high) * 0.1, 1e-3);
  const bool positive = axis.low >= 0;
  axis.low -= margin;
  axis.high += margin;
  if (positive) axis.low = std::max(axis.low, 0.0);
  axis.ticks = LinearTicks(axis.low, axis.high, tick_count);
  return axis;
}

}  // namespace lts

#include "lts/search/near_ties.h"

#include <algorithm>
#include <cmath>

#include "lts/base/error.h"

namespace lts {
namespace {

bool IsFinite(const Point& point) {
  return std::ranges::all_of(point, [](double value) { return std::isfinite(value); });
}

// Every interval of a lies at or below b's.
bool SurelyNoWorse(const UncertainPoint& a, const UncertainPoint& b) {
  for (std::size_t i = 0; i < a.high.size(); ++i) {
    if (!(a.high[i] <= b.low[i])) return false;
  }
  return true;
}

bool EqualAndExact(const UncertainPoint& a, const UncertainPoint& b) {
  return a.low == a.high && b.low == b.high && a.value == b.value;
}

}  // namespace

bool DominatesBeyondNoise(const UncertainPoint& a, const UncertainPoint& b) {
  LTS_DCHECK(a.value.size() == b.value.size());
  return SurelyNoWorse(a, b) && a.high != b.low;
}

std::vector<std::int64_t> NearTies(std::span<const UncertainPoint> points) {
  std::vector<std::int64_t> order;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const UncertainPoint& point = points[i];
    LTS_DCHECK(point.low.size() == point.value.size() && point.high.size() == point.value.size());
    if (!IsFinite(point.value) || !IsFinite(point.low) || !IsFinite(point.high)) continue;
    order.push_back(static_cast<std::int64_t>(i));
  }
  const auto at = [&](std::int64_t i) -> const UncertainPoint& {
    return points[static_cast<std::size_t>(i)];
  };
  // In lexicographic order of values, equal ones by index, whoever beats a point stands before it;
  // and by transitivity one of those that nobody beats does.
  std::ranges::sort(order, [&](std::int64_t a, std::int64_t b) {
    return at(a).value != at(b).value ? at(a).value < at(b).value : a < b;
  });
  std::vector<Point> values;
  values.reserve(order.size());
  for (const std::int64_t i : order) values.push_back(at(i).value);
  std::vector<bool> on_front(order.size(), false);
  for (const std::int64_t i : ParetoFront(values)) on_front[static_cast<std::size_t>(i)] = true;

  std::vector<std::int64_t> unbeaten;
  std::vector<std::int64_t> near_ties;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const std::int64_t i = order[k];
    const bool beaten = !on_front[k] && std::ranges::any_of(unbeaten, [&](std::int64_t other) {
      return DominatesBeyondNoise(at(other), at(i)) || EqualAndExact(at(other), at(i));
    });
    if (beaten) continue;
    unbeaten.push_back(i);
    if (!on_front[k]) near_ties.push_back(i);
  }
  std::ranges::sort(near_ties);
  return near_ties;
}

}  // namespace lts

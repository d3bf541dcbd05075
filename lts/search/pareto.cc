#include "lts/search/pareto.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "lts/base/error.h"

namespace lts {
namespace {

bool IsFinite(std::span<const double> point) {
  return std::ranges::all_of(point, [](double value) { return std::isfinite(value); });
}

// a <= b in every objective.
bool NoWorse(std::span<const double> a, std::span<const double> b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] <= b[i])) return false;
  }
  return true;
}

// The area that a growing set of points dominates: its staircase, x ascending and y descending.
class Staircase {
 public:
  Staircase(double x_reference, double y_reference)
      : x_reference_(x_reference), y_reference_(y_reference) {}

  double area() const { return area_; }

  // Adds a point below the reference. O(log n) and the steps that it covers.
  void Add(double x, double y) {
    auto right = steps_.upper_bound(x);  // the first step right of x
    const double left_y = right == steps_.begin() ? y_reference_ : std::prev(right)->second;
    if (left_y <= y) return;  // covered
    // From x on, the column above each step that the point covers, as far as the point's own
    // height.
    double from = x;
    double top = left_y;
    while (right != steps_.end() && right->second >= y) {
      area_ += (right->first - from) * (top - y);
      from = right->first;
      top = right->second;
      right = steps_.erase(right);
    }
    area_ += ((right == steps_.end() ? x_reference_ : right->first) - from) * (top - y);
    steps_[x] = y;
  }

 private:
  double x_reference_;
  double y_reference_;
  double area_ = 0;
  std::map<double, double> steps_;
};

}  // namespace

bool Dominates(std::span<const double> a, std::span<const double> b) {
  LTS_DCHECK(a.size() == b.size());
  return NoWorse(a, b) && !NoWorse(b, a);
}

std::vector<std::int64_t> ParetoFront(std::span<const Point> points) {
  std::vector<std::int64_t> order;
  for (std::size_t i = 0; i < points.size(); ++i) {
    LTS_DCHECK(points[i].size() == points[0].size());
    if (IsFinite(points[i])) order.push_back(static_cast<std::int64_t>(i));
  }
  const auto at = [&](std::int64_t i) -> const Point& {
    return points[static_cast<std::size_t>(i)];
  };
  // In lexicographic order, equal points by index, a point can only be beaten or repeated by an
  // earlier one, and if so then by one of the front.
  std::ranges::sort(order, [&](std::int64_t a, std::int64_t b) {
    return at(a) != at(b) ? at(a) < at(b) : a < b;
  });
  std::vector<std::int64_t> front;
  for (const std::int64_t i : order) {
    // With two objectives the last of the front has the least second objective so far.
    const std::size_t first = at(i).size() <= 2 && !front.empty() ? front.size() - 1 : 0;
    const bool beaten = std::any_of(front.begin() + static_cast<std::ptrdiff_t>(first), front.end(),
                                    [&](std::int64_t f) { return NoWorse(at(f), at(i)); });
    if (!beaten) front.push_back(i);
  }
  std::ranges::sort(front);
  return front;
}

double Hypervolume(std::span<const Point> points, const Point& reference) {
  const std::size_t objectives = reference.size();
  if (objectives == 0 || !IsFinite(reference)) {
    throw Error(ErrorCode::kInvalidArgument,
                "hypervolume: expected a reference point of finite values");
  }
  if (objectives > 3) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("hypervolume: got {} objectives, expected at most 3", objectives));
  }
  std::vector<Point> inside;
  for (const Point& point : points) {
    LTS_DCHECK(point.size() == objectives);
    bool below = IsFinite(point);
    for (std::size_t i = 0; below && i < objectives; ++i) below = point[i] < reference[i];
    if (below) inside.push_back(point);
  }
  // As if in three objectives, those missing being 0 below a reference of 1: sweep the last one
  // upwards, and between two values of it the points met so far dominate the area of their
  // staircase.
  const auto coordinate = [&](const Point& point, std::size_t i) {
    return i < objectives ? point[i] : 0.0;
  };
  const auto bound = [&](std::size_t i) { return i < objectives ? reference[i] : 1.0; };
  std::ranges::sort(
      inside, [&](const Point& a, const Point& b) { return coordinate(a, 2) < coordinate(b, 2); });
  Staircase staircase(bound(0), bound(1));
  double volume = 0;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    staircase.Add(coordinate(inside[i], 0), coordinate(inside[i], 1));
    const double next = i + 1 < inside.size() ? coordinate(inside[i + 1], 2) : bound(2);
    volume += staircase.area() * (next - coordinate(inside[i], 2));
  }
  return volume;
}

}  // namespace lts

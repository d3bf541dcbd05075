#include "lts/search/pareto.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

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

// The rest of the file's fronts are of points in lexicographic order: rows of [rows, m] without NaN
// or infinity. A row is on the front when no earlier one is <= it in every coordinate; that no
// later one beats it is clear from the order.
using Rows = std::vector<std::size_t>;

// m <= 2: the last of the front has the least second coordinate so far.
Rows FrontOfPlane(std::span<const double> sorted, std::size_t m) {
  Rows front;
  for (std::size_t row = 0; row < sorted.size() / m; ++row) {
    if (front.empty() || (m == 2 && sorted[row * 2 + 1] < sorted[front.back() * 2 + 1]))
      front.push_back(row);
  }
  return front;
}

// m = 3: the least third coordinate among the rows so far whose second one is of at most some rank,
// in a Fenwick tree over ranks.
Rows FrontOfSpace(std::span<const double> sorted) {
  const std::size_t n = sorted.size() / 3;
  std::vector<double> seconds(n);
  for (std::size_t row = 0; row < n; ++row) seconds[row] = sorted[row * 3 + 1];
  std::ranges::sort(seconds);
  seconds.erase(std::unique(seconds.begin(), seconds.end()), seconds.end());
  std::vector<double> least(seconds.size() + 1, std::numeric_limits<double>::infinity());
  Rows front;
  for (std::size_t row = 0; row < n; ++row) {
    const double z = sorted[row * 3 + 2];
    const auto rank = static_cast<std::size_t>(
        std::ranges::lower_bound(seconds, sorted[row * 3 + 1]) - seconds.begin() + 1);
    bool beaten = false;
    for (std::size_t i = rank; i > 0 && !beaten; i &= i - 1) beaten = least[i] <= z;
    if (beaten) continue;
    front.push_back(row);
    for (std::size_t i = rank; i < least.size(); i += i & (~i + 1))
      least[i] = std::min(least[i], z);
  }
  return front;
}

// m >= 4. Front(rows) is the front of the first half and what it leaves of that of the second.
class DivideAndConquer {
 public:
  DivideAndConquer(std::span<const double> sorted, std::size_t m) : sorted_(sorted), m_(m) {}

  // Rows first, first + 1 ... last - 1.
  Rows Front(std::size_t first, std::size_t last) const {
    if (last - first <= 1) return first < last ? Rows{first} : Rows{};
    const std::size_t middle = first + (last - first) / 2;
    Rows front = Front(first, middle);
    const Rows rest = Unbeaten(front, Front(middle, last), 1);
    front.insert(front.end(), rest.begin(), rest.end());
    return front;
  }

 private:
  double At(std::size_t row, std::size_t k) const { return sorted_[row * m_ + k]; }

  // Those of `b`, in its order, that no row of `a` equals or beats in the coordinates k ... m - 1,
  // where every row of `a` is known to be <= every row of `b` in those before k.
  Rows Unbeaten(const Rows& a, const Rows& b, std::size_t k) const {
    if (a.empty() || b.empty()) return b;
    // Below that, comparing all pairs costs less than sorting and splitting.
    constexpr std::size_t kPairs = 256;
    if (a.size() * b.size() <= kPairs) return UnbeatenByPairs(a, b, k);
    if (k + 2 == m_) return UnbeatenInPlane(a, b);
    const auto [a_low, a_high] = Range(a, k);
    const auto [b_low, b_high] = Range(b, k);
    if (a_low > b_high) return b;
    if (a_high <= b_low) return Unbeaten(a, b, k + 1);
    // Both sides of the pivot get some rows, so that this ends, and about half of them where
    // coordinates differ.
    const double pivot = Pivot(a, b, k);
    const auto below = [&](std::size_t row) { return At(row, k) < pivot; };
    const auto [a_left, a_right] = Split(a, below);
    const auto [b_left, b_right] = Split(b, below);
    const Rows left = Unbeaten(a_left, b_left, k);
    const Rows right = Unbeaten(a_left, Unbeaten(a_right, b_right, k), k + 1);
    Rows unbeaten(left.size() + right.size());
    std::ranges::merge(left, right, unbeaten.begin());
    return unbeaten;
  }

  Rows UnbeatenByPairs(const Rows& a, const Rows& b, std::size_t k) const {
    Rows unbeaten;
    for (const std::size_t row : b) {
      if (std::ranges::none_of(a, [&](std::size_t other) {
            return NoWorse(sorted_.subspan(other * m_ + k, m_ - k),
                           sorted_.subspan(row * m_ + k, m_ - k));
          })) {
        unbeaten.push_back(row);
      }
    }
    return unbeaten;
  }

  // By the last two coordinates: sweeps the last but one upwards.
  Rows UnbeatenInPlane(Rows a, const Rows& b) const {
    const auto by_x = [&](std::size_t row) { return At(row, m_ - 2); };
    Rows swept = b;
    std::ranges::sort(a, {}, by_x);
    std::ranges::sort(swept, {}, by_x);
    double least = std::numeric_limits<double>::infinity();
    std::size_t next = 0;
    Rows unbeaten;
    for (const std::size_t row : swept) {
      for (; next < a.size() && by_x(a[next]) <= by_x(row); ++next)
        least = std::min(least, At(a[next], m_ - 1));
      if (!(least <= At(row, m_ - 1))) unbeaten.push_back(row);
    }
    std::ranges::sort(unbeaten);
    return unbeaten;
  }

  std::pair<double, double> Range(const Rows& rows, std::size_t k) const {
    const auto [low, high] =
        std::ranges::minmax(rows, {}, [&](std::size_t row) { return At(row, k); });
    return {At(low, k), At(high, k)};
  }

  // The median of coordinate k over both, or where that is the least, the least but one.
  double Pivot(const Rows& a, const Rows& b, std::size_t k) const {
    std::vector<double> values;
    for (const Rows* rows : {&a, &b}) {
      for (const std::size_t row : *rows) values.push_back(At(row, k));
    }
    const auto middle = values.begin() + std::ssize(values) / 2;
    std::ranges::nth_element(values, middle);
    const double median = *middle;
    const double least = *std::min_element(values.begin(), middle + 1);
    if (least < median) return median;
    double above = std::numeric_limits<double>::infinity();
    for (const double value : values) {
      if (value > least) above = std::min(above, value);
    }
    return above;
  }

  template <typename Below>
  static std::pair<Rows, Rows> Split(const Rows& rows, const Below& below) {
    std::pair<Rows, Rows> split;
    for (const std::size_t row : rows) (below(row) ? split.first : split.second).push_back(row);
    return split;
  }

  std::span<const double> sorted_;
  std::size_t m_;
};

Rows FrontOfSorted(std::span<const double> sorted, std::size_t m) {
  if (m <= 2) return FrontOfPlane(sorted, m);
  if (m == 3) return FrontOfSpace(sorted);
  return DivideAndConquer(sorted, m).Front(0, sorted.size() / m);
}

}  // namespace

bool Dominates(std::span<const double> a, std::span<const double> b) {
  LTS_DCHECK(a.size() == b.size());
  return NoWorse(a, b) && !NoWorse(b, a);
}

std::vector<std::int64_t> ParetoFront(std::span<const double> values, std::int64_t objectives) {
  LTS_CHECK(objectives >= 1 && std::ssize(values) % objectives == 0);
  const auto m = static_cast<std::size_t>(objectives);
  // In lexicographic order, equal points by index, a point can only be beaten or repeated by an
  // earlier one, and if so then by one of the front. The first coordinate lies beside the index
  // because most comparisons end there.
  std::vector<std::pair<double, std::int64_t>> order;
  for (std::size_t i = 0; i < values.size() / m; ++i) {
    if (IsFinite(values.subspan(i * m, m)))
      order.emplace_back(values[i * m], static_cast<std::int64_t>(i));
  }
  const auto point = [&](std::int64_t i) {
    return values.subspan(static_cast<std::size_t>(i) * m, m);
  };
  std::ranges::sort(order, [&](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    const auto x = point(a.second);
    const auto y = point(b.second);
    for (std::size_t k = 1; k < m; ++k) {
      if (x[k] != y[k]) return x[k] < y[k];
    }
    return a.second < b.second;
  });
  std::vector<double> sorted;
  sorted.reserve(order.size() * m);
  for (const auto& [first, i] : order) {
    const auto x = point(i);
    sorted.insert(sorted.end(), x.begin(), x.end());
  }
  std::vector<std::int64_t> front;
  for (const std::size_t row : FrontOfSorted(sorted, m)) front.push_back(order[row].second);
  std::ranges::sort(front);
  return front;
}

std::vector<std::int64_t> ParetoFront(std::span<const Point> points) {
  if (points.empty()) return {};
  std::vector<double> values;
  values.reserve(points.size() * points[0].size());
  for (const Point& point : points) {
    LTS_DCHECK(point.size() == points[0].size());
    values.insert(values.end(), point.begin(), point.end());
  }
  return ParetoFront(values, std::ssize(points[0]));
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

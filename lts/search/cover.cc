#include "lts/search/cover.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "lts/base/error.h"

namespace lts {

double Gap(const Point& m, const Point& x) {
  double gap = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    if (m[j] <= x[j]) continue;
    // Beyond zero no factor leads from one to the other.
    const bool positive = m[j] > 0 && x[j] > 0;
    const bool negative = m[j] < 0 && x[j] < 0;
    if (!positive && !negative) return std::numeric_limits<double>::infinity();
    gap = std::max(gap, positive ? m[j] / x[j] - 1 : x[j] / m[j] - 1);
  }
  return gap;
}

std::vector<std::size_t> GreedyCover(std::span<const double> gaps,
                                     std::span<const double> covered_by_now, double target,
                                     std::size_t most) {
  const std::size_t points = covered_by_now.size();
  LTS_CHECK(points > 0 && gaps.size() % points == 0);
  std::vector<std::size_t> left;
  for (std::size_t p = 0; p < points; ++p) {
    if (covered_by_now[p] > target) left.push_back(p);
  }
  std::vector<std::size_t> chosen;
  while (!left.empty() && chosen.size() <= most) {
    std::size_t best = 0;
    std::int64_t most_covered = 0;
    for (std::size_t c = 0; c < gaps.size() / points; ++c) {
      const std::int64_t covers = std::ranges::count_if(
          left, [&](std::size_t p) { return gaps[c * points + p] <= target; });
      if (covers > most_covered) {
        most_covered = covers;
        best = c;
      }
    }
    if (most_covered == 0) break;
    chosen.push_back(best);
    std::erase_if(left, [&](std::size_t p) { return gaps[best * points + p] <= target; });
  }
  return chosen;
}

}  // namespace lts

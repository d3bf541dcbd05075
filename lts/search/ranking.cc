#include "lts/search/ranking.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>

#include "lts/base/error.h"

namespace lts {

std::vector<std::int64_t> NondominatedRanks(std::span<const Point> points) {
  const std::size_t n = points.size();
  std::vector<std::vector<std::size_t>> dominated(n);  // by each point
  std::vector<std::int64_t> dominators(n, 0);          // not peeled off yet
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) {
      const bool i_wins = Dominates(points[i], points[j]);
      if (!i_wins && !Dominates(points[j], points[i])) continue;
      const std::size_t winner = i_wins ? i : j;
      const std::size_t loser = i_wins ? j : i;
      dominated[winner].push_back(loser);
      ++dominators[loser];
    }
  }
  std::vector<std::int64_t> ranks(n, 0);
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < n; ++i) {
    if (dominators[i] == 0) front.push_back(i);
  }
  for (std::int64_t rank = 0; !front.empty(); ++rank) {
    std::vector<std::size_t> next;
    for (const std::size_t i : front) {
      ranks[i] = rank;
      for (const std::size_t j : dominated[i]) {
        if (--dominators[j] == 0) next.push_back(j);
      }
    }
    front = std::move(next);
  }
  return ranks;
}

std::vector<double> CrowdingDistances(std::span<const Point> points) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> distances(points.size(), 0);
  if (points.empty()) return distances;
  std::vector<std::size_t> order(points.size());
  for (std::size_t o = 0; o < points[0].size(); ++o) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(
        order, [&](std::size_t a, std::size_t b) { return points[a][o] < points[b][o]; });
    const double low = points[order.front()][o];
    const double high = points[order.back()][o];
    if (!(low < high)) continue;
    // Of several equal to the greatest value the earliest counts as the last.
    const auto last =
        std::ranges::find_if(order, [&](std::size_t i) { return points[i][o] == high; });
    distances[order.front()] = kInfinity;
    distances[*last] = kInfinity;
    for (std::size_t k = 1; k + 1 < order.size(); ++k) {
      distances[order[k]] += (points[order[k + 1]][o] - points[order[k - 1]][o]) / (high - low);
    }
  }
  return distances;
}

}  // namespace lts

#include "lts/search/family_reduction.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "lts/base/error.h"
#include "lts/search/pareto.h"

namespace lts {
namespace {

__extension__ using Int128 = __int128;

constexpr std::int64_t kMagnitude = std::int64_t{1} << 62;
constexpr std::int64_t kMaxLayers = std::int64_t{1} << 20;
// Keys that are there for speed alone: more cells than this cost more than they save.
constexpr std::int64_t kMostKeysOfChoice = std::int64_t{1} << 16;

using Totals = std::vector<std::int64_t>;  // [components]
using Column = std::vector<std::int64_t>;  // of one component: [options]

std::size_t Index(std::int64_t i) { return static_cast<std::size_t>(i); }

void CheckFamily(std::span<const Combine> components, std::int64_t index, const Family& family) {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("exact search: family {}: {}", index, what));
  };
  const std::size_t width = components.size();
  if (family.options.empty() || family.options.size() % width != 0) {
    fail(fmt::format("{} values of options, expected a positive multiple of {} components",
                     family.options.size(), width));
  }
  const std::size_t count = family.options.size() / width;
  if (!family.halves.empty() && family.halves.size() != count)
    fail(fmt::format("halves of {} options, expected none or {}", family.halves.size(), count));
  std::vector<Int128> most(width);  // of a layer, either way
  for (std::size_t at = 0; at < family.options.size(); ++at) {
    const Int128 value = family.options[at];
    most[at % width] = std::max(most[at % width], value < 0 ? -value : value);
  }
  std::int64_t last = 0;
  for (const Family::Depth& depth : family.depths) {
    if (depth.n_layer <= last || depth.n_layer > kMaxLayers) {
      fail(fmt::format("depth of {} layers after {}, expected ascending from 1 to {}",
                       depth.n_layer, last, kMaxLayers));
    }
    last = depth.n_layer;
    if (depth.base.size() != width) {
      fail(fmt::format("base of {} values, expected {} components", depth.base.size(), width));
    }
    for (std::size_t c = 0; c < width; ++c) {
      // Partial sums and their negatives are bounded by this as well.
      const Int128 layers = components[c] == Combine::kSum ? depth.n_layer : 1;
      const Int128 base = depth.base[c];
      if (layers * most[c] + (base < 0 ? -base : base) >= kMagnitude) {
        fail(fmt::format("component {} reaches 2^62 with {} layers; use a coarser unit", c,
                         depth.n_layer));
      }
    }
  }
}

Trend Opposite(Trend trend) {
  if (trend == Trend::kIncreasing) return Trend::kDecreasing;
  return trend == Trend::kDecreasing ? Trend::kIncreasing : trend;
}

// Can a limit be satisfied, and can it be broken, by totals between low and high? Where neither is
// certain both are true.
struct LimitReach {
  bool satisfiable = true;
  bool breakable = true;
};

LimitReach ReachOf(const SeparableProblem& problem, std::int64_t family, std::int64_t depth,
                   std::int64_t limit, const Totals& low, const Totals& high) {
  Totals best = low;
  Totals worst = low;
  for (std::size_t c = 0; c < low.size(); ++c) {
    const Trend trend =
        problem.TrendOf(family, problem.objectives() + limit, static_cast<std::int64_t>(c));
    if (trend == Trend::kAny && low[c] != high[c]) return {};
    if (trend == Trend::kIncreasing) worst[c] = high[c];
    if (trend == Trend::kDecreasing) best[c] = high[c];
  }
  return {.satisfiable = problem.Satisfies(limit, family, depth, best),
          .breakable = !problem.Satisfies(limit, family, depth, worst)};
}

// What is in reach at a depth of n layers for states of `layers` layers, which have totals between
// low and high, when each further layer adds between layer_low and layer_high.
void Complete(std::span<const Combine> components, const Family::Depth& depth, std::int64_t layers,
              const Totals& layer_low, const Totals& layer_high, Totals& low, Totals& high) {
  const std::int64_t rest = depth.n_layer - layers;
  for (std::size_t c = 0; c < components.size(); ++c) {
    if (components[c] == Combine::kSum) {
      low[c] += depth.base[c] + rest * layer_low[c];
      high[c] += depth.base[c] + rest * layer_high[c];
    } else {
      low[c] = std::max({low[c], depth.base[c], rest > 0 ? layer_low[c] : low[c]});
      high[c] = std::max({high[c], depth.base[c], rest > 0 ? layer_high[c] : high[c]});
    }
  }
}

struct LayerRange {
  Totals low;
  Totals high;
};

// options: [options, width], at least one.
LayerRange RangeOf(std::span<const std::int64_t> options, std::size_t width) {
  LayerRange range;
  range.low.assign(options.begin(), options.begin() + static_cast<std::ptrdiff_t>(width));
  range.high = range.low;
  for (std::size_t at = width; at < options.size(); ++at) {
    range.low[at % width] = std::min(range.low[at % width], options[at]);
    range.high[at % width] = std::max(range.high[at % width], options[at]);
  }
  return range;
}

// 1: sets depths, limits and max_layers.
void ReduceLimits(const SeparableProblem& problem, const Family& family, ReducedFamily& reduced) {
  const std::span<const Combine> components = problem.components();
  const LayerRange range = RangeOf(family.options, components.size());
  std::vector<bool> breakable(Index(problem.limits()));
  for (std::size_t d = 0; d < family.depths.size(); ++d) {
    const auto depth = static_cast<std::int64_t>(d);
    // One layer is chosen, which sets the maxima, and the others are to come.
    Totals low = range.low;
    Totals high = range.high;
    Complete(components, family.depths[d], 1, range.low, range.high, low, high);
    std::vector<bool> breakable_here(breakable.size());
    bool satisfiable = true;
    for (std::int64_t limit = 0; satisfiable && limit < problem.limits(); ++limit) {
      const LimitReach reach = ReachOf(problem, reduced.index, depth, limit, low, high);
      satisfiable = reach.satisfiable;
      breakable_here[Index(limit)] = reach.breakable;
    }
    if (!satisfiable) continue;
    reduced.depths.push_back(depth);
    reduced.max_layers = family.depths[d].n_layer;
    for (std::size_t i = 0; i < breakable.size(); ++i)
      breakable[i] = breakable[i] || breakable_here[i];
  }
  for (std::size_t i = 0; i < breakable.size(); ++i) {
    if (breakable[i]) reduced.limits.push_back(static_cast<std::int64_t>(i));
  }
}

// +1: y = a x + b with a > 0, -1: with a < 0, 0: otherwise. Neither is constant.
int AffineSign(const Column& x, const Column& y) {
  const auto other = std::ranges::find_if(x, [&](std::int64_t value) { return value != x[0]; });
  const auto k = static_cast<std::size_t>(other - x.begin());
  const Int128 dx = x[k] - x[0];
  const Int128 dy = y[k] - y[0];
  for (std::size_t i = 0; i < x.size(); ++i) {
    if ((y[i] - y[0]) * dx != (x[i] - x[0]) * dy) return 0;
  }
  return (dx > 0) == (dy > 0) ? 1 : -1;
}

// Is y a non-decreasing function of x?
bool IsMonotoneFunction(const Column& x, const Column& y) {
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  for (std::size_t i = 0; i < x.size(); ++i) pairs.emplace_back(x[i], y[i]);
  std::ranges::sort(pairs);
  for (std::size_t i = 1; i < pairs.size(); ++i) {
    if (pairs[i].first == pairs[i - 1].first ? pairs[i].second != pairs[i - 1].second
                                             : pairs[i].second < pairs[i - 1].second) {
      return false;
    }
  }
  return true;
}

// Components of the options that are left, with what is left of their trends.
struct Components {
  std::vector<Combine> combine;
  std::vector<std::int32_t> options;
  std::vector<Column> columns;
  std::vector<Trend> trends;
  std::vector<std::size_t> same_as;  // the component that a dropped sum is a function of, or itself

  bool IsConstant(std::size_t c) const {
    return std::ranges::all_of(columns[c], [&](std::int64_t v) { return v == columns[c][0]; });
  }
};

// 3 and 4.
void DropFunctions(Components& all) {
  const std::size_t width = all.columns.size();
  for (std::size_t c = 0; c < width; ++c) {
    if (all.trends[c] != Trend::kNone && all.IsConstant(c)) all.trends[c] = Trend::kNone;
  }
  for (std::size_t x = 0; x < width; ++x) {
    for (std::size_t y = 0; y < width; ++y) {
      if (x == y || all.trends[x] == Trend::kNone || all.trends[y] == Trend::kNone ||
          all.combine[x] != all.combine[y]) {
        continue;
      }
      const int sign = all.combine[x] == Combine::kSum
                           ? AffineSign(all.columns[x], all.columns[y])
                           : static_cast<int>(IsMonotoneFunction(all.columns[x], all.columns[y]));
      if (sign == 0) continue;
      all.trends[x] = Combined(all.trends[x], sign > 0 ? all.trends[y] : Opposite(all.trends[y]));
      all.trends[y] = Trend::kNone;
      if (all.combine[x] == Combine::kSum) all.same_as[y] = x;
    }
  }
}

// 5. True when it dropped some. Values become ranks, which doubles hold exactly; a component that
// must be equal is minimised both ways.
bool DropDominatedOptions(Components& all) {
  const std::size_t count = all.options.size();
  std::vector<Column> objectives;
  for (std::size_t c = 0; c < all.columns.size(); ++c) {
    if (all.trends[c] == Trend::kNone) continue;
    Column values = all.columns[c];
    std::ranges::sort(values);
    Column ranks;
    for (const std::int64_t value : all.columns[c])
      ranks.push_back(std::ranges::lower_bound(values, value) - values.begin());
    if (all.trends[c] != Trend::kDecreasing) objectives.push_back(ranks);
    if (all.trends[c] != Trend::kIncreasing) {
      for (std::int64_t& rank : ranks) rank = -rank;
      objectives.push_back(ranks);
    }
  }
  std::vector<std::int64_t> kept = {0};
  if (!objectives.empty()) {
    std::vector<double> points;
    for (std::size_t i = 0; i < count; ++i) {
      for (const Column& objective : objectives)
        points.push_back(static_cast<double>(objective[i]));
    }
    kept = ParetoFront(points, std::ssize(objectives));
  }
  const auto keep = [&](auto& values) {
    for (std::size_t i = 0; i < kept.size(); ++i) values[i] = values[Index(kept[i])];
    values.resize(kept.size());
  };
  keep(all.options);
  for (Column& column : all.columns) keep(column);
  return all.options.size() < count;
}

void Negate(Column& column) {
  for (std::int64_t& value : column) value = -value;
}

std::int64_t DistinctValues(Column column) {
  std::ranges::sort(column);
  return std::unique(column.begin(), column.end()) - column.begin();
}

// The greatest step that all values of a column are multiples of, from the least one on.
std::int64_t StepOf(const Column& column) {
  std::int64_t step = 0;
  for (const std::int64_t value : column) step = std::gcd(step, value - column[0]);
  return step;
}

// How many steps the values of a column, which is not constant, span.
std::int64_t StepsOf(const Column& column) {
  const auto [least, most] = std::ranges::minmax_element(column);
  return (*most - *least) / StepOf(column);
}

// Adds a sum to the keys. False, and nothing done, when keys would reach `limit`.
bool AddToKeys(const Column& column, ReducedFamily& reduced, std::int64_t limit) {
  const std::int64_t least = *std::ranges::min_element(column);
  const std::int64_t step = StepOf(column);
  const Int128 count = (Int128{StepsOf(column)} * reduced.max_layers + 1) * reduced.key_count;
  if (count >= limit) return false;
  for (std::size_t i = 0; i < column.size(); ++i)
    reduced.keys[i] += (column[i] - least) / step * reduced.key_count;
  reduced.key_count = static_cast<std::int64_t>(count);
  return true;
}

// Shares what is left out to order, keys and values.
void Assign(Components& all, ReducedFamily& reduced) {
  const std::size_t width = all.columns.size();
  const std::size_t count = all.options.size();
  // The maximum that has most values: comparing it would keep most states apart.
  std::size_t ordered = width;
  for (std::size_t c = 0; c < width; ++c) {
    if (all.combine[c] == Combine::kMax && all.trends[c] == Trend::kIncreasing &&
        (ordered == width ||
         DistinctValues(all.columns[c]) > DistinctValues(all.columns[ordered]))) {
      ordered = c;
    }
  }
  if (ordered < width) {
    std::vector<std::size_t> by_order(count);
    std::iota(by_order.begin(), by_order.end(), std::size_t{0});
    std::ranges::stable_sort(by_order, {}, [&](std::size_t i) { return all.columns[ordered][i]; });
    const auto permute = [&](auto& values) {
      const auto before = values;
      for (std::size_t i = 0; i < count; ++i) values[i] = before[by_order[i]];
    };
    permute(all.options);
    for (Column& column : all.columns) permute(column);
  }
  reduced.options = all.options;
  reduced.order.assign(count, 0);
  for (std::size_t i = 1; ordered < width && i < count; ++i) {
    reduced.order[i] =
        reduced.order[i - 1] +
        static_cast<std::int32_t>(all.columns[ordered][i] != all.columns[ordered][i - 1]);
  }
  reduced.keys.assign(count, 0);
  std::vector<Column> sums;
  std::vector<Column> maxima;
  std::vector<Column> minima;
  std::vector<char> in_key(width);
  const auto is_sum = [&](std::size_t c) { return all.combine[c] == Combine::kSum; };
  // Of what must be compared.
  const auto left = [&] {
    std::vector<std::size_t> components;
    for (std::size_t c = 0; c < width; ++c) {
      if (all.trends[c] != Trend::kNone && c != ordered && in_key[c] == 0) components.push_back(c);
    }
    return components;
  };
  for (const std::size_t c : left()) {
    in_key[c] = static_cast<char>(is_sum(c) && all.trends[c] == Trend::kAny &&
                                  AddToKeys(all.columns[c], reduced, kMagnitude));
  }
  // In the plane a state is compared with one other, beyond it with all of its cell. So sums of few
  // values become keys though they need not be equal.
  for (;;) {
    std::vector<std::size_t> components = left();
    if (components.size() <= 2) break;
    std::erase_if(components, [&](std::size_t c) { return !is_sum(c); });
    const auto fewest = std::ranges::min_element(
        components, {}, [&](std::size_t c) { return StepsOf(all.columns[c]); });
    if (fewest == components.end() ||
        !AddToKeys(all.columns[*fewest], reduced, kMostKeysOfChoice)) {
      break;
    }
    in_key[*fewest] = 1;
  }
  for (const std::size_t c : left()) {
    const Trend trend = all.trends[c];
    // What must be equal and is no key is minimised both ways; -max(x) = min(-x).
    if (trend != Trend::kDecreasing) (is_sum(c) ? sums : maxima).push_back(all.columns[c]);
    if (trend != Trend::kIncreasing) {
      Negate(all.columns[c]);
      (is_sum(c) ? sums : minima).push_back(all.columns[c]);
    }
  }
  reduced.sums = std::ssize(sums);
  reduced.maxima = std::ssize(maxima);
  reduced.minima = std::ssize(minima);
  for (std::size_t i = 0; i < count; ++i) {
    for (const auto* group : {&sums, &maxima, &minima}) {
      for (const Column& column : *group) reduced.values.push_back(column[i]);
    }
  }
  reduced.fixed_by_key.resize(width);
  for (std::size_t c = 0; c < width; ++c) reduced.fixed_by_key[c] = in_key[all.same_as[c]];
}

// 2 to 5 and what is left, where `reduced` has come as far as 1. options: [options, components]
// that a layer, or its half, adds. kinds: [options], or empty where there is none.
void ReduceOptions(const SeparableProblem& problem, const Family& family,
                   std::span<const std::int64_t> options, std::span<const std::int32_t> kinds,
                   ReducedFamily& reduced) {
  const std::span<const Combine> combine = problem.components();
  const std::size_t width = combine.size();
  const std::size_t count = options.size() / width;
  Components all{.combine = {combine.begin(), combine.end()},
                 .options = std::vector<std::int32_t>(count),
                 .columns = std::vector<Column>(width, Column(count)),
                 .trends = std::vector<Trend>(width, Trend::kNone),
                 .same_as = {}};
  std::iota(all.options.begin(), all.options.end(), 0);
  for (std::size_t c = 0; c < width; ++c) {
    const auto component = static_cast<std::int64_t>(c);
    for (std::int64_t objective = 0; objective < problem.objectives(); ++objective)
      all.trends[c] = Combined(all.trends[c], problem.TrendOf(reduced.index, objective, component));
    for (const std::int64_t limit : reduced.limits) {
      all.trends[c] = Combined(
          all.trends[c], problem.TrendOf(reduced.index, problem.objectives() + limit, component));
    }
    std::int64_t floor = std::numeric_limits<std::int64_t>::min();
    if (combine[c] == Combine::kMax) {
      floor = std::numeric_limits<std::int64_t>::max();
      for (const std::int64_t depth : reduced.depths)
        floor = std::min(floor, family.depths[Index(depth)].base[c]);
    }
    for (std::size_t i = 0; i < count; ++i)
      all.columns[c][i] = std::max(options[i * width + c], floor);
  }
  if (!kinds.empty()) {
    all.combine.push_back(Combine::kSum);
    all.columns.emplace_back(kinds.begin(), kinds.end());
    all.trends.push_back(Trend::kAny);
  }
  all.same_as.resize(all.columns.size());
  std::iota(all.same_as.begin(), all.same_as.end(), std::size_t{0});
  // Fewer options may leave more components without a say of their own.
  do DropFunctions(all);
  while (DropDominatedOptions(all));
  Assign(all, reduced);
}

}  // namespace

ReducedFamily Reduce(const SeparableProblem& problem, std::int64_t index, const Family& family) {
  CheckFamily(problem.components(), index, family);
  ReducedFamily reduced{.index = index};
  ReduceLimits(problem, family, reduced);
  if (!reduced.depths.empty()) ReduceOptions(problem, family, family.options, {}, reduced);
  return reduced;
}

ReducedFamily ReduceHalf(const SeparableProblem& problem, const Family& family,
                         const ReducedFamily& whole, const FamilyHalves::Half& half) {
  ReducedFamily reduced{.index = whole.index,
                        .depths = whole.depths,
                        .limits = whole.limits,
                        .max_layers = whole.max_layers};
  ReduceOptions(problem, family, half.options, half.kinds, reduced);
  return reduced;
}

KindCounts CountsInReach(const SeparableProblem& problem, const Family& family,
                         const ReducedFamily& whole, const FamilyHalves& halves,
                         std::int64_t depth) {
  const std::span<const Combine> components = problem.components();
  const std::int64_t n_layer = family.depths[Index(depth)].n_layer;
  if (halves.kind_count == 1) return {.least = 0, .most = 0};
  std::vector<std::int64_t> of_kind[2];
  for (std::size_t option = 0; option < halves.option_kinds.size(); ++option) {
    const auto row =
        std::span(family.options).subspan(option * components.size(), components.size());
    auto& options = of_kind[halves.option_kinds[option]];
    options.insert(options.end(), row.begin(), row.end());
  }
  const LayerRange range[2] = {RangeOf(of_kind[0], components.size()),
                               RangeOf(of_kind[1], components.size())};
  KindCounts counts{.least = n_layer + 1, .most = -1};
  for (std::int64_t count = 0; count <= n_layer; ++count) {
    // One layer is chosen, of kind 1 where there is any, and the others are to come.
    const LayerRange& chosen = range[count > 0 ? 1 : 0];
    Totals low = chosen.low;
    Totals high = chosen.high;
    if (count > 0) {
      for (std::size_t c = 0; c < components.size(); ++c) {
        if (components[c] != Combine::kSum) continue;
        low[c] *= count;
        high[c] *= count;
      }
    }
    Complete(components, family.depths[Index(depth)], std::max<std::int64_t>(count, 1),
             range[0].low, range[0].high, low, high);
    if (!std::ranges::all_of(whole.limits, [&](std::int64_t limit) {
          return ReachOf(problem, whole.index, depth, limit, low, high).satisfiable;
        })) {
      continue;
    }
    counts.least = std::min(counts.least, count);
    counts.most = count;
  }
  return counts;
}

LimitBounds::LimitBounds(const SeparableProblem& problem, const Family& family,
                         const ReducedFamily& reduced)
    : problem_(problem), family_(family), reduced_(reduced) {
  LayerRange range = RangeOf(family.options, problem.components().size());
  low_ = std::move(range.low);
  high_ = std::move(range.high);
}

bool LimitBounds::MaySatisfy(std::int64_t layers, std::span<const std::int64_t> totals) const {
  const std::span<const Combine> components = problem_.components();
  for (const std::int64_t depth : reduced_.depths) {
    if (family_.depths[Index(depth)].n_layer < layers) continue;
    Totals low(totals.begin(), totals.end());
    Totals high = low;
    for (std::size_t c = 0; c < low.size(); ++c) {
      if (reduced_.fixed_by_key[c] != 0) continue;
      const std::int64_t times = components[c] == Combine::kSum ? layers : 1;
      low[c] = times * low_[c];
      high[c] = times * high_[c];
    }
    Complete(components, family_.depths[Index(depth)], layers, low_, high_, low, high);
    if (std::ranges::all_of(reduced_.limits, [&](std::int64_t limit) {
          return ReachOf(problem_, reduced_.index, depth, limit, low, high).satisfiable;
        })) {
      return true;
    }
  }
  return false;
}

}  // namespace lts

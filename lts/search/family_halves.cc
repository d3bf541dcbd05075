#include "lts/search/family_halves.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>

namespace lts {
namespace {

constexpr std::int32_t kUnknown = -1;
constexpr std::int64_t kMagnitude = std::int64_t{1} << 62;
// Of two kinds of as many options half of the pairs are none. Bounds the table of pairs.
constexpr std::int64_t kMostPairsPerOption = 4;

std::size_t Index(std::int64_t i) { return static_cast<std::size_t>(i); }

// Numbers 0, 1, ... in place of the labels, in their order.
std::int64_t Number(std::vector<std::int32_t>& labels) {
  std::vector<std::int32_t> distinct = labels;
  std::ranges::sort(distinct);
  distinct.erase(std::ranges::unique(distinct).begin(), distinct.end());
  for (std::int32_t& label : labels) {
    label = static_cast<std::int32_t>(std::ranges::lower_bound(distinct, label) - distinct.begin());
  }
  return std::ssize(distinct);
}

// Sets kinds and option_of; `first` and `second` are the halves of each option. False where the
// options of a kind are not all of its pairs, each once.
bool FindKinds(const std::vector<std::int32_t>& first, const std::vector<std::int32_t>& second,
               FamilyHalves& halves) {
  std::vector<std::int32_t>& first_kinds = halves.first.kinds;
  std::vector<std::int32_t>& second_kinds = halves.second.kinds;
  const std::size_t seconds = second_kinds.size();
  for (std::size_t option = 0; option < first.size(); ++option) {
    std::int32_t& cell = halves.option_of[Index(first[option]) * seconds + Index(second[option])];
    if (cell != kUnknown) return false;
    cell = static_cast<std::int32_t>(option);
  }
  // A first half has a kind of its own, unless one before it goes with its first second half.
  std::int64_t kinds = 0;
  for (std::size_t f = 0; f < first_kinds.size(); ++f) {
    const auto row = std::span(halves.option_of).subspan(f * seconds, seconds);
    const auto any = std::ranges::find_if(row, [](std::int32_t o) { return o != kUnknown; });
    std::int32_t kind = second_kinds[Index(any - row.begin())];
    if (kind == kUnknown) {
      kind = static_cast<std::int32_t>(kinds++);
      for (std::size_t s = 0; s < seconds; ++s) {
        if (row[s] == kUnknown) continue;
        if (second_kinds[s] != kUnknown) return false;
        second_kinds[s] = kind;
      }
    }
    for (std::size_t s = 0; s < seconds; ++s) {
      if ((row[s] != kUnknown) != (second_kinds[s] == kind)) return false;
    }
    first_kinds[f] = kind;
  }
  halves.kind_count = kinds;
  return kinds <= 2;
}

// Fills what halves add to a component, if it adds up. Of a maximum the least that comes with a
// half is the half's own or that of the least of its partners, of which nothing below counts; of a
// sum one is as good as another, so the first option of a kind is the first half's alone.
bool SplitComponent(std::size_t component, Combine combine, std::size_t width, const Family& family,
                    FamilyHalves& halves) {
  const std::size_t firsts = halves.first.kinds.size();
  const std::size_t seconds = halves.second.kinds.size();
  const auto value = [&](std::size_t f, std::size_t s) {
    return family.options[Index(halves.option_of[f * seconds + s]) * width + component];
  };
  const auto of_first = [&](std::size_t f) -> std::int64_t& {
    return halves.first.options[f * width + component];
  };
  const auto of_second = [&](std::size_t s) -> std::int64_t& {
    return halves.second.options[s * width + component];
  };
  for (std::size_t f = 0; f < firsts; ++f) of_first(f) = std::numeric_limits<std::int64_t>::max();
  for (std::size_t s = 0; s < seconds; ++s) of_second(s) = std::numeric_limits<std::int64_t>::max();
  const auto for_each_pair = [&](const auto& visit) {
    for (std::size_t f = 0; f < firsts; ++f) {
      for (std::size_t s = 0; s < seconds; ++s) {
        if (halves.option_of[f * seconds + s] != kUnknown && !visit(f, s)) return false;
      }
    }
    return true;
  };
  if (combine == Combine::kMax) {
    for_each_pair([&](std::size_t f, std::size_t s) {
      of_first(f) = std::min(of_first(f), value(f, s));
      of_second(s) = std::min(of_second(s), value(f, s));
      return true;
    });
    return for_each_pair([&](std::size_t f, std::size_t s) {
      return value(f, s) == std::max(of_first(f), of_second(s));
    });
  }
  for (std::int32_t kind = 0; kind < halves.kind_count; ++kind) {
    const auto f0 = Index(std::ranges::find(halves.first.kinds, kind) - halves.first.kinds.begin());
    const auto s0 =
        Index(std::ranges::find(halves.second.kinds, kind) - halves.second.kinds.begin());
    for (std::size_t f = 0; f < firsts; ++f) {
      if (halves.first.kinds[f] == kind) of_first(f) = value(f, s0);
    }
    for (std::size_t s = 0; s < seconds; ++s) {
      if (halves.second.kinds[s] == kind) of_second(s) = value(f0, s) - value(f0, s0);
    }
  }
  // Options are bounded so that totals are; differences of them may be twice as large.
  const std::int64_t most =
      family.depths.empty() ? 0 : (kMagnitude - 1) / family.depths.back().n_layer;
  return for_each_pair([&](std::size_t f, std::size_t s) {
    return of_second(s) <= most && of_second(s) >= -most &&
           value(f, s) - of_first(f) == of_second(s);
  });
}

}  // namespace

std::optional<FamilyHalves> SplitFamily(std::span<const Combine> components, const Family& family) {
  if (family.halves.empty()) return std::nullopt;
  std::vector<std::int32_t> first;
  std::vector<std::int32_t> second;
  for (const auto& [f, s] : family.halves) {
    first.push_back(f);
    second.push_back(s);
  }
  const std::int64_t firsts = Number(first);
  const std::int64_t seconds = Number(second);
  if (firsts * seconds > kMostPairsPerOption * std::ssize(first)) return std::nullopt;
  FamilyHalves halves;
  halves.first.kinds.assign(Index(firsts), kUnknown);
  halves.second.kinds.assign(Index(seconds), kUnknown);
  halves.option_of.assign(Index(firsts * seconds), kUnknown);
  if (!FindKinds(first, second, halves)) return std::nullopt;
  if (firsts == halves.kind_count || seconds == halves.kind_count) return std::nullopt;
  const std::size_t width = components.size();
  halves.first.options.resize(Index(firsts) * width);
  halves.second.options.resize(Index(seconds) * width);
  for (std::size_t c = 0; c < width; ++c) {
    if (!SplitComponent(c, components[c], width, family, halves)) return std::nullopt;
  }
  for (const std::int32_t f : first) halves.option_kinds.push_back(halves.first.kinds[Index(f)]);
  return halves;
}

}  // namespace lts

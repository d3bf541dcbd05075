#include "lts/search/pareto_dp.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lts/base/error.h"
#include "lts/search/family_halves.h"
#include "lts/search/family_reduction.h"
#include "lts/search/growing_front.h"
#include "lts/search/layer_states.h"

namespace lts {
namespace {

std::size_t Index(std::int64_t i) { return static_cast<std::size_t>(i); }

void CheckProblem(const SeparableProblem& problem) {
  const auto fail = [](const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument, "exact search: " + what);
  };
  if (problem.components().empty()) fail("no components, expected at least 1");
  if (problem.objectives() < 1 || problem.objectives() > 8)
    fail(fmt::format("{} objectives, expected 1 to 8", problem.objectives()));
  if (problem.limits() < 0 || problem.families() < 0)
    fail(fmt::format("{} limits and {} families, expected no fewer than 0", problem.limits(),
                     problem.families()));
}

// Of the states of halves of a family: at most ten seconds' worth. Where there are more, layers as
// a whole may have fewer states.
constexpr std::int64_t kMostPairs = std::int64_t{1} << 24;

using MemberFront = GrowingFront<ExactMember>;

void AddMember(ExactMember&& member, MemberFront& front) {
  front.Add(member.objectives, std::move(member));
}

std::vector<ExactMember> MembersOf(MemberFront& front) {
  std::vector<ExactMember> members = front.Take();
  std::ranges::sort(members, {}, &ExactMember::objectives);
  return members;
}

// An architecture by its objectives: those of the family, if it satisfies the limits.
class Judge {
 public:
  Judge(const SeparableProblem& problem, const ReducedFamily& reduced)
      : problem_(problem), reduced_(reduced), values_(Index(problem.objectives())) {}

  // Empty when a limit is broken; until the next call.
  std::span<const double> Objectives(std::int64_t depth, std::span<const std::int64_t> totals) {
    if (!std::ranges::all_of(reduced_.limits, [&](std::int64_t limit) {
          return problem_.Satisfies(limit, reduced_.index, depth, totals);
        })) {
      return {};
    }
    return Bound(depth, totals);
  }

  // Whatever the limits say; until the next call.
  std::span<const double> Bound(std::int64_t depth, std::span<const std::int64_t> totals) {
    problem_.Objectives(reduced_.index, depth, totals, values_);
    return values_;
  }

  ExactMember Member(std::int64_t depth, std::span<const std::int64_t> totals,
                     std::vector<std::int32_t> options) {
    const std::span<const double> values = Objectives(depth, totals);
    std::ranges::sort(options);
    return {.family = reduced_.index,
            .depth = depth,
            .options = std::move(options),
            .objectives = {values.begin(), values.end()}};
  }

 private:
  const SeparableProblem& problem_;
  const ReducedFamily& reduced_;
  std::vector<double> values_;
};

void AddTo(std::span<const Combine> components, std::span<const std::int64_t> other,
           std::span<std::int64_t> totals) {
  for (std::size_t c = 0; c < totals.size(); ++c)
    totals[c] =
        components[c] == Combine::kSum ? totals[c] + other[c] : std::max(totals[c], other[c]);
}

// States of layers, or of halves of them, and what they add up to.
class SummedStates {
 public:
  using State = LayerStates::State;

  // options: [options or halves of the family, components]. Refers to the first three.
  SummedStates(std::span<const Combine> components, const ReducedFamily& reduced,
               std::span<const std::int64_t> options, std::span<const char> wanted,
               std::int64_t max_states)
      : components_(components),
        reduced_(reduced),
        options_(options),
        states_(reduced, wanted, max_states) {}

  const LayerStates& states() const { return states_; }
  void Build(const LayerStates::KeepCell& keep_cell) { states_.Build(keep_cell); }

  // Without base; at least one layer.
  void Sum(State state, std::span<std::int64_t> totals) const {
    bool first = true;
    states_.ForEachLayer(state, [&](std::int32_t layer) {
      const std::size_t width = components_.size();
      const auto option = options_.subspan(Index(reduced_.options[Index(layer)]) * width, width);
      if (first) {
        std::ranges::copy(option, totals.begin());
      } else {
        AddTo(components_, option, totals);
      }
      first = false;
    });
  }

  // Of each layer, in no order: an option of the family, or a half.
  std::vector<std::int32_t> OptionsOf(State state) const {
    std::vector<std::int32_t> options;
    states_.ForEachLayer(
        state, [&](std::int32_t layer) { options.push_back(reduced_.options[Index(layer)]); });
    return options;
  }

 private:
  const std::span<const Combine> components_;
  const ReducedFamily& reduced_;
  const std::span<const std::int64_t> options_;
  LayerStates states_;
};

// A family whose options are pairs of halves (family_halves.h).
class HalvesSearch {
 public:
  HalvesSearch(const SeparableProblem& problem, const Family& family, const ReducedFamily& whole,
               const FamilyHalves& halves, std::span<const char> wanted, std::int64_t max_states)
      : problem_(problem),
        family_(family),
        whole_(whole),
        halves_(halves),
        first_(problem, family, whole, halves.first, wanted, max_states),
        second_(problem, family, whole, halves.second, wanted, max_states) {
    for (const std::int64_t depth : whole.depths)
      in_reach_.push_back(CountsInReach(problem, family, whole, halves, depth));
    for (std::int64_t c = 0; c < std::ssize(problem.components()); ++c) {
      Trend& trend = trends_.emplace_back(Trend::kNone);
      for (std::int64_t objective = 0; objective < problem.objectives(); ++objective)
        trend = Combined(trend, problem.TrendOf(whole.index, objective, c));
    }
    Build(first_);
    Build(second_);
  }

  std::int64_t created() const {
    return first_.summed.states().created() + second_.summed.states().created();
  }

  // At most so many pairs of states, over all depths.
  std::int64_t Pairs() const {
    std::int64_t pairs = 0;
    for (const std::int64_t depth : whole_.depths) {
      const std::int64_t n_layer = family_.depths[Index(depth)].n_layer;
      const auto count = [&](const HalfStates& half) {
        std::int64_t states = 0;
        half.summed.states().ForEach(n_layer, [&](LayerStates::State /*state*/) { ++states; });
        return states;
      };
      pairs += count(first_) * count(second_);
    }
    return pairs;
  }

  // Returns how many pairs it looked at, or lots of them at once.
  std::int64_t AddPairs(MemberFront& front) const {
    const std::span<const Combine> components = problem_.components();
    const std::size_t width = components.size();
    Judge judge(problem_, whole_);
    std::vector<std::int64_t> with_base(width);
    std::vector<std::int64_t> totals(width);
    std::int64_t looks = 0;
    GrowingFront<Pair> found(problem_.objectives());
    ForEachPairOfGroups([&](std::int64_t depth, const Group& a, const Group& b) {
      const std::vector<Lot> lots = LotsOf(b);
      for (std::size_t i = 0; i < a.states.size(); ++i) {
        with_base = family_.depths[Index(depth)].base;
        AddTo(components, std::span(a.totals).subspan(i * width, width), with_base);
        for (std::size_t l = 0; l < lots.size();) {
          const Lot& lot = lots[l];
          const bool single = lot.end - lot.begin == 1;
          if (!single && !lot.bounded) {
            ++l;
            continue;
          }
          ++looks;
          totals = with_base;
          AddTo(components, lot.best, totals);
          const std::span<const double> values =
              single ? judge.Objectives(depth, totals) : judge.Bound(depth, totals);
          const bool beaten = values.empty() || found.Beats(values);
          if (single && !beaten) found.Add(values, {depth, a.states[i], b.states[lot.begin]});
          l = beaten ? lot.next : l + 1;
        }
      }
    });
    for (const Pair& pair : found.Take()) {
      totals = family_.depths[Index(pair.depth)].base;
      for (const auto& [half, state] : {std::pair(&first_, pair.first), {&second_, pair.second}}) {
        half->summed.Sum(state, with_base);
        AddTo(components, with_base, totals);
      }
      AddMember(judge.Member(pair.depth, totals, OptionsOf(pair)), front);
    }
    return looks;
  }

 private:
  struct HalfStates {
    HalfStates(const SeparableProblem& problem, const Family& family, const ReducedFamily& whole,
               const FamilyHalves::Half& a_half, std::span<const char> wanted,
               std::int64_t max_states)
        : half(a_half),
          reduced(ReduceHalf(problem, family, whole, a_half)),
          summed(problem.components(), reduced, a_half.options, wanted, max_states) {}

    const FamilyHalves::Half& half;
    const ReducedFamily reduced;
    SummedStates summed;
  };
  // States of one depth that may be paired with each other.
  struct Group {
    std::vector<LayerStates::State> states;
    std::vector<std::int64_t> totals;  // [states, components]
  };
  struct Pair {
    std::int64_t depth;
    LayerStates::State first;
    LayerStates::State second;
  };

  // Some states of a group, one after another, and the best that any of them adds to each
  // component: no pair with one of them is better than one with that would be. Lots are in the
  // order of a tree that is walked from the root: first all, then the first half of them and what
  // that is made of, then the second.
  struct Lot {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t next = 0;            // the first lot that has none of these
    std::vector<std::int64_t> best;  // [components]
    bool bounded = true;             // else some component has no best
  };

  std::vector<Lot> LotsOf(const Group& group) const {
    std::vector<Lot> lots;
    if (!group.states.empty()) AddLots(group, 0, group.states.size(), lots);
    return lots;
  }

  void AddLots(const Group& group, std::size_t begin, std::size_t end,
               std::vector<Lot>& lots) const {
    const std::size_t width = problem_.components().size();
    Lot lot{.begin = begin, .end = end, .best = {}};
    lot.best.assign(group.totals.begin() + static_cast<std::ptrdiff_t>(begin * width),
                    group.totals.begin() + static_cast<std::ptrdiff_t>((begin + 1) * width));
    for (std::size_t at = (begin + 1) * width; at < end * width; ++at) {
      std::int64_t& best = lot.best[at % width];
      const Trend trend = trends_[at % width];
      if (trend == Trend::kAny && best != group.totals[at]) lot.bounded = false;
      best = trend == Trend::kDecreasing ? std::max(best, group.totals[at])
                                         : std::min(best, group.totals[at]);
    }
    const std::size_t index = lots.size();
    lots.push_back(std::move(lot));
    if (end - begin > 1) {
      const std::size_t middle = begin + (end - begin) / 2;
      AddLots(group, begin, middle, lots);
      AddLots(group, middle, end, lots);
    }
    lots[index].next = lots.size();
  }

  // How many layers of kind 1 a state has.
  static std::int64_t CountOf(const HalfStates& half, LayerStates::State state) {
    std::int64_t count = 0;
    half.summed.states().ForEachLayer(state, [&](std::int32_t layer) {
      count += half.half.kinds[Index(half.reduced.options[Index(layer)])];
    });
    return count;
  }

  void Build(HalfStates& half) const {
    half.summed.Build([&](std::int64_t layers, LayerStates::State state) {
      // Only where all of the cell have the same count does one speak for it.
      if (half.reduced.fixed_by_key.back() == 0) return true;
      const std::int64_t count = CountOf(half, state);
      for (std::size_t d = 0; d < in_reach_.size(); ++d) {
        const std::int64_t rest = family_.depths[Index(whole_.depths[d])].n_layer - layers;
        if (rest >= 0 && count <= in_reach_[d].most && count + rest >= in_reach_[d].least)
          return true;
      }
      return false;
    });
  }

  // Of each count in reach.
  std::vector<Group> GroupsOf(const HalfStates& half, std::int64_t n_layer,
                              const KindCounts& in_reach) const {
    const std::size_t width = problem_.components().size();
    std::vector<Group> groups(Index(in_reach.most - in_reach.least + 1));
    half.summed.states().ForEach(n_layer, [&](LayerStates::State state) {
      const std::int64_t count = CountOf(half, state);
      if (count < in_reach.least || count > in_reach.most) return;
      Group& group = groups[Index(count - in_reach.least)];
      group.states.push_back(state);
      group.totals.resize(group.totals.size() + width);
      half.summed.Sum(state, std::span(group.totals).last(width));
    });
    return groups;
  }

  template <typename F>
  void ForEachPairOfGroups(const F& f) const {
    for (std::size_t d = 0; d < in_reach_.size(); ++d) {
      if (in_reach_[d].least > in_reach_[d].most) continue;
      const std::int64_t depth = whole_.depths[d];
      const std::int64_t n_layer = family_.depths[Index(depth)].n_layer;
      const std::vector<Group> first = GroupsOf(first_, n_layer, in_reach_[d]);
      const std::vector<Group> second = GroupsOf(second_, n_layer, in_reach_[d]);
      for (std::size_t i = 0; i < first.size(); ++i) f(depth, first[i], second[i]);
    }
  }

  // Any first half goes with any second one of its kind.
  std::vector<std::int32_t> OptionsOf(const Pair& pair) const {
    std::vector<std::int32_t> first = first_.summed.OptionsOf(pair.first);
    std::vector<std::int32_t> second = second_.summed.OptionsOf(pair.second);
    const auto by_kind = [](std::vector<std::int32_t>& of, const FamilyHalves::Half& half) {
      std::ranges::sort(of, {}, [&](std::int32_t i) { return std::pair(half.kinds[Index(i)], i); });
    };
    by_kind(first, halves_.first);
    by_kind(second, halves_.second);
    for (std::size_t l = 0; l < first.size(); ++l) {
      first[l] =
          halves_.option_of[Index(first[l]) * halves_.second.kinds.size() + Index(second[l])];
    }
    return first;
  }

  const SeparableProblem& problem_;
  const Family& family_;
  const ReducedFamily& whole_;
  const FamilyHalves& halves_;
  HalfStates first_;
  HalfStates second_;
  std::vector<KindCounts> in_reach_;  // [whole_.depths]
  std::vector<Trend> trends_;         // [components] of the objectives together
};

class FamilySearch {
 public:
  FamilySearch(const SeparableProblem& problem, std::int64_t index)
      : problem_(problem),
        family_(problem.GetFamily(index)),
        reduced_(Reduce(problem, index, family_)) {}

  // Adds what may be on the front and returns the number of states that it took.
  std::int64_t Run(std::int64_t max_states, MemberFront& front) const {
    if (reduced_.depths.empty()) return 0;
    std::vector<char> wanted(Index(reduced_.max_layers + 1));
    for (const std::int64_t depth : reduced_.depths)
      wanted[Index(family_.depths[Index(depth)].n_layer)] = 1;
    std::int64_t states = 0;
    if (const auto halves = SplitFamily(problem_.components(), family_)) {
      const HalvesSearch search(problem_, family_, reduced_, *halves, wanted, max_states);
      states = search.created();
      const std::int64_t pairs = search.Pairs();
      if (pairs <= std::min(kMostPairs, max_states)) {
        return states + search.AddPairs(front);
      }
    }
    return states + RunLayers(wanted, max_states, front);
  }

 private:
  std::int64_t RunLayers(std::span<const char> wanted, std::int64_t max_states,
                         MemberFront& front) const {
    const std::span<const Combine> components = problem_.components();
    SummedStates summed(components, reduced_, family_.options, wanted, max_states);
    const LimitBounds bounds(problem_, family_, reduced_);
    std::vector<std::int64_t> totals(components.size());
    summed.Build([&](std::int64_t layers, LayerStates::State state) {
      if (reduced_.limits.empty()) return true;
      summed.Sum(state, totals);
      return bounds.MaySatisfy(layers, totals);
    });
    Judge judge(problem_, reduced_);
    for (const std::int64_t depth : reduced_.depths) {
      const Family::Depth& at = family_.depths[Index(depth)];
      GrowingFront<LayerStates::State> found(problem_.objectives());
      const auto sum = [&](LayerStates::State state) {
        summed.Sum(state, totals);
        AddTo(components, at.base, totals);
      };
      summed.states().ForEach(at.n_layer, [&](LayerStates::State state) {
        sum(state);
        const std::span<const double> values = judge.Objectives(depth, totals);
        if (!values.empty()) found.Add(values, std::move(state));
      });
      for (const LayerStates::State state : found.Take()) {
        sum(state);
        AddMember(judge.Member(depth, totals, summed.OptionsOf(state)), front);
      }
    }
    return summed.states().created();
  }

  const SeparableProblem& problem_;
  const Family family_;
  const ReducedFamily reduced_;
};

}  // namespace

ExactFront SolveExactly(const SeparableProblem& problem, ThreadPool* pool,
                        std::int64_t max_states) {
  CheckProblem(problem);
  MemberFront front(problem.objectives());
  ExactFront result;
  if (pool == nullptr || pool->threads() == 1) {
    for (std::int64_t index = 0; index < problem.families(); ++index)
      result.states += FamilySearch(problem, index).Run(max_states, front);
  } else {
    // Merged in the order of families, so that of equal points the same one stays.
    std::vector<ExactFront> fronts(Index(problem.families()));
    pool->ParallelFor(problem.families(), 1,
                      [&](std::int64_t begin, std::int64_t end, int /*worker*/) {
                        for (std::int64_t index = begin; index < end; ++index) {
                          MemberFront of_family(problem.objectives());
                          ExactFront& found = fronts[Index(index)];
                          found.states = FamilySearch(problem, index).Run(max_states, of_family);
                          found.members = MembersOf(of_family);
                        }
                      });
    for (ExactFront& found : fronts) {
      result.states += found.states;
      for (ExactMember& member : found.members) AddMember(std::move(member), front);
      found.members.clear();
    }
  }
  result.members = MembersOf(front);
  return result;
}

}  // namespace lts

#include "lts/search/pareto_dp.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lts/base/error.h"
#include "lts/search/family_reduction.h"
#include "lts/search/layer_states.h"
#include "lts/search/pareto.h"

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

// Members that no other one met so far equals or beats, and some that have not been compared yet.
class GrowingFront {
 public:
  void Add(ExactMember member) {
    members_.push_back(std::move(member));
    // Twice as many as after the last time, so that each is compared O(1) times on average.
    if (std::ssize(members_) >= next_) {
      Compare();
      next_ = std::max(kFew, 2 * std::ssize(members_));
    }
  }

  std::vector<ExactMember> Take() {
    Compare();
    std::ranges::sort(members_, {}, &ExactMember::objectives);
    return std::move(members_);
  }

 private:
  static constexpr std::ptrdiff_t kFew = 4096;

  void Compare() {
    if (members_.empty()) return;
    std::vector<double> values;
    for (const ExactMember& member : members_)
      values.insert(values.end(), member.objectives.begin(), member.objectives.end());
    std::vector<ExactMember> front;
    for (const std::int64_t i : ParetoFront(values, std::ssize(members_[0].objectives)))
      front.push_back(std::move(members_[Index(i)]));
    members_ = std::move(front);
  }

  std::vector<ExactMember> members_;
  std::ptrdiff_t next_ = kFew;
};

class FamilySearch {
 public:
  FamilySearch(const SeparableProblem& problem, std::int64_t index)
      : problem_(problem),
        components_(problem.components()),
        family_(problem.GetFamily(index)),
        reduced_(Reduce(problem, index, family_)) {}

  // Adds what may be on the front and returns the number of states that it took.
  std::int64_t Run(std::int64_t max_states, GrowingFront& front) {
    if (reduced_.depths.empty()) return 0;
    std::vector<char> wanted(Index(reduced_.max_layers + 1));
    for (const std::int64_t depth : reduced_.depths)
      wanted[Index(family_.depths[Index(depth)].n_layer)] = 1;
    LayerStates states(reduced_, wanted, max_states);
    const LimitBounds bounds(problem_, family_, reduced_);
    std::vector<std::int64_t> totals(components_.size());
    states.Build([&](std::int64_t layers, LayerStates::State state) {
      if (reduced_.limits.empty()) return true;
      SumLayers(states, state, totals);
      return bounds.MaySatisfy(layers, totals);
    });
    for (const std::int64_t depth : reduced_.depths) AddDepth(states, depth, front);
    return states.created();
  }

 private:
  const std::int64_t* Option(std::int32_t index) const {
    return family_.options.data() + Index(reduced_.options[Index(index)]) * components_.size();
  }

  // Without base; at least one layer.
  void SumLayers(const LayerStates& states, LayerStates::State state,
                 std::span<std::int64_t> totals) const {
    bool first = true;
    states.ForEachLayer(state, [&](std::int32_t layer) {
      const std::int64_t* const option = Option(layer);
      for (std::size_t c = 0; c < totals.size(); ++c) {
        if (first) {
          totals[c] = option[c];
        } else {
          totals[c] = components_[c] == Combine::kSum ? totals[c] + option[c]
                                                      : std::max(totals[c], option[c]);
        }
      }
      first = false;
    });
  }

  void AddDepth(const LayerStates& states, std::int64_t depth, GrowingFront& front) const {
    const Family::Depth& at = family_.depths[Index(depth)];
    const std::size_t objectives = Index(problem_.objectives());
    std::vector<std::int64_t> totals(components_.size());
    std::vector<LayerStates::State> found;
    std::vector<double> values;
    states.ForEach(at.n_layer, [&](LayerStates::State state) {
      SumLayers(states, state, totals);
      for (std::size_t c = 0; c < totals.size(); ++c) {
        totals[c] = components_[c] == Combine::kSum ? totals[c] + at.base[c]
                                                    : std::max(totals[c], at.base[c]);
      }
      if (!std::ranges::all_of(reduced_.limits, [&](std::int64_t limit) {
            return problem_.Satisfies(limit, reduced_.index, depth, totals);
          })) {
        return;
      }
      found.push_back(state);
      values.resize(values.size() + objectives);
      problem_.Objectives(reduced_.index, depth, totals, std::span(values).last(objectives));
    });
    for (const std::int64_t i : ParetoFront(values, problem_.objectives())) {
      ExactMember member{.family = reduced_.index, .depth = depth};
      states.ForEachLayer(found[Index(i)], [&](std::int32_t layer) {
        member.options.push_back(reduced_.options[Index(layer)]);
      });
      std::ranges::sort(member.options);
      const auto x = std::span(values).subspan(Index(i) * objectives, objectives);
      member.objectives.assign(x.begin(), x.end());
      front.Add(std::move(member));
    }
  }

  const SeparableProblem& problem_;
  const std::span<const Combine> components_;
  const Family family_;
  const ReducedFamily reduced_;
};

}  // namespace

ExactFront SolveExactly(const SeparableProblem& problem, ThreadPool* pool,
                        std::int64_t max_states) {
  CheckProblem(problem);
  GrowingFront front;
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
                          GrowingFront of_family;
                          ExactFront& found = fronts[Index(index)];
                          found.states = FamilySearch(problem, index).Run(max_states, of_family);
                          found.members = of_family.Take();
                        }
                      });
    for (ExactFront& found : fronts) {
      result.states += found.states;
      for (ExactMember& member : found.members) front.Add(std::move(member));
      found.members.clear();
    }
  }
  result.members = front.Take();
  return result;
}

}  // namespace lts

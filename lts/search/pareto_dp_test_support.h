// The exact solver's oracle, for its tests and its benchmark: every multiset of layers, one after
// another, by the definition alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lts/search/pareto_dp.h"

namespace lts {

// What an architecture adds up to: the options of its layers, one at a time, then the base.
inline std::vector<std::int64_t> TotalsOf(const SeparableProblem& problem, const Family& family,
                                          std::int64_t depth,
                                          const std::vector<std::int32_t>& options) {
  std::vector<std::int64_t> totals = family.depths[static_cast<std::size_t>(depth)].base;
  for (const std::int32_t option : options) {
    for (std::size_t c = 0; c < totals.size(); ++c) {
      const std::int64_t value =
          family.options[static_cast<std::size_t>(option) * totals.size() + c];
      totals[c] =
          problem.components()[c] == Combine::kSum ? totals[c] + value : std::max(totals[c], value);
    }
  }
  return totals;
}

class Enumeration {
 public:
  explicit Enumeration(const SeparableProblem& problem)
      : problem_(problem), objectives_(static_cast<std::size_t>(problem.objectives())) {
    for (family_ = 0; family_ < problem.families(); ++family_) {
      const Family family = problem.GetFamily(family_);
      for (depth_ = 0; depth_ < std::ssize(family.depths); ++depth_) {
        const Family::Depth& depth = family.depths[static_cast<std::size_t>(depth_)];
        Extend(family, 0, depth.n_layer, depth.base);
      }
    }
    std::sort(front_.begin(), front_.end());
  }

  std::int64_t points() const { return points_; }                           // limits included
  const std::vector<std::vector<double>>& front() const { return front_; }  // ascending

 private:
  void Extend(const Family& family, std::size_t first, std::int64_t layers,
              const std::vector<std::int64_t>& totals) {
    if (layers == 0) {
      Visit(totals);
      return;
    }
    const std::size_t width = totals.size();
    std::vector<std::int64_t> longer(width);
    for (std::size_t option = first; option < family.options.size() / width; ++option) {
      for (std::size_t c = 0; c < width; ++c) {
        const std::int64_t value = family.options[option * width + c];
        longer[c] = problem_.components()[c] == Combine::kSum ? totals[c] + value
                                                              : std::max(totals[c], value);
      }
      Extend(family, option, layers - 1, longer);
    }
  }

  void Visit(const std::vector<std::int64_t>& totals) {
    ++points_;
    for (std::int64_t limit = 0; limit < problem_.limits(); ++limit) {
      if (!problem_.Satisfies(limit, family_, depth_, totals)) return;
    }
    problem_.Objectives(family_, depth_, totals, objectives_);
    const auto no_worse = [](const std::vector<double>& a, const std::vector<double>& b) {
      for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] > b[i]) return false;
      }
      return true;
    };
    for (std::size_t i = 0; i < front_.size(); ++i) {
      if (no_worse(front_[i], objectives_)) {
        if (i > 0) std::swap(front_[i], front_[i / 2]);  // what beats one beats its neighbours
        return;
      }
    }
    std::erase_if(front_, [&](const auto& other) { return no_worse(objectives_, other); });
    front_.push_back(objectives_);
  }

  const SeparableProblem& problem_;
  std::int64_t family_ = 0;
  std::int64_t depth_ = 0;
  std::int64_t points_ = 0;
  std::vector<double> objectives_;
  std::vector<std::vector<double>> front_;
};

}  // namespace lts

// Problems for the exact solver's tests, made by hand or drawn, and what is expected of their
// fronts.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lts/base/rng.h"
#include "lts/search/pareto_dp.h"
#include "lts/search/pareto_dp_test_support.h"

namespace lts {

inline std::size_t Index(std::int64_t i) { return static_cast<std::size_t>(i); }

// weights * totals + product_weight * totals[a] * totals[b] + (totals[square] - centre)^2, the last
// two only where a >= 0 and square >= 0. Products are of components that are never negative.
struct Criterion {
  std::vector<std::int64_t> weights;
  std::int64_t product_weight = 1;
  std::int64_t a = -1;
  std::int64_t b = -1;
  std::int64_t square = -1;
  std::int64_t centre = 0;
  bool says_any = false;   // admits of no trend, whatever it is
  std::int64_t bound = 0;  // as a limit: at most that

  std::int64_t Value(std::span<const std::int64_t> totals) const {
    std::int64_t value = 0;
    for (std::size_t c = 0; c < totals.size(); ++c) value += weights[c] * totals[c];
    if (a >= 0) value += product_weight * totals[Index(a)] * totals[Index(b)];
    if (square >= 0) {
      const std::int64_t distance = totals[Index(square)] - centre;
      value += distance * distance;
    }
    return value;
  }

  Trend TrendOf(std::int64_t component) const {
    bool up = weights[Index(component)] > 0;
    bool down = weights[Index(component)] < 0;
    if (component == square) up = down = true;
    if (a >= 0 && (component == a || component == b)) {
      up = up || product_weight > 0;
      down = down || product_weight < 0;
    }
    if (!up && !down) return Trend::kNone;
    if (says_any || (up && down)) return Trend::kAny;
    return up ? Trend::kIncreasing : Trend::kDecreasing;
  }
};

class TestProblem : public SeparableProblem {
 public:
  std::vector<Combine> combine;
  std::vector<Family> list;
  // [families]: of each its objectives, then its limits.
  std::vector<std::vector<Criterion>> criteria;
  std::int64_t objective_count = 1;

  std::span<const Combine> components() const override { return combine; }
  std::int64_t objectives() const override { return objective_count; }
  std::int64_t limits() const override {
    return criteria.empty() ? 0 : std::ssize(criteria[0]) - objective_count;
  }
  std::int64_t families() const override { return std::ssize(list); }
  Family GetFamily(std::int64_t family) const override { return list[Index(family)]; }
  Trend TrendOf(std::int64_t family, std::int64_t criterion,
                std::int64_t component) const override {
    return criteria[Index(family)][Index(criterion)].TrendOf(component);
  }
  void Objectives(std::int64_t family, std::int64_t depth, std::span<const std::int64_t> totals,
                  std::span<double> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<double>(criteria[Index(family)][i].Value(totals) +
                                   static_cast<std::int64_t>(i) * depth);
    }
  }
  bool Satisfies(std::int64_t limit, std::int64_t family, std::int64_t depth,
                 std::span<const std::int64_t> totals) const override {
    const Criterion& criterion = criteria[Index(family)][Index(objective_count + limit)];
    return criterion.Value(totals) <= criterion.bound + depth;
  }
};

inline std::vector<std::vector<double>> ObjectivesOf(const ExactFront& front) {
  std::vector<std::vector<double>> objectives;
  for (const ExactMember& member : front.members) objectives.push_back(member.objectives);
  return objectives;
}

// Every member is what it says, and they are in order.
inline void CheckMembers(const SeparableProblem& problem, const ExactFront& front) {
  for (const ExactMember& member : front.members) {
    const Family family = problem.GetFamily(member.family);
    ASSERT_EQ(std::ssize(member.options), family.depths[Index(member.depth)].n_layer);
    EXPECT_TRUE(std::ranges::is_sorted(member.options));
    const std::vector<std::int64_t> totals =
        TotalsOf(problem, family, member.depth, member.options);
    std::vector<double> objectives(Index(problem.objectives()));
    problem.Objectives(member.family, member.depth, totals, objectives);
    EXPECT_EQ(member.objectives, objectives);
    for (std::int64_t limit = 0; limit < problem.limits(); ++limit)
      EXPECT_TRUE(problem.Satisfies(limit, member.family, member.depth, totals)) << limit;
  }
  EXPECT_TRUE(std::ranges::is_sorted(ObjectivesOf(front)));
}

inline std::int64_t ExpectEqualsEnumeration(const SeparableProblem& problem,
                                            const std::string& what) {
  const ExactFront front = SolveExactly(problem);
  const Enumeration all(problem);
  EXPECT_EQ(ObjectivesOf(front), all.front()) << what;
  CheckMembers(problem, front);
  return all.points();
}

struct Shape {
  std::int64_t families = 1;
  std::vector<std::int64_t> depths = {1};
  std::int64_t options = 1;
  std::int64_t components = 1;
  std::int64_t objectives = 1;
  std::int64_t limits = 0;
  std::int64_t values = 4;  // of a component of an option; few make ties
};

inline Criterion RandomCriterion(const Shape& shape, bool negative, Rng& rng) {
  Criterion criterion;
  for (std::int64_t c = 0; c < shape.components; ++c)
    criterion.weights.push_back(rng.Bernoulli(0.5) ? rng.Between(-2, 3) : 0);
  if (!negative && rng.Bernoulli(0.2)) {
    criterion.a = rng.Below(shape.components);
    criterion.b = rng.Below(shape.components);
    criterion.product_weight = rng.Bernoulli(0.7) ? 1 : -1;
  }
  if (rng.Bernoulli(0.08)) {
    criterion.square = rng.Below(shape.components);
    criterion.centre = rng.Between(0, shape.values);
  }
  criterion.says_any = rng.Bernoulli(0.08);
  return criterion;
}

}  // namespace lts

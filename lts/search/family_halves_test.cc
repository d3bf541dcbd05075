#include "lts/search/family_halves.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/base/thread_pool.h"
#include "lts/search/separable_problem_test_support.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What the halves of one kind add: [halves][components].
using Rows = std::vector<std::vector<std::int64_t>>;

// Adds all pairs of halves to the options. Labels are the halves' places, from `first_label` on.
void AddPairs(const std::vector<Combine>& combine, const Rows& first, const Rows& second,
              std::int32_t first_label, Family& family) {
  for (std::size_t f = 0; f < first.size(); ++f) {
    for (std::size_t s = 0; s < second.size(); ++s) {
      for (std::size_t c = 0; c < combine.size(); ++c) {
        family.options.push_back(combine[c] == Combine::kSum ? first[f][c] + second[s][c]
                                                             : std::max(first[f][c], second[s][c]));
      }
      family.halves.emplace_back(first_label + static_cast<std::int32_t>(f),
                                 first_label + static_cast<std::int32_t>(s));
    }
  }
}

// Options in another order.
void Shuffle(Family& family, Rng& rng) {
  const std::size_t count = family.halves.size();
  const std::size_t width = family.options.size() / count;
  for (std::size_t i = count; i-- > 1;) {
    const std::size_t k = Index(rng.Below(static_cast<std::int64_t>(i) + 1));
    std::swap(family.halves[i], family.halves[k]);
    for (std::size_t c = 0; c < width; ++c)
      std::swap(family.options[i * width + c], family.options[k * width + c]);
  }
}

const std::vector<Combine> kSumAndMax = {Combine::kSum, Combine::kMax};

Family SmallFamily() {
  Family family{.depths = {{2, {0, 0}}}, .options = {}, .halves = {}};
  AddPairs(kSumAndMax, {{1, 5}, {4, 2}, {6, 9}}, {{0, 3}, {10, 4}}, 7, family);
  return family;
}

// Every option is what its halves add up to, and its kind theirs.
void CheckHalves(const std::vector<Combine>& combine, const Family& family,
                 const FamilyHalves& halves) {
  std::vector<int> met(family.halves.size());
  for (std::int64_t f = 0; f < halves.first.count(); ++f) {
    for (std::int64_t s = 0; s < halves.second.count(); ++s) {
      const std::int32_t option = halves.option_of[Index(f * halves.second.count() + s)];
      const std::int32_t kind = halves.first.kinds[Index(f)];
      ASSERT_EQ(option >= 0, kind == halves.second.kinds[Index(s)]);
      if (option < 0) continue;
      ++met[Index(option)];
      EXPECT_EQ(halves.option_kinds[Index(option)], kind);
      for (std::size_t c = 0; c < combine.size(); ++c) {
        const std::int64_t a = halves.first.options[Index(f) * combine.size() + c];
        const std::int64_t b = halves.second.options[Index(s) * combine.size() + c];
        EXPECT_EQ(combine[c] == Combine::kSum ? a + b : std::max(a, b),
                  family.options[Index(option) * combine.size() + c]);
      }
    }
  }
  EXPECT_THAT(met, ::testing::Each(1));
}

TEST(SplitFamily, FindsWhatHalvesAdd) {
  Family family = SmallFamily();
  Rng rng(1);
  for (int round = 0; round < 20; ++round) {
    const auto halves = SplitFamily(kSumAndMax, family);
    ASSERT_TRUE(halves.has_value());
    EXPECT_EQ(halves->first.count(), 3);
    EXPECT_EQ(halves->second.count(), 2);
    EXPECT_EQ(halves->kind_count, 1);
    CheckHalves(kSumAndMax, family, *halves);
    Shuffle(family, rng);
  }
}

TEST(SplitFamily, FindsKinds) {
  Family family = SmallFamily();
  AddPairs(kSumAndMax, {{-3, 5}, {8, 1}}, {{0, 3}, {2, 4}, {3, 3}}, 20, family);
  Rng rng(2);
  for (int round = 0; round < 20; ++round) {
    const auto halves = SplitFamily(kSumAndMax, family);
    ASSERT_TRUE(halves.has_value());
    EXPECT_EQ(halves->kind_count, 2);
    CheckHalves(kSumAndMax, family, *halves);
    Shuffle(family, rng);
  }
}

TEST(SplitFamily, FindsNoneWhereOptionsAreNotAllPairsOrDoNotAddUp) {
  const auto splits = [](const auto& spoil) {
    Family family = SmallFamily();
    spoil(family);
    return SplitFamily(kSumAndMax, family).has_value();
  };
  EXPECT_TRUE(splits([](Family&) {}));
  EXPECT_FALSE(splits([](Family& f) { f.halves.clear(); }));
  // A constraint that ties the two.
  for (int option = 0; option < 6; ++option) {
    EXPECT_FALSE(splits([&](Family& f) {
      f.halves.erase(f.halves.begin() + option);
      f.options.erase(f.options.begin() + 2 * option, f.options.begin() + 2 * option + 2);
    })) << option;
  }
  // A value that is not what the others let expect. Of the maxima 5 5 3 4 9 9 one more is
  // another maximum where the halves may have it.
  for (std::size_t at = 0; at < 12; at += 2)
    EXPECT_FALSE(splits([&](Family& f) { ++f.options[at]; })) << at;
  EXPECT_FALSE(splits([](Family& f) { f.options[1] = 6; }));
  // The same pair twice.
  EXPECT_FALSE(splits([](Family& f) { f.halves[1] = f.halves[0]; }));
  // Three kinds.
  EXPECT_FALSE(splits([](Family& f) {
    AddPairs(kSumAndMax, {{1, 5}, {4, 2}}, {{0, 3}, {10, 4}}, 20, f);
    AddPairs(kSumAndMax, {{1, 5}, {4, 2}}, {{0, 3}, {10, 4}}, 30, f);
  }));
  // Halves that say nothing: each option is one, or all have the same.
  EXPECT_FALSE(splits([](Family& f) {
    for (std::int32_t o = 0; o < 6; ++o) f.halves[Index(o)] = {o, o};
  }));
  EXPECT_FALSE(splits([](Family& f) {
    for (std::int32_t o = 0; o < 6; ++o) f.halves[Index(o)] = {o, 1};
  }));
}

// Differences of large values, which are sums of no two halves that may be added up.
TEST(SplitFamily, FindsNoneWhereHalvesMayOverflow) {
  constexpr std::int64_t kLarge = (std::int64_t{1} << 61) - 1;
  Family family{.depths = {{2, {0}}}, .options = {}, .halves = {}};
  AddPairs({Combine::kSum}, {{kLarge - 1}, {kLarge}}, {{-2 * kLarge + 1}, {0}}, 0, family);
  EXPECT_FALSE(SplitFamily(std::vector{Combine::kSum}, family).has_value());
}

TEST(SolveByHalves, RefusesHalvesOfOtherOptions) {
  TestProblem problem;
  problem.combine = kSumAndMax;
  problem.list = {SmallFamily()};
  problem.criteria = {{{.weights = {1, 1}}}};
  problem.list[0].halves.pop_back();
  try {
    SolveExactly(problem);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("family 0: halves of 5 options, expected none or 6"));
  }
}

TEST(SolveByHalves, PutsHalvesOfAKindTogether) {
  // A layer's cost is a + b; one layer is of kind 1, where the dearer second half is worth 9 more.
  TestProblem problem;
  problem.combine = {Combine::kSum, Combine::kSum, Combine::kSum};  // cost, worth, kind
  Family family{.depths = {{3, {0, 0, 0}}}, .options = {}, .halves = {}};
  AddPairs(problem.combine, {{1, 0, 0}, {2, 1, 0}}, {{0, 0, 0}, {5, 1, 0}}, 0, family);
  AddPairs(problem.combine, {{1, 0, 1}, {2, 1, 1}}, {{0, 0, 0}, {5, 9, 0}}, 2, family);
  problem.list = {family};
  problem.objective_count = 2;
  problem.criteria = {{{.weights = {1, 0, 0}},
                       {.weights = {0, -1, 0}},
                       {.weights = {0, 0, 1}, .bound = 1},
                       {.weights = {0, 0, -1}, .bound = -1}}};
  const ExactFront front = SolveExactly(problem);
  // Three first halves of 1 or 2, then the last one's second half, then the others'.
  EXPECT_THAT(
      ObjectivesOf(front),
      ElementsAre(ElementsAre(3, 0), ElementsAre(4, -1), ElementsAre(5, -2), ElementsAre(6, -3),
                  ElementsAre(8, -9), ElementsAre(9, -10), ElementsAre(10, -11),
                  ElementsAre(11, -12), ElementsAre(16, -13), ElementsAre(21, -14)));
  EXPECT_THAT(front.members.back().options, ElementsAre(3, 3, 7));
  ExpectEqualsEnumeration(problem, "kinds");
}

// Problems of which most families are pairs of halves.
struct PairsShape {
  Shape shape;
  bool last_apart = false;  // two kinds, and limits that ask for one layer of kind 1
};

TestProblem RandomPairs(const PairsShape& pairs, Rng& rng) {
  Shape shape = pairs.shape;
  TestProblem problem;
  const bool negative = rng.Bernoulli(0.3);
  for (std::int64_t c = 0; c < shape.components; ++c)
    problem.combine.push_back(rng.Bernoulli(0.6) ? Combine::kSum : Combine::kMax);
  problem.objective_count = shape.objectives;
  const std::int64_t low = negative ? -shape.values : 0;
  const std::int64_t kinds = pairs.last_apart || rng.Bernoulli(0.2) ? 2 : 1;
  if (pairs.last_apart) problem.combine.push_back(Combine::kSum);
  for (std::int64_t f = 0; f < shape.families; ++f) {
    Family& family = problem.list.emplace_back();
    const auto rows = [&](std::int64_t count, std::int64_t kind) {
      Rows result(Index(count));
      for (auto& row : result) {
        for (std::int64_t c = 0; c < shape.components; ++c)
          row.push_back(rng.Between(low, shape.values));
        // Of a component that is a function of another in the one half alone.
        if (shape.components > 1 && rng.Bernoulli(0.5)) row[1] = row[0];
        if (pairs.last_apart) row.push_back(kind);
      }
      return result;
    };
    for (std::int64_t kind = 0; kind < kinds; ++kind) {
      AddPairs(problem.combine, rows(1 + rng.Below(3), kind), rows(1 + rng.Below(3), 0),
               static_cast<std::int32_t>(10 * kind), family);
    }
    for (const std::int64_t n_layer : shape.depths) {
      Family::Depth& depth = family.depths.emplace_back(Family::Depth{.n_layer = n_layer});
      for (std::int64_t c = 0; c < shape.components; ++c)
        depth.base.push_back(rng.Between(low, shape.values));
      if (pairs.last_apart) depth.base.push_back(0);
    }
    Shuffle(family, rng);
    if (rng.Bernoulli(0.1)) ++family.options[0];
    std::vector<Criterion> criteria;
    for (std::int64_t i = 0; i < shape.objectives + shape.limits; ++i) {
      Criterion& criterion = criteria.emplace_back(RandomCriterion(shape, negative, rng));
      if (pairs.last_apart) criterion.weights.push_back(0);
      if (i < shape.objectives) continue;
      std::vector<std::int32_t> options(Index(shape.depths.back()));
      for (std::int32_t& option : options)
        option = static_cast<std::int32_t>(rng.Below(std::ssize(family.halves)));
      criterion.bound =
          criterion.Value(TotalsOf(problem, family, std::ssize(shape.depths) - 1, options));
    }
    if (pairs.last_apart) {
      // Limits are of depth d at most bound + d, which is made up for.
      std::vector<std::int64_t> weights(problem.combine.size());
      const std::int64_t step = std::ssize(shape.depths);
      weights.back() = step;
      criteria.push_back({.weights = weights, .bound = step});
      weights.back() = -step;
      criteria.push_back({.weights = weights, .bound = -step});
    }
    problem.criteria.push_back(std::move(criteria));
  }
  return problem;
}

PairsShape RandomShape(Rng& rng) {
  PairsShape pairs{.shape = {.families = 1 + rng.Below(2),
                             .depths = {},
                             .components = 1 + rng.Below(5),
                             .objectives = 1 + rng.Below(4),
                             .limits = rng.Below(3),
                             .values = 1 + rng.Below(rng.Bernoulli(0.5) ? 4 : 40)},
                   .last_apart = rng.Bernoulli(0.5)};
  for (std::int64_t n_layer = 1; n_layer <= 4; ++n_layer) {
    if (rng.Bernoulli(0.4)) pairs.shape.depths.push_back(n_layer);
  }
  if (pairs.shape.depths.empty()) pairs.shape.depths = {1 + rng.Below(4)};
  return pairs;
}

TEST(SolveByHalves, EqualsEnumerationOfManySmallSpaces) {
  Rng rng(3);
  std::int64_t split = 0;
  std::int64_t empty = 0;
  for (int round = 0; round < 4000 && !HasFailure(); ++round) {
    const TestProblem problem = RandomPairs(RandomShape(rng), rng);
    for (const Family& family : problem.list)
      split += static_cast<std::int64_t>(SplitFamily(problem.combine, family).has_value());
    ExpectEqualsEnumeration(problem, fmt::format("round {}", round));
    empty += static_cast<std::int64_t>(SolveExactly(problem).members.empty());
  }
  EXPECT_GT(split, 1500);
  EXPECT_GT(empty, 0);
  EXPECT_LT(empty, 1000);
}

TEST(SolveByHalves, IsTheSameOnAnyNumberOfThreads) {
  Rng rng(4);
  ThreadPool pool(3);
  for (int round = 0; round < 200; ++round) {
    PairsShape shape = RandomShape(rng);
    shape.shape.families = 1 + rng.Below(8);
    const TestProblem problem = RandomPairs(shape, rng);
    const ExactFront alone = SolveExactly(problem);
    const ExactFront together = SolveExactly(problem, &pool);
    ASSERT_EQ(alone.members, together.members) << round;
    ASSERT_EQ(alone.states, together.states) << round;
  }
}

// Large enough that lots of pairs are left out at once.
TEST(SolveByHalves, EqualsLayersTakenWholeInLargeSpaces) {
  Rng rng(5);
  for (const std::int64_t objectives : {2, 3, 4}) {
    TestProblem problem;
    // Width, heads, latency, and a peak.
    problem.combine = {Combine::kSum, Combine::kSum, Combine::kSum, Combine::kMax};
    Family family{
        .depths = {{5, {0, 0, 50, 30}}, {8, {0, 0, 60, 30}}}, .options = {}, .halves = {}};
    Rows first;
    Rows second;
    for (std::int64_t width = 2; width < 24; ++width)
      first.push_back({width, 0, 20 * width + rng.Below(9), 9 * width});
    for (std::int64_t heads = 1; heads <= 3; ++heads)
      second.push_back({0, heads, 12 * heads * heads + rng.Below(9), 40});
    AddPairs(problem.combine, first, second, 0, family);
    problem.list = {family};
    problem.objective_count = objectives;
    const std::vector<Criterion> criteria = {{.weights = {-40, -30, 0, 0}},
                                             {.weights = {0, 0, 1, 0}},
                                             {.weights = {3, 0, 0, 1}},
                                             {.weights = {0, 1, 0, 0}}};
    problem.criteria = {{criteria.begin(), criteria.begin() + objectives}};
    problem.criteria[0].push_back({.weights = {1, 0, 0, 0}, .bound = 100});
    const ExactFront by_halves = SolveExactly(problem);
    problem.list[0].halves.clear();
    const ExactFront whole = SolveExactly(problem);
    EXPECT_EQ(ObjectivesOf(by_halves), ObjectivesOf(whole)) << objectives;
    EXPECT_GT(by_halves.members.size(), 20U);
    RecordProperty(fmt::format("states_{}", objectives),
                   fmt::format("{} of {}", by_halves.states, whole.states));
    CheckMembers(problem, by_halves);
  }
}

// A sum of 0 to 20 in each layer, wanted and paid for: 201 totals of layers, 101 of either half.
TEST(SolveByHalves, TakesLayersWholeWhereThereAreTooManyPairs) {
  TestProblem problem;
  problem.combine = {Combine::kSum};
  problem.list = {{.depths = {{10, {0}}}, .options = {}, .halves = {}}};
  Rows half;
  for (std::int64_t value = 0; value <= 10; ++value) half.push_back({value});
  AddPairs(problem.combine, half, half, 0, problem.list[0]);
  problem.objective_count = 2;
  problem.criteria = {{{.weights = {1}}, {.weights = {-1}}}};
  constexpr std::int64_t kPairs = 101 * 101;
  const ExactFront by_halves = SolveExactly(problem);
  EXPECT_GT(by_halves.states, kPairs);
  const ExactFront whole = SolveExactly(problem, nullptr, kPairs - 1);
  EXPECT_LT(whole.states, kPairs);
  EXPECT_EQ(ObjectivesOf(by_halves), ObjectivesOf(whole));
  EXPECT_EQ(std::ssize(whole.members), 201);
}

}  // namespace
}  // namespace lts

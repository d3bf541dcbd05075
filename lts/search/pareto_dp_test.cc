#include "lts/search/pareto_dp.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/search/separable_problem_test_support.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One family of one depth; the weights of each objective.
TestProblem Simple(std::vector<Combine> combine, std::int64_t n_layer,
                   std::vector<std::int64_t> base, std::vector<std::int64_t> options,
                   const std::vector<std::vector<std::int64_t>>& objectives) {
  TestProblem problem;
  problem.combine = std::move(combine);
  problem.list = {{.depths = {{n_layer, std::move(base)}}, .options = std::move(options)}};
  problem.criteria.resize(1);
  for (const auto& weights : objectives) problem.criteria[0].push_back({.weights = weights});
  problem.objective_count = std::ssize(objectives);
  return problem;
}

// Components that are functions of others, constants and bases above all options are made on
// purpose: they are what a reduction may get wrong.
Family RandomFamily(const Shape& shape, const std::vector<Combine>& combine, bool negative,
                    Rng& rng) {
  Family family;
  const std::int64_t low = negative ? -shape.values : 0;
  for (const std::int64_t n_layer : shape.depths) {
    Family::Depth& depth = family.depths.emplace_back(Family::Depth{.n_layer = n_layer});
    for (std::int64_t c = 0; c < shape.components; ++c)
      depth.base.push_back(rng.Between(low, shape.values));
  }
  const auto width = Index(shape.components);
  family.options.resize(Index(shape.options) * width);
  const auto value = [&](std::int64_t option, std::int64_t c) -> std::int64_t& {
    return family.options[Index(option) * width + Index(c)];
  };
  for (std::int64_t c = 0; c < shape.components; ++c) {
    const std::int64_t other = c > 0 && rng.Bernoulli(0.3) ? rng.Below(c) : -1;
    const std::int64_t factor = negative ? rng.Between(-2, 2) : rng.Between(0, 2);
    const std::int64_t offset = rng.Between(low, shape.values);
    for (std::int64_t option = 0; option < shape.options; ++option) {
      value(option, c) =
          other >= 0 ? factor * value(option, other) + offset : rng.Between(low, shape.values);
      if (other >= 0 && rng.Bernoulli(0.02)) ++value(option, c);  // almost
    }
    if (combine[Index(c)] == Combine::kMax && rng.Bernoulli(0.1)) {
      for (Family::Depth& depth : family.depths) depth.base[Index(c)] += 4 * shape.values;
    }
  }
  return family;
}

TestProblem RandomProblem(const Shape& shape, Rng& rng) {
  TestProblem problem;
  const bool negative = rng.Bernoulli(0.3);
  for (std::int64_t c = 0; c < shape.components; ++c)
    problem.combine.push_back(rng.Bernoulli(0.6) ? Combine::kSum : Combine::kMax);
  problem.objective_count = shape.objectives;
  std::vector<Criterion> criteria;
  for (std::int64_t i = 0; i < shape.objectives + shape.limits; ++i)
    criteria.push_back(RandomCriterion(shape, negative, rng));
  for (std::int64_t f = 0; f < shape.families; ++f) {
    problem.list.push_back(RandomFamily(shape, problem.combine, negative, rng));
    for (std::int64_t limit = 0; limit < shape.limits; ++limit) {
      // What some architecture just satisfies, so that limits cut through the space.
      std::vector<std::int32_t> options(Index(shape.depths.back()));
      for (std::int32_t& option : options)
        option = static_cast<std::int32_t>(rng.Below(shape.options));
      Criterion& criterion = criteria[Index(shape.objectives + limit)];
      criterion.bound = criterion.Value(
          TotalsOf(problem, problem.list[Index(f)], std::ssize(shape.depths) - 1, options));
    }
    problem.criteria.push_back(criteria);
    // Another family may answer in another way.
    if (rng.Bernoulli(0.3)) criteria[0] = RandomCriterion(shape, negative, rng);
  }
  return problem;
}

TEST(SolveExactly, TheExampleOfTwoLayers) {
  // Cost is the sum of the first, quality (more is better) that of the second.
  const TestProblem problem = Simple({Combine::kSum, Combine::kSum}, 2, {10, 0},
                                     {1, 1, /**/ 2, 3, /**/ 3, 3}, {{1, 0}, {0, -1}});
  const ExactFront front = SolveExactly(problem);
  EXPECT_THAT(front.members,
              ElementsAre(ExactMember{0, 0, {0, 0}, {12, -2}}, ExactMember{0, 0, {0, 1}, {13, -4}},
                          ExactMember{0, 0, {1, 1}, {14, -6}}));
}

TEST(SolveExactly, AMaximumIsWhatNoLayerExceeds) {
  // The peak of the larger option is that of both layers, so the second may as well be large.
  const TestProblem problem =
      Simple({Combine::kMax, Combine::kSum}, 2, {5, 0}, {1, 0, /**/ 9, 4}, {{1, 0}, {0, -1}});
  EXPECT_THAT(ObjectivesOf(SolveExactly(problem)),
              ElementsAre(ElementsAre(5, 0), ElementsAre(9, -8)));
}

TEST(SolveExactly, OfOnePointIsThatPoint) {
  const TestProblem problem = Simple({Combine::kSum}, 1, {1}, {2}, {{1}});
  EXPECT_THAT(SolveExactly(problem).members, ElementsAre(ExactMember{0, 0, {0}, {3}}));
}

TEST(SolveExactly, OfEqualPointsTheFirst) {
  TestProblem problem =
      Simple({Combine::kSum, Combine::kMax}, 3, {0, 0}, {2, 2, 2, 2, 2, 2}, {{1, 1}, {1, 0}});
  problem.list.push_back(problem.list[0]);
  problem.criteria.push_back(problem.criteria[0]);
  EXPECT_THAT(SolveExactly(problem).members, ElementsAre(ExactMember{0, 0, {0, 0, 0}, {8, 6}}));
}

TEST(SolveExactly, OfAFlatObjectiveIsOnePoint) {
  const TestProblem problem =
      Simple({Combine::kSum, Combine::kMax}, 4, {0, 0}, {1, 2, 3, 4, 5, 6}, {{0, 0}});
  EXPECT_THAT(ObjectivesOf(SolveExactly(problem)), ElementsAre(ElementsAre(0)));
}

TEST(SolveExactly, OfNothingFeasibleIsEmpty) {
  TestProblem problem = Simple({Combine::kSum}, 4, {0}, {1, 2, 3}, {{1}});
  problem.criteria[0].push_back({.weights = {1}, .bound = 3});
  EXPECT_THAT(SolveExactly(problem).members, IsEmpty());
  problem.criteria[0].back() = {.weights = {0}, .square = 0, .centre = 20, .bound = 10};
  EXPECT_THAT(SolveExactly(problem).members, IsEmpty());
}

TEST(SolveExactly, OfNoFamilyOrDepthIsEmpty) {
  TestProblem problem = Simple({Combine::kSum}, 4, {0}, {1, 2, 3}, {{1}});
  problem.list[0].depths.clear();
  EXPECT_THAT(SolveExactly(problem).members, IsEmpty());
  problem.list.clear();
  EXPECT_THAT(SolveExactly(problem).members, IsEmpty());
}

TEST(SolveExactly, SkipsPointsThatAreNotFinite) {
  class Holes : public TestProblem {
   public:
    explicit Holes(TestProblem problem) : TestProblem(std::move(problem)) {}
    void Objectives(std::int64_t family, std::int64_t depth, std::span<const std::int64_t> totals,
                    std::span<double> out) const override {
      TestProblem::Objectives(family, depth, totals, out);
      if (totals[0] % 2 == 0) out[0] = std::numeric_limits<double>::quiet_NaN();
    }
  };
  TestProblem problem = Simple({Combine::kSum}, 1, {0}, {4, 2, 3, 5}, {{1}});
  problem.criteria[0][0].says_any = true;
  EXPECT_THAT(ObjectivesOf(SolveExactly(Holes(problem))), ElementsAre(ElementsAre(3)));
}

// 10^9 layers' worth of bits apart: keys do not fit into 62 bits and are compared instead.
TEST(SolveExactly, ComparesWhatIsTooLargeForAKey) {
  Rng rng(3);
  for (int round = 0; round < 50; ++round) {
    TestProblem problem = Simple({Combine::kSum, Combine::kSum, Combine::kSum}, 4, {0, 0, 0}, {},
                                 {{1, 0, 0}, {0, 1, 1}});
    problem.criteria[0].push_back({.weights = {-1, -1, 0}});
    problem.criteria[0].push_back({.weights = {0, 0, -1}});
    problem.objective_count = 4;
    for (int i = 0; i < 5 * 3; ++i)
      problem.list[0].options.push_back(rng.Below(std::int64_t{1} << 40));
    ExpectEqualsEnumeration(problem, fmt::format("round {}", round));
  }
}

// What says nothing new makes no state that its absence would not.
TEST(SolveExactly, RedundantComponentsAndLimitsCostNoStates) {
  Rng rng(4);
  TestProblem plain = Simple({Combine::kSum, Combine::kMax, Combine::kSum}, 6, {0, 0, 0}, {},
                             {{1, 0, 0}, {0, 1, 0}, {0, 0, -1}});
  TestProblem redundant = plain;
  redundant.combine.insert(redundant.combine.end(),
                           {Combine::kSum, Combine::kMax, Combine::kMax, Combine::kSum});
  redundant.list[0].depths[0].base = {0, 0, 0, 7, 3, 1000, 5};
  for (int option = 0; option < 8; ++option) {
    const std::int64_t a = rng.Below(50);
    const std::int64_t b = rng.Below(50);
    const std::int64_t c = rng.Below(50);
    plain.list[0].options.insert(plain.list[0].options.end(), {a, b, c});
    // Of a, of b, below its base, and of no interest.
    redundant.list[0].options.insert(redundant.list[0].options.end(),
                                     {a, b, c, 3 * a + 2, b / 4, 10 * c, rng.Below(50)});
  }
  redundant.criteria = {{{.weights = {1, 0, 0, 1, 0, 0, 0}},
                         {.weights = {0, 1, 0, 0, 1, 2, 0}},
                         {.weights = {0, 0, -1, 0, 0, 0, 0}},
                         {.weights = {-1, -1, 1, 0, 0, 0, 1}, .bound = 6 * 100}}};
  const ExactFront front = SolveExactly(plain);
  const ExactFront again = SolveExactly(redundant);
  EXPECT_EQ(front.states, again.states);
  ASSERT_EQ(front.members.size(), again.members.size());
  for (std::size_t i = 0; i < front.members.size(); ++i)
    EXPECT_EQ(front.members[i].options, again.members[i].options);
}

TEST(SolveExactly, MakesNoStatesThatNoLimitAllows) {
  Rng rng(5);
  TestProblem problem = Simple({Combine::kSum, Combine::kSum}, 8, {0, 0}, {}, {{1, 1}, {-1, 0}});
  for (int option = 0; option < 20; ++option)
    problem.list[0].options.insert(problem.list[0].options.end(), {option, rng.Below(50)});
  const std::int64_t all = SolveExactly(problem).states;
  problem.criteria[0].push_back({.weights = {1, 0}, .bound = 8});
  EXPECT_LT(SolveExactly(problem).states, all / 4);
  ExpectEqualsEnumeration(problem, "at most 8");
}

std::string ErrorOf(const SeparableProblem& problem, ErrorCode code,
                    std::int64_t max_states = 50'000'000) {
  try {
    (void)SolveExactly(problem, nullptr, max_states);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "no error";
}

TEST(SolveExactly, RefusesMoreStatesThanAllowedAndSaysWhatToDo) {
  const TestProblem problem = Simple({Combine::kSum, Combine::kSum}, 6, {0, 0},
                                     {0, 100, 1, 77, 3, 48, 9, 20, 27, 5, 81, 0}, {{1, 0}, {0, 1}});
  EXPECT_THAT(ErrorOf(problem, ErrorCode::kUnsupported, 20),
              AllOf(HasSubstr("family 0 needs more than 20 states"), HasSubstr("coarser"),
                    HasSubstr("max_states")));
  EXPECT_FALSE(SolveExactly(problem).members.empty());
}

TEST(SolveExactly, RefusesTotalsThatMayOverflow) {
  constexpr std::int64_t kLarge = std::int64_t{1} << 60;
  const std::string message = "component 0 reaches 2^62 with 4 layers";
  EXPECT_THAT(
      ErrorOf(Simple({Combine::kSum}, 4, {0}, {kLarge, 1}, {{1}}), ErrorCode::kInvalidArgument),
      HasSubstr(message));
  EXPECT_THAT(
      ErrorOf(Simple({Combine::kSum}, 4, {0}, {std::numeric_limits<std::int64_t>::min(), 1}, {{1}}),
              ErrorCode::kInvalidArgument),
      HasSubstr(message));
  EXPECT_EQ(
      SolveExactly(Simple({Combine::kSum}, 3, {0}, {kLarge, kLarge - 1}, {{1}})).members[0].options,
      (std::vector<std::int32_t>{1, 1, 1}));
}

TEST(SolveExactly, RefusesMalformedProblems) {
  const auto error = [](const std::function<void(TestProblem&)>& spoil) {
    TestProblem problem =
        Simple({Combine::kSum, Combine::kMax}, 2, {0, 0}, {1, 2, 3, 4}, {{1, 0}, {0, 1}});
    spoil(problem);
    return ErrorOf(problem, ErrorCode::kInvalidArgument);
  };
  EXPECT_THAT(error([](TestProblem& p) { p.list[0].options.pop_back(); }),
              HasSubstr("family 0: 3 values of options, expected a positive multiple of 2"));
  EXPECT_THAT(error([](TestProblem& p) { p.list[0].options.clear(); }), HasSubstr("0 values"));
  EXPECT_THAT(error([](TestProblem& p) { p.list[0].depths[0].base.pop_back(); }),
              HasSubstr("base of 1 values, expected 2"));
  EXPECT_THAT(error([](TestProblem& p) { p.list[0].depths[0].n_layer = 0; }),
              HasSubstr("depth of 0 layers"));
  EXPECT_THAT(error([](TestProblem& p) { p.list[0].depths.push_back(p.list[0].depths[0]); }),
              HasSubstr("depth of 2 layers after 2"));
  EXPECT_THAT(error([](TestProblem& p) { p.combine.clear(); }), HasSubstr("no components"));
  EXPECT_THAT(error([](TestProblem& p) { p.objective_count = 9; }), HasSubstr("9 objectives"));
}

TEST(SolveExactly, EqualsEnumerationOfManySmallSpaces) {
  Rng rng(1);
  std::int64_t empty = 0;
  for (int round = 0; round < 10'000 && !HasFailure(); ++round) {
    Shape shape{.families = 1 + rng.Below(3),
                .depths = {},
                .options = 1 + rng.Below(6),
                .components = 1 + rng.Below(5),
                .objectives = 1 + rng.Below(4),
                .limits = rng.Below(3),
                .values = 1 + rng.Below(rng.Bernoulli(0.5) ? 4 : 40)};
    for (std::int64_t n_layer = 1; n_layer <= 4; ++n_layer) {
      if (rng.Bernoulli(0.4)) shape.depths.push_back(n_layer);
    }
    if (shape.depths.empty()) shape.depths = {1 + rng.Below(5)};
    const TestProblem problem = RandomProblem(shape, rng);
    ExpectEqualsEnumeration(problem, fmt::format("round {}", round));
    empty += static_cast<std::int64_t>(SolveExactly(problem).members.empty());
  }
  EXPECT_GT(empty, 0);
  EXPECT_LT(empty, 1000);
}

// Parameters that are worth having, weights that go with them, a latency and a peak: what the
// solver is for.
// Also which of equal points stands for them.
TEST(SolveExactly, IsTheSameOnAnyNumberOfThreads) {
  Rng rng(2);
  ThreadPool pool(3);
  for (int round = 0; round < 300; ++round) {
    const TestProblem problem = RandomProblem({.families = 1 + rng.Below(12),
                                               .depths = {1, 2, 3},
                                               .options = 4,
                                               .components = 3,
                                               .objectives = 2},
                                              rng);
    const ExactFront alone = SolveExactly(problem);
    const ExactFront together = SolveExactly(problem, &pool);
    ASSERT_EQ(alone.members, together.members) << round;
    ASSERT_EQ(alone.states, together.states) << round;
  }
}

TestProblem DecoderLike(std::int64_t widths, std::vector<std::int64_t> depths, std::uint64_t seed) {
  Rng rng(seed);
  TestProblem problem;
  problem.combine = {Combine::kSum, Combine::kSum, Combine::kSum, Combine::kMax};
  problem.objective_count = 3;
  for (std::int64_t d_model = 2; d_model <= 3; ++d_model) {
    Family family;
    for (const std::int64_t n_layer : depths)
      family.depths.push_back({n_layer, {0, 300 * d_model, 50 * d_model, 40 * d_model}});
    for (std::int64_t width = 1; width <= widths; ++width) {
      for (std::int64_t heads = 1; heads <= 2; ++heads) {
        const std::int64_t params = 4 * d_model * d_model + 2 * d_model * width;
        family.options.insert(
            family.options.end(),
            {params, 4 * params + 8 * d_model, 20 + width * d_model + 3 * heads + rng.Below(6),
             8 * d_model * width + 9 * heads});
      }
    }
    problem.list.push_back(std::move(family));
    const std::int64_t most = 6 * depths.back() * (4 * d_model * d_model + d_model * widths) / 5;
    problem.criteria.push_back({{.weights = {-1, 0, 0, 0}},
                                {.weights = {0, 0, 1, 0}},
                                {.weights = {0, 1, 0, 1}},
                                {.weights = {1, 0, 0, 0}, .bound = most},
                                {.weights = {-1, 0, 0, 0}, .bound = -most / 4}});
  }
  return problem;
}

TEST(SolveExactly, EqualsEnumerationOfDecodersOf100ThousandPoints) {
  EXPECT_GT(ExpectEqualsEnumeration(DecoderLike(12, {2, 3, 4}, 1), "decoders"), 40'000);
}

// Ten spaces of 10^5 to 10^7 points, a case each.
struct LargeSpace {
  Shape shape;
  std::uint64_t seed;
  std::int64_t at_least;
};

class LargeSpaces : public ::testing::TestWithParam<LargeSpace> {};

TEST_P(LargeSpaces, EqualEnumeration) {
  const LargeSpace& space = GetParam();
  Rng rng(space.seed);
  const TestProblem problem = RandomProblem(space.shape, rng);
  EXPECT_GE(ExpectEqualsEnumeration(problem, fmt::format("seed {}", space.seed)), space.at_least);
}

INSTANTIATE_TEST_SUITE_P(SolveExactly, LargeSpaces,
                         ::testing::Values(LargeSpace{{1, {6}, 20, 3, 2, 0, 100}, 1, 100'000},
                                           LargeSpace{{2, {3, 5}, 20, 4, 3, 1, 30}, 2, 80'000},
                                           LargeSpace{{1, {12}, 8, 5, 2, 1, 20}, 3, 50'000},
                                           LargeSpace{{3, {4}, 40, 4, 2, 2, 50}, 4, 300'000},
                                           LargeSpace{{1, {2, 4, 6}, 22, 3, 3, 0, 9}, 5, 300'000},
                                           LargeSpace{{1, {5}, 50, 2, 2, 1, 1000}, 6, 1'000'000},
                                           LargeSpace{{2, {20}, 6, 4, 3, 1, 12}, 7, 100'000},
                                           LargeSpace{{1, {7}, 24, 3, 2, 1, 60}, 8, 1'000'000},
                                           LargeSpace{{1, {10}, 14, 4, 2, 0, 25}, 9, 1'000'000},
                                           LargeSpace{{1, {8}, 25, 3, 2, 1, 40}, 10, 10'000'000}));

}  // namespace
}  // namespace lts

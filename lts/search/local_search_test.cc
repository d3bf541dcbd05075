// What is particular to NSGA-II and to Pareto local search.
#include "lts/search/local_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lts/search/search_test_support.h"

namespace lts {
namespace {

using ::testing::UnorderedElementsAre;

std::vector<Genome> NeighboursOf(const SearchSpace& space, const Genome& genome,
                                 std::int64_t max_step) {
  Rng rng(1);
  std::vector<Genome> all;
  for (const std::vector<Genome>& some : internal::Neighbours(space, genome, max_step, rng)) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

TEST(Neighbours, ChangeOneGeneByAtMostMaxStepPlaces) {
  const SearchSpace space = TinySpace({1, 2, 3, 4}, {64, 96}, {64, 128, 256}, {2, 4});
  const Genome genome{1, 0, 1, 1};
  EXPECT_THAT(NeighboursOf(space, genome, 1),
              UnorderedElementsAre(Genome{0, 0, 1, 1}, Genome{2, 0, 1, 1}, Genome{1, 1, 1, 1},
                                   Genome{1, 0, 0, 1}, Genome{1, 0, 2, 1}, Genome{1, 0, 1, 0}));
  EXPECT_EQ(NeighboursOf(space, genome, 2).size(), 7U);     // and n_layer = 4
  EXPECT_EQ(NeighboursOf(space, genome, 1000).size(), 7U);  // all of any one gene
}

TEST(Neighbours, AddAndRemoveLayersAnywhere) {
  // One d_inner gene per layer (1, 2 or 3 of them), one shared n_head.
  const SearchSpace space({.name = "tiny",
                           .vocab_size = 100,
                           .max_seq_len = 256,
                           .dimensions = {{"n_layer", {1, 2, 3}},
                                          {"d_model", {64}},
                                          {"d_inner", {64, 128, 192, 256, 320}, true},
                                          {"n_head", {2}}}});
  EXPECT_THAT(NeighboursOf(space, {1, 0, 0, 4, 0, 0}, 1),
              UnorderedElementsAre(Genome{0, 0, 0, 0, 0, 0}, Genome{0, 0, 4, 0, 0, 0},  // one less
                                   Genome{2, 0, 0, 0, 4, 0}, Genome{2, 0, 0, 4, 4, 0},  // one more
                                   Genome{1, 0, 1, 4, 0, 0}, Genome{1, 0, 0, 3, 0, 0}));
  // Two at once, and what is the same in several ways once.
  EXPECT_THAT(NeighboursOf(space, {2, 0, 0, 4, 4, 0}, 2),
              ::testing::IsSupersetOf({Genome{0, 0, 0, 0, 0, 0}, Genome{0, 0, 4, 0, 0, 0},
                                       Genome{1, 0, 0, 4, 0, 0}, Genome{1, 0, 4, 4, 0, 0}}));
}

TEST(Neighbours, AreCanonicalDistinctAndKeepConstraintsOnDimensions) {
  const SearchSpace space = LoadSpace("lts-gpt2");
  Rng rng(5);
  for (int round = 0; round < 20; ++round) {
    const Genome genome = *space.Sample(rng, {});
    const std::vector<Genome> neighbours = NeighboursOf(space, genome, 2);
    EXPECT_EQ(std::set<Genome>(neighbours.begin(), neighbours.end()).size(), neighbours.size());
    EXPECT_GE(neighbours.size(), 15U);
    for (const Genome& neighbour : neighbours) {
      EXPECT_NE(neighbour, genome);
      EXPECT_EQ(space.Canonical(neighbour), neighbour);
      std::string violated;
      if (!space.Satisfies(neighbour, {}, &violated)) {
        EXPECT_EQ(violated, "6e6 <= decoder_params <= 100e6");
      }
    }
  }
}

// A ridge: n_layer trades one objective for the other, d_inner = 512 is best for both. Its members
// are neighbours of each other, so walking finds them all; draws would hit one in 64.
TEST(LocalSearch, WalksAlongAFrontOfNeighbours) {
  std::vector<std::int64_t> layers;
  std::vector<std::int64_t> widths;
  for (std::int64_t i = 1; i <= 48; ++i) layers.push_back(i);
  for (std::int64_t i = 1; i <= 64; ++i) widths.push_back(16 * i);
  const SearchSpace space = TinySpace(layers, {64}, widths, {4});  // 3072 points
  SearchOptions options;
  options.objectives = {{"a"}, {"b"}};
  options.seed = 3;
  options.max_evaluations = 800;
  const auto on_ridge = [&](std::string_view algorithm) {
    FunctionEvaluator evaluator([](const Architecture& a) {
      const auto x = static_cast<double>(a.n_layer()) / 48;
      const auto off = static_cast<double>(a.layers()[0].d_inner) / 1024 - 0.5;
      return Score{{x + off * off, -x + off * off}};
    });
    const SearchResult result =
        FindSearchAlgorithm(algorithm).run(space, options, evaluator, nullptr);
    return std::ranges::count_if(result.evaluated, [](const EvaluatedCandidate& e) {
      return e.candidate.architecture.layers()[0].d_inner == 512;
    });
  };
  EXPECT_EQ(on_ridge("local-search"), 48);
  EXPECT_LT(on_ridge("random"), 24);
}

// A front of one point: everything next to it is explored, then the search starts again elsewhere.
TEST(LocalSearch, RestartsWhenAllIsExplored) {
  const SearchSpace space = LoadSpace("archai-gpt2");
  SearchOptions options;
  options.objectives = {{"layers"}};
  options.max_evaluations = 300;
  FunctionEvaluator evaluator([](const Architecture& a) {
    return Score{{static_cast<double>(a.n_layer() + a.d_model())}};
  });
  const SearchResult result = kLocalSearch.run(space, options, evaluator, nullptr);
  EXPECT_EQ(result.evaluated.size(), 300U);
  EXPECT_EQ(result.front.size(), 1U);
}

// A measured constraint that most draws violate: infeasible members breed too, so the search finds
// its way to the feasible corner.
TEST(Nsga2, ComesFromInfeasibleToFeasible) {
  const SearchSpace space = LoadSpace("lts-gpt2");
  SearchOptions options;
  options.objectives = {{"params", Direction::kMaximize}, {"latency"}};
  options.seed = 2;
  options.max_evaluations = 600;
  FunctionEvaluator evaluator([](const Architecture& a) {
    Score score = ThreeObjectives(a);
    score.objectives.pop_back();
    score.feasible = score.objectives[1] < 12;
    return score;
  });
  const SearchResult result = FindSearchAlgorithm("nsga2").run(space, options, evaluator, nullptr);
  const auto feasible = [&](std::size_t from, std::size_t to) {
    std::int64_t count = 0;
    for (std::size_t i = from; i < to; ++i) count += result.evaluated[i].score.feasible ? 1 : 0;
    return count;
  };
  ASSERT_EQ(result.evaluated.size(), 600U);
  EXPECT_GT(feasible(0, 40), 0);  // else the seed says nothing
  EXPECT_GT(feasible(560, 600), 2 * feasible(0, 40));
}

TEST(Nsga2, EvaluatesOnePopulationAGeneration) {
  FunctionEvaluator evaluator(ThreeObjectives);
  SearchOptions options;
  options.objectives = ThreeSpecs();
  options.parameters["num_iters"] = 4;
  options.parameters["population_size"] = 24;
  (void)FindSearchAlgorithm("nsga2").run(LoadSpace("lts-gpt2"), options, evaluator, nullptr);
  EXPECT_THAT(evaluator.batches, ::testing::ElementsAre(24, 24, 24, 24));
}

}  // namespace
}  // namespace lts

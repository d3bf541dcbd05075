// What is particular to the evolutionary algorithms and to their operators.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "lts/base/error.h"
#include "lts/search/lts_evolution.h"
#include "lts/search/population.h"
#include "lts/search/search_test_support.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SearchOptions Options(std::uint64_t seed, std::int64_t max_evaluations) {
  SearchOptions options;
  options.objectives = ThreeSpecs();
  options.seed = seed;
  options.max_evaluations = max_evaluations;
  return options;
}

// A run without evaluations, to breed in.
struct Nursery {
  explicit Nursery(SearchSpace s) : space(std::move(s)), evaluator(ThreeObjectives) {}
  SearchSpace space;
  SearchOptions options = Options(1, 0);
  FunctionEvaluator evaluator;
  SearchRun run{space, options, evaluator, nullptr};
  Rng rng{3};
};

TEST(Mutate, ChangesAboutTheShareOfGenesAskedFor) {
  Nursery n(
      LoadSpace("lts-gpt2").With(std::vector<std::string>{"n_layer == 15", "d_model == 256"}));
  const Genome parent = *n.space.Sample(n.rng, {});
  std::int64_t changed = 0;
  std::int64_t children = 0;
  for (int i = 0; i < 300; ++i) {
    const auto child = Mutate(n.run, parent, 0.3, n.rng);
    if (!child) continue;
    ++children;
    for (std::size_t g = 2; g < 17; ++g)
      changed += static_cast<std::int64_t>((*child)[g] != parent[g]);  // d_inner
  }
  EXPECT_GT(children, 250);
  EXPECT_NEAR(static_cast<double>(changed) / static_cast<double>(children * 15), 0.3, 0.03);
}

TEST(Mutate, WithProbabilityZeroCopiesAndWithOneDrawsAnew) {
  Nursery n(LoadSpace("archai-gpt2"));
  const Genome parent = *n.space.Sample(n.rng, {});
  EXPECT_EQ(Mutate(n.run, parent, 0, n.rng), parent);
  std::set<Genome> children;
  for (int i = 0; i < 100; ++i) {
    if (const auto child = Mutate(n.run, parent, 1, n.rng)) children.insert(*child);
  }
  EXPECT_GT(children.size(), 80U);
}

TEST(Mutate, KeepsDeepModelsAliveUnderPerLayerConstraints) {
  Nursery n(LoadSpace("lts-gpt2"));
  const Genome parent = *n.space.Encode(Architecture::Gpt2(14, 512, 896, 4));
  int satisfying = 0;
  for (int i = 0; i < 200; ++i)
    satisfying += static_cast<int>(Mutate(n.run, parent, 0.3, n.rng).has_value());
  EXPECT_GT(satisfying, 100);  // a new d_model alone would otherwise end most of them
}

TEST(Crossover, TakesEveryGeneFromAParent) {
  Nursery n(LoadSpace("archai-gpt2"));
  const Genome a = *n.space.Encode(Architecture::Gpt2(2, 256, 512, 4));
  const Genome b = *n.space.Encode(Architecture::Gpt2(5, 512, 832, 8));
  std::set<Genome> children;
  for (int i = 0; i < 300; ++i) {
    const auto child = Crossover(n.run, a, b, 0.5, n.rng);
    ASSERT_TRUE(child.has_value());
    for (std::size_t g = 0; g < a.size(); ++g)
      EXPECT_TRUE((*child)[g] == a[g] || (*child)[g] == b[g]);
    children.insert(*child);
  }
  EXPECT_EQ(children.size(), 16U);  // every combination
}

TEST(Crossover, TakesLayersThatOnlyOneParentHasFromThatOne) {
  Nursery n(TinySpace({1, 4}, {64}, {64, 128, 256}, {2, 4, 8}, true));
  const Genome shallow{0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const Genome deep{1, 0, 1, 2, 2, 2, 1, 2, 2, 2};
  int deep_children = 0;
  for (int i = 0; i < 100; ++i) {
    for (const auto& [a, b] : {std::pair(shallow, deep), std::pair(deep, shallow)}) {
      const auto child = Crossover(n.run, a, b, 0.5, n.rng);
      ASSERT_TRUE(child.has_value());
      if ((*child)[0] == 0) continue;
      ++deep_children;
      for (const std::size_t g : {3U, 4U, 5U, 7U, 8U, 9U}) EXPECT_EQ((*child)[g], 2);
    }
  }
  EXPECT_GT(deep_children, 50);
}

TEST(FreshDraws, ExhaustsASpaceWithoutRepetition) {
  Nursery n(TinySpace({1, 2, 3}, {64, 96}, {64, 128}, {2, 3}));
  FreshDraws draws(n.space, n.options.workload, n.rng);
  Batch batch(n.run);
  draws.Fill(batch, 7);
  EXPECT_EQ(batch.size(), 7);
  draws.Fill(batch, 100);
  EXPECT_EQ(batch.size(), std::ssize(n.space.Enumerate({})));
  draws.Fill(batch, 1);
  EXPECT_EQ(batch.size(), std::ssize(n.space.Enumerate({})));
}

TEST(FreshDraws, FindsWhatABatchLeftOut) {
  Nursery n(TinySpace({1, 2, 3}, {64}, {64, 128}, {2}));
  FreshDraws draws(n.space, n.options.workload, n.rng, 1000);
  Batch batch(n.run);
  draws.Fill(batch, 6);
  batch.Truncate(2);
  EXPECT_TRUE(n.run.Evaluate(batch.genomes()));
  Batch next(n.run);
  draws.Fill(next, 6);
  EXPECT_EQ(next.size(), 4);
}

TEST(Batch, TruncatedGenomesCanComeAgain) {
  Nursery n(LoadSpace("archai-gpt2"));
  Batch batch(n.run);
  const Genome a = *n.space.Sample(n.rng, {});
  Genome b = a;
  while (b == a) b = *n.space.Sample(n.rng, {});
  EXPECT_TRUE(batch.Add(a));
  EXPECT_FALSE(batch.Add(a));
  EXPECT_TRUE(batch.Add(b));
  batch.Truncate(1);
  EXPECT_FALSE(batch.Contains(b));
  EXPECT_TRUE(batch.Add(b));
}

TEST(ArchaiEvolution, EvaluatesPopulationsOfArchaisSizes) {
  FunctionEvaluator evaluator(ThreeObjectives);
  SearchOptions options = Options(1, 0);
  options.parameters["num_iters"] = 8;
  (void)FindSearchAlgorithm("archai-evolution")
      .run(LoadSpace("archai-gpt2"), options, evaluator, nullptr);
  ASSERT_EQ(evaluator.batches.size(), 8U);
  EXPECT_EQ(evaluator.batches[0], 10);
  for (std::size_t i = 1; i < 8; ++i) {
    EXPECT_GE(evaluator.batches[i], 5 + 1);
    EXPECT_LE(evaluator.batches[i], 100);
  }
  EXPECT_EQ(evaluator.batches[7], 100);  // the front has outgrown the population by then
}

TEST(ArchaiEvolution, WithoutBreedingStillGoesOn) {
  FunctionEvaluator evaluator(ThreeObjectives);
  SearchOptions options = Options(1, 60);
  options.parameters["num_crossovers"] = 0;
  options.parameters["num_random_mix"] = 0;
  options.parameters["mutations_per_parent"] = 0;
  const SearchResult result = FindSearchAlgorithm("archai-evolution")
                                  .run(LoadSpace("archai-gpt2"), options, evaluator, nullptr);
  EXPECT_EQ(result.evaluated.size(), 60U);
}

TEST(LtsEvolution, EvaluatesPopulationsOfThePapersSizes) {
  FunctionEvaluator evaluator(ThreeObjectives);
  SearchOptions options = Options(1, 0);
  options.parameters["num_iters"] = 4;
  (void)FindSearchAlgorithm("lts-evolution")
      .run(LoadSpace("lts-gpt2"), options, evaluator, nullptr);
  EXPECT_THAT(evaluator.batches, ElementsAre(100, 80, 80, 80));
}

TEST(LtsEvolution, WeighsParentsByNovelty) {
  EXPECT_THAT(internal::NoveltyWeights(std::vector<std::int64_t>{1, 1, 3}), ElementsAre(1, 1, 0.5));
  EXPECT_THAT(internal::NoveltyWeights(std::vector<std::int64_t>{4, 4}), ElementsAre(1, 1));
  EXPECT_THAT(internal::NoveltyWeights(std::vector<std::int64_t>{0, 1, 2}),
              ElementsAre(1, 1 / 1.5, 0.5));
}

TEST(LtsEvolution, RefusesToBreedNothing) {
  FunctionEvaluator evaluator(ThreeObjectives);
  SearchOptions options = Options(1, 10);
  options.parameters["mutation_size"] = 0;
  options.parameters["crossover_size"] = 0;
  try {
    (void)FindSearchAlgorithm("lts-evolution")
        .run(LoadSpace("lts-gpt2"), options, evaluator, nullptr);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("mutation_size and crossover_size"));
  }
}

// A loss that wants depth, width and inner width in balance, and a latency that grows with the
// parameters and the layers: most shapes are far from the front of the two, so that there is
// something to learn.
Score BalancedLoss(const Architecture& a) {
  double d_inner = 0;
  for (const LayerShape& layer : a.layers()) d_inner += static_cast<double>(layer.d_inner);
  d_inner /= static_cast<double>(a.n_layer());
  const double loss = std::pow(static_cast<double>(a.n_layer()), -0.4) +
                      0.8 * std::pow(static_cast<double>(a.d_model()) / 100, -0.6) +
                      0.4 * std::pow(d_inner / 1000, -0.5);
  return {.objectives = {loss, DecoderParams(a) * 1e-6 + 0.5 * static_cast<double>(a.n_layer())}};
}

// With equal evaluations and over the same seeds, evolution must cover more than chance does.
TEST(Evolution, BeatsRandomSearch) {
  for (const char* name : {"archai-gpt2", "lts-gpt2"}) {
    const SearchSpace space = LoadSpace(name);
    std::map<std::string_view, double> volumes;
    for (const SearchAlgorithm* algorithm : SearchAlgorithms()) {
      if (algorithm->models_metrics) continue;
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        FunctionEvaluator evaluator(BalancedLoss);
        SearchOptions options = Options(seed, 400);
        options.objectives = {{"loss"}, {"latency_ms"}};
        const SearchResult result = algorithm->run(space, options, evaluator, nullptr);
        volumes[algorithm->name] +=
            Hypervolume(MinimisedPoints(result.evaluated, options.objectives), {1.2, 110});
      }
    }
    EXPECT_GT(volumes["archai-evolution"], volumes["random"]) << name;
    EXPECT_GT(volumes["lts-evolution"], volumes["random"]) << name;
    EXPECT_GT(volumes["nsga2"], volumes["random"]) << name;
    EXPECT_GT(volumes["local-search"], volumes["random"]) << name;
  }
}

}  // namespace
}  // namespace lts

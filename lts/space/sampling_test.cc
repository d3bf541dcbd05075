// Drawing from spaces: Sample, Redraw and Enumerate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "lts/base/error.h"
#include "lts/space/search_space.h"

namespace lts {
namespace {

constexpr Workload kWorkload{};

SearchSpace MakeSpace(bool per_layer_inner, bool per_layer_heads,
                      std::vector<std::string> constraints = {}) {
  return SearchSpace({.name = "small",
                      .dimensions = {{"n_layer", {1, 2, 3}},
                                     {"d_model", {64, 96}},
                                     {"d_inner", {64, 128, 256}, per_layer_inner},
                                     {"n_head", {2, 3, 4}, per_layer_heads}},
                      .constraints = std::move(constraints)});
}

TEST(Enumerate, ListsEverySatisfyingGenomeOnceInOrder) {
  for (const bool inner : {false, true}) {
    for (const bool heads : {false, true}) {
      const SearchSpace space =
          MakeSpace(inner, heads, {"d_inner >= d_model", "decoder_params < 3e5"});
      const std::vector<Genome> genomes = space.Enumerate(kWorkload);
      EXPECT_TRUE(std::is_sorted(genomes.begin(), genomes.end()));
      EXPECT_EQ(std::set<Genome>(genomes.begin(), genomes.end()).size(), genomes.size());
      // Brute force over all genomes, silent genes and all.
      std::set<Genome> expected;
      Genome genome(static_cast<std::size_t>(space.gene_count()), 0);
      while (true) {
        if (space.Satisfies(genome, kWorkload)) expected.insert(space.Canonical(genome));
        std::size_t gene = 0;
        while (gene < genome.size() &&
               ++genome[gene] == space.GeneValues(static_cast<std::int64_t>(gene))) {
          genome[gene++] = 0;
        }
        if (gene == genome.size()) break;
      }
      EXPECT_EQ(std::set<Genome>(genomes.begin(), genomes.end()), expected);
      EXPECT_FALSE(expected.empty());
      for (const Genome& g : genomes) EXPECT_EQ(space.Encode(space.Decode(g)), g);
    }
  }
}

TEST(Enumerate, WithoutConstraintsListsAsManyAsSizeSays) {
  SearchSpace space = MakeSpace(true, true);
  // n_head 3 divides 96 but not 64: 6 shapes a layer with 64, 9 with 96.
  EXPECT_EQ(space.Enumerate(kWorkload).size(), 6U + 36 + 216 + 9 + 81 + 729);
  EXPECT_EQ(space.Size().exact, 2 * (9 + 81 + 729));
}

TEST(Enumerate, RefusesMorePointsThanAsked) {
  try {
    (void)MakeSpace(true, true).Enumerate(kWorkload, 1000);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("1638 points"));
  }
  EXPECT_THROW((void)LoadSpace("lts-gpt2").Enumerate(kWorkload), Error);
}

TEST(Sample, ReachesEveryPointAndNothingElse) {
  for (const bool inner : {false, true}) {
    for (const bool heads : {false, true}) {
      const SearchSpace space =
          MakeSpace(inner, heads, {"n_layer <= 2", "d_inner >= d_model", "decoder_params < 2e5"});
      std::set<Genome> drawn;
      Rng rng(3);
      for (int i = 0; i < 6000; ++i) {
        const std::optional<Genome> genome = space.Sample(rng, kWorkload);
        ASSERT_TRUE(genome.has_value());
        drawn.insert(*genome);
      }
      const std::vector<Genome> all = space.Enumerate(kWorkload);
      EXPECT_EQ(drawn, std::set<Genome>(all.begin(), all.end())) << inner << heads;
    }
  }
}

TEST(Sample, DrawsEachGeneUniformly) {
  const SearchSpace space = MakeSpace(false, false, {"n_head != 3"});
  std::map<Genome, int> counts;
  Rng rng(5);
  constexpr int kDraws = 36000;
  for (int i = 0; i < kDraws; ++i) ++counts[*space.Sample(rng, kWorkload)];
  ASSERT_EQ(counts.size(), 36U);                                             // 3 * 2 * 3 * 2
  for (const auto& [genome, count] : counts) EXPECT_NEAR(count, 1000, 160);  // 5 sigma
}

// Rejection of whole draws would need about (1 / 0.6)^15 draws for each sample here, and more as
// d_model grows.
TEST(Sample, HonoursPerLayerConstraintsOfDeepModels) {
  const SearchSpace space =
      LoadSpace("lts-gpt2")
          .With(std::vector<std::string>{"n_layer == 15", "d_inner <= 2.2 * d_model",
                                         "decoder_params <= 90e6"});
  Rng rng(1);
  for (int i = 0; i < 50; ++i) {
    const std::optional<Genome> genome = space.Sample(rng, kWorkload, 100);
    ASSERT_TRUE(genome.has_value());
    EXPECT_TRUE(space.Satisfies(*genome, kWorkload));
    EXPECT_EQ(*genome, space.Canonical(*genome));
  }
}

TEST(Sample, FindsTheOnlyPairOfValuesAmongThousands) {
  std::vector<std::int64_t> d_inner;
  for (std::int64_t i = 1; i <= 500; ++i) d_inner.push_back(i);
  const SearchSpace space({.name = "needle",
                           .dimensions = {{"n_layer", {2, 6}},
                                          {"d_model", {64}},
                                          {"d_inner", d_inner, true},
                                          {"n_head", {1, 2}, true}},
                           .constraints = {"d_inner * n_head == 998"}});
  Rng rng(1);
  const std::optional<Genome> genome = space.Sample(rng, kWorkload, 10);
  ASSERT_TRUE(genome.has_value());
  const Architecture architecture = space.Decode(*genome);
  for (const LayerShape& layer : architecture.layers()) {
    EXPECT_EQ(layer.d_inner, 499);
    EXPECT_EQ(layer.n_head, 2);
  }
}

TEST(Sample, GivesUpAfterMaxTries) {
  const SearchSpace space = MakeSpace(false, false, {"decoder_params > 1e9"});
  Rng rng(1);
  EXPECT_EQ(space.Sample(rng, kWorkload, 50), std::nullopt);
}

TEST(Sample, RepeatsWithTheSeed) {
  const SearchSpace space = LoadSpace("lts-gpt2");
  Rng a(9);
  Rng b(9);
  Rng c(10);
  bool differs = false;
  for (int i = 0; i < 20; ++i) {
    const auto genome = space.Sample(a, kWorkload);
    EXPECT_EQ(genome, space.Sample(b, kWorkload));
    differs |= genome != space.Sample(c, kWorkload);
  }
  EXPECT_TRUE(differs);
}

TEST(Redraw, KeepsWhatIsNotMarked) {
  const SearchSpace space = LoadSpace("lts-gpt2");
  Rng rng(2);
  const Genome genome = *space.Sample(rng, kWorkload);
  Genome same = genome;
  EXPECT_TRUE(space.Redraw(same, std::vector<bool>(genome.size(), false), rng));
  EXPECT_EQ(same, genome);
  std::vector<bool> one(genome.size(), false);
  one[3] = true;  // d_inner of layer 1
  std::set<std::int32_t> values;
  for (int i = 0; i < 200; ++i) {
    Genome changed = genome;
    EXPECT_TRUE(space.Redraw(changed, one, rng));
    values.insert(changed[3]);
    changed[3] = genome[3];
    EXPECT_EQ(changed, genome);
  }
  EXPECT_GT(values.size(), 20U);
}

TEST(Redraw, DrawsLayersThatTheGenomeDidNotHave) {
  const SearchSpace space = MakeSpace(true, true);
  Rng rng(4);
  std::set<std::pair<std::int32_t, std::int32_t>> third_layer;
  std::vector<bool> n_layer(static_cast<std::size_t>(space.gene_count()), false);
  n_layer[0] = true;
  for (int i = 0; i < 500; ++i) {
    Genome genome{0, 1, 2, 0, 0, 1, 0, 0};  // one layer
    ASSERT_TRUE(space.Redraw(genome, n_layer, rng));
    EXPECT_EQ(genome[2], 2);  // the layer it had is kept
    EXPECT_EQ(genome[5], 1);
    if (genome[0] == 2) third_layer.emplace(genome[4], genome[7]);
  }
  EXPECT_EQ(third_layer.size(), 9U);  // every shape, not only index 0
}

TEST(Redraw, RepairsLayersThatANewModelWidthBreaks) {
  const SearchSpace space = LoadSpace("lts-gpt2");
  std::vector<bool> d_model(static_cast<std::size_t>(space.gene_count()), false);
  d_model[1] = true;
  const Architecture narrow = Architecture::Gpt2(12, 256, 448, 4);
  Rng rng(6);
  for (int i = 0; i < 50; ++i) {
    Genome genome = *space.Encode(narrow);
    ASSERT_TRUE(space.Redraw(genome, d_model, rng));
    const Architecture architecture = space.Decode(genome);
    EXPECT_EQ(architecture.n_layer(), 12);
    for (const LayerShape& layer : architecture.layers()) {
      EXPECT_GE(static_cast<double>(layer.d_inner),
                1.7 * static_cast<double>(architecture.d_model()));
    }
    if (architecture.d_model() <= 256) {
      EXPECT_EQ(architecture.layers().back(), narrow.layers().back());
    }
  }
}

}  // namespace
}  // namespace lts

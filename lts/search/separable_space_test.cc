#include "lts/search/separable_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "lts/base/error.h"
#include "lts/search/device_test_support.h"
#include "lts/search/family_halves.h"
#include "lts/search/search_test_support.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

SearchOptions Options(std::vector<ObjectiveSpec> specs) {
  SearchOptions options;
  options.objectives = std::move(specs);
  options.workload = MadeUpDevice().workload;
  return options;
}

SearchSpace Heterogeneous(std::vector<std::string> constraints = {}) {
  return TinySpace({1, 2, 3}, {64, 96}, {64, 128, 192, 320}, {2, 4}, true, std::move(constraints));
}

TEST(SeparableSpace, CountsAreThoseOfTheArchitecture) {
  const SearchSpace space = Heterogeneous();
  const SearchOptions options = Options({{"decoder_params", Direction::kMaximize},
                                         {"total_params"},
                                         {"flops"},
                                         {"weights_mib"},
                                         {"kv_cache_mib"}});
  SeparableSpace problem(space, options);
  problem.SetModel(nullptr, Outlook::kExpected);
  EXPECT_TRUE(problem.predicted().empty());
  std::int64_t members = 0;
  problem.ForEachMember([&](const ExactMember& member) {
    const Architecture a = space.Decode(problem.GenomeOf(member));
    const Point point = problem.PointOf(member);
    for (std::size_t o = 0; o < options.objectives.size(); ++o) {
      const double value =
          Count(FindObjective(options.objectives[o].name), a, options.workload, {}).value;
      EXPECT_EQ(point[o], o == 0 ? -value : value) << options.objectives[o].name;
    }
    ++members;
  });
  // Multisets of the 8 layers: 8 + 36 + 120 for each of the two widths.
  EXPECT_EQ(members, 2 * (8 + 36 + 120));
}

TEST(SeparableSpace, LawsAreThoseOfTheArchitecture) {
  // 3 and 6 heads: logarithms that no unit holds exactly.
  const SearchSpace space = TinySpace({1, 2, 3}, {66, 96}, {64, 128, 320}, {2, 3, 6}, true);
  std::vector<ObjectiveSpec> specs;
  for (const MetricInfo& info : Metrics()) {
    if (info.by_law) specs.push_back({std::string(info.name), info.better});
  }
  const SearchOptions options = Options(specs);
  SeparableSpace problem(space, options);
  problem.SetModel(nullptr, Outlook::kExpected);
  EXPECT_TRUE(problem.predicted().empty());
  problem.ForEachMember([&](const ExactMember& member) {
    const Architecture a = space.Decode(problem.GenomeOf(member));
    const Point point = problem.PointOf(member);
    for (std::size_t o = 0; o < specs.size(); ++o) {
      const double value = LawValue(FindLaw(specs[o].name), a);
      EXPECT_NEAR(point[o], value, 1e-6 * std::abs(value)) << specs[o].name;
    }
  });
}

TEST(SeparableSpace, TheLastLayerCountsApartInAPrefill) {
  const SearchSpace space = Heterogeneous();
  const SearchOptions options = Options({{"ttft_ms"}});
  const CostModel model = ModelOfMadeUpDevice(space, options, 30);
  SeparableSpace problem(space, options);
  problem.SetModel(&model, Outlook::kExpected);
  std::set<Genome> genomes;
  problem.ForEachMember([&](const ExactMember& member) {
    const Genome genome = problem.GenomeOf(member);
    EXPECT_TRUE(genomes.insert(genome).second);
    EXPECT_EQ(problem.RepresentativeOf(space.Decode(genome)), genome);
  });
  // Multisets of the inner layers and one of 8 last ones.
  EXPECT_EQ(genomes.size(), 2U * 8 * (1 + 8 + 36));
}

TEST(SeparableSpace, PredictionsAreThoseOfTheModel) {
  const SearchSpace space = Heterogeneous();
  const SearchOptions options = Options({{"decoder_params", Direction::kMaximize},
                                         {"latency_ms"},
                                         {"peak_memory_mib"},
                                         {"ttft_ms", Direction::kMaximize}});
  const CostModel model = ModelOfMadeUpDevice(space, options, 30);
  SeparableSpace problem(space, options);
  SeparableSpace best = problem;
  problem.SetModel(&model, Outlook::kExpected);
  best.SetModel(&model, Outlook::kOptimistic);
  problem.ForEachMember([&](const ExactMember& member) {
    const Architecture a = space.Decode(problem.GenomeOf(member));
    const Point point = problem.PointOf(member);
    const Point optimistic = best.PointOf(member);
    constexpr double kRounding = 1e-5;  // nanoseconds and bytes against milliseconds and mebibytes
    const Estimate latency = model.Predict(Metric::kLatencyMs, a, IntervalOf::kTrueValue);
    EXPECT_NEAR(point[1], latency.value, kRounding * latency.value);
    EXPECT_NEAR(optimistic[1], latency.low, kRounding * latency.value);
    const Estimate memory = model.Predict(Metric::kPeakMemoryMib, a, IntervalOf::kTrueValue);
    EXPECT_NEAR(point[2], memory.value, kRounding * memory.value);
    EXPECT_NEAR(optimistic[2], memory.low, kRounding * memory.value);
    const Estimate ttft = model.Predict(Metric::kTtftMs, a, IntervalOf::kTrueValue);
    EXPECT_NEAR(point[3], -ttft.value, kRounding * ttft.value);
    EXPECT_NEAR(optimistic[3], -ttft.high, kRounding * ttft.value);
  });
}

// The promise of TrendOf: nothing that the solver may drop is needed.
TEST(SeparableSpace, TheSolverFindsTheFrontOfTheEnumeration) {
  const std::vector<std::vector<ObjectiveSpec>> problems = {
      {{"decoder_params", Direction::kMaximize}, {"latency_ms"}, {"peak_memory_mib"}},
      {{"decoder_params", Direction::kMaximize}, {"ttft_ms"}, {"tpot_ms"}},
      {{"latency_ms"}},
      {{"decoder_params", Direction::kMaximize}, {"flops"}},
      {{"peak_memory_mib", Direction::kMaximize}, {"tpot_ms"}, {"latency_ms"}},
      {{"lts_law"}, {"latency_ms"}, {"peak_memory_mib"}},
      {{"lts_law"}, {"flops"}},
      {{"lts_law", Direction::kMaximize}, {"latency_ms", Direction::kMaximize}},
      {{"nsc"}, {"gemstones"}, {"tpot_ms"}},
      {{"conditional"}, {"latency_ms"}},
      {{"separable"}, {"sqrt_attn_ffn"}, {"weights_mib"}}};
  const std::vector<std::vector<std::string>> constraints = {
      {},
      {"d_inner >= 1.5 * d_model"},
      {"n_layer * d_inner <= 400"},
      {"6e4 <= decoder_params < 2.5e5"},
      {"decoder_params / n_layer > 5e4", "n_head == 2"},
      {"lts_law < 3.2", "d_inner >= d_model"},
      {"d_inner >= 50 * n_head"}};
  for (const auto& specs : problems) {
    for (const auto& rules : constraints) {
      const SearchSpace space = Heterogeneous(rules);
      SearchOptions options = Options(specs);
      options.measured_constraints = {"latency_ms < 1.2", "peak_memory_mib <= 5.5"};
      const CostModel model = ModelOfMadeUpDevice(Heterogeneous(), options, 30);
      SeparableSpace problem(space, options);
      problem.SetModel(&model, Outlook::kExpected);

      // Every sequence of layers, by the space itself.
      std::vector<Point> points;
      std::set<Genome> genomes;
      problem.ForEachMember([&](const ExactMember& member) {
        const Genome genome = problem.GenomeOf(member);
        if (!space.Satisfies(genome, options.workload)) return;
        const Architecture a = space.Decode(genome);
        // Bounds on what is predicted hold for the rounded values; none is this close to one.
        if (model.Predict(Metric::kLatencyMs, a).value >= 1.2 ||
            model.Predict(Metric::kPeakMemoryMib, a).value > 5.5)
          return;
        points.push_back(problem.PointOf(member));
        genomes.insert(genome);
      });
      std::set<Point> expected;
      for (const std::int64_t i : ParetoFront(points))
        expected.insert(points[static_cast<std::size_t>(i)]);
      std::set<Point> found;
      for (const ExactMember& member : SolveExactly(problem).members) {
        EXPECT_TRUE(genomes.contains(problem.GenomeOf(member)));
        EXPECT_EQ(problem.PointOf(member), member.objectives);
        found.insert(member.objectives);
      }
      EXPECT_EQ(found, expected) << specs[0].name << " with " << testing::PrintToString(rules);
    }
  }
}

// Of the families of a space of 3 and 6 heads, whose logarithms and times no unit holds exactly:
// how many are solved by halves.
std::int64_t FamiliesOfHalves(const std::vector<std::string>& constraints,
                              const std::vector<ObjectiveSpec>& specs) {
  const auto with = [](const std::vector<std::string>& rules) {
    return TinySpace({1, 2, 3}, {66, 96}, {64, 128, 192, 320}, {2, 3, 6}, true, rules);
  };
  const SearchSpace space = with(constraints);
  const SearchOptions options = Options(specs);
  const CostModel model = ModelOfMadeUpDevice(with({}), options, 30);
  SeparableSpace problem(space, options);
  problem.SetModel(&model, Outlook::kExpected);
  std::int64_t count = 0;
  for (std::int64_t family = 0; family < problem.families(); ++family) {
    count += static_cast<std::int64_t>(
        SplitFamily(problem.components(), problem.GetFamily(family)).has_value());
  }
  return count;
}

TEST(SeparableSpace, LayersAreHalvesUnlessAConstraintTiesThem) {
  const std::vector<std::vector<ObjectiveSpec>> problems = {
      {{"lts_law"}, {"latency_ms"}, {"peak_memory_mib"}},
      {{"decoder_params", Direction::kMaximize}, {"ttft_ms"}, {"tpot_ms"}},
      {{"nsc"}, {"gemstones"}, {"tpot_ms"}}};
  for (const auto& specs : problems) {
    EXPECT_EQ(FamiliesOfHalves({}, specs), 2) << specs[0].name;
    EXPECT_EQ(FamiliesOfHalves({"d_inner >= 1.5 * d_model", "n_head <= d_model / 22"}, specs), 2);
    EXPECT_EQ(FamiliesOfHalves({"d_inner >= 50 * n_head"}, specs), 0);
  }
}

TEST(SeparableSpace, RefusesWhatIsNoSumOverLayers) {
  const auto error = [](const SearchSpace& space, const SearchOptions& options) -> std::string {
    try {
      const SeparableSpace problem(space, options);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_THAT(error(Heterogeneous(), Options({{"archai_memory_mib"}})),
              HasSubstr("'archai_memory_mib' is no sum over layers"));
  EXPECT_THAT(error(Heterogeneous(), Options({{"o1"}})), HasSubstr("needs metrics"));
  EXPECT_THAT(error(Heterogeneous({"decoder_params > 100 * d_inner"}), Options({{"latency_ms"}})),
              HasSubstr("cannot tie a metric to d_inner"));
}

}  // namespace
}  // namespace lts

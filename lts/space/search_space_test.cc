#include "lts/space/search_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "lts/arch/graph.h"
#include "lts/base/error.h"

namespace lts {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Workload kWorkload{};

SpaceFields Small(std::vector<std::string> constraints = {}) {
  return {.name = "small",
          .dimensions = {{"n_layer", {1, 2, 4}},
                         {"d_model", {64, 128}},
                         {"d_inner", {64, 128, 256}},
                         {"n_head", {2, 4}}},
          .constraints = std::move(constraints)};
}

// As Small(), with d_inner and n_head for each layer.
SpaceFields PerLayer(std::vector<std::string> constraints = {}) {
  SpaceFields fields = Small(std::move(constraints));
  fields.dimensions[2].per_layer = true;
  fields.dimensions[3].per_layer = true;
  return fields;
}

template <typename Function>
std::string ErrorOf(const Function& function, ErrorCode code = ErrorCode::kInvalidArgument) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

SpaceFields Preset(std::string_view name) {
  for (const SpaceFields& fields : SpacePresets()) {
    if (fields.name == name) return fields;
  }
  ADD_FAILURE() << name;
  return {};
}

TEST(SearchSpace, CountsSharedSpacesExactly) {
  EXPECT_EQ(SearchSpace(Small()).Size().exact, 3 * 2 * 3 * 2);
  EXPECT_NEAR(SearchSpace(Small()).Size().log10, std::log10(36), 1e-12);
}

TEST(SearchSpace, CountsPerLayerSpacesWithoutSilentGenes) {
  // 2 widths, 6 shapes for each layer: 2 (6 + 6^2 + 6^4).
  EXPECT_EQ(SearchSpace(PerLayer()).Size().exact, 2 * (6 + 36 + 1296));
  EXPECT_NEAR(SearchSpace(PerLayer()).Size().log10, std::log10(2676), 1e-9);
  SpaceFields mixed = PerLayer();
  mixed.dimensions[3].per_layer = false;  // 4 common, 3 for each layer
  EXPECT_EQ(SearchSpace(mixed).Size().exact, 4 * (3 + 9 + 81));
}

TEST(SearchSpace, GivesTheLogarithmOfHugeSpaces) {
  const SpaceSize size = SearchSpace(Preset("lts-gpt2")).Size();
  EXPECT_FALSE(size.exact.has_value());
  double points = 0;
  for (int layers = 2; layers <= 15; ++layers) points += 14 * std::pow(62 * 3, layers);
  EXPECT_NEAR(size.log10, std::log10(points), 1e-9);
  SpaceFields edge = PerLayer();  // 2^62 points: 62 layers of 2 shapes, all else single
  edge.dimensions = {
      {"n_layer", {62}}, {"d_model", {64}}, {"d_inner", {64, 128}, true}, {"n_head", {2}}};
  EXPECT_EQ(SearchSpace(edge).Size().exact, std::int64_t{1} << 62);
  edge.dimensions[0].values = {63};
  EXPECT_FALSE(SearchSpace(edge).Size().exact.has_value());
  EXPECT_NEAR(SearchSpace(edge).Size().log10, 63 * std::log10(2), 1e-9);
}

TEST(SearchSpace, PresetsHaveThePublishedSizes) {
  EXPECT_EQ(SpacePresets().size(), 6U);
  EXPECT_EQ(SearchSpace(Preset("archai-gpt2")).Size().exact, 5880);
  EXPECT_EQ(SearchSpace(Preset("archai-gpt2")).Enumerate(kWorkload).size(), 5424U);
  EXPECT_EQ(SearchSpace(Preset("text-predictor")).Size().exact, 146900);
  EXPECT_EQ(SearchSpace(Preset("lts-gpt2")).gene_count(), 2 + 15 + 15);
  EXPECT_EQ(SearchSpace(Preset("lts-gpt2-homogeneous")).Size().exact, 14 * 14 * 62 * 3);
  EXPECT_EQ(SearchSpace(Preset("lts-transformer-xl")).gene_count(), 2 + 16 + 16);
  EXPECT_EQ(SearchSpace(Preset("lts-transformer-xl-homogeneous")).Size().exact, 15 * 14 * 62 * 3);
}

// The first model of the paper's frontier on ARM, by the vocabulary of its search.
TEST(SearchSpace, TheTransformerXlPresetHoldsThePapersModels) {
  const SearchSpace space(Preset("lts-transformer-xl"));
  const Architecture model = space.Build(512, {{2, 2, 1216}, {2, 2, 1280}});
  EXPECT_EQ(model.backbone(), "transfo-xl");
  EXPECT_EQ(model.settings().memory_tokens, 192);
  EXPECT_EQ(model.settings().adaptive->d_embed, 512) << "d_embed follows d_model";
  const auto genome = space.Encode(model);
  ASSERT_TRUE(genome.has_value());
  EXPECT_EQ(space.Decode(*genome), model);
  EXPECT_TRUE(space.Satisfies(*genome, kWorkload));
  EXPECT_EQ(CountParameters(BuildGraph(model)).decoder(), 5187008);

  ArchitectureFields other = model.fields();
  other.settings->memory_tokens = 32;
  EXPECT_FALSE(space.Encode(Architecture(other)).has_value()) << "the space fixes the memory";
}

TEST(SearchSpace, FixesTheSettingsThatABackboneLeavesOpen) {
  SpaceFields fields = Small();
  fields.memory_tokens = 64;
  EXPECT_THAT(ErrorOf([&] { SearchSpace{fields}; }), HasSubstr("'memory_tokens': gpt2 has no"));
  fields.backbone = "transfo-xl";
  EXPECT_EQ(SearchSpace(fields).Decode(Genome{0, 0, 0, 0}).settings().memory_tokens, 64);
  fields.adaptive = AdaptiveVocabulary{.div_val = 32, .cutoffs = {10, 20}};
  EXPECT_THAT(ErrorOf([&] { SearchSpace{fields}; }), HasSubstr("div_val: got 32, expected less"));
  fields.adaptive->div_val = 2;
  EXPECT_EQ(SearchSpace(fields).Decode(Genome{0, 0, 0, 0}).settings().adaptive->cutoffs,
            fields.adaptive->cutoffs);
  fields = Small();
  fields.backbone = "opt";
  fields.adaptive = AdaptiveVocabulary{};
  EXPECT_THAT(ErrorOf([&] { SearchSpace{fields}; }), HasSubstr("'adaptive': opt has no"));
}

TEST(SearchSpace, TheTextPredictorPresetHoldsThePapersModels) {
  const SearchSpace space(Preset("text-predictor"));
  std::string violated;
  const auto satisfies = [&](std::int64_t layers, std::int64_t d_model, std::int64_t d_inner,
                             std::int64_t heads) {
    const auto genome = space.Encode(Architecture::Gpt2(layers, d_model, d_inner, heads));
    return genome && space.Satisfies(*genome, kWorkload, &violated);
  };
  EXPECT_TRUE(satisfies(12, 1024, 4096, 16));  // baseline
  EXPECT_TRUE(satisfies(6, 1856, 3712, 4));    // C2
  EXPECT_TRUE(satisfies(7, 1280, 6016, 16));   // C3-h16
  EXPECT_FALSE(satisfies(7, 1984, 1664, 4));   // C1, which the second pass excludes
  EXPECT_EQ(violated, "d_inner >= 2 * d_model");
}

// The paper rejects d_inner < int(1.7 d_model); the preset has no int().
TEST(SearchSpace, TheLtsPresetHasThePapersRatioOnItsWholeGrid) {
  const Constraint ratio = Constraint::Parse(Preset("lts-gpt2").constraints[0]);
  ASSERT_THAT(ratio.names(), ElementsAre("d_inner", "d_model"));
  for (int d_model = 128; d_model <= 960; d_model += 64) {
    for (int d_inner = 128; d_inner <= 4032; d_inner += 64) {
      EXPECT_EQ(ratio.Holds(std::vector<double>{static_cast<double>(d_inner),
                                                static_cast<double>(d_model)}),
                d_inner >= static_cast<int>(1.7 * d_model))
          << d_inner << " " << d_model;
    }
  }
}

TEST(SearchSpace, OrdersGenesAsThePaperDoes) {
  const SearchSpace space(PerLayer());
  ASSERT_EQ(space.gene_count(), 10);
  std::vector<std::int64_t> layers;
  std::vector<std::int64_t> counts;
  for (std::int64_t gene = 0; gene < space.gene_count(); ++gene) {
    layers.push_back(space.LayerOf(gene));
    counts.push_back(space.GeneValues(gene));
  }
  EXPECT_THAT(layers, ElementsAre(-1, -1, 0, 1, 2, 3, 0, 1, 2, 3));
  EXPECT_THAT(counts, ElementsAre(3, 2, 3, 3, 3, 3, 2, 2, 2, 2));
  EXPECT_EQ(SearchSpace(Small()).gene_count(), 4);
  EXPECT_EQ(SearchSpace(Small()).LayerOf(3), -1);
}

TEST(SearchSpace, DecodesAndEncodes) {
  const SearchSpace space(PerLayer());
  const Genome genome{1, 1, 2, 0, 0, 0, 1, 0, 0, 0};
  const Architecture architecture = space.Decode(genome);
  EXPECT_EQ(architecture.n_layer(), 2);
  EXPECT_EQ(architecture.d_model(), 128);
  EXPECT_THAT(architecture.layers(),
              ElementsAre(LayerShape{.n_head = 4, .n_kv_head = 4, .d_inner = 256},
                          LayerShape{.n_head = 2, .n_kv_head = 2, .d_inner = 64}));
  EXPECT_EQ(architecture.vocab_size(), 50257);
  EXPECT_EQ(architecture.max_seq_len(), 1024);
  EXPECT_EQ(space.Encode(architecture), genome);
}

TEST(SearchSpace, EncodesNothingFromOutside) {
  const SearchSpace space(Small());
  EXPECT_TRUE(space.Encode(Architecture::Gpt2(2, 64, 128, 4)).has_value());
  EXPECT_FALSE(space.Encode(Architecture::Gpt2(3, 64, 128, 4)).has_value());         // n_layer
  EXPECT_FALSE(space.Encode(Architecture::Gpt2(2, 96, 128, 4)).has_value());         // d_model
  EXPECT_FALSE(space.Encode(Architecture::Gpt2(2, 64, 100, 4)).has_value());         // d_inner
  EXPECT_FALSE(space.Encode(Architecture::Gpt2(2, 64, 128, 8)).has_value());         // n_head
  EXPECT_FALSE(space.Encode(Architecture::Gpt2(2, 64, 128, 4, 50000)).has_value());  // vocabulary
  EXPECT_FALSE(space.Encode(Architecture::Gpt2(2, 64, 128, 4, 50257, 512)).has_value());
  ArchitectureFields mixed{.d_model = 64,
                           .layers = {{.n_head = 2, .n_kv_head = 2, .d_inner = 64},
                                      {.n_head = 2, .n_kv_head = 2, .d_inner = 128}}};
  EXPECT_FALSE(
      space.Encode(Architecture(mixed)).has_value());  // layers differ, but d_inner is shared
  EXPECT_TRUE(SearchSpace(PerLayer()).Encode(Architecture(mixed)).has_value());
}

TEST(SearchSpace, CanonicalSilencesAbsentLayers) {
  const SearchSpace space(PerLayer());
  EXPECT_EQ(space.Canonical({0, 1, 2, 1, 1, 2, 1, 1, 1, 1}),
            (Genome{0, 1, 2, 0, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(space.Canonical({2, 1, 2, 1, 1, 2, 1, 1, 1, 1}),
            (Genome{2, 1, 2, 1, 1, 2, 1, 1, 1, 1}));
  const SearchSpace shared(Small());
  EXPECT_EQ(shared.Canonical({0, 1, 2, 1}), (Genome{0, 1, 2, 1}));
}

TEST(SearchSpace, RequiresHeadsToDivideTheModel) {
  SpaceFields fields = Small();
  fields.dimensions[3].values = {2, 3};
  const SearchSpace space(fields);
  std::string violated;
  EXPECT_TRUE(space.Satisfies({0, 0, 0, 0}, kWorkload, &violated));
  EXPECT_FALSE(space.Satisfies({0, 0, 0, 1}, kWorkload, &violated));
  EXPECT_EQ(violated, "d_model % n_head == 0");
  EXPECT_EQ(space.Enumerate(kWorkload).size(), 18U);
}

TEST(SearchSpace, ConstrainsEveryLayerWithItsOwnValues) {
  const SearchSpace space(PerLayer({"d_inner >= 64 * n_head"}));  // n_head 2 needs 128, 4 needs 256
  EXPECT_TRUE(space.Satisfies({1, 0, 1, 2, 0, 0, 0, 1, 0, 0}, kWorkload));   // (128, 2), (256, 4)
  EXPECT_FALSE(space.Satisfies({1, 0, 1, 1, 0, 0, 0, 1, 0, 0}, kWorkload));  // (128, 2), (128, 4)
  EXPECT_TRUE(
      space.Satisfies({0, 0, 1, 1, 0, 0, 0, 1, 0, 0}, kWorkload));  // one layer: the rest is silent
}

TEST(SearchSpace, CountsMetricsForConstraints) {
  const Architecture architecture = Architecture::Gpt2(2, 64, 128, 4);
  const Graph graph = BuildGraph(architecture);
  const WorkloadCounts counts = CountWorkload(graph, {192, 32, 1}, DType::kFloat32);
  const std::vector<std::pair<std::string, double>> metrics = {
      {"decoder_params", static_cast<double>(CountParameters(graph).decoder())},
      {"total_params", static_cast<double>(CountParameters(graph).total())},
      {"flops", static_cast<double>(counts.total_flops)},
      {"weights_mib", static_cast<double>(counts.weight_bytes) / (1 << 20)},
      {"kv_cache_mib", static_cast<double>(counts.kv_cache_bytes) / (1 << 20)}};
  for (const auto& [name, value] : metrics) {
    char text[64];
    std::snprintf(text, sizeof text, "%s == %.17g", name.c_str(), value);
    const SearchSpace space(Small({text}));
    EXPECT_TRUE(space.Satisfies(*space.Encode(architecture), kWorkload)) << text;
    EXPECT_FALSE(space.Satisfies({0, 0, 0, 0}, kWorkload)) << text;
  }
}

TEST(SearchSpace, BlamesTheFirstViolatedConstraintCheapOnesFirst) {
  const SearchSpace space(Small({"decoder_params < 10e6", "d_inner >= d_model"}));
  std::string violated;
  EXPECT_FALSE(space.Satisfies({0, 1, 0, 0}, kWorkload, &violated));
  EXPECT_EQ(violated, "d_inner >= d_model");
}

TEST(SearchSpace, RefusesAWorkloadThatItCannotCount) {
  SpaceFields fields = Small({"flops < 1e15"});
  fields.max_seq_len = 100;
  const SearchSpace space(fields);
  EXPECT_THAT(ErrorOf([&] {
                (void)space.Satisfies({0, 0, 0, 0}, kWorkload);
              }),
              AllOf(HasSubstr("max_seq_len is 100"), HasSubstr("need 223")));
}

TEST(SearchSpace, TreatsOverflowingCountsAsInfinite) {
  SpaceFields fields = Small({"flops >= 0"});
  fields.max_seq_len = kMaxSeqLen;
  fields.dimensions = {{"n_layer", {kMaxLayers}},
                       {"d_model", {kMaxDModel}},
                       {"d_inner", {kMaxDInner}},
                       {"n_head", {1}}};
  const Workload huge{.prompt_tokens = kMaxSeqLen / 2, .output_tokens = 1, .batch = 1 << 20};
  EXPECT_TRUE(SearchSpace(fields).Satisfies({0, 0, 0, 0}, huge));
  fields.constraints = {"flops < 1e300"};
  EXPECT_FALSE(SearchSpace(fields).Satisfies({0, 0, 0, 0}, huge));
}

TEST(SearchSpace, RefusesBadDimensions) {
  const auto error = [&](const auto& change) {
    SpaceFields fields = Small();
    change(fields);
    return ErrorOf([&] { SearchSpace space(fields); });
  };
  EXPECT_THAT(error([](auto& f) { f.name = ""; }), HasSubstr("'name'"));
  EXPECT_THAT(error([](auto& f) { f.name = "a\nb"; }),
              AllOf(HasSubstr("'name'"), HasSubstr("a\\n")));
  EXPECT_THAT(error([](auto& f) { f.vocab_size = 0; }),
              AllOf(HasSubstr("vocab_size"), HasSubstr("got 0")));
  EXPECT_THAT(error([](auto& f) { f.max_seq_len = kMaxSeqLen + 1; }), HasSubstr("max_seq_len"));
  EXPECT_THAT(error([](auto& f) { f.dimensions.pop_back(); }), HasSubstr("'n_head' is missing"));
  EXPECT_THAT(error([](auto& f) { f.dimensions.push_back(f.dimensions[0]); }), HasSubstr("twice"));
  EXPECT_THAT(error([](auto& f) { std::swap(f.dimensions[0], f.dimensions[1]); }),
              HasSubstr("in this order"));
  EXPECT_THAT(error([](auto& f) { f.dimensions[1].values = {}; }),
              HasSubstr("'d_model': got 0 values"));
  EXPECT_THAT(error([](auto& f) {
                f.dimensions[1].values = {128, 64};
              }),
              HasSubstr("got 64 after 128"));
  EXPECT_THAT(error([](auto& f) {
                f.dimensions[1].values = {64, 64};
              }),
              HasSubstr("without repetition"));
  EXPECT_THAT(error([](auto& f) { f.dimensions[0].values = {0}; }), HasSubstr("'n_layer': got 0"));
  EXPECT_THAT(error([](auto& f) { f.dimensions[0].values = {kMaxLayers + 1}; }),
              HasSubstr("[1, 4096]"));
  EXPECT_THAT(error([](auto& f) { f.dimensions[1].per_layer = true; }),
              HasSubstr("cannot be per_layer"));
  EXPECT_THAT(ErrorOf(
                  [] {
                    SpaceFields fields = Small();
                    fields.dimensions[1].name = "d_modl";
                    SearchSpace space(fields);
                  },
                  ErrorCode::kNotFound),
              HasSubstr("did you mean 'd_model'"));
  EXPECT_THAT(ErrorOf(
                  [] {
                    SpaceFields fields = Small();
                    fields.backbone = "gtp2";
                    SearchSpace space(fields);
                  },
                  ErrorCode::kNotFound),
              HasSubstr("did you mean 'gpt2'"));
}

TEST(SearchSpace, RefusesBadConstraints) {
  const auto error = [](const std::string& text, ErrorCode code = ErrorCode::kInvalidArgument) {
    return ErrorOf([&] { SearchSpace space(Small({text})); }, code);
  };
  EXPECT_THAT(error("d_iner > 3", ErrorCode::kNotFound),
              AllOf(HasSubstr("space 'small'"), HasSubstr("'d_iner > 3'"),
                    HasSubstr("did you mean 'd_inner'")));
  EXPECT_THAT(error("decoder_parms > 3", ErrorCode::kNotFound),
              HasSubstr("did you mean 'decoder_params'"));
  EXPECT_THAT(error("latency_ms < 50"), HasSubstr("has to be measured"));
  EXPECT_THAT(error("d_model >"), HasSubstr("column"));
  EXPECT_THAT(error("1 < 2"), HasSubstr("names nothing"));
  EXPECT_THAT(
      ErrorOf([] { SearchSpace space(Small(std::vector<std::string>(61, "d_model > 1"))); }),
      HasSubstr("61 constraints"));
}

TEST(SearchSpace, BlamesAConstraintThatNoValueOfItsDimensionSatisfies) {
  EXPECT_EQ(ErrorOf([] { SearchSpace space(Small({"n_layer > 20"})); }),
            "space 'small': no architecture satisfies 'n_layer > 20': n_layer is 1..4");
  EXPECT_THAT(ErrorOf([] {
                SearchSpace space(Small({"n_layer > 3", "n_layer < 2"}));
              }),
              AllOf(HasSubstr("'n_layer < 2'"), HasSubstr("other constraints")));
}

TEST(SearchSpace, WithAddsConstraints) {
  const SearchSpace space(Small({"d_model == 64"}));
  const std::vector<std::string> more{"n_layer == 2", "n_head == 4"};
  const SearchSpace narrower = space.With(more);
  EXPECT_EQ(narrower.Enumerate(kWorkload).size(), 3U);
  EXPECT_EQ(space.Enumerate(kWorkload).size(), 18U);
  EXPECT_THAT(narrower.fields().constraints,
              ElementsAre("d_model == 64", "n_layer == 2", "n_head == 4"));
}

}  // namespace
}  // namespace lts

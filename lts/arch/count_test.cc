// Parameter counts: literal published totals, the gallery and the trained models of the LTS paper.
#include "lts/arch/count.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/benchmark_row.h"
#include "lts/arch/other_decoders.h"
#include "lts/arch/published_data.h"
#include "lts/base/error.h"

namespace lts {
namespace {

ParameterCounts Count(const Architecture& architecture) {
  return CountParameters(BuildGraph(architecture));
}

TEST(CountParameters, EqualsThePublishedSizesOfGpt2) {
  EXPECT_EQ(Count(Architecture::Gpt2(12, 768, 3072, 12)).total(), 124439808);
  EXPECT_EQ(Count(Architecture::Gpt2(24, 1024, 4096, 16)).total(), 354823168);
  EXPECT_EQ(Count(Architecture::Gpt2(36, 1280, 5120, 20)).total(), 774030080);
  EXPECT_EQ(Count(Architecture::Gpt2(48, 1600, 6400, 25)).total(), 1557611200);
}

TEST(ArchaiMemoryBytes, EqualsThePublishedMemoryOfTheGallery) {
  const auto rows = ReadPublishedCsv("lts_gallery/gallery.csv");
  if (rows.empty()) GTEST_SKIP() << "no lts_gallery beside the repository";
  for (const auto& row : rows) {
    const auto field = [&](const char* name) { return std::stoll(row.at(name)); };
    const Architecture architecture =
        Architecture::Gpt2(field("n_layer"), field("d_model"), field("d_inner"), field("n_head"));
    const auto bytes = static_cast<double>(ArchaiMemoryBytes(BuildGraph(architecture)));
    EXPECT_NEAR(bytes / (1 << 20), std::stod(row.at("memory_MB")), 0.0051) << row.at("archid");
  }
}

// Biases and gains that start equal and have equal length are in the file once.
TEST(ArchaiMemoryBytes, CountsEqualVectorsOnce) {
  const std::int64_t L = 3, d = 64, i = 200, V = 1000, S = 128;
  const std::int64_t matrices = L * (4 * d * d + 2 * d * i) + V * d + S * d;
  const std::int64_t vectors = d + d + 3 * d + i;  // ones(d), zeros(d), zeros(3 d), zeros(i)
  const Graph graph = BuildGraph(Architecture::Gpt2(L, d, i, 4, V, S));
  EXPECT_EQ(ArchaiMemoryBytes(graph), 4 * (matrices + vectors) + 1940 * L + 6500);
  const Graph wide = BuildGraph(Architecture::Gpt2(L, d, 3 * d, 4, V, S));
  EXPECT_EQ(ArchaiMemoryBytes(wide),
            4 * (L * (4 * d * d + 6 * d * d) + V * d + S * d + d + d + 3 * d) + 1940 * L + 6500);
}

TEST(CountParameters, SplitsGpt2ByRole) {
  const std::int64_t L = 3, d = 64, i = 200, V = 1000, S = 128;
  const ParameterCounts counts = Count(Architecture::Gpt2(L, d, i, 4, V, S));
  EXPECT_EQ(counts.attention, L * (4 * d * d + 4 * d));
  EXPECT_EQ(counts.feed_forward, L * (2 * d * i + i + d));
  EXPECT_EQ(counts.norm, L * 4 * d + 2 * d);
  EXPECT_EQ(counts.decoder(), L * (4 * d * d + 2 * d * i + 9 * d + i) + 2 * d);
  EXPECT_EQ(counts.token_embedding, V * d);
  EXPECT_EQ(counts.position_embedding, S * d);
  EXPECT_EQ(counts.head, 0);
  EXPECT_EQ(counts.total(), counts.decoder() + V * d + S * d);
}

TEST(CountParameters, AddsUpLayersThatDiffer) {
  ArchitectureFields fields;
  fields.d_model = 64;
  fields.layers = {{2, 2, 100}, {8, 8, 333}};
  const std::int64_t d = 64;
  EXPECT_EQ(Count(Architecture(fields)).decoder(),
            2 * (4 * d * d + 9 * d) + (2 * d + 1) * (100 + 333) + 2 * d);
}

TEST(CountParameters, IgnoresTheNumberOfHeads) {
  EXPECT_EQ(Count(Architecture::Gpt2(4, 256, 512, 2)), Count(Architecture::Gpt2(4, 256, 512, 8)));
}

// Each is the count that the model's own release states.
TEST(CountParameters, EqualsThePublishedSizesOfOtherDecoders) {
  EXPECT_EQ(CountParameters(OptGraph(12, 768, 3072, 12, 50272, 2048)).total(), 125239296);
  EXPECT_EQ(CountParameters(ProjectedOptGraph(24, 1024, 512, 4096, 16, 50272, 2048)).total(),
            331196416);
  EXPECT_EQ(CountParameters(CodeGenGraph(20, 1024, 4096, 16, 32, 51200, 2048)).total(), 356712448);
  EXPECT_EQ(CountParameters(LlamaGraph(22, 2048, 5632, 32, 4, 32000, 2048)).total(), 1100048384);
  EXPECT_EQ(CountParameters(LlamaGraph(32, 4096, 11008, 32, 32, 32000, 4096)).total(), 6738415616);
}

TEST(CountParameters, RefusesCountsThatOverflow) {
  Graph graph;
  graph.tensors.push_back({.name = "huge", .shape = {INT64_MAX / 2, 3}});
  EXPECT_THROW(CountParameters(graph), Error);
  graph.tensors = {{.name = "a", .shape = {INT64_MAX}}, {.name = "b", .shape = {1}}};
  EXPECT_THROW(CountParameters(graph), Error);
}

TEST(CountParameters, EqualsTheGallery) {
  const auto rows = ReadPublishedCsv("lts_gallery/gallery_extra.csv");
  if (rows.empty()) GTEST_SKIP() << "no lts_gallery beside the repository";
  for (const auto& row : rows) {
    const Architecture architecture =
        ReadArchitecture(PublishedData("lts_gallery/" + row.at("archid") + ".json"));
    const ParameterCounts counts = Count(architecture);
    EXPECT_EQ(counts.decoder(), std::stoll(row.at("non_embedding_params_exact")));
    EXPECT_EQ(counts.total(), std::stoll(row.at("total_params_tied")));
  }
}

class TrainedModels : public testing::TestWithParam<std::string> {};

TEST_P(TrainedModels, HaveTheirPublishedCounts) {
  const auto rows = ReadPublishedCsv("lts_benchmark/" + GetParam());
  if (rows.empty()) GTEST_SKIP() << "no lts_benchmark beside the repository";
  for (const auto& row : rows) {
    SCOPED_TRACE(row.at("id"));
    const auto published = [&](const char* column) { return std::stoll(row.at(column)); };
    const Graph graph = BuildGraph(ArchitectureOfBenchmarkRow(ParseBenchmarkRow(row, GetParam())));
    ValidateGraph(graph);
    const ParameterCounts counts = CountParameters(graph);
    EXPECT_EQ(counts.attention, published("params_attn"));
    EXPECT_EQ(counts.feed_forward, published("params_ffn"));
    EXPECT_EQ(counts.decoder(), published("params_nonembedding"));
    EXPECT_EQ(counts.embedding(), published("params_adaemb"));
    EXPECT_EQ(counts.total(), published("params_total"));
  }
}

INSTANTIATE_TEST_SUITE_P(Lts, TrainedModels,
                         testing::Values("random_GPT2_wt103.csv", "pareto_GPT2_lm1b_arm.csv",
                                         "pareto_GPT2_lm1b_corei7.csv", "random_TransXL_wt103.csv",
                                         "random_TransXL_wt103_homogeneous.csv",
                                         "pareto_TransXL_lm1b_arm.csv",
                                         "pareto_TransXL_lm1b_corei7.csv"),
                         [](const auto& test) {
                           return test.param.substr(0, test.param.find('.'));
                         });

// Of one layer all but the keys and values of the last position is left out; every layer before it
// counts whole.
TEST(LeastPrefillFlops, LeavesOutWhatTheLastLogitsDoNotNeed) {
  const auto counts = [](std::int64_t n_layer, std::int64_t tokens) {
    return CountWorkload(BuildGraph(Architecture::Gpt2(n_layer, 64, 256, 4)),
                         {.prompt_tokens = tokens, .output_tokens = 1}, DType::kFloat32);
  };
  for (const std::int64_t n_layer : {1, 3}) {
    EXPECT_EQ(counts(n_layer, 1).least_prefill_flops, counts(n_layer, 1).prefill_flops);
  }
  constexpr std::int64_t kTokens = 17;
  EXPECT_EQ(counts(3, kTokens).least_prefill_flops - counts(1, kTokens).least_prefill_flops,
            counts(3, kTokens).prefill_flops - counts(1, kTokens).prefill_flops);
  constexpr std::int64_t kD = 64;
  const std::int64_t per_token = 2 * kD * kD + kD                 // queries
                                 + 2 * kD * kD + kD               // output
                                 + 2 * (2 * kD * 256) + 256 + kD  // feed-forward
                                 + 9 * 256                        // gelu_tanh
                                 + 2 * kD                         // residuals
                                 + 2 * 7 * kD;                    // two norms
  const std::int64_t per_pair = 4 * kD + 6 * 4;
  EXPECT_EQ(counts(1, kTokens).prefill_flops - counts(1, kTokens).least_prefill_flops,
            (kTokens - 1) * per_token + kTokens * (kTokens - 1) / 2 * per_pair);
}

}  // namespace
}  // namespace lts

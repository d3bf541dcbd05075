#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "lts/arch/count.h"
#include "lts/base/error.h"
#include "lts/objectives/objective.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

TEST(Objectives, EveryMetricIsAnObjectiveInTheSameOrder) {
  ASSERT_EQ(Objectives().size(), Metrics().size());
  for (std::size_t i = 0; i < Metrics().size(); ++i) {
    EXPECT_EQ(Objectives()[i]->metric, Metrics()[i].metric);
  }
}

TEST(Objectives, CountsExactlyWhatTheMetricTableCallsUnmeasured) {
  for (const Objective* objective : Objectives()) {
    const MetricInfo& info = Info(objective->metric);
    EXPECT_EQ(objective->by == MeasuredBy::kCounting, !info.measured) << info.name;
    EXPECT_EQ(objective->count != nullptr, !info.measured && !info.by_law) << info.name;
    EXPECT_FALSE(objective->summary.empty()) << info.name;
  }
}

TEST(Objectives, FindsByName) {
  EXPECT_EQ(FindObjective("ttft_ms").metric, Metric::kTtftMs);
  EXPECT_EQ(FindObjective("peak_memory_mib").by, MeasuredBy::kMemoryProbe);
}

TEST(Objectives, ALawsObjectiveIsItsPredictionWithTheInterval) {
  const Architecture architecture = Architecture::Gpt2(4, 256, 1024, 4);
  for (const Objective* objective : Objectives()) {
    const std::string_view name = Info(objective->metric).name;
    if (!Info(objective->metric).by_law) continue;
    const Measurement m = Count(*objective, architecture, {}, {});
    EXPECT_EQ(m.value, LawValue(FindLaw(name), architecture)) << name;
    EXPECT_EQ(m.source, "law");
    EXPECT_LT(m.low, m.value) << name;
    EXPECT_GT(m.high, m.value) << name;
  }
}

TEST(Objectives, SuggestsTheNearestName) {
  try {
    FindObjective("latncy_ms");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("latency_ms"));
  }
}

TEST(Objectives, OnnxFileFollowsTheDtype) {
  const Architecture architecture = Architecture::Gpt2(2, 128, 512, 4, 1000, 64);
  const auto mib = [&](DType dtype) {
    RuntimeConfig config;
    config.dtype = dtype;
    return Count(FindObjective("onnx_file_mib"), architecture, {}, config).value;
  };
  const double total = Count(FindObjective("total_params"), architecture, {}, {}).value;
  EXPECT_NEAR(mib(DType::kFloat32), total * 4 / (1 << 20), 0.05);
  EXPECT_NEAR(mib(DType::kBFloat16), total * 2 / (1 << 20), 0.05);
  EXPECT_LT(mib(DType::kInt8), 0.55 * mib(DType::kBFloat16) + 0.1);
}

// GPT-2 with 3 layers, d_model 64, d_inner 96, 2 heads, 100 tokens, 32 positions, by the formulas
// of the LTS paper (section 4): a layer has 4 d^2 + 4 d (attention), 2 d i + i + d (feed-forward)
// and 4 d (norms) parameters, and the decoder ends with a norm of 2 d.
TEST(Objectives, CountsAKnownArchitecture) {
  const std::int64_t layers = 3, d = 64, i = 96, vocab = 100, positions = 32;
  const Architecture architecture = Architecture::Gpt2(layers, d, i, 2, vocab, positions);
  const Workload workload{.prompt_tokens = 20, .output_tokens = 5, .batch = 2};
  const RuntimeConfig config;
  const auto count = [&](std::string_view name) {
    return Count(FindObjective(name), architecture, workload, config).value;
  };
  const std::int64_t decoder = layers * (4 * d * d + 4 * d + 2 * d * i + i + d + 4 * d) + 2 * d;
  const std::int64_t total = decoder + vocab * d + positions * d;
  EXPECT_EQ(count("decoder_params"), static_cast<double>(decoder));
  EXPECT_EQ(count("total_params"), static_cast<double>(total));
  EXPECT_DOUBLE_EQ(count("weights_mib"), static_cast<double>(4 * total) / (1 << 20));
  // Keys and values of 24 tokens, two sequences, 4 bytes each.
  EXPECT_DOUBLE_EQ(count("kv_cache_mib"),
                   static_cast<double>(2 * layers * 24 * d * 2 * 4) / (1 << 20));
  const WorkloadCounts counts =
      CountWorkload(BuildGraph(architecture), {20, 5, 2}, DType::kFloat32);
  EXPECT_EQ(count("flops"), static_cast<double>(counts.total_flops));
}

TEST(Objectives, TheCacheFollowsItsOwnDtype) {
  const Architecture architecture = Architecture::Gpt2(2, 64, 128, 2, 1000, 64);
  const Workload workload{.prompt_tokens = 8, .output_tokens = 2, .batch = 1};
  const auto bytes = [&](DType dtype, std::optional<DType> kv_dtype) {
    RuntimeConfig config;
    config.dtype = dtype;
    config.kv_dtype = kv_dtype;
    return Count(FindObjective("kv_cache_mib"), architecture, workload, config).value * (1 << 20);
  };
  EXPECT_DOUBLE_EQ(bytes(DType::kFloat32, {}), 2 * 2 * 9 * 64 * 4);
  EXPECT_DOUBLE_EQ(bytes(DType::kInt8, {}), 2 * 2 * 9 * 64 * 2);
  EXPECT_DOUBLE_EQ(bytes(DType::kFloat32, DType::kInt8), 2 * 2 * 9 * (64 + 2 * 4));
}

TEST(Objectives, WeightsFollowTheDtype) {
  const Architecture architecture = Architecture::Gpt2(2, 64, 128, 2, 1000, 64);
  const Workload workload{.prompt_tokens = 8, .output_tokens = 2, .batch = 1};
  const auto weights = [&](DType dtype) {
    return Count(FindObjective("weights_mib"), architecture, workload, {.dtype = dtype}).value;
  };
  EXPECT_LT(weights(DType::kBFloat16), 0.6 * weights(DType::kFloat32));
  EXPECT_LT(weights(DType::kInt8), weights(DType::kBFloat16));
}

TEST(Objectives, ACountIsAnExactMeasurement) {
  const Measurement m = Count(FindObjective("flops"), Architecture::Gpt2(1, 64, 64, 2, 100, 64),
                              {.prompt_tokens = 4, .output_tokens = 2, .batch = 1}, {});
  EXPECT_EQ(m.metric, Metric::kFlops);
  EXPECT_EQ(m.source, "count");
  EXPECT_EQ(m.low, m.value);
  EXPECT_EQ(m.high, m.value);
  EXPECT_EQ(m.p95, m.value);
  EXPECT_TRUE(m.samples.empty());
  EXPECT_FALSE(m.noisy);
}

TEST(Objectives, RefusesAWorkloadBeyondTheContext) {
  EXPECT_THROW(Count(FindObjective("flops"), Architecture::Gpt2(1, 64, 64, 2, 100, 16),
                     {.prompt_tokens = 16, .output_tokens = 2, .batch = 1}, {}),
               Error);
}

}  // namespace
}  // namespace lts

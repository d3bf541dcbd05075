#include "lts/measure/canary.h"

#include <gtest/gtest.h>

#include "lts/arch/count.h"
#include "lts/base/error.h"
#include "lts/runtime/registry/registry.h"

namespace lts {
namespace {

TEST(Canary, StaysTheSame) {
  // References in stores are compared with its times: change it and every stored key must change
  // with it.
  EXPECT_EQ(CanaryKey({"cpu", DType::kFloat32, 2}), CanaryKey({"cpu", DType::kFloat32, 2}));
  EXPECT_TRUE(CanaryKey({}).starts_with(CanaryArchitecture().Id()));
}

TEST(Canary, KeyTellsHowItWasRun) {
  const std::string key = CanaryKey({"cpu", DType::kFloat32, 2});
  EXPECT_NE(key, CanaryKey({"reference", DType::kFloat32, 2}));
  EXPECT_NE(key, CanaryKey({"cpu", DType::kBFloat16, 2}));
  EXPECT_NE(key, CanaryKey({"cpu", DType::kFloat32, 1}));
}

TEST(Canary, DecodeStreamsMoreThanACoresCache) {
  const Workload w = CanaryWorkload();
  const WorkloadCounts counts =
      CountWorkload(BuildGraph(CanaryArchitecture()), {w.prompt_tokens, w.output_tokens, w.batch},
                    DType::kFloat32);
  EXPECT_GT(counts.weight_bytes, 32 << 20);
  EXPECT_GT(w.output_tokens, 1);
  // Prefill is bound by arithmetic: many FLOPs for each byte of weights.
  EXPECT_GT(counts.prefill_flops, 5 * counts.weight_bytes);
}

TEST(Canary, ReferenceSurvivesJson) {
  const CanaryReference reference =
      ParseCanaryReference(ToJson(CanaryReference{6.25, 3.125}), "db");
  EXPECT_EQ(reference.ttft_ms, 6.25);
  EXPECT_EQ(reference.tpot_ms, 3.125);
}

TEST(Canary, RejectsADamagedReference) {
  for (const char* text :
       {R"({"ttft_ms": 1})", R"({"ttft_ms": 0, "tpot_ms": 1})", R"({"ttft_ms": 1, "tpot_ms": "x"})",
        R"([1, 2])", R"({"ttft_ms": 1, "tpot_ms": 1, "more": 1})"}) {
    try {
      ParseCanaryReference(ParseJson(text, "db"), "db: canary");
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("db: canary"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace lts

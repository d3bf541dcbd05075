#include "lts/measure/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "lts/arch/count.h"
#include "lts/base/error.h"
#include "lts/measure/memory_protocol.h"
#include "lts/runtime/registry/registry.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LTS_TEST_SHADOW_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LTS_TEST_SHADOW_MEMORY 1
#endif
#endif

namespace lts {
namespace {

#ifdef LTS_TEST_SHADOW_MEMORY
constexpr bool kShadowMemory =
    true;  // sanitizers' shadow memory is resident, too: bounds mean nothing
#else
constexpr bool kShadowMemory = false;
#endif

constexpr Workload kWorkload{.prompt_tokens = 8, .output_tokens = 3, .batch = 1};

RuntimeConfig Config(const std::string& runtime) {
  RuntimeConfig config;
  config.runtime = runtime;
  return config;
}

// About 12 MiB of weights: far above the noise of a process, quick for the reference runtime.
Architecture SmallModel() { return Architecture::Gpt2(2, 256, 512, 4, 8000, 64); }

std::int64_t WeightBytes(const Architecture& architecture) {
  return CountWorkload(BuildGraph(architecture), {8, 3, 1}, DType::kFloat32).weight_bytes;
}

// A program that stands in for the child.
class Impostor {
 public:
  explicit Impostor(const std::string& script)
      : path_(testing::TempDir() + "lts_memory_probe_" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::ofstream(path_) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
  }
  ~Impostor() { std::filesystem::remove(path_); }
  Impostor(const Impostor&) = delete;
  Impostor& operator=(const Impostor&) = delete;

  Error Probe(double timeout_s = 60) const {
    MemoryProbeOptions options;
    options.executable = path_;
    options.timeout_s = timeout_s;
    try {
      ProbeMemory(SmallModel(), Config("reference"), kWorkload, options);
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorCode::kCorrupt, "no error");
  }

 private:
  std::string path_;
};

struct Engine {
  const char* name;
  int tables;  // copies of a tied token table that it holds
};

class MemoryOfRuntime : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    const Availability here = FindRuntime(GetParam().name).available({});
    if (!here.ok) GTEST_SKIP() << here.reason;
  }
};

TEST_P(MemoryOfRuntime, PeakHoldsTheWeightsAndAgreesWithTheAccount) {
  const MemoryProbeResult result =
      ProbeMemory(SmallModel(), Config(GetParam().name), kWorkload, {});
  const std::int64_t weights = WeightBytes(SmallModel());
  EXPECT_GE(result.account.weights, weights * 9 / 10);
  EXPECT_GT(result.account.kv_cache, 0);
  EXPECT_GT(result.baseline_bytes, 0);
  EXPECT_EQ(result.peak_bytes, std::max(result.load_peak_bytes, result.running_peak_bytes));
  if (kShadowMemory) return;
  EXPECT_GE(result.running_peak_bytes, result.account.weights);
  // Originals and packed weights at most, and 64 MiB for code and libraries touched on the way.
  EXPECT_LE(result.peak_bytes, 2 * weights + result.account.total() + (64 << 20));
}

TEST_P(MemoryOfRuntime, IsRepeatable) {
  if (kShadowMemory) GTEST_SKIP() << "a sanitizer's shadow memory is not repeatable";
  std::int64_t least = INT64_MAX;
  std::int64_t most = 0;
  for (int i = 0; i < 4; ++i) {
    const std::int64_t peak =
        ProbeMemory(SmallModel(), Config(GetParam().name), kWorkload, {}).peak_bytes;
    least = std::min(least, peak);
    most = std::max(most, peak);
  }
  EXPECT_LE(most - least, 2 << 20);
}

TEST_P(MemoryOfRuntime, GrowsWithTheModel) {
  if (kShadowMemory) GTEST_SKIP() << "a sanitizer's shadow memory hides it";
  const Architecture larger = Architecture::Gpt2(2, 256, 512, 4, 30000, 64);
  const auto growth =
      ProbeMemory(larger, Config(GetParam().name), kWorkload, {}).running_peak_bytes -
      ProbeMemory(SmallModel(), Config(GetParam().name), kWorkload, {}).running_peak_bytes;
  // Only the table is larger.
  const auto expected = GetParam().tables * (WeightBytes(larger) - WeightBytes(SmallModel()));
  EXPECT_NEAR(static_cast<double>(growth), static_cast<double>(expected),
              0.2 * static_cast<double>(expected));
}

// ONNX Runtime packs the table for the head and keeps the original for the embedding.
INSTANTIATE_TEST_SUITE_P(Runtimes, MemoryOfRuntime,
                         testing::Values(Engine{"reference", 1}, Engine{"cpu", 1},
                                         Engine{"onnxruntime", 2}),
                         [](const auto& engine) { return std::string(engine.param.name); });

TEST(ProbeMemory, TellsTheChildWhichLibraryTheEngineTakes) {
  RuntimeConfig config = Config("onnxruntime");
  config.library = "/no/such/library.so";
  try {
    ProbeMemory(SmallModel(), config, kWorkload, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.what();
    EXPECT_NE(std::string(error.what()).find("/no/such/library.so: no such file"),
              std::string::npos)
        << error.what();
  }
}

TEST(ProbeMemory, PassesOnTheChildsOwnError) {
  try {
    ProbeMemory(SmallModel(), Config("referense"), kWorkload, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(error.what()).find("did you mean 'reference'"), std::string::npos);
  }
}

TEST(ProbeMemory, RefusesAWorkloadBeyondTheContext) {
  try {
    ProbeMemory(SmallModel(), Config("reference"), {64, 2, 1}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
  }
}

TEST(ProbeMemory, RefusesAModelThatCannotFitWithoutAllocating) {
  const Architecture giant = Architecture::Gpt2(96, 1 << 16, 1 << 18, 64);
  try {
    ProbeMemory(giant, Config("reference"), kWorkload, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
  }
}

TEST(ProbeMemory, AKilledChildIsOutOfMemory) {
  const Error error = Impostor("cat > /dev/null; kill -KILL $$").Probe();
  EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
  EXPECT_NE(std::string(error.what()).find(SmallModel().ShortName()), std::string::npos);
}

TEST(ProbeMemory, AnInterruptedChildIsCancelled) {
  EXPECT_EQ(Impostor("kill -INT $$").Probe().code(), ErrorCode::kCancelled);
}

TEST(ProbeMemory, ACrashedChildIsAnIoError) {
  const Error error = Impostor("kill -SEGV $$").Probe();
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_NE(std::string(error.what()).find("Segmentation fault"), std::string::npos);
}

TEST(ProbeMemory, AChildThatHangsIsCancelled) {
  const Error error = Impostor("exec tail -f /dev/null").Probe(0.1);
  EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  EXPECT_NE(std::string(error.what()).find("0.1 s"), std::string::npos) << error.what();
}

TEST(ProbeMemory, QuotesTheFirstLineOfStderrOfAChildThatMakesNoSense) {
  const Error error =
      Impostor("echo 'unknown option memory-probe' >&2; echo usage >&2; exit 2").Probe();
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  const std::string message = error.what();
  EXPECT_NE(message.find("exited with 2"), std::string::npos) << message;
  EXPECT_NE(message.find("unknown option memory-probe"), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST(ProbeMemory, AnAnswerWithAFailureExitIsNotBelieved) {
  EXPECT_EQ(
      Impostor("echo '" + WriteMemoryProbeAnswer({1, 1, 1, 1, {}}) + "'; exit 1").Probe().code(),
      ErrorCode::kIo);
}

TEST(ProbeMemory, AMissingProgramIsAnIoError) {
  MemoryProbeOptions options;
  options.executable = "/nonexistent/lts";
  try {
    ProbeMemory(SmallModel(), Config("reference"), kWorkload, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
  }
}

// A program that was started as a probe, ignored its argument and probes in turn would start itself
// without end.
TEST(ProbeMemory, AProbeInsideAProbeIsRefused) {
  const std::string said =
      Impostor("echo \"inside=$LTS_INSIDE_MEMORY_PROBE\" >&2; exit 2").Probe().what();
  EXPECT_NE(said.find("inside=1"), std::string::npos) << said;
  setenv("LTS_INSIDE_MEMORY_PROBE", "1", 1);  // NOLINT(concurrency-mt-unsafe)
  const Error error = Impostor("exit 0").Probe();
  unsetenv("LTS_INSIDE_MEMORY_PROBE");  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_NE(std::string(error.what()).find("started as a memory probe"), std::string::npos)
      << error.what();
}

TEST(ProbeMemory, StopEndsIt) {
  MemoryProbeOptions options;
  options.stop = [] { return true; };
  try {
    ProbeMemory(Architecture::Gpt2(8, 512, 2048, 8), Config("reference"), {512, 32, 1}, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
}

TEST(RunMemoryProbeChild, AnswersABadRequestWithItsError) {
  std::istringstream in("{\"runtime\": 5}");
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(RunMemoryProbeChild(in, out, err), 1);
  try {
    ParseMemoryProbeAnswer(out.str());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(std::string(error.what()) + "\n", err.str());
  }
}

TEST(CheckFitsInMemory, AcceptsWhatFitsAndRefusesWhatCannot) {
  EXPECT_NO_THROW(CheckFitsInMemory(SmallModel(), Config("cpu"), kWorkload));
  try {
    CheckFitsInMemory(Architecture::Gpt2(96, 1 << 16, 1 << 18, 64), Config("cpu"), kWorkload);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_NE(std::string(error.what()).find("GiB are available"), std::string::npos);
  }
}

TEST(CheckFitsInMemory, CountsTheKvCacheOfALargeBatch) {
  Workload workload = kWorkload;
  workload.batch = 1 << 20;
  workload.prompt_tokens = 60;
  EXPECT_THROW(CheckFitsInMemory(SmallModel(), Config("cpu"), workload), Error);
}

TEST(EstimateMemoryNeed, HoldsTheWeightsAndACopyOfTheLargest) {
  const std::int64_t need = EstimateMemoryNeed(SmallModel(), Config("cpu"), kWorkload);
  const std::int64_t largest = std::int64_t{8000} * 256 * 4;
  EXPECT_GE(need, WeightBytes(SmallModel()) + largest);
  EXPECT_LE(need, 2 * WeightBytes(SmallModel()) + largest);
}

TEST(EstimateMemoryNeed, HoldsOriginalsAndPackedWeightsOfAnotherDtype) {
  RuntimeConfig config = Config("cpu");
  config.dtype = DType::kBFloat16;
  EXPECT_GE(EstimateMemoryNeed(SmallModel(), config, kWorkload), WeightBytes(SmallModel()) * 3 / 2);
}

TEST(PeakMemoryMeasurement, IsExactAndNamesItsSource) {
  MemoryProbeResult result;
  result.peak_bytes = 3 << 20;
  const Measurement measurement = PeakMemoryMeasurement(result);
  EXPECT_EQ(measurement.metric, Metric::kPeakMemoryMib);
  EXPECT_EQ(measurement.value, 3);
  EXPECT_EQ(measurement.low, 3);
  EXPECT_EQ(measurement.high, 3);
  EXPECT_EQ(measurement.p95, 3);
  EXPECT_EQ(measurement.source, "child process VmHWM");
}

}  // namespace
}  // namespace lts

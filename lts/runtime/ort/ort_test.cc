// What the engine promises beyond the suites of runtime/registry.
#include "lts/runtime/ort/ort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "lts/arch/other_decoders.h"
#include "lts/runtime/ort/engine.h"
#include "lts/runtime/ort/library.h"
#include "lts/runtime/ort/session.h"
#include "lts/runtime/ort/version.h"
#include "tests/emulated.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LTS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LTS_SANITIZED
#endif

namespace lts {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kVocabSize = 97;

// Heads of 16: the cache is kept in place.
Architecture InPlace() { return Architecture::Gpt2(2, 64, 100, 4, kVocabSize, 64); }
// Heads of 9: standard operators for attention.
Architecture ByTurns() { return Architecture::Gpt2(2, 36, 100, 4, kVocabSize, 64); }
// Heads of 16 and of 24 / 4 = 6: both in one model.
Architecture Mixed() {
  return Architecture({.vocab_size = kVocabSize,
                       .max_seq_len = 64,
                       .d_model = 48,
                       .layers = {{3, 3, 90}, {8, 8, 33}}});
}

std::vector<std::int32_t> Tokens(std::int64_t count) {
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<std::int32_t>((i * 31 + 7) % kVocabSize));
  }
  return tokens;
}

std::vector<float> Last(Session& session, const std::vector<std::int32_t>& tokens,
                        std::int64_t batch = 1) {
  std::vector<float> logits(static_cast<std::size_t>(batch * kVocabSize));
  session.Step(tokens, Logits::kLast, logits);
  return logits;
}

double ResidentMib() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

class OrtTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const Availability here = kOrtRuntime.available({}); !here.ok) {
      GTEST_SKIP() << here.reason;
    }
    runtime_ = kOrtRuntime.create({.threads = 2});
  }
  std::unique_ptr<Runtime> runtime_;
};

TEST(ChooseVariant, KeepsTheCacheInPlaceWhereEveryHeadAllowsIt) {
  const auto choose = [](const Architecture& architecture) {
    const ort::Variant variant = ort::ChooseVariant(BuildGraph(architecture));
    EXPECT_TRUE(variant.can.ok) << variant.can.reason;
    return variant.options;
  };
  EXPECT_TRUE(choose(InPlace()).shared_cache);
  EXPECT_FALSE(choose(ByTurns()).shared_cache);
  EXPECT_FALSE(choose(Mixed()).shared_cache);
  EXPECT_TRUE(choose(Mixed()).fused);
}

TEST(ChooseVariant, KeepsToStandardOperatorsWhereItIsTold) {
  for (const Architecture& architecture : {InPlace(), ByTurns(), Mixed()}) {
    const ort::Variant variant = ort::ChooseVariant(BuildGraph(architecture), /*fused=*/false);
    EXPECT_TRUE(variant.can.ok) << variant.can.reason;
    EXPECT_FALSE(variant.options.fused);
    EXPECT_FALSE(variant.options.shared_cache);
  }
}

TEST(OrtRuntime, SaysWhatIsWrongWithTheLibraryThatWasNamed) {
  RuntimeOptions options;
  options.library = "/no/such/library.so";
  const Availability here = kOrtRuntime.available(options);
  EXPECT_FALSE(here.ok);
  EXPECT_EQ(here.reason, "--ort-library: /no/such/library.so: no such file");
  EXPECT_TRUE(kOrtRuntime.versions(options).empty());
  EXPECT_THROW(kOrtRuntime.create(options), Error);
}

TEST(OrtRuntime, RefusesOtherDtypes) {
  try {
    kOrtRuntime.create({.dtype = DType::kInt8});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  }
}

TEST_F(OrtTest, NamesTheLibrarysVersion) {
  const RuntimeVersions versions = kOrtRuntime.versions({});
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[0].first, "onnxruntime");
  EXPECT_FALSE(versions[0].second.empty());
  EXPECT_EQ(versions[1],
            (std::pair<std::string, std::string>("onnxruntime provider", "CPUExecutionProvider")));
}

TEST_F(OrtTest, RefusesAProviderThatTheLibraryLacksWithThoseThatItHas) {
  try {
    kOrtRuntime.create({.provider = "NoSuch"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("got the provider 'NoSuch'"));
    EXPECT_THAT(error.what(), HasSubstr("CPU"));
  }
  EXPECT_TRUE(kOrtRuntime.versions({.provider = "NoSuch"}).empty());
}

// Every other provider of the library that works here: those of Python's package have one.
TEST_F(OrtTest, AnotherProviderGivesTheSameLogits) {
  const auto logits = [](Runtime& runtime, const Architecture& architecture) {
    const auto session = runtime.Load(RandomModel(architecture, 1, true))
                             ->NewSession({.batch = 2, .max_tokens = 9, .max_step_tokens = 8});
    std::vector<float> all = Last(*session, Tokens(16), 2);
    const std::vector<float> decoded = Last(*session, Tokens(2), 2);
    all.insert(all.end(), decoded.begin(), decoded.end());
    return all;
  };
  int tried = 0;
  for (const std::string& provider : kOrtRuntime.providers({})) {
    if (provider == "CPUExecutionProvider") continue;
    const RuntimeOptions options{.threads = 2, .provider = provider};
    std::unique_ptr<Runtime> runtime;
    try {
      runtime = kOrtRuntime.create(options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.what();
      continue;
    }
    EXPECT_EQ(kOrtRuntime.versions(options)[1].second, provider);
    for (const Architecture& architecture : {InPlace(), ByTurns(), Mixed()}) {
      const std::vector<float> expected = logits(*runtime_, architecture);
      const std::vector<float> actual = logits(*runtime, architecture);
      ASSERT_EQ(actual.size(), expected.size());
      for (std::size_t i = 0; i < actual.size(); ++i) {
        EXPECT_NEAR(actual[i], expected[i], 1e-4) << provider;
      }
    }
    ++tried;
  }
  if (tried == 0) GTEST_SKIP() << "no provider but the CPU's works here";
}

TEST_F(OrtTest, RefusesAModelOfWidthOneWithTheReason) {
  const Architecture architecture = Architecture::Gpt2(1, 1, 1, 1, kVocabSize, 64);
  const Availability can = runtime_->Supports(BuildGraph(architecture));
  EXPECT_FALSE(can.ok);
  EXPECT_THAT(can.reason, HasSubstr("got d_model = 1"));
  EXPECT_THROW(runtime_->Load(RandomModel(architecture, 1)), Error);
}

// A decoder with RMSNorm, whose mean is written in another way from opset 18 on. 21 is the newest
// that every library from 1.19 on knows.
TEST_F(OrtTest, ANewerOpsetGivesTheSameLogits) {
  const ort::Api& api = ort::OpenLibrary(ort::PlacesHere(""));
  const Graph llama = LlamaGraph(2, 64, 96, 4, 2, kVocabSize, 48);
  ort::SharedWeights numbers;
  const auto weights = std::make_shared<const ort::Weights>(numbers.For(llama, 1));
  const auto logits = [&](int opset) {
    const auto engine = std::make_shared<const ort::Engine>(api, ort::Device{}, weights,
                                                            OnnxOptions{.opset = opset});
    ort::Context session(engine, {.max_tokens = 9, .max_step_tokens = 8});
    Last(session, Tokens(8));
    return Last(session, Tokens(1));
  };
  const std::vector<float> expected = logits(kFirstOnnxOpset);
  for (const int opset : {18, 21}) {
    const std::vector<float> actual = logits(opset);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(std::isfinite(actual[i]));
      EXPECT_NEAR(actual[i], expected[i], 1e-5) << "opset " << opset;
    }
  }
}

TEST_F(OrtTest, SessionsMayOutliveTheirModelAndRuntime) {
  for (const Architecture& architecture : {InPlace(), ByTurns()}) {
    auto runtime = kOrtRuntime.create({});
    auto model = runtime->Load(RandomModel(architecture, 1, true));
    const auto first = model->NewSession({.max_tokens = 9, .max_step_tokens = 9});
    const auto second = model->NewSession({.max_tokens = 9, .max_step_tokens = 9});
    const std::vector<float> before = Last(*first, Tokens(9));
    model.reset();
    runtime.reset();
    EXPECT_EQ(Last(*second, Tokens(9)), before);
  }
}

TEST_F(OrtTest, OneModelServesSessionsOfLastAndOfAllLogits) {
  const std::int64_t batch = 2;
  const std::int64_t n = 5;
  for (const Architecture& architecture : {InPlace(), ByTurns(), Mixed()}) {
    const auto model = runtime_->Load(RandomModel(architecture, 1, true));
    const auto last = model->NewSession({.batch = batch, .max_tokens = n, .max_step_tokens = n});
    const auto all = model->NewSession(
        {.batch = batch, .max_tokens = n, .max_step_tokens = n, .all_logits = true});
    const std::vector<float> expected = Last(*last, Tokens(batch * n), batch);
    EXPECT_EQ(Last(*all, Tokens(batch * n), batch), expected);
    all->Rewind(0);
    std::vector<float> logits(static_cast<std::size_t>(batch * n * kVocabSize));
    all->Step(Tokens(batch * n), Logits::kAll, logits);
    for (std::int64_t sequence = 0; sequence < batch; ++sequence) {
      const auto row = logits.begin() + (sequence * n + n - 1) * kVocabSize;
      const auto expected_row = expected.begin() + sequence * kVocabSize;
      for (std::int64_t i = 0; i < kVocabSize; ++i) EXPECT_NEAR(row[i], expected_row[i], 1e-5);
    }
  }
}

TEST_F(OrtTest, FollowsACallerThatChangesItsBuffer) {
  const auto model = runtime_->Load(RandomModel(InPlace(), 1, true));
  const auto session = model->NewSession({.max_tokens = 9, .max_step_tokens = 4});
  std::vector<std::vector<float>> outputs;
  for (int i = 0; i < 4; ++i) {
    outputs.push_back(Last(*session, {5}));
    session->Rewind(0);
  }
  for (const std::vector<float>& output : outputs) EXPECT_EQ(output, outputs[0]);
}

TEST_F(OrtTest, PreparesOnlyStepsThatMayCome) {
  const auto session = runtime_->Load(RandomModel(InPlace(), 1))
                           ->NewSession({.max_tokens = 8, .max_step_tokens = 4});
  session->Prepare(4);
  EXPECT_THROW(session->Prepare(5), Error);
  EXPECT_THROW(session->Prepare(0), Error);
}

TEST_F(OrtTest, AccountsForWeightsAndCache) {
  const SessionOptions options{.batch = 3, .max_tokens = 10, .max_step_tokens = 5};
  const bool sound = ort::HasSoundFusedAttention(kOrtRuntime.versions({})[0].second);
  for (const bool wide_heads : {true, false}) {
    const Architecture architecture = wide_heads ? InPlace() : ByTurns();
    const bool in_place = wide_heads && sound;
    const auto session = runtime_->Load(RandomModel(architecture, 1))->NewSession(options);
    EXPECT_EQ(session->memory().weights, Model(architecture).weight_bytes());
    const std::int64_t cache = 2 * 2 * 3 * 10 * architecture.d_model() * 4;
    // Two by turns, each layer in whole cache lines.
    EXPECT_GE(session->memory().kv_cache, (in_place ? 1 : 2) * cache);
    EXPECT_LT(session->memory().kv_cache, (in_place ? 1 : 2) * cache + 1000);
  }
}

TEST_F(OrtTest, RandomModelsOfAnyPurposeRun) {
  for (const Purpose purpose : {Purpose::kTiming, Purpose::kMemory}) {
    for (const Architecture& architecture : {InPlace(), ByTurns(), Mixed()}) {
      const auto model = runtime_->LoadRandom(architecture, 1, purpose);
      const auto session = model->NewSession({.max_tokens = 9, .max_step_tokens = 8});
      Last(*session, Tokens(8));
      for (const float logit : Last(*session, Tokens(1))) EXPECT_TRUE(std::isfinite(logit));
      EXPECT_GE(session->memory().weights, 4 * 20000);
    }
  }
}

TEST_F(OrtTest, RefusesAModelThatNoMemoryHolds) {
  if (Emulated()) GTEST_SKIP() << "emulated: qemu-user is granted any memory, then killed";
  const Architecture giant = Architecture::Gpt2(96, 1 << 16, 1 << 18, 64, kVocabSize, 64);
  for (const Purpose purpose : {Purpose::kTiming, Purpose::kMemory}) {
    try {
      runtime_->LoadRandom(giant, 1, purpose)->NewSession({});
      FAIL() << "terabytes";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
      EXPECT_THAT(error.what(), HasSubstr("onnxruntime"));
    }
  }
}

TEST_F(OrtTest, ModelsOfSharedWeightsOutliveALargerOne) {
  const auto small = runtime_->LoadRandom(InPlace(), 1);
  const auto session = small->NewSession({.max_tokens = 9, .max_step_tokens = 9});
  const std::vector<float> before = Last(*session, Tokens(9));
  const auto large = runtime_->LoadRandom(Architecture::Gpt2(4, 128, 500, 4, kVocabSize, 64), 1);
  session->Rewind(0);
  EXPECT_EQ(Last(*session, Tokens(9)), before);
  Last(*large->NewSession({.max_tokens = 9, .max_step_tokens = 9}), Tokens(9));
}

// Candidates of a search come and go by the hundred. 5 M parameters each; what a candidate leaves
// behind would show as megabytes.
TEST_F(OrtTest, ResidentMemoryStaysFlatOverManyModels) {
#ifdef LTS_SANITIZED
  GTEST_SKIP() << "a sanitizer keeps freed memory";
#endif
  constexpr int kWarmup = 12;
  constexpr int kCycles = 60;
  double early = 0;
  for (int i = 0; i < kCycles; ++i) {
    // Not always the same shape: equal sizes would find the holes of the one before.
    const Architecture architecture =
        Architecture::Gpt2(4 + i % 3, 256, 700 + 100 * (i % 5), 4, 2000 + 500 * (i % 4), 64);
    const auto model = runtime_->LoadRandom(architecture, 1);
    const auto session = model->NewSession({.max_tokens = 40, .max_step_tokens = 32});
    std::vector<float> logits(static_cast<std::size_t>(architecture.vocab_size()));
    session->Step(Tokens(32), Logits::kLast, logits);
    session->Step(Tokens(1), Logits::kLast, logits);
    if (i == kWarmup) early = ResidentMib();
    if (i == kCycles - 1) {
      EXPECT_LT(ResidentMib() - early, 24.0);
    }
  }
}

// A model of memory's purpose makes the process grow by about what the library keeps: packed
// matrices and the table, not the originals of matrices beside them.
TEST_F(OrtTest, AModelForMemoryLeavesNothingBesideTheLibrarysOwn) {
#ifdef LTS_SANITIZED
  GTEST_SKIP() << "a sanitizer keeps freed memory";
#endif
  const Architecture architecture = Architecture::Gpt2(8, 512, 2048, 8, kVocabSize, 64);
  const double weights_mib = static_cast<double>(Model(architecture).weight_bytes()) / (1 << 20);
  ::malloc_trim(0);
  const double before = ResidentMib();
  const auto model = runtime_->LoadRandom(architecture, 1, Purpose::kMemory);
  const auto session = model->NewSession({.max_tokens = 9, .max_step_tokens = 8});
  Last(*session, Tokens(8));
  ::malloc_trim(0);
  const double grown = ResidentMib() - before;
  EXPECT_GT(grown, 0.9 * weights_mib);
  // The library itself keeps a copy until 1.23, of models in files as well.
  const std::string version = kOrtRuntime.versions({})[0].second;
  const bool keeps_copy = std::stoi(version.substr(version.find('.') + 1)) < 23;
  EXPECT_LT(grown, (keeps_copy ? 2.2 : 1.35) * weights_mib + 8);
}

// Protocol buffers by hand: models that no exporter of ours writes.
std::string Bytes(int field, const std::string& contents) {
  return std::string{static_cast<char>(field << 3 | 2), static_cast<char>(contents.size())} +
         contents;
}
std::string Number(int field, int value) {
  return {static_cast<char>(field << 3), static_cast<char>(value)};
}
// y = Identity(x) of one float, in the given version of ONNX's operators.
std::string IdentityModel(int ir_version, int opset) {
  const std::string shape = Bytes(2, Bytes(1, Number(1, 1)));
  const std::string type = Bytes(2, Bytes(1, Number(1, 1) + shape));
  const std::string node = Bytes(1, "x") + Bytes(2, "y") + Bytes(4, "Identity");
  const std::string graph = Bytes(1, node) + Bytes(2, "g") + Bytes(11, Bytes(1, "x") + type) +
                            Bytes(12, Bytes(1, "y") + type);
  return Number(1, ir_version) + Bytes(7, graph) + Bytes(8, Number(2, opset));
}

TEST_F(OrtTest, SaysInOneLineWhatTheLibraryHasAgainstAModel) {
  const ort::Api& api = ort::OpenLibrary(ort::PlacesHere(""));
  const auto options = api.NewSessionOptions();
  api.Check(api.functions().SetSessionLogSeverityLevel(options.get(), 4), "log");
  const auto error = [&](const std::string& model) {
    try {
      api.NewSession(model, *options);
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr("ONNX Runtime " + api.version() + ": loading a model: "));
      EXPECT_THAT(e.what(), Not(HasSubstr("\n")));
      EXPECT_THAT(e.what(), Not(HasSubstr(".cc:")));
      return e.code();
    }
    return ErrorCode::kCancelled;
  };
  EXPECT_EQ(error(IdentityModel(8, 17)), ErrorCode::kCancelled);  // a good one
  EXPECT_EQ(error(IdentityModel(8, 120)), ErrorCode::kUnsupported);
  EXPECT_EQ(error(IdentityModel(120, 17)), ErrorCode::kUnsupported);
  const ErrorCode nonsense = error("no protocol buffer at all");
  EXPECT_TRUE(nonsense == ErrorCode::kIo || nonsense == ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace lts

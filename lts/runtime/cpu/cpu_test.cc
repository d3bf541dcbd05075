// What the engine promises beyond the parity suite of runtime/registry: bits, memory and threads.
#include "lts/runtime/cpu/cpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iterator>
#include <vector>

#include "lts/base/rng.h"
#include "lts/runtime/cpu/kernels/attention.h"
#include "lts/runtime/cpu/session.h"
#include "lts/runtime/cpu/weights.h"

namespace lts {
namespace {

using Tokens = std::vector<std::int32_t>;

constexpr std::int64_t kVocabSize = 211;

// Heads that do not divide evenly over threads, widths that no vector divides.
Architecture Odd() {
  return Architecture({.vocab_size = kVocabSize,
                       .max_seq_len = 1000,
                       .d_model = 60,
                       .layers = {{3, 3, 100}, {4, 4, 131}}});
}

// The same of rotary positions: of whole heads that share keys, with gates, and of parts of heads
// in parallel blocks.
Architecture OddLlama() {
  return Architecture({.backbone = "llama",
                       .vocab_size = kVocabSize,
                       .max_seq_len = 1000,
                       .d_model = 60,
                       .layers = {{6, 2, 100}, {2, 1, 131}}});
}
Architecture OddCodeGen() {
  return Architecture({.backbone = "codegen",
                       .vocab_size = kVocabSize,
                       .max_seq_len = 1000,
                       .d_model = 56,
                       .layers = {{4, 4, 100}, {4, 4, 131}},
                       .settings = DecoderSettings{.rotary_dims = 6, .tied_head = false}});
}

Tokens RandomTokens(std::int64_t count, std::uint64_t seed) {
  Rng rng(seed);
  Tokens tokens(static_cast<std::size_t>(count));
  for (std::int32_t& token : tokens) token = static_cast<std::int32_t>(rng.Below(kVocabSize));
  return tokens;
}

std::unique_ptr<LoadedModel> Load(const Architecture& architecture, int threads,
                                  DType kv_dtype = DType::kFloat32) {
  return kCpuRuntime.create({.threads = threads, .kv_dtype = kv_dtype})
      ->Load(RandomModel(architecture, 5, true));
}

// Float32 weights: every architecture with both of the caches that make a promise about bits.
void ForEachExactEngine(const std::function<void(LoadedModel& model)>& test) {
  for (const Architecture& architecture : {Odd(), OddLlama(), OddCodeGen()}) {
    for (const DType kv_dtype : {DType::kFloat32, DType::kInt8}) {
      SCOPED_TRACE(architecture.backbone() + " " + std::string(kDTypes.Name(kv_dtype)));
      test(*Load(architecture, 2, kv_dtype));
    }
  }
}

std::vector<float> LastLogits(Session& session, const Tokens& tokens, std::int64_t batch) {
  std::vector<float> logits(static_cast<std::size_t>(batch * kVocabSize));
  session.Step(tokens, Logits::kLast, logits);
  return logits;
}

// The bits of float values: equality of float16 NaN or signed zeros is not what is meant.
::testing::AssertionResult SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size())
    return ::testing::AssertionFailure() << a.size() << " and " << b.size() << " values";
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0) {
      return ::testing::AssertionFailure() << "value " << i << ": " << a[i] << " and " << b[i];
    }
  }
  return ::testing::AssertionSuccess();
}

TEST(CpuRuntime, GivesTheSameBitsHoweverASequenceIsCutIntoSteps) {
  ForEachExactEngine([](LoadedModel& model) {
    const std::int64_t n = 2 * cpu::kChunkRows + 51;
    const Tokens tokens = RandomTokens(n, 1);
    const auto whole = model.NewSession({.max_tokens = n, .max_step_tokens = n});
    const std::vector<float> expected = LastLogits(*whole, tokens, 1);
    for (const std::int64_t first : {std::int64_t{1}, cpu::kChunkRows, n - 3}) {
      const auto session = model.NewSession({.max_tokens = n, .max_step_tokens = n});
      LastLogits(*session, Tokens(tokens.begin(), tokens.begin() + first), 1);
      if (n - first > 10) {
        EXPECT_TRUE(SameBits(LastLogits(*session, Tokens(tokens.begin() + first, tokens.end()), 1),
                             expected));
        continue;
      }
      std::vector<float> logits;
      for (std::int64_t i = first; i < n; ++i) {
        logits = LastLogits(*session, {tokens[static_cast<std::size_t>(i)]}, 1);
      }
      EXPECT_TRUE(SameBits(logits, expected));
    }
  });
}

TEST(CpuRuntime, GivesTheSameBitsForLastAndAllLogits) {
  ForEachExactEngine([](LoadedModel& model) {
    const std::int64_t batch = 3;
    const std::int64_t n = 200;  // two chunks
    const Tokens tokens = RandomTokens(batch * n, 2);
    const SessionOptions options{
        .batch = batch, .max_tokens = n, .max_step_tokens = n, .all_logits = true};
    const std::vector<float> last = LastLogits(*model.NewSession(options), tokens, batch);
    std::vector<float> all(static_cast<std::size_t>(batch * n * kVocabSize));
    model.NewSession(options)->Step(tokens, Logits::kAll, all);
    for (std::int64_t sequence = 0; sequence < batch; ++sequence) {
      const auto row = all.begin() + ((sequence + 1) * n - 1) * kVocabSize;
      const auto expected = last.begin() + sequence * kVocabSize;
      EXPECT_TRUE(SameBits(std::vector<float>(row, row + kVocabSize),
                           std::vector<float>(expected, expected + kVocabSize)));
    }
  });
}

TEST(CpuRuntime, GivesTheSameBitsAloneAndInABatch) {
  ForEachExactEngine([](LoadedModel& model) {
    const std::int64_t batch = 4;
    const std::int64_t n = 30;
    const Tokens tokens = RandomTokens(batch * n, 3);
    const auto together = LastLogits(
        *model.NewSession({.batch = batch, .max_tokens = n, .max_step_tokens = n}), tokens, batch);
    for (std::int64_t i = 0; i < batch; ++i) {
      const auto alone =
          LastLogits(*model.NewSession({.max_tokens = n, .max_step_tokens = n}),
                     Tokens(tokens.begin() + i * n, tokens.begin() + (i + 1) * n), 1);
      EXPECT_TRUE(SameBits(alone, std::vector<float>(together.begin() + i * kVocabSize,
                                                     together.begin() + (i + 1) * kVocabSize)));
    }
  });
}

TEST(CpuRuntime, StartsNoThreadsButItsPool) {
  const auto threads_now = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
  };
  const auto before = threads_now();
  const auto model = Load(Odd(), 3);
  const auto session = model->NewSession({.batch = 2, .max_tokens = 300, .max_step_tokens = 299});
  LastLogits(*session, RandomTokens(2 * 299, 4), 2);
  LastLogits(*session, RandomTokens(2, 4), 2);
  EXPECT_EQ(threads_now(), before + 2);
}

TEST(CpuRuntime, AccountsForEveryByteOfASession) {
  const Architecture architecture = Architecture::Gpt2(2, 64, 160, 4, kVocabSize, 1000);
  const auto model = Load(architecture, 2);
  const auto session = model->NewSession({.batch = 2, .max_tokens = 100, .max_step_tokens = 10});
  const MemoryAccount memory = session->memory();
  // Every matrix has a multiple of 16 columns and is packed where it was.
  EXPECT_EQ(memory.weights, Model(architecture).weight_bytes());
  // Per layer, sequence and head: keys of 128 tokens (blocks of 64) and values of 100, 16 wide.
  EXPECT_EQ(memory.kv_cache, 2 * 2 * 4 * (128 * 16 + 100 * 16) * 4);
  // 20 rows: two hidden values; queries, keys, values and heads; attention's scratch of two
  // workers.
  EXPECT_EQ(memory.workspace, 4 * (2 * 20 * 64 + 20 * 4 * 64 + 16 + 2 * AttendScratchSize(16)));
}

TEST(CpuRuntime, AnInt8CacheTakesAByteForAValueAndAScaleForAToken) {
  const Architecture architecture = Architecture::Gpt2(2, 128, 160, 2, kVocabSize, 1000);
  const auto bytes = [&](DType kv_dtype) {
    return Load(architecture, 1, kv_dtype)
        ->NewSession({.batch = 2, .max_tokens = 128, .max_step_tokens = 10})
        ->memory()
        .kv_cache;
  };
  EXPECT_EQ(bytes(DType::kInt8), 2 * 2 * 2 * 128 * 2 * (64 + 4));
  EXPECT_EQ(bytes(DType::kBFloat16), 2 * 2 * 2 * 128 * 2 * 64 * 2);
  EXPECT_EQ(bytes(DType::kFloat32), 2 * 2 * 2 * 128 * 2 * 64 * 4);
}

TEST(CpuRuntime, KeepsOneRotaryTableForLayersThatShareIt) {
  const auto workspace = [](std::int64_t max_tokens) {
    const Architecture architecture({.backbone = "llama",
                                     .vocab_size = kVocabSize,
                                     .max_seq_len = 1000,
                                     .d_model = 64,
                                     .layers = {{4, 4, 96}, {8, 8, 96}, {4, 2, 96}}});
    return Load(architecture, 2)
        ->NewSession({.max_tokens = max_tokens, .max_step_tokens = 10})
        ->memory()
        .workspace;
  };
  // Heads of 16 in two layers and of 8 in one; nothing else depends on the capacity.
  EXPECT_EQ(workspace(1000) - workspace(100), 900 * (16 + 8) * 4);
}

TEST(CpuRuntime, DoesNotGrowItsWorkspaceWithThePrompt) {
  const auto model = Load(Odd(), 1);
  const auto workspace = [&](std::int64_t n) {
    return model->NewSession({.max_tokens = 1000, .max_step_tokens = n})->memory().workspace;
  };
  EXPECT_LT(workspace(100), workspace(cpu::kChunkRows));
  EXPECT_EQ(workspace(cpu::kChunkRows), workspace(1000));
}

TEST(CpuRuntime, GivesMatricesThatNeedPaddingTheirOwnMemory) {
  ThreadPool pool(2);
  const cpu::Weights weights(RandomModel(Odd(), 5), DType::kFloat32, pool);
  // 180, 240, 60, 100 and 131 columns: all but 240 of them are padded, and the originals' whole
  // pages given back.
  EXPECT_GT(weights.bytes(), 0);
  EXPECT_LT(weights.bytes(), 2 * Model(Odd()).weight_bytes());
  const Model model = RandomModel(Odd(), 5);
  for (const Op& op : weights.graph().ops) {
    const auto* block = std::get_if<FeedForwardOp>(&op.attributes);
    if (block == nullptr) continue;
    const PackedMatrix& matrix = weights.Matrix(block->up_weight);
    const std::span<const float> original = model.tensor(block->up_weight);
    EXPECT_EQ(matrix.rows, 60);
    EXPECT_EQ(matrix.columns, block->d_inner);
    for (std::int64_t k = 0; k < matrix.rows; ++k) {
      EXPECT_EQ(matrix.data[k * kPanelColumns],
                original[static_cast<std::size_t>(k * matrix.columns)]);
    }
  }
}

TEST(CpuRuntime, RefusesASessionThatCannotFitBeforeAllocating) {
  const Architecture architecture = Architecture::Gpt2(4, 512, 512, 8, kVocabSize, 1 << 20);
  const auto model = Load(architecture, 1);
  try {
    model->NewSession({.batch = 1 << 20, .max_tokens = 1 << 20});
    FAIL() << "a cache of petabytes";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
  }
}

// Drawn piece by piece or all at once, the weights are the same.
TEST(CpuRuntime, RandomWeightsAreThoseOfARandomModel) {
  const Architecture architecture = Architecture::Gpt2(2, 48, 100, 3, 30000, 32);
  for (const DType dtype : {DType::kBFloat16, DType::kInt8}) {
    const auto runtime = kCpuRuntime.create({.threads = 2, .dtype = dtype});
    std::vector<std::vector<float>> logits;
    for (const bool lean : {true, false}) {
      const auto model =
          lean ? runtime->LoadRandom(architecture, 7) : runtime->Load(RandomModel(architecture, 7));
      const auto session = model->NewSession({.max_tokens = 8, .max_step_tokens = 8});
      logits.emplace_back(30000);
      session->Step(std::vector<std::int32_t>{1, 29999, 5, 777, 23456}, Logits::kLast,
                    logits.back());
    }
    EXPECT_EQ(logits[0], logits[1]) << kDTypes.Name(dtype);
  }
}

TEST(CpuRuntime, NamesItsInstructionSet) {
  const RuntimeVersions versions = kCpuRuntime.versions({});
  const auto isa = std::find_if(versions.begin(), versions.end(),
                                [](const auto& v) { return v.first == "isa"; });
  ASSERT_NE(isa, versions.end());
  EXPECT_FALSE(isa->second.empty());
}

}  // namespace
}  // namespace lts

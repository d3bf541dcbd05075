// Checkpoints as Hugging Face Transformers and torch.save write them (tests/checkpoints) give the
// logits that Transformers computes from them, in every runtime that takes the model.
#include "lts/io/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <utility>

#include "lts/runtime/registry/runtimes_under_test.h"
#include "tests/checkpoint_folder.h"
#include "tests/logits.h"

namespace lts {
namespace {

// The folders with expected logits, sorted.
std::vector<std::string> Checkpoints() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(CheckpointFolder(""))) {
    if (std::filesystem::exists(entry.path() / "expected.json")) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<float> LogitsOf(Runtime& runtime, Model model, const Tokens& tokens) {
  const auto loaded = runtime.Load(std::move(model));
  const auto session = loaded->NewSession(
      {.max_tokens = tokens.n(), .max_step_tokens = tokens.n(), .all_logits = true});
  return AllLogits(*session, loaded->graph(), tokens, {tokens.n()});
}

class RuntimeCheckpointTest : public RuntimeTest {};

TEST_P(RuntimeCheckpointTest, GivesTheLogitsOfTransformersBeforeAndAfterWriting) {
  const auto runtime = CreateRuntime(GetParam().entry->name, GetParam().Options());
  const TemporaryFolder folder;
  std::size_t tried = 0;
  for (const std::string& name : Checkpoints()) {
    SCOPED_TRACE(name);
    const ExpectedLogits expected = ReadExpectedLogits(name);
    Model model = LoadCheckpoint(CheckpointFolder(name)).model;
    if (!runtime->Supports(model.graph()).ok) continue;
    ++tried;
    const std::int64_t vocab_size = model.graph().vocab_size;
    const Tokens tokens{1, expected.tokens};
    WriteCheckpoint(model, folder / name);  // before an engine packs the weights
    const double tolerance = ToleranceOf(GetParam());
    EXPECT_LE(
        MaxRowError(LogitsOf(*runtime, std::move(model), tokens), expected.logits, vocab_size),
        tolerance);
    EXPECT_LE(MaxRowError(LogitsOf(*runtime, LoadCheckpoint(folder / name).model, tokens),
                          expected.logits, vocab_size),
              tolerance);
  }
  EXPECT_GE(tried, 4) << "GPT-2 in float32, bfloat16 and float16, and gpt2-flex";
}

LTS_FOR_EVERY_RUNTIME(RuntimeCheckpointTest);

TEST(ReferenceRuntime, TakesEveryCheckpoint) {
  const auto runtime = CreateRuntime("reference", {});
  for (const std::string& name : Checkpoints()) {
    const Availability can =
        runtime->Supports(BuildGraph(ReadArchitecture(CheckpointFolder(name) + "/config.json")));
    EXPECT_TRUE(can.ok) << name << ": " << can.reason;
  }
}

}  // namespace
}  // namespace lts

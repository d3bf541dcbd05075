#include "lts/io/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/json.h"
#include "tests/checkpoint_folder.h"

namespace lts {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<float> AllWeights(const Model& model) {
  std::vector<float> all;
  for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
    const auto tensor = model.tensor(static_cast<TensorId>(i));
    all.insert(all.end(), tensor.begin(), tensor.end());
  }
  return all;
}

std::pair<ErrorCode, std::string> ErrorOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return {error.code(), error.what()};
  }
  return {ErrorCode::kIo, "no error"};
}

TEST(LoadCheckpoint, GivesTheSameWeightsInEveryForm) {
  const std::vector<float> expected = AllWeights(LoadCheckpoint(CheckpointFolder("gpt2")).model);
  for (const std::string form :
       {"gpt2_sharded", "gpt2_bin", "gpt2_bin_sharded", "gpt2_legacy", "gpt2_views"}) {
    EXPECT_EQ(AllWeights(LoadCheckpoint(CheckpointFolder(form)).model), expected) << form;
  }
}

TEST(LoadCheckpoint, RoundsNothingMoreThanTheFileDid) {
  const std::vector<float> exact = AllWeights(LoadCheckpoint(CheckpointFolder("gpt2")).model);
  for (const auto& [form, bits] : {std::pair("gpt2_bf16", 8), std::pair("gpt2_f16", 11)}) {
    const std::vector<float> rounded = AllWeights(LoadCheckpoint(CheckpointFolder(form)).model);
    ASSERT_EQ(rounded.size(), exact.size());
    for (std::size_t i = 0; i < exact.size(); ++i) {
      // Half a unit in the last place, and half of the least subnormal half.
      EXPECT_NEAR(rounded[i], exact[i], std::ldexp(std::abs(exact[i]), -bits) + 0x1p-25) << form;
    }
    EXPECT_NE(rounded, exact);
  }
}

TEST(LoadCheckpoint, FindsSubFoldersAndTheTokenizerAboveThem) {
  const TemporaryFolder top;
  for (const std::string name : {"gpt2_a9e3", "gpt2_0e8c"}) {
    fs::copy(CheckpointFolder("gpt2"), top / name);
  }
  WriteFileAtomic(top / "vocab.json", "{}");
  WriteFileAtomic(top / "merges.txt", "");
  const Checkpoint checkpoint = LoadCheckpoint(top.path(), "gpt2_0e8c");
  EXPECT_THAT(checkpoint.files.tokenizer, ElementsAre(top / "merges.txt", top / "vocab.json"));
  EXPECT_EQ(LoadCheckpoint(top / "gpt2_0e8c").files.tokenizer.size(), 2);
  EXPECT_EQ(LoadCheckpoint(top / "gpt2_0e8c/").files.tokenizer.size(), 2);

  const auto [code, message] = ErrorOf([&] { LoadCheckpoint(top.path()); });
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_THAT(message,
              AllOf(HasSubstr("2 of its sub-folders have one"), HasSubstr("gpt2_0e8c, gpt2_a9e3")));
  EXPECT_THAT(ErrorOf([&] { LoadCheckpoint(top.path(), "gpt2_a9e2"); }).second,
              HasSubstr("did you mean 'gpt2_a9e3'?"));

  WriteFileAtomic(top / "gpt2_0e8c/tokenizer.json", "{}");
  EXPECT_THAT(FindCheckpoint(top / "gpt2_0e8c").tokenizer,
              ElementsAre(top / "gpt2_0e8c/tokenizer.json"));
}

TEST(LoadCheckpoint, SaysWhatIsNotThere) {
  const TemporaryFolder folder;
  EXPECT_THAT(ErrorOf([&] { LoadCheckpoint(folder.path()); }).second,
              HasSubstr("no config.json there"));
  EXPECT_THAT(ErrorOf([&] { LoadCheckpoint(folder / "absent"); }).second,
              HasSubstr("no such folder"));
  fs::copy(CheckpointFolder("gpt2/config.json"), folder.path());
  const auto [code, message] = ErrorOf([&] { LoadCheckpoint(folder.path()); });
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_THAT(message, HasSubstr("no weights there; expected model.safetensors or"));
}

TEST(LoadCheckpoint, NamesFieldAndTensorThatDisagree) {
  const TemporaryFolder folder;
  fs::copy(CheckpointFolder("gpt2"), folder.path());
  Json config = ReadJsonFile(folder / "config.json");
  config["n_embd"] = 6;
  WriteFileAtomic(folder / "config.json", WriteJson(config));
  EXPECT_THAT(ErrorOf([&] { LoadCheckpoint(folder.path()); }).second,
              HasSubstr("config.json says n_embd 6, but transformer.wte.weight is [17, 8]"));
}

TEST(LoadCheckpoint, RejectsBrokenIndexes) {
  const auto message = [](const std::string& map) {
    const TemporaryFolder folder;
    fs::copy(CheckpointFolder("gpt2_sharded"), folder.path());
    WriteFileAtomic(folder / "model.safetensors.index.json", map);
    return ErrorOf([&] { LoadCheckpoint(folder.path()); }).second;
  };
  const std::string first = R"("model-00001-of-00002.safetensors")";
  EXPECT_THAT(message("{}"), HasSubstr("'weight_map' is missing"));
  EXPECT_THAT(message(R"({"weight_map":{"absent":)" + first + "}}"),
              HasSubstr("tensor 'absent' is not in model-00001-of-00002.safetensors"));
  EXPECT_THAT(message(R"({"weight_map":{"a":"other.safetensors"}})"), HasSubstr("cannot open"));
  EXPECT_THAT(message(R"({"weight_map":{"transformer.wte.weight":)" + first + "}}"),
              HasSubstr("missing"));
}

TEST(WriteCheckpoint, IsReadBackEqual) {
  const TemporaryFolder folder;
  for (const std::string name : {"gpt2", "gpt2_flex", "opt", "codegen", "llama", "llama_tied"}) {
    const Checkpoint original = LoadCheckpoint(CheckpointFolder(name));
    WriteFileAtomic(folder / "merges.txt", "a b\n");
    WriteCheckpoint(original.model, folder / name, std::vector{folder / "merges.txt"});
    const Checkpoint again = LoadCheckpoint(folder / name);
    EXPECT_EQ(again.model.architecture(), original.model.architecture());
    EXPECT_EQ(AllWeights(again.model), AllWeights(original.model));
    EXPECT_THAT(again.files.tokenizer, ElementsAre(folder / (name + "/merges.txt")));
    EXPECT_EQ(ReadFile(again.files.tokenizer.front()), "a b\n");
  }
}

TEST(WriteCheckpoint, ReplacesTheCheckpointThatItReads) {
  const TemporaryFolder folder;
  fs::copy(CheckpointFolder("gpt2"), folder.path());
  WriteFileAtomic(folder / "vocab.json", "{}");
  const Checkpoint original = LoadCheckpoint(folder.path());
  const std::vector<float> weights = AllWeights(original.model);
  WriteCheckpoint(original.model, folder.path(), original.files.tokenizer);
  EXPECT_EQ(AllWeights(original.model), weights);
  EXPECT_EQ(AllWeights(LoadCheckpoint(folder.path()).model), weights);
  EXPECT_EQ(ReadFile(folder / "vocab.json"), "{}");
}

TEST(WriteCheckpoint, LeavesAnEarlierOneWholeOrNoneWhenItFails) {
  const TemporaryFolder folder;
  fs::copy(CheckpointFolder("gpt2"), folder.path());
  const Checkpoint flex = LoadCheckpoint(CheckpointFolder("gpt2_flex"));
  EXPECT_THROW(WriteCheckpoint(flex.model, folder.path(), std::vector{folder / "absent.json"}),
               Error);
  EXPECT_FALSE(fs::exists(folder / "config.json"));  // new weights, and no config that lies
  fs::create_directory(folder / "other");
  fs::copy(CheckpointFolder("gpt2"), folder / "other", fs::copy_options::overwrite_existing);
  fs::remove(folder / "other/model.safetensors");
  fs::create_directory(folder / "other/model.safetensors");  // no file can take its place
  EXPECT_THROW(WriteCheckpoint(flex.model, folder / "other"), Error);
  EXPECT_FALSE(fs::exists(folder / "other/config.json"));
}

}  // namespace
}  // namespace lts

// The commands that run or write a whole model: export, generate, bench.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "lts/arch/architecture.h"
#include "lts/arch/graph.h"
#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/cli/cli_test_support.h"
#include "lts/export/onnx.h"

namespace lts::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The folder of a decoder with random weights for a real tokenizer, whose files are not there yet.
std::string MakeCheckpoint(const std::string& arch, const std::string& folder) {
  const Outcome made = Lts({"export", arch, "--format", "huggingface", "-o", folder, "-q"});
  EXPECT_EQ(made.code, 0) << made.err;
  return folder;
}
double TokenizerSize() {
  return static_cast<double>(ReadJsonFile(kTokenizer + "/vocab.json").AsObject().size());
}
std::string TokenizersArchitecture() {
  return fmt::format(R"({{"arch_type": "gpt2", "n_layer": 2, "d_model": 32, "d_inner": 64,
                          "n_head": 2, "vocab_size": {}, "max_sequence_length": 64}})",
                     TokenizerSize());
}
void AddTokenizer(const std::string& folder) {
  for (const char* file : {"/vocab.json", "/merges.txt"})
    std::filesystem::copy_file(kTokenizer + file, folder + file);
}

TEST_F(CliFolder, ExportWritesAModelOfTheSizeThatTheObjectiveSays) {
  const std::string arch = Write("arch.json", kSmall);
  const Outcome outcome = Lts({"export", arch, "-o", Path("model.onnx"), "--quiet"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("L2 d64 i128 h2"));
  const OnnxFileOptions options;
  EXPECT_EQ(static_cast<std::int64_t>(std::filesystem::file_size(Path("model.onnx"))),
            OnnxFileBytes(BuildGraph(ReadArchitecture(arch)), options));
}

TEST_F(CliFolder, ACheckpointsFolderIsAnArchitectureAndHasWeights) {
  const std::string arch = Write("arch.json", kSmall);
  const std::string checkpoint = Path("checkpoint");
  const Outcome written =
      Lts({"export", arch, "--format", "huggingface", "-o", checkpoint, "--seed", "5"});
  EXPECT_EQ(written.code, 0) << written.err;
  EXPECT_THAT(written.err, HasSubstr("weights: random (seed 5)"));
  EXPECT_THAT(written.out, HasSubstr("config.json, model.safetensors"));

  const Outcome count = Lts({"count", checkpoint, "--prompt", "8", "--output-tokens", "2"});
  EXPECT_EQ(count.code, 0) << count.err;
  EXPECT_EQ(ReadArchitecture(checkpoint + "/config.json"), ReadArchitecture(arch));

  // The weights that the ONNX model gets are those of the checkpoint: no seed, and no notice of
  // one.
  const Outcome of_checkpoint = Lts({"export", checkpoint, "-o", Path("a.onnx")});
  EXPECT_EQ(of_checkpoint.code, 0) << of_checkpoint.err;
  EXPECT_EQ(of_checkpoint.err, "");
  Lts({"export", arch, "-o", Path("b.onnx"), "--seed", "5", "--quiet"});
  EXPECT_EQ(ReadFile(Path("a.onnx")), ReadFile(Path("b.onnx")));

  // And a copy keeps the tokenizer.
  WriteFileAtomic(checkpoint + "/merges.txt", "a b\n");
  const Outcome copied = Lts({"export", checkpoint, "--format", "huggingface", "-o", Path("copy")});
  EXPECT_THAT(copied.out, HasSubstr("and 1 files of its tokenizer"));
  EXPECT_EQ(ReadFile(Path("copy/merges.txt")), "a b\n");
  EXPECT_EQ(ReadFile(Path("copy/model.safetensors")), ReadFile(checkpoint + "/model.safetensors"));
  ExpectBadInput(Lts({"count", Path(".")}), "sub-folders have one; name a sub-folder: ");
}

TEST_F(CliFolder, ExportRefusesBadInputAndWritesNothing) {
  const std::string arch = Write("arch.json", kSmall);
  const auto lts_export = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args = {"export", arch, "-o", Path("model.onnx"), "--quiet"};
    args.insert(args.end(), more.begin(), more.end());
    return Lts(args);
  };
  ExpectBadInput(lts_export({"--dtype", "f61"}), "did you mean 'f16'?");
  ExpectBadInput(lts_export({"--fuse", "onnx-runtime"}), "did you mean 'onnxruntime'?");
  ExpectBadInput(lts_export({"--logits", "some"}), "expected 'last' or 'all'");
  ExpectBadInput(lts_export({"--format", "gguf"}), "--format 'gguf'; known: onnx, huggingface");
  ExpectBadInput(lts_export({"--format", "huggingface", "--dtype", "f16"}),
                 "--format huggingface: takes no --dtype");
  ExpectBadInput(lts_export({"--opset", "16"}), "--opset: got 16, expected an integer in [17, 26]");
  ExpectBadInput(lts_export({"--opset", "27"}), "--opset: got 27, expected an integer in [17, 26]");
  EXPECT_FALSE(std::filesystem::exists(Path("model.onnx")));
  ExpectBadInput(Lts({"export", arch, "-o", Path("no/model.onnx"), "--quiet"}), "no/model.onnx");
}

TEST_F(CliFolder, GenerateGoesOnFromAPromptTheSameForTheSameSeed) {
  const std::string model =
      MakeCheckpoint(Write("arch.json", TokenizersArchitecture()), Path("model"));
  ExpectBadInput(Lts({"generate", model, "Hello"}), "--tokenizer");
  AddTokenizer(model);

  const Outcome text =
      Lts({"generate", model, "Hello", "--max-new-tokens", "12", "--threads", "1"});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_GT(text.out.size(), 1U);
  EXPECT_THAT(text.err, AllOf(HasSubstr("12 new (max tokens)"), HasSubstr("tokens/s"),
                              HasSubstr("peak memory")));
  EXPECT_EQ(Lts({"generate", model, "Hello", "--max-new-tokens", "12", "--threads", "2", "-q"}).out,
            text.out)
      << "two threads";
  EXPECT_NE(Lts({"generate", model, "Hello", "--max-new-tokens", "12", "--seed", "2", "-q"}).out,
            text.out)
      << "another seed";

  const Outcome outcome =
      Lts({"generate", model, "-", "--max-new-tokens", "12", "--format", "json"},
          /*in=*/"Hello");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = ParseJson(outcome.out, "out");
  // The same text, but that JSON has no place for the broken UTF-8 of random weights.
  EXPECT_EQ(json.Find("text")->AsString().substr(0, 4), text.out.substr(0, 4));
  EXPECT_EQ(json.Find("new_tokens")->AsInt(), 12);
  EXPECT_EQ(json.Find("tokens")->AsArray().size(), 12U);
  EXPECT_GT(json.Find("ttft_ms")->AsDouble(), 0);
  EXPECT_GT(json.Find("decode_tokens_per_s")->AsDouble(), 0);
  for (const char* dtype : {"bf16", "int8"}) {
    EXPECT_EQ(Lts({"generate", model, "Hello", "--greedy", "--dtype", dtype, "-q"}).code, 0);
  }
}

TEST_F(CliFolder, GenerateRefusesWhatCannotBe) {
  ExpectBadInput(Lts({"generate", Path("none"), "Hello"}), "none");
  ExpectBadInput(Lts({"generate", Path("none"), "Hello", "--top-p", "1.5"}), "top_p: got 1.5");
  ExpectBadInput(Lts({"generate", Path("none"), "Hello", "--dtype", "f61"}), "f61");
}

TEST_F(CliFolder, BenchReportsWhatRoundingCostsInPerplexity) {
  const std::string arch = Write("arch.json", TokenizersArchitecture());
  const std::string model = MakeCheckpoint(arch, Path("model"));
  const std::string text = Write("text.txt", "The cat sat on the mat, and the dog sat on the cat.");
  const auto bench = [&](const std::string& what) {
    return Lts({"bench", what, "--runtimes", "cpu,cpu:bf16,cpu:int8", "--prompt", "4",
                "--output-tokens", "2", "--repeat", "1", "--threads", "1", "--no-memory", "-q",
                "--format", "json", "--quality", text});
  };
  ExpectBadInput(bench(arch), "checkpoint's folder");
  ExpectBadInput(bench(model), "no tokenizer");
  AddTokenizer(model);
  const Outcome outcome = bench(model);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json rows = ParseJson(outcome.out, "out");
  const Json& row = rows.AsArray()[0];
  const double exact = row.Find("perplexity_cpu")->AsDouble();
  EXPECT_GT(exact, 0.5 * TokenizerSize()) << "random weights know nothing";
  EXPECT_NEAR(row.Find("perplexity_cpu:bf16")->AsDouble(), exact, 0.01 * exact);
  EXPECT_NEAR(row.Find("perplexity_cpu:int8")->AsDouble(), exact, 0.03 * exact);
}

TEST_F(CliFolder, BenchComparesEnginesOnTheSameModels) {
  const std::string arch = Write("arch.json", kSmall);
  const Outcome outcome =
      Lts({"bench", arch, "--runtimes", "cpu,reference", "--prompt", "4", "--output-tokens", "3",
           "--repeat", "1", "--threads", "1", "--no-memory", "--quiet", "--format", "json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json rows = ParseJson(outcome.out, "out");
  ASSERT_EQ(rows.AsArray().size(), 1U);
  const Json& row = rows.AsArray()[0];
  const double cpu = row.Find("ttft_ms_cpu")->AsDouble();
  const double reference = row.Find("ttft_ms_reference")->AsDouble();
  EXPECT_GT(cpu, 0);
  EXPECT_NEAR(row.Find("ttft_ms_reference_ratio")->AsDouble(), reference / cpu, 1e-9);
  EXPECT_TRUE(row.Find("peak_memory_mib_cpu")->is_null());
  EXPECT_GT(row.Find("ttft_ms_cpu_of_bound")->AsDouble(), 0);
  EXPECT_GT(row.Find("tpot_ms_cpu_of_bound")->AsDouble(), 0);
}

TEST_F(CliFolder, BenchTakesADtypeForEachEngine) {
  const std::string arch = Write("arch.json", kSmall);
  const Outcome outcome =
      Lts({"bench", arch, "--runtimes", "cpu,cpu:bf16,cpu:int8", "--prompt", "4", "--output-tokens",
           "3", "--repeat", "1", "--threads", "1", "--no-memory", "--quiet", "--format", "json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json rows = ParseJson(outcome.out, "out");
  EXPECT_GT(rows.AsArray()[0].Find("ttft_ms_cpu:int8")->AsDouble(), 0);
  ExpectBadInput(Lts({"bench", arch, "--runtimes", "cpu:int8,cpu:int8"}), "'cpu:int8' is there");
  ExpectBadInput(Lts({"bench", arch, "--runtimes", "cpu:f61"}), "f61");
}

TEST_F(CliFolder, BenchRefusesUnknownAndRepeatedEngines) {
  const std::string arch = Write("arch.json", kSmall);
  ExpectBadInput(Lts({"bench", arch, "--runtimes", "cpu,cpuu"}), "did you mean 'cpu'?");
  ExpectBadInput(Lts({"bench", arch, "--runtimes", "cpu,cpu"}), "'cpu' is there twice");
}

}  // namespace
}  // namespace lts::cli

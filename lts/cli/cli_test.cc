#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "lts/arch/architecture.h"
#include "lts/arch/graph.h"
#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/cli/app.h"
#include "lts/cli/options.h"
#include "lts/cli/progress.h"
#include "lts/export/onnx.h"

namespace lts::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

Outcome Lts(const std::vector<std::string>& args, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Context context{in, out, err, Terminal{}};
  context.command_line = "lts";
  std::vector<std::string> all = {"lts"};
  all.insert(all.end(), args.begin(), args.end());
  Outcome outcome;
  outcome.code = Run(all, context);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

// An error is exactly one line on err, nothing on out, exit code 2.
void ExpectBadInput(const Outcome& outcome, const std::string& part) {
  EXPECT_EQ(outcome.code, 2) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr(part));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

class CliFolder : public ::testing::Test {
 protected:
  CliFolder() {
    folder_ = std::filesystem::temp_directory_path() /
              ("lts_cli_test_" + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  ~CliFolder() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return Path(name);
  }

  std::filesystem::path folder_;
};

constexpr const char* kSmall =
    R"({"arch_type": "gpt2", "n_layer": 2, "d_model": 64, "d_inner": 128, "n_head": 2,
  "vocab_size": 100, "max_sequence_length": 64, "dropatt": 0.0})";

TEST(Cli, WithoutArgumentsTeaches) {
  const Outcome outcome = Lts({});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("lts search"));
  EXPECT_EQ(outcome.err, "");
}

TEST(Cli, EveryCommandHasHelpThatTeaches) {
  for (const std::string command : {"search", "count", "measure", "report", "spaces", "generate",
                                    "runtimes", "roofline", "tokenize", "completion"}) {
    const Outcome outcome = Lts({command, "--help"});
    EXPECT_EQ(outcome.code, 0) << command;
    EXPECT_THAT(outcome.out, HasSubstr("Usage: lts " + command));
    EXPECT_THAT(Lts({"--help"}).out, HasSubstr(command));
  }
}

TEST(Cli, HidesTheMemoryProbe) { EXPECT_THAT(Lts({"--help"}).out, Not(HasSubstr("memory-probe"))); }

TEST(Cli, PrintsItsVersion) {
  EXPECT_THAT(Lts({"--version"}).out, MatchesRegex("lts [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Cli, SuggestsTheNearestCommandAndOption) {
  ExpectBadInput(Lts({"serch"}), "did you mean 'search'?");
  ExpectBadInput(Lts({"search", "--thraeds", "2"}), "did you mean '--threads'?");
  ExpectBadInput(Lts({"search", "--out"}), "--out");
  ExpectBadInput(Lts({"count"}), "ARCH");
}

TEST(Cli, SuggestsTheNearestNames) {
  const std::string out = "/nonexistent/never-made";
  ExpectBadInput(Lts({"search", "--out", out, "--objective", "latncy_ms"}),
                 "did you mean 'latency_ms'?");
  ExpectBadInput(Lts({"search", "--out", out, "--space", "archai-gtp2"}),
                 "did you mean 'archai-gpt2'?");
  ExpectBadInput(Lts({"search", "--out", out, "--algorithm", "lts-evolutoin"}),
                 "did you mean 'lts-evolution'?");
  ExpectBadInput(Lts({"search", "--out", out, "--runtime", "cpus"}), "did you mean 'cpu'?");
  ExpectBadInput(Lts({"search", "--out", out, "--dtype", "f23"}), "did you mean 'f32'?");
  ExpectBadInput(Lts({"search", "--out", out, "--constraint", "decoder_parms > 1"}),
                 "did you mean 'decoder_params'?");
  ExpectBadInput(Lts({"spaces", "lts-gtp2"}), "did you mean 'lts-gpt2'?");
  ExpectBadInput(Lts({"completion", "bsh"}), "did you mean 'bash'?");
  ExpectBadInput(Lts({"spaces", "--format", "jsn"}), "did you mean 'json'?");
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(Cli, RejectsValuesOutOfRange) {
  ExpectBadInput(Lts({"search", "--threads", "0"}), "--threads");
  ExpectBadInput(Lts({"search", "--threads", "two"}), "--threads");
  ExpectBadInput(Lts({"search", "--prompt", "0"}), "--prompt");
  ExpectBadInput(Lts({"search", "--prompt", "1e9"}), "--prompt");
  ExpectBadInput(Lts({"search", "--batch", "-1"}), "--batch");
  ExpectBadInput(Lts({"search", "--output-tokens", "99999999999999999999"}), "--output-tokens");
  ExpectBadInput(Lts({"search", "--budget", "soon"}), "--budget");
  ExpectBadInput(Lts({"search", "--budget", "0"}), "--budget");
  ExpectBadInput(Lts({"search", "--set", "population"}), "NAME=VALUE");
}

TEST(Budget, ReadsTimesAndEvaluations) {
  EXPECT_EQ(ParseBudget("60s").seconds, 60);
  EXPECT_EQ(ParseBudget("1.5h").seconds, 5400);
  EXPECT_EQ(ParseBudget("5min").seconds, 300);
  EXPECT_EQ(ParseBudget("200").evaluations, 200);
  EXPECT_EQ(ParseBudget("200").seconds, 0);
  for (const char* bad : {"", "s", "-5", "1.5", "nan", "infs", "60 s", "60x", "1e99s"}) {
    EXPECT_THROW(ParseBudget(bad), Error) << bad;
  }
}

TEST_F(CliFolder, CountsAnArchitecture) {
  const std::string file = Write("small.json", kSmall);
  const Outcome outcome =
      Lts({"count", file, "--prompt", "16", "--output-tokens", "4", "--format", "json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json rows = ParseJson(outcome.out, "out");
  ASSERT_EQ(rows.AsArray().size(), 1U);
  const Json& row = rows.AsArray()[0];
  // L (4 d^2 + 2 d i + 9 d + i) + 2 d with L = 2, d = 64, i = 128
  EXPECT_EQ(row.Find("decoder_params")->AsInt(),
            2 * (4 * 4096 + 2 * 64 * 128 + 9 * 64 + 128) + 128);
  EXPECT_EQ(row.Find("embedding_params")->AsInt(), (100 + 64) * 64);
  EXPECT_EQ(row.Find("total_params")->AsInt(),
            row.Find("decoder_params")->AsInt() + row.Find("embedding_params")->AsInt());
}

TEST_F(CliFolder, CountReadsStandardInput) {
  const Outcome outcome =
      Lts({"count", "-", "--prompt", "16", "--output-tokens", "4", "--format", "csv"}, kSmall);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("file,archid,archid_rule"));
  EXPECT_THAT(outcome.out, HasSubstr("stdin,gpt2_"));
}

// The published models, with the counts and ids that their authors printed.
TEST(Cli, CountEqualsThePublishedGallery) {
  const std::filesystem::path gallery =
      std::filesystem::path(LTS_SOURCE_DIR) / "../shared/data/lts_gallery";
  if (!std::filesystem::exists(gallery / "gallery_extra.csv")) {
    GTEST_SKIP() << "no published gallery at " << gallery;
  }
  std::istringstream expected(ReadFile((gallery / "gallery_extra.csv").string()));
  std::string line;
  std::getline(expected, line);
  ASSERT_THAT(line, HasSubstr("archid,archid_rule,non_embedding_params_exact,total_params_tied"));
  int models = 0;
  for (; std::getline(expected, line); ++models) {
    std::istringstream fields(line);
    std::string archid;
    std::string rule;
    std::string decoder;
    std::string total;
    std::getline(fields, archid, ',');
    std::getline(fields, rule, ',');
    std::getline(fields, decoder, ',');
    std::getline(fields, total, ',');
    const Outcome outcome =
        Lts({"count", (gallery / (archid + ".json")).string(), "--format", "json"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json rows = ParseJson(outcome.out, "out");
    const Json& row = rows.AsArray().at(0);
    EXPECT_EQ(row.Find("archid")->AsString(), archid);
    EXPECT_EQ(row.Find("archid_rule")->AsString(), rule);
    EXPECT_EQ(std::to_string(row.Find("decoder_params")->AsInt()), decoder);
    EXPECT_EQ(std::to_string(row.Find("total_params")->AsInt()), total);
  }
  EXPECT_EQ(models, 14);
}

TEST_F(CliFolder, CountNamesFileFieldAndValue) {
  const auto count = [&](const std::string& text) {
    return Lts({"count", Write("bad.json", text)});
  };
  ExpectBadInput(Lts({"count", Path("missing.json")}), "missing.json");
  ExpectBadInput(Lts({"count", folder_.string()}), folder_.string());
  ExpectBadInput(count(""), "bad.json");
  ExpectBadInput(count(R"({"n_layer": 2,)"), "bad.json: line 1");
  ExpectBadInput(count(std::string(100000, '[')), "bad.json");
  ExpectBadInput(count(R"({"n_layer": 2, "d_model": 100, "d_inner": 128, "n_head": 7})"), "n_head");
  ExpectBadInput(
      count(R"({"n_layer": 2, "d_model": 9223372036854775807, "d_inner": 128, "n_head": 1})"),
      "d_model");
  ExpectBadInput(count(R"({"n_layer": 1e30, "d_model": 64, "d_inner": 128, "n_head": 1})"),
                 "n_layer");
  ExpectBadInput(count(R"({"n_layer": 2, "d_modle": 64, "d_inner": 128, "n_head": 1})"), "d_model");
  ExpectBadInput(count(R"({"n_layer": "2", "d_model": 64, "d_inner": 128, "n_head": 1})"),
                 "n_layer");
}

TEST_F(CliFolder, CountRejectsAWorkloadBeyondTheContext) {
  ExpectBadInput(
      Lts({"count", Write("small.json", kSmall), "--prompt", "60", "--output-tokens", "6"}), "64");
}

TEST_F(CliFolder, SearchRejectsWhatCannotBeBeforeWritingAnything) {
  const auto search = [&](std::vector<std::string> more) {
    std::vector<std::string> args = {"search", "--out", Path("out"), "--budget", "1"};
    args.insert(args.end(), more.begin(), more.end());
    return Lts(args);
  };
  ExpectBadInput(
      search({"--constraint", "d_inner < d_model", "--constraint", "d_inner >= 2 * d_model"}),
      "satisf");
  ExpectBadInput(search({"--constraint", "d_inner >> 2"}), "column");
  ExpectBadInput(search({"--prompt", "2000"}), "1024");
  ExpectBadInput(search({"--objective", "latency_ms", "--objective", "latency_ms"}), "latency_ms");
  ExpectBadInput(search({"--set", "populaton=3"}), "populaton");
  ExpectBadInput(search({"--space", Write("space.toml", "n_layer = \n")}), "space.toml");
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
  ExpectBadInput(Lts({"search", "--out", Write("file", "x") + "/out"}), "file");
}

TEST_F(CliFolder, MeasureRefusesAModelLargerThanMemory) {
  const std::string file = Write(
      "huge.json", R"({"n_layer": 4000, "d_model": 131072, "d_inner": 524288, "n_head": 64})");
  ExpectBadInput(Lts({"measure", file}), "GiB are available");
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

// The folder of a decoder with random weights for a real tokenizer, whose files are not there yet.
std::string MakeCheckpoint(const std::string& arch, const std::string& folder) {
  const Outcome made = Lts({"export", arch, "--format", "huggingface", "-o", folder, "-q"});
  EXPECT_EQ(made.code, 0) << made.err;
  return folder;
}
const std::string kTokenizer = std::string(LTS_SOURCE_DIR) + "/tests/goldens/tokenizer/gpt2";
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

TEST_F(CliFolder, GenerateRefusesWhatCannotBe) {
  ExpectBadInput(Lts({"generate", Path("none"), "Hello"}), "none");
  ExpectBadInput(Lts({"generate", Path("none"), "Hello", "--top-p", "1.5"}), "top_p: got 1.5");
  ExpectBadInput(Lts({"generate", Path("none"), "Hello", "--dtype", "f61"}), "f61");
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

TEST(Cli, RooflineMeasuresEveryCeiling) {
  const Outcome outcome = Lts({"roofline", "--threads", "1", "--quiet", "--format", "json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json rows = ParseJson(outcome.out, "out");
  ASSERT_GE(rows.AsArray().size(), 7U);  // two for each dtype, and a working set at least
  for (const Json& row : rows.AsArray()) EXPECT_GT(row.Find("value")->AsDouble(), 0);
  ExpectBadInput(Lts({"roofline", "--threads", "0"}), "threads");
}

TEST_F(CliFolder, BenchRefusesUnknownAndRepeatedEngines) {
  const std::string arch = Write("arch.json", kSmall);
  ExpectBadInput(Lts({"bench", arch, "--runtimes", "cpu,cpuu"}), "did you mean 'cpu'?");
  ExpectBadInput(Lts({"bench", arch, "--runtimes", "cpu,cpu"}), "'cpu' is there twice");
}

TEST_F(CliFolder, SaysWhatIsWrongWithTheLibraryOfAnEngine) {
  const std::string arch = Write("arch.json", kSmall);
  const std::string text = Write("library.so", "hello");
  ExpectBadInput(Lts({"measure", arch, "--ort-library", text}),
                 "--ort-library: the runtime 'cpu' opens no library; is --runtime missing?");
  ExpectBadInput(Lts({"measure", arch, "--ort-provider", "CUDA"}),
                 "--ort-provider: the runtime 'cpu' has no providers; is --runtime missing?");
  for (const std::string command : {"measure", "search"}) {
    std::vector<std::string> args = {command, "--prompt",  "8",           "--output-tokens",
                                     "2",     "--runtime", "onnxruntime", "--ort-library",
                                     text};
    if (command == "measure") args.push_back(arch);
    if (command == "search") args.insert(args.end(), {"--out", Path("out")});
    ExpectBadInput(Lts(args), "runtime 'onnxruntime' is not available here: --ort-library: " +
                                  text + ": no shared library (it is not an ELF file)");
  }
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
  EXPECT_THAT(Lts({"runtimes", "--ort-library", Path("none.so"), "--format", "csv"}).out,
              HasSubstr("no: --ort-library: " + Path("none.so") + ": no such file"));
}

TEST(Cli, ListsSpacesAndRuntimes) {
  EXPECT_THAT(Lts({"spaces"}).out, HasSubstr("5880"));
  EXPECT_THAT(Lts({"spaces"}).out, HasSubstr("146900"));
  EXPECT_THAT(Lts({"runtimes", "--format", "csv"}).out, HasSubstr("cpu,yes"));
}

const std::string kTinyTokenizer = std::string(LTS_SOURCE_DIR) + "/tests/goldens/tokenizer/gpt2";

TEST(Cli, TokenizesAndBack) {
  const Outcome ids = Lts({"tokenize", kTinyTokenizer, "the other<|endoftext|>"});
  EXPECT_EQ(ids.code, 0) << ids.err;
  EXPECT_THAT(ids.out, MatchesRegex("[0-9]+( [0-9]+)*\n"));
  EXPECT_EQ(Lts({"tokenize", kTinyTokenizer, "--decode", ids.out}).out, "the other<|endoftext|>");
  EXPECT_EQ(Lts({"tokenize", kTinyTokenizer, "--decode", "--plain", ids.out}).out, "the other");
  const Outcome json = Lts({"tokenize", kTinyTokenizer, "--format", "json"}, "a\xFF b");
  EXPECT_EQ(ParseJson(json.out, "out").AsArray().size(), 4U);
  EXPECT_EQ(Lts({"tokenize", kTinyTokenizer, "-", "--decode"}, json.out).out, "a\xFF b");
  EXPECT_EQ(Lts({"tokenize", kTinyTokenizer, "--decode", "--format", "json", "65 66"}).out,
            "\"ab\"\n");
}

TEST(Cli, TokenizeCounts) {
  EXPECT_EQ(Lts({"tokenize", kTinyTokenizer, "--count", "xyz"}).out, "3\n");
  EXPECT_EQ(Lts({"tokenize", kTinyTokenizer, "--count", "--format", "json"}, "xyz").out,
            "{\"tokens\":3,\"bytes\":3}\n");
  EXPECT_EQ(Lts({"tokenize", kTinyTokenizer, "--count"}, "").out, "0\n");
  const Outcome special = Lts({"tokenize", kTinyTokenizer, "--count", "<|endoftext|>"});
  EXPECT_EQ(special.out, "1\n");
  EXPECT_NE(Lts({"tokenize", kTinyTokenizer, "--count", "--plain", "<|endoftext|>"}).out, "1\n");
}

TEST(Cli, TokenizeRefusesBadInput) {
  ExpectBadInput(Lts({"tokenize", "/nowhere", "x"}), "/nowhere: no such file or folder");
  ExpectBadInput(Lts({"tokenize", kTinyTokenizer, "--decode", "1 two"}), "token 1: got 'two'");
  ExpectBadInput(Lts({"tokenize", kTinyTokenizer, "--decode", "1 99999"}), "token 1: got id 99999");
  ExpectBadInput(Lts({"tokenize", kTinyTokenizer, "--decode", "99999999999"}), "token 0");
  ExpectBadInput(Lts({"tokenize", kTinyTokenizer, "--format", "jsn", "x"}),
                 "unknown format 'jsn'; did you mean 'json'?");
  ExpectBadInput(Lts({"tokenize"}), "TOKENIZER");
}

TEST(Cli, CompletionKnowsEveryCommandAndOption) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const Outcome outcome = Lts({"completion", shell});
    EXPECT_EQ(outcome.code, 0) << shell;
    for (const char* word :
         {"search", "measure", "output-tokens", "archai-gpt2", "latency_ms", "plain"}) {
      EXPECT_THAT(outcome.out, HasSubstr(word)) << shell;
    }
    EXPECT_THAT(outcome.out, Not(HasSubstr("memory-probe"))) << shell;
  }
}

TEST(Progress, LiveLineOnATerminalPlainLinesElsewhere) {
  SearchProgress progress;
  progress.evaluated = 57;
  progress.front = 12;
  progress.elapsed_s = 26;
  progress.budget_s = 60;
  progress.phase = "timing 8 candidates";
  EXPECT_EQ(ProgressText(progress),
            "[########............] 34 s left | 57 evaluated | front 12 | timing 8 candidates");

  FakeClock clock;
  std::ostringstream live;
  std::ostringstream plain;
  std::ostringstream quiet;
  Terminal terminal;
  Terminal tty;
  tty.err_is_tty = true;
  {
    ProgressLine on_tty(tty, false, live, clock);
    ProgressLine on_file(terminal, false, plain, clock);
    ProgressLine silent(tty, true, quiet, clock);
    for (int i = 0; i < 30; ++i) {
      on_tty.OnProgress(progress);
      on_file.OnProgress(progress);
      silent.OnProgress(progress);
      clock.Advance(500'000'000);
    }
  }
  EXPECT_THAT(live.str(), HasSubstr("\r["));
  EXPECT_EQ(live.str().find('\n'), std::string::npos);
  const std::string lines = plain.str();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);  // 15 s, one every 10 s
  EXPECT_EQ(lines.find('\x1b'), std::string::npos);
  EXPECT_EQ(quiet.str(), "");
}

TEST(Human, NumbersKeepThreeDigits) {
  EXPECT_EQ(HumanCount(1056512), "1.06 M");
  EXPECT_EQ(HumanCount(999950), "1 M");  // not "1000 k"
  EXPECT_EQ(HumanCount(12), "12");
  EXPECT_EQ(HumanNumber(0), "0");
  EXPECT_EQ(HumanSeconds(200), "3 min 20 s");
  EXPECT_EQ(Fit("abcdef", 4), "abc…");
  EXPECT_EQ(DisplayWidth("±5 µs"), 5U);
}

}  // namespace
}  // namespace lts::cli

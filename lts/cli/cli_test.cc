#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "lts/base/clock.h"
#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/cli/app.h"
#include "lts/cli/cli_test_support.h"
#include "lts/cli/options.h"
#include "lts/cli/progress.h"
#include "tests/emulated.h"

namespace lts::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

TEST(Cli, WithoutArgumentsTeaches) {
  const Outcome outcome = Lts({});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("lts search"));
  EXPECT_EQ(outcome.err, "");
}

TEST(Cli, EveryCommandHasHelpThatTeaches) {
  for (const std::string command :
       {"search", "count", "measure", "calibrate", "predict", "pick", "verify", "report", "compare",
        "spaces", "generate", "runtimes", "roofline", "tokenize", "train", "completion"}) {
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

// No engine runs Transformer-XL: it is searched on counts, and everything else says why not.
TEST_F(CliFolder, TransformerXlIsCountedAndNotRun) {
  const auto search = [&](const std::string& objective) {
    return Lts({"search", "--space", "lts-transformer-xl", "--objective", "decoder_params",
                "--objective", objective, "--algorithm", "random", "--budget", "5", "--out",
                folder_ / ("by-" + objective), "--quiet", "--format", "csv"});
  };
  const Outcome counted = search("flops");
  EXPECT_EQ(counted.code, 0) << counted.err;
  EXPECT_THAT(counted.out, HasSubstr("transfo-xl_"));
  ExpectBadInput(search("latency_ms"), "does not run adaptive embeddings");

  const std::string file = Write(
      "xl.json",
      R"({"arch_type": "mem_transformer", "n_token": 100, "n_layer": 2, "d_model": 64, "n_head": 4,
          "d_inner": 128, "tgt_len": 64, "mem_len": 32, "div_val": 2, "cutoffs": [30]})");
  EXPECT_EQ(Lts({"count", file, "--prompt", "16", "--output-tokens", "4"}).code, 0);
  ExpectBadInput(Lts({"measure", file, "--prompt", "16", "--output-tokens", "4"}),
                 "xl.json: the cpu runtime does not run adaptive embeddings");
  ExpectBadInput(Lts({"export", file, "--output", folder_ / "xl.onnx"}),
                 "xl.json: ONNX export: adaptive embeddings are not supported");
  ExpectBadInput(
      Lts({"export", file, "--format", "huggingface", "--output", folder_ / "xl", "--quiet"}),
      "weights of transfo-xl are neither read nor written");
}

TEST(Cli, RooflineMeasuresEveryCeiling) {
  ExpectBadInput(Lts({"roofline", "--threads", "0"}), "threads");
  if (Emulated()) GTEST_SKIP() << "emulated: minutes of products; Roofline.* in measure runs them";
  const Outcome outcome = Lts({"roofline", "--threads", "1", "--quiet", "--format", "json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json rows = ParseJson(outcome.out, "out");
  ASSERT_GE(rows.AsArray().size(), 7U);  // two for each dtype, and a working set at least
  for (const Json& row : rows.AsArray()) EXPECT_GT(row.Find("value")->AsDouble(), 0);
}

TEST_F(CliFolder, TheTypeOfTheKvCacheMayBeChosen) {
  const std::string arch = Write("arch.json", kSmall);
  const auto cache_mib = [&](const std::vector<std::string>& options) {
    std::vector<std::string> args = {"count",           arch, "--prompt", "16",
                                     "--output-tokens", "4",  "--format", "json"};
    args.insert(args.end(), options.begin(), options.end());
    const Outcome outcome = Lts(args);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return ParseJson(outcome.out, "out").AsArray().at(0).Find("kv_cache_mib")->AsDouble();
  };
  const double f32 = cache_mib({});
  EXPECT_DOUBLE_EQ(cache_mib({"--kv-dtype", "bf16"}), f32 / 2);
  EXPECT_DOUBLE_EQ(cache_mib({"--dtype", "int8", "--kv-dtype", "f32"}), f32);
  EXPECT_LT(cache_mib({"--kv-dtype", "int8"}), f32 / 2);

  const Outcome bench =
      Lts({"bench", arch, "--runtimes", "cpu,cpu:kv-int8,cpu:int8:kv-int8,cpu:int8", "--prompt",
           "4", "--output-tokens", "3", "--threads", "1", "--repeat", "2", "--quiet", "--format",
           "json", "--no-memory"});
  ASSERT_EQ(bench.code, 0) << bench.err;
  const Json row = ParseJson(bench.out, "out").AsArray().at(0);
  EXPECT_GT(row.Find("tpot_ms_cpu:kv-int8")->AsDouble(), 0);
  EXPECT_GT(row.Find("tpot_ms_cpu:int8:kv-int8")->AsDouble(), 0);

  ExpectBadInput(Lts({"bench", arch, "--runtimes", "cpu,cpu:kv-f32"}), "'cpu:kv-f32' is there");
  ExpectBadInput(Lts({"bench", arch, "--runtimes", "cpu:kv-int9"}), "did you mean 'int8'?");
  ExpectBadInput(Lts({"measure", arch, "--kv-dtype", "automatic"}), "known: auto, f32, bf16, int8");
  ExpectBadInput(Lts({"measure", arch, "--runtime", "reference", "--kv-dtype", "int8"}),
                 "runtime 'reference': got a KV cache of 'int8' beside weights of 'f32', expected "
                 "one of: f32");
  ExpectBadInput(Lts({"search", "--out", Path("out"), "--kv-dtype", "int9"}), "int9");
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

TEST(Cli, TokenizesAndBack) {
  const Outcome ids = Lts({"tokenize", kTokenizer, "the other<|endoftext|>"});
  EXPECT_EQ(ids.code, 0) << ids.err;
  EXPECT_THAT(ids.out, MatchesRegex("[0-9]+( [0-9]+)*\n"));
  EXPECT_EQ(Lts({"tokenize", kTokenizer, "--decode", ids.out}).out, "the other<|endoftext|>");
  EXPECT_EQ(Lts({"tokenize", kTokenizer, "--decode", "--plain", ids.out}).out, "the other");
  const Outcome json = Lts({"tokenize", kTokenizer, "--format", "json"}, "a\xFF b");
  EXPECT_EQ(ParseJson(json.out, "out").AsArray().size(), 4U);
  EXPECT_EQ(Lts({"tokenize", kTokenizer, "-", "--decode"}, json.out).out, "a\xFF b");
  EXPECT_EQ(Lts({"tokenize", kTokenizer, "--decode", "--format", "json", "65 66"}).out, "\"ab\"\n");
}

TEST(Cli, TokenizeCounts) {
  EXPECT_EQ(Lts({"tokenize", kTokenizer, "--count", "xyz"}).out, "3\n");
  EXPECT_EQ(Lts({"tokenize", kTokenizer, "--count", "--format", "json"}, "xyz").out,
            "{\"tokens\":3,\"bytes\":3}\n");
  EXPECT_EQ(Lts({"tokenize", kTokenizer, "--count"}, "").out, "0\n");
  const Outcome special = Lts({"tokenize", kTokenizer, "--count", "<|endoftext|>"});
  EXPECT_EQ(special.out, "1\n");
  EXPECT_NE(Lts({"tokenize", kTokenizer, "--count", "--plain", "<|endoftext|>"}).out, "1\n");
}

TEST(Cli, TokenizeRefusesBadInput) {
  ExpectBadInput(Lts({"tokenize", "/nowhere", "x"}), "/nowhere: no such file or folder");
  ExpectBadInput(Lts({"tokenize", kTokenizer, "--decode", "1 two"}), "token 1: got 'two'");
  ExpectBadInput(Lts({"tokenize", kTokenizer, "--decode", "1 99999"}), "token 1: got id 99999");
  ExpectBadInput(Lts({"tokenize", kTokenizer, "--decode", "99999999999"}), "token 0");
  ExpectBadInput(Lts({"tokenize", kTokenizer, "--format", "jsn", "x"}),
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

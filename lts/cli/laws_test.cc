// `lts rank` and `lts fit-law` over tables of made-up models.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "lts/arch/published_data.h"
#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/cli/cli_test_support.h"
#include "lts/quality/law.h"
#include "lts/quality/law_file.h"
#include "lts/quality/lts_law.h"

namespace lts::cli {
namespace {

using ::testing::HasSubstr;

// A user's table of `count` decoders whose ln perplexity is 2 + the value of lts_law with these
// parameters.
std::string Trained(int count, const LtsLawVector& parameters) {
  std::string csv = "id,config,perplexity\n";
  for (int i = 0; i < count; ++i) {
    const Architecture architecture =
        Architecture::Gpt2(2 + i % 7, 128 * (1 + i % 5), 256 * (2 + i % 11), 2 << (i % 3));
    std::string config = WriteJson(architecture.ToDocument(), JsonStyle::kCompact);
    std::string quoted;
    for (const char c : config) quoted += c == '"' ? "\"\"" : std::string(1, c);
    csv += fmt::format("m{},\"{}\",{:.9f}\n", i, quoted,
                       std::exp(2 + LtsLawValue(parameters, LtsLawInputsOf(architecture))));
  }
  return csv;
}

class LawCommands : public CliFolder {};

TEST_F(LawCommands, RankJudgesEveryLawOnATableOfTheUser) {
  const std::string file = Write("mine.csv", Trained(40, FrozenLtsLaw().log_parameters));
  const Outcome outcome = Lts({"rank", file, "--bootstrap", "20", "--format", "json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = ParseJson(outcome.out, "out");
  ASSERT_EQ(json.AsArray().size(), Laws().size());
  for (const Json& row : json.AsArray()) {
    EXPECT_EQ(row.Find("set")->AsString(), "mine");
    EXPECT_EQ(row.Find("models")->AsInt(), 40);
    const double tau = row.Find("kendall")->AsDouble();
    EXPECT_LE(row.Find("kendall_low")->AsDouble(), tau);
    EXPECT_GE(row.Find("kendall_high")->AsDouble(), tau);
    EXPECT_TRUE(row.Find("regret_latency_ms")->is_null()) << "no latencies in the table";
    if (row.Find("law")->AsString() == "lts_law") {
      EXPECT_DOUBLE_EQ(tau, 1);
      EXPECT_DOUBLE_EQ(row.Find("regret_decoder_params")->AsDouble(), 0);
      EXPECT_DOUBLE_EQ(row.Find("rho_below_5M")->AsDouble(), 1);
    } else {
      EXPECT_LT(tau, 1) << row.Find("law")->AsString();
    }
  }
}

TEST_F(LawCommands, RankDrawsTruthAgainstPrediction) {
  const std::string file = Write("mine.csv", Trained(10, FrozenLtsLaw().log_parameters));
  const Outcome outcome =
      Lts({"rank", file, "--law", "lts_law", "--bootstrap", "0", "-o", Path("rank.svg")});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("1.0000"));
  const std::string svg = ReadFile(Path("rank.svg"), 1 << 20);
  EXPECT_THAT(svg, HasSubstr("<svg"));
  EXPECT_THAT(svg, HasSubstr("mine: tau 1.000"));
}

TEST_F(LawCommands, RankSaysWhatIsWrong) {
  const std::string two = Write("two.csv", Trained(2, FrozenLtsLaw().log_parameters));
  ExpectBadInput(Lts({"rank", two}), "two.csv: 2 trained models, expected at least 3");
  ExpectBadInput(Lts({"rank", two, "--law", "gemstone"}), "did you mean 'gemstones'");
  ExpectBadInput(Lts({"rank", Write("bad.csv", "a,b\n1,2\n")}), "bad.csv: no column 'perplexity'");
  ExpectBadInput(Lts({"rank", two, "--bootstrap", "-1"}), "--bootstrap: got -1");
}

TEST_F(LawCommands, FitLawKeepsAPriorThatIsRight) {
  const std::string file = Write("mine.csv", Trained(12, FrozenLtsLaw().log_parameters));
  const Outcome outcome = Lts({"fit-law", file, "-o", Path("law.json")});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("kept the prior"));
  const Json law = ReadJsonFile(Path("law.json"));
  EXPECT_TRUE(law.Find("kept_prior")->AsBool());
  EXPECT_NEAR(law.Find("scale")->AsDouble(), 1, 1e-6);
  EXPECT_NEAR(law.Find("offset")->AsDouble(), 2, 1e-5);
}

TEST_F(LawCommands, FitLawLearnsAnotherLawAndRankTakesIt) {
  // Depth matters more than it did, heads hardly.
  LtsLawVector other = FrozenLtsLaw().log_parameters;
  other[0] += 0.8;
  other[1] -= 1.0;
  other[3] -= 1.0;
  const std::string file = Write("mine.csv", Trained(40, other));
  const Outcome fitted = Lts({"fit-law", file, "-o", Path("law.json"), "--name", "deep"});
  ASSERT_EQ(fitted.code, 0) << fitted.err;
  EXPECT_THAT(fitted.err, HasSubstr("refitted to 40 models"));
  const Outcome ranked = Lts({"rank", file, "--law", "lts_law", "--law", Path("law.json"),
                              "--bootstrap", "0", "--format", "json"});
  ASSERT_EQ(ranked.code, 0) << ranked.err;
  const Json rows = ParseJson(ranked.out, "out");
  EXPECT_EQ(rows.AsArray()[1].Find("law")->AsString(), "deep");
  EXPECT_GT(rows.AsArray()[1].Find("kendall")->AsDouble(),
            rows.AsArray()[0].Find("kendall")->AsDouble());
}

TEST_F(LawCommands, SearchTakesARefittedLaw) {
  LtsLawVector other = FrozenLtsLaw().log_parameters;
  other[0] += 0.8;
  other[1] -= 1.0;
  const std::string file = Write("mine.csv", Trained(40, other));
  ASSERT_EQ(Lts({"fit-law", file, "-o", Path("law.json"), "--name", "deep"}).code, 0);
  const LawFile law = ReadLawFile(Path("law.json"));
  const std::vector<std::string> search{
      "search",         "--objective", "lts_law",   "--objective",  "flops",       "--law",
      Path("law.json"), "--out",       Path("out"), "--constraint", "n_layer <= 3"};
  ASSERT_EQ(Lts(search).code, 0);
  const Json front = ReadJsonFile(Path("out/front.json"));
  const Json::Array& members = front.Find("front")->AsArray();
  ASSERT_GT(members.size(), 3U);
  for (const Json& member : members) {
    const Architecture architecture = ParseArchitecture(*member.Find("architecture"), "front");
    EXPECT_NEAR(member.Find("objectives")->Find("lts_law")->AsDouble(),
                PredictLtsLaw(law.fit, LtsLawInputsOf(architecture)).value, 1e-9);
  }
  EXPECT_EQ(Lts({"verify", Path("out")}).code, 0);
  ExpectBadInput(Lts({"search", "--law", Path("law.json"), "--objective", "flops"}),
                 "but no objective or constraint names that");
}

TEST_F(LawCommands, FitLawProposesWhatToTrainNext) {
  const std::string file = Write("mine.csv", Trained(12, FrozenLtsLaw().log_parameters));
  const Outcome outcome = Lts({"fit-law", file, "-o", Path("law.json"), "--space", "archai-gpt2",
                               "--propose", "5", "--quiet", "--format", "json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json rows = ParseJson(outcome.out, "out");
  ASSERT_EQ(rows.AsArray().size(), 5U);
  for (const Json& row : rows.AsArray()) {
    const Architecture architecture =
        ParseArchitecture(ParseJson(row.Find("config")->AsString(), "config"), "config");
    EXPECT_EQ(row.Find("id")->AsString(), architecture.Id());
    EXPECT_LT(row.Find("low")->AsDouble(), row.Find("value")->AsDouble());
  }
}

TEST_F(LawCommands, FitLawSaysWhatIsWrong) {
  const std::string few = Write("few.csv", Trained(7, FrozenLtsLaw().log_parameters));
  ExpectBadInput(Lts({"fit-law", few}), "few: got 7 trained models, expected at least 8");
  ExpectBadInput(Lts({"fit-law"}), "expected either a TABLE");
  ExpectBadInput(Lts({"fit-law", few, "--print-constants"}), "--benchmark goes with");
  ExpectBadInput(Lts({"fit-law", few, "--propose", "0"}), "--propose: got 0");
  std::filesystem::create_directory(folder_ / "none");
  Outcome outcome = Lts({"fit-law", "--benchmark", Path("none"), "--leave-out"});
  EXPECT_NE(outcome.code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("no .csv files"));
  std::filesystem::create_directory(folder_ / "one");
  Write("one/random_a.csv", Trained(12, FrozenLtsLaw().log_parameters));
  ExpectBadInput(Lts({"fit-law", "--benchmark", Path("one"), "--leave-out"}),
                 "only siblings of one set");
}

TEST_F(LawCommands, FitLawShowsSetsLeftOut) {
  const std::string folder = PublishedData("lts_benchmark");
  if (!std::filesystem::exists(folder + "/random_GPT2_wt103.csv")) {
    GTEST_SKIP() << "no " << folder << ": the LTS benchmark is not here";
  }
  const Outcome outcome =
      Lts({"fit-law", "--benchmark", folder, "--leave-out", "--format", "json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json rows = ParseJson(outcome.out, "out");
  ASSERT_EQ(rows.AsArray().size(), 3U * (7 + 1));
  const Json& mean = rows.AsArray().back();
  EXPECT_EQ(mean.Find("set")->AsString(), "mean over random sets");
  EXPECT_EQ(mean.Find("law")->AsString(), "lts_law");
  EXPECT_EQ(mean.Find("models")->AsInt(), 498);
  EXPECT_GE(mean.Find("iso_rho")->AsDouble(), 0.75);
}

}  // namespace
}  // namespace lts::cli

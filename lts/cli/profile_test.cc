// lts profile: files in, costs out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/cli/cli_test_support.h"

namespace lts::cli {
namespace {

using ::testing::HasSubstr;

// 10 ms for a prompt token and 2 ms for an output token, three trials apart by 10 %.
std::string TrialsCsv() {
  std::string text = "prompt_tokens,output_tokens,seconds,trial\n";
  for (const int p : {1, 8, 64}) {
    for (const int o : {1, 4, 16}) {
      for (const int trial : {0, 1, 2}) {
        const double seconds = (0.01 * p + 0.002 * (o - 1)) * (1 + 0.1 * trial);
        text += std::to_string(p) + "," + std::to_string(o) + "," + std::to_string(seconds) + "," +
                std::to_string(trial) + "\n";
      }
    }
  }
  return text;
}

TEST_F(CliFolder, ProfileFitsTimesOfAFile) {
  const std::string file = Write("api.csv", TrialsCsv());
  const Outcome outcome =
      Lts({"profile", "--import", file, "--format", "json", "--request", "64:11", "--check", "-q"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json model = ParseJson(outcome.out, "out").AsArray().at(0);
  EXPECT_EQ(model.Find("name")->AsString(), "api");
  EXPECT_NEAR(model.Find("seconds_per_output_token")->Find("value")->AsDouble(), 0.0022, 1e-5);
  EXPECT_EQ(model.Find("prompt")->AsArray().size(), 3U);
  EXPECT_NEAR(model.Find("requests")->AsArray().at(0).Find("seconds")->AsDouble(), 0.726, 0.002);
  EXPECT_GT(model.Find("goodness")->Find("left_out_error")->AsDouble(), 0);
}

TEST_F(CliFolder, ProfilePrintsThePublishedSchema) {
  const std::string file = Write("api.csv", TrialsCsv());
  const Outcome outcome =
      Lts({"profile", "--import", file, "--method", "intercept", "--format", "helm"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json model = *ParseJson(outcome.out, "out").Find("api");
  EXPECT_EQ(model.Find("runtime_per_output_token")->AsDouble(), 0.002);  // of the fastest trials
  EXPECT_EQ(model.Find("overhead")->AsDouble(), 0.008);
  EXPECT_EQ(model.Find("runtime_for_prompt_tokens")->Find("64")->AsDouble(), 0.632);
  const std::string costs = Write("costs.json", outcome.out);
  const Outcome again =
      Lts({"profile", "--costs", costs, "--request", "64:11", "--format", "csv", "-q"});
  EXPECT_THAT(again.out, HasSubstr("api,64,11,0.66"));
  EXPECT_THAT(Lts({"profile", "--import", file}).out, HasSubstr("ms per token"));
}

TEST_F(CliFolder, ProfileNamesWhatIsWrong) {
  const std::string file = Write("api.csv", TrialsCsv() + "1,1,never,0\n");
  ExpectBadInput(Lts({"profile", "--import", file}), "line 29: column 'seconds': got 'never'");
  ExpectBadInput(Lts({"profile", "--import", Write("a.log", "hello\n")}), "a.log: line 1: ");
  ExpectBadInput(Lts({"profile"}), "nothing to profile");
  const std::string good = Write("good.csv", TrialsCsv());
  ExpectBadInput(Lts({"profile", "--import", good, "--method", "o2"}), "did you mean 'o1'");
  ExpectBadInput(Lts({"profile", "--import", good, "--request", "64"}), "expected PROMPT:OUTPUT");
  ExpectBadInput(Lts({"profile", "--import", good, "--layer-multiplier", "other=3"}),
                 "no imported log is called 'other'");
}

constexpr const char* kTiny = R"({"n_layer": 2, "d_model": 64, "d_inner": 128, "n_head": 2,
    "vocab_size": 100, "max_sequence_length": 64})";

TEST_F(CliFolder, ProfileMeasuresAModelHereAndStoresIt) {
  const std::string arch = Write("tiny.json", kTiny);
  const Outcome outcome =
      Lts({"profile", arch, "--threads", "1", "--prompt-tokens", "1,16,40,200", "--output-tokens",
           "1,4,8", "--warmup", "1", "--repeat", "3", "--store", Path("p.db"), "--format", "json",
           "--plot", Path("p.svg"), "--quiet"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json model = ParseJson(outcome.out, "out").AsArray().at(0);
  EXPECT_EQ(model.Find("prompt")->AsArray().size(), 3U);  // 200 does not fit
  EXPECT_EQ(model.Find("goodness")->Find("points")->AsInt(), 9);
  EXPECT_GT(model.Find("seconds_per_output_token")->Find("value")->AsDouble(), 0);
  EXPECT_TRUE(std::filesystem::exists(Path("p.db")));
  EXPECT_THAT(ReadFile(Path("p.svg")), HasSubstr("<polyline"));
}

TEST_F(CliFolder, ProfileMeasuresAdaptively) {
  const std::string arch = Write("tiny.json", kTiny);
  const Outcome outcome = Lts({"profile", arch, "--threads", "1", "--adaptive", "--budget", "4",
                               "--request", "30:5", "--metrics", "--format", "csv"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("prompt sizes were timed"));
  EXPECT_THAT(outcome.out, HasSubstr("published_flops"));
  EXPECT_THAT(outcome.out, HasSubstr("30,5,1,"));
}

TEST_F(CliFolder, ProfilePredictsAndComparesScenarios) {
  const std::string arch = Write("openai_ada", R"({"n_layer": 24, "d_model": 1024,
      "d_inner": 4096, "n_head": 16, "max_sequence_length": 2048})");
  const Outcome predicted = Lts({"profile", "--predict", arch, "--format", "json", "-q"});
  ASSERT_EQ(predicted.code, 0) << predicted.err;
  const Json model = ParseJson(predicted.out, "out").AsArray().at(0);
  const double beta = model.Find("seconds_per_output_token")->Find("value")->AsDouble();
  EXPECT_NEAR(beta, 0.0185, 0.001);  // as the published log has it

  const std::string trials = Write("m_a.csv", TrialsCsv());
  const std::string scenarios =
      Write("s.csv",
            "scenario,inference_runtime,num_tokens_in_prompt,num_output_tokens,exact_match\n"
            "boolq:model=m/a,0.9,64,4,0.5\nboolq:model=other,0.1,1,1,0.1\n");
  const Outcome compared = Lts({"profile", "--import", trials, "--scenarios", scenarios, "-q"});
  ASSERT_EQ(compared.code, 0) << compared.err;
  EXPECT_THAT(compared.out, HasSubstr("rank by accuracy per second"));
  EXPECT_THAT(compared.out, HasSubstr("m/a"));
  ExpectBadInput(Lts({"profile", "--predict"}), "expected ARCH to predict");
  ExpectBadInput(Lts({"profile", "--predict", arch, "--device", "a10"}), "did you mean 'a100'");
  ExpectBadInput(Lts({"profile", "--import", trials, "--metrics"}), "expected --request");
  ExpectBadInput(Lts({"profile", "--predict", "--import", trials}), "argument table");
}

}  // namespace
}  // namespace lts::cli

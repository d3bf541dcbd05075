#include "lts/profile/megatron_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/base/error.h"
#include "lts/profile/profile_test_support.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Launch(int layers, int ranks) {
  const auto argument = [](const std::string& name, const std::string& value) {
    return "  " + name + " .............. " + value + "\n";
  };
  return "using world size: 1, data-parallel-size: 1, ...\n"
         "------------------------ arguments ------------------------\n" +
         argument("all_num_input_tokens", "[1, 16]") + argument("all_num_output_tokens", "[0, 1]") +
         argument("ffn_hidden_size", "256") + argument("hidden_size", "64") +
         argument("max_position_embeddings", "128") + argument("micro_batch_size", "1") +
         argument("num_attention_heads", "2") + argument("num_layers", std::to_string(layers)) +
         argument("pipeline_model_parallel_size", "1") + argument("seed", "42") +
         argument("tensor_model_parallel_size", std::to_string(ranks)) +
         "-------------------- end of arguments ---------------------\n"
         " > padded vocab (size: 50257) with 47 dummy tokens (new size: 50304)\n";
}
std::string Time(int p, int o, const std::string& seconds, const std::string& deviation = "0.001") {
  return "Runtime for {'num_input_tokens': " + std::to_string(p) +
         ", 'num_output_tokens': " + std::to_string(o) + "}: " + seconds + " seconds +- " +
         deviation + "\n";
}
CostProfile Parse(const std::string& text, std::int64_t multiplier = 1) {
  return ParseMegatronLog(text, "logs/model.log", {.layer_multiplier = multiplier});
}
std::string MessageOf(const std::string& text) {
  try {
    Parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "no error";
}

TEST(MegatronLog, ReadsTimesAndDeployment) {
  const CostProfile profile =
      Parse(Launch(4, 2) + "noise\n" + Time(1, 1, "0.020") + Time(16, 1, "0.025"));
  EXPECT_EQ(profile.name, "model");
  ASSERT_EQ(profile.points.size(), 2U);
  EXPECT_EQ(profile.points[1], (GridPoint{16, 1, 0.025, 0.001, 50, {}}));
  EXPECT_EQ(profile.resolution_s, 0.001);
  ASSERT_TRUE(profile.deployment.has_value());
  EXPECT_EQ(profile.deployment->architecture, Architecture::Gpt2(4, 64, 256, 2, 50304, 128));
  EXPECT_EQ(profile.deployment->ranks, 2);
  EXPECT_THAT(profile.notes, IsEmpty());
}

TEST(MegatronLog, TheLastOfRepeatedTimesCounts) {
  const CostProfile profile = Parse(Launch(4, 1) + Time(1, 1, "0.020") + Launch(4, 1) +
                                    Time(1, 1, "0.030") + Time(16, 1, "0.040"));
  EXPECT_EQ(profile.Find(1, 1)->seconds, 0.030);
  EXPECT_NEAR(profile.total_s, 50 * 0.090, 1e-9);
  EXPECT_THAT(profile.notes, ElementsAre(HasSubstr("1 times are there again")));
}

TEST(MegatronLog, ALaunchWithoutTimesLeavesNoTrace) {
  const CostProfile profile = Parse(Launch(4, 1) + Launch(4, 2) + Time(1, 1, "0.020"));
  EXPECT_EQ(profile.deployment->ranks, 2);
}

TEST(MegatronLog, MultipliesALogOfAThirdOfTheLayers) {
  const CostProfile profile = Parse(Launch(4, 2) + Time(1, 1, "0.020") + Time(16, 1, "0.021"), 3);
  EXPECT_NEAR(profile.points[0].seconds, 0.060, 1e-12);
  EXPECT_NEAR(profile.points[0].deviation_s, 0.003, 1e-12);
  EXPECT_NEAR(profile.resolution_s, 0.003, 1e-12);
  EXPECT_EQ(profile.deployment->architecture.n_layer(), 12);
  EXPECT_EQ(profile.deployment->devices(), 6);
}

TEST(MegatronLog, SaysWhatIsMissing) {
  EXPECT_THAT(Parse(Launch(4, 1) + Time(1, 1, "0.020")).notes,
              ElementsAre(HasSubstr("1 times that the arguments announce are missing, the first at "
                                    "p = 16, o = 1")));
  EXPECT_THAT(Parse(Time(1, 1, "0.020")).notes, ElementsAre(HasSubstr("no argument table")));
}

TEST(MegatronLog, NamesTheLineOfWhatIsWrong) {
  EXPECT_THAT(MessageOf(""), HasSubstr("logs/model.log: line 0: the file ends without a single"));
  EXPECT_THAT(MessageOf("text\n" + Time(1, 1, "fast")), HasSubstr("line 2: got 'Runtime for"));
  EXPECT_THAT(MessageOf(Time(1, 1, "0.1").substr(0, 40)), HasSubstr("line 1: got"));
  EXPECT_THAT(MessageOf(Time(1, 1, "0.123", "0.1")), HasSubstr("line 1: got"));
  EXPECT_THAT(MessageOf("rank 3: " + Time(1, 1, "0.1")), HasSubstr("a time behind other text"));
  EXPECT_THAT(MessageOf(Time(0, 1, "0.1", "0.0")), HasSubstr("line 1: p = 0, o = 1"));
  EXPECT_THAT(MessageOf(Time(1, 1, "0.000")), HasSubstr("expected times above 0"));
  EXPECT_THAT(MessageOf(Launch(4, 1).substr(0, Launch(4, 1).find("  num_layers"))),
              HasSubstr("line 2: the argument table never"));
  EXPECT_THAT(MessageOf(Launch(4, 1) + Time(1, 1, "0.020") + Launch(8, 1) + Time(16, 1, "0.020")),
              HasSubstr("line 32: times of another model: num_layers is 8"));
}

TEST(MegatronLog, RefusesATableWithoutWhatDecidesTheModel) {
  std::string launch = Launch(4, 1);
  const std::size_t at = launch.find("  hidden_size");
  launch.erase(at, launch.find('\n', at) + 1 - at);
  EXPECT_THAT(MessageOf(launch + Time(1, 1, "0.020")), HasSubstr("lacks hidden_size"));
}

TEST(PublishedLogs, AreReadWithTheirOddities) {
  if (!HasEfficiencyData()) GTEST_SKIP() << kNoEfficiencyData;
  const CostProfile yalm = PublishedProfile("v100", "yalm");
  EXPECT_EQ(yalm.points.size(), 110U);
  EXPECT_THAT(yalm.notes, ElementsAre(HasSubstr("9 times are there again")));
  EXPECT_EQ(yalm.Find(64, 1)->seconds, 0.100);
  const CostProfile nlg = PublishedProfile("v100", "mt_nlg");
  EXPECT_EQ(nlg.deployment->architecture.n_layer(), 105);
  EXPECT_EQ(nlg.deployment->devices(), 48);
  const CostProfile grande = PublishedProfile("v100", "ai21_j1_grande");
  EXPECT_EQ(grande.deployment->ranks, 2);
  EXPECT_EQ(grande.deployment->architecture.vocab_size(), 524288);
  for (const std::string& model : PublishedModels("a100")) {
    EXPECT_EQ(PublishedProfile("a100", model).points.size(), 270U) << model;
  }
}

}  // namespace
}  // namespace lts

#include "lts/quality/trained_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lts/base/error.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

template <typename F>
std::string MessageOf(F f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "no error";
}

constexpr const char* kConfig =
    R"("{""n_layer"": 2, ""d_model"": 64, ""d_inner"": 128, ""n_head"": 2}")";

TEST(ParseTrainedModels, ReadsAUsersTable) {
  const TrainedModels models =
      ParseTrainedModels(std::string("id,config,perplexity\nmine,") + kConfig + ",31.5\n," +
                             kConfig + ",\n," + kConfig + ", 40 \n",
                         "folder/t.csv", "");
  EXPECT_EQ(models.name, "t");
  EXPECT_EQ(models.without_perplexity, 1);
  ASSERT_EQ(models.models.size(), 2U);
  EXPECT_EQ(models.models[0].id, "mine");
  EXPECT_EQ(models.models[0].perplexity, 31.5);
  EXPECT_EQ(models.models[0].architecture.d_model(), 64);
  EXPECT_FALSE(models.models[0].latency_ms.has_value());
  EXPECT_EQ(models.models[1].id, "line 4");
  EXPECT_EQ(models.models[1].perplexity, 40);
}

TEST(ParseTrainedModels, ReadsABenchmarkRow) {
  const TrainedModels models = ParseTrainedModels(
      "id,set,backbone,n_layer,d_model,d_embed,div_val,n_token,n_head,d_inner,tgt_len,mem_len,"
      "valid_ppl,latency_ms\n"
      "c,random_wt103,gpt2_flex,2,128,64,4,50264,2 4,512 640,192,192,45.5,7.25\n",
      "b.csv", "");
  ASSERT_EQ(models.models.size(), 1U);
  const Architecture& architecture = models.models[0].architecture;
  EXPECT_EQ(architecture.n_layer(), 2);
  EXPECT_EQ(architecture.layers()[1].d_inner, 640);
  EXPECT_EQ(architecture.layers()[1].n_head, 4);
  EXPECT_EQ(models.models[0].latency_ms, 7.25);
}

TEST(ParseTrainedModels, SaysWhichCellIsWrong) {
  const auto message = [](const std::string& text) {
    return MessageOf([&] { ParseTrainedModels(text, "t.csv", ""); });
  };
  EXPECT_THAT(message("a,b\n1,2\n"), HasSubstr("no column 'perplexity'"));
  EXPECT_THAT(message("perplexity\n5\n"), HasSubstr("no column 'config'"));
  const std::string start = std::string("config,perplexity\n") + kConfig;
  EXPECT_THAT(message(start + ",fast\n"), HasSubstr("line 2: column 'perplexity': got 'fast'"));
  EXPECT_THAT(message(start + ",1\n"), HasSubstr("above 1"));
  EXPECT_THAT(message(start + ",inf\n"), HasSubstr("'inf'"));
  EXPECT_THAT(message("config,perplexity\n,5\n"), HasSubstr("column 'config': empty"));
  EXPECT_THAT(message("config,perplexity\nmodel.json,5\n"), HasSubstr("cannot be read here"));
  EXPECT_THAT(message("config,perplexity\n\"{\"\"n_layer\"\": 2}\",5\n"), HasSubstr("line 2"));
}

TEST(ReadTrainedModels, FindsConfigsBesideTheTable) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                       ("lts_trained_models_test_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder / "models");
  std::ofstream(folder / "models/a.json")
      << R"({"n_layer": 3, "d_model": 64, "d_inner": 128, "n_head": 2})";
  std::ofstream(folder / "t.csv") << "config,perplexity\nmodels/a.json,20\n";
  const TrainedModels models = ReadTrainedModels((folder / "t.csv").string());
  EXPECT_EQ(models.models.at(0).architecture.n_layer(), 3);
  std::ofstream(folder / "t.csv") << "config,perplexity\nmodels/b.json,20\n";
  EXPECT_THROW(ReadTrainedModels((folder / "t.csv").string()), Error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace lts

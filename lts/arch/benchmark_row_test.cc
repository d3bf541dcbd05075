#include "lts/arch/benchmark_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/base/error.h"

namespace lts {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using Row = std::map<std::string, std::string>;

Row Flex() {
  return {{"id", "config_0_j0"},     {"set", "random_GPT2_wt103"},
          {"backbone", "gpt2_flex"}, {"n_layer", "3"},
          {"d_model", "128"},        {"d_embed", "256"},
          {"div_val", "4"},          {"n_token", "50264"},
          {"n_head", "2 4 8"},       {"d_inner", "1071 640 1286"},
          {"tgt_len", "192"},        {"mem_len", "192"},
          {"valid_ppl", "45.02"}};
}

Architecture Read(const Row& row) {
  return ArchitectureOfBenchmarkRow(ParseBenchmarkRow(row, "runs.csv, line 2"), "runs.csv, line 2");
}

std::string MessageOf(const std::string& column, const std::string& value) {
  Row row = Flex();
  row[column] = value;
  try {
    Read(row);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(BenchmarkRow, IsReadByItsColumns) {
  const Architecture architecture = Read(Flex());
  EXPECT_EQ(architecture.backbone(), "gpt2");
  EXPECT_EQ(architecture.max_seq_len(), 192);
  EXPECT_EQ(architecture.layers(),
            (std::vector<LayerShape>{{2, 2, 1071}, {4, 4, 640}, {8, 8, 1286}}));
  EXPECT_EQ(*architecture.settings().adaptive,
            (AdaptiveVocabulary{.d_embed = 256,
                                .div_val = 4,
                                .cutoffs = {19997, 39997},  // 199997 is beyond the vocabulary
                                .tied_projections = true}));
  EXPECT_EQ(architecture.settings().memory_tokens, 0) << "meaningless for gpt2_flex";
}

TEST(BenchmarkRow, HasTheClustersOfItsCorpus) {
  Row row = Flex();
  row["set"] = "pareto_TransXL_lm1b_arm";
  row["backbone"] = "mem_transformer";
  row["n_token"] = "267735";
  row["mem_len"] = "32";
  const Architecture architecture = Read(row);
  EXPECT_EQ(architecture.backbone(), "transfo-xl");
  EXPECT_EQ(architecture.settings().memory_tokens, 32);
  EXPECT_EQ(architecture.settings().adaptive->cutoffs, (std::vector<std::int64_t>{59997, 99997}));
  EXPECT_FALSE(architecture.settings().adaptive->tied_projections);
}

TEST(BenchmarkRow, NeedsNoMoreThanTheShape) {
  const Architecture architecture = Read({{"backbone", "mem_transformer"},
                                          {"n_layer", "2"},
                                          {"d_model", "64"},
                                          {"n_head", "4"},
                                          {"d_inner", "200"},
                                          {"d_embed", ""}});
  EXPECT_EQ(architecture.layers(), (std::vector<LayerShape>{{4, 4, 200}, {4, 4, 200}}));
  EXPECT_EQ(architecture.vocab_size(), 267735);
  EXPECT_EQ(architecture.settings().adaptive->d_embed, 64);
  EXPECT_EQ(architecture.settings().adaptive->div_val, 4);
  EXPECT_EQ(architecture.settings().memory_tokens, 192);
}

TEST(BenchmarkRow, SaysWhatIsWrong) {
  EXPECT_THAT(MessageOf("n_layer", "x"),
              StartsWith("runs.csv, line 2: column 'n_layer': got 'x', expected an integer"));
  for (const char* value : {"", "1.5", "99999999999999999999", "2 3", "0x2"}) {
    EXPECT_THAT(MessageOf("d_model", value), HasSubstr("column 'd_model'")) << value;
  }
  EXPECT_THAT(MessageOf("n_head", "2,4,8"), HasSubstr("integers with blanks between"));
  EXPECT_THAT(MessageOf("n_head", "2 4"),
              HasSubstr("n_head: got 2 values, expected 1 or n_layer = 3"));
  EXPECT_THAT(MessageOf("n_head", "2 4 7"), HasSubstr("n_head[2]: got 7, expected a divisor"));
  EXPECT_THAT(MessageOf("n_layer", "100000"), HasSubstr("n_layer: got 100000"));
  EXPECT_THAT(MessageOf("d_embed", "-2"), HasSubstr("d_embed: got -2"));
  EXPECT_THAT(MessageOf("backbone", "gpt2_flax"), HasSubstr("did you mean 'gpt2_flex'"));
}

}  // namespace
}  // namespace lts

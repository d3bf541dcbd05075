#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "lts/base/error.h"
#include "lts/space/search_space.h"

namespace lts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Check(std::string_view space, std::vector<std::string> constraints,
                  const Workload& workload = {}) {
  try {
    CheckNotEmpty(LoadSpace(space).With(constraints), workload);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos);
    return error.what();
  }
  return "not empty";
}

TEST(CheckNotEmpty, AcceptsThePresets) {
  for (const SpaceFields& fields : SpacePresets())
    EXPECT_NO_THROW(CheckNotEmpty(SearchSpace(fields), {}));
}

TEST(CheckNotEmpty, RefutesOneConstraintByIntervals) {
  EXPECT_THAT(Check("lts-gpt2", {"decoder_params > 1e12"}),
              AllOf(HasSubstr("space 'lts-gpt2'"),
                    HasSubstr("no architecture satisfies 'decoder_params > 1e12'"),
                    HasSubstr("decoder_params is ")));
  EXPECT_THAT(Check("archai-gpt2", {"d_inner >= 20 * d_model"}),
              AllOf(HasSubstr("'d_inner >= 20 * d_model'"), HasSubstr("d_inner is 128 to 960")));
  EXPECT_THAT(Check("archai-gpt2", {"kv_cache_mib < 0.1"}), HasSubstr("kv_cache_mib is "));
}

TEST(CheckNotEmpty, BlamesContradictoryConstraints) {
  EXPECT_THAT(Check("archai-gpt2", {"n_layer >= 2", "d_inner >= 2 * d_model", "d_inner < d_model"}),
              AllOf(HasSubstr("no architecture satisfies 'd_inner >= 2 * d_model' and 'd_inner < "
                              "d_model' together"),
                    Not(HasSubstr("n_layer")), Not(HasSubstr("decoder_params"))));
  EXPECT_THAT(Check("lts-gpt2", {"d_inner < d_model"}),
              AllOf(HasSubstr("'d_inner >= 1.7 * d_model' and 'd_inner < d_model' together"),
                    Not(HasSubstr("decoder_params"))));
  EXPECT_THAT(Check("text-predictor", {"n_layer * d_model < 4000"}),
              HasSubstr("'n_layer * d_model < 4000'"));
}

TEST(CheckNotEmpty, BlamesContradictoryMetrics) {
  EXPECT_THAT(
      Check("archai-gpt2", {"decoder_params > 30e6", "n_layer < 3"}),
      AllOf(HasSubstr("'decoder_params > 30e6' and 'n_layer < 3'"), Not(HasSubstr("1e6 <="))));
  EXPECT_THAT(Check("lts-gpt2", {"decoder_params > 50e6", "weights_mib < 150"}),
              AllOf(HasSubstr("'decoder_params > 50e6'"), HasSubstr("'weights_mib < 150'")));
}

TEST(CheckNotEmpty, BlamesHeadsThatDivideNoWidth) {
  const SearchSpace space(
      {.name = "odd",
       .dimensions = {
           {"n_layer", {1}}, {"d_model", {64, 128}}, {"d_inner", {64}}, {"n_head", {3, 7}}}});
  try {
    CheckNotEmpty(space, {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("'d_model % n_head == 0'"));
  }
}

TEST(CheckNotEmpty, FindsTheNeedle) {
  EXPECT_EQ(
      Check("archai-gpt2", {"n_layer == 7", "d_model == 576", "d_inner == 832", "n_head == 8"}),
      "not empty");
  EXPECT_EQ(Check("archai-gpt2", {"n_layer * d_model * d_inner * n_head == 10 * 960 * 960 * 8"}),
            "not empty");
  EXPECT_EQ(Check("lts-gpt2", {"99e6 < decoder_params"}), "not empty");
}

TEST(CheckNotEmpty, RefusesAWorkloadBeyondTheContext) {
  EXPECT_THAT(Check("archai-gpt2", {}, {.prompt_tokens = 1000, .output_tokens = 100}),
              AllOf(HasSubstr("max_seq_len is 1024"), HasSubstr("1099")));
  EXPECT_THAT(Check("archai-gpt2", {}, {.prompt_tokens = 0}), HasSubstr("prompt_tokens"));
  EXPECT_THAT(Check("archai-gpt2", {}, {.prompt_tokens = INT64_MAX, .output_tokens = INT64_MAX}),
              HasSubstr("max_seq_len"));
}

// Without a bound on the work this would take hours: 65536^2 pairs of values, none of which does.
TEST(CheckNotEmpty, BoundsItsWorkOnAbsurdSpaces) {
  std::vector<std::int64_t> many(65536);
  std::iota(many.begin(), many.end(), 1);
  const SearchSpace space(
      {.name = "absurd",
       .dimensions = {{"n_layer", {1, 64}},
                      {"d_model", many},
                      {"d_inner", many, true},
                      {"n_head", {1, 2}, true}},
       .constraints = {"d_inner * d_model % 65537 == 65536 / 65536 * 0 + d_inner % 2 / 4 + 0.1"}});
  try {
    CheckNotEmpty(space, {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("none of 20000 draws satisfies"));
  }
}

}  // namespace
}  // namespace lts

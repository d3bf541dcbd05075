#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "lts/arch/count.h"
#include "lts/arch/graph.h"
#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/quality/law.h"
#include "lts/quality/lts_law.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

Architecture Random(Rng& rng) {
  ArchitectureFields fields;
  fields.d_model = 64 * rng.Between(1, 16);
  const std::int64_t n_layer = rng.Between(1, 16);
  for (std::int64_t i = 0; i < n_layer; ++i) {
    const std::int64_t n_head = std::int64_t{1} << rng.Between(0, 4);
    fields.layers.push_back({n_head, n_head, 64 * rng.Between(1, 64)});
  }
  return Architecture(fields);
}

double ScoreOf(std::string_view law, const Architecture& architecture) {
  return LawValue(FindLaw(law), architecture);
}

TEST(Laws, NamesAreUniqueAndEveryLawSaysWhereItIsFrom) {
  std::set<std::string_view> names;
  for (const Law* law : Laws()) {
    EXPECT_TRUE(names.insert(law->name).second) << law->name;
    EXPECT_FALSE(law->summary.empty()) << law->name;
    EXPECT_FALSE(law->source.empty()) << law->name;
    EXPECT_LE(law->sums.size(), kMaxLawSums) << law->name;
    EXPECT_EQ(&FindLaw(law->name), law);
  }
}

TEST(Laws, SuggestsTheNearestName) {
  try {
    FindLaw("gemstone");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("gemstones"));
  }
}

TEST(Laws, TheOrderOfLayersDoesNotMatter) {
  Rng rng(3);
  for (int i = 0; i < 20; ++i) {
    const Architecture architecture = Random(rng);
    ArchitectureFields fields = architecture.fields();
    std::reverse(fields.layers.begin(), fields.layers.end());
    const Architecture reversed(fields);
    for (const Law* law : Laws()) {
      const double score = LawValue(*law, architecture);
      EXPECT_NEAR(LawValue(*law, reversed), score, 1e-12 * std::abs(score)) << law->name;
    }
  }
}

TEST(Laws, EveryPredictionHasAnIntervalAroundIt) {
  Rng rng(4);
  for (int i = 0; i < 20; ++i) {
    const Architecture architecture = Random(rng);
    for (const Law* law : Laws()) {
      const Prediction prediction = Predict(*law, architecture);
      EXPECT_EQ(prediction.value, LawValue(*law, architecture)) << law->name;
      EXPECT_LT(prediction.low, prediction.value) << law->name;
      EXPECT_GT(prediction.high, prediction.value) << law->name;
      EXPECT_TRUE(std::isfinite(prediction.low) && std::isfinite(prediction.high)) << law->name;
    }
  }
}

TEST(Laws, ParametersAreCountedAsTheGraphHasThem) {
  Rng rng(5);
  for (int i = 0; i < 20; ++i) {
    const Architecture architecture = Random(rng);
    const ParameterCounts counts = CountParameters(BuildGraph(architecture));
    EXPECT_EQ(ScoreOf("decoder_params", architecture), -static_cast<double>(counts.decoder()));
    EXPECT_EQ(ScoreOf("total_params", architecture), -static_cast<double>(counts.total()));
    EXPECT_DOUBLE_EQ(ScoreOf("sqrt_attn_ffn", architecture),
                     -std::sqrt(static_cast<double>(counts.attention) *
                                static_cast<double>(counts.feed_forward)));
  }
}

// By hand, from the published constants, for a decoder of 10 layers and width 512 with 8 heads.
TEST(Laws, PublishedFormulasHoldForAKnownDecoder) {
  const Architecture architecture = Architecture::Gpt2(10, 512, 2048, 8);
  const double d = 512;
  const double f = 2048;
  const double attention = 10 * (4 * d * d + 4 * d);
  const double feed_forward = 10 * (2 * d * f + f + d);
  EXPECT_EQ(ScoreOf("attn_ffn_params", architecture), -(attention + feed_forward));
  EXPECT_EQ(ScoreOf("decoder_params", architecture), -(attention + feed_forward + 42 * d));
  EXPECT_NEAR(ScoreOf("gemstones", architecture),
              std::exp(0.39246) + std::exp(1.45201) * std::pow(512, -0.24469) +
                  std::exp(-0.07810) * std::pow(10, -0.38715) +
                  std::exp(7.97003) * std::pow(attention + feed_forward, -0.50008),
              1e-12);
  const double x = d / std::sqrt(attention + feed_forward);
  const double r = feed_forward / attention;
  EXPECT_NEAR(ScoreOf("conditional", architecture),
              (2.697 + 0.0974 * std::log(x) + 0.0078 / x) *
                  (0.3870 + 0.0063 * std::log(r) + 0.0065 / r) *
                  (1.69 + 406.4 * std::pow(attention + feed_forward, -0.34)),
              1e-12);
  EXPECT_NEAR(ScoreOf("separable", architecture),
              std::pow(10, -0.4638) + 0.7079 * std::pow(5.12, -0.5958) +
                  5.2079 * std::pow(2.048, -0.0284) + 1.3026 * std::pow(5.12, -0.0881) +
                  0.0034 * std::pow(5.12, -2.7102) + 0.1839 * std::pow(8, -0.1948),
              1e-12);
}

TEST(Laws, AreInBothFormsTheSame) {
  // As the exact solver evaluates them: sums in any order of layers, then the value.
  Rng rng(6);
  const Architecture architecture = Random(rng);
  const DecoderFrame frame(architecture);
  for (const Law* law : Laws()) {
    std::vector<double> sums(law->sums.size());
    for (auto layer = architecture.layers().rbegin(); layer != architecture.layers().rend();
         ++layer) {
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += frame.Of(law->sums[i], *layer);
    }
    const double value = law->value(frame, architecture.n_layer(), sums);
    EXPECT_NEAR(value, LawValue(*law, architecture), 1e-12 * std::abs(value)) << law->name;
  }
}

TEST(Laws, SayWhetherMoreIsBetter) {
  Rng rng(7);
  for (const Law* law : Laws()) {
    bool rose = false;
    for (int i = 0; i < 200; ++i) {
      const Architecture architecture = Random(rng);
      const DecoderFrame frame(architecture);
      const auto all = SumsOf(*law, frame, architecture);
      const auto sums = std::span(all).first(law->sums.size());
      const double before = law->value(frame, architecture.n_layer(), sums);
      for (std::size_t k = 0; k < sums.size(); ++k) {
        std::vector<double> more(sums.begin(), sums.end());
        more[k] *= 1 + rng.Uniform();
        rose |= law->value(frame, architecture.n_layer(), more) > before;
      }
    }
    EXPECT_FALSE(rose && law->more_is_better) << law->name;
  }
  // Feed-forward layers far wider than the stream: of no use to this law.
  EXPECT_FALSE(FindLaw("conditional").more_is_better);
  EXPECT_GT(ScoreOf("conditional", Architecture::Gpt2(96, 64, 131072, 2)),
            ScoreOf("conditional", Architecture::Gpt2(96, 64, 65536, 2)));
}

// What physics says, also far outside the data: more of one thing, all else equal, is never
// predicted worse, and none of it helps without limit.
TEST(LtsLaw, MoreIsNeverWorseAndNothingHelpsWithoutLimit) {
  const auto value = [](std::int64_t n_layer, std::int64_t d_model, std::int64_t d_inner,
                        std::int64_t n_head) {
    return ScoreOf("lts_law", Architecture::Gpt2(n_layer, d_model, d_inner, n_head));
  };
  for (const std::int64_t depth : {1, 3, 12, 48}) {
    for (const std::int64_t width : {64, 256, 1024, 1600, 4096}) {
      for (const std::int64_t d_inner : {128, 1024, 6400, 16384}) {
        const double base = value(depth, width, d_inner, 4);
        EXPECT_TRUE(std::isfinite(base));
        EXPECT_LE(value(2 * depth, width, d_inner, 4), base);
        EXPECT_LE(value(depth, 2 * width, d_inner, 4), base);
        EXPECT_LE(value(depth, width, 2 * d_inner, 4), base);
        if (width >= 256) {
          EXPECT_LE(value(depth, width, d_inner, 8), base);
        }
      }
    }
  }
  const double large = value(2048, 4096, 16384, 64);
  EXPECT_GT(large, 0);
  EXPECT_LT(value(4, 256, 1024, 4) - large, 10);
}

TEST(LtsLaw, ComparesCloseDecodersAsATie) {
  const LtsLawInputs a = LtsLawInputsOf(Architecture::Gpt2(6, 256, 1024, 4));
  const LtsLawInputs b = LtsLawInputsOf(Architecture::Gpt2(6, 256, 1025, 4));
  const LtsLawInputs c = LtsLawInputsOf(Architecture::Gpt2(12, 512, 2048, 8));
  const LawComparison close = CompareByLtsLaw(FrozenLtsLaw(), b, a);
  EXPECT_TRUE(close.tie);
  EXPECT_NEAR(close.probability, 0.5, 0.05);
  const LawComparison far = CompareByLtsLaw(FrozenLtsLaw(), c, a);
  EXPECT_FALSE(far.tie);
  EXPECT_LT(far.difference, 0);
  EXPECT_GT(far.probability, 0.95);
  EXPECT_NEAR(CompareByLtsLaw(FrozenLtsLaw(), a, c).probability, 1 - far.probability, 1e-12);
}

TEST(LtsLaw, IsLessSureFarFromWhatItWasFittedOn) {
  const auto width = [](std::int64_t n_layer, std::int64_t d_model) {
    const Prediction p = PredictLtsLaw(
        FrozenLtsLaw(), LtsLawInputsOf(Architecture::Gpt2(n_layer, d_model, 2 * d_model, 4)));
    return p.high - p.low;
  };
  EXPECT_GT(width(1, 64), width(8, 256));
}

TEST(LtsLaw, FlagsWhatLiesOutsideTheFit) {
  const auto outside = [](std::int64_t n_layer, std::int64_t d_model) {
    return OutsideFit(FrozenLtsLaw(),
                      LtsLawInputsOf(Architecture::Gpt2(n_layer, d_model, 1024, 4)));
  };
  EXPECT_EQ(outside(6, 256), "");
  EXPECT_THAT(outside(48, 256), HasSubstr("n_layer 48 is above"));
  EXPECT_THAT(outside(6, 32), HasSubstr("d_model 32 is below"));
}

}  // namespace
}  // namespace lts

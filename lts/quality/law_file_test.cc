#include "lts/quality/law_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/base/error.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

LawFile Example() { return {"mine", true, FrozenLtsLaw()}; }

std::string MessageOf(const Json& json) {
  try {
    ParseLawFile(json, "law.json");
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "";
}

TEST(LawFile, IsReadBackAsItWasWritten) {
  const LawFile law = Example();
  const LawFile again = ParseLawFile(ParseJson(WriteJson(ToJson(law)), "law.json"), "law.json");
  EXPECT_EQ(again.name, law.name);
  EXPECT_EQ(again.kept_prior, law.kept_prior);
  for (std::size_t i = 0; i < kLtsLawSize; ++i) {
    EXPECT_NEAR(again.fit.log_parameters[i], law.fit.log_parameters[i], 1e-12);
  }
  EXPECT_EQ(again.fit.covariance, law.fit.covariance);
  EXPECT_EQ(again.fit.residual, law.fit.residual);
  EXPECT_EQ(again.fit.models, law.fit.models);
  EXPECT_EQ(again.fit.width, law.fit.width);
}

TEST(LawFile, SaysWhichFieldIsWrong) {
  Json json = ToJson(Example());
  json["law"] = "gemstones";
  EXPECT_THAT(MessageOf(json), HasSubstr("field 'law'"));
  json = ToJson(Example());
  json["format"] = 2;
  EXPECT_THAT(MessageOf(json), HasSubstr("field 'format'"));
  json = ToJson(Example());
  json["parameters"]["width_weight"] = -1;
  EXPECT_THAT(MessageOf(json), HasSubstr("width_weight"));
  json = ToJson(Example());
  json["covariance"].AsArray()[0].AsArray()[0] = -1;
  EXPECT_THAT(MessageOf(json), HasSubstr("covariance"));
  json = ToJson(Example());
  json["covariance"].AsArray()[0].AsArray()[1] = 17;
  EXPECT_THAT(MessageOf(json), HasSubstr("symmetric"));
  json = ToJson(Example());
  json["covariance"].AsArray()[2].AsArray()[2] = 0;  // yet it varies together with others
  EXPECT_THAT(MessageOf(json), HasSubstr("covariance that they do not allow"));
  json = ToJson(Example());
  json["parameters"]["width_exponent"] = 21;
  EXPECT_THAT(MessageOf(json), HasSubstr("width_exponent"));
  json = ToJson(Example());
  json["covariance"].AsArray().pop_back();
  EXPECT_THAT(MessageOf(json), HasSubstr("covariance"));
  json = ToJson(Example());
  json["fitted_on"]["d_model"] = Json(Json::Array{Json(5), Json(4)});
  EXPECT_THAT(MessageOf(json), HasSubstr("d_model"));
  json = ToJson(Example());
  json["sclae"] = 1;
  EXPECT_THAT(MessageOf(json), HasSubstr("scale"));
}

TEST(LoadLaw, TakesNamesAndFiles) {
  const Architecture architecture = Architecture::Gpt2(4, 256, 1024, 4);
  EXPECT_EQ(LoadLaw("gemstones").predict(architecture).value,
            LawValue(FindLaw("gemstones"), architecture));
  EXPECT_THROW(LoadLaw("gemstone"), Error);
  EXPECT_THROW(LoadLaw("/nonexistent/law.json"), Error);
}

}  // namespace
}  // namespace lts

#include "lts/cost/calibration_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "lts/base/error.h"
#include "lts/cost/synthetic_device.h"

namespace lts {
namespace {

using namespace cost_test;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;

Calibration SomeCalibration() {
  const CostContext context;
  const CostFeatures features(context);
  Rng rng(1);
  std::vector<Observation> observations;
  for (int i = 0; i < 6; ++i) {
    Observation o{RandomArchitecture(rng, i % 2 == 0), {}};
    for (const Metric metric : {Metric::kTtftMs, Metric::kTpotMs, Metric::kPeakMemoryMib}) {
      const double truth = DeviceOf(metric).Cost(features, metric, o.architecture);
      o.measurements.push_back(Noisy(metric, truth, 0.02, rng));
    }
    observations.push_back(std::move(o));
  }
  Environment environment;
  environment.cpu_model = "Test CPU";
  environment.libraries = {{"oneDNN", "2.6.3"}};
  return {environment, "archai-gpt2", CostModel(context, observations)};
}

std::string ErrorOf(const Json& json) {
  try {
    ParseCalibration(json, "c.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(CalibrationFileTest, WhatIsWrittenIsRead) {
  const Calibration calibration = SomeCalibration();
  const std::string path =
      std::filesystem::temp_directory_path() / ("lts_calibration_" + std::to_string(getpid()));
  WriteCalibration(calibration, path);
  const Calibration again = ReadCalibration(path);
  std::filesystem::remove(path);
  EXPECT_EQ(again.environment, calibration.environment);
  EXPECT_EQ(again.space, calibration.space);
  EXPECT_EQ(ToJson(again), ToJson(calibration));
  const Architecture a = Architecture::Gpt2(4, 512, 1024, 8);
  EXPECT_EQ(again.model.Predict(Metric::kLatencyMs, a).high,
            calibration.model.Predict(Metric::kLatencyMs, a).high);
}

TEST(CalibrationFileTest, KnowsTheKvCacheThatWasAskedFor) {
  Json json = ToJson(SomeCalibration());
  EXPECT_EQ(json["model"].Find("kv_dtype"), nullptr);
  json["model"]["kv_dtype"] = "int8";
  const Calibration calibration = ParseCalibration(json, "c.json");
  EXPECT_EQ(calibration.model.context().config.cache_dtype(), DType::kInt8);
  // Where a member stands says nothing.
  EXPECT_EQ(WriteJson(*ToJson(calibration).Find("model")->Find("kv_dtype")),
            WriteJson(Json("int8")));
  EXPECT_EQ(ParseCalibration(ToJson(calibration), "c.json").model.context(),
            calibration.model.context());
  json["model"]["kv_dtype"] = "int9";
  EXPECT_THAT(ErrorOf(json), HasSubstr("c.json: model: field 'kv_dtype'"));
}

TEST(CalibrationFileTest, ErrorsNameFileAndField) {
  const Json good = ToJson(SomeCalibration());
  Json json = good;
  json["format"] = "lts-calibration-9";
  EXPECT_THAT(ErrorOf(json), HasSubstr("c.json: field 'format': got \"lts-calibration-9\""));
  json = good;
  json["extra"] = 1;
  EXPECT_THAT(ErrorOf(json), HasSubstr("extra"));
  json = good;
  json["model"]["dtype"] = "f33";
  EXPECT_THAT(ErrorOf(json), HasSubstr("c.json: model: field 'dtype'"));
  json = good;
  json["model"]["threads"] = 0;
  EXPECT_THAT(ErrorOf(json), HasSubstr("field 'threads': got 0"));
  json = good;
  json["model"]["prompt_tokens"] = 1024;
  EXPECT_THAT(ErrorOf(json), HasSubstr("prompt 1024"));
  json = good;
  json["model"]["observations"].AsArray()[2]["ttft_ms"] = Json(Json::Array{1.0, 2.0});
  EXPECT_THAT(ErrorOf(json), HasSubstr("observations[2]: field 'ttft_ms'"));
  json["model"]["observations"].AsArray()[2]["ttft_ms"] = Json(Json::Array{1.0, 2.0, 3.0});
  EXPECT_THAT(ErrorOf(json), HasSubstr("observations[2]: ttft_ms: got 1 in [2, 3]"));
  json = good;
  json["model"]["observations"].AsArray()[0]["architecture"]["d_model"] = -1;
  EXPECT_THAT(ErrorOf(json), HasSubstr("c.json: model: observations[0]"));
  json = good;
  json["model"]["observations"].AsArray().clear();
  EXPECT_THAT(ErrorOf(json), HasSubstr("got no observations"));
}

TEST(CalibrationFileTest, AbsurdNumbersAreFittedWithoutHarm) {
  Json json = ToJson(SomeCalibration());
  Json::Array& observations = json["model"]["observations"].AsArray();
  observations[0]["ttft_ms"] = Json(Json::Array{1e-6, 0.0, 1e9});
  observations[1]["ttft_ms"] = Json(Json::Array{1e9, 1e9, 1e9});
  const Calibration calibration = ParseCalibration(json, "c.json");
  const Estimate estimate =
      calibration.model.Predict(Metric::kTtftMs, Architecture::Gpt2(4, 512, 1024, 8));
  EXPECT_GT(estimate.low, 0);
  EXPECT_TRUE(std::isfinite(estimate.high));
}

}  // namespace
}  // namespace lts

#include <gtest/gtest.h>

#include <set>

#include "lts/base/error.h"
#include "lts/record/measurement.h"

namespace lts {
namespace {

Environment Example() {
  Environment environment;
  environment.cpu_model = "Example CPU @ 2.1 GHz";
  environment.isa = "AVX2";
  environment.logical_cores = 2;
  environment.memory_bytes = std::int64_t{24} << 30;
  environment.kernel = "Linux 6.1.0-18-amd64";
  environment.governor = "unknown";
  environment.load_1min = 0.75;
  environment.available_memory_bytes = std::int64_t{20} << 30;
  environment.lts_version = "0.1.0";
  environment.build = "GCC 12.2.0 Release";
  environment.libraries = {{"oneDNN", "2.6.3"}, {"Highway", "1.0.3"}};
  return environment;
}

std::string MessageOf(const Json& json) {
  try {
    Environment::FromJson(json, "run.json");
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(MetricTest, TableIsInTheOrderOfTheEnum) {
  int index = 0;
  for (const MetricInfo& info : Metrics()) {
    EXPECT_EQ(static_cast<int>(info.metric), index++);
    EXPECT_EQ(&Info(info.metric), &info);
  }
  EXPECT_EQ(index, 17);
}

TEST(MetricTest, NamesAndTitlesAreUniqueAndFoundAgain) {
  std::set<std::string_view> names;
  std::set<std::string_view> titles;
  for (const MetricInfo& info : Metrics()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(titles.insert(info.title).second) << info.title;
    EXPECT_EQ(MetricByName(info.name).metric, info.metric);
  }
}

TEST(MetricTest, NameOfAMetricCarriesItsUnit) {
  for (const MetricInfo& info : Metrics()) {
    EXPECT_EQ(info.name.ends_with("_ms"), info.unit == "ms") << info.name;
    EXPECT_EQ(info.name.ends_with("_mib"), info.unit == "MiB") << info.name;
  }
}

TEST(MetricTest, OnlyTheQualityProxyIsMaximised) {
  for (const MetricInfo& info : Metrics()) {
    EXPECT_EQ(info.better == Direction::kMaximize, info.metric == Metric::kDecoderParams)
        << info.name;
  }
}

TEST(MetricTest, SuggestsTheNearestName) {
  try {
    MetricByName("latncy_ms");
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNotFound);
    EXPECT_STREQ(e.what(), "unknown metric 'latncy_ms'; did you mean 'latency_ms'?");
  }
}

TEST(WorkloadTest, LastOutputTokenTakesNoCache) {
  EXPECT_EQ((Workload{192, 32, 1}).context_tokens(), 223);
  EXPECT_EQ((Workload{1, 1, 4}).context_tokens(), 1);
}

TEST(EnvironmentTest, SurvivesJson) {
  const Environment environment = Example();
  const std::string text = WriteJson(environment.ToJson());
  EXPECT_EQ(Environment::FromJson(ParseJson(text, "run.json"), "run.json"), environment);
}

TEST(EnvironmentTest, KeyIsStable) {
  EXPECT_EQ(Example().key().size(), 40u);
  EXPECT_EQ(Example().key(), Example().key());
}

TEST(EnvironmentTest, KeyIgnoresLoadFreeMemoryAndTheOrderOfLibraries) {
  Environment other = Example();
  other.load_1min = 9;
  other.available_memory_bytes = 1;
  std::swap(other.libraries[0], other.libraries[1]);
  EXPECT_EQ(other.key(), Example().key());
}

TEST(EnvironmentTest, KeyDependsOnEveryComparableField) {
  std::set<std::string> keys{Example().key()};
  const auto expect_new_key = [&](auto change) {
    Environment other = Example();
    change(other);
    EXPECT_TRUE(keys.insert(other.key()).second) << WriteJson(other.ToJson());
  };
  expect_new_key([](Environment& e) { e.cpu_model += "x"; });
  expect_new_key([](Environment& e) { e.isa += "x"; });
  expect_new_key([](Environment& e) { e.logical_cores += 1; });
  expect_new_key([](Environment& e) { e.memory_bytes += 1; });
  expect_new_key([](Environment& e) { e.kernel += "x"; });
  expect_new_key([](Environment& e) { e.governor += "x"; });
  expect_new_key([](Environment& e) { e.lts_version += "x"; });
  expect_new_key([](Environment& e) { e.build += "x"; });
  expect_new_key([](Environment& e) { e.libraries[0].second += "x"; });
  expect_new_key([](Environment& e) { e.libraries.pop_back(); });
}

TEST(EnvironmentTest, NamesFileAndFieldOfBadJson) {
  Json json = Example().ToJson();
  json["logical_cores"] = -1;
  EXPECT_EQ(MessageOf(json),
            "run.json: field 'logical_cores': got -1, expected an integer in [0, 1048576]");
  json = Example().ToJson();
  json["libraries"] = "oneDNN";
  EXPECT_EQ(MessageOf(json),
            "run.json: field 'libraries': got \"oneDNN\", expected an object of versions by name");
  json["libraries"] = Json(Json::Object{{"oneDNN", 2}});
  EXPECT_EQ(MessageOf(json), "run.json: libraries: field 'oneDNN': got 2, expected a string");
  json = Example().ToJson();
  json["kernal"] = "Linux";
  EXPECT_EQ(MessageOf(json), "run.json: unknown field 'kernal'; did you mean 'kernel'?");
  EXPECT_EQ(MessageOf(Json(1)), "run.json: got 1, expected an object");
}

TEST(EvaluationTest, FindsAMeasurementByItsMetric) {
  Evaluation evaluation;
  evaluation.measurements.resize(2);
  evaluation.measurements[0].metric = Metric::kFlops;
  evaluation.measurements[1].metric = Metric::kTpotMs;
  EXPECT_EQ(evaluation.Find(Metric::kTpotMs), &evaluation.measurements[1]);
  EXPECT_EQ(evaluation.Find(Metric::kFlops), &evaluation.measurements[0]);
  EXPECT_EQ(evaluation.Find(Metric::kLatencyMs), nullptr);
}

}  // namespace
}  // namespace lts

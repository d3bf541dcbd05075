// front.csv, evaluated.csv, front.json and the summary: read back and compared with the data.
#include "lts/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "lts/base/error.h"
#include "lts/report/format.h"
#include "lts/report/members.h"
#include "lts/report/sample_report.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using Row = std::map<std::string, std::string>;

// RFC 4180, with \n between records.
std::vector<std::vector<std::string>> ParseCsv(const std::string& text) {
  std::vector<std::vector<std::string>> records(1, std::vector<std::string>(1));
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& field = records.back().back();
    if (quoted) {
      if (text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"') {
        field += text[++i];
      } else if (text[i] == '"') {
        quoted = false;
      } else {
        field += text[i];
      }
    } else if (text[i] == '"' && field.empty()) {
      quoted = true;
    } else if (text[i] == ',') {
      records.back().emplace_back();
    } else if (text[i] == '\n') {
      records.emplace_back(1);
    } else {
      field += text[i];
    }
  }
  EXPECT_FALSE(quoted);
  EXPECT_THAT(records.back(), ElementsAre("")) << "the last line ends with a line break";
  records.pop_back();
  return records;
}

std::vector<Row> Rows(const std::string& text) {
  const auto records = ParseCsv(text);
  std::vector<Row> rows;
  for (std::size_t i = 1; i < records.size(); ++i) {
    EXPECT_EQ(records[i].size(), records[0].size()) << "line " << i + 1;
    Row row;
    for (std::size_t k = 0; k < records[0].size(); ++k) row[records[0][k]] = records[i].at(k);
    EXPECT_EQ(row.size(), records[0].size()) << "column names are unique";
    rows.push_back(row);
  }
  return rows;
}

TEST(EvaluatedCsv, HoldsEveryMemberInOrder) {
  const ReportData data = SampleReport("typical");
  const std::vector<Row> rows = Rows(EvaluatedCsv(data));
  ASSERT_EQ(rows.size(), data.evaluated.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ReportMember& member = data.evaluated[i];
    EXPECT_EQ(rows[i].at("id"), member.architecture.Id());
    EXPECT_EQ(rows[i].at("n_layer"), std::to_string(member.architecture.n_layer()));
    EXPECT_EQ(rows[i].at("on_front"), member.on_front ? "1" : "0");
    EXPECT_EQ(rows[i].at("feasible"), member.feasible ? "1" : "0");
    EXPECT_EQ(std::stod(rows[i].at("decoder_params")), member.objectives[0]);
    EXPECT_NEAR(std::stod(rows[i].at("latency_ms")), member.objectives[1],
                1e-5 * member.objectives[1]);
    EXPECT_NEAR(std::stod(rows[i].at("at_s")), member.at_s, 1e-3);
  }
}

TEST(EvaluatedCsv, GivesIntervalsToMeasuredNumbersAlone) {
  const ReportData data = SampleReport("typical");
  const std::vector<std::string> header = ParseCsv(EvaluatedCsv(data))[0];
  EXPECT_THAT(header, IsSupersetOf({"latency_ms", "latency_ms_low", "latency_ms_high",
                                    "latency_ms_p95", "latency_ms_noisy", "ttft_ms_low",
                                    "peak_memory_mib_p95", "kv_cache_mib", "weights_mib"}));
  EXPECT_THAT(header, ::testing::Not(::testing::Contains("decoder_params_low")));
  bool noisy = false;
  for (const Row& row : Rows(EvaluatedCsv(data))) {
    EXPECT_LE(std::stod(row.at("latency_ms_low")), std::stod(row.at("latency_ms")));
    EXPECT_LE(std::stod(row.at("latency_ms")), std::stod(row.at("latency_ms_high")));
    noisy = noisy || row.at("latency_ms_noisy") == "1";
  }
  EXPECT_TRUE(noisy);
}

TEST(EvaluatedCsv, WritesOneNumberForEqualLayersAndOnePerLayerElse) {
  for (const Row& row : Rows(EvaluatedCsv(SampleReport("typical")))) {
    EXPECT_EQ(row.at("d_inner").find(' '), std::string::npos);
  }
  const ReportData data = SampleReport("layered");
  const std::vector<Row> rows = Rows(EvaluatedCsv(data));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::vector<LayerShape>& layers = data.evaluated[i].architecture.layers();
    std::string expected;
    for (const LayerShape& layer : layers)
      expected += (expected.empty() ? "" : " ") + std::to_string(layer.d_inner);
    EXPECT_EQ(rows[i].at("d_inner"), expected);
  }
}

TEST(EvaluatedCsv, LeavesWhatIsUnknownEmpty) {
  ReportData data = SampleReport("typical");
  data.evaluated[0].objectives.clear();
  data.evaluated[0].measurements.clear();
  data.evaluated[1].objectives[1] = std::numeric_limits<double>::quiet_NaN();
  data.evaluated[1].measurements.clear();
  const std::vector<Row> rows = Rows(EvaluatedCsv(data));
  EXPECT_EQ(rows[0].at("latency_ms"), "");
  EXPECT_EQ(rows[0].at("decoder_params"), "");
  EXPECT_EQ(rows[0].at("latency_ms_noisy"), "");
  EXPECT_EQ(rows[1].at("latency_ms"), "");
  EXPECT_NE(rows[1].at("decoder_params"), "");
  EXPECT_EQ(rows[1].at("latency_ms_low"), "");
}

TEST(EvaluatedCsv, KeepsObjectivesThatAreNoMetric) {
  ReportData data = SampleReport("one");
  data.objectives[1].name = "perplexity, test";
  data.objectives[1].unit = "ppl";
  const Row row = Rows(EvaluatedCsv(data)).at(0);
  EXPECT_NEAR(std::stod(row.at("perplexity, test")), data.evaluated[0].objectives[1], 1e-9);
}

TEST(FrontCsv, HoldsTheFrontBestOfTheFirstObjectiveFirst) {
  const ReportData data = SampleReport("typical");
  const std::vector<Row> rows = Rows(FrontCsv(data));
  std::size_t front = 0;
  std::size_t near_ties = 0;
  for (const ReportMember& member : data.evaluated) {
    front += member.on_front ? 1 : 0;
    near_ties += member.near_tie ? 1 : 0;
  }
  ASSERT_EQ(rows.size(), front + near_ties);
  ASSERT_GT(front, 10U);
  ASSERT_GT(near_ties, 0U);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_NE(rows[i].at("on_front"), rows[i].at("near_tie"));
    near_ties -= rows[i].at("near_tie") == "1" ? 1 : 0;
    if (i > 0) {
      EXPECT_GE(std::stod(rows[i - 1].at("decoder_params")),
                std::stod(rows[i].at("decoder_params")));
    }
  }
  EXPECT_EQ(near_ties, 0U);
  ReportData least = SampleReport("single-objective");
  for (ReportMember& member : least.evaluated) member.near_tie = false;
  EXPECT_EQ(Rows(FrontCsv(least)).size(), 1U);
}

TEST(FrontCsv, IsAHeaderAloneWithoutAFront) {
  EXPECT_EQ(ParseCsv(FrontCsv(SampleReport("empty"))).size(), 1U);
  EXPECT_EQ(ParseCsv(FrontCsv(SampleReport("nothing-feasible"))).size(), 1U);
}

TEST(FrontOrder, BreaksTiesByTheNextObjectiveAndThenByOrder) {
  ReportData data = SampleReport("typical");
  data.evaluated.resize(4, data.evaluated[0]);
  const std::vector<std::vector<double>> objectives = {{5, 9, 1}, {5, 7, 1}, {6, 20, 1}, {5, 7, 1}};
  for (std::size_t i = 0; i < 4; ++i) {
    data.evaluated[i].on_front = true;
    data.evaluated[i].objectives = objectives[i];
  }
  EXPECT_THAT(FrontOrder(data), ElementsAre(2, 1, 3, 0));
}

TEST(FrontJson, ReadsBackWithEverythingThatWasMeasured) {
  const ReportData data = SampleReport("typical");
  const Json json = ParseJson(WriteJson(FrontJson(data)), "front.json");
  EXPECT_EQ(json.Find("format")->AsString(), "lts-front");
  EXPECT_EQ(json.Find("version")->AsInt(), 2);
  EXPECT_EQ(json.Find("evaluated")->AsInt(), 214);
  EXPECT_EQ(json.Find("command_line")->AsString(), data.command_line);
  EXPECT_EQ(json.Find("config")->Find("dtype")->AsString(), "f32");
  EXPECT_EQ(json.Find("config")->Find("kv_dtype")->AsString(), "f32");
  EXPECT_EQ(json.Find("workload")->Find("prompt_tokens")->AsInt(), 192);
  EXPECT_EQ(Environment::FromJson(*json.Find("environment"), "front.json"), data.environment);
  EXPECT_EQ(json.Find("objectives")->AsArray()[0].Find("direction")->AsString(), "maximize");
  const std::vector<std::size_t> order = FrontAndNearTies(data);
  const Json::Array& front = json.Find("front")->AsArray();
  ASSERT_EQ(front.size(), order.size());
  for (std::size_t i = 0; i < front.size(); ++i) {
    const ReportMember& member = data.evaluated[order[i]];
    EXPECT_EQ(ParseArchitecture(*front[i].Find("architecture"), "front.json"), member.architecture);
    EXPECT_EQ(front[i].Find("id")->AsString(), member.architecture.Id());
    EXPECT_EQ(front[i].Find("near_tie")->AsBool(), !member.on_front);
    EXPECT_EQ(front[i].Find("objectives")->Find("latency_ms")->AsDouble(), member.objectives[1]);
    const Json::Array& measurements = front[i].Find("measurements")->AsArray();
    ASSERT_EQ(measurements.size(), member.measurements.size());
    for (std::size_t k = 0; k < measurements.size(); ++k) {
      const Measurement& measurement = member.measurements[k];
      EXPECT_EQ(measurements[k].Find("metric")->AsString(), Info(measurement.metric).name);
      EXPECT_EQ(measurements[k].Find("value")->AsDouble(), measurement.value);
      if (!Info(measurement.metric).measured) continue;
      EXPECT_EQ(measurements[k].Find("high")->AsDouble(), measurement.high);
      EXPECT_EQ(measurements[k].Find("noisy")->AsBool(), measurement.noisy);
      EXPECT_EQ(measurements[k].Find("samples")->AsArray().size(), measurement.samples.size());
    }
  }
}

TEST(FrontJson, MarksAnUnfinishedRun) {
  EXPECT_TRUE(FrontJson(SampleReport("empty")).Find("finished_utc")->is_null());
  EXPECT_TRUE(FrontJson(SampleReport("empty")).Find("front")->AsArray().empty());
}

TEST(Summary, SaysHowManyWhereAndTheRange) {
  const ReportData data = SampleReport("typical");
  const std::string text = SummarySentence(data);
  const std::vector<std::size_t> order = FrontOrder(data);
  const std::size_t near_ties = FrontAndNearTies(data).size() - order.size();
  ASSERT_GT(near_ties, 1U);
  EXPECT_THAT(text,
              HasSubstr(std::to_string(order.size()) + " Pareto-optimal decoders and " +
                        std::to_string(near_ties) + " near-ties among 214 evaluated on AMD EPYC"));
  const std::size_t least = text.find(HumanNumber(data.evaluated[order.back()].objectives[0], ""));
  const std::size_t most = text.find(HumanNumber(data.evaluated[order.front()].objectives[0], ""));
  ASSERT_NE(least, std::string::npos);
  ASSERT_NE(most, std::string::npos);
  EXPECT_LT(least, most) << "from small to large";
  EXPECT_THAT(text, HasSubstr("peak memory"));
}

TEST(Summary, HasWordsForTheSmallCases) {
  EXPECT_THAT(SummarySentence(SampleReport("empty")),
              HasSubstr("No decoder has been evaluated yet"));
  EXPECT_THAT(SummarySentence(SampleReport("one")),
              HasSubstr("1 Pareto-optimal decoder among 1 evaluated"));
  EXPECT_THAT(SummarySentence(SampleReport("nothing-feasible")),
              HasSubstr("12 decoders evaluated"));
  EXPECT_THAT(SummarySentence(SampleReport("nothing-feasible")), HasSubstr("the front is empty"));
}

TEST(SampleReport, IsTheSameEveryTimeAndRefusesUnknownNames) {
  EXPECT_EQ(WriteJson(FrontJson(SampleReport("typical"))),
            WriteJson(FrontJson(SampleReport("typical"))));
  EXPECT_THROW(SampleReport("tipical"), Error);
}

}  // namespace
}  // namespace lts

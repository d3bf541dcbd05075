#include "lts/report/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "lts/report/axis.h"

namespace lts {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(PlainNumber, ReadsBackEqualAndKeepsWholeNumbersWhole) {
  EXPECT_EQ(PlainNumber(16040512), "16040512");
  EXPECT_EQ(PlainNumber(-3), "-3");
  EXPECT_EQ(PlainNumber(35.125), "35.125");
  EXPECT_EQ(PlainNumber(0.1), "0.1");
  EXPECT_EQ(std::stod(PlainNumber(1.0 / 3)), 1.0 / 3);
  EXPECT_EQ(std::stod(PlainNumber(1e300)), 1e300);
}

TEST(PlainNumber, IsEmptyWhenNotFinite) {
  EXPECT_EQ(PlainNumber(kNan), "");
  EXPECT_EQ(PlainNumber(kInfinity), "");
}

TEST(NumberJson, IsAnIntegerANumberOrNull) {
  EXPECT_TRUE(NumberJson(12).is_int());
  EXPECT_EQ(NumberJson(0.5).AsDouble(), 0.5);
  EXPECT_TRUE(NumberJson(kNan).is_null());
  EXPECT_TRUE(NumberJson(-kInfinity).is_null());
  EXPECT_FALSE(NumberJson(1e300).is_int());
}

TEST(RoundToDigits, KeepsSignificantDigits) {
  EXPECT_EQ(RoundToDigits(517.7418389, 6), 517.742);
  EXPECT_EQ(RoundToDigits(0.00123456, 3), 0.00123);
  EXPECT_EQ(RoundToDigits(0, 3), 0);
  EXPECT_TRUE(std::isnan(RoundToDigits(kNan, 3)));
}

TEST(HumanNumber, HasThreeDigitsAndAFittingUnit) {
  struct Case {
    double value;
    const char* unit;
    const char* text;
  };
  const std::vector<Case> cases = {
      {12400000, "", "12.4\u00a0M"},
      {12400000, "1", "12.4\u00a0M"},
      {960, "", "960"},
      {999.9, "", "1.00\u00a0k"},
      {999999, "", "1.00\u00a0M"},
      {1.5e9, "", "1.50\u00a0G"},
      {3.2e13, "1", "32.0\u00a0T"},
      {0, "", "0"},
      {-0.0, "", "0"},
      {35.12, "ms", "35.1\u00a0ms"},
      {0, "ms", "0\u00a0ms"},
      {0.084, "ms", "84.0\u00a0µs"},
      {0.5, "ms", "0.500\u00a0ms"},
      {1234, "ms", "1,230\u00a0ms"},
      {12000, "ms", "12.0\u00a0s"},
      {9999.9, "ms", "10.0\u00a0s"},
      {201.4, "MiB", "201\u00a0MiB"},
      {12800, "MiB", "12.5\u00a0GiB"},
      {0.05, "MiB", "51.2\u00a0KiB"},
      {17.25, "ppl", "17.2\u00a0ppl"},
      {-2.5, "ppl", "-2.50\u00a0ppl"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(HumanNumber(c.value, c.unit), c.text) << c.value << ' ' << c.unit;
}

TEST(HumanNumber, IsADashWhenNotFinite) {
  EXPECT_EQ(HumanNumber(kNan, "ms"), "–");
  EXPECT_EQ(HumanNumber(kInfinity, ""), "–");
}

TEST(TickLabel, LeavesTheUnitToTheAxis) {
  EXPECT_EQ(TickLabel(20e6, ""), "20\u00a0M");
  EXPECT_EQ(TickLabel(0.5, "ms"), "0.5");
  EXPECT_EQ(TickLabel(250, "MiB"), "250");
  EXPECT_EQ(TickLabel(12000, "ms"), "12,000");
  EXPECT_EQ(TickLabel(1200000, "ms"), "1,200,000");
  EXPECT_EQ(AxisUnit("ms"), " (ms)");
  EXPECT_EQ(AxisUnit("1"), "");
}

TEST(CleanText, ReplacesWhatNoFormatCarries) {
  EXPECT_EQ(CleanText("plain\ttext\n"), "plain\ttext\n");
  EXPECT_EQ(CleanText("gr\u00fc\u00df \U0001F680"), "gr\u00fc\u00df \U0001F680");
  EXPECT_EQ(CleanText(std::string("a\0b", 3)), "a\ufffdb");
  EXPECT_EQ(CleanText("a\x01\x7F"), "a\ufffd\ufffd");
  EXPECT_EQ(CleanText("a\xFFz"), "a\ufffdz");
  EXPECT_EQ(CleanText("a\xC3"), "a\ufffd");          // cut short
  EXPECT_EQ(CleanText("\xC0\xAF"), "\ufffd\ufffd");  // overlong
  EXPECT_EQ(CleanText("\xEF\xBF\xBF"), "\ufffd");    // U+FFFF: no character in XML
  EXPECT_EQ(CleanText("\xC2\x85"), "\ufffd");        // a C1 control
}

TEST(CleanJson, CleansKeysAndValuesOfAllDepths) {
  Json inner = Json::MakeObject();
  inner["k\xFF"] = "v\x01";
  Json json = Json::MakeArray();
  json.Append(std::move(inner));
  json.Append(kNan);
  json.Append(7);
  const Json clean = CleanJson(json);
  EXPECT_EQ(clean.AsArray()[0].AsObject()[0].first, "k\ufffd");
  EXPECT_EQ(clean.AsArray()[0].AsObject()[0].second.AsString(), "v\ufffd");
  EXPECT_TRUE(clean.AsArray()[1].is_null());
  EXPECT_EQ(clean.AsArray()[2].AsInt(), 7);
}

TEST(EscapeMarkup, LeavesNoMarkup) {
  EXPECT_EQ(EscapeMarkup("<b a=\"1\" c='2'>&amp;</b>"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;&lt;/b&gt;");
}

TEST(CsvField, QuotesOnlyWhereNeeded) {
  EXPECT_EQ(CsvField("L7 d576"), "L7 d576");
  EXPECT_EQ(CsvField(""), "");
  EXPECT_EQ(CsvField("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvField("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(CsvField("two\nlines"), "\"two\nlines\"");
}

TEST(ScriptJson, CannotEndItsElementAndReadsBackEqual) {
  Json json = Json::MakeObject();
  json["</script>"] = "<!-- <script> & \u2028 \u2029 \u2027 é";
  const std::string text = ScriptJson(json);
  EXPECT_EQ(text.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(text.find("\u2028"), std::string::npos);
  EXPECT_EQ(text.find("\u2029"), std::string::npos);
  EXPECT_EQ(ParseJson(text, "script"), json);
}

TEST(ChartAxis, IsLogarithmicFromAFactorOfTen) {
  const ChartAxis wide = MakeChartAxis(std::vector<double>{1, 10}, 6);
  EXPECT_TRUE(wide.log);
  EXPECT_FALSE(MakeChartAxis(std::vector<double>{1, 9.9}, 6).log);
  EXPECT_FALSE(MakeChartAxis(std::vector<double>{0, 1000}, 6).log);
  EXPECT_NEAR(wide.Position(std::sqrt(10.0)), 0.5, 1e-9);
  EXPECT_LT(wide.Position(0), 0);
}

TEST(ChartAxis, CoversItsValuesWithAMargin) {
  for (const std::vector<double>& values : std::vector<std::vector<double>>{{3, 17},
                                                                            {1, 1e9},
                                                                            {0, 1},
                                                                            {-5, -3},
                                                                            {-2, 8},
                                                                            {42},
                                                                            {0},
                                                                            {-7},
                                                                            {1e-9, 1e-3},
                                                                            {5, 5.0000001},
                                                                            {1e15, 1e15 + 4}}) {
    const ChartAxis axis = MakeChartAxis(values, 6);
    for (const double value : values) {
      EXPECT_GE(axis.Position(value), 0) << value;
      EXPECT_LE(axis.Position(value), 1) << value;
    }
    EXPECT_LT(axis.low, axis.high);
    EXPECT_GE(axis.ticks.size(), 1U) << values[0];
    EXPECT_LE(axis.ticks.size(), 12U) << values[0];
    for (std::size_t i = 0; i < axis.ticks.size(); ++i) {
      EXPECT_GE(axis.ticks[i], axis.low - (axis.high - axis.low) * 1e-6);
      EXPECT_LE(axis.ticks[i], axis.high + (axis.high - axis.low) * 1e-6);
      if (i > 0) {
        EXPECT_GT(axis.ticks[i], axis.ticks[i - 1]);
      }
    }
  }
}

TEST(ChartAxis, StaysNonNegativeForNonNegativeValues) {
  EXPECT_GE(MakeChartAxis(std::vector<double>{0.1, 1}, 6).low, 0);
}

TEST(ChartAxis, StandsWithoutValues) {
  const ChartAxis axis = MakeChartAxis({}, 6);
  EXPECT_LT(axis.low, axis.high);
}

TEST(ChartAxis, TicksStandOnRoundNumbers) {
  EXPECT_EQ(MakeChartAxis(std::vector<double>{15, 100}, 5).ticks,
            (std::vector<double>{20, 40, 60, 80, 100}));
  EXPECT_EQ(MakeChartAxis(std::vector<double>{20, 500}, 6).ticks,
            (std::vector<double>{20, 50, 100, 200, 500}));
}

}  // namespace
}  // namespace lts

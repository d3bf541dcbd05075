#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/base/rng.h"

namespace lts {
namespace {

std::string Compact(const Json& value) { return WriteJson(value, JsonStyle::kCompact); }

TEST(JsonWriteTest, WritesEachStyle) {
  const Json json =
      ParseJson(R"({"b": [1, 2], "a": {"x": null, "y": []}, "c": [[1], {}], "d": {}})", "m");
  EXPECT_EQ(Compact(json), R"({"b":[1,2],"a":{"x":null,"y":[]},"c":[[1],{}],"d":{}})");
  EXPECT_EQ(WriteJson(json, JsonStyle::kPython),
            R"({"a": {"x": null, "y": []}, "b": [1, 2], "c": [[1], {}], "d": {}})");
  EXPECT_EQ(WriteJson(json, JsonStyle::kPretty), R"({
  "b": [1, 2],
  "a": {
    "x": null,
    "y": []
  },
  "c": [
    [1],
    {}
  ],
  "d": {}
})");
}

TEST(JsonWriteTest, PythonStyleEqualsPython) {
  // Right side: what CPython 3.11 prints for json.dumps(value, sort_keys=True).
  const Json json = ParseJson(
      R"({"b": [1, 2.0, 1e16, 1e-5, 0.0001, 123456789012345680.0, 1e15, -0.0, 5e-324,
          1.7976931348623157e308, 0.1, 1e22, 1e-4, 9.999e15], "a": "é😀\u007f\u0000\n\"\\/"})",
      "m");
  EXPECT_EQ(WriteJson(json, JsonStyle::kPython),
            R"({"a": "\u00e9\ud83d\ude00\u007f\u0000\n\"\\/", "b": [1, 2.0, 1e+16, 1e-05, 0.0001, )"
            R"(1.2345678901234568e+17, 1000000000000000.0, -0.0, 5e-324, 1.7976931348623157e+308, )"
            R"(0.1, 1e+22, 0.0001, 9999000000000000.0]})");
}

TEST(JsonWriteTest, PythonStyleSortsByCodePoint) {
  const Json json(
      Json::Object{{"é", 1}, {"z", 2}, {"Z", 3}, {"zz", 4}, {"\xEF\xBF\xBD", 5}, {"😀", 6}});
  EXPECT_EQ(WriteJson(json, JsonStyle::kPython),
            R"({"Z": 3, "z": 2, "zz": 4, "\u00e9": 1, "\ufffd": 5, "\ud83d\ude00": 6})");
}

TEST(JsonWriteTest, NumbersStayNumbersAndIntegersStayIntegers) {
  for (const Json& value :
       {Json(1.0), Json(-0.0), Json(1e15), Json(1e16), Json(1e300), Json(2.5e-7)}) {
    const Json back = ParseJson(Compact(value), "m");
    EXPECT_EQ(back, value) << Compact(value);
    EXPECT_FALSE(back.is_int()) << Compact(value);
  }
  EXPECT_EQ(Compact(Json(1)), "1");
  EXPECT_EQ(Compact(Json(std::numeric_limits<std::int64_t>::min())), "-9223372036854775808");
  EXPECT_TRUE(std::signbit(ParseJson(Compact(Json(-0.0)), "m").AsDouble()));
}

TEST(JsonWriteTest, EveryDoubleReadsBackEqual) {
  Rng rng(7);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t bits = rng.Next();
    double value;
    static_assert(sizeof(value) == sizeof(bits));
    std::memcpy(&value, &bits, sizeof(value));
    if (!std::isfinite(value)) continue;
    EXPECT_EQ(ParseJson(Compact(Json(value)), "m"), Json(value)) << Compact(Json(value));
  }
}

TEST(JsonWriteTest, EscapesWhatMustBeEscaped) {
  EXPECT_EQ(Compact(Json("\"\\\b\f\n\r\t\x01\x1f/\x7f é")),
            "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\x7f é\"");
  EXPECT_EQ(Compact(Json(std::string("a\0b", 3))), "\"a\\u0000b\"");
  EXPECT_EQ(Compact(Json(Json::Object{{"a\nb", 1}})), "{\"a\\nb\":1}");
}

TEST(JsonWriteTest, ReplacesBytesThatAreNoUtf8) {
  const Json json("a\xFFz\xC3");
  EXPECT_EQ(ParseJson(Compact(json), "m").AsString(), "a\xEF\xBF\xBDz\xEF\xBF\xBD");
  EXPECT_EQ(WriteJson(json, JsonStyle::kPython), R"("a\ufffdz\ufffd")");
}

TEST(JsonWriteTest, RefusesNanAndInfinity) {
  EXPECT_THROW(WriteJson(Json(std::numeric_limits<double>::quiet_NaN())), Error);
  EXPECT_THROW(WriteJson(Json(Json::Array{Json(std::numeric_limits<double>::infinity())})), Error);
}

}  // namespace
}  // namespace lts

#include "lts/base/json.h"

#include <gtest/gtest.h>

#include "lts/base/error.h"

namespace lts {
namespace {

std::string MessageOf(std::string_view text, const JsonLimits& limits = {}) {
  try {
    const Json value = ParseJson(text, "m.json", limits);
    return "parsed as " + WriteJson(value, JsonStyle::kCompact);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
    return e.what();
  }
}

TEST(JsonTest, ReadsEveryType) {
  const Json json = ParseJson(
      R"({"n": null, "t": true, "f": false, "i": -3, "d": 0.5, "s": "x", "a": [1, "y"], "o": {}})",
      "m.json");
  EXPECT_TRUE(json.Find("n")->is_null());
  EXPECT_TRUE(json.Find("t")->AsBool());
  EXPECT_FALSE(json.Find("f")->AsBool());
  EXPECT_EQ(json.Find("i")->AsInt(), -3);
  EXPECT_EQ(json.Find("d")->AsDouble(), 0.5);
  EXPECT_EQ(json.Find("s")->AsString(), "x");
  EXPECT_EQ(json.Find("a")->AsArray().size(), 2u);
  EXPECT_TRUE(json.Find("o")->AsObject().empty());
  EXPECT_EQ(json.Find("absent"), nullptr);
}

TEST(JsonTest, KeepsTheOrderOfMembers) {
  const Json json = ParseJson(R"({"z": 1, "a": 2, "m": 3})", "m.json");
  EXPECT_EQ(WriteJson(json, JsonStyle::kCompact), R"({"z":1,"a":2,"m":3})");
}

TEST(JsonTest, ReadsScalarsAtTheTop) {
  EXPECT_EQ(ParseJson("7", "m.json"), Json(7));
  EXPECT_EQ(ParseJson(" \"x\"\n", "m.json"), Json("x"));
  EXPECT_EQ(ParseJson("null", "m.json"), Json());
}

TEST(JsonTest, DecodesEscapesAndSurrogatePairs) {
  EXPECT_EQ(ParseJson(R"("\u00e9\ud83d\ude00\n\"\\\/")", "m.json").AsString(),
            "\xC3\xA9\xF0\x9F\x98\x80\n\"\\/");
  EXPECT_EQ(ParseJson(R"("a\u0000b")", "m.json").AsString(), std::string("a\0b", 3));
}

TEST(JsonTest, TakesAByteOrderMark) {
  EXPECT_EQ(ParseJson("\xEF\xBB\xBF{}", "m.json"), Json::MakeObject());
}

TEST(JsonTest, IntegersKeepAll63Bits) {
  EXPECT_EQ(ParseJson("9223372036854775807", "m.json").AsInt(), INT64_MAX);
  EXPECT_EQ(ParseJson("-9223372036854775808", "m.json").AsInt(), INT64_MIN);
}

TEST(JsonTest, IntegersBeyond63BitsBecomeNumbersAndNeverWrap) {
  EXPECT_EQ(ParseJson("9223372036854775808", "m.json"), Json(9223372036854775808.0));
  EXPECT_EQ(ParseJson("18446744073709551615", "m.json"), Json(18446744073709551615.0));
  EXPECT_EQ(ParseJson("18446744073709551616", "m.json"), Json(18446744073709551616.0));
  EXPECT_EQ(ParseJson("-9223372036854775809", "m.json"), Json(-9223372036854775809.0));
  EXPECT_THROW(ParseJson("9223372036854775808", "m.json").AsInt(), Error);
}

TEST(JsonTest, AsIntTakesWholeNumbersWithin53Bits) {
  EXPECT_EQ(ParseJson("1e3", "m.json").AsInt(), 1000);
  EXPECT_EQ(ParseJson("-9007199254740992.0", "m.json").AsInt(), -9007199254740992);
  EXPECT_THROW(ParseJson("1e17", "m.json").AsInt(), Error);
  EXPECT_THROW(ParseJson("0.5", "m.json").AsInt(), Error);
}

TEST(JsonTest, AccessSaysWhatWasExpected) {
  try {
    Json("x").AsArray();
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "expected array, got string");
  }
  EXPECT_THROW(Json(1).AsString(), Error);
  EXPECT_THROW(Json(1).AsBool(), Error);
  EXPECT_THROW(Json("1").AsDouble(), Error);
  EXPECT_THROW(Json(1).AsObject(), Error);
  EXPECT_THROW(Json(1).Find("a"), Error);
}

TEST(JsonTest, SubscriptAddsMembersOnce) {
  Json json = Json::MakeObject();
  json["a"] = 1;
  json["b"] = "x";
  json["a"] = 2;
  json["c"].is_null();
  EXPECT_EQ(WriteJson(json, JsonStyle::kCompact), R"({"a":2,"b":"x","c":null})");
  Json array = Json::MakeArray();
  array.Append(json);
  EXPECT_EQ(array.AsArray()[0], json);
}

TEST(JsonTest, SaysWhereAndWhatWasWrong) {
  EXPECT_EQ(MessageOf(""),
            "m.json: line 1, column 1: got the end of the text, expected a JSON value");
  EXPECT_EQ(MessageOf("{\n  \"a\": 1,\n  \"b\" 2\n}"),
            "m.json: line 3, column 7: got '2', expected ':' and a value");
  EXPECT_EQ(MessageOf("[1 2]"), "m.json: line 1, column 4: got '2', expected ',' or ']'");
  EXPECT_EQ(MessageOf("[1,,2]"), "m.json: line 1, column 4: got ',', expected a value after ','");
  EXPECT_EQ(MessageOf("[1,]"), "m.json: line 1, column 4: got ']', expected a value after ','");
  EXPECT_EQ(MessageOf("[,]"), "m.json: line 1, column 2: got ',', expected a value or ']'");
  EXPECT_EQ(MessageOf("{\"a\":1,}"),
            "m.json: line 1, column 8: got '}', expected a member name in double quotes after ','");
  EXPECT_EQ(MessageOf("{a:1}"),
            "m.json: line 1, column 2: got 'a', expected a member name in double quotes or '}'");
  EXPECT_EQ(MessageOf("{\"a\" \"b\"}"),
            "m.json: line 1, column 6: got '\"b\"', expected ':' and a value");
  EXPECT_EQ(MessageOf("{\"a\":}"), "m.json: line 1, column 6: got '}', expected a value after ':'");
  EXPECT_EQ(MessageOf("{\"a\":1"),
            "m.json: line 1, column 7: got the end of the text, expected ',' or '}'");
  EXPECT_EQ(MessageOf("{} x"), "m.json: line 1, column 4: got 'x', expected the end of the text");
  EXPECT_EQ(MessageOf("1 2"), "m.json: line 1, column 3: got '2', expected the end of the text");
  EXPECT_EQ(MessageOf("[nul]"), "m.json: line 1, column 2: got 'nul]', expected a value or ']'");
  EXPECT_EQ(MessageOf("[1]]"), "m.json: line 1, column 4: got ']', expected the end of the text");
}

TEST(JsonTest, CountsColumnsInCharacters) {
  EXPECT_EQ(MessageOf("[\"\xC3\xA9\xC3\xA9\" x"),
            "m.json: line 1, column 7: got 'x', expected ',' or ']'");
}

TEST(JsonTest, RefusesNanAndInfinity) {
  EXPECT_EQ(MessageOf("[NaN]"), "m.json: line 1, column 2: got 'N', expected a value or ']'");
  EXPECT_NE(MessageOf("[Infinity]").find("got 'I'"), std::string::npos);
  EXPECT_NE(MessageOf("[-Infinity]").find("got '-I'"), std::string::npos);
}

TEST(JsonTest, RefusesNumbersThatOverflow) {
  EXPECT_EQ(
      MessageOf("[1, -1e400]"),
      "m.json: line 1, column 5: got the number -1e400, expected at most 1.8e308 in magnitude");
  EXPECT_EQ(MessageOf("1e999999999999999999999"),
            "m.json: line 1, column 1: got the number 1e999999999999999999999, expected at most "
            "1.8e308 in magnitude");
  EXPECT_EQ(ParseJson("1e-400", "m.json"), Json(0.0));
}

TEST(JsonTest, RefusesNumbersThatJsonDoesNotKnow) {
  for (const char* text : {"01", "+1", ".5", "1.", "1e", "0x10", "1_000", "--1", "1e+"}) {
    EXPECT_EQ(MessageOf(text).find("parsed"), std::string::npos) << text;
  }
}

TEST(JsonTest, RefusesDuplicateMembers) {
  EXPECT_EQ(MessageOf("{\"a\": 1,\n \"a\": 2}"),
            "m.json: line 2, column 4: got the member 'a' twice, expected unique names");
  EXPECT_EQ(MessageOf(R"({"a": {"b": 1}, "b": {"b": 2}})").find("parsed"), 0u);
}

TEST(JsonTest, RefusesDuplicatesAmongManyMembers) {
  constexpr int kMembers = 20'000;
  std::string text = "{";
  for (int i = 0; i < kMembers; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(ParseJson(text + "\"last\":0}", "m.json").AsObject().size(), kMembers + 1u);
  EXPECT_NE(MessageOf(text + "\"k7\":0}").find("got the member 'k7' twice"), std::string::npos);
  EXPECT_NE(MessageOf(text + "\"k19999\":0}").find("twice"), std::string::npos);
}

TEST(JsonTest, RefusesTextAfterANulByte) {
  EXPECT_EQ(MessageOf(std::string_view("{}\0garbage", 10)),
            "m.json: line 1, column 3: got a NUL byte, expected JSON text");
}

TEST(JsonTest, RefusesInvalidStrings) {
  EXPECT_EQ(MessageOf("\"abc"),
            "m.json: line 1, column 5: got the end of the text, expected '\"' to end the string");
  EXPECT_EQ(MessageOf("[\"a\nb\"]"),
            "m.json: line 1, column 4: got a raw control character 0x0a in a string, expected an "
            "escape such as \\n or \\u000a");
  EXPECT_EQ(MessageOf("[\"a\xFF\"]"),
            "m.json: line 1, column 4: got the byte 0xff in a string, expected UTF-8");
  EXPECT_NE(MessageOf("[\"\xED\xA0\x80\"]").find("expected UTF-8"),
            std::string::npos);                                                      // surrogate
  EXPECT_NE(MessageOf("[\"\xC0\x80\"]").find("expected UTF-8"), std::string::npos);  // overlong
  EXPECT_NE(MessageOf(R"(["a\q"])").find("line 1, column 4: got the escape '\\q'"),
            std::string::npos)
      << MessageOf(R"(["a\q"])");
  EXPECT_NE(MessageOf(R"(["\u12g4"])").find("got the escape '\\u12g'"), std::string::npos);
  EXPECT_NE(MessageOf(R"(["\ud800"])").find("surrogates in pairs"), std::string::npos)
      << MessageOf(R"(["\ud800"])");
  EXPECT_NE(MessageOf(R"(["\ud800\u0041"])").find("surrogates in pairs"), std::string::npos);
  EXPECT_NE(MessageOf(R"(["\udc00"])").find("surrogates in pairs"), std::string::npos);
  EXPECT_EQ(MessageOf(R"(["a" "\\ud800"])"),
            R"(m.json: line 1, column 6: got '"\\ud800"', expected ',' or ']')");
  EXPECT_NE(MessageOf("{\"a").find("expected '\"' to end the string"), std::string::npos);
}

TEST(JsonTest, RefusesCommentsAndSingleQuotes) {
  EXPECT_NE(MessageOf("{} // x").find("expected the end of the text"), std::string::npos);
  EXPECT_NE(MessageOf("{'a': 1}").find("expected a member name in double quotes"),
            std::string::npos);
}

TEST(JsonTest, BoundsDepth) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_NO_THROW(ParseJson(nested(64), "m.json"));
  EXPECT_EQ(MessageOf(nested(65)),
            "m.json: line 1, column 65: nested too deeply, expected at most 64 levels");
  EXPECT_NE(MessageOf(std::string(10'000'000, '[')).find("nested too deeply"), std::string::npos);
  EXPECT_NE(MessageOf(R"({"a":{"b":1}})", {.max_depth = 1}).find("nested too deeply"),
            std::string::npos);
  EXPECT_EQ(MessageOf("7", {.max_depth = 0}), "parsed as 7");
}

TEST(JsonTest, BoundsSize) {
  EXPECT_EQ(MessageOf("[1, 2, 3]", {.max_bytes = 8}),
            "m.json: 9 bytes of JSON, expected at most 8");
  EXPECT_NO_THROW(ParseJson("[1, 2, 3]", "m.json", {.max_bytes = 9}));
}

TEST(JsonTest, MessagesStayOneLine) {
  const std::string message = MessageOf("[1,\n \x01\x02]");
  EXPECT_EQ(message, "m.json: line 2, column 2: got '\\x01', expected a value after ','");
  try {
    ParseJson("[", "evil\n\x1b[31mname");
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).find_first_of("\n\x1b"), std::string::npos);
  }
}

}  // namespace
}  // namespace lts

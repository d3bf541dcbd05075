#include <gtest/gtest.h>

#include <functional>

#include "lts/base/error.h"
#include "lts/base/json.h"

namespace lts {
namespace {

using Read = std::function<void(ObjectReader&)>;

std::string MessageOf(std::string_view text, const Read& read) {
  const Json json = ParseJson(text, "text");
  try {
    ObjectReader reader(json, "config.json");
    read(reader);
  } catch (const Error& e) {
    return e.what();
  }
  return "read";
}

TEST(ObjectReaderTest, ReadsFields) {
  const Json json = ParseJson(
      R"({"i": 3, "whole": 2.0, "d": 0.5, "b": true, "s": "x", "many": [1, 2], "one": 7, "null": null})",
      "text");
  ObjectReader reader(json, "config.json");
  EXPECT_EQ(reader.Int("i", 0, 10), 3);
  EXPECT_EQ(reader.Int("whole", 0, 10), 2);
  EXPECT_EQ(reader.Double("d", 0, 1), 0.5);
  EXPECT_EQ(reader.Double("i", 0, 5), 3);
  EXPECT_TRUE(reader.Bool("b"));
  EXPECT_EQ(reader.String("s"), "x");
  EXPECT_EQ(reader.Ints("many", 0, 10, 2), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(reader.Ints("one", 0, 10, 2), (std::vector<std::int64_t>{7}));
  EXPECT_EQ(&reader.Member("many"), json.Find("many"));
  EXPECT_FALSE(reader.Has("null"));
  EXPECT_NO_THROW(reader.RejectUnknown());
}

TEST(ObjectReaderTest, AbsentAndNullFieldsTakeTheOtherwise) {
  const Json json = ParseJson(R"({"i": null, "d": 0.25})", "text");
  ObjectReader reader(json, "config.json");
  EXPECT_EQ(reader.IntOr("i", 0, 10, 4), 4);
  EXPECT_EQ(reader.IntOr("absent", 0, 10, -1), -1);  // the range is for what the file says
  EXPECT_EQ(reader.DoubleOr("d", 0, 1, 0.5), 0.25);
  EXPECT_EQ(reader.DoubleOr("e", 0, 1, 0.5), 0.5);
  EXPECT_TRUE(reader.BoolOr("b", true));
  EXPECT_EQ(reader.StringOr("s", "other"), "other");
}

TEST(ObjectReaderTest, NamesFileFieldValueAndExpectation) {
  EXPECT_EQ(MessageOf(R"({"n_embd": -3})", [](auto& r) { r.Int("n_embd", 1, 1 << 20); }),
            "config.json: field 'n_embd': got -3, expected an integer in [1, 1048576]");
  EXPECT_EQ(MessageOf(R"({"n": 1.5})", [](auto& r) { r.Int("n", 1, 2); }),
            "config.json: field 'n': got 1.5, expected an integer in [1, 2]");
  EXPECT_EQ(MessageOf(R"({"n": 1e30})", [](auto& r) { r.Int("n", INT64_MIN, INT64_MAX); }),
            "config.json: field 'n': got 1e+30, expected an integer in [-9223372036854775808, "
            "9223372036854775807]");
  EXPECT_EQ(MessageOf(R"({"n": "12"})", [](auto& r) { r.IntOr("n", 1, 20, 3); }),
            "config.json: field 'n': got \"12\", expected an integer in [1, 20]");
  EXPECT_EQ(MessageOf("{}", [](auto& r) { r.Int("n", 1, 20); }),
            "config.json: field 'n': got nothing, expected an integer in [1, 20]");
  EXPECT_EQ(MessageOf(R"({"n": null})", [](auto& r) { r.Bool("n"); }),
            "config.json: field 'n': got null, expected true or false");
  EXPECT_EQ(MessageOf(R"({"p": 1.5})", [](auto& r) { r.Double("p", 0, 1); }),
            "config.json: field 'p': got 1.5, expected a number in [0, 1]");
  EXPECT_EQ(MessageOf(R"({"s": [1, 2]})", [](auto& r) { r.String("s"); }),
            "config.json: field 's': got an array of 2, expected a string");
  EXPECT_EQ(MessageOf(R"({"s": {}})", [](auto& r) { r.Bool("s"); }),
            "config.json: field 's': got an object, expected true or false");
  EXPECT_EQ(MessageOf("{}", [](auto& r) { r.Member("layers"); }),
            "config.json: field 'layers': got nothing, expected a value");
  EXPECT_EQ(MessageOf("[]", [](auto&) {}), "config.json: got an array of 0, expected an object");
}

TEST(ObjectReaderTest, NamesTheElementOfAnArray) {
  const Read read = [](ObjectReader& r) { r.Ints("d_inner", 1, 100, 3); };
  EXPECT_EQ(MessageOf(R"({"d_inner": [1, 2, 0]})", read),
            "config.json: field 'd_inner[2]': got 0, expected an integer in [1, 100]");
  EXPECT_EQ(
      MessageOf(R"({"d_inner": [1, 2, 3, 4]})", read),
      "config.json: field 'd_inner': got an array of 4, expected an integer in [1, 100] or an "
      "array of at most 3 of them");
  EXPECT_EQ(MessageOf(R"({"d_inner": []})",
                      [](ObjectReader& r) { EXPECT_TRUE(r.Ints("d_inner", 1, 100, 3).empty()); }),
            "read");
}

TEST(ObjectReaderTest, RejectsFieldsNeverAskedFor) {
  const Read read = [](ObjectReader& r) {
    r.IntOr("n_layer", 1, 100, 1);
    r.IntOr("n_head", 1, 100, 1);
    r.RejectUnknown();
  };
  EXPECT_EQ(MessageOf(R"({"n_layers": 3})", read),
            "config.json: unknown field 'n_layers'; did you mean 'n_layer'?");
  EXPECT_EQ(MessageOf(R"({"activation": 3})", read),
            "config.json: unknown field 'activation'; known: n_layer, n_head");
  try {
    const Json json = ParseJson(R"({"x": 1})", "text");
    ObjectReader(json, "config.json").RejectUnknown();
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNotFound);
  }
}

TEST(ObjectReaderTest, LongAndControlledValuesStayShortAndOnOneLine) {
  const std::string text = R"({"n": ")" + std::string(500, 'x') + R"(", "a\nb": 1})";
  const std::string message = MessageOf(text, [](auto& r) { r.Bool("n"); });
  EXPECT_LT(message.size(), 150u);
  EXPECT_EQ(MessageOf(text, [](auto& r) { r.Bool("a\nb"); }),
            "config.json: field 'a\\nb': got 1, expected true or false");
}

}  // namespace
}  // namespace lts

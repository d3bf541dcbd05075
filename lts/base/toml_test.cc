#include <gtest/gtest.h>

#include "lts/base/error.h"
#include "lts/base/json.h"

namespace lts {
namespace {

std::string Read(std::string_view text, const JsonLimits& limits = {}) {
  try {
    return WriteJson(ParseToml(text, "s.toml", limits), JsonStyle::kCompact);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(std::string_view(e.what()).find('\n'), std::string_view::npos);
    return e.what();
  }
}

std::string Repeated(std::string_view piece, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += piece;
  return text;
}

TEST(TomlTest, ReadsEveryType) {
  EXPECT_EQ(Read("i = 0xff\nd = 1.0\nt = true\ns = 'a\\b'\na = [1, [2]]\no = {x = 1}\n"),
            R"({"i":255,"d":1.0,"t":true,"s":"a\\b","a":[1,[2]],"o":{"x":1}})");
  EXPECT_EQ(Read("[[layer]]\nn = 1\n[[layer]]\nn = 2\n"), R"({"layer":[{"n":1},{"n":2}]})");
  EXPECT_EQ(Read(""), "{}");
}

TEST(TomlTest, DatesBecomeStrings) {
  EXPECT_EQ(Read("d = 1979-05-27\nt = 07:32:00\nm = 1979-05-27T07:32:00Z\n"),
            R"({"d":"1979-05-27","t":"07:32:00","m":"1979-05-27T07:32:00Z"})");
}

TEST(TomlTest, KeepsTheOrderOfTheFile) {
  EXPECT_EQ(Read("z = 1\na = 2\n[t]\ny = 1\nb = 2\n[c]\n"),
            R"({"z":1,"a":2,"t":{"y":1,"b":2},"c":{}})");
}

TEST(TomlTest, SaysWhereItIsWrong) {
  EXPECT_EQ(Read("a = 1\nb = = 2\n").find("s.toml: line 2, column 5: no valid TOML: "), 0u)
      << Read("a = 1\nb = = 2\n");
  EXPECT_EQ(Read("a = 1\na = 2\n").find("s.toml: line 2, column "), 0u);
  EXPECT_EQ(Read("a = \"\xFF\"\n").find("s.toml: line 1, column "), 0u);
  EXPECT_EQ(Read("a = 9223372036854775808\n").find("s.toml: line 1, column "), 0u);
}

TEST(TomlTest, RefusesNanAndInfinity) {
  EXPECT_EQ(Read("a = 1\nb = [1.0, nan]\n"),
            "s.toml: line 2, column 11: got nan, expected a finite number");
  EXPECT_EQ(Read("b = -inf\n"), "s.toml: line 1, column 5: got -inf, expected a finite number");
}

TEST(TomlTest, BoundsTheDepthOfValues) {
  const auto nested = [](int depth) {
    return "a = " + Repeated("[", depth) + Repeated("]", depth);
  };
  EXPECT_EQ(Read(nested(63)).find("{\"a\":[["), 0u);
  EXPECT_NE(Read(nested(64)).find("nested too deeply, expected at most 64 levels"),
            std::string::npos);
  EXPECT_NE(Read(nested(100'000)).find("line 1, column "), std::string::npos);
  EXPECT_NE(Read("a = " + Repeated("{a = ", 100'000)).find("line 1, column "), std::string::npos);
}

TEST(TomlTest, BoundsTheDepthOfKeys) {
  EXPECT_EQ(Read(Repeated("a.", 62) + "a = 1").find("{\"a\":{\"a\""), 0u);
  const std::string message = "a key is nested too deeply, expected at most 64 levels";
  EXPECT_EQ(Read("x = 1\n" + Repeated("a.", 64) + "a = 1"),
            "s.toml: line 2, column 128: " + message);
  for (const std::string& text :
       {Repeated("a.", 200'000) + "a = 1", "[" + Repeated("a . ", 200'000) + "a]",
        "[[" + Repeated("'a'.", 200'000) + "a]]",
        "x = {" + Repeated("\"a\".", 200'000) + "a = 1}"}) {
    EXPECT_NE(Read(text).find(message), std::string::npos);
  }
}

TEST(TomlTest, DotsOutsideOfKeysAreFree) {
  const std::string dots = Repeated(".", 1000);
  EXPECT_EQ(Read("s = \"" + dots + "\" # " + dots), "{\"s\":\"" + dots + "\"}");
  EXPECT_EQ(Read("s = '''" + dots + "''x'''"), "{\"s\":\"" + dots + "''x\"}");
  EXPECT_EQ(Read("s = \"\"\"\\\"" + dots + "\n'\"\"\""), "{\"s\":\"\\\"" + dots + "\\n'\"}");
  EXPECT_EQ(Read("a = [" + Repeated("0.5,", 1000) + "]").find("{\"a\":[0.5,0.5"), 0u);
}

TEST(TomlTest, BoundsSize) {
  EXPECT_EQ(Read("a = 1", {.max_bytes = 4}), "s.toml: 5 bytes of TOML, expected at most 4");
}

}  // namespace
}  // namespace lts

#include "lts/base/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lts/base/error.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename F>
std::string MessageOf(F f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "no error";
}

TEST(ParseCsv, ReadsQuotesLineBreaksAndEmptyCells) {
  const CsvTable table = ParseCsv(
      "\xEF\xBB\xBF"
      "a,b,c\r\n1,\"x, \"\"y\"\"\",\n\n\"two\nlines\",,3",
      "t.csv");
  EXPECT_THAT(table.header, ElementsAre("a", "b", "c"));
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_THAT(table.rows[0].cells, ElementsAre("1", "x, \"y\"", ""));
  EXPECT_EQ(table.rows[0].line, 2);
  EXPECT_THAT(table.rows[1].cells, ElementsAre("two\nlines", "", "3"));
  EXPECT_EQ(table.rows[1].line, 4);
}

TEST(ParseCsv, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(MessageOf([] { ParseCsv("", "t.csv"); }), HasSubstr("t.csv: empty"));
  EXPECT_THAT(MessageOf([] { ParseCsv("a,b\n1,2\n3\n", "t.csv"); }),
              HasSubstr("t.csv: line 3: 1 fields, but the header has 2"));
  EXPECT_THAT(MessageOf([] { ParseCsv("a,a\n", "t.csv"); }), HasSubstr("two columns"));
  EXPECT_THAT(MessageOf([] { ParseCsv("a\n\"open\n", "t.csv"); }),
              HasSubstr("line 2: a field opens with a quote that never closes"));
  EXPECT_THAT(MessageOf([] { ParseCsv("a\n\"x\"y\n", "t.csv"); }), HasSubstr("closing quote"));
}

}  // namespace
}  // namespace lts

#include "lts/space/constraint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "lts/base/error.h"
#include "lts/base/rng.h"

namespace lts {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Values = std::map<std::string, double, std::less<>>;

bool Holds(std::string_view text, const Values& values = {}) {
  return Constraint::Parse(text).Holds(
      [&](std::string_view name) { return values.find(name)->second; });
}

bool CanHold(std::string_view text, double a_low, double a_high, double b_low = 0,
             double b_high = 0) {
  return Constraint::Parse(text).CanHold([&](std::string_view name) {
    return name == "a" ? Constraint::Bounds{a_low, a_high} : Constraint::Bounds{b_low, b_high};
  });
}

std::string ParseError(std::string_view text) {
  try {
    Constraint::Parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos);
    return error.what();
  }
  return "no error";
}

TEST(Constraint, ComparesWithEveryRelation) {
  EXPECT_TRUE(Holds("1 < 2"));
  EXPECT_FALSE(Holds("2 < 2"));
  EXPECT_TRUE(Holds("2 <= 2"));
  EXPECT_TRUE(Holds("3 > 2"));
  EXPECT_FALSE(Holds("2 > 2"));
  EXPECT_TRUE(Holds("2 >= 2"));
  EXPECT_TRUE(Holds("2 == 2"));
  EXPECT_FALSE(Holds("2 == 3"));
  EXPECT_TRUE(Holds("2 != 3"));
  EXPECT_FALSE(Holds("2 != 2"));
}

TEST(Constraint, ChainsAsPythonDoes) {
  EXPECT_TRUE(Holds("1 <= a <= 3", {{"a", 3}}));
  EXPECT_FALSE(Holds("1 <= a <= 3", {{"a", 4}}));
  EXPECT_FALSE(Holds("1 <= a <= 3", {{"a", 0}}));
  EXPECT_TRUE(Holds("1 < a > 2 == 2 != 3", {{"a", 5}}));  // 1 < 5, 5 > 2, 2 == 2, 2 != 3
  EXPECT_FALSE(Holds("3 > 2 > 2"));
}

TEST(Constraint, FollowsPrecedenceAndAssociativity) {
  EXPECT_TRUE(Holds("2 + 3 * 4 == 14"));
  EXPECT_TRUE(Holds("(2 + 3) * 4 == 20"));
  EXPECT_TRUE(Holds("10 - 4 - 3 == 3"));
  EXPECT_TRUE(Holds("64 / 4 / 2 == 8"));
  EXPECT_TRUE(Holds("7 % 4 * 2 == 6"));
  EXPECT_TRUE(Holds("2 - -3 == 5"));
  EXPECT_TRUE(Holds("--2 == 2"));
  EXPECT_TRUE(Holds("-2 * -3 == 6"));
  EXPECT_TRUE(Holds("-(1 + 2) == 0 - 3"));
}

TEST(Constraint, ReadsNumbersInEveryForm) {
  EXPECT_TRUE(Holds("1e6 == 1000000"));
  EXPECT_TRUE(Holds("1.5E+1 == 15"));
  EXPECT_TRUE(Holds(".5 == 0.5"));
  EXPECT_TRUE(Holds("2.5e-1 == 0.25"));
}

TEST(Constraint, ModuloHasTheSignOfTheDivisor) {
  EXPECT_TRUE(Holds("-7 % 3 == 2"));
  EXPECT_TRUE(Holds("7 % -3 == -2"));
  EXPECT_TRUE(Holds("-7 % -3 == -1"));
  EXPECT_TRUE(Holds("6 % 3 == 0"));
  EXPECT_TRUE(Holds("7.5 % 2 == 1.5"));
}

TEST(Constraint, IsFalseOnDivisionByZeroAndNonNumbers) {
  EXPECT_FALSE(Holds("1 / 0 > 5"));
  EXPECT_FALSE(Holds("1 / 0 < 5"));
  EXPECT_FALSE(Holds("1 % a != 5", {{"a", 0}}));
  EXPECT_FALSE(Holds("a - a != 1", {{"a", std::numeric_limits<double>::infinity()}}));
  EXPECT_FALSE(Holds("a != 1", {{"a", std::nan("")}}));
  EXPECT_TRUE(Holds("a > 1e300", {{"a", std::numeric_limits<double>::infinity()}}));
}

TEST(Constraint, ListsEachNameOnceInOrder) {
  const Constraint constraint = Constraint::Parse("  d_inner >= 2 * d_model + d_inner % n_head \t");
  EXPECT_THAT(constraint.names(), ElementsAre("d_inner", "d_model", "n_head"));
  EXPECT_EQ(constraint.text(), "d_inner >= 2 * d_model + d_inner % n_head");
}

TEST(Constraint, TakesValuesInTheOrderOfNames) {
  const Constraint constraint = Constraint::Parse("b > a");
  EXPECT_TRUE(constraint.Holds(std::vector<double>{2, 1}));
  EXPECT_FALSE(constraint.Holds(std::vector<double>{1, 2}));
}

TEST(Constraint, SaysWhereItCouldNotParse) {
  EXPECT_EQ(ParseError("d_inner >> 2"),
            "constraint 'd_inner >> 2': column 10: expected a number, a name or '(', got '>'");
  EXPECT_THAT(ParseError(""), AllOf(HasSubstr("column 1"), HasSubstr("got the end")));
  EXPECT_THAT(ParseError("a <"), AllOf(HasSubstr("column 4"), HasSubstr("got the end")));
  EXPECT_THAT(ParseError("a + 1"),
              AllOf(HasSubstr("column 6"), HasSubstr("expected a comparison")));
  EXPECT_THAT(ParseError("a = 1"), AllOf(HasSubstr("column 3"), HasSubstr("'=='")));
  EXPECT_THAT(ParseError("(a < 1)"), AllOf(HasSubstr("column 4"), HasSubstr("expected ')'")));
  EXPECT_THAT(ParseError("a < 1 and b < 2"),
              AllOf(HasSubstr("column 7"), HasSubstr("one constraint")));
  EXPECT_THAT(ParseError("a b < 1"), AllOf(HasSubstr("column 3"), HasSubstr("got 'b'")));
  EXPECT_THAT(ParseError("a < 10M"), AllOf(HasSubstr("column 7"), HasSubstr("end of the number")));
  EXPECT_THAT(ParseError("a < 1.2.3"), HasSubstr("end of the number"));
  EXPECT_THAT(ParseError("a < ."), HasSubstr("column 5"));
  EXPECT_THAT(ParseError("a < 1e999"), HasSubstr("column 5"));
  EXPECT_THAT(ParseError("a < \xff\x01"), HasSubstr("column 5"));
  EXPECT_THAT(ParseError(std::string_view("a < 1\0", 6)), HasSubstr("column 6"));
}

TEST(Constraint, BoundsLengthAndNesting) {
  EXPECT_THAT(ParseError(std::string(4097, ' ')), HasSubstr("at most 4096"));
  EXPECT_EQ(ParseError(std::string(64, '(') + "1" + std::string(64, ')') + " < 2"), "no error");
  EXPECT_THAT(ParseError(std::string(65, '(') + "1" + std::string(65, ')') + " < 2"),
              HasSubstr("64 levels"));
  EXPECT_THAT(ParseError(std::string(4000, '(')), HasSubstr("64 levels"));
  EXPECT_THAT(ParseError(std::string(4000, '-') + "1 < 2"), HasSubstr("64 levels"));
}

TEST(Constraint, EvaluatesTheDeepestNestingAndLongestSums) {
  std::string deep;
  for (int i = 0; i < 64; ++i) deep += "1+1*(";
  deep += "1" + std::string(64, ')');
  EXPECT_TRUE(Holds(deep + " == 65"));
  std::string sum = "1";
  for (int i = 0; i < 2000; ++i) sum += "+1";
  EXPECT_TRUE(Holds(sum + "==2001"));
}

TEST(ConstraintBounds, RefutesWhatNoValueSatisfies) {
  EXPECT_FALSE(CanHold("a > 10", 1, 10));
  EXPECT_TRUE(CanHold("a >= 10", 1, 10));
  EXPECT_FALSE(CanHold("a >= 2 * b", 1, 10, 6, 8));
  EXPECT_TRUE(CanHold("a >= 2 * b", 1, 10, 5, 8));
  EXPECT_FALSE(CanHold("5 < a - a + 4 < 3", 1, 1));
  EXPECT_FALSE(CanHold("a == 0", 1, 10));
  EXPECT_FALSE(CanHold("a != 3", 3, 3));
  EXPECT_FALSE(CanHold("a * b < 0", 1, 10, 0, 5));
  EXPECT_TRUE(CanHold("a * b < 0", 1, 10, -1, 5));
  EXPECT_FALSE(CanHold("a / b > 10", 1, 10, 1, 5));
  EXPECT_TRUE(CanHold("a / b > 10", 1, 10, 0, 5));
  EXPECT_FALSE(CanHold("a / b > 10", 1, 10, 0, 0));
  EXPECT_FALSE(CanHold("a % 64 == 0", 65, 127));
  EXPECT_TRUE(CanHold("a % 64 == 0", 65, 128));
  EXPECT_FALSE(CanHold("a % b > 8", 1, 1000, 2, 8));
  EXPECT_FALSE(CanHold("-a > 0", 1, 10));
}

// Interval arithmetic may say "perhaps", but never "no" to something that holds.
TEST(ConstraintBounds, NeverRefutesAWitness) {
  const char* texts[] = {
      "a + b < 3",      "a - b >= 2",       "a * b == 6",      "a / b > 1.5",   "a % b == 1",
      "-a * a < b - 1", "a * (b - 3) >= a", "1 / (a - b) > 0", "a % 3 < b % 2", "2 < a * b - a < 9",
      "b != a",         "(a + b) % 4 == 3", "a / 0 > 1",       "a % -3 == -1",  "a * b * a > 20"};
  Rng rng(7);
  std::int64_t witnesses = 0;
  for (const char* text : texts) {
    const Constraint constraint = Constraint::Parse(text);
    for (int i = 0; i < 500; ++i) {
      const std::int64_t low = rng.Between(-5, 5);
      const std::int64_t high = low + rng.Below(4);
      const std::int64_t low_b = rng.Between(-5, 5);
      const std::int64_t high_b = low_b + rng.Below(4);
      for (std::int64_t a = low; a <= high; ++a) {
        for (std::int64_t b = low_b; b <= high_b; ++b) {
          const auto value = [&](std::string_view name) {
            return static_cast<double>(name == "a" ? a : b);
          };
          if (!constraint.Holds(value)) continue;
          ++witnesses;
          EXPECT_TRUE(constraint.CanHold([&](std::string_view name) {
            const std::int64_t from = name == "a" ? low : low_b;
            const std::int64_t to = name == "a" ? high : high_b;
            return Constraint::Bounds{static_cast<double>(from), static_cast<double>(to)};
          })) << text
              << " at a = " << a << ", b = " << b;
        }
      }
    }
  }
  EXPECT_GT(witnesses, 1000);
}

}  // namespace
}  // namespace lts

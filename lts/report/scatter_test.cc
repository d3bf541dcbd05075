#include "lts/report/scatter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lts {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t Count(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(ScatterSvg, DrawsEveryPointOfEveryPanel) {
  const ScatterPanel panel{"law", "set", "prediction", "perplexity", {{1, 20, "a"}, {2, 30, "b"}}};
  const std::string svg = ScatterSvg({panel, panel, panel}, 2);
  EXPECT_EQ(Count(svg, "<circle"), 6U);
  EXPECT_THAT(svg, HasSubstr("viewBox=\"0 0 680 560\""));  // two across, two down
}

TEST(ScatterSvg, EscapesWhatPeopleWrote) {
  const std::string svg = ScatterSvg({{"<b>", "\"&", "x", "y", {{1, 1, "</svg>"}}}}, 1);
  EXPECT_THAT(svg, HasSubstr("&lt;b&gt;"));
  EXPECT_THAT(svg, Not(HasSubstr("<b>")));
  EXPECT_EQ(Count(svg, "</svg>"), 1U);
}

TEST(ScatterSvg, DrawsLinesWithinTheAxes) {
  ScatterPanel panel{"cost", "", "tokens", "s", {{1, 1, "a"}}};
  panel.lines = {{{1, 1, ""}, {2, 4, ""}}, {{1, 2, ""}, {2, 3, ""}}};
  const std::string svg = ScatterSvg({panel}, 1, "Costs & more");
  EXPECT_EQ(Count(svg, "<polyline"), 2U);
  EXPECT_THAT(svg, HasSubstr("<title>Costs &amp; more</title>"));
}

TEST(ScatterSvg, StandsOnEqualPointsAndOnNone) {
  EXPECT_THAT(ScatterSvg({{"law", "", "x", "y", {{5, 5, "a"}, {5, 5, "b"}}}}, 3),
              Not(HasSubstr("nan")));
  EXPECT_THAT(ScatterSvg({{"law", "", "x", "y", {}}}, 1), Not(HasSubstr("nan")));
  EXPECT_THAT(ScatterSvg({}, 1), HasSubstr("</svg>"));
}

}  // namespace
}  // namespace lts

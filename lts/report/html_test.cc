// report.html and front.svg: complete, well formed, and closed to whatever names try.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lts/report/format.h"
#include "lts/report/members.h"
#include "lts/report/sample_report.h"

namespace lts {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t Count(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + what.size()))
    ++count;
  return count;
}

// What stands between `begin` and the next `end`.
std::string Between(std::string_view text, std::string_view begin, std::string_view end) {
  const std::size_t from = text.find(begin);
  if (from == std::string_view::npos) return "(no " + std::string(begin) + ")";
  const std::size_t at = from + begin.size();
  return std::string(text.substr(at, text.find(end, at) - at));
}

Json PageData(const std::string& html) {
  return ParseJson(Between(html, R"(<script type="application/json" id="lts-data">)", "</script>"),
                   "report.html");
}

// Addresses that a page could load: everything like http://... other than the names of XML
// namespaces.
std::vector<std::string> Addresses(std::string_view text) {
  std::vector<std::string> found;
  for (const std::string_view scheme : {"http://", "https://"}) {
    for (std::size_t at = text.find(scheme); at != std::string_view::npos;
         at = text.find(scheme, at + 1)) {
      const std::string_view rest = text.substr(at);
      const std::string_view address = rest.substr(0, rest.find_first_of("\"'`<> )\n"));
      if (!address.starts_with("http://www.w3.org/")) found.emplace_back(address);
    }
  }
  return found;
}

// XML 1.0 without DTD, as far as our pictures use it: one root, tags nest, attributes are quoted
// and unique, & starts one of the five entities or a number. Returns what is wrong, or nothing.
std::string XmlProblem(std::string_view text) {
  std::vector<std::string> open;
  bool had_root = false;
  const auto bad_text = [](std::string_view part) {
    for (std::size_t at = 0; at < part.size(); ++at) {
      const auto byte = static_cast<unsigned char>(part[at]);
      if (byte < 0x20 && byte != '\n' && byte != '\t') return true;
      if (part[at] == '<') return true;
      if (part[at] != '&') continue;
      const std::string_view entity = part.substr(at, part.find(';', at) - at + 1);
      static const std::set<std::string_view> kKnown = {"&amp;",  "&lt;",   "&gt;",
                                                        "&quot;", "&apos;", "&#39;"};
      if (!kKnown.contains(entity)) return true;
    }
    return false;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t tag = text.find('<', at);
    const std::string_view between = text.substr(at, tag - at);
    if (bad_text(between)) return "text '" + std::string(between) + "'";
    if (open.empty() && between.find_first_not_of(" \n") != std::string_view::npos)
      return "text outside the root";
    if (tag == std::string_view::npos) break;
    std::size_t i = tag + 1;
    const bool closing = text[i] == '/';
    if (closing) ++i;
    const std::size_t name_end = text.find_first_of(" />\n", i);
    const std::string name(text.substr(i, name_end - i));
    if (name.empty() || std::isalpha(static_cast<unsigned char>(name[0])) == 0)
      return "name '" + name + "'";
    if (name_end == std::string_view::npos) return "unclosed tag";
    i = name_end;
    if (closing) {
      if (open.empty() || open.back() != name || text[i] != '>') return "closing " + name;
      open.pop_back();
      at = i + 1;
      continue;
    }
    if (open.empty() && had_root) return "a second root";
    had_root = true;
    std::set<std::string> attributes;
    for (;;) {
      i = text.find_first_not_of(" \n", i);
      if (text[i] == '>' || text[i] == '/') break;
      const std::size_t equals = text.find('=', i);
      const std::string attribute(text.substr(i, equals - i));
      if (!attributes.insert(attribute).second) return "attribute " + attribute + " twice";
      if (text[equals + 1] != '"') return "attribute " + attribute + " without quotes";
      const std::size_t end = text.find('"', equals + 2);
      if (bad_text(text.substr(equals + 2, end - equals - 2))) return "value of " + attribute;
      i = end + 1;
    }
    if (text[i] == '/') {
      if (text[i + 1] != '>') return "tag " + name;
      at = i + 2;
    } else {
      open.push_back(name);
      at = i + 1;
    }
  }
  return open.empty() && had_root ? "" : "unclosed tags";
}

class EverySample : public ::testing::TestWithParam<std::string_view> {};
std::string SampleTestName(const ::testing::TestParamInfo<std::string_view>& info) {
  std::string name;
  for (const char c : info.param)
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(Samples, EverySample, ::testing::ValuesIn(SampleReportNames()),
                         SampleTestName);

TEST_P(EverySample, PageIsOneFileThatLoadsNothing) {
  const std::string html = ReportHtml(SampleReport(GetParam()));
  EXPECT_TRUE(html.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(html.ends_with("</html>\n"));
  EXPECT_THAT(Addresses(html), ::testing::IsEmpty());
  EXPECT_EQ(Count(html, "<script"), 3U) << "data, d3 and the page's own";
  EXPECT_EQ(Count(html, "</script>"), 3U);
  EXPECT_EQ(Count(html, " src="), 0U);
  EXPECT_EQ(Count(html, "@import"), 0U);
  EXPECT_THAT(html, HasSubstr("Content-Security-Policy"));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_EQ(html.find("@CSS@"), std::string::npos);
  EXPECT_EQ(html.find("@SCRIPT"), std::string::npos);
}

TEST_P(EverySample, PageCarriesTheDataAndTheSummary) {
  const ReportData data = SampleReport(GetParam());
  const std::string html = ReportHtml(data);
  EXPECT_EQ(Between(html, "<title>", "</title>"), EscapeMarkup(data.title));
  EXPECT_EQ(Between(html, "id=\"summary\">", "</p>"), EscapeMarkup(SummarySentence(data)));
  const Json json = PageData(html);
  EXPECT_EQ(json.Find("command_line")->AsString(), CleanText(data.command_line));
  EXPECT_EQ(json.Find("environment")->Find("cpu_model")->AsString(),
            CleanText(data.environment.cpu_model));
  const Json::Array& members = json.Find("members")->AsArray();
  ASSERT_EQ(members.size(), data.evaluated.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    const ReportMember& member = data.evaluated[i];
    EXPECT_EQ(members[i].Find("on_front")->AsBool(), member.on_front);
    EXPECT_EQ(members[i].Find("near_tie")->AsBool(), member.near_tie);
    EXPECT_EQ(
        ParseArchitecture(ParseJson(members[i].Find("config")->AsString(), "config"), "config"),
        member.architecture);
    EXPECT_EQ(members[i].Find("values")->AsArray().size(), json.Find("columns")->AsArray().size());
  }
}

TEST_P(EverySample, PictureIsWellFormedAndLoadsNothing) {
  const std::string svg = FrontSvg(SampleReport(GetParam()));
  EXPECT_EQ(XmlProblem(svg), "");
  EXPECT_THAT(Addresses(svg), ::testing::IsEmpty());
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(XmlProblem, SeesWhatIsWrong) {
  EXPECT_EQ(XmlProblem("<a b=\"1\"><c/>x &amp; y</a>\n"), "");
  for (const char* text :
       {"<a><b></a></b>", "<a", "<a b=1/>", "<a b=\"1\" b=\"2\"/>", "<a>&nbsp;</a>", "<a>&</a>",
        "<a/><b/>", "<a b=\"<\"/>", "<a>\x01</a>", "text", ""}) {
    EXPECT_NE(XmlProblem(text), "") << text;
  }
}

TEST(ReportHtml, HostileNamesStayText) {
  const std::string html = ReportHtml(SampleReport("hostile"));
  EXPECT_EQ(html.find("<b>"), std::string::npos);
  EXPECT_EQ(html.find("<script>document.title"), std::string::npos);
  const std::string data = Between(html, "id=\"lts-data\">", "</script>");
  EXPECT_EQ(data.find("\u2028"), std::string::npos);
  EXPECT_EQ(data.find('<'), std::string::npos);
  // A name that looks like a mark of the template is not filled in.
  EXPECT_THAT(Between(html, "<title>", "</title>"), HasSubstr("@LTS_DATA@"));
  EXPECT_EQ(Count(html, "id=\"lts-data\""), 1U);
}

TEST(ReportHtml, LeavesNothingToFillIn) {
  EXPECT_EQ(ReportHtml(SampleReport("typical")).find("@LTS_"), std::string::npos);
}

TEST(ReportHtml, StaysSmallForTwoThousandMembers) {
  EXPECT_LT(ReportHtml(SampleReport("large")).size(), std::size_t{4} << 20);
}

TEST(FrontSvg, DrawsEveryMemberOnceAndTheFrontWithIntervals) {
  const ReportData data = SampleReport("typical");
  const std::string svg = FrontSvg(data);
  std::size_t front = 0;
  std::size_t near_ties = 0;
  std::size_t dots = 0;
  std::size_t crosses = 0;
  for (const ReportMember& member : data.evaluated) {
    front += member.on_front ? 1 : 0;
    near_ties += member.near_tie ? 1 : 0;
    dots += !member.on_front && !member.near_tie && member.feasible ? 1 : 0;
    crosses += member.feasible ? 0 : 1;
  }
  ASSERT_GT(crosses, 0U);
  EXPECT_EQ(Count(svg, "<circle class=\"front\""), front + 1) << "and one in the legend";
  ASSERT_GT(near_ties, 0U);
  EXPECT_EQ(Count(svg, "<circle class=\"tie\""), near_ties + 1);
  EXPECT_EQ(Count(svg, "<circle class=\"dot\""), dots + 1);
  EXPECT_EQ(Count(svg, "<path class=\"cross\""), crosses);
  EXPECT_EQ(Count(svg, "<path class=\"bar"), front + near_ties)
      << "latency is measured, decoder parameters are counted";
  EXPECT_GT(Count(svg, "<path class=\"bar noisy\""), 0U);
  EXPECT_THAT(svg, HasSubstr("Latency (ms), less is better"));
  EXPECT_THAT(svg, HasSubstr("Decoder parameters, more is better"));
}

TEST(FrontSvg, DrawsNoIntervalsForCountedNumbers) {
  EXPECT_EQ(Count(FrontSvg(SampleReport("exact")), "<path class=\"bar"), 0U);
}

TEST(FrontSvg, SaysWhenThereIsNothingYet) {
  EXPECT_THAT(FrontSvg(SampleReport("empty")), HasSubstr("No decoder has been evaluated yet"));
  ReportData data = SampleReport("empty");
  data.objectives.clear();
  EXPECT_EQ(XmlProblem(FrontSvg(data)), "");
}

TEST(FrontSvg, NamesAFewMembers) {
  const ReportData data = SampleReport("layered");
  const std::string svg = FrontSvg(data);
  std::size_t named = 0;
  for (const ReportMember& member : data.evaluated) {
    named += Count(svg, "\">" + member.architecture.ShortName() + "</text>");
  }
  EXPECT_GE(named, 2U);
  EXPECT_LE(named, 12U);
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
}

}  // namespace
}  // namespace lts

// `lts compare` over stores that searches on a made-up device left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "lts/base/json.h"
#include "lts/cli/app.h"
#include "lts/job/job_test_support.h"

namespace lts::cli {
namespace {

using ::testing::HasSubstr;

class Compare : public job_test::SearchJobTest {
 protected:
  std::string Search(const std::string& algorithm, std::vector<std::string> objectives = {}) {
    SearchJobOptions options = Options();
    options.algorithm = algorithm;
    options.out = folder_ / algorithm;
    if (!objectives.empty()) options.objectives = std::move(objectives);
    job_test::SearchJobTest::Run(options);
    return options.out;
  }
  int Lts(std::vector<std::string> args) {
    args.insert(args.begin(), "lts");
    out_.str("");
    err_.str("");
    Context context{in_, out_, err_, Terminal{}};
    return cli::Run(args, context);
  }

  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Compare, PrintsTablesOfRunsBudgetsAndPairs) {
  const std::string a = Search("nsga2");
  const std::string b = Search("random");
  ASSERT_EQ(Lts({"compare", a, b}), 0) << err_.str();
  for (const char* part : {"nsga2", "hypervolume", "Hypervolume by evaluations",
                           "Hypervolume by search time", "What each run's front is in the others",
                           "has the largest hypervolume", "rank corr. latency_ms"}) {
    EXPECT_THAT(out_.str(), HasSubstr(part));
  }
}

TEST_F(Compare, PrintsJsonAndCsvOfTheSameNumbers) {
  const std::string a = Search("local-search");
  const std::string b = Search("random");
  ASSERT_EQ(Lts({"compare", a, b, "--format", "json"}), 0) << err_.str();
  const Json json = ParseJson(out_.str(), "out");
  EXPECT_EQ(json.Find("format")->AsString(), "lts-comparison");
  const Json::Array& runs = json.Find("runs")->AsArray();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].Find("evaluated")->AsInt(), 30);
  ASSERT_EQ(Lts({"compare", a, b, "--format", "csv"}), 0) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("table,run,other,budget,name,value\n"));
  EXPECT_THAT(out_.str(), HasSubstr("run," + a + ",,,evaluated,30\n"));
  EXPECT_THAT(out_.str(), HasSubstr("pair," + a + "," + b + ",,shared,"));
  const std::size_t front = runs[1].Find("front")->AsArray().size();
  EXPECT_THAT(out_.str(), HasSubstr("run," + b + ",,,front," + std::to_string(front) + "\n"));
}

TEST_F(Compare, WritesAPage) {
  const std::string a = Search("nsga2");
  const std::string b = Search("random");
  const std::string page = folder_ / "a-b.html";
  ASSERT_EQ(Lts({"compare", a, b, "-o", page}), 0) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("page: " + page));
  const std::string html = ReadFile(page, std::size_t{8} << 20);
  EXPECT_THAT(html, HasSubstr("<!DOCTYPE html>"));
  EXPECT_THAT(html, HasSubstr("lts-comparison"));
}

TEST_F(Compare, RefusesOneFolderAndOtherObjectives) {
  const std::string a = Search("nsga2");
  const std::string b = Search("random", {"decoder_params", "ttft_ms"});
  const auto refused = [&](const std::vector<std::string>& args, const std::string& part) {
    EXPECT_EQ(Lts(args), 2);
    EXPECT_EQ(out_.str(), "");
    EXPECT_THAT(err_.str(), HasSubstr(part));
    EXPECT_EQ(std::ranges::count(err_.str(), '\n'), 1) << err_.str();
  };
  refused({"compare", a}, "got 1 runs, expected 2 to 8");
  refused({"compare", a, b}, "its objectives are max:decoder_params, min:ttft_ms");
  refused({"compare", a, folder_ / "nowhere"}, "no such file");
  refused({"compare", a, a}, "is given twice");
}

}  // namespace
}  // namespace lts::cli

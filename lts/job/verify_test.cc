#include "lts/job/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/job/job_test_support.h"
#include "lts/job/made_up_meter.h"

namespace lts {
namespace {

using namespace job_test;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;

class VerifyTest : public SearchJobTest {
 protected:
  void SetUp() override {
    SearchJobTest::SetUp();
    options_ = Options();
    options_.workload = MadeUpDevice().workload;
    options_.budget_evaluations = 40;
    Search("exact");
  }
  void Search(const std::string& algorithm) {
    options_.algorithm = algorithm;
    MadeUpMeter meter(MadeUpDevice{.noise = 0.01}, clock_);
    report_ = RunSearchJob(options_, nullptr, &meter, clock_).report;
  }

  VerifyResult Verify() const { return VerifyRun(folder_ / "out", {.samples = 500}); }
  const VerifyCheck& Check(const VerifyResult& result, std::string_view name) const {
    const auto found = std::ranges::find(result.checks, name, &VerifyCheck::name);
    EXPECT_NE(found, result.checks.end()) << name;
    return *found;
  }
  Json Front() const { return ReadJsonFile(Out("front.json")); }
  void SetFront(const Json& json) const { WriteFileAtomic(Out("front.json"), WriteJson(json)); }

  SearchJobOptions options_;
  ReportData report_;
};

TEST_F(VerifyTest, AcceptsWhatASearchWrites) {
  const VerifyResult result = Verify();
  EXPECT_TRUE(result.ok());
  for (const VerifyCheck& check : result.checks)
    EXPECT_THAT(check.failures, ::testing::IsEmpty()) << check.name;
  EXPECT_THAT(Check(result, "certificate").what, HasSubstr("360 architectures looked at"));
}

TEST_F(VerifyTest, EveryMemberIsMissed) {
  const Json front = Front();
  const std::size_t members = front.Find("front")->AsArray().size();
  ASSERT_GT(members, 3U);
  for (std::size_t removed = 0; removed < members; ++removed) {
    Json without = front;
    Json rest = Json::MakeArray();
    for (std::size_t i = 0; i < members; ++i) {
      if (i != removed) rest.Append(front.Find("front")->AsArray()[i]);
    }
    without["front"] = std::move(rest);
    SetFront(without);
    const VerifyResult result = Verify();
    EXPECT_FALSE(result.ok());
    EXPECT_THAT(Check(result, "dominance").failures,
                ::testing::ElementsAre(HasSubstr("missing from the front")));
  }
}

TEST_F(VerifyTest, EveryDominatedMemberIsFound) {
  Search("random");  // the exact search hardly measures any
  const Json front = Front();
  int added = 0;
  for (const ReportMember& member : report_.evaluated) {
    if (member.on_front || member.near_tie) continue;
    Json with = front;
    Json entry = front.Find("front")->AsArray()[0];
    entry["id"] = member.architecture.Id();
    entry["near_tie"] = false;
    for (std::size_t o = 0; o < report_.objectives.size(); ++o)
      entry["objectives"][report_.objectives[o].name] = member.objectives[o];
    with["front"].Append(std::move(entry));
    SetFront(with);
    const VerifyResult result = Verify();
    EXPECT_FALSE(result.ok());
    EXPECT_THAT(Check(result, "dominance").failures,
                ::testing::ElementsAre(HasSubstr("dominates it")));
    ++added;
  }
  EXPECT_GT(added, 0);
}

TEST_F(VerifyTest, ValuesThatWereNotMeasured) {
  Json front = Front();
  Json members = Json::MakeArray();
  for (Json member : front.Find("front")->AsArray()) {
    if (members.AsArray().empty()) member["objectives"]["latency_ms"] = 1e-3;
    members.Append(std::move(member));
  }
  front["front"] = std::move(members);
  SetFront(front);
  EXPECT_THAT(Check(Verify(), "members").failures,
              ::testing::ElementsAre(HasSubstr("not those that were measured")));
}

TEST_F(VerifyTest, MembersThatWereNeverEvaluatedOrTwice) {
  Json front = Front();
  Json stranger = front.Find("front")->AsArray()[0];
  stranger["id"] = "gpt2_0000000000000000000000000000000000000000";
  front["front"].Append(stranger);
  front["front"].Append(front.Find("front")->AsArray()[1]);
  SetFront(front);
  EXPECT_THAT(
      Check(Verify(), "members").failures,
      ::testing::UnorderedElementsAre(HasSubstr("listed twice"), HasSubstr("never evaluated")));
}

TEST_F(VerifyTest, ACertificateThatClaimsTooMuch) {
  Json front = Front();
  const double reached = front.Find("certificate")->Find("reached")->AsDouble();
  ASSERT_GT(reached, 0);
  front["certificate"]["reached"] = 0.9 * reached;
  SetFront(front);
  EXPECT_THAT(Check(Verify(), "certificate").failures,
              ::testing::Contains(HasSubstr("may be better")));
}

TEST_F(VerifyTest, RunsOfOtherAlgorithmsHaveNoCertificate) {
  options_.algorithm = "random";
  MadeUpMeter meter(MadeUpDevice{.noise = 0.01}, clock_);
  RunSearchJob(options_, nullptr, &meter, clock_);
  const VerifyResult result = Verify();
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(std::ranges::count(result.checks, "certificate", &VerifyCheck::name), 0);
}

TEST_F(VerifyTest, FoldersWithoutARun) {
  EXPECT_THROW(VerifyRun(folder_ / "nothing"), Error);
  WriteFileAtomic(Out("front.json"), "{");
  EXPECT_THROW(Verify(), Error);
}

}  // namespace
}  // namespace lts

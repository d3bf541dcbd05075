// `lts verify` and `lts pick` after a search on counts, which needs no measuring.
#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/cli/cli_test_support.h"

namespace lts::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Searched : public CliFolder {
 protected:
  void SetUp() override {
    const std::string space = Write("small.toml",
                                    "vocab_size = 100\n"
                                    "n_layer = [1, 2, 3]\n"
                                    "d_model = [64, 128]\n"
                                    "d_inner = [128, 256]\n"
                                    "n_head = [2, 4]\n");
    const Outcome search = Lts({"search", "--space", space, "--objective", "decoder_params",
                                "--objective", "flops", "--prompt", "16", "--output-tokens", "4",
                                "--budget", "100", "--out", Out(), "--quiet"});
    ASSERT_EQ(search.code, 0) << search.err;
  }
  std::string Out(const std::string& name = "") const { return Path("out" + name); }
  Json Front() const { return ReadJsonFile(Out("/front.json")); }
};

TEST_F(Searched, VerifyAcceptsTheFrontAndFindsAMemberRemoved) {
  const Outcome accepted = Lts({"verify", Out()});
  EXPECT_EQ(accepted.code, 0) << accepted.out;
  EXPECT_THAT(accepted.out, HasSubstr("ok     dominance"));
  EXPECT_THAT(accepted.out, Not(HasSubstr("FAILED")));

  Json front = Front();
  Json rest = Json::MakeArray();
  const Json::Array& members = front.Find("front")->AsArray();
  ASSERT_GT(members.size(), 2U);
  for (std::size_t i = 1; i < members.size(); ++i) rest.Append(members[i]);
  front["front"] = std::move(rest);
  Write("out/front.json", WriteJson(front));
  const Outcome rejected = Lts({"verify", Out(), "--format", "json"});
  EXPECT_EQ(rejected.code, 1);
  EXPECT_FALSE(ParseJson(rejected.out, "stdout").Find("ok")->AsBool());
  EXPECT_THAT(rejected.out, HasSubstr("missing from the front"));
}

TEST_F(Searched, PickStaysWithinTheCapAndWritesWhatItFound) {
  // All is counted, so the front is exact, and a cap at a member's cost leaves that member.
  const Json front = Front();
  const Json::Array& members = front.Find("front")->AsArray();
  const Json* middle = members[members.size() / 2].Find("objectives");
  const double cap = middle->Find("flops")->AsDouble();
  const double best = middle->Find("decoder_params")->AsDouble();
  const Outcome pick = Lts({"pick", Out(), "--max", "flops=" + fmt::format("{:.0f}", cap),
                            "--no-measure", "--format", "json"});
  ASSERT_EQ(pick.code, 0) << pick.err;
  const Json rows = ParseJson(pick.out, "stdout");
  EXPECT_EQ(rows.AsArray()[0].Find("role")->AsString(), "pick");
  EXPECT_EQ(rows.AsArray()[0].Find("decoder_params")->AsDouble(), best);
  EXPECT_LE(rows.AsArray()[0].Find("flops")->AsDouble(), cap + 1);
  const Outcome count = Lts(
      {"count", Out("/pick.json"), "--prompt", "16", "--output-tokens", "4", "--format", "json"});
  EXPECT_EQ(ParseJson(count.out, "stdout").AsArray()[0].Find("decoder_params")->AsDouble(), best);
}

TEST_F(Searched, PickSaysWhenNothingStaysWithinTheCaps) {
  const Outcome pick = Lts({"pick", Out(), "--max", "flops=1", "--no-measure"});
  EXPECT_EQ(pick.code, 1);
  EXPECT_FALSE(std::filesystem::exists(Out("/pick.json")));
  EXPECT_NE(pick.err, "");
}

TEST_F(Searched, PickAndVerifySayWhatIsWrong) {
  ExpectBadInput(Lts({"pick", Out(), "--max", "flops"}), "expected METRIC=NUMBER");
  ExpectBadInput(Lts({"pick", Out(), "--max", "flips=3", "--no-measure"}), "flips");
  ExpectBadInput(Lts({"pick", Path("nowhere"), "--no-measure"}), "nowhere");
  ExpectBadInput(Lts({"verify", Path("nowhere")}), "nowhere");
}

}  // namespace
}  // namespace lts::cli

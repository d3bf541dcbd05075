// lts calibrate and lts predict: a device measured, then predicted from the file alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "lts/base/json.h"
#include "lts/cli/cli_test_support.h"

namespace lts::cli {
namespace {

TEST_F(CliFolder, CalibratesAndPredictsWithoutTheDevice) {
  const std::string space = Write("space.json", R"({"name": "tiny", "vocab_size": 100,
      "max_seq_len": 64, "n_layer": [1, 2, 3], "d_model": [32, 64], "d_inner": [64, 128],
      "n_head": [2]})");
  const std::vector<std::string> calibrate = {
      "calibrate", "--space",         space,   "--threads", "1",  "--prompt",
      "8",         "--output-tokens", "4",     "--budget",  "5",  "--validate",
      "4",         "--no-memory",     "--out", Path("out"), "-o", Path("c.json"),
      "--quiet",   "--format",        "json"};
  const Outcome first = Lts(calibrate);
  ASSERT_EQ(first.code, 0) << first.err;
  const Json rows = ParseJson(first.out, "out");
  ASSERT_EQ(rows.AsArray().size(), 3U);  // TTFT, TPOT, latency
  for (const Json& row : rows.AsArray()) {
    EXPECT_EQ(row.Find("observations")->AsInt(), 5);
    EXPECT_EQ(row.Find("validated")->AsInt(), 4);
    EXPECT_GE(row.Find("within_10")->AsDouble(), row.Find("within_5")->AsDouble());
  }
  const auto model = [&] { return *ReadJsonFile(Path("c.json")).Find("model"); };
  const Json before = model();
  ASSERT_EQ(Lts(calibrate).code, 0);
  EXPECT_EQ(model(), before);  // everything came from the store

  const std::string arch = Write("arch.json", kSmall);
  const Outcome predicted =
      Lts({"predict", arch, "--calibration", Path("c.json"), "--quiet", "--format", "json"});
  ASSERT_EQ(predicted.code, 0) << predicted.err;
  const Json row = ParseJson(predicted.out, "out").AsArray().at(0);
  EXPECT_GT(row.Find("latency_ms_low")->AsDouble(), 0);
  EXPECT_LT(row.Find("latency_ms_low")->AsDouble(), row.Find("latency_ms")->AsDouble());
  EXPECT_LT(row.Find("latency_ms")->AsDouble(), row.Find("latency_ms_high")->AsDouble());
  EXPECT_NEAR(row.Find("latency_ms")->AsDouble(),
              row.Find("ttft_ms")->AsDouble() + 3 * row.Find("tpot_ms")->AsDouble(), 1e-9);
  EXPECT_EQ(row.Find("peak_memory_mib"), nullptr);

  const std::string other = Write("other.json", R"({"n_layer": 2, "d_model": 64, "d_inner": 128,
      "n_head": 2})");
  ExpectBadInput(Lts({"predict", other, "--calibration", Path("c.json")}),
                 "got vocab_size 50257, expected 100");
  ExpectBadInput(Lts({"predict", arch, "--calibration", arch}), "arch.json");
  ExpectBadInput(Lts({"calibrate", "--repeat", "1", "--out", Path("never")}), "repeat: got 1");
  EXPECT_FALSE(std::filesystem::exists(Path("never")));
}

}  // namespace
}  // namespace lts::cli

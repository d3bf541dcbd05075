#include "lts/measure/rapl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lts {
namespace {

class RaplTest : public ::testing::Test {
 protected:
  RaplTest()
      : root_(std::filesystem::temp_directory_path() /
              ("lts_rapl_test_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(root_);
  }
  ~RaplTest() override { std::filesystem::remove_all(root_); }
  void Set(int package, std::int64_t energy, std::int64_t range) {
    const std::filesystem::path folder =
        root_ / "sys/class/powercap" / ("intel-rapl:" + std::to_string(package));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "energy_uj") << energy << '\n';
    std::ofstream(folder / "max_energy_range_uj") << range << '\n';
  }
  std::filesystem::path root_;
};

TEST_F(RaplTest, SaysWhyThereIsNone) {
  EnergyCounter counter(root_.string());
  EXPECT_FALSE(counter.availability().ok);
  EXPECT_THAT(counter.availability().reason, ::testing::HasSubstr("powercap"));
  EXPECT_EQ(counter.Joules(), 0);
}

TEST_F(RaplTest, AddsPackagesAndFollowsAWrap) {
  Set(0, 9'000'000, 10'000'000);
  Set(1, 500, 10'000'000);
  EnergyCounter counter(root_.string());
  EXPECT_TRUE(counter.availability().ok);
  EXPECT_EQ(counter.Joules(), 0);
  Set(0, 1'000'000, 10'000'000);  // wrapped
  Set(1, 1'000'500, 10'000'000);
  EXPECT_NEAR(counter.Joules(), 3, 1e-9);
  EXPECT_NEAR(counter.Joules(), 3, 1e-9);
}

}  // namespace
}  // namespace lts

#include "lts/base/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lts/base/error.h"

namespace lts {
namespace {

namespace fs = std::filesystem;

class CgroupTest : public ::testing::Test {
 protected:
  CgroupTest() {
    std::string name = (fs::temp_directory_path() / "lts_cgroup_XXXXXX").string();
    LTS_CHECK(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
  }
  ~CgroupTest() override {
    std::error_code error;
    fs::remove_all(folder_, error);
  }

  void Write(const std::string& path, const std::string& text) const {
    const fs::path full = folder_ / path;
    fs::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  CgroupLimits Read(const std::string& membership) const {
    Write("membership", membership);
    return ReadCgroupLimits(folder_ / "membership", folder_ / "mount");
  }

  fs::path folder_;
};

TEST_F(CgroupTest, Version2TakesTheLeastOfAllLevels) {
  Write("mount/a/memory.max", "8000\n");
  Write("mount/a/memory.current", "7000\n");
  Write("mount/a/b/memory.max", "5000\n");
  Write("mount/a/b/memory.current", "1000\n");
  Write("mount/a/b/memory.stat", "anon 600\ninactive_file 400\nactive_file 9\n");
  Write("mount/a/cpu.max", "150000 100000\n");
  Write("mount/a/b/cpu.max", "max 100000\n");
  const CgroupLimits below = Read("0::/a/b\n");
  EXPECT_EQ(below.available_memory_bytes, 1000);
  EXPECT_EQ(below.cpus, 1.5);
  Write("mount/a/memory.current", "1000\n");
  EXPECT_EQ(Read("0::/a/b\n").available_memory_bytes, 5000 - (1000 - 400));
  EXPECT_EQ(Read("0::/a\n").available_memory_bytes, 7000);
}

TEST_F(CgroupTest, Version2SeesTheMountItselfInsideAContainer) {
  Write("mount/memory.max", "4000\n");
  Write("mount/memory.current", "500\n");
  EXPECT_EQ(Read("0::/\n").available_memory_bytes, 3500);
  EXPECT_EQ(Read("0::/path/of/the/host\n").available_memory_bytes, 3500);
}

TEST_F(CgroupTest, NoLimitIsNone) {
  Write("mount/memory.max", "max\n");
  Write("mount/memory.current", "500\n");
  Write("mount/cpu.max", "max 100000\n");
  const CgroupLimits limits = Read("0::/\n");
  EXPECT_EQ(limits.available_memory_bytes, std::nullopt);
  EXPECT_EQ(limits.cpus, std::nullopt);
}

TEST_F(CgroupTest, UseBeyondTheLimitLeavesNothing) {
  Write("mount/memory.max", "4000\n");
  Write("mount/memory.current", "4500\n");
  EXPECT_EQ(Read("0::/\n").available_memory_bytes, 0);
}

TEST_F(CgroupTest, Version1ReadsItsControllers) {
  Write("mount/memory/docker/x/memory.limit_in_bytes", "9000\n");
  Write("mount/memory/docker/x/memory.usage_in_bytes", "2000\n");
  Write("mount/memory/docker/x/memory.stat", "cache 5\ninactive_file 1\ntotal_inactive_file 500\n");
  Write("mount/cpu/docker/x/cpu.cfs_quota_us", "50000\n");
  Write("mount/cpu/docker/x/cpu.cfs_period_us", "100000\n");
  const CgroupLimits limits =
      Read("11:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n3:cpuset:/docker/x\n1:name=systemd:/x\n");
  EXPECT_EQ(limits.available_memory_bytes, 9000 - 1500);
  EXPECT_EQ(limits.cpus, 0.5);
}

TEST_F(CgroupTest, Version1WithoutQuotaIsNoLimit) {
  Write("mount/cpu/cpu.cfs_quota_us", "-1\n");
  Write("mount/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Read("4:cpu,cpuacct:/\n").cpus, std::nullopt);
}

TEST_F(CgroupTest, BrokenFilesLimitNothing) {
  Write("mount/memory.max", "many\n");
  Write("mount/cpu.max", "100000\n");
  for (const char* membership : {"0::/\n", "", "nonsense", "0:", "::\n", "0::relative\n"}) {
    const CgroupLimits limits = Read(membership);
    EXPECT_EQ(limits.available_memory_bytes, std::nullopt) << membership;
    EXPECT_EQ(limits.cpus, std::nullopt) << membership;
  }
  EXPECT_EQ(ReadCgroupLimits("/absent", "/absent").cpus, std::nullopt);
}

}  // namespace
}  // namespace lts

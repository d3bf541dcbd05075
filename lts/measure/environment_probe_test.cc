#include "lts/measure/environment_probe.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "lts/base/error.h"
#include "lts/base/thread_pool.h"
#include "lts/base/version.h"

namespace lts {
namespace {

// A machine made of files.
class FakeRoot {
 public:
  FakeRoot()
      : path_(testing::TempDir() + "lts_environment_" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~FakeRoot() { std::filesystem::remove_all(path_); }
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;

  void Write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = path_ + file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  Environment Probe() const { return ProbeEnvironment({.runtime = "reference"}, path_); }

 private:
  std::string path_;
};

TEST(ProbeEnvironment, ReadsAnX86Machine) {
  const FakeRoot root;
  root.Write("/proc/cpuinfo",
             "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Core(TM) i7-8700 "
             "CPU @ 3.20GHz\n"
             "flags\t\t: fpu avx2\n\nprocessor\t: 1\nmodel name\t: another\n");
  root.Write("/proc/meminfo",
             "MemTotal:       16384000 kB\nMemFree: 5 kB\nMemAvailable:    8192000 kB\n");
  root.Write("/proc/sys/kernel/ostype", "Linux\n");
  root.Write("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
  root.Write("/proc/loadavg", "0.52 0.58 0.59 1/389 12345\n");
  root.Write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
  root.Write("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n");
  const Environment environment = root.Probe();
  EXPECT_EQ(environment.cpu_model, "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz");
  EXPECT_EQ(environment.memory_bytes, std::int64_t{16384000} * 1024);
  EXPECT_EQ(environment.available_memory_bytes, std::int64_t{8192000} * 1024);
  EXPECT_EQ(environment.kernel, "Linux 6.1.0-18-amd64");
  EXPECT_EQ(environment.governor, "performance");
  EXPECT_DOUBLE_EQ(environment.load_1min, 0.52);
  EXPECT_EQ(environment.logical_cores, UsableCores());
  EXPECT_EQ(environment.lts_version, kVersion);
  EXPECT_FALSE(environment.build.empty());
}

TEST(ProbeEnvironment, NamesAnArmBoardAndItsCore) {
  const FakeRoot root;
  root.Write("/proc/cpuinfo",
             "processor\t: 0\nBogoMIPS\t: 108.00\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
             "CPU variant\t: 0x0\nCPU part\t: 0xd08\n\nHardware\t: BCM2835\n");
  root.Write("/proc/device-tree/model", std::string("Raspberry Pi 4 Model B Rev 1.4\0", 31));
  EXPECT_EQ(root.Probe().cpu_model, "Raspberry Pi 4 Model B Rev 1.4 (Cortex-A72)");
}

TEST(ProbeEnvironment, NamesAnArmServerByItsCoreAlone) {
  const FakeRoot root;
  root.Write("/proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n");
  EXPECT_EQ(root.Probe().cpu_model, "Neoverse-N1");
}

TEST(ProbeEnvironment, NamesAnUnknownArmCoreByItsNumbers) {
  const FakeRoot root;
  root.Write("/proc/cpuinfo", "CPU implementer\t: 0x61\nCPU part\t: 0x022\n");
  EXPECT_EQ(root.Probe().cpu_model, "Arm implementer 0x61 part 0x022");
}

TEST(ProbeEnvironment, JoinsTheGovernorsOfBigAndLittleCores) {
  const FakeRoot root;
  root.Write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "schedutil\n");
  root.Write("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n");
  EXPECT_EQ(root.Probe().governor, "performance+schedutil");
}

TEST(ProbeEnvironment, UnknownStaysUnknown) {
  const FakeRoot root;
  const Environment environment = root.Probe();
  EXPECT_EQ(environment.cpu_model, "unknown");
  EXPECT_EQ(environment.kernel, "unknown");
  EXPECT_EQ(environment.governor, "unknown");
  EXPECT_EQ(environment.memory_bytes, 0);
  EXPECT_EQ(environment.available_memory_bytes, 0);
  EXPECT_EQ(environment.load_1min, 0);
}

TEST(ProbeEnvironment, SurvivesOddFiles) {
  const FakeRoot root;
  root.Write("/proc/cpuinfo", std::string("model name\t: a\x01\xff") + "b\n:::\n\n:x\nCPU part");
  root.Write("/proc/meminfo", "MemTotal: -5 kB\nMemAvailable: 99999999999999999999999 kB\n");
  root.Write("/proc/loadavg", "nan");
  root.Write("/proc/sys/kernel/osrelease", "");
  const Environment environment = root.Probe();
  EXPECT_EQ(environment.cpu_model, "a  b");
  EXPECT_EQ(environment.memory_bytes, 0);
  EXPECT_EQ(environment.available_memory_bytes, 0);
  EXPECT_EQ(environment.load_1min, 0);
  EXPECT_EQ(environment.kernel, "unknown");
}

TEST(ProbeEnvironment, KnowsThisMachine) {
  const Environment environment = ProbeEnvironment({.runtime = "cpu"});
  EXPECT_NE(environment.cpu_model, "unknown");
  EXPECT_NE(environment.isa, "unknown");
  EXPECT_GT(environment.memory_bytes, 0);
  EXPECT_LE(environment.available_memory_bytes, environment.memory_bytes);
  EXPECT_GE(environment.logical_cores, 1);
  EXPECT_FALSE(environment.libraries.empty());
  EXPECT_EQ(environment.key(), ProbeEnvironment({.runtime = "cpu"}).key());
}

TEST(ProbeEnvironment, RejectsAnUnknownRuntime) {
  try {
    ProbeEnvironment({.runtime = "gpu"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

}  // namespace
}  // namespace lts

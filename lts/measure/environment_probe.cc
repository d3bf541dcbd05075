#include "lts/measure/environment_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "lts/base/aligned_buffer.h"
#include "lts/base/thread_pool.h"
#include "lts/base/version.h"
#include "lts/measure/runtime_config.h"
#include "lts/runtime/registry/registry.h"

namespace lts {
namespace {

constexpr const char* kUnknown = "unknown";
constexpr std::size_t kMaxFileBytes = 1 << 20;  // a cpuinfo of 512 cores has about 800 KiB
constexpr int kMaxCores = 4096;

std::string Trimmed(std::string_view text) {
  constexpr std::string_view kBlank(" \t\r\n\0", 5);  // device-tree strings end in \0
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kBlank) - begin + 1));
}

// Names come from files of the machine, may be anything, and end in reports: one line of printable
// ASCII.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (c < 0x20 || c > 0x7e) c = ' ';
  }
  return Trimmed(text);
}

// "" when it cannot be read. /proc files have no size, so not ReadFile().
std::string Slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(file.bad() ? 0 : static_cast<std::size_t>(file.gcount()));
  return text;
}

// "name : value" lines of /proc/cpuinfo and /proc/meminfo; the first of a name counts.
std::map<std::string, std::string, std::less<>> ReadFields(const std::string& path) {
  std::map<std::string, std::string, std::less<>> fields;
  const std::string text = Slurp(path);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      fields.emplace(Trimmed(line.substr(0, colon)), Trimmed(line.substr(colon + 1)));
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return fields;
}

using Fields = std::map<std::string, std::string, std::less<>>;

std::string FieldOr(const Fields& fields, std::string_view name, std::string_view otherwise) {
  const auto found = fields.find(name);
  return found == fields.end() || found->second.empty() ? std::string(otherwise) : found->second;
}

// "16384 kB" -> bytes; 0 when absent or odd.
std::int64_t KibField(const Fields& fields, std::string_view name) {
  const std::int64_t kib = std::strtoll(FieldOr(fields, name, "0").c_str(), nullptr, 10);
  constexpr std::int64_t kMostKib = std::int64_t{1} << 50;
  return kib > 0 && kib < kMostKib ? kib * 1024 : 0;
}

// Arm kernels print numbers (Arm's MIDR_EL1): implementer 0x41 is Arm itself.
std::string ArmCoreName(const Fields& cpuinfo) {
  struct Core {
    long part;
    const char* name;
  };
  constexpr std::array<Core, 17> kCores = {{{0xb76, "ARM1176"},
                                            {0xc07, "Cortex-A7"},
                                            {0xc0f, "Cortex-A15"},
                                            {0xd03, "Cortex-A53"},
                                            {0xd04, "Cortex-A35"},
                                            {0xd05, "Cortex-A55"},
                                            {0xd07, "Cortex-A57"},
                                            {0xd08, "Cortex-A72"},
                                            {0xd09, "Cortex-A73"},
                                            {0xd0a, "Cortex-A75"},
                                            {0xd0b, "Cortex-A76"},
                                            {0xd0c, "Neoverse-N1"},
                                            {0xd40, "Neoverse-V1"},
                                            {0xd41, "Cortex-A78"},
                                            {0xd44, "Cortex-X1"},
                                            {0xd49, "Neoverse-N2"},
                                            {0xd4f, "Neoverse-V2"}}};
  const std::string implementer = FieldOr(cpuinfo, "CPU implementer", "");
  const std::string part = FieldOr(cpuinfo, "CPU part", "");
  if (implementer.empty() || part.empty()) return "";
  if (std::strtol(implementer.c_str(), nullptr, 16) == 0x41) {
    const long number = std::strtol(part.c_str(), nullptr, 16);
    for (const Core& core : kCores) {
      if (core.part == number) return core.name;
    }
  }
  return fmt::format("Arm implementer {} part {}", implementer, part);
}

std::string CpuModel(const std::string& root) {
  const Fields cpuinfo = ReadFields(root + "/proc/cpuinfo");
  const std::string x86 = FieldOr(cpuinfo, "model name", "");
  // Arm boards name the board rather than the chip: "Raspberry Pi 4 Model B Rev 1.4 (Cortex-A72)".
  const std::string core = ArmCoreName(cpuinfo);
  if (!x86.empty() && core.empty()) return Printable(x86);
  std::string board = Printable(Slurp(root + "/proc/device-tree/model"));
  if (board.empty()) board = FieldOr(cpuinfo, "Model", FieldOr(cpuinfo, "Hardware", ""));
  if (board.empty()) board = x86;
  if (board.empty()) return core.empty() ? kUnknown : Printable(core);
  return Printable(core.empty() ? board : fmt::format("{} ({})", board, core));
}

// Of all cores; several are joined, "performance+powersave", for big and little ones.
std::string Governor(const std::string& root) {
  std::set<std::string> governors;
  for (int core = 0; core < kMaxCores; ++core) {
    const std::string folder = fmt::format("{}/sys/devices/system/cpu/cpu{}/cpufreq", root, core);
    const std::string governor = Printable(Slurp(folder + "/scaling_governor"));
    if (governor.empty()) break;
    governors.insert(governor);
  }
  if (governors.empty()) return kUnknown;
  return fmt::format("{}", fmt::join(governors, "+"));
}

std::string Kernel(const std::string& root) {
  const std::string name = Printable(Slurp(root + "/proc/sys/kernel/ostype"));
  const std::string release = Printable(Slurp(root + "/proc/sys/kernel/osrelease"));
  return release.empty() ? kUnknown : fmt::format("{} {}", name.empty() ? "Linux" : name, release);
}

double Load(const std::string& root) {
  const double load = std::strtod(Slurp(root + "/proc/loadavg").c_str(), nullptr);
  return load >= 0 && load < 1e6 ? load : 0;  // NaN fails both
}

std::string Build() {
#if defined(__clang__)
  const std::string compiler =
      fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  const std::string compiler =
      fmt::format("gcc {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
  return fmt::format("{} {}", compiler, *kBuildType == '\0' ? "no build type" : kBuildType);
}

}  // namespace

Environment ProbeEnvironment(const RuntimeConfig& config, const std::string& root) {
  Environment environment;
  const Fields meminfo = ReadFields(root + "/proc/meminfo");
  environment.cpu_model = CpuModel(root);
  environment.isa = kUnknown;
  environment.logical_cores = UsableCores();
  environment.memory_bytes = KibField(meminfo, "MemTotal");
  environment.kernel = Kernel(root);
  environment.governor = Governor(root);
  environment.load_1min = Load(root);
  environment.available_memory_bytes = KibField(meminfo, "MemAvailable");
  environment.lts_version = kVersion;
  environment.build = Build();
  for (auto& [name, version] : FindRuntime(config.runtime).versions(OptionsOf(config))) {
    if (name == "isa") {
      environment.isa = version;
    } else {
      environment.libraries.emplace_back(name, version);
    }
  }
  return environment;
}

}  // namespace lts

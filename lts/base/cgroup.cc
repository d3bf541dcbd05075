#include "lts/base/cgroup.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>

namespace lts {
namespace {

std::string Contents(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  return text.str();
}

// The leading integer; nothing for "max", "-1" (no quota), an absent file or a number beyond 63
// bits.
std::optional<std::int64_t> Number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0) return std::nullopt;
  return value;
}

// The number after `name` in a file of "name number" lines.
std::int64_t Field(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ' ') {
      return Number(line.substr(name.size() + 1)).value_or(0);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return 0;
}

template <typename T>
void Lower(std::optional<T>& least, std::optional<T> value) {
  if (value && (!least || *value < *least)) least = value;
}

void ReadMemory(const std::string& limit_path, const std::string& usage_path,
                const std::string& stat_path, std::string_view cache_name, CgroupLimits& limits) {
  const auto limit = Number(Contents(limit_path));
  if (!limit) return;
  // Inactive file cache counts as used, but the kernel gives it up before it kills.
  const std::int64_t used =
      Number(Contents(usage_path)).value_or(0) - Field(Contents(stat_path), cache_name);
  Lower<std::int64_t>(limits.available_memory_bytes,
                      std::max<std::int64_t>(0, *limit - std::max<std::int64_t>(0, used)));
}

void ReadCpu(std::optional<std::int64_t> quota, std::optional<std::int64_t> period,
             CgroupLimits& limits) {
  if (!quota || !period || *quota == 0 || *period == 0) return;
  Lower<double>(limits.cpus, static_cast<double>(*quota) / static_cast<double>(*period));
}

void ReadVersion2(const std::string& folder, CgroupLimits& limits) {
  ReadMemory(folder + "/memory.max", folder + "/memory.current", folder + "/memory.stat",
             "inactive_file", limits);
  const std::string cpu = Contents(folder + "/cpu.max");  // "<quota|max> <period>"
  const std::size_t space = cpu.find(' ');
  if (space == std::string::npos) return;
  ReadCpu(Number(cpu), Number(std::string_view(cpu).substr(space + 1)), limits);
}

void ReadVersion1Memory(const std::string& folder, CgroupLimits& limits) {
  ReadMemory(folder + "/memory.limit_in_bytes", folder + "/memory.usage_in_bytes",
             folder + "/memory.stat", "total_inactive_file", limits);
}

void ReadVersion1Cpu(const std::string& folder, CgroupLimits& limits) {
  ReadCpu(Number(Contents(folder + "/cpu.cfs_quota_us")),
          Number(Contents(folder + "/cpu.cfs_period_us")), limits);
}

// Calls visit(folder) for mount + group and each group above it, the mount itself last.
template <typename Visit>
void ForEachLevel(const std::string& mount, std::string group, const Visit& visit) {
  while (!group.empty() && group != "/") {
    visit(mount + group);
    group.resize(std::min(group.rfind('/'), group.size() - 1));
  }
  visit(mount);
}

bool HasController(std::string_view controllers, std::string_view name) {
  while (!controllers.empty()) {
    const std::size_t end = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, end) == name) return true;
    controllers.remove_prefix(std::min(end + 1, controllers.size()));
  }
  return false;
}

}  // namespace

CgroupLimits ReadCgroupLimits(const std::string& membership, const std::string& mount) {
  CgroupLimits limits;
  std::istringstream lines(Contents(membership));
  for (std::string line; std::getline(lines, line);) {  // "<id>:<controllers>:<group>"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (!group.starts_with('/')) continue;
    if (controllers.empty()) {
      ForEachLevel(mount, group, [&](const std::string& f) { ReadVersion2(f, limits); });
    } else if (HasController(controllers, "memory")) {
      ForEachLevel(mount + "/memory", group,
                   [&](const std::string& f) { ReadVersion1Memory(f, limits); });
    } else if (HasController(controllers, "cpu")) {
      ForEachLevel(mount + "/cpu", group,
                   [&](const std::string& f) { ReadVersion1Cpu(f, limits); });
    }
  }
  return limits;
}

}  // namespace lts

// Limits that Linux control groups (versions 1 and 2) put on this process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lts {

struct CgroupLimits {
  std::optional<std::int64_t>
      available_memory_bytes;  // limit less use that cannot be reclaimed, least of all levels
  std::optional<double> cpus;  // cpu quota / period, least of all levels
};

// Reads `membership` (in the format of /proc/self/cgroup) and the files of that group and of all
// groups above it below `mount`. What is missing or unreadable limits nothing. Never throws.
CgroupLimits ReadCgroupLimits(const std::string& membership = "/proc/self/cgroup",
                              const std::string& mount = "/sys/fs/cgroup");

}  // namespace lts

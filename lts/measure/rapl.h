// Energy that the processor's packages have used, where the machine tells: Intel's and AMD's
// running average power limit counters, as Linux's powercap shows them (intel-rapl:0, intel-rapl:1
// ...). They hold cores, caches and usually not the memory, of everything that runs on the machine.
// Most virtual machines have none, and most systems let only root read them.
//
//   <root>/sys/class/powercap/intel-rapl:N/energy_uj             microjoules, wraps
//   <root>/sys/class/powercap/intel-rapl:N/max_energy_range_uj   where it wraps
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lts/base/error.h"

namespace lts {

// Not thread-safe. Joules() must be called at least once in each turn of the counters, which takes
// minutes at full power.
class EnergyCounter {
 public:
  // `root` stands before /sys, for tests.
  explicit EnergyCounter(std::string root = "");

  // Not ok, with the reason, where no package can be read.
  const Availability& availability() const { return availability_; }
  // Since the counter was made, of all packages together; 0 where not available. What has become
  // unreadable meanwhile counts no further.
  double Joules();

 private:
  struct Package {
    std::string file;
    std::int64_t range_uj = 0;
    std::int64_t last_uj = 0;
  };
  Availability availability_;
  std::vector<Package> packages_;
  double joules_ = 0;
};

}  // namespace lts

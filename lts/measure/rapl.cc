#include "lts/measure/rapl.h"

#include <fmt/format.h>

#include <fstream>
#include <optional>
#include <utility>

namespace lts {
namespace {

constexpr int kMaxPackages = 64;

std::optional<std::int64_t> ReadCounter(const std::string& file) {
  std::ifstream in(file);
  std::int64_t value = 0;
  if (!(in >> value) || value < 0) return std::nullopt;
  return value;
}

}  // namespace

EnergyCounter::EnergyCounter(std::string root) {
  const std::string folder = std::move(root) + "/sys/class/powercap";
  for (int i = 0; i < kMaxPackages; ++i) {
    const std::string package = fmt::format("{}/intel-rapl:{}/", folder, i);
    const auto energy = ReadCounter(package + "energy_uj");
    const auto range = ReadCounter(package + "max_energy_range_uj");
    if (energy && range) packages_.push_back({package + "energy_uj", *range, *energy});
  }
  if (packages_.empty()) {
    availability_ = {false,
                     fmt::format("{} has no intel-rapl:N/energy_uj that can be read", folder)};
  }
}

double EnergyCounter::Joules() {
  for (Package& package : packages_) {
    const std::optional<std::int64_t> now = ReadCounter(package.file);
    if (!now) continue;
    std::int64_t used = *now - package.last_uj;
    if (used < 0) used += package.range_uj;
    package.last_uj = *now;
    if (used > 0) joules_ += static_cast<double>(used) * 1e-6;
  }
  return joules_;
}

}  // namespace lts

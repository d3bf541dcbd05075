// Any text, as CSV, as JSON lines and as a table of scenarios: what is read are valid profiles,
// which every method fits or refuses, with as many runs as samples.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lts/base/error.h"
#include "lts/profile/scenario_table.h"
#include "lts/profile/timing_table.h"
#include "lts/profile/token_cost.h"

namespace {

constexpr std::size_t kMostToFit = 32;

// Whatever the times are, a fit is one or is refused.
void Fit(const lts::CostProfile& profile) {
  for (const auto& method : lts::kFitMethods.entries) {
    try {
      const lts::TokenCost cost = lts::FitTokenCost(profile, method.value);
      if (!std::isfinite(lts::RequestSeconds(cost, 100, 100))) std::abort();
    } catch (const lts::Error&) {  // NOLINT(bugprone-empty-catch): too little to fit
    }
  }
}

template <typename Parse>
void Try(Parse parse, std::string_view text) {
  try {
    for (const lts::CostProfile& profile : parse(text, "fuzz")) {
      for (const lts::GridPoint& point : profile.points) {
        if (!(point.seconds > 0) || point.runs != std::ssize(point.samples)) std::abort();
      }
      if (profile.points.size() <= kMostToFit) Fit(profile);
    }
  } catch (const lts::Error&) {  // NOLINT(bugprone-empty-catch): bad text is refused
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Try(lts::ParseTimingCsv, text);
  Try(lts::ParseTimingLines, text);
  try {
    lts::ParseScenarioTable(text, "fuzz");
  } catch (const lts::Error&) {  // NOLINT(bugprone-empty-catch): bad text is refused
  }
  return 0;
}

// Any text, as CSV, as JSON lines and as a table of scenarios: what is read are valid profiles with
// as many runs as samples.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lts/base/error.h"
#include "lts/profile/scenario_table.h"
#include "lts/profile/timing_table.h"

namespace {

template <typename Parse>
void Try(Parse parse, std::string_view text) {
  try {
    for (const lts::CostProfile& profile : parse(text, "fuzz")) {
      for (const lts::GridPoint& point : profile.points) {
        if (!(point.seconds > 0) || point.runs != std::ssize(point.samples)) std::abort();
      }
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

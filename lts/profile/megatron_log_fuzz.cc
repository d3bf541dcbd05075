// Any text: a log that parses is a valid profile, and is read the same when it is written again.
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lts/base/error.h"
#include "lts/profile/megatron_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const lts::CostProfile profile = lts::ParseMegatronLog(text, "fuzz.log");
    std::string again;
    for (const lts::GridPoint& point : profile.points) {
      if (!(point.seconds > 0) || point.prompt_tokens < 1) std::abort();
      again += fmt::format(
          "Runtime for {{'num_input_tokens': {}, 'num_output_tokens': {}}}: {:.20f} seconds +- "
          "{:.20f}\n",
          point.prompt_tokens, point.output_tokens, point.seconds, point.deviation_s);
    }
    const lts::CostProfile read = lts::ParseMegatronLog(again, "fuzz.log");
    if (read.points.size() != profile.points.size()) std::abort();
  } catch (const lts::Error&) {  // NOLINT(bugprone-empty-catch): bad text is refused
  }
  return 0;
}

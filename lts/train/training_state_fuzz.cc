// Any text: a state.json that parses is written and read again to the same state.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lts/base/error.h"
#include "lts/train/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const lts::TrainingState state =
        lts::ParseTrainingState(lts::ParseJson(text, "state.json"), "state.json");
    const std::string written = lts::WriteJson(lts::ToJson(state));
    const lts::TrainingState again =
        lts::ParseTrainingState(lts::ParseJson(written, "again"), "again");
    if (lts::WriteJson(lts::ToJson(again)) != written) std::abort();
  } catch (const lts::Error&) {  // NOLINT(bugprone-empty-catch): bad text is refused
  }
  return 0;
}

// Both directions of the memory probe's protocol: only lts::Error may escape a parser, and what was
// parsed is written and parsed again to the same value.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "lts/base/error.h"
#include "lts/measure/memory_protocol.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

template <typename T>
std::optional<T> ValueOf(T (*parse)(std::string_view), std::string_view text) {
  try {
    return parse(text);
  } catch (const lts::Error&) {
    return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto request = ValueOf(&lts::ParseMemoryProbeRequest, text)) {
    const auto again = lts::ParseMemoryProbeRequest(lts::WriteMemoryProbeRequest(*request));
    Require(again.architecture == request->architecture);
    Require(again.config == request->config);
    Require(again.workload == request->workload);
  }
  if (const auto result = ValueOf(&lts::ParseMemoryProbeAnswer, text)) {
    const std::string written = lts::WriteMemoryProbeAnswer(*result);
    Require(lts::WriteMemoryProbeAnswer(lts::ParseMemoryProbeAnswer(written)) == written);
  }
  return 0;
}

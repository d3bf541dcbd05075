// Any JSON, as costs in the published schema, as a device and as prices: what is read is written
// and read back equal.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/profile/price_table.h"
#include "lts/profile/profile_json.h"
#include "lts/profile/roofline_model.h"

namespace {

template <typename F>
void Try(F f) {
  try {
    f();
  } catch (const lts::Error&) {  // NOLINT(bugprone-empty-catch): bad text is refused
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lts::Json json;
  try {
    json = lts::ParseJson({reinterpret_cast<const char*>(data), size}, "fuzz.json");
  } catch (const lts::Error&) {
    return 0;
  }
  Try([&] {
    const std::vector<lts::TokenCost> costs = lts::ParseHelmJson(json, "fuzz.json");
    if (costs.empty()) std::abort();
    for (const lts::TokenCost& cost : costs) {
      if (!(lts::RequestSeconds(cost, 7, 1) - cost.overhead >= 0)) std::abort();
    }
    const lts::Json written = lts::ToHelmJson(costs, true);
    if (lts::ToHelmJson(lts::ParseHelmJson(written, "fuzz.json"), true) != written) std::abort();
  });
  Try([&] {
    const lts::Json written = lts::ToJson(lts::ParseDevice(json, "fuzz.json"));
    if (lts::ToJson(lts::ParseDevice(written, "fuzz.json")) != written) std::abort();
  });
  Try([&] { lts::ParsePrices(json, "fuzz.json"); });
  return 0;
}

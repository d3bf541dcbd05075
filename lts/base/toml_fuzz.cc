// Whatever the bytes: a value or one lts::Error of one line; and the value survives being written
// as JSON.
#include <cstdint>
#include <string_view>

#include "lts/base/error.h"
#include "lts/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  lts::Json value;
  try {
    value = lts::ParseToml(text, "fuzz");
  } catch (const lts::Error& e) {
    LTS_CHECK(std::string_view(e.what()).find_first_of("\n\r") == std::string_view::npos);
    return 0;
  }
  LTS_CHECK(lts::ParseJson(lts::WriteJson(value), "written") == value);
  return 0;
}

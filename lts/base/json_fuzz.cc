// Whatever the bytes: a value or one lts::Error of one line; and each style of writing reads back
// as an equal value.
#include <cstdint>
#include <string_view>

#include "lts/base/error.h"
#include "lts/base/json.h"

namespace {

lts::Json Sorted(const lts::Json& value) {
  return lts::ParseJson(lts::WriteJson(value, lts::JsonStyle::kPython), "python");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  lts::Json value;
  try {
    value = lts::ParseJson(text, "fuzz");
  } catch (const lts::Error& e) {
    LTS_CHECK(std::string_view(e.what()).find_first_of("\n\r") == std::string_view::npos);
    return 0;
  }
  for (const auto style : {lts::JsonStyle::kCompact, lts::JsonStyle::kPretty}) {
    LTS_CHECK(lts::ParseJson(lts::WriteJson(value, style), "written") == value);
  }
  // Python's style sorts the members: equal once both are sorted.
  LTS_CHECK(Sorted(Sorted(value)) == Sorted(value));
  LTS_CHECK(lts::WriteJson(Sorted(value), lts::JsonStyle::kPython) ==
            lts::WriteJson(value, lts::JsonStyle::kPython));
  return 0;
}

// Whatever the bytes, read as the start of a .npy file: a header of sizes that fit, or one
// lts::Error of one line.
#include <cstdint>
#include <limits>
#include <string_view>

#include "lts/base/error.h"
#include "lts/data/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const lts::NpyHeader header =
        lts::ParseNpyHeader({reinterpret_cast<const char*>(data), size}, "fuzz");
    LTS_CHECK(header.header_bytes > 0 && header.header_bytes <= static_cast<std::int64_t>(size));
    LTS_CHECK(header.element_bytes == 2 || header.element_bytes == 4);
    LTS_CHECK(header.elements >= 0 &&
              header.elements <= std::numeric_limits<std::int64_t>::max() / header.element_bytes);
  } catch (const lts::Error& error) {
    LTS_CHECK(std::string_view(error.what()).find_first_of("\n\r") == std::string_view::npos);
  }
  return 0;
}

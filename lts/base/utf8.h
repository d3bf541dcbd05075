// One code point at a time out of bytes that may not be UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lts {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // 1 to 4; 0 when the bytes at that place are no UTF-8 (RFC 3629)
};

// The code point that starts at text[at]; at < text.size(). Refuses overlong forms, surrogates and
// values beyond U+10FFFF.
CodePoint DecodeUtf8(std::string_view text, std::size_t at);

}  // namespace lts

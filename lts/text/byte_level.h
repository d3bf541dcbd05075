// The byte-level alphabet of GPT-2 (Radford et al. 2019): each byte is written as one printable
// character, so that vocabularies of bytes are text files. '!' to '~', U+00A1 to U+00AC and U+00AE
// to U+00FF stand for themselves; the other 68 bytes are U+0100, U+0101 ... in ascending order
// (space is U+0120, "Ġ").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lts {

// The bytes that `name` stands for, or nullopt where a character is not of the alphabet. O(bytes).
std::optional<std::string> FromByteLevel(std::string_view name);

// The other way; for messages and listings.
std::string ToByteLevel(std::string_view bytes);

}  // namespace lts

#include "lts/text/byte_level.h"

#include <array>

#include "lts/base/utf8.h"

namespace lts {
namespace {

constexpr std::uint32_t kFirstMoved = 0x100;

struct Alphabet {
  std::array<std::uint32_t, 256> character{};         // of each byte
  std::array<std::int16_t, kFirstMoved + 68> byte{};  // of each character; -1: none

  constexpr Alphabet() {
    byte.fill(-1);
    std::uint32_t moved = kFirstMoved;
    for (std::uint32_t b = 0; b < 256; ++b) {
      const bool itself = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      character[b] = itself ? b : moved++;
      byte[character[b]] = static_cast<std::int16_t>(b);
    }
  }
};
constexpr Alphabet kAlphabet;

}  // namespace

std::optional<std::string> FromByteLevel(std::string_view name) {
  std::string bytes;
  bytes.reserve(name.size());
  for (std::size_t at = 0; at < name.size();) {
    const CodePoint point = DecodeUtf8(name, at);
    if (point.bytes == 0 || point.value >= kAlphabet.byte.size()) return std::nullopt;
    if (kAlphabet.byte[point.value] < 0) return std::nullopt;
    bytes += static_cast<char>(kAlphabet.byte[point.value]);
    at += point.bytes;
  }
  return bytes;
}

std::string ToByteLevel(std::string_view bytes) {
  std::string name;
  for (const char byte : bytes) {
    const std::uint32_t character = kAlphabet.character[static_cast<std::uint8_t>(byte)];
    if (character < 0x80) {
      name += static_cast<char>(character);
    } else {  // at most U+0143: two bytes
      name += static_cast<char>(0xC0 | character >> 6);
      name += static_cast<char>(0x80 | (character & 0x3F));
    }
  }
  return name;
}

}  // namespace lts

// The classes of characters that pre-tokenizers split by, as the regular expression engines of
// Hugging Face's tokenizers (Oniguruma) and of tiktoken (Rust's regex) define them: \p{L}, \p{N},
// \s. Categories come from utf8proc; what was assigned after its Unicode version (15.0 in Debian
// 12) is added up to Unicode 16.0, so that all 1,112,064 characters agree (unicode_test.cc).
// The one category that has changed since, U+1171E from Mn to Mc, is left as utf8proc has it.
//
// \s is Unicode's White_Space: 25 characters, U+0085 and U+00A0 among them, U+001C to U+001F,
// U+180E and U+200B not.
//
// Text may be broken UTF-8. Each byte that starts no valid character is a character of its own, of
// class kOther, as U+FFFD in its place would be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lts {

enum class CharClass : std::uint8_t { kLetter, kNumber, kSpace, kOther };

// Unicode's General_Category.
enum class Category : std::uint8_t {
  kCn,
  kLu,
  kLl,
  kLt,
  kLm,
  kLo,
  kMn,
  kMc,
  kMe,
  kNd,
  kNl,
  kNo,
  kPc,
  kPd,
  kPs,
  kPe,
  kPi,
  kPf,
  kPo,
  kSm,
  kSc,
  kSk,
  kSo,
  kZs,
  kZl,
  kZp,
  kCc,
  kCf,
  kCs,
  kCo
};

// kCn for values beyond U+10FFFF. Thread-safe.
Category CategoryOf(std::uint32_t code_point);

// Of any 32-bit value; those that are no Unicode character are kOther. Thread-safe.
CharClass ClassOf(std::uint32_t code_point);

struct Character {
  CharClass char_class = CharClass::kOther;
  std::uint32_t code_point = 0;  // U+FFFD for a byte that is no UTF-8
  std::size_t bytes = 1;         // 1 to 4
};
inline constexpr std::uint32_t kReplacementCharacter = 0xFFFD;

// The character that starts at text[at]; at < text.size().
Character CharacterAt(std::string_view text, std::size_t at);

// The class of each ASCII character, for the fast path of scanning.
inline constexpr std::array<CharClass, 128> kAsciiClasses = [] {
  std::array<CharClass, 128> classes{};
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const std::size_t lower = c | 0x20;
    classes[c] = lower >= 'a' && lower <= 'z'           ? CharClass::kLetter
                 : c >= '0' && c <= '9'                 ? CharClass::kNumber
                 : c == ' ' || (c >= '\t' && c <= '\r') ? CharClass::kSpace
                                                        : CharClass::kOther;
  }
  return classes;
}();

// The first place at or after `at` whose character is not of `char_class`, or the end. O(bytes).
std::size_t SkipClass(std::string_view text, std::size_t at, CharClass char_class);

// The length of the longest prefix of `text` that does not end within a character: what is left
// over (0 to 3 bytes) is the beginning of a valid character whose other bytes are still missing.
std::size_t WholeCharacters(std::string_view text);

}  // namespace lts

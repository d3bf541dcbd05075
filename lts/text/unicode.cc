#include "lts/text/unicode.h"

#include <utf8proc.h>

#include <algorithm>

#include "lts/base/utf8.h"

namespace lts {
namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
  Category category;
};

// What Unicode 15.1 and 16.0 have added, asked for only where utf8proc knows no character. Source:
// DerivedGeneralCategory.txt of Unicode 16.0. Ascending.
constexpr Range kAfterUnicode15[] = {
    {0x897, 0x897, Category::kMn},     {0x1B4E, 0x1B4F, Category::kPo},
    {0x1B7F, 0x1B7F, Category::kPo},   {0x1C89, 0x1C89, Category::kLu},
    {0x1C8A, 0x1C8A, Category::kLl},   {0x2427, 0x2429, Category::kSo},
    {0x2FFC, 0x2FFF, Category::kSo},   {0x31E4, 0x31E5, Category::kSo},
    {0x31EF, 0x31EF, Category::kSo},   {0xA7CB, 0xA7CC, Category::kLu},
    {0xA7CD, 0xA7CD, Category::kLl},   {0xA7DA, 0xA7DA, Category::kLu},
    {0xA7DB, 0xA7DB, Category::kLl},   {0xA7DC, 0xA7DC, Category::kLu},
    {0x105C0, 0x105F3, Category::kLo}, {0x10D40, 0x10D49, Category::kNd},
    {0x10D4A, 0x10D4D, Category::kLo}, {0x10D4E, 0x10D4E, Category::kLm},
    {0x10D4F, 0x10D4F, Category::kLo}, {0x10D50, 0x10D65, Category::kLu},
    {0x10D69, 0x10D6D, Category::kMn}, {0x10D6E, 0x10D6E, Category::kPd},
    {0x10D6F, 0x10D6F, Category::kLm}, {0x10D70, 0x10D85, Category::kLl},
    {0x10D8E, 0x10D8F, Category::kSm}, {0x10EC2, 0x10EC4, Category::kLo},
    {0x10EFC, 0x10EFC, Category::kMn}, {0x11380, 0x11389, Category::kLo},
    {0x1138B, 0x1138B, Category::kLo}, {0x1138E, 0x1138E, Category::kLo},
    {0x11390, 0x113B5, Category::kLo}, {0x113B7, 0x113B7, Category::kLo},
    {0x113B8, 0x113BA, Category::kMc}, {0x113BB, 0x113C0, Category::kMn},
    {0x113C2, 0x113C2, Category::kMc}, {0x113C5, 0x113C5, Category::kMc},
    {0x113C7, 0x113CA, Category::kMc}, {0x113CC, 0x113CD, Category::kMc},
    {0x113CE, 0x113CE, Category::kMn}, {0x113CF, 0x113CF, Category::kMc},
    {0x113D0, 0x113D0, Category::kMn}, {0x113D1, 0x113D1, Category::kLo},
    {0x113D2, 0x113D2, Category::kMn}, {0x113D3, 0x113D3, Category::kLo},
    {0x113D4, 0x113D5, Category::kPo}, {0x113D7, 0x113D8, Category::kPo},
    {0x113E1, 0x113E2, Category::kMn}, {0x116D0, 0x116E3, Category::kNd},
    {0x11BC0, 0x11BE0, Category::kLo}, {0x11BE1, 0x11BE1, Category::kPo},
    {0x11BF0, 0x11BF9, Category::kNd}, {0x11F5A, 0x11F5A, Category::kMn},
    {0x13460, 0x143FA, Category::kLo}, {0x16100, 0x1611D, Category::kLo},
    {0x1611E, 0x16129, Category::kMn}, {0x1612A, 0x1612C, Category::kMc},
    {0x1612D, 0x1612F, Category::kMn}, {0x16130, 0x16139, Category::kNd},
    {0x16D40, 0x16D42, Category::kLm}, {0x16D43, 0x16D6A, Category::kLo},
    {0x16D6B, 0x16D6C, Category::kLm}, {0x16D6D, 0x16D6F, Category::kPo},
    {0x16D70, 0x16D79, Category::kNd}, {0x18CFF, 0x18CFF, Category::kLo},
    {0x1CC00, 0x1CCEF, Category::kSo}, {0x1CCF0, 0x1CCF9, Category::kNd},
    {0x1CD00, 0x1CEB3, Category::kSo}, {0x1E5D0, 0x1E5ED, Category::kLo},
    {0x1E5EE, 0x1E5EF, Category::kMn}, {0x1E5F0, 0x1E5F0, Category::kLo},
    {0x1E5F1, 0x1E5FA, Category::kNd}, {0x1E5FF, 0x1E5FF, Category::kPo},
    {0x1F8B2, 0x1F8BB, Category::kSo}, {0x1F8C0, 0x1F8C1, Category::kSo},
    {0x1FA89, 0x1FA89, Category::kSo}, {0x1FA8F, 0x1FA8F, Category::kSo},
    {0x1FABE, 0x1FABE, Category::kSo}, {0x1FAC6, 0x1FAC6, Category::kSo},
    {0x1FADC, 0x1FADC, Category::kSo}, {0x1FADF, 0x1FADF, Category::kSo},
    {0x1FAE9, 0x1FAE9, Category::kSo}, {0x1FBCB, 0x1FBEF, Category::kSo},
    {0x2EBF0, 0x2EE5D, Category::kLo},
};

Category CategoryAfterUnicode15(std::uint32_t code_point) {
  const Range* range =
      std::lower_bound(std::begin(kAfterUnicode15), std::end(kAfterUnicode15), code_point,
                       [](const Range& r, std::uint32_t value) { return r.last < value; });
  if (range == std::end(kAfterUnicode15) || code_point < range->first) return Category::kCn;
  return range->category;
}

static_assert(static_cast<int>(Category::kLo) == UTF8PROC_CATEGORY_LO);
static_assert(static_cast<int>(Category::kNo) == UTF8PROC_CATEGORY_NO);
static_assert(static_cast<int>(Category::kSo) == UTF8PROC_CATEGORY_SO);
static_assert(static_cast<int>(Category::kCo) == UTF8PROC_CATEGORY_CO);

}  // namespace

Category CategoryOf(std::uint32_t code_point) {
  if (code_point > 0x10FFFF) return Category::kCn;
  const auto category =
      static_cast<Category>(utf8proc_category(static_cast<utf8proc_int32_t>(code_point)));
  return category == Category::kCn ? CategoryAfterUnicode15(code_point) : category;
}

CharClass ClassOf(std::uint32_t code_point) {
  if (code_point < 0x80) return kAsciiClasses[code_point];
  if (code_point == 0x85) return CharClass::kSpace;  // a control character that is white space
  const Category category = CategoryOf(code_point);
  if (category >= Category::kLu && category <= Category::kLo) return CharClass::kLetter;
  if (category >= Category::kNd && category <= Category::kNo) return CharClass::kNumber;
  if (category >= Category::kZs && category <= Category::kZp) return CharClass::kSpace;
  return CharClass::kOther;
}

Character CharacterAt(std::string_view text, std::size_t at) {
  const CodePoint point = DecodeUtf8(text, at);
  if (point.bytes == 0) return {CharClass::kOther, kReplacementCharacter, 1};
  return {ClassOf(point.value), point.value, point.bytes};
}

std::size_t SkipClass(std::string_view text, std::size_t at, CharClass char_class) {
  while (at < text.size()) {
    const auto byte = static_cast<std::uint8_t>(text[at]);
    if (byte < 0x80) {
      if (kAsciiClasses[byte] != char_class) break;
      ++at;
    } else {
      const Character character = CharacterAt(text, at);
      if (character.char_class != char_class) break;
      at += character.bytes;
    }
  }
  return at;
}

std::size_t WholeCharacters(std::string_view text) {
  // A character has at most 3 bytes after its first: look that far back for one that is cut off.
  const std::size_t furthest = text.size() > 3 ? text.size() - 3 : 0;
  for (std::size_t at = text.size(); at-- > furthest;) {
    const auto byte = static_cast<std::uint8_t>(text[at]);
    if ((byte & 0xC0) == 0x80) continue;  // not the first byte of a character
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
    if (byte < 0xC2 || byte > 0xF4 || text.size() - at >= length) break;
    // Cut off, unless no byte that may follow would make it valid (RFC 3629, table 3-7 of Unicode).
    if (text.size() - at >= 2) {
      const auto second = static_cast<std::uint8_t>(text[at + 1]);
      const bool valid = byte == 0xE0   ? second >= 0xA0
                         : byte == 0xED ? second <= 0x9F
                         : byte == 0xF0 ? second >= 0x90
                         : byte == 0xF4 ? second <= 0x8F
                                        : true;
      if (!valid) break;
    }
    return at;
  }
  return text.size();
}

}  // namespace lts

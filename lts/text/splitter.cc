#include "lts/text/splitter.h"

#include "lts/base/error.h"
#include "lts/text/unicode.h"

namespace lts {
namespace {

// One character ahead, as cheaply as it can be had.
CharClass ClassAt(std::string_view text, std::size_t at) {
  const auto byte = static_cast<std::uint8_t>(text[at]);
  return byte < 0x80 ? kAsciiClasses[byte] : CharacterAt(text, at).char_class;
}

// 's 't 're 've 'm 'll 'd: the length of the one at text[at], an apostrophe, or 0. `any_case` folds
// as Unicode does: U+017F (long s) is an s as well.
std::size_t Contraction(std::string_view text, std::size_t at, bool any_case) {
  const std::size_t left = text.size() - at;
  const auto letter = [&](std::size_t i) {
    const char c = text[at + i];
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  };
  if (left < 2) return 0;
  const char first = letter(1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if (left < 3) return 0;
  const char second = letter(2);
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
      (first == 'l' && second == 'l') || (any_case && first == '\xC5' && second == '\xBF')) {
    return 3;
  }
  return 0;
}

// \s+(?!\S)|\s+ on the run [at, end) of white space: all of a run that ends the text or is one
// character long, else all but its last character, which goes with what follows.
std::size_t SpaceEnd(std::string_view text, std::size_t at, std::size_t end) {
  if (end == text.size()) return end;
  std::size_t last = end - 1;
  while ((static_cast<std::uint8_t>(text[last]) & 0xC0) == 0x80)
    --last;  // valid UTF-8: white space
  return last > at ? last : end;
}

std::size_t Gpt2End(std::string_view text, std::size_t at) {
  if (text[at] == '\'') {
    if (const std::size_t length = Contraction(text, at, false)) return at + length;
  }
  const std::size_t start = text[at] == ' ' && at + 1 < text.size() ? at + 1 : at;
  const CharClass char_class = ClassAt(text, start);
  if (char_class != CharClass::kSpace) return SkipClass(text, start, char_class);
  return SpaceEnd(text, at, SkipClass(text, at, CharClass::kSpace));
}

bool IsLineEnd(char c) { return c == '\r' || c == '\n'; }

// The end of at most `max_count` number characters from text[at] on, itself one.
std::size_t NumbersEnd(std::string_view text, std::size_t at, int max_count) {
  for (; max_count > 0 && at < text.size(); --max_count) {
    const Character character = CharacterAt(text, at);
    if (character.char_class != CharClass::kNumber) break;
    at += character.bytes;
  }
  return at;
}

std::size_t Llama3End(std::string_view text, std::size_t at, int max_numbers) {
  if (text[at] == '\'') {
    if (const std::size_t length = Contraction(text, at, true)) return at + length;
  }
  const Character first = CharacterAt(text, at);
  if (first.char_class == CharClass::kLetter) return SkipClass(text, at, CharClass::kLetter);
  if (first.char_class == CharClass::kNumber) return NumbersEnd(text, at, max_numbers);
  const std::size_t next = at + first.bytes;
  const bool has_next = next < text.size();
  if (has_next && !IsLineEnd(text[at]) && ClassAt(text, next) == CharClass::kLetter) {
    return SkipClass(text, next, CharClass::kLetter);
  }
  const bool space_and_other =
      text[at] == ' ' && has_next && ClassAt(text, next) == CharClass::kOther;
  if (first.char_class == CharClass::kOther || space_and_other) {
    std::size_t end = SkipClass(text, next, CharClass::kOther);
    while (end < text.size() && IsLineEnd(text[end])) ++end;
    return end;
  }
  const std::size_t end = SkipClass(text, at, CharClass::kSpace);
  // \s*[\r\n]+ ends after the last line end of the run.
  for (std::size_t i = end; i > at; --i) {
    if (IsLineEnd(text[i - 1])) return i;
  }
  return SpaceEnd(text, at, end);
}

std::size_t NumberEnd(std::string_view text, std::size_t at) {
  Character character = CharacterAt(text, at);
  if (character.char_class == CharClass::kNumber) return at + character.bytes;
  do {
    at += character.bytes;
    if (at == text.size()) break;
    character = CharacterAt(text, at);
  } while (character.char_class != CharClass::kNumber);
  return at;
}

}  // namespace

std::optional<SplitRule> FindSplitRule(std::string_view expression) {
  if (expression == kGpt2Expression) return SplitRule::kGpt2;
  if (expression == kLlama3Expression) return SplitRule::kLlama3;
  if (expression == kQwen2Expression) return SplitRule::kQwen2;
  if (expression == kNumberExpression) return SplitRule::kNumber;
  return std::nullopt;
}

std::size_t PieceEnd(SplitRule rule, std::string_view text, std::size_t at) {
  LTS_DCHECK(at < text.size());
  switch (rule) {
    case SplitRule::kGpt2:
      return Gpt2End(text, at);
    case SplitRule::kLlama3:
      return Llama3End(text, at, 3);
    case SplitRule::kQwen2:
      return Llama3End(text, at, 1);
    case SplitRule::kNumber:
      return NumberEnd(text, at);
  }
  return text.size();
}

}  // namespace lts

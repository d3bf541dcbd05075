#include "lts/text/added_tokens.h"

#include <algorithm>
#include <cstring>

#include "lts/text/unicode.h"

namespace lts {
namespace {

// The start of the white space that ends text[0, end), not before `least`.
std::size_t SpaceBefore(std::string_view text, std::size_t least, std::size_t end) {
  std::size_t start = end;
  for (std::size_t at = end; at-- > least;) {
    if ((static_cast<std::uint8_t>(text[at]) & 0xC0) == 0x80) {
      if (start - at > 3) break;  // no character is that long
      continue;
    }
    const Character character = CharacterAt(text, at);
    if (character.char_class != CharClass::kSpace || at + character.bytes != start) break;
    start = at;
  }
  return start;
}

}  // namespace

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens) {
  for (const AddedToken& token : tokens) {
    (token.normalized ? normalized_ : raw_).tokens.push_back(token);
  }
  for (Group* group : {&raw_, &normalized_}) {
    std::sort(group->tokens.begin(), group->tokens.end(),
              [](const AddedToken& a, const AddedToken& b) { return a.content < b.content; });
    group->starts.assign(256, false);
    for (const AddedToken& token : group->tokens) {
      const auto first = static_cast<std::uint8_t>(token.content.front());
      group->starts[first] = true;
    }
    if (std::count(group->starts.begin(), group->starts.end(), true) == 1) {
      group->only_start = static_cast<std::uint8_t>(group->tokens.front().content.front());
    }
  }
}

std::size_t AddedTokens::Group::NextStart(std::string_view text, std::size_t at) const {
  if (only_start >= 0) {
    const void* const found = std::memchr(text.data() + at, only_start, text.size() - at);
    return found == nullptr
               ? text.size()
               : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
  }
  while (at < text.size() && !starts[static_cast<std::uint8_t>(text[at])]) ++at;
  return at;
}

const AddedToken* AddedTokens::Group::LongestAt(std::string_view text, std::size_t at) const {
  // The tokens that agree with the text so far are a range of the sorted list; its first is the
  // only one that may end here.
  auto low = tokens.begin();
  auto high = tokens.end();
  const AddedToken* longest = nullptr;
  for (std::size_t length = 0; low != high; ++length) {
    if (low->content.size() == length) {
      longest = &*low;
      if (++low == high) break;
    }
    if (at + length == text.size()) break;
    const auto wanted = static_cast<std::uint8_t>(text[at + length]);
    const auto byte = [&](const AddedToken& token) {
      return static_cast<std::uint8_t>(token.content[length]);
    };
    low = std::partition_point(low, high, [&](const AddedToken& t) { return byte(t) < wanted; });
    high = std::partition_point(low, high, [&](const AddedToken& t) { return byte(t) == wanted; });
  }
  return longest;
}

void AddedTokens::Group::Split(std::string_view text, bool special,
                               std::vector<Segment>& segments) const {
  std::size_t done = 0;
  if (!tokens.empty()) {
    for (std::size_t at = NextStart(text, 0); at < text.size();) {
      const AddedToken* const token = LongestAt(text, at);
      if (token == nullptr) {
        at = NextStart(text, at + 1);
        continue;
      }
      std::size_t end = at + token->content.size();
      const std::size_t next = end;
      // What the white space after the token before took is gone.
      if ((!token->special || special) && at >= done) {
        const std::size_t start = token->strip_left ? SpaceBefore(text, done, at) : at;
        if (token->strip_right) end = SkipClass(text, end, CharClass::kSpace);
        if (start > done) segments.push_back({text.substr(done, start - done), -1});
        segments.push_back({text.substr(start, end - start), token->id});
        done = end;
      }
      at = NextStart(text, next);
    }
  }
  if (done < text.size()) segments.push_back({text.substr(done), -1});
}

std::vector<Segment> AddedTokens::Split(std::string_view text, bool special) const {
  std::vector<Segment> first;
  raw_.Split(text, special, first);
  if (normalized_.tokens.empty()) return first;
  std::vector<Segment> segments;
  for (const Segment& segment : first) {
    if (segment.id >= 0) {
      segments.push_back(segment);
    } else {
      normalized_.Split(segment.text, special, segments);
    }
  }
  return segments;
}

}  // namespace lts

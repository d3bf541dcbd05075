// Finding added tokens ("<|endoftext|>") in text, as Hugging Face's tokenizers do: from left to
// right the longest of those that begin at a place; first those that are not `normalized`, then, in
// what is left, those that are.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lts/text/tokenizer_data.h"

namespace lts {

// A stretch of text: an added token, or text between them (id < 0).
struct Segment {
  std::string_view text;
  std::int32_t id = -1;
};

class AddedTokens {
 public:
  explicit AddedTokens(const std::vector<AddedToken>& tokens);

  // Covers `text` without gaps; of empty text: nothing. `special` = false leaves special tokens
  // (not other added ones) as text. At each place where a
  // token may begin O(bytes of it that agree * log tokens). Thread-safe.
  std::vector<Segment> Split(std::string_view text, bool special) const;

 private:
  struct Group {                     // those looked for in one pass
    std::vector<AddedToken> tokens;  // by content, ascending
    std::vector<bool> starts;        // [256]: bytes that contents begin with
    int only_start = -1;             // the byte, where there is but one
    std::size_t NextStart(std::string_view text, std::size_t at) const;
    const AddedToken* LongestAt(std::string_view text, std::size_t at) const;
    void Split(std::string_view text, bool special, std::vector<Segment>& segments) const;
  };
  Group raw_;
  Group normalized_;
};

}  // namespace lts

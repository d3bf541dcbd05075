// What a byte-level BPE tokenizer is, as plain data: what the readers of files produce and both the
// tokenizer and its slow reference are made from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lts {

// A token of the model's vocabulary.
struct VocabularyToken {
  std::string bytes;  // what it stands for in text; "" and exists false: no token has this id
  bool exists = false;
  // Its name is not made of byte-level characters ("<|endoftext|>" is, "two words" is not): text is
  // never encoded to it, and `bytes` is the name itself.
  bool raw = false;
};

// Two neighbouring tokens that become one. The place in the list is the rank: lower goes first.
struct Merge {
  std::int32_t left = 0;
  std::int32_t right = 0;
  std::int32_t result = 0;
};

// A token that is cut out of the text before anything else, such as "<|endoftext|>".
struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool special = false;     // control, not text: may be left out when decoding
  bool strip_left = false;  // takes the white space before it along
  bool strip_right = false;
  // Looked for after all those that are not. Without a normalizer that is all it means.
  bool normalized = false;
};

// Limits, far beyond any model's: ids fit into 20 bits and ranks into 24 (BytePairs packs them).
inline constexpr std::int64_t kMaxVocabularySize = std::int64_t{1} << 20;
inline constexpr std::int64_t kMaxMerges = (std::int64_t{1} << 24) - 1;

struct TokenizerData {
  std::vector<VocabularyToken> tokens;  // by id; each of the 256 bytes is one
  std::vector<Merge> merges;            // by rank; of equal pairs the last counts
  std::vector<AddedToken> added;        // ids may lie in `tokens` or beyond; contents differ
  // Regular expressions (expression.h) that text is split by, one after another, each within the
  // pieces of the last.
  std::vector<std::string> splits;
  bool add_prefix_space = false;  // a space before each segment that does not begin with one
  bool ignore_merges = false;     // a piece that is a token is that token, whatever the merges say
  std::vector<std::int32_t> prefix;  // ids that the file puts before each text
  std::vector<std::int32_t> suffix;  // and after it
  std::optional<std::int32_t> begin_of_text;
  std::optional<std::int32_t> end_of_text;
};

// Throws kInvalidArgument where ids do not exist, limits are passed or one of the 256 bytes is no
// token. `name` is where the data came from, for the message.
void CheckTokenizerData(const TokenizerData& data, const std::string& name);

}  // namespace lts

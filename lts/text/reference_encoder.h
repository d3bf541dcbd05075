// Encoding as slowly and plainly as it can be said, for tests, fuzzing and benchmarks to hold
// Tokenizer::Encode against: expressions are matched as written, added tokens are tried one by one
// at every byte, and every merge looks at all pairs.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "lts/text/expression.h"
#include "lts/text/tokenizer.h"
#include "lts/text/tokenizer_data.h"

namespace lts {

class ReferenceEncoder {
 public:
  explicit ReferenceEncoder(TokenizerData data);  // throws as CheckTokenizerData

  // O(n^2) in the longest piece, O(n * added tokens). Ids equal Tokenizer's.
  std::vector<std::int32_t> Encode(std::string_view text, const EncodeOptions& options = {}) const;

 private:
  std::vector<Segment> Segments(std::string_view text, bool normalized, bool special) const;
  void AppendSegment(std::string_view text, std::vector<std::int32_t>& ids) const;
  void AppendPiece(std::string_view piece, std::vector<std::int32_t>& ids) const;

  TokenizerData data_;
  std::vector<Expression> splits_;
  std::map<std::string_view, std::int32_t> words_;  // of the vocabulary, not raw
  std::map<std::pair<std::int32_t, std::int32_t>, std::size_t> ranks_;  // index into data_.merges
};

}  // namespace lts

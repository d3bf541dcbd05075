// A vocabulary for tests that fits into a few lines: the 256 bytes with the ids of their values,
// and the results of merges from 256 on.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "lts/text/splitter.h"
#include "lts/text/tokenizer_data.h"

namespace lts {

inline TokenizerData BytesAndMerges(
    std::initializer_list<std::pair<std::string, std::string>> merges) {
  TokenizerData data;
  for (int byte = 0; byte < 256; ++byte) {
    data.tokens.push_back({std::string(1, static_cast<char>(byte)), true, false});
  }
  const auto id = [&](const std::string& bytes) {
    for (std::size_t i = 0; i < data.tokens.size(); ++i) {
      if (data.tokens[i].bytes == bytes) return static_cast<std::int32_t>(i);
    }
    data.tokens.push_back({bytes, true, false});
    return static_cast<std::int32_t>(data.tokens.size() - 1);
  };
  for (const auto& [left, right] : merges) {
    const std::int32_t left_id = id(left);
    const std::int32_t right_id = id(right);
    data.merges.push_back({left_id, right_id, id(left + right)});
  }
  data.splits = {std::string(kGpt2Expression)};
  return data;
}

}  // namespace lts

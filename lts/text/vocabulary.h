// What the readers of tokenizer files share: vocabularies, merges and the fields of an added token.
// Private to the module.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/json.h"
#include "lts/text/tokenizer_data.h"

namespace lts {

// Far beyond any model's merges.txt (GPT-2: 446 KiB).
inline constexpr std::size_t kMaxMergesBytes = std::size_t{64} << 20;

// {"name": id, ...} to tokens by id. Throws kInvalidArgument, naming the token, for ids outside
// [0, kMaxVocabularySize) or had by two, and for more tokens than that.
std::vector<VocabularyToken> ParseVocabulary(const Json& vocab, const std::string& name);

// The lines of merges.txt, or model.merges of a tokenizer.json: an array of "left right" or of
// ["left", "right"]. `vocab` is the object that the names are looked up in, already parsed to
// tokens. Throws kInvalidArgument, naming line or place, for a line of other than two names and for
// names (or a result: both joined) that are no token.
std::vector<Merge> ParseMergesText(std::string_view text, const std::string& name,
                                   const Json& vocab);
std::vector<Merge> ParseMergesArray(const Json& merges, const std::string& name, const Json& vocab);

// The id of the vocabulary's token of these bytes, or of this name if it is raw.
std::optional<std::int32_t> FindInVocabulary(const TokenizerData& data, std::string_view name);

// content, special, lstrip, rstrip, normalized, single_word; the id stays 0. Throws kUnsupported
// for single_word.
AddedToken ReadAddedToken(ObjectReader& reader);

}  // namespace lts

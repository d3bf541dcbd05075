#include "lts/text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/text/byte_level.h"

namespace lts {
namespace {

// BytePairs takes pieces below 2^32 - 1 bytes, and one may get a space in front.
constexpr std::size_t kMaxTextBytes = 0xFFFFFFFF - 2;

[[noreturn]] void Fail(const std::string& name, const std::string& problem) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", Quoted(name, 400), problem));
}

// The checked data, so that members can be made from it in their initializers.
const TokenizerData& Checked(const TokenizerData& data, const std::string& name) {
  CheckTokenizerData(data, name);
  return data;
}

}  // namespace

void CheckTokenizerData(const TokenizerData& data, const std::string& name) {
  const auto count = static_cast<std::int64_t>(data.tokens.size());
  if (count > kMaxVocabularySize) {
    Fail(name, fmt::format("got {} tokens, expected at most {}", count, kMaxVocabularySize));
  }
  if (static_cast<std::int64_t>(data.merges.size()) > kMaxMerges) {
    Fail(name, fmt::format("got {} merges, expected at most {}", data.merges.size(), kMaxMerges));
  }
  std::array<bool, 256> is_token{};
  for (const VocabularyToken& token : data.tokens) {
    if (token.exists && !token.raw && token.bytes.size() == 1) {
      is_token[static_cast<std::uint8_t>(token.bytes[0])] = true;
    }
  }
  const auto missing = std::find(is_token.begin(), is_token.end(), false);
  if (missing != is_token.end()) {
    const auto byte = static_cast<char>(missing - is_token.begin());
    Fail(name, fmt::format("byte 0x{:02X} ('{}') is no token, expected all 256 bytes; is this a "
                           "byte-level BPE vocabulary?",
                           static_cast<unsigned>(missing - is_token.begin()),
                           ToByteLevel(std::string_view(&byte, 1))));
  }
  const auto exists = [&](std::int32_t id) {
    return id >= 0 && id < count && data.tokens[static_cast<std::size_t>(id)].exists;
  };
  for (std::size_t rank = 0; rank < data.merges.size(); ++rank) {
    const Merge& merge = data.merges[rank];
    if (exists(merge.left) && exists(merge.right) && exists(merge.result)) continue;
    Fail(name, fmt::format("merge {}: got ids {} and {} to {}, expected ids of tokens", rank,
                           merge.left, merge.right, merge.result));
  }
  std::set<std::string_view> contents;
  std::set<std::int32_t> added;
  for (const AddedToken& token : data.added) {
    if (token.content.empty()) Fail(name, "an added token is empty");
    if (token.id < 0 || token.id >= kMaxVocabularySize) {
      Fail(name, fmt::format("added token '{}': got id {}, expected 0 to {}", Quoted(token.content),
                             token.id, kMaxVocabularySize - 1));
    }
    if (!contents.insert(token.content).second) {
      Fail(name, fmt::format("got added token '{}' twice", Quoted(token.content)));
    }
    if (!added.insert(token.id).second) {
      Fail(name, fmt::format("added token '{}': another one has its id {}", Quoted(token.content),
                             token.id));
    }
  }
  const auto check = [&](std::string_view what, std::int32_t id) {
    if (exists(id) || added.contains(id)) return;
    Fail(name, fmt::format("{}: got id {}, expected the id of a token", what, id));
  };
  for (const std::int32_t id : data.prefix) check("before the text", id);
  for (const std::int32_t id : data.suffix) check("after the text", id);
  if (data.begin_of_text) check("begin of text", *data.begin_of_text);
  if (data.end_of_text) check("end of text", *data.end_of_text);
}

Tokenizer::Tokenizer(const TokenizerData& data, const std::string& name)
    : add_prefix_space_(Checked(data, name).add_prefix_space),
      prefix_(data.prefix),
      suffix_(data.suffix),
      begin_of_text_(data.begin_of_text),
      end_of_text_(data.end_of_text),
      added_(data.added),
      pairs_(data) {
  for (const std::string& expression : data.splits) {
    if (const std::optional<SplitRule> rule = FindSplitRule(expression)) {
      splits_.emplace_back(*rule);
    } else {
      splits_.emplace_back(Expression(expression));
    }
  }
  std::size_t size = data.tokens.size();
  for (const AddedToken& token : data.added) {
    size = std::max(size, static_cast<std::size_t>(token.id) + 1);
  }
  bytes_.resize(size);
  special_.resize(size);
  for (std::size_t id = 0; id < data.tokens.size(); ++id) bytes_[id] = data.tokens[id].bytes;
  for (const AddedToken& token : data.added) {
    bytes_[static_cast<std::size_t>(token.id)] = token.content;
    special_[static_cast<std::size_t>(token.id)] = token.special;
  }
}

std::vector<std::int32_t> Tokenizer::Encode(std::string_view text,
                                            const EncodeOptions& options) const {
  if (text.size() > kMaxTextBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("text: got {} bytes, expected less than 4 GiB; split it at line ends",
                            text.size()));
  }
  std::vector<std::int32_t> ids;
  ids.reserve(text.size() / 3 + 8);
  if (options.add_special_tokens) ids.insert(ids.end(), prefix_.begin(), prefix_.end());
  for (const Segment& segment : added_.Split(text, options.parse_special_tokens)) {
    if (segment.id >= 0) {
      ids.push_back(segment.id);
    } else if (add_prefix_space_ && segment.text.front() != ' ') {
      Append(" " + std::string(segment.text), 0, ids);
    } else {
      Append(segment.text, 0, ids);
    }
  }
  if (options.add_special_tokens) ids.insert(ids.end(), suffix_.begin(), suffix_.end());
  return ids;
}

void Tokenizer::Append(std::string_view text, std::size_t step,
                       std::vector<std::int32_t>& ids) const {
  if (step == splits_.size()) {
    pairs_.Append(text, ids);
  } else if (const auto* const rule = std::get_if<SplitRule>(&splits_[step])) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = PieceEnd(*rule, text, at);
      Append(text.substr(at, end - at), step + 1, ids);
      at = end;
    }
  } else {
    std::vector<std::string_view> pieces;
    std::get<Expression>(splits_[step]).Split(text, pieces);
    for (const std::string_view piece : pieces) Append(piece, step + 1, ids);
  }
}

std::string Tokenizer::Decode(std::span<const std::int32_t> ids,
                              const DecodeOptions& options) const {
  std::string text;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocab_size()) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("token {}: got id {}, expected 0 to {}",
                                                           i, ids[i], vocab_size() - 1));
    }
    if (options.skip_special_tokens && IsSpecial(ids[i])) continue;
    text += bytes_[static_cast<std::size_t>(ids[i])];
  }
  return text;
}

std::string_view Tokenizer::TokenBytes(std::int32_t id) const {
  if (id < 0 || id >= vocab_size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("token: got id {}, expected 0 to {}", id, vocab_size() - 1));
  }
  return bytes_[static_cast<std::size_t>(id)];
}

bool Tokenizer::IsSpecial(std::int32_t id) const {
  return id >= 0 && id < vocab_size() && special_[static_cast<std::size_t>(id)];
}

std::optional<std::int32_t> Tokenizer::FindToken(std::string_view bytes) const {
  // Rare: a walk over all is cheaper than another table. Specials first: they are what is asked
  // for.
  std::optional<std::int32_t> found;
  if (bytes.empty()) return found;
  for (std::size_t id = 0; id < bytes_.size(); ++id) {
    if (bytes_[id] != bytes) continue;
    if (special_[id]) return static_cast<std::int32_t>(id);
    if (!found) found = static_cast<std::int32_t>(id);
  }
  return found;
}

}  // namespace lts

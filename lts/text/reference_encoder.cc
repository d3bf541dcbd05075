#include "lts/text/reference_encoder.h"

#include <utility>

#include "lts/text/unicode.h"

namespace lts {

ReferenceEncoder::ReferenceEncoder(TokenizerData data) : data_(std::move(data)) {
  CheckTokenizerData(data_, "reference");
  for (const std::string& expression : data_.splits) splits_.emplace_back(expression);
  for (std::size_t id = 0; id < data_.tokens.size(); ++id) {
    const VocabularyToken& token = data_.tokens[id];
    if (token.exists && !token.raw) words_[token.bytes] = static_cast<std::int32_t>(id);
  }
  for (std::size_t rank = 0; rank < data_.merges.size(); ++rank) {
    ranks_[{data_.merges[rank].left, data_.merges[rank].right}] = rank;
  }
}

std::vector<Segment> ReferenceEncoder::Segments(std::string_view text, bool normalized,
                                                bool special) const {
  std::vector<Segment> segments;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* longest = nullptr;
    for (const AddedToken& token : data_.added) {
      if (token.normalized != normalized || !text.substr(at).starts_with(token.content)) continue;
      if (longest == nullptr || token.content.size() > longest->content.size()) longest = &token;
    }
    if (longest == nullptr) {
      ++at;
      continue;
    }
    const std::size_t after = at + longest->content.size();
    if ((special || !longest->special) && at >= done) {
      std::size_t start = at;
      if (longest->strip_left) {
        // The earliest place from which on all is white space.
        for (std::size_t from = at; from-- > done;) {
          if (SkipClass(text.substr(0, at), from, CharClass::kSpace) == at) start = from;
        }
      }
      std::size_t end = after;
      if (longest->strip_right) end = SkipClass(text, end, CharClass::kSpace);
      if (start > done) segments.push_back({text.substr(done, start - done), -1});
      segments.push_back({text.substr(start, end - start), longest->id});
      done = end;
    }
    at = after;
  }
  if (done < text.size()) segments.push_back({text.substr(done), -1});
  return segments;
}

void ReferenceEncoder::AppendSegment(std::string_view text, std::vector<std::int32_t>& ids) const {
  const std::string spaced = data_.add_prefix_space && text.front() != ' ' ? " " : "";
  const std::string whole = spaced + std::string(text);
  std::vector<std::string_view> pieces = {whole};
  for (const Expression& expression : splits_) {
    std::vector<std::string_view> finer;
    for (const std::string_view piece : pieces) expression.Split(piece, finer);
    pieces = std::move(finer);
  }
  for (const std::string_view piece : pieces) AppendPiece(piece, ids);
}

void ReferenceEncoder::AppendPiece(std::string_view piece, std::vector<std::int32_t>& ids) const {
  if (const auto word = words_.find(piece); data_.ignore_merges && word != words_.end()) {
    ids.push_back(word->second);
    return;
  }
  std::vector<std::int32_t> tokens;
  for (std::size_t i = 0; i < piece.size(); ++i) tokens.push_back(words_.at(piece.substr(i, 1)));
  for (;;) {
    std::size_t lowest = data_.merges.size();
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto rank = ranks_.find({tokens[i], tokens[i + 1]});
      if (rank != ranks_.end() && rank->second < lowest) {
        lowest = rank->second;
        at = i;
      }
    }
    if (lowest == data_.merges.size()) break;
    tokens[at] = data_.merges[lowest].result;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  ids.insert(ids.end(), tokens.begin(), tokens.end());
}

std::vector<std::int32_t> ReferenceEncoder::Encode(std::string_view text,
                                                   const EncodeOptions& options) const {
  std::vector<std::int32_t> ids;
  if (options.add_special_tokens) ids = data_.prefix;
  for (const Segment& raw : Segments(text, false, options.parse_special_tokens)) {
    const std::vector<Segment> parts = raw.id >= 0
                                           ? std::vector<Segment>{raw}
                                           : Segments(raw.text, true, options.parse_special_tokens);
    for (const Segment& part : parts) {
      if (part.id >= 0) {
        ids.push_back(part.id);
      } else {
        AppendSegment(part.text, ids);
      }
    }
  }
  if (options.add_special_tokens) {
    ids.insert(ids.end(), data_.suffix.begin(), data_.suffix.end());
  }
  return ids;
}

}  // namespace lts

#include "lts/text/stream_decoder.h"

#include <utility>

#include "lts/text/unicode.h"

namespace lts {

std::string StreamDecoder::Add(std::int32_t id) {
  if (id >= tokenizer_.vocab_size()) return "";
  const std::string_view bytes = tokenizer_.TokenBytes(id);
  if (options_.skip_special_tokens && tokenizer_.IsSpecial(id)) return "";
  std::string text = std::exchange(pending_, {});
  text += bytes;
  const std::size_t whole = WholeCharacters(text);
  pending_ = text.substr(whole);
  text.resize(whole);
  return text;
}

std::string StreamDecoder::Finish() { return std::exchange(pending_, {}); }

}  // namespace lts

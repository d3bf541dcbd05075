// Text out of tokens as they come, without ever cutting a character in two: a token may end within
// one ("日" is two tokens of GPT-2), which is held back until the rest of it has come.
//
//   StreamDecoder decoder(tokenizer);
//   for (...) out << decoder.Add(id);
//   out << decoder.Finish();
//
// All pieces together are Decode(ids), byte for byte: bytes that can be no part of a character pass
// as they are, at once. Who needs valid UTF-8 replaces them in the pieces, which no character
// crosses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lts/text/tokenizer.h"

namespace lts {

class StreamDecoder {
 public:
  // `tokenizer` must outlive it.
  explicit StreamDecoder(const Tokenizer& tokenizer, const DecodeOptions& options = {})
      : tokenizer_(tokenizer), options_(options) {}

  // The text that is complete with this token; often empty. Ids that no token has give nothing, as
  // those beyond vocab_size(): an embedding may have more rows than the vocabulary. Throws
  // kInvalidArgument for negative ids.
  std::string Add(std::int32_t id);
  // The beginning of a character that never came to its end (0 to 3 bytes). The decoder is then as
  // new.
  std::string Finish();

 private:
  const Tokenizer& tokenizer_;
  DecodeOptions options_;
  std::string pending_;  // the beginning of a character
};

}  // namespace lts

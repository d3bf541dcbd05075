// Writing a tokenizer of GPT-2's kind as files that Hugging Face's transformers and tokenizers, and
// tokenizer_file.h, read: tokenizer.json, tokenizer_config.json, vocab.json and merges.txt.
#pragma once

#include <string>

#include "lts/base/json.h"
#include "lts/text/tokenizer_data.h"

namespace lts {

// tokenizer.json's contents. `data` has passed CheckTokenizerData. Throws kUnsupported for what
// GPT-2's files cannot say: other splits, a space in front, ids around the text, tokens that are
// raw, ignore_merges, added tokens that strip white space.
Json ToTokenizerJson(const TokenizerData& data);

// Writes the four files, each whole or not at all, tokenizer.json last. `folder` exists. Throws as
// above, and kIo.
void WriteTokenizer(const TokenizerData& data, const std::string& folder);

}  // namespace lts

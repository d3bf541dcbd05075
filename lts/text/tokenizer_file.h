// Reading tokenizers from the files that Hugging Face's transformers saves.
//
// A folder is read as transformers does: tokenizer.json if there is one, else vocab.json and
// merges.txt; beside either, if there, tokenizer_config.json and special_tokens_map.json name
// special tokens. Grammars:
//   vocab.json      {"<byte-level name>": id, ...}
//   merges.txt      lines "left right" in rank order; lines that begin with "#version" are skipped
//   tokenizer.json  of tokenizers 0.x: model (type BPE), pre_tokenizer, post_processor,
//   added_tokens
// vocab.json and merges.txt alone mean GPT-2's expression, and <|endoftext|> as special token where
// the vocabulary has it.
//
// Read and refused by name (kUnsupported), since ignoring it would change ids: models other than
// BPE, normalizers, byte_fallback, dropout, subword prefixes and suffixes, pre-tokenizers that are
// not byte-level, expressions that splitter.h does not know, added tokens that match whole words
// only, post-processors other than ByteLevel, TemplateProcessing and RobertaProcessing. Not
// applied, as transformers does not either unless asked: truncation and padding.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "lts/base/json.h"
#include "lts/text/tokenizer.h"
#include "lts/text/tokenizer_data.h"

namespace lts {

// The files of a tokenizer that transformers reads, in the order of names: what goes along with a
// model. A folder has some of them.
inline constexpr std::array<std::string_view, 7> kTokenizerFiles{
    "added_tokens.json", "merges.txt",      "special_tokens_map.json",
    "tokenizer.json",    "tokenizer.model", "tokenizer_config.json",
    "vocab.json"};

// `path`: a folder, a tokenizer.json, or a vocab.json whose merges.txt lies beside it. Throws
// kNotFound, kIo, kInvalidArgument or kUnsupported with file and place. GPT-2: about 0.1 s.
Tokenizer ReadTokenizer(const std::string& path);
TokenizerData ReadTokenizerData(const std::string& path);

// The parts, for tests and fuzzing. `name` is the file, for messages. The results have not passed
// CheckTokenizerData yet.
TokenizerData ParseTokenizerJson(const Json& json, const std::string& name);
TokenizerData ParseVocabAndMerges(const Json& vocab, const std::string& vocab_name,
                                  std::string_view merges, const std::string& merges_name);
// tokenizer_config.json or special_tokens_map.json: the special tokens that it names become added
// tokens (of new ids where the vocabulary lacks them), and bos_token and eos_token what they say.
// `whole` = true for a tokenizer that has no tokenizer.json: add_prefix_space and add_bos_token
// count.
void ApplyTokenizerConfig(const Json& config, const std::string& name, bool whole,
                          TokenizerData& data);

}  // namespace lts

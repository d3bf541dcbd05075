// Byte-level BPE tokenizers (GPT-2 and its kin), equal to Hugging Face's tokenizers id for id.
//
//   const Tokenizer tokenizer = ReadTokenizer("gpt2/");
//   std::vector<std::int32_t> ids = tokenizer.Encode("Hello world");  // 15496 995
//   tokenizer.Decode(ids);                                            // "Hello world"
//
// Lossless: Decode(Encode(bytes)) == bytes for any bytes, valid UTF-8 or not, unless the file asks
// for a space before the text, for ids around it, or for tokens that swallow white space. How
// broken UTF-8 is split: unicode.h. A Tokenizer never changes; threads may share it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lts/text/added_tokens.h"
#include "lts/text/byte_pairs.h"
#include "lts/text/expression.h"
#include "lts/text/splitter.h"
#include "lts/text/tokenizer_data.h"

namespace lts {

struct EncodeOptions {
  // What the file puts around each text: Llama 3's <|begin_of_text|>; GPT-2's puts nothing.
  bool add_special_tokens = true;
  // "<|endoftext|>" in the text becomes that token; otherwise it is text like any other, which is
  // what text from a stranger should be.
  bool parse_special_tokens = true;
};

struct DecodeOptions {
  bool skip_special_tokens = false;
};

class Tokenizer {
 public:
  // Throws as CheckTokenizerData.
  explicit Tokenizer(const TokenizerData& data, const std::string& name = "tokenizer");

  // About 20 ns a byte of mixed text with GPT-2's vocabulary (tokenizer_bench.cc); O(n log n) for
  // whatever text where each split has a rule (splitter.h), else see Expression::Split. Throws
  // kInvalidArgument for texts of 4 GiB or more.
  std::vector<std::int32_t> Encode(std::string_view text, const EncodeOptions& options = {}) const;

  // The bytes of `ids`, which may end within a character (StreamDecoder keeps those apart). Throws
  // kInvalidArgument "token 3: got id 60000, expected 0 to 50256". Ids below vocab_size() that no
  // token has give nothing.
  std::string Decode(std::span<const std::int32_t> ids, const DecodeOptions& options = {}) const;

  // One more than the largest id. A model's embedding may have more rows than that, never fewer.
  std::int64_t vocab_size() const { return static_cast<std::int64_t>(bytes_.size()); }
  // The bytes of a token; empty when no token has this id. Throws for ids outside [0,
  // vocab_size()). Lives as long as the tokenizer.
  std::string_view TokenBytes(std::int32_t id) const;
  bool IsSpecial(std::int32_t id) const;  // false for ids outside as well

  // The id of an added token ("<|endoftext|>"), or of one of the vocabulary, by its bytes.
  std::optional<std::int32_t> FindToken(std::string_view bytes) const;
  std::optional<std::int32_t> begin_of_text() const { return begin_of_text_; }
  std::optional<std::int32_t> end_of_text() const { return end_of_text_; }

 private:
  // Splits `text` by splits_[step] and later ones and appends the ids of the pieces.
  void Append(std::string_view text, std::size_t step, std::vector<std::int32_t>& ids) const;

  std::vector<std::string> bytes_;  // by id
  std::vector<bool> special_;       // by id
  std::vector<std::variant<SplitRule, Expression>> splits_;
  bool add_prefix_space_ = false;
  std::vector<std::int32_t> prefix_;
  std::vector<std::int32_t> suffix_;
  std::optional<std::int32_t> begin_of_text_;
  std::optional<std::int32_t> end_of_text_;
  AddedTokens added_;
  BytePairs pairs_;
};

}  // namespace lts

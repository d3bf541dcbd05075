// data.json: what a folder of tokens holds. A folder is a data set when this file is in it, and not
// before: it is written last.
//
//   {"format": "lts-tokens-1",
//    "vocab_size": 8192, "dtype": "uint16", "end_of_text": 0,
//    "splits": {"train": {"file": "train.bin", "tokens": 901, "documents": 17, "text_bytes": 3411,
//                         "sha1": "40 hex digits of the file's bytes"},
//               "validation": {...}, "test": {...}},
//    "made_from": {...}}            what it was made from and how; nothing reads the tokens by it
//
// A file is its token ids one after another, little-endian, of `dtype`, without a header; each
// document is followed by one token `end_of_text`. dtype is uint16 where vocab_size <= 65,536.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "lts/base/enum_table.h"
#include "lts/base/json.h"

namespace lts {

enum class Split : std::uint8_t { kTrain, kValidation, kTest };
inline constexpr EnumTable<Split, 3> kSplits{
    "split",
    {{{Split::kTrain, "train"}, {Split::kValidation, "validation"}, {Split::kTest, "test"}}}};

enum class TokenType : std::uint8_t { kUint16, kUint32 };
inline constexpr EnumTable<TokenType, 2> kTokenTypes{
    "dtype", {{{TokenType::kUint16, "uint16"}, {TokenType::kUint32, "uint32"}}}};
constexpr std::int64_t SizeOf(TokenType type) { return type == TokenType::kUint16 ? 2 : 4; }
constexpr TokenType TokenTypeFor(std::int64_t vocab_size) {
  return vocab_size <= 65536 ? TokenType::kUint16 : TokenType::kUint32;
}

inline constexpr std::string_view kManifestFile = "data.json";

struct SplitInfo {
  std::string file;             // a name within the folder
  std::int64_t tokens = 0;      // end_of_text among them
  std::int64_t documents = 0;   // each ends with one end_of_text
  std::int64_t text_bytes = 0;  // of the text that the tokens stand for; end_of_text has none
  std::string sha1;
  bool operator==(const SplitInfo&) const = default;
};

struct DatasetManifest {
  std::int64_t vocab_size = 0;      // ids lie in [0, vocab_size)
  std::int32_t end_of_text = 0;     // id
  std::array<SplitInfo, 3> splits;  // by Split
  Json made_from = Json::MakeObject();

  TokenType token_type() const { return TokenTypeFor(vocab_size); }
  const SplitInfo& operator[](Split split) const { return splits[static_cast<std::size_t>(split)]; }
  SplitInfo& operator[](Split split) { return splits[static_cast<std::size_t>(split)]; }
  bool operator==(const DatasetManifest&) const = default;
};

// `name` is the file, for messages. Throws kInvalidArgument for fields that are missing, out of
// range or at odds with each other, kUnsupported for another format. Members that it does not know
// are left to later versions.
DatasetManifest ParseManifest(const Json& json, const std::string& name);
Json ManifestToJson(const DatasetManifest& manifest);

}  // namespace lts

// A folder of tokens, as `lts tokenize ... -o FOLDER` writes it and training reads it: three files
// of token ids (dataset_manifest.h) and the tokenizer that they were made with.
//
//   data/data.json train.bin validation.bin test.bin tokenizer.json ...
//
//   const TokenDataset data = TokenDataset::Open("data");
//   std::vector<std::int32_t> window(1025);
//   data.Read(Split::kTrain, offset, window);      // offset in [0, tokens - 1025]
//
// The files are mapped, so a data set may be larger than memory. It never changes; threads may
// share it. Not for text: what the ids mean is the tokenizer's to say.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "lts/base/files.h"
#include "lts/data/dataset_manifest.h"

namespace lts {

class TokenDataset {
 public:
  // Throws kNotFound where there is no data.json (an unfinished data set has none), as
  // ParseManifest, and kCorrupt where a file is not of the size that data.json says. Reads no
  // tokens.
  static TokenDataset Open(const std::string& folder);

  const std::string& folder() const { return folder_; }
  const DatasetManifest& manifest() const { return manifest_; }
  std::int64_t vocab_size() const { return manifest_.vocab_size; }
  std::int32_t end_of_text() const { return manifest_.end_of_text; }
  std::int64_t tokens(Split split) const { return manifest_[split].tokens; }
  // Bytes of text over tokens, end_of_text among these; 0 where there are no tokens. What turns a
  // loss per token into bits per byte: loss / log(2) / bytes_per_token.
  double bytes_per_token(Split split) const;

  // out.size() tokens from `offset` on, each in [0, vocab_size()). Throws kInvalidArgument where
  // that is not within [0, tokens(split)], kCorrupt for an id that is none. Waits for the disk
  // where a page was not read yet; allocates nothing. Thread-safe.
  void Read(Split split, std::int64_t offset, std::span<std::int32_t> out) const;

  // Reads all files and throws kCorrupt where one's SHA-1 is not data.json's: about 2 s a GB.
  void CheckHashes() const;

 private:
  TokenDataset(std::string folder, DatasetManifest manifest);
  std::string PathOf(Split split) const;

  std::string folder_;
  DatasetManifest manifest_;
  std::array<std::shared_ptr<const MappedFile>, 3> files_;  // by Split
};

}  // namespace lts

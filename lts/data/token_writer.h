// Writing a folder of tokens (token_dataset.h) so that it is whole or visibly unfinished: tokens go
// to *.bin.partial, which Finish() renames, and data.json comes last of all. Killed at any moment,
// or out of disk, the folder has no data.json, or has its old one with its old files.
//
//   TokenWriter writer("data", vocab_size, end_of_text);
//   writer.Append(Split::kTrain, ids, text.size());     // a document
//   const TokenWriter::State state = writer.Save();     // on disk: a later writer can go on here
//   writer.Finish(made_from);
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "lts/base/json.h"
#include "lts/data/dataset_manifest.h"

namespace lts {

struct TokenCounts {
  std::int64_t tokens = 0;  // end_of_text among them
  std::int64_t documents = 0;
  std::int64_t text_bytes = 0;
  bool operator==(const TokenCounts&) const = default;
};

class TokenWriter {
 public:
  using State = std::array<TokenCounts, 3>;  // by Split

  // Makes the folder. With a state of an earlier writer goes on after it and forgets what came
  // later; with none begins anew. Throws kIo (also where
  // another writer is at it), and kCorrupt where a partial file is missing or holds less than
  // `state` says. vocab_size in [1, kMaxVocabularySize], end_of_text below it.
  TokenWriter(const std::string& folder, std::int64_t vocab_size, std::int32_t end_of_text,
              const State& state = {});
  // Without Finish() the partial files stay, for a later writer to go on.
  ~TokenWriter();
  TokenWriter(const TokenWriter&) = delete;
  TokenWriter& operator=(const TokenWriter&) = delete;

  // A document, and end_of_text after it. `ids` in [0, vocab_size) (kInvalidArgument); buffered.
  void Append(Split split, std::span<const std::int32_t> ids, std::int64_t text_bytes);
  const State& state() const { return state_; }
  // Puts all that was appended on disk (fsync) and returns state(): some milliseconds.
  State Save();
  // Renames the files and writes data.json. An earlier data set of the folder ends here. Nothing
  // else may be called afterwards.
  DatasetManifest Finish(const Json& made_from);

 private:
  class PartialFile;
  std::string folder_;
  std::int64_t vocab_size_;
  std::int32_t end_of_text_;
  State state_;
  std::array<std::unique_ptr<PartialFile>, 3> files_;  // by Split
};

// The names of the files in the folder that a writer which did not finish leaves behind.
std::string PartialFileName(Split split);

}  // namespace lts

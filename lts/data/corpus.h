// A corpus as a data set: what `lts tokenize ... -o FOLDER` does. The files' records (records.h)
// become documents, documents become tokens, and each goes to the split that its own hash says; so
// a document's split depends neither on the order of files nor on what else there is, and copies of
// a document are never on both sides.
//
// Every file is read once, and once more before if a vocabulary is trained (of the documents of the
// train split alone). Memory does not grow with the corpus, but for the distinct words of a
// vocabulary (at most kMaxDistinctWords) and 8 bytes a document with `dedupe`. The result is byte
// for byte the same on any number of threads, and however often the work was interrupted: now and
// then what is done is put on disk, and the same call goes on after it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/thread_pool.h"
#include "lts/data/dataset_manifest.h"

namespace lts {

struct CorpusProgress {
  std::string_view phase;         // "words", "vocabulary" or "tokens"
  std::int64_t stored_bytes = 0;  // of the input files, done in this phase
  std::int64_t total_bytes = 0;   // of all input files
  std::int64_t begun_at = 0;      // stored bytes that an earlier call had done
  std::int64_t text_bytes = 0;
  std::int64_t tokens = 0;  // of the data set, or of the vocabulary so far
};

struct CorpusOptions {
  std::vector<std::string> inputs;  // files and folders
  std::string folder;               // of the data set
  // One of both: a tokenizer's folder or file, or how many tokens to train one with.
  std::string tokenizer;
  std::int64_t train_vocab = 0;

  std::string field = "text";  // of JSON lines
  std::string separator;       // of texts (records.h)
  std::int64_t document_bytes = std::int64_t{64} << 10;
  double validation = 0.05;  // share of the documents, each >= 0, below 1 together
  double test = 0.05;
  bool dedupe = false;     // documents that are equal to an earlier one are left out
  bool overwrite = false;  // a data set of other inputs or options that is there already

  std::int64_t save_bytes = std::int64_t{64} << 20;  // of text, between two savings
  // Both are called by one thread at a time. `stop` = true ends the work after saving.
  std::function<void(const CorpusProgress&)> progress = {};
  std::function<bool()> stop = {};
};

struct CorpusResult {
  DatasetManifest manifest;
  std::int64_t duplicates = 0;     // documents left out
  std::int64_t skipped_files = 0;  // binary ones found in folders
  bool was_there = false;          // whole already, its hashes checked: nothing was done
  // Why work that an earlier call had begun was not used, or where it goes on; "" for neither.
  std::string restart;
};

inline constexpr std::size_t kMaxDistinctWords = std::size_t{1} << 23;

// Throws kInvalidArgument for options, for records that are none ("a.jsonl: line 3: field 'text':
// ..."), for a data set of something else in the folder; kCancelled when stopped; else as the
// readers and writers. About 1.2 times the tokenizer's own time (data_bench.cc).
CorpusResult TokenizeCorpus(const CorpusOptions& options, ThreadPool& pool);

// The split of a document of these bytes (of text, or of its ids): by a hash of them.
Split SplitOf(std::uint64_t document_hash, double validation, double test);

}  // namespace lts

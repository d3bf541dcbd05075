// The records of all files of a corpus in one stream of batches. Private to the module.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lts/data/records.h"

namespace lts {

// A place in a corpus: before its first record, or after `records` of file `file`.
struct CorpusPlace {
  std::int64_t file = 0;
  std::int64_t records = 0;
  bool operator==(const CorpusPlace&) const = default;
  bool operator<=(const CorpusPlace& other) const {
    return file < other.file || (file == other.file && records <= other.records);
  }
};

struct RecordBatch {
  std::vector<Record> records;     // all of one file
  std::int64_t file = 0;           // its index
  CorpusPlace end;                 // the place after the last of them
  std::int64_t stored_bytes = 0;   // of all files up to about there
  std::int64_t skipped_files = 0;  // up to here, since the beginning of this stream
};

class CorpusRecords {
 public:
  // `files` must outlive it. Begins at `begin`: records before it are read and forgotten, as files
  // packed or of lines cannot be entered in their middle.
  CorpusRecords(std::span<const InputFile> files, const RecordOptions& options,
                const CorpusPlace& begin);

  // The next records, about kBatchBytes of them; false at the end. Throws as RecordReader.
  bool Next(RecordBatch& batch);

  std::int64_t skipped_files() const { return skipped_files_; }  // so far

  static constexpr std::int64_t kBatchBytes = std::int64_t{256} << 10;

 private:
  std::span<const InputFile> files_;
  RecordOptions options_;
  CorpusPlace place_;
  std::int64_t stored_before_ = 0;  // of the files before place_.file
  std::unique_ptr<RecordReader> reader_;
  std::int64_t skipped_files_ = 0;
};

}  // namespace lts

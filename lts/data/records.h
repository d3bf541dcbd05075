// The records of a corpus's files, one after another: the texts that become documents, before any
// is parsed or tokenized. Which kind a file is, its name says, with or without .gz or .zst behind:
//
//   .jsonl .ndjson    JSON lines: a record a line
//   .npy              token ids (npy.h): a record up to each end_of_text
//   anything else     text: a record up to each `separator`; without one, a file is one record, and
//                     one longer than twice `document_bytes` is cut at blank lines into several of
//                     one to two times `document_bytes`
//
// Memory is constant, whatever the files hold: no record is longer than kMaxRecordBytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lts/data/byte_source.h"

namespace lts {

enum class FileKind : std::uint8_t { kText, kJsonLines, kTokens };
FileKind KindOf(const std::string& path);

struct InputFile {
  std::string path;
  std::int64_t bytes = 0;        // as stored
  std::int64_t modified_ns = 0;  // since the epoch
  bool named = true;             // by the user, not found in a folder
  FileKind kind = FileKind::kText;
};

// The files that `paths` name, in their order; of a folder all regular files that are not empty, in
// folders below it as well, in the order of their paths. Hidden ones and symbolic links in folders
// are left out, so that nothing is read twice. Throws kNotFound for what is not there and
// kInvalidArgument for folders without any file.
std::vector<InputFile> ListInputs(const std::vector<std::string>& paths);

struct RecordOptions {
  std::string separator;                                 // of texts: "" for none
  std::int64_t document_bytes = std::int64_t{64} << 10;  // 0: no cuts but at kMaxRecordBytes
  std::int32_t end_of_text = 0;                          // of token files
};

inline constexpr std::int64_t kMaxRecordBytes = std::int64_t{64} << 20;

struct Record {
  FileKind kind = FileKind::kText;
  std::string bytes;              // the text, or the line of JSON
  std::vector<std::int32_t> ids;  // of a token file; end_of_text is not among them
  std::int64_t number = 0;        // in its file, from 1: the line of a JSON lines file
};

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // The next record, never an empty one, or nothing at the end of the file. Throws kIo, kCorrupt,
  // and kInvalidArgument for a line beyond kMaxRecordBytes, named text files that are binary (they
  // hold a zero byte in their first 4 KiB), and whatever is no array of ids.
  virtual std::optional<Record> Next() = 0;
  virtual std::int64_t stored_bytes_read() const = 0;
  // A binary file that was found in a folder: it has no records.
  virtual bool skipped() const { return false; }
};

std::unique_ptr<RecordReader> OpenRecords(const InputFile& file, const RecordOptions& options);
// The same of any bytes; file.path is for messages.
std::unique_ptr<RecordReader> RecordsOf(std::unique_ptr<ByteSource> source, const InputFile& file,
                                        const RecordOptions& options);

}  // namespace lts

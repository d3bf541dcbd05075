#include "lts/data/corpus_records.h"

#include <utility>

namespace lts {

CorpusRecords::CorpusRecords(std::span<const InputFile> files, const RecordOptions& options,
                             const CorpusPlace& begin)
    : files_(files), options_(options), place_(begin) {
  for (std::int64_t i = 0; i < begin.file; ++i) {
    stored_before_ += files[static_cast<std::size_t>(i)].bytes;
  }
  if (begin.records == 0) return;
  reader_ = OpenRecords(files_[static_cast<std::size_t>(begin.file)], options_);
  for (std::int64_t i = 0; i < begin.records && reader_->Next(); ++i) {
  }
}

bool CorpusRecords::Next(RecordBatch& batch) {
  for (; place_.file < std::ssize(files_); place_ = {place_.file + 1, 0}) {
    const InputFile& file = files_[static_cast<std::size_t>(place_.file)];
    if (!reader_) reader_ = OpenRecords(file, options_);
    batch.file = place_.file;
    for (std::int64_t bytes = 0; bytes < kBatchBytes;) {
      std::optional<Record> record = reader_->Next();
      if (!record) break;
      bytes += std::ssize(record->bytes) + 4 * std::ssize(record->ids);
      batch.records.push_back(*std::move(record));
      ++place_.records;
    }
    if (!batch.records.empty()) {
      batch.end = place_;
      batch.stored_bytes = stored_before_ + reader_->stored_bytes_read();
      batch.skipped_files = skipped_files_;
      return true;
    }
    skipped_files_ += reader_->skipped() ? 1 : 0;
    reader_.reset();
    stored_before_ += file.bytes;
  }
  return false;
}

}  // namespace lts

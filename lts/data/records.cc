#include "lts/data/records.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/data/npy.h"
#include "lts/text/unicode.h"

namespace lts {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunkBytes = std::size_t{1} << 18;
constexpr std::size_t kBinaryProbeBytes = 4096;
// Of 64 KiB of text, at four bytes a token.
constexpr std::int64_t kBytesPerTokenGuess = 4;

[[noreturn]] void Fail(ErrorCode code, const std::string& path, std::string_view problem) {
  throw Error(code, fmt::format("{}: {}", Quoted(path, 400), problem));
}

// What was read of a source and belongs to no record yet.
class Window {
 public:
  explicit Window(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  std::string_view bytes() const { return std::string_view(buffer_).substr(begin_); }
  bool at_end() const { return at_end_; }
  // Reads on until bytes() are `count`, or the source ends.
  void Fill(std::size_t count) {
    while (!at_end_ && buffer_.size() - begin_ < count) {
      buffer_.erase(0, std::exchange(begin_, 0));
      const std::size_t used = buffer_.size();
      buffer_.resize(used + kChunkBytes);
      const std::size_t got = source_->Read(std::span(buffer_).subspan(used));
      buffer_.resize(used + got);
      at_end_ = got == 0;
    }
  }
  void Take(std::size_t count) { begin_ += count; }
  std::int64_t stored_bytes_read() const { return source_->stored_bytes_read(); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string buffer_;
  std::size_t begin_ = 0;
  bool at_end_ = false;
};

// Where text that goes on is cut: after the first blank line in the second half of `text`, else
// after a line, else after a character. Never 0.
std::size_t CutOf(std::string_view text) {
  const std::size_t half = text.size() / 2;
  if (const std::size_t blank = text.find("\n\n", half); blank != std::string_view::npos) {
    return blank + 2;
  }
  if (const std::size_t line = text.find('\n', half); line != std::string_view::npos) {
    return line + 1;
  }
  const std::size_t whole = WholeCharacters(text);
  return whole > 0 ? whole : text.size();
}

class TextReader final : public RecordReader {
 public:
  TextReader(Window window, const InputFile& file, const RecordOptions& options)
      : window_(std::move(window)), separator_(options.separator) {
    const bool cuts = separator_.empty() && options.document_bytes > 0;
    longest_ = static_cast<std::size_t>(
        cuts ? std::min(2 * std::min(options.document_bytes, kMaxRecordBytes), kMaxRecordBytes)
             : kMaxRecordBytes);
    window_.Fill(kBinaryProbeBytes);
    if (window_.bytes().substr(0, kBinaryProbeBytes).find('\0') == std::string_view::npos) return;
    if (file.named) {
      Fail(ErrorCode::kInvalidArgument, file.path,
           "holds zero bytes, expected text (or a name that ends in .jsonl, .npy, .gz or .zst "
           "for what those are)");
    }
    skipped_ = true;
  }

  std::optional<Record> Next() override {
    while (!skipped_) {
      const std::size_t size = NextSize();
      if (size == 0 && window_.bytes().empty()) return std::nullopt;
      std::string_view text = window_.bytes().substr(0, size);
      const bool separated =
          !separator_.empty() && window_.bytes().substr(size).starts_with(separator_);
      if (!separator_.empty()) text = Trimmed(text);
      std::optional<Record> record;
      if (!text.empty()) record = Record{FileKind::kText, std::string(text), {}, ++number_};
      window_.Take(size + (separated ? separator_.size() : 0));
      if (record) return record;
    }
    return std::nullopt;
  }
  std::int64_t stored_bytes_read() const override { return window_.stored_bytes_read(); }
  bool skipped() const override { return skipped_; }

 private:
  // Of the record at the front, without the separator after it.
  std::size_t NextSize() {
    std::size_t searched = 0;
    for (;;) {
      const std::string_view bytes = window_.bytes();
      if (!separator_.empty()) {
        const std::size_t found = bytes.find(separator_, searched);
        if (found != std::string_view::npos && found <= longest_) return found;
        searched = bytes.size() - std::min(bytes.size(), separator_.size() - 1);
      }
      if (bytes.size() > longest_) return CutOf(bytes.substr(0, longest_));
      if (window_.at_end()) return bytes.size();
      window_.Fill(bytes.size() + 1);
    }
  }
  // Separators stand on lines of their own as a rule: the line ends are not the text's.
  static std::string_view Trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of("\r\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of("\r\n") + 1 - begin);
  }

  Window window_;
  std::string separator_;
  std::size_t longest_ = 0;
  bool skipped_ = false;
  std::int64_t number_ = 0;
};

class LineReader final : public RecordReader {
 public:
  LineReader(Window window, const InputFile& file) : window_(std::move(window)), path_(file.path) {}

  std::optional<Record> Next() override {
    for (;;) {
      const std::size_t size = LineSize();
      std::string_view line = window_.bytes().substr(0, size);
      if (line.empty() && window_.bytes().empty()) return std::nullopt;
      ++number_;
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) line = {};
      std::optional<Record> record;
      if (!line.empty()) record = Record{FileKind::kJsonLines, std::string(line), {}, number_};
      window_.Take(std::min(size + 1, window_.bytes().size()));
      if (record) return record;
    }
  }
  std::int64_t stored_bytes_read() const override { return window_.stored_bytes_read(); }

 private:
  std::size_t LineSize() {
    std::size_t searched = 0;
    for (;;) {
      const std::string_view bytes = window_.bytes();
      const std::size_t end = bytes.find('\n', searched);
      if (std::min(end, bytes.size()) > static_cast<std::size_t>(kMaxRecordBytes)) {
        Fail(ErrorCode::kInvalidArgument, path_,
             fmt::format("line {}: longer than {} bytes; is it JSON lines, one object a line?",
                         number_ + 1, kMaxRecordBytes));
      }
      if (end != std::string_view::npos) return end;
      if (window_.at_end()) return bytes.size();
      searched = bytes.size();
      window_.Fill(bytes.size() + 1);
    }
  }

  Window window_;
  std::string path_;
  std::int64_t number_ = 0;
};

class TokenReader final : public RecordReader {
 public:
  TokenReader(Window window, const InputFile& file, const RecordOptions& options)
      : window_(std::move(window)), path_(file.path), end_of_text_(options.end_of_text) {
    const std::int64_t bytes = options.document_bytes > 0
                                   ? std::min(options.document_bytes, kMaxRecordBytes)
                                   : kMaxRecordBytes;
    longest_ = static_cast<std::size_t>(std::max<std::int64_t>(1, bytes / kBytesPerTokenGuess));
    window_.Fill(kMaxNpyHeaderBytes);
    header_ = ParseNpyHeader(window_.bytes().substr(0, kMaxNpyHeaderBytes), path_);
    window_.Take(static_cast<std::size_t>(header_.header_bytes));
    left_ = header_.elements;
  }

  std::optional<Record> Next() override {
    Record record{FileKind::kTokens, {}, {}, number_ + 1};
    while (left_ > 0 && record.ids.size() < longest_) {
      const std::int32_t id = NextId();
      if (id != end_of_text_) {
        record.ids.push_back(id);
      } else if (!record.ids.empty()) {
        break;
      }
    }
    if (!record.ids.empty()) {
      ++number_;
      return record;
    }
    window_.Fill(1);
    if (!window_.bytes().empty()) {
      Fail(ErrorCode::kCorrupt, path_,
           fmt::format("goes on after the {} elements of its shape", header_.elements));
    }
    return std::nullopt;
  }
  std::int64_t stored_bytes_read() const override { return window_.stored_bytes_read(); }

 private:
  std::int32_t NextId() {
    const auto size = static_cast<std::size_t>(header_.element_bytes);
    window_.Fill(size);
    const std::string_view bytes = window_.bytes();
    if (bytes.size() < size) {
      Fail(ErrorCode::kCorrupt, path_,
           fmt::format("ends before the last {} of its {} elements; is the download complete?",
                       left_, header_.elements));
    }
    std::uint32_t id = 0;
    for (std::size_t i = 0; i < size; ++i) {
      id |= std::uint32_t{static_cast<std::uint8_t>(bytes[i])} << 8 * i;
    }
    if (id > 0x7FFFFFFF) {
      Fail(ErrorCode::kInvalidArgument, path_,
           fmt::format("element {}: got {}, expected a token id", header_.elements - left_, id));
    }
    window_.Take(size);
    --left_;
    return static_cast<std::int32_t>(id);
  }

  Window window_;
  std::string path_;
  std::int32_t end_of_text_;
  std::size_t longest_ = 0;  // tokens
  NpyHeader header_;
  std::int64_t left_ = 0;  // elements
  std::int64_t number_ = 0;
};

InputFile Stat(const std::string& path, bool named) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    const ErrorCode code =
        errno == ENOENT || errno == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
    Fail(code, path, std::generic_category().message(errno));
  }
  if (!S_ISREG(info.st_mode)) {
    Fail(ErrorCode::kInvalidArgument, path, "is neither a regular file nor a folder");
  }
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  return {path, info.st_size, info.st_mtim.tv_sec * kNsPerSecond + info.st_mtim.tv_nsec, named,
          KindOf(path)};
}

std::vector<InputFile> ListFolder(const std::string& folder) {
  std::vector<InputFile> files;
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool hidden = name.starts_with('.');
    std::error_code ignored;
    if (hidden && it->is_directory(ignored)) it.disable_recursion_pending();
    if (hidden || it->is_symlink(ignored) || !it->is_regular_file(ignored)) continue;
    InputFile file = Stat(it->path().string(), false);
    if (file.bytes > 0) files.push_back(std::move(file));
  }
  if (error) Fail(ErrorCode::kIo, folder, "cannot list: " + error.message());
  if (files.empty()) Fail(ErrorCode::kInvalidArgument, folder, "no file in it, expected texts");
  std::sort(files.begin(), files.end(),
            [](const InputFile& a, const InputFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace

FileKind KindOf(const std::string& path) {
  std::string_view name = path;
  for (const std::string_view packed : {".gz", ".zst", ".zstd"}) {
    if (name.ends_with(packed)) {
      name.remove_suffix(packed.size());
      break;
    }
  }
  if (name.ends_with(".jsonl") || name.ends_with(".ndjson")) return FileKind::kJsonLines;
  return name.ends_with(".npy") ? FileKind::kTokens : FileKind::kText;
}

std::vector<InputFile> ListInputs(const std::vector<std::string>& paths) {
  std::vector<InputFile> files;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      files.push_back(Stat(path, true));
      continue;
    }
    for (InputFile& file : ListFolder(path)) files.push_back(std::move(file));
  }
  return files;
}

std::unique_ptr<RecordReader> RecordsOf(std::unique_ptr<ByteSource> source, const InputFile& file,
                                        const RecordOptions& options) {
  Window window(std::move(source));
  switch (file.kind) {
    case FileKind::kJsonLines:
      return std::make_unique<LineReader>(std::move(window), file);
    case FileKind::kTokens:
      return std::make_unique<TokenReader>(std::move(window), file, options);
    case FileKind::kText:
      break;
  }
  return std::make_unique<TextReader>(std::move(window), file, options);
}

std::unique_ptr<RecordReader> OpenRecords(const InputFile& file, const RecordOptions& options) {
  return RecordsOf(OpenByteSource(file.path), file, options);
}

}  // namespace lts

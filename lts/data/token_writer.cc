#include "lts/data/token_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/sha1.h"
#include "lts/base/suggest.h"
#include "lts/text/tokenizer_data.h"

namespace lts {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;  // large against the cost of a write()

[[noreturn]] void Fail(const std::string& path, std::string_view what, int error) {
  throw Error(ErrorCode::kIo, fmt::format("{}: {}: {}", Quoted(path, 400), what,
                                          std::generic_category().message(error)));
}

std::string FileName(Split split) { return std::string(kSplits.Name(split)) + ".bin"; }

}  // namespace

std::string PartialFileName(Split split) { return FileName(split) + ".partial"; }

// Appends to a file from a given size on.
class TokenWriter::PartialFile {
 public:
  PartialFile(std::string path, std::int64_t bytes) : path_(std::move(path)) {
    const int create = bytes == 0 ? O_CREAT : 0;
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | create, 0644);
    if (fd_ < 0 && errno == ENOENT && bytes > 0) Corrupt(0, bytes);
    if (fd_ < 0) Fail(path_, "cannot write", errno);
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      FailAndClose("another process is writing this data set");
    }
    struct stat info {};
    if (::fstat(fd_, &info) != 0) FailAndClose("cannot read");
    if (info.st_size < bytes) Corrupt(info.st_size, bytes);
    if (::ftruncate(fd_, bytes) != 0) FailAndClose("cannot cut to size");
    if (::lseek(fd_, bytes, SEEK_SET) < 0) FailAndClose("cannot seek");
    buffer_.reserve(kBufferBytes);
  }
  ~PartialFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const std::string& path() const { return path_; }

  template <typename Id>
  void Append(std::span<const std::int32_t> ids, std::int32_t end_of_text) {
    const std::size_t used = buffer_.size();
    buffer_.resize(used + (ids.size() + 1) * sizeof(Id));
    char* out = buffer_.data() + used;
    const auto put = [&](std::int32_t value) {
      const auto id = static_cast<Id>(value);
      std::memcpy(out, &id, sizeof(Id));
      out += sizeof(Id);
    };
    for (const std::int32_t id : ids) put(id);
    put(end_of_text);
    if (buffer_.size() >= kBufferBytes) Flush();
  }

  void Sync() {
    Flush();
    if (::fsync(fd_) != 0) Fail(path_, "cannot write to disk", errno);
  }

 private:
  [[noreturn]] void FailAndClose(std::string_view what) {
    const int error = errno;
    ::close(std::exchange(fd_, -1));
    Fail(path_, what, error);
  }
  [[noreturn]] void Corrupt(std::int64_t got, std::int64_t expected) {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    throw Error(ErrorCode::kCorrupt, fmt::format("{}: got {} bytes, expected at least the {} that "
                                                 "were saved",
                                                 Quoted(path_, 400), got, expected));
  }
  void Flush() {
    for (std::string_view rest = buffer_; !rest.empty();) {
      const ssize_t written = ::write(fd_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) Fail(path_, "cannot write", errno);
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    buffer_.clear();
  }

  std::string path_;
  int fd_ = -1;
  std::string buffer_;
};

TokenWriter::TokenWriter(const std::string& folder, std::int64_t vocab_size,
                         std::int32_t end_of_text, const State& state)
    : folder_(folder), vocab_size_(vocab_size), end_of_text_(end_of_text), state_(state) {
  LTS_CHECK(vocab_size >= 1 && vocab_size <= kMaxVocabularySize);
  LTS_CHECK(end_of_text >= 0 && end_of_text < vocab_size);
  EnsureWritableFolder(folder);
  for (const auto& [split, name] : kSplits.entries) {
    const auto i = static_cast<std::size_t>(split);
    files_[i] = std::make_unique<PartialFile>(folder + "/" + PartialFileName(split),
                                              state[i].tokens * SizeOf(TokenTypeFor(vocab_size)));
  }
}

TokenWriter::~TokenWriter() = default;

void TokenWriter::Append(Split split, std::span<const std::int32_t> ids, std::int64_t text_bytes) {
  const auto wrong = std::find_if(ids.begin(), ids.end(),
                                  [&](std::int32_t id) { return id < 0 || id >= vocab_size_; });
  if (wrong != ids.end()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("token {}: got id {}, expected 0 to {}", wrong - ids.begin(), *wrong,
                            vocab_size_ - 1));
  }
  const auto i = static_cast<std::size_t>(split);
  if (TokenTypeFor(vocab_size_) == TokenType::kUint16) {
    files_[i]->Append<std::uint16_t>(ids, end_of_text_);
  } else {
    files_[i]->Append<std::uint32_t>(ids, end_of_text_);
  }
  state_[i].tokens += std::ssize(ids) + 1;
  state_[i].documents += 1;
  state_[i].text_bytes += text_bytes;
}

TokenWriter::State TokenWriter::Save() {
  for (const std::unique_ptr<PartialFile>& file : files_) file->Sync();
  return state_;
}

DatasetManifest TokenWriter::Finish(const Json& made_from) {
  Save();
  DatasetManifest manifest{.vocab_size = vocab_size_, .end_of_text = end_of_text_};
  manifest.made_from = made_from;
  for (const auto& [split, name] : kSplits.entries) {
    const auto i = static_cast<std::size_t>(split);
    const MappedFile file(files_[i]->path());
    manifest[split] = {
        FileName(split), state_[i].tokens, state_[i].documents, state_[i].text_bytes,
        Sha1Hex({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()})};
  }
  // From here on the old data set, if any, is none: its data.json would speak of other files.
  const std::string path = folder_ + "/" + std::string(kManifestFile);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) Fail(path, "cannot remove", errno);
  for (const auto& [split, name] : kSplits.entries) {
    const std::string& from = files_[static_cast<std::size_t>(split)]->path();
    const std::string to = folder_ + "/" + FileName(split);
    if (::rename(from.c_str(), to.c_str()) != 0) Fail(to, "cannot replace", errno);
  }
  WriteFileAtomic(path, WriteJson(ManifestToJson(manifest)) + "\n");
  return manifest;
}

}  // namespace lts

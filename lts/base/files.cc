#include "lts/base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr std::size_t kMaxPathShown = 400;

std::string Reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void Fail(const std::string& path, std::string_view what, int error) {
  const ErrorCode code =
      error == ENOENT || error == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
  throw Error(code, fmt::format("{}: {}: {}", Quoted(path, kMaxPathShown), what, Reason(error)));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }
  void Reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  // close() reports what a network file system could not write.
  int Close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

int Open(const std::string& path, int flags, mode_t mode = 0) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A file that nobody else has, removed again unless Release() is called.
class TemporaryFile {
 public:
  // `subject` is the path that messages speak of: the user never asked for the temporary.
  TemporaryFile(const std::string& folder, const std::string& subject) {
    static std::atomic<unsigned> counter{0};
    constexpr int kAttempts =
        1000;  // a stale file of an earlier process with this id costs one attempt
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      path_ = fmt::format("{}/.lts-{}-{}.tmp", folder, ::getpid(), counter++);
      file_.Reset(Open(path_, O_WRONLY | O_CREAT | O_EXCL, 0644));
      if (file_.get() >= 0) return;
      if (errno != EEXIST) break;
    }
    Fail(subject, "cannot create a file in its folder", errno);
  }
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }
  void Release() { path_.clear(); }

  void Write(std::string_view contents, const std::string& subject) {
    while (!contents.empty()) {
      const ssize_t written = ::write(file_.get(), contents.data(), contents.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) Fail(subject, "cannot write", errno);
      contents.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void SyncAndClose(const std::string& subject) {
    if (::fsync(file_.get()) != 0) Fail(subject, "cannot write to disk", errno);
    if (file_.Close() != 0) Fail(subject, "cannot write", errno);
  }

 private:
  std::string path_;
  FileDescriptor file_{-1};
};

void SyncFolder(const std::string& folder, const std::string& subject) {
  const FileDescriptor file(Open(folder, O_RDONLY | O_DIRECTORY));
  // A folder that may be written but not listed cannot be opened, and some file systems sync no
  // folders: the rename has happened either way.
  if (file.get() < 0 && errno == EACCES) return;
  if (file.get() < 0) Fail(subject, "cannot open its folder", errno);
  if (::fsync(file.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
    Fail(subject, "cannot sync its folder", errno);
  }
}

struct RegularFile {
  FileDescriptor descriptor;
  std::size_t bytes = 0;  // as the file system states them
};

RegularFile OpenRegular(const std::string& path) {
  // O_NONBLOCK: a FIFO without a writer is refused below instead of blocking here.
  RegularFile file{FileDescriptor(Open(path, O_RDONLY | O_NONBLOCK))};
  if (file.descriptor.get() < 0) Fail(path, "cannot open", errno);
  struct stat info {};
  if (::fstat(file.descriptor.get(), &info) != 0) Fail(path, "cannot read", errno);
  if (!S_ISREG(info.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: is {}, expected a regular file", Quoted(path, kMaxPathShown),
                            S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe"));
  }
  file.bytes = static_cast<std::size_t>(info.st_size);
  return file;
}

}  // namespace

std::string ReadFile(const std::string& path, std::size_t max_bytes) {
  const RegularFile file = OpenRegular(path);
  const auto refuse_size = [&] {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the file is too large, expected at most {} bytes",
                            Quoted(path, kMaxPathShown), max_bytes));
  };
  if (file.bytes > max_bytes) refuse_size();
  // The stated size is a hint alone: it is 0 in /proc, and the file may grow while it is read.
  constexpr std::size_t kChunk = std::size_t{1} << 16;
  std::string contents;
  std::size_t used = 0;
  for (;;) {
    if (used == contents.size()) {
      contents.resize(used == 0 ? std::max(file.bytes + 1, kChunk) : 2 * contents.size());
    }
    const ssize_t got =
        ::read(file.descriptor.get(), contents.data() + used, contents.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) Fail(path, "cannot read", errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > max_bytes) refuse_size();
  }
  contents.resize(used);
  return contents;
}

MappedFile::MappedFile(const std::string& path) {
  const RegularFile file = OpenRegular(path);
  if (file.bytes == 0) return;  // mmap refuses a length of 0
  void* const data = ::mmap(nullptr, file.bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_NORESERVE, file.descriptor.get(), 0);
  if (data == MAP_FAILED) Fail(path, "cannot map", errno);
  bytes_ = {static_cast<std::byte*>(data), file.bytes};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

struct AtomicFile::State {
  explicit State(const std::string& target)
      : path(target), folder(FolderOf(target)), temporary(folder, target) {}
  std::string path;
  std::string folder;
  TemporaryFile temporary;
};

AtomicFile::AtomicFile(const std::string& path) : state_(std::make_unique<State>(path)) {}

AtomicFile::~AtomicFile() = default;

void AtomicFile::Write(std::string_view contents) {
  state_->temporary.Write(contents, state_->path);
}

void AtomicFile::Commit() {
  const std::string& path = state_->path;
  state_->temporary.SyncAndClose(path);
  if (::rename(state_->temporary.path().c_str(), path.c_str()) != 0) {
    Fail(path, "cannot replace", errno);
  }
  state_->temporary.Release();
  SyncFolder(state_->folder, path);
}

void WriteFileAtomic(const std::string& path, std::string_view contents) {
  AtomicFile file(path);
  file.Write(contents);
  file.Commit();
}

void EnsureWritableFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error && !std::filesystem::is_directory(path, error) && !error) {
    error = std::make_error_code(std::errc::not_a_directory);
  }
  if (error) {
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot create the folder: {}",
                                            Quoted(path, kMaxPathShown), error.message()));
  }
  try {
    // One block, so that a full disk is found now and not after an hour of measuring.
    TemporaryFile probe(path, path + "/");
    probe.Write(std::string(4096, '\0'), path);
    probe.SyncAndClose(path);
  } catch (const Error& e) {
    throw Error(ErrorCode::kIo, e.what());
  }
}

}  // namespace lts

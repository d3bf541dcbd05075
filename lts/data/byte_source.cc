#include "lts/data/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;
constexpr int kMaxZstdWindowLog = 27;  // what the zstd program itself takes unasked
constexpr std::string_view kGzipMagic = "\x1F\x8B";
constexpr std::string_view kZstdMagic = "\x28\xB5\x2F\xFD";

[[noreturn]] void Fail(ErrorCode code, const std::string& name, std::string_view problem) {
  throw Error(code, fmt::format("{}: {}", Quoted(name, 400), problem));
}

class FileSource final : public ByteSource {
 public:
  explicit FileSource(const std::string& path) : path_(path) {
    fd_ =
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a FIFO is refused, not awaited
    if (fd_ < 0) {
      const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
      Fail(code, path, "cannot open: " + std::generic_category().message(errno));
    }
    struct stat info {};
    if (::fstat(fd_, &info) != 0 || !S_ISREG(info.st_mode)) {
      ::close(fd_);
      Fail(ErrorCode::kInvalidArgument, path, "is no regular file");
    }
  }
  ~FileSource() override { ::close(fd_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  std::size_t Read(std::span<char> out) override {
    ssize_t got;
    do {
      got = ::read(fd_, out.data(), out.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0)
      Fail(ErrorCode::kIo, path_, "cannot read: " + std::generic_category().message(errno));
    read_ += got;
    return static_cast<std::size_t>(got);
  }
  std::int64_t stored_bytes_read() const override { return read_; }

 private:
  std::string path_;
  int fd_ = -1;
  std::int64_t read_ = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  std::size_t Read(std::span<char> out) override {
    const std::size_t got = std::min(out.size(), bytes_.size() - at_);
    std::copy_n(bytes_.data() + at_, got, out.data());
    at_ += got;
    return got;
  }
  std::int64_t stored_bytes_read() const override { return static_cast<std::int64_t>(at_); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

// What is read of a source and not used yet.
class Buffered {
 public:
  explicit Buffered(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  // At least `count` bytes, unless the source ends before.
  std::string_view Peek(std::size_t count) {
    if (end_ - begin_ < count) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= std::exchange(begin_, 0);
    }
    while (end_ - begin_ < count) {
      const std::size_t got = source_->Read(std::span(buffer_).subspan(end_));
      if (got == 0) break;
      end_ += got;
    }
    return {buffer_.data() + begin_, end_ - begin_};
  }
  void Take(std::size_t count) { begin_ += count; }
  std::int64_t stored_bytes_read() const {
    return source_->stored_bytes_read() - static_cast<std::int64_t>(end_ - begin_);
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_ = std::vector<char>(kBufferBytes);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class PlainSource final : public ByteSource {
 public:
  explicit PlainSource(Buffered input) : input_(std::move(input)) {}
  std::size_t Read(std::span<char> out) override {
    const std::string_view bytes = input_.Peek(1);
    const std::size_t got = std::min(out.size(), bytes.size());
    std::copy_n(bytes.data(), got, out.data());
    input_.Take(got);
    return got;
  }
  std::int64_t stored_bytes_read() const override { return input_.stored_bytes_read(); }

 private:
  Buffered input_;
};

class GzipSource final : public ByteSource {
 public:
  GzipSource(Buffered input, std::string name) : input_(std::move(input)), name_(std::move(name)) {
    constexpr int kGzipOnly = 16;  // zlib.h: "add 16 to decode only the gzip format"
    if (::inflateInit2(&stream_, kGzipOnly + MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { ::inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::size_t Read(std::span<char> out) override {
    out = out.first(std::min(out.size(), std::size_t{1} << 30));  // zlib counts in 32 bits
    if (out.empty()) return 0;
    for (;;) {
      const std::string_view bytes = input_.Peek(1);
      if (bytes.empty()) {
        if (within_member_) Cut();
        return 0;
      }
      if (!within_member_) {
        if (any_member_ && input_.Peek(kGzipMagic.size()).substr(0, 2) != kGzipMagic) Trailing();
        if (::inflateReset(&stream_) != Z_OK) throw std::bad_alloc();
        within_member_ = true;
        any_member_ = true;
        continue;
      }
      // zlib's interface predates const.
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = static_cast<uInt>(bytes.size());
      stream_.next_out = reinterpret_cast<Bytef*>(out.data());
      stream_.avail_out = static_cast<uInt>(out.size());
      const int result = ::inflate(&stream_, Z_NO_FLUSH);
      input_.Take(bytes.size() - stream_.avail_in);
      if (result == Z_STREAM_END) {
        within_member_ = false;
      } else if (result == Z_MEM_ERROR) {
        throw std::bad_alloc();
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        Broken(stream_.msg != nullptr ? stream_.msg : "unknown");
      }
      if (const std::size_t got = out.size() - stream_.avail_out; got > 0) return got;
    }
  }
  std::int64_t stored_bytes_read() const override { return input_.stored_bytes_read(); }

 private:
  [[noreturn]] void Cut() {
    Fail(ErrorCode::kCorrupt, name_, "gzip data ends before its end; is the download complete?");
  }
  [[noreturn]] void Trailing() {
    Fail(ErrorCode::kCorrupt, name_,
         fmt::format("at byte {}: expected the end or another gzip member", stored_bytes_read()));
  }
  [[noreturn]] void Broken(std::string_view why) {
    Fail(ErrorCode::kCorrupt, name_,
         fmt::format("broken gzip data near byte {}: {}", stored_bytes_read(), why));
  }

  Buffered input_;
  std::string name_;
  z_stream stream_{};
  bool within_member_ = false;
  bool any_member_ = false;
};

class ZstdSource final : public ByteSource {
 public:
  ZstdSource(Buffered input, std::string name)
      : input_(std::move(input)), name_(std::move(name)), stream_(::ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
    ::ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  }

  std::size_t Read(std::span<char> out) override {
    if (out.empty()) return 0;
    for (;;) {
      const std::string_view bytes = input_.Peek(1);
      // At the end of its input zstd may still hold output back, so it is asked with none as well.
      ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
      ZSTD_outBuffer result{out.data(), out.size(), 0};
      if (bytes.empty() && !within_frame_) return 0;
      const std::size_t hint = ::ZSTD_decompressStream(stream_.get(), &result, &in);
      if (::ZSTD_isError(hint) != 0) {
        const ErrorCode code = ::ZSTD_getErrorCode(hint) == ZSTD_error_frameParameter_windowTooLarge
                                   ? ErrorCode::kUnsupported
                                   : ErrorCode::kCorrupt;
        Fail(code, name_,
             fmt::format("broken zstd data near byte {}: {}", stored_bytes_read(),
                         ::ZSTD_getErrorName(hint)));
      }
      input_.Take(in.pos);
      within_frame_ = hint != 0;
      if (result.pos > 0) return result.pos;
      if (bytes.empty() && within_frame_) {
        Fail(ErrorCode::kCorrupt, name_,
             "zstd data ends before its end; is the download complete?");
      }
    }
  }
  std::int64_t stored_bytes_read() const override { return input_.stored_bytes_read(); }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ::ZSTD_freeDStream(stream); }
  };
  Buffered input_;
  std::string name_;
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool within_frame_ = false;
};

std::unique_ptr<ByteSource> Decompressed(std::unique_ptr<ByteSource> source,
                                         const std::string& name) {
  Buffered input(std::move(source));
  const std::string_view start = input.Peek(kZstdMagic.size());
  if (start.starts_with(kGzipMagic)) return std::make_unique<GzipSource>(std::move(input), name);
  if (start.starts_with(kZstdMagic)) return std::make_unique<ZstdSource>(std::move(input), name);
  return std::make_unique<PlainSource>(std::move(input));
}

}  // namespace

std::unique_ptr<ByteSource> OpenByteSource(const std::string& path) {
  return Decompressed(std::make_unique<FileSource>(path), path);
}

std::unique_ptr<ByteSource> ByteSourceOver(std::string_view bytes, const std::string& name) {
  return Decompressed(std::make_unique<MemorySource>(bytes), name);
}

}  // namespace lts

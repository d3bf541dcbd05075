// Bytes of a file from its beginning to its end, decompressed on the way: gzip (RFC 1952, several
// members as well) and zstd (RFC 8878, several frames), known by their first bytes and not by the
// file's name. Memory is constant however far a file unpacks: buffers of 64 KiB, zstd's window (at
// most 128 MiB, else kUnsupported). What is made of the bytes is the caller's to bound.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lts {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills up to out.size() bytes from the front and says how many; 0 at the end alone (or for an
  // empty span). Throws kIo, and kCorrupt for compressed data that is broken or cut.
  virtual std::size_t Read(std::span<char> out) = 0;
  // How many bytes were taken out of the file so far, as it is stored: what progress counts.
  virtual std::int64_t stored_bytes_read() const = 0;
};

// Throws kNotFound, kIo, and kInvalidArgument for a folder.
std::unique_ptr<ByteSource> OpenByteSource(const std::string& path);

// The same of bytes in memory, which must outlive it. `name` is for messages.
std::unique_ptr<ByteSource> ByteSourceOver(std::string_view bytes, const std::string& name);

}  // namespace lts

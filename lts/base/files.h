// Files, whole or not at all. All throw Error (kNotFound, kIo) whose message names the path and the
// system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lts {

// Throws kInvalidArgument when the file holds more than `max_bytes` or is a folder, device or pipe.
std::string ReadFile(const std::string& path, std::size_t max_bytes = std::size_t{1} << 30);

// A regular file as memory, read page by page as it is touched. The mapping is private: whoever
// writes to `bytes` gets copies of the pages of its own, and the file stays as it is. What other
// processes do to the file meanwhile may or may not be seen; a file that is cut while it is mapped
// ends the process by SIGBUS at the first touch of the lost pages, so weights are replaced by
// rename (AtomicFile), never in place. Not copyable: keep it by shared_ptr.
class MappedFile {
 public:
  // Throws kInvalidArgument when it is a folder, device or pipe.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  // Page-aligned; empty for an empty file.
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

// A file that appears at `path` by Commit() and not before: written to a temporary beside it,
// synced, renamed, the folder synced. Without Commit() nothing is left. Not to be shared between
// threads.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void Write(std::string_view contents);  // appends
  void Commit();                          // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Writes a temporary beside `path`, syncs it, renames it over `path` and syncs the folder: after a
// crash or on a full disk the old file is whole (the temporary is removed on failure). Permissions
// 0644 less umask. A symbolic link at `path` is replaced, not followed. A killed process may leave
// a .lts-*.tmp behind.
void WriteFileAtomic(const std::string& path, std::string_view contents);

// mkdir -p, then proves that the folder can be written to (creates and removes a file of
// 4 KiB). Throws kIo.
void EnsureWritableFolder(const std::string& path);

}  // namespace lts

// Files, whole or not at all. All throw Error (kNotFound, kIo) whose message names the path and the
// system's reason.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lts {

// Throws kInvalidArgument when the file holds more than `max_bytes` or is a folder, device or pipe.
std::string ReadFile(const std::string& path, std::size_t max_bytes = std::size_t{1} << 30);

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

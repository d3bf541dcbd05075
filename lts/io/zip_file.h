// The stored entries of a zip archive, as views: what torch.save writes.
// Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3 (zip64).
//
//   archive := (local-header contents)* central-directory [zip64-end zip64-locator] end
//
// Entries are found through the central directory alone. A reader of our own, and not a library's,
// because weights must not be copied: the contents are read where they lie in a mapping, and the
// libraries at hand do not say where that is. Compressed, encrypted and multi-disk archives are
// refused; torch.save writes none. CRCs are not checked: that would read every byte.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lts {

struct ZipEntry {
  std::string name;
  std::span<std::byte> contents;
};

// In the order of the central directory; names are unique. Views of `archive`. Throws kCorrupt, and
// kUnsupported for what is refused above; `name` is the file, for messages. O(entries log entries).
std::vector<ZipEntry> ParseZip(std::span<std::byte> archive, std::string_view name);

// "PK\3\4", with which a zip archive of at least one entry begins.
bool LooksLikeZip(std::span<const std::byte> file);

}  // namespace lts

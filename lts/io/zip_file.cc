#include "lts/io/zip_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/io/byte_reader.h"

namespace lts {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kZip64LocatorSignature = 0x07064b50;
constexpr std::uint32_t kZip64EndSignature = 0x06064b50;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kMaxCommentBytes = 0xFFFF;
constexpr std::size_t kZip64LocatorBytes = 20;
constexpr std::size_t kCentralBytes = 46;  // of an entry, at least
constexpr std::size_t kLocalBytes = 30;
constexpr std::uint16_t kZip64Extra = 0x0001;
constexpr std::uint16_t kEncrypted = 1;
constexpr std::uint32_t kIn64 = 0xFFFFFFFF;  // "the value is in the zip64 field"
constexpr std::uint16_t kIn64Short = 0xFFFF;

class Parser {
 public:
  Parser(std::span<std::byte> archive, std::string_view name) : archive_(archive), name_(name) {}

  std::vector<ZipEntry> Run() {
    const Directory directory = FindDirectory();
    ByteReader reader(At(directory.offset, directory.bytes), name_);
    if (directory.entries > directory.bytes / kCentralBytes) {
      Fail(
          fmt::format("{} entries in a directory of {} bytes", directory.entries, directory.bytes));
    }
    std::vector<ZipEntry> entries;
    entries.reserve(directory.entries);
    for (std::uint64_t i = 0; i < directory.entries; ++i) entries.push_back(NextEntry(reader));
    std::set<std::string_view> names;
    for (const ZipEntry& entry : entries) {
      if (!names.insert(entry.name).second) FailEntry(entry.name, "is there twice");
    }
    return entries;
  }

 private:
  struct Directory {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::uint64_t offset = 0;
  };

  [[noreturn]] void Fail(const std::string& problem, ErrorCode code = ErrorCode::kCorrupt) const {
    throw Error(code, fmt::format("{}: zip archive: {}", name_, problem));
  }
  [[noreturn]] void FailEntry(std::string_view entry, std::string_view problem,
                              ErrorCode code = ErrorCode::kCorrupt) const {
    Fail(fmt::format("entry '{}' {}", Quoted(entry, 200), problem), code);
  }

  std::span<std::byte> At(std::uint64_t offset, std::uint64_t bytes) const {
    if (offset > archive_.size() || bytes > archive_.size() - offset) {
      Fail(fmt::format("{} bytes at {}, but the file ends at {}; is the download complete?", bytes,
                       offset, archive_.size()));
    }
    return archive_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(bytes));
  }

  // The end record is the last thing but for a comment, which states its own length.
  Directory FindDirectory() const {
    const std::size_t size = archive_.size();
    for (std::size_t back = kEndBytes; back <= std::min(size, kEndBytes + kMaxCommentBytes);
         ++back) {
      const std::size_t at = size - back;
      ByteReader end(archive_.subspan(at), name_);
      if (end.Number<std::uint32_t>() != kEndSignature) continue;
      const auto disk = end.Number<std::uint16_t>();
      const auto directory_disk = end.Number<std::uint16_t>();
      const auto here = end.Number<std::uint16_t>();
      Directory directory;
      directory.entries = end.Number<std::uint16_t>();
      directory.bytes = end.Number<std::uint32_t>();
      directory.offset = end.Number<std::uint32_t>();
      if (end.Number<std::uint16_t>() != back - kEndBytes) continue;
      const bool is_64 = directory.entries == kIn64Short || directory.bytes == kIn64 ||
                         directory.offset == kIn64 || disk == kIn64Short;
      if (const auto large = is_64 ? Zip64Directory(at) : std::nullopt) return *large;
      if (disk != 0 || directory_disk != 0 || here != directory.entries) {
        Fail("it spans several disks", ErrorCode::kUnsupported);
      }
      return directory;
    }
    Fail("no end record; is the download complete?");
  }

  std::optional<Directory> Zip64Directory(std::size_t end) const {
    if (end < kZip64LocatorBytes) return std::nullopt;
    ByteReader locator(archive_.subspan(end - kZip64LocatorBytes, kZip64LocatorBytes), name_);
    if (locator.Number<std::uint32_t>() != kZip64LocatorSignature) return std::nullopt;
    locator.Number<std::uint32_t>();  // disk
    constexpr std::uint64_t kZip64EndBytes = 56;
    ByteReader record(At(locator.Number<std::uint64_t>(), kZip64EndBytes), name_);
    if (record.Number<std::uint32_t>() != kZip64EndSignature) Fail("a broken zip64 end record");
    record.Take(8 + 2 + 2 + 4 + 4);  // its size, versions, disks
    const auto here = record.Number<std::uint64_t>();
    Directory directory;
    directory.entries = record.Number<std::uint64_t>();
    directory.bytes = record.Number<std::uint64_t>();
    directory.offset = record.Number<std::uint64_t>();
    if (here != directory.entries) Fail("it spans several disks", ErrorCode::kUnsupported);
    return directory;
  }

  struct Sizes {
    std::uint64_t contents = 0;
    std::uint64_t compressed = 0;
    std::uint64_t offset = 0;
  };

  ZipEntry NextEntry(ByteReader& reader) const {
    if (reader.Number<std::uint32_t>() != kCentralSignature) Fail("a broken directory");
    reader.Take(2 + 2);  // versions
    const auto flags = reader.Number<std::uint16_t>();
    const auto method = reader.Number<std::uint16_t>();
    reader.Take(2 + 2 + 4);  // time, date, CRC
    Sizes sizes;
    sizes.compressed = reader.Number<std::uint32_t>();
    sizes.contents = reader.Number<std::uint32_t>();
    const auto name_bytes = reader.Number<std::uint16_t>();
    const auto extra_bytes = reader.Number<std::uint16_t>();
    const auto comment_bytes = reader.Number<std::uint16_t>();
    reader.Take(2 + 2 + 4);  // disk, attributes
    sizes.offset = reader.Number<std::uint32_t>();
    ZipEntry entry;
    entry.name = reader.Text(name_bytes);
    ReadZip64(reader.Take(extra_bytes), entry.name, sizes);
    reader.Take(comment_bytes);
    if ((flags & kEncrypted) != 0) {
      FailEntry(entry.name, "is encrypted", ErrorCode::kUnsupported);
    }
    if (method != 0) {
      FailEntry(entry.name, "is compressed; torch.save stores without compression",
                ErrorCode::kUnsupported);
    }
    if (sizes.compressed != sizes.contents) FailEntry(entry.name, "has two sizes");
    entry.contents = Contents(entry.name, sizes);
    return entry;
  }

  // A field of the extra data holds, in this order, those values whose 32 bits do not suffice.
  void ReadZip64(std::span<const std::byte> extra, std::string_view entry, Sizes& sizes) const {
    ByteReader reader(extra, name_);
    while (reader.left() >= 4) {
      const auto id = reader.Number<std::uint16_t>();
      const auto bytes = reader.Number<std::uint16_t>();
      if (bytes > reader.left()) FailEntry(entry, "has broken extra data");
      ByteReader field(reader.Take(bytes), name_);
      if (id != kZip64Extra) continue;
      for (std::uint64_t* value : {&sizes.contents, &sizes.compressed, &sizes.offset}) {
        if (*value == kIn64) *value = field.Number<std::uint64_t>();
      }
    }
  }

  // The local header repeats the entry, with extra data of its own (torch.save pads with it).
  std::span<std::byte> Contents(std::string_view entry, const Sizes& sizes) const {
    ByteReader local(At(sizes.offset, kLocalBytes), name_);
    if (local.Number<std::uint32_t>() != kLocalSignature) FailEntry(entry, "has no local header");
    local.Take(2 + 2 + 2 + 2 + 2 + 4 + 4 + 4);  // version, flags, method, time, date, CRC, sizes
    const std::uint64_t name_bytes = local.Number<std::uint16_t>();
    const std::uint64_t extra_bytes = local.Number<std::uint16_t>();
    // At() has shown that offset + kLocalBytes is inside the file: no overflow.
    return At(sizes.offset + kLocalBytes + name_bytes + extra_bytes, sizes.contents);
  }

  std::span<std::byte> archive_;
  std::string_view name_;
};

}  // namespace

std::vector<ZipEntry> ParseZip(std::span<std::byte> archive, std::string_view name) {
  return Parser(archive, name).Run();
}

bool LooksLikeZip(std::span<const std::byte> file) {
  return file.size() >= sizeof(kLocalSignature) &&
         ByteReader(file, "").Number<std::uint32_t>() == kLocalSignature;
}

}  // namespace lts

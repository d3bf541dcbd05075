// The check of a library's file, before the system's loader maps it and runs its constructors.
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/runtime/ort/library.h"

namespace lts::ort {
namespace {

constexpr std::size_t kMaxQuoted = 300;

#if defined(__x86_64__)
constexpr unsigned kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr unsigned kMachine = EM_RISCV;
#else
constexpr unsigned kMachine = EM_NONE;  // not checked here; the system's loader does
#endif

std::string MachineName(unsigned machine) {
  switch (machine) {
    case EM_386:
      return "32-bit x86";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "32-bit Arm";
    case EM_AARCH64:
      return "64-bit Arm";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "64-bit PowerPC";
    default:
      return fmt::format("machine {} of the ELF format", machine);
  }
}

// A file that is open for reading and is a regular one.
class File {
 public:
  explicit File(const std::filesystem::path& path) : name_(Quoted(path.string(), kMaxQuoted)) {
    // Without O_NONBLOCK opening a pipe would wait for its writer.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // NOLINT(*-vararg)
    if (descriptor_ < 0) {
      Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
           errno == ENOENT ? "no such file" : std::generic_category().message(errno));
    }
    struct stat status {};
    const bool is_file = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
    if (!is_file) {
      ::close(descriptor_);
      Fail(ErrorCode::kInvalidArgument, S_ISDIR(status.st_mode)
                                            ? "is a folder, expected the library's file"
                                            : "is no regular file, expected the library's file");
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~File() { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::uint64_t size() const { return size_; }

  [[noreturn]] void Fail(ErrorCode code, const std::string& what) const {
    throw Error(code, fmt::format("{}: {}", name_, what));
  }
  [[noreturn]] void FailTruncated(std::uint64_t expected) const {
    Fail(ErrorCode::kCorrupt,
         fmt::format("truncated: {} bytes, but its headers speak of {}; is the download complete?",
                     size_, expected));
  }

  // False when the file ends before.
  bool Read(std::uint64_t offset, void* out, std::size_t bytes) const {
    if (offset > size_ || bytes > size_ - offset) return false;
    auto* to = static_cast<char*>(out);
    while (bytes > 0) {
      const ssize_t got = ::pread(descriptor_, to, bytes, static_cast<off_t>(offset));
      if (got <= 0) return false;
      to += got;
      offset += static_cast<std::uint64_t>(got);
      bytes -= static_cast<std::size_t>(got);
    }
    return true;
  }

  // Fails unless [offset, offset + bytes) lies inside.
  void Require(std::uint64_t offset, std::uint64_t bytes) const {
    std::uint64_t end = 0;
    if (__builtin_add_overflow(offset, bytes, &end)) {
      Fail(ErrorCode::kCorrupt, "damaged: its headers speak of more than 2^64 bytes");
    }
    if (end > size_) FailTruncated(end);
  }

 private:
  std::string name_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace

void CheckLibraryFile(const std::filesystem::path& path) {
  const File file(path);
  unsigned char identity[EI_NIDENT] = {};
  const std::size_t known = std::min<std::uint64_t>(file.size(), sizeof(identity));
  const bool is_elf = file.Read(0, identity, known) && known >= SELFMAG &&
                      std::memcmp(identity, ELFMAG, SELFMAG) == 0;
  if (!is_elf) file.Fail(ErrorCode::kInvalidArgument, "no shared library (it is not an ELF file)");
  Elf64_Ehdr header;
  if (file.size() < sizeof(header)) file.FailTruncated(sizeof(header));
  constexpr int kEncoding = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
  if (identity[EI_CLASS] != ELFCLASS64 || identity[EI_DATA] != kEncoding) {
    file.Fail(
        ErrorCode::kUnsupported,
        fmt::format("is for another kind of machine ({}-bit, {} "
                    "byte first); this program is for {}",
                    identity[EI_CLASS] == ELFCLASS32 ? 32 : 64,
                    identity[EI_DATA] == ELFDATA2MSB ? "high" : "low", MachineName(kMachine)));
  }
  if (!file.Read(0, &header, sizeof(header))) file.Fail(ErrorCode::kIo, "cannot be read");
  if (kMachine != EM_NONE && header.e_machine != kMachine) {
    file.Fail(ErrorCode::kUnsupported,
              fmt::format("is for {}, but this program is for {}", MachineName(header.e_machine),
                          MachineName(kMachine)));
  }
  if (header.e_type != ET_DYN) {
    file.Fail(ErrorCode::kInvalidArgument,
              fmt::format("no shared library (ELF type {}, expected {})", header.e_type, ET_DYN));
  }
  if (header.e_phnum == 0 || header.e_phentsize != sizeof(Elf64_Phdr)) {
    file.Fail(ErrorCode::kCorrupt, "damaged: it has no segments to load");
  }
  file.Require(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr));
  // The table of sections stands at the end of most files: nothing at run time needs it, but a
  // download that lacks it lacks more.
  file.Require(header.e_shoff, std::uint64_t{header.e_shnum} * header.e_shentsize);
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  if (!file.Read(header.e_phoff, segments.data(), segments.size() * sizeof(Elf64_Phdr))) {
    file.Fail(ErrorCode::kIo, "cannot be read");
  }
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type == PT_LOAD || segment.p_type == PT_DYNAMIC) {
      file.Require(segment.p_offset, segment.p_filesz);
    }
  }
}

}  // namespace lts::ort

#include "lts/base/aligned_buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "lts/base/cgroup.h"
#include "lts/base/error.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LTS_UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define LTS_UNDER_SANITIZER 1
#endif
#endif

namespace lts {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
#ifdef LTS_UNDER_SANITIZER
constexpr bool kMapLargeBlocks = false;  // from the heap, where leaks and overruns are seen
#else
constexpr bool kMapLargeBlocks = true;
#endif

std::int64_t MemAvailableBytes() {
  std::ifstream in("/proc/meminfo");
  for (std::string line; std::getline(in, line);) {
    constexpr std::string_view kName = "MemAvailable:";
    if (!line.starts_with(kName)) continue;
    const std::size_t digits = line.find_first_not_of(' ', kName.size());
    if (digits == std::string::npos) break;
    std::int64_t kib = 0;
    const auto [end, error] = std::from_chars(line.data() + digits, line.data() + line.size(), kib);
    if (error == std::errc() && kib >= 0 && kib < INT64_MAX / 1024) return kib * 1024;
    break;
  }
  return INT64_MAX;
}

double Mib(double bytes) { return bytes / (1 << 20); }

std::size_t RoundUp(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

std::size_t MappedBytes(std::size_t bytes) {
  static const auto kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return RoundUp(bytes, kPage);
}

// Fresh pages are zero and take no memory until touched.
void* MapAligned(std::size_t bytes) {
  const std::size_t mapped = MappedBytes(bytes);
  const std::size_t reserved = mapped + kHugePage;
  void* const start =
      ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  auto* const first = static_cast<std::byte*>(start);
  const std::size_t skipped =
      (kHugePage - reinterpret_cast<std::uintptr_t>(first) % kHugePage) % kHugePage;
  std::byte* const block = first + skipped;
  if (skipped > 0) ::munmap(first, skipped);
  ::munmap(block + mapped, reserved - skipped - mapped);
  ::madvise(block, mapped,
            MADV_HUGEPAGE);  // a kernel without huge pages says no: slower, still right
  return block;
}

void* HeapAligned(std::size_t bytes) {
  void* block = nullptr;
  if (::posix_memalign(&block, bytes >= kHugePage ? kHugePage : kCacheLine, bytes) != 0) {
    return nullptr;
  }
  std::memset(block, 0, bytes);
  return block;
}

}  // namespace

std::int64_t AvailableMemoryBytes() {
  return std::min(MemAvailableBytes(),
                  ReadCgroupLimits().available_memory_bytes.value_or(INT64_MAX));
}

namespace internal {

void* AllocateZeroed(std::int64_t count, std::size_t element_bytes) {
  if (count < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("a buffer of {} elements, expected 0 or more", count));
  }
  if (count == 0) return nullptr;
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(count), element_bytes, &bytes) ||
      bytes > static_cast<std::size_t>(INT64_MAX) - 2 * kHugePage) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("a buffer of {} elements of {} bytes is beyond any address space",
                            count, element_bytes));
  }
  const bool large = bytes >= kHugePage;
  if (large) {  // reading /proc takes tens of microseconds: not for small blocks
    const std::int64_t available = AvailableMemoryBytes();
    if (static_cast<std::int64_t>(bytes) > available) {
      throw Error(
          ErrorCode::kOutOfMemory,
          fmt::format("a buffer of {:.1f} MiB exceeds the {:.1f} MiB of memory available",
                      Mib(static_cast<double>(bytes)), Mib(static_cast<double>(available))));
    }
  }
  void* const block = large && kMapLargeBlocks ? MapAligned(bytes) : HeapAligned(bytes);
  if (block == nullptr) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("the system refused a buffer of {:.1f} MiB (address space or memory "
                            "limit; see ulimit -v)",
                            Mib(static_cast<double>(bytes))));
  }
  return block;
}

void FreeAligned(void* p, std::size_t bytes) {
  if (p == nullptr) return;
  if (bytes >= kHugePage && kMapLargeBlocks) {
    ::munmap(p, MappedBytes(bytes));
  } else {
    std::free(p);
  }
}

}  // namespace internal
}  // namespace lts

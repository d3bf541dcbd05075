#include "lts/base/allocation_count.h"

#include <atomic>
#include <cerrno>
#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LTS_MALLOC_IS_TAKEN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define LTS_MALLOC_IS_TAKEN
#endif

namespace lts {
namespace {
std::atomic<std::int64_t> allocations{0};
}  // namespace

std::int64_t AllocationCount() { return allocations.load(); }

#ifdef LTS_MALLOC_IS_TAKEN
bool CanCountAllocations() { return false; }
#else
bool CanCountAllocations() { return true; }
#endif

}  // namespace lts

#ifndef LTS_MALLOC_IS_TAKEN
// operator new ends in malloc or aligned_alloc. glibc documents the replacement of malloc; these
// are its own entry points below the replaced names.
extern "C" {
void* __libc_malloc(std::size_t bytes);                           // NOLINT
void* __libc_calloc(std::size_t count, std::size_t bytes);        // NOLINT
void* __libc_realloc(void* old, std::size_t bytes);               // NOLINT
void* __libc_memalign(std::size_t alignment, std::size_t bytes);  // NOLINT

void* malloc(std::size_t bytes) {
  ++lts::allocations;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  ++lts::allocations;
  return __libc_calloc(count, bytes);
}
void* realloc(void* old, std::size_t bytes) {
  ++lts::allocations;
  return __libc_realloc(old, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  ++lts::allocations;
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) {
  void* p = memalign(alignment, bytes);
  if (p == nullptr) return ENOMEM;
  *result = p;
  return 0;
}
}
#endif

// Owned, zero-initialised, cache-line aligned memory for tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace lts {

// 64 bytes: a cache line and an AVX-512 vector. Blocks of 2 MiB and more are aligned to 2 MiB and
// advised as huge pages, so that streaming weights does not pay for TLB misses. Throws kOutOfMemory
// when the allocation fails or exceeds what the machine has (MemAvailable), before touching it.
// Move-only; a buffer moved from is empty.
template <typename T>
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::int64_t count);
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::int64_t size() const { return size_; }
  std::int64_t bytes() const { return size_ * static_cast<std::int64_t>(sizeof(T)); }
  std::span<T> span() { return {data_.get(), static_cast<std::size_t>(size_)}; }
  std::span<const T> span() const { return {data_.get(), static_cast<std::size_t>(size_)}; }
  T& operator[](std::int64_t i) { return data_.get()[i]; }
  const T& operator[](std::int64_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    std::size_t bytes = 0;
    void operator()(T* p) const;
  };
  std::unique_ptr<T[], Free> data_;
  std::int64_t size_ = 0;
};

// Bytes that this process may still use: the least of MemAvailable and the cgroup's (v1 or v2)
// limit less its use. INT64_MAX where neither can be read.
std::int64_t AvailableMemoryBytes();

namespace internal {
void* AllocateZeroed(std::int64_t count, std::size_t element_bytes);  // throws kOutOfMemory
void FreeAligned(void* p, std::size_t bytes);
}  // namespace internal

template <typename T>
AlignedBuffer<T>::AlignedBuffer(std::int64_t count)
    : data_(static_cast<T*>(internal::AllocateZeroed(count, sizeof(T))),
            Free{static_cast<std::size_t>(count) * sizeof(T)}),
      size_(count) {}
template <typename T>
void AlignedBuffer<T>::Free::operator()(T* p) const {
  internal::FreeAligned(p, bytes);
}

}  // namespace lts

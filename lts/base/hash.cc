#include "lts/base/hash.h"

#include <bit>
#include <cstddef>
#include <cstring>

namespace lts {
namespace {

// Odd, with about as many ones as zeros: the first digits of the golden ratio and of pi.
constexpr std::uint64_t kPhi = 0x9E3779B97F4A7C15;
constexpr std::uint64_t kPi = 0x243F6A8885A308D3;

static_assert(std::endian::native == std::endian::little, "values are defined little-endian");
std::uint64_t Load(const char* bytes, std::size_t count) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, count);
  return value;
}

__extension__ using Uint128 = unsigned __int128;

// Both halves of the product: the upper one depends on all lower bits, the lower one on all upper.
std::uint64_t Fold(std::uint64_t a, std::uint64_t b) {
  const Uint128 product = Uint128{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed) {
  // The length tells "a" from "a\0".
  std::uint64_t hash = Fold(seed ^ kPi, kPhi ^ bytes.size());
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) hash = Fold(hash ^ Load(bytes.data() + at, 8), kPhi);
  if (at < bytes.size()) {
    hash ^= Load(bytes.data() + at, bytes.size() - at);
  }
  hash = Fold(hash, kPi | 1);
  return Fold(hash ^ kPhi, kPi | 1);
}

}  // namespace lts

// Random numbers that are the same on every compiler: generator and distributions are our own.
// Generator: xoshiro256++ (Blackman & Vigna 2021, "Scrambled linear pseudorandom number
// generators"), seeded through splitmix64. Period 2^256 - 1. Not cryptographic. One Rng belongs to
// one thread; Split() makes another.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace lts {

class Rng {
 public:
  explicit Rng(std::uint64_t seed);
  // An independent stream: Rng(seed) and Rng(seed).Split(k) do not overlap in practice (hash of
  // state and key).
  Rng Split(std::uint64_t key) const;

  std::uint64_t Next();
  double Uniform();                    // [0, 1), 53 bits
  std::int64_t Below(std::int64_t n);  // [0, n), unbiased (Lemire 2019); n >= 1
  std::int64_t Between(std::int64_t low, std::int64_t high);  // [low, high] inclusive; low <= high
  bool Bernoulli(double p);                                   // true with probability p in [0, 1]
  double Normal();  // mean 0, variance 1 (Marsaglia polar)
  template <typename T>
  const T& Choice(std::span<const T> values) {
    return values[static_cast<std::size_t>(Below(std::ssize(values)))];
  }
  template <typename T>
  void Shuffle(std::span<T> values) {  // Fisher-Yates from the end
    for (std::int64_t i = std::ssize(values) - 1; i > 0; --i) {
      using std::swap;
      swap(values[static_cast<std::size_t>(i)], values[static_cast<std::size_t>(Below(i + 1))]);
    }
  }

 private:
  std::array<std::uint64_t, 4> state_;
};

// Fills `out` with values of mean 0 and standard deviation `std`, from stream (seed, key). Each is
// the sum of four 16-bit uniforms of one 64-bit draw (Irwin-Hall): within 3.47 sigma, density
// within 6 % of the normal's up to 2.5 sigma, 2-3 ns a value (1-2 with AVX-512), which is what
// filling a candidate's weights needs. out[i] depends on (seed, key, first_index + i) alone: any
// split over threads is equal.
void FillNormalLike(std::span<float> out, float std, std::uint64_t seed, std::uint64_t key,
                    std::uint64_t first_index = 0);

}  // namespace lts

#include "lts/base/rng.h"

#include <bit>
#include <cmath>

#include "lts/base/error.h"

namespace lts {
namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: splitmix64's step

// The output function of splitmix64 (Steele, Lea & Flood 2014): a bijection with full avalanche.
constexpr std::uint64_t Mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

Rng::Rng(std::uint64_t seed) {
  for (std::uint64_t& word : state_) word = Mix(seed += kGolden);
}

Rng Rng::Split(std::uint64_t key) const {
  std::uint64_t hash = Mix(key + kGolden);
  for (const std::uint64_t word : state_) hash = Mix(hash * kGolden + word);
  return Rng(hash);
}

std::uint64_t Rng::Next() {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Rng::Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

std::int64_t Rng::Below(std::int64_t n) {
  LTS_CHECK(n >= 1);
  const auto range = static_cast<std::uint64_t>(n);
  Uint128 product = Uint128{Next()} * range;
  if (static_cast<std::uint64_t>(product) < range) {
    const std::uint64_t threshold = (0 - range) % range;
    while (static_cast<std::uint64_t>(product) < threshold) product = Uint128{Next()} * range;
  }
  return static_cast<std::int64_t>(product >> 64);
}

std::int64_t Rng::Between(std::int64_t low, std::int64_t high) {
  LTS_CHECK(low <= high);
  const std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  std::uint64_t offset;
  if (span < INT64_MAX) {
    offset = static_cast<std::uint64_t>(Below(static_cast<std::int64_t>(span) + 1));
  } else {  // wider than Below can draw: at least half of all draws are accepted
    do {
      offset = Next();
    } while (offset > span);
  }
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + offset);
}

bool Rng::Bernoulli(double p) { return Uniform() < p; }

double Rng::Normal() {
  for (;;) {
    const double u = 2 * Uniform() - 1;
    const double v = 2 * Uniform() - 1;
    const double s = u * u + v * v;
    // The second value of the pair is not kept: the state stays the generator's alone.
    if (s > 0 && s < 1) return u * std::sqrt(-2 * std::log(s) / s);
  }
}

void FillNormalLike(std::span<float> out, float std, std::uint64_t seed, std::uint64_t key,
                    std::uint64_t first_index) {
  const std::uint64_t stream = Mix(Mix(seed + kGolden) ^ (key * kGolden + 1));
  // Four uniforms on {0..65535}: mean 4 * 32767.5, variance 4 * (65536^2 - 1) / 12.
  constexpr std::int32_t kTwiceMean = 4 * 65535;
  const float scale = std * static_cast<float>(0.5 / std::sqrt((65536.0 * 65536.0 - 1) / 3));
  float* const values = out.data();
  const std::size_t count = out.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bits = Mix(stream + (first_index + i) * kGolden);
    // Adds the four 16-bit lanes pairwise within the word.
    const std::uint64_t pairs = (bits & 0x0000FFFF0000FFFF) + ((bits >> 16) & 0x0000FFFF0000FFFF);
    const auto sum = static_cast<std::int32_t>((pairs & 0xFFFFFFFF) + (pairs >> 32));
    values[i] = static_cast<float>(2 * sum - kTwiceMean) * scale;
  }
}

}  // namespace lts

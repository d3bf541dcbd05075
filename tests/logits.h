// How far apart two sets of logits are. docs/numerics.md says why these measures and which bounds
// hold.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "lts/base/error.h"

namespace lts {

// The greatest, over rows of `vocab_size` logits, of max |actual - expected| / max |expected|.
// Infinite when a value is not finite or the sizes differ.
inline double MaxRowError(std::span<const float> actual, std::span<const float> expected,
                          std::int64_t vocab_size) {
  if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
  const auto width = static_cast<std::size_t>(vocab_size);
  double worst = 0.0;
  for (std::size_t row = 0; row < expected.size(); row += width) {
    double difference = 0.0;
    double size = std::numeric_limits<float>::min();  // a row of zeros must be met exactly
    for (std::size_t i = row; i < row + width; ++i) {
      const auto a = static_cast<double>(actual[i]);
      const auto e = static_cast<double>(expected[i]);
      if (!std::isfinite(a) || !std::isfinite(e)) return std::numeric_limits<double>::infinity();
      difference = std::max(difference, std::abs(a - e));
      size = std::max(size, std::abs(e));
    }
    worst = std::max(worst, difference / size);
  }
  return worst;
}

}  // namespace lts

// Embedding look-up and sums of hidden values. All float32, contiguous, any alignment; one thread;
// nothing is allocated.
#pragma once

#include <cstdint>

namespace lts {

// y = scale * row + position, d values; position may be null, y may be row.
void EmbedRow(const float* row, const float* position, float scale, std::int64_t d, float* y);

// y = a + b, n values; y may be a or b.
void AddValues(const float* a, const float* b, std::int64_t n, float* y);

}  // namespace lts

// Normalisation of rows. x, y: [rows, d] float32, contiguous; y may be x; any alignment; rows >= 0,
// d >= 1. Each row is read from cache after the first pass; a row's result does not depend on the
// others. Rows are split over `pool`. Allocates nothing.
#pragma once

#include <cstdint>

#include "lts/base/thread_pool.h"

namespace lts {

// y = (x - mean) / sqrt(variance + epsilon) * gain + bias; variance of the deviations (two passes:
// E[x^2] - mean^2 loses every digit when the mean is large). bias may be null.
void LayerNorm(const float* x, std::int64_t rows, std::int64_t d, const float* gain,
               const float* bias, float epsilon, float* y, ThreadPool& pool);
// The same as rows of bfloat16 for products (narrow.h), [RoundedSize(rows, d)], where
// UsesRoundedRows. y may not overlap x.
void LayerNorm(const float* x, std::int64_t rows, std::int64_t d, const float* gain,
               const float* bias, float epsilon, std::uint16_t* y, ThreadPool& pool);

// y = x / sqrt(mean(x^2) + epsilon) * gain. Source: Zhang & Sennrich 2019, arXiv:1910.07467.
void RmsNorm(const float* x, std::int64_t rows, std::int64_t d, const float* gain, float epsilon,
             float* y, ThreadPool& pool);
void RmsNorm(const float* x, std::int64_t rows, std::int64_t d, const float* gain, float epsilon,
             std::uint16_t* y, ThreadPool& pool);

}  // namespace lts

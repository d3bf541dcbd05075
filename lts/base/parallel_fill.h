// Random weights by all cores: what a candidate's buffers are filled with.
#pragma once

#include <cstdint>
#include <span>

#include "lts/base/rng.h"
#include "lts/base/thread_pool.h"

namespace lts {

// As many threads as usable cores, at most 16: from there on memory bandwidth ends the gain.
int FillThreads();

// FillNormalLike in pieces over `pool`: equal for any number of threads.
void FillNormalLike(std::span<float> out, float std, std::uint64_t seed, std::uint64_t key,
                    std::uint64_t first_index, ThreadPool& pool);

}  // namespace lts

#include "lts/base/parallel_fill.h"

#include <algorithm>

namespace lts {

int FillThreads() {
  constexpr int kMaxThreads = 16;
  return std::min(UsableCores(), kMaxThreads);
}

void FillNormalLike(std::span<float> out, float std, std::uint64_t seed, std::uint64_t key,
                    std::uint64_t first_index, ThreadPool& pool) {
  // Below so many values a second thread costs more than it saves.
  constexpr std::int64_t kGrain = 64 << 10;
  pool.ParallelFor(std::ssize(out), kGrain, [&](auto begin, auto end, int /*worker*/) {
    const auto first = static_cast<std::size_t>(begin);
    FillNormalLike(out.subspan(first, static_cast<std::size_t>(end - begin)), std, seed, key,
                   first_index + first);
  });
}

}  // namespace lts

// The CPU runtime: what the search measures and what a user would ship. GEMM by oneDNN (called single-threaded on
// slices, so that the ThreadPool is the only pool), everything else Highway kernels chosen for the machine at run time.
// Weights are packed once at load; a step allocates nothing; attention is blocked with an online softmax and never
// holds T x T scores. The same numbers for any thread count (the order of every sum is fixed by the shapes).
#pragma once

#include "lts/runtime/runtime.h"

namespace lts {

extern const RuntimeEntry kCpuRuntime;

}  // namespace lts

// The CPU runtime: what the search measures and what a user would ship. Every kernel is ours,
// written with Highway and chosen for the machine at run time (kernels/). Weights are packed once
// at load, in place; a step allocates nothing; attention is blocked with an online softmax and
// never holds T x T scores; everything parallel goes through one ThreadPool. A token's hidden
// values and logits are the same bits on any number of threads; in float32 also in any batch and
// however its sequence is cut into steps (on one instruction set).
//
// dtypes: float32; bfloat16 and int8 weights (kernels/narrow.h), whose long steps round activations
// to the weights' type, while steps of few tokens do not. Beside any of them the KV cache is
// float32, bfloat16 or int8 (head_cache.h); what is said above of float32 holds with an int8 cache
// too.
#pragma once

#include "lts/runtime/runtime.h"

namespace lts {

extern const RuntimeEntry kCpuRuntime;

}  // namespace lts
